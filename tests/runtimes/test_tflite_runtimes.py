import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.runtimes import litert, tflm
from edgekit.runtimes.runtime import Run, run_each, to_tensors
from edgekit.runtimes.tflm import arena_bytes, arena_parts
from edgekit.tflite.model import read_tflite

VECTORS = Path(__file__).parents[1] / "vectors/student"
IMAGES = np.load(VECTORS / "images.npy")[..., np.newaxis]
GOLDEN = json.loads((VECTORS / "golden.json").read_text())


def litert_reference(model, images, progress=None):  # type: ignore[no-untyped-def]
    return run_each(litert.infer_of(model, reference_kernels=True), to_tensors(model, images), progress)


def model(variant: str):  # type: ignore[no-untyped-def]
    return read_tflite(VECTORS / f"{variant}.tflite")


def test_tflm_gives_the_golden_int8_logits() -> None:
    logits = tflm.run(model("int8"), IMAGES)
    assert model("int8").sha256 == GOLDEN["sha256"]
    assert logits.dtype == np.int8
    assert logits.tolist() == GOLDEN["logits_q"]


@pytest.mark.parametrize("run", [litert.run, litert_reference])
def test_litert_is_within_two_steps_of_tflm(run: Run) -> None:
    logits = run(model("int8"), IMAGES)
    assert np.abs(logits.astype(int) - GOLDEN["logits_q"]).max() <= 2


@pytest.mark.parametrize("run", [tflm.run, litert.run, litert_reference])
def test_float32_and_int8_agree_in_real_units_on_every_runtime(run: Run) -> None:
    int8 = model("int8")
    real = (run(int8, IMAGES).astype(np.float32) - int8.output_q.zero_point) * int8.output_q.scale
    floats = run(model("float32"), IMAGES)
    assert floats.dtype == np.float32
    assert floats.std() > 1
    assert np.abs(real - floats).max() < 0.3 * floats.std()


@pytest.mark.parametrize("variant", ["float16", "dynamic"])
def test_hybrid_models_run_on_litert_and_tflm_says_so(variant: str) -> None:
    np.testing.assert_allclose(litert.run(model(variant), IMAGES), litert.run(model("float32"), IMAGES), atol=0.2)
    with pytest.raises(EdgekitError, match=f"TFLM does not run {variant} models") as caught:
        tflm.run(model(variant), IMAGES)
    assert "--runtime litert" in caught.value.hint


def test_progress_counts_the_images_done() -> None:
    seen: list[int] = []
    tflm.run(model("int8"), IMAGES, seen.append)
    assert seen == [1] * len(IMAGES)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(EdgekitError, match=r"images are 16 x 16 with 1 .*, the model takes 32 x 32"):
        tflm.run(model("int8"), IMAGES[:, :16, :16])


def test_the_arena_is_measured_as_activations_and_records() -> None:
    activations, records = arena_parts(model("int8"))
    # The first convolution's output and its pooled half lie in the arena together.
    assert activations == 32 * 32 * 8 + 16 * 16 * 8
    assert 500 < records < 8_000
    assert 0 <= arena_bytes(model("int8")) - activations - records < 16
    assert arena_bytes(model("int8")) % 16 == 0


def test_tflm_runs_in_an_arena_of_the_measured_size_and_in_none_much_smaller() -> None:
    from tflite_micro import runtime

    int8 = model("int8")
    size = arena_bytes(int8)
    # The recording interpreter that measures keeps some 100 bytes of books in the arena itself.
    runtime.Interpreter.from_bytes(int8.flatbuffer, arena_size=size + 512).invoke()
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(int8.flatbuffer, arena_size=size - 512)


def test_the_desktop_writes_nothing_and_needs_neither_torch_nor_tensorflow() -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from edgekit.runtimes import litert, tflm;"
        "from edgekit.tflite.model import read_tflite;"
        f"m = read_tflite(Path({str(VECTORS / 'int8.tflite')!r}));"
        "i = np.zeros((1, 32, 32, 1), np.uint8); tflm.run(m, i); litert.run(m, i); tflm.arena_bytes(m);"
        "print([x for x in ('torch', 'tensorflow', 'onnx2tf') if x in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_with_src())
    assert (done.stdout, done.stderr) == ("[]\n", "")


def _with_src() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
