"""Score a model file on a data set, whatever runs it, and ask a model about pictures: all without a board.

In: a .tflite, .onnx or .npz that `build_model` wrote, with its card beside it, or a `LoadedModel`. Out: an EvalReport,
or an `Answer` for each picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.data.asked import for_model
from edgekit.data.preprocess import load_pixels
from edgekit.data.progress import bar
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import file_sha256, open_regular
from edgekit.metrics.decisions import decide, probabilities
from edgekit.metrics.scores import score
from edgekit.pipeline.loading import LoadedModel, check_same_classes, load_model, read_named
from edgekit.report.card import load_card
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.onnx import ONNX
from edgekit.runtimes.runtime import Runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.runtimes.torch import TORCH
from edgekit.runtimes.trial import try_apart
from edgekit.tflite.quantize import known_range, with_input_range
from edgekit.values.evaluation import EvalReport
from edgekit.values.model import DEFAULT_MODEL, InputRange, TfliteModel
from edgekit.values.networks import Student, StudentSpec

RUNTIMES = {runtime.name: runtime for runtime in (TFLM, LITERT, ONNX, TORCH)}  # as `--runtime` takes them


def evaluate(
    model: str | Path, data: str, *, runtime: str | None = None, split: str = "test", strict: bool = False,
    input_range: tuple[float, float] | None = None,
) -> EvalReport:  # fmt: skip
    """Scores a model at the threshold that its card holds, or by its greatest logit where the card has none.

    Args:
        runtime: `tflm`, `litert`, `onnx` or `torch`; None takes the one that fits the file.
        split: `test`, or `val`, split as the card's recipe says.
        strict: stop at the first image that cannot be read.
        input_range: what a .tflite takes black and white pixels for; None reads it from its int8 input, or takes 0 to 1
            for a float one.

    Raises:
        EdgekitError: no such model or card, a runtime that cannot run it, bad data.
    """
    model = Path(model)
    if model.is_dir():
        model = model / DEFAULT_MODEL.name
    if not model.exists():
        raise EdgekitError(f"There is no model at {model}.", "Build one: edgekit build-model.")
    fitting = [one for one in RUNTIMES.values() if one.suffix == model.suffix]
    if not fitting:
        raise EdgekitError(f"{model} is not a .tflite, .onnx or .npz file.", "Give a file that build-model wrote.")
    card = load_card(model.parent)
    network, taken = opened(model, input_range)
    by = _runtime(fitting, model.suffix, network, runtime)
    if isinstance(network, TfliteModel) and network.sha256 != card.model.sha256:
        try_apart(network, by.name)
    as_trained = for_model(card.recipe.data, card.input.channels)
    splits = load_splits(data, (card.input.height, card.input.width), as_trained, strict=strict)
    check_same_classes(card.data.task, splits.info)
    chosen = splits.test if split == "test" else splits.val
    with bar(f"Running {model.name} on {by.name}", len(chosen)) as advance:
        logits = by.run(network, chosen.images, advance)
    scale = network.output_q.scale if isinstance(network, TfliteModel) and network.output_q else 1.0
    scored = score(
        logits, chosen.labels, card.cut(), scale=scale,
        runtime=by.name, model_sha256=file_sha256(model), data=splits.info,
    )  # fmt: skip
    return replace(scored, input_range=taken)


def opened(path: Path, given: tuple[float, float] | None = None) -> tuple[Any, InputRange]:
    """The model as its runtimes take it, and what it takes pixels for."""
    if path.suffix == ".tflite":
        model = with_input_range(read_named(path), given)
        return model, known_range(model)
    if given is not None:
        raise EdgekitError(
            f"{path} is a network of build-model, which takes pixels for 0 to 1.", "Leave out --input-range."
        )
    if path.suffix == ".npz":
        from edgekit.training.nets import thaw_student

        student = load_student(path)
        try:
            return thaw_student(student), InputRange()
        except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
            raise _no_student(path, error) from error
    return path, InputRange()


def _runtime(fitting: list[Runtime], suffix: str, model: Any, name: str | None) -> Runtime:
    """The runtime of that name, or the first that runs the model."""
    if name is None:
        return next(one for one in fitting if not one.variants or model.variant in one.variants)
    if RUNTIMES.get(name) not in fitting:
        others = " or ".join(one.name for one in fitting)
        raise EdgekitError(f"{name} does not run {suffix} files.", f"Use --runtime {others}, or another file.")
    return RUNTIMES[name]


def load_student(path: Path) -> Student:
    """The student that `build_model` saved as .npz.

    Raises:
        EdgekitError: the file is damaged or of another program.
    """
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as stored:
            weights = dict(stored)
        if not all(isinstance(value, np.ndarray) for value in weights.values()):
            raise ValueError("a member of it is no array")
        if "input_size" in weights:  # version 0.1: one side of a grey square, and two classes
            side = int(weights.pop("input_size"))
            shape, classes = (side, side, 1), 2
        else:
            height, width, inputs = map(int, weights.pop("input_shape"))
            shape, classes = (height, width, inputs), int(weights.pop("classes"))
        channels, depths = (tuple(map(int, weights.pop(name))) for name in ("channels", "depths"))
        if not 0 < len(channels) == len(depths) or not 0 < sum(depths) <= len(weights):
            raise ValueError(f"channels={channels} and depths={depths} are no stages of its {len(weights)} arrays")
        if min(*shape, classes, *channels, *depths) < 1:
            raise ValueError("a size in it is not positive")
        return Student(StudentSpec(shape, classes, channels, depths), weights)
    except Exception as error:  # zipfile has a dozen exceptions for a damaged file
        raise _no_student(path, error) from error


def _no_student(path: Path, error: Exception) -> EdgekitError:
    return EdgekitError(f"{path} is not a student: {in_a_line(error)}.", "Give the student.npz that build-model wrote.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture."""

    path: Path
    label: str  # the task's, or the class number where nobody has named the classes
    probabilities: tuple[float, ...]  # softmax of the outputs, one a class
    outputs_q: tuple[int, ...]  # the raw int8 outputs


