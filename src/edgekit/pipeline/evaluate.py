"""Score a model file on a data set, whatever runs it: the desktop half of what `eval-device` does on a board.

In: a .tflite, .onnx or .npz that `build_model` wrote, with its card beside it. Out: an EvalReport.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.data.progress import bar
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.metrics.scores import evaluate
from edgekit.report.card import load_card
from edgekit.tflite.model import read_tflite
from edgekit.values.evaluation import EvalReport
from edgekit.values.networks import Student, StudentSpec

_RUNTIMES = {".tflite": ("tflm", "litert"), ".onnx": ("onnx",), ".npz": ("torch",)}


def evaluate_file(
    model: Path, data: str, *, runtime: str | None = None, split: str = "test", strict: bool = False
) -> EvalReport:
    """Scores a model at the threshold that its card holds.

    Args:
        runtime: `tflm`, `litert`, `onnx` or `torch`; None takes the one that fits the file.
        split: `test`, or `val`, split as the card's recipe says.

    Raises:
        EdgekitError: no such model or card, a runtime that cannot run it, bad data.
    """
    if model.is_dir():
        model = model / "student_int8.tflite"
    if not model.exists():
        raise EdgekitError(f"There is no model at {model}.", "Build one: edgekit build-model.")
    if model.suffix not in _RUNTIMES:
        raise EdgekitError(f"{model} is no .tflite, .onnx or .npz.", "Give a file that build-model wrote.")
    card = load_card(model.parent)
    splits = load_splits(data, (card.input.height, card.input.width), card.recipe.data, strict=strict)
    chosen = splits.test if split == "test" else splits.val
    logits, runtime = _logits(model, chosen.images, runtime)
    return evaluate(
        splits.info.task.margins(logits), chosen.labels, card.threshold.value(),
        runtime=runtime, model_sha256=sha256_of(model.read_bytes()), data=splits.info,
    )  # fmt: skip


def _logits(model: Path, images: NDArray[np.uint8], runtime: str | None) -> tuple[NDArray[Any], str]:
    allowed = _RUNTIMES[model.suffix]
    if runtime is not None and runtime not in allowed:
        raise EdgekitError(
            f"{runtime} does not run {model.suffix} files.", f"Use --runtime {' or '.join(allowed)}, or another file."
        )
    if model.suffix == ".tflite":
        from edgekit.runtimes.desktop import run

        tflite = read_tflite(model)
        runtime = runtime or ("tflm" if tflite.variant in ("int8", "float32") else "litert")
        with bar(f"Running {model.name} on {runtime}", len(images)) as advance:
            return run(tflite, images, runtime, lambda done: advance(1)), runtime
    if model.suffix == ".onnx":
        from edgekit.runtimes.float_networks import run_onnx

        return run_onnx(model, images), "onnx"
    from edgekit.runtimes.float_networks import run_torch
    from edgekit.training.nets import thaw_student

    return run_torch(thaw_student(load_student(model)), images), "torch"


def load_student(path: Path) -> Student:
    """The student that `build_model` saved as .npz.

    Raises:
        EdgekitError: the file is damaged or of another program.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights = dict(stored)
        if "input_size" in weights:  # version 0.1: one side of a grey square, and two classes
            side = int(weights.pop("input_size"))
            shape, classes = (side, side, 1), 2
        else:
            height, width, inputs = map(int, weights.pop("input_shape"))
            shape, classes = (height, width, inputs), int(weights.pop("classes"))
        channels, depths = (tuple(map(int, weights.pop(name))) for name in ("channels", "depths"))
        return Student(StudentSpec(shape, classes, channels, depths), weights)
    except Exception as error:  # zipfile has a dozen exceptions for a damaged file
        raise EdgekitError(
            f"{path} is not a student: {error}.", "Give the student.npz that build-model wrote."
        ) from error
