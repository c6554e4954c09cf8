"""What a model says of picture files: the desktop's TFLM, image by image.

In: a `LoadedModel` and paths. Out: an `Answer` each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.data.preprocess import load_pixels
from edgekit.metrics.decisions import decide
from edgekit.pipeline.loading import LoadedModel
from edgekit.runtimes.tflm import TFLM


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture.

    Attributes:
        label: the task's label, or the class number where nobody has named the classes.
        probabilities: softmax of the outputs, one a class.
        outputs_q: the raw int8 outputs.
    """

    path: Path
    label: str
    probabilities: tuple[float, ...]
    outputs_q: tuple[int, ...]


def predict(loaded: LoadedModel, images: Iterable[str | Path]) -> list[Answer]:
    """Runs pictures of any size through an int8 model.

    Raises:
        EdgekitError: a picture that cannot be read, a model that TFLM does not run.
    """
    height, width, channels = loaded.model.input_shape
    paths = [Path(image) for image in images]
    if not paths:
        return []
    pixels = np.stack([load_pixels(path, (height, width), channels) for path in paths])
    outputs = TFLM.run(loaded.model, pixels)
    scale = loaded.model.output_q.scale if loaded.model.output_q else 1.0
    return [
        Answer(path, label, tuple(_softmax(row * scale).tolist()), tuple(row.tolist()))
        for path, label, row in zip(paths, _labels(loaded, outputs), outputs, strict=True)
    ]


def _labels(loaded: LoadedModel, outputs: NDArray[np.int8]) -> list[str]:
    task = loaded.task
    if task is None:
        return [str(number) for number in outputs.argmax(axis=1)]
    if task.decision == "argmax":
        return [task.labels[number] for number in outputs.argmax(axis=1)]
    positive = decide(task.margins(outputs), loaded.threshold)
    return [task.labels[task.positive_index if one else 1 - task.positive_index] for one in positive]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())