def predict(
    model: LoadedModel | str | Path, images: str | Path | Iterable[str | Path], *,
    input_range: tuple[float, float] | None = None,
) -> list[Answer]:  # fmt: skip
    """Runs pictures of any size through an int8 model, by the desktop's TFLM.

    Args:
        model: a model that `load_model` read, or its path.
        images: one picture's path, or several.
        input_range: as in `evaluate`.

    Raises:
        EdgekitError: a picture that cannot be read, a model that TFLM does not run, or that does not tell what it takes
            pixels for.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    tflite = with_input_range(loaded.model, input_range)
    height, width, channels = tflite.input_shape
    if channels not in (1, 3):
        raise EdgekitError(
            f"{tflite.name} takes {channels} channels; pictures have 1 (grey) or 3 (RGB).",
            "Give a model of pictures, or run it through edgekit.runtimes with arrays of your own.",
        )
    paths = [Path(image) for image in ([images] if isinstance(images, str | Path) else images)]
    if not paths:
        return []
    outputs = TFLM.run(tflite, np.stack([load_pixels(path, (height, width), channels) for path in paths]))
    scale = loaded.model.output_q.scale if loaded.model.output_q else 1.0
    return [
        Answer(path, label, tuple(shares.tolist()), tuple(row.tolist()))
        for path, label, shares, row in zip(
            paths, _labels(loaded, outputs), probabilities(outputs, scale), outputs, strict=True
        )
    ]


def _labels(loaded: LoadedModel, outputs: NDArray[np.int8]) -> list[str]:
    task = loaded.task
    if task is None:
        return [str(number) for number in outputs.argmax(axis=1)]
    return [task.labels[number] for number in decide(outputs, task, loaded.threshold)]
