"""Score a model file on a data set, whatever runs it, without a board.

In: a .tflite, or an .onnx or .npz that `build_model` wrote, with its card beside it. Out: an `EvalReport`, or a
`ValuesReport` where the outputs are no classes.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.reference import COMPILED, reference
from edgekit.data.arrays import Arrays
from edgekit.data.asked import for_model
from edgekit.data.progress import bar
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import file_sha256, open_regular
from edgekit.metrics.occlusion import Ask
from edgekit.metrics.scores import score
from edgekit.metrics.values import score_values
from edgekit.pipeline.inputs import inputs_of, taken_for
from edgekit.pipeline.loading import check_same_classes, read_named, refuse_labels, task_of
from edgekit.recipes.recipe import DataRecipe
from edgekit.report.card import Card, load_card
from edgekit.report.pages.sections import Answers, answers_of
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.onnx import ONNX
from edgekit.runtimes.runtime import Runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.runtimes.torch import TORCH
from edgekit.runtimes.trial import try_apart
from edgekit.tflite.quantize import real_values, with_input_range
from edgekit.values.evaluation import EvalReport, Threshold, ValuesReport
from edgekit.values.images import DataInfo
from edgekit.values.model import InputRange, TfliteModel
from edgekit.values.networks import Kind, Student, StudentSpec
from edgekit.values.shipped import DEFAULT_MODEL

RUNTIMES = {runtime.name: runtime for runtime in (TFLM, LITERT, COMPILED, ONNX, TORCH)}  # as `--runtime` takes them


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model made of a set.

    Attributes:
        answers: to the inputs, in their order; None where the outputs are no classes.
        ask: the logits [N, classes] of more images uint8 [N, H, W, C], by the same runtime.
    """

    scored: EvalReport | ValuesReport
    inputs: Arrays
    answers: Answers | None
    ask: Ask


def evaluate(
    model: str | Path, data: str, *, runtime: str | None = None, split: str = "test", strict: bool = False,
    input_range: tuple[float, float] | None = None, labels: str | None = None,
) -> EvalReport | ValuesReport:  # fmt: skip
    """The figures of `evaluated`, which takes the same and raises the same."""
    return evaluated(
        model, data, runtime=runtime, split=split, strict=strict, input_range=input_range, labels=labels
    ).scored


