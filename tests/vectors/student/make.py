"""Writes the files of this folder: `python tests/vectors/student/make.py` (needs the `build` extra).

A student of 8 and 16 channels on 32x32 pixels, trained for a few seconds on drawn discs, in four formats; eight images
and the int8 logits that TFLM gives for them. Tests of what reads and runs a .tflite use these and need no torch.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "src")]

from edgekit.files import write_bytes, write_json  # noqa: E402
from edgekit.runtimes.tflm import run  # noqa: E402
from small_student import discs, small_student  # noqa: E402

if __name__ == "__main__":
    models = small_student().converted.models
    for variant, model in models.items():
        write_bytes(HERE / f"{variant}.tflite", model.flatbuffer)
    images, labels = discs(8, 32, seed=5)
    np.save(HERE / "images.npy", images[..., 0])
    int8 = models["int8"]
    golden = {"sha256": int8.sha256, "labels": labels.tolist(), "logits_q": run(int8, images).tolist()}
    write_json(HERE / "golden.json", golden)