def evaluated(
    model: str | Path, data: str, *, runtime: str | None = None, split: str = "test", strict: bool = False,
    input_range: tuple[float, float] | None = None, labels: str | None = None,
) -> Evaluation:  # fmt: skip
    """Scores a model at the threshold that its card holds, or by its greatest logit where there is none; one whose
    outputs are no classes by how far they lie from what they should be.

    Args:
        data: a set of pictures, as `load_splits` takes it, or an .npz of `x` and `y`, as `load_arrays` does.
        runtime: `tflm`, `litert`, `compiled` (edgekit's C on this computer), `onnx` or `torch`; None takes the one
            that fits the file.
        split: `test`, or `val`, split as the card's recipe says.
        strict: stop at the first image that cannot be read.
        input_range: what a .tflite takes black and white pixels for; None reads it from its int8 input, or takes 0 to 1
            for a float one.
        labels: of a .tflite without a card, as `task_of` takes them.

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
    card = load_card(model.parent) if model.suffix != ".tflite" or (model.parent / "card.json").is_file() else None
    network, taken = opened(model, input_range)
    if card is not None and isinstance(network, TfliteModel) and not _is_of(card, network):
        card = None
    by = _runtime(fitting, model.suffix, network, runtime)
    if card is not None:
        refuse_labels(model, labels)
    if isinstance(network, TfliteModel):
        if card is None:
            taken = taken_for(network, data)  # what is wrong with these shows at once
            task, recipe, threshold = task_of(network, labels), DataRecipe(), None
        else:
            task, recipe, threshold = card.data.task, card.recipe.data, card.cut()
        if by is not COMPILED and (card is None or network.sha256 != card.model.sha256):  # its reader trusts no file
            try_apart(network, by.name)
        inputs = inputs_of(network, task, recipe, data, split=split, strict=strict)
        return _scored(network, inputs, by, threshold)
    assert card is not None
    as_trained = for_model(card.recipe.data, card.input.channels)
    splits = load_splits(data, (card.input.height, card.input.width), as_trained, strict=strict)
    check_same_classes(card.data.task, splits.info)
    chosen = splits.test if split == "test" else splits.val
    with bar(f"Running {model.name} on {by.name}", len(chosen)) as advance:
        logits = by.run(network, chosen.images, advance)
    scored = score(
        logits, chosen.labels, card.cut(), runtime=by.name, model_sha256=file_sha256(model), data=splits.info,
        ids=chosen.ids,
    )  # fmt: skip
    found = Arrays(chosen, splits.info, taken=taken)
    return Evaluation(
        replace(scored, input_range=taken), found, Answers(model.name, logits, card.cut()), partial(by.run, network)
    )


def _is_of(card: Card, model: TfliteModel) -> bool:
    """Whether a card speaks of a .tflite: the int8 model that it names, or a float one of the same build."""
    size = card.input.height, card.input.width, card.input.channels
    same_ends = (model.input_shape, model.outputs) == (size, len(card.output.classes))
    return model.sha256 == card.model.sha256 or same_ends


def _scored(model: TfliteModel, found: Arrays, by: Runtime, threshold: Threshold | None) -> Evaluation:
    with bar(f"Running {Path(model.name).name} on {by.name}", len(found.inputs)) as advance:
        outputs = by.run(model, found.inputs.images, advance)
    if found.targets is None and not isinstance(found.info, DataInfo):
        raise EdgekitError(
            f"{found.info.name} has no y, so nothing says what the outputs should be.",
            "Add y: class numbers [N], or the outputs in real units. predict needs none.",
        )
    scored = scored_outputs(model, outputs, found, threshold, by.name)
    answers = answers_of(model, outputs, threshold) if isinstance(scored, EvalReport) else None
    return Evaluation(scored, found, answers, asking(model, by, threshold))


def asking(model: TfliteModel, by: Runtime, threshold: Threshold | None) -> Ask:
    """What gives the logits of images, as `answers_of` has them."""
    return lambda images: answers_of(model, by.run(model, images), threshold).logits


def scored_outputs(
    model: TfliteModel, outputs: NDArray[Any], found: Arrays, threshold: Threshold | None, runtime: str
) -> EvalReport | ValuesReport:
    """The figures of a model's outputs [N, ...], in its own number format, on the inputs that they are of."""
    scored: EvalReport | ValuesReport
    if isinstance(found.info, DataInfo):
        answers = answers_of(model, outputs, threshold)
        scored = score(
            answers.logits, found.inputs.labels, threshold, scale=answers.scale,
            runtime=runtime, model_sha256=model.sha256, data=found.info, ids=found.inputs.ids,
        )  # fmt: skip
    else:
        scored = score_values(
            real_values(outputs, model.output_specs), found.targets, against=found.against,
            step=model.output_q.scale if model.output_q else 0.0,
            runtime=runtime, model_sha256=model.sha256, data=found.info,
        )  # fmt: skip
    notes = (*scored.notes, f"The model {model.remark_on_state}.") if model.state_bytes else scored.notes
    return replace(scored, input_range=found.taken, notes=notes)


def opened(path: Path, given: tuple[float, float] | None = None) -> tuple[Any, InputRange | None]:
    """The model as its runtimes take it, and what it takes pixels for."""
    if path.suffix == ".tflite":
        model = with_input_range(read_named(path), given)
        return model, model.input_range
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
        return reference(model) if isinstance(model, TfliteModel) else fitting[0]
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
        block = str(weights.pop("block", "vgg"))  # which version 0.1 did not know
        stride, expansion = int(weights.pop("stem_stride", 1)), int(weights.pop("expansion", 4))
        if block not in get_args(Kind):
            raise ValueError(f"there are no blocks of the kind {block!r}")
        widths = tuple(map(int, weights.pop("widths", ())))
        if min(*shape, classes, *channels, *depths, stride, expansion, *widths) < 1:
            raise ValueError("a size in it is not positive")
        kind: Kind = block  # type: ignore[assignment]  # one of those
        return Student(StudentSpec(shape, classes, channels, depths, kind, stride, expansion, widths), weights)
    except Exception as error:  # zipfile has a dozen exceptions for a damaged file
        raise _no_student(path, error) from error


def _no_student(path: Path, error: Exception) -> EdgekitError:
    return EdgekitError(f"{path} is not a student: {in_a_line(error)}.", "Give the student.npz that build-model wrote.")
