"""Inputs that are no picture files: an .npz with `x` and, where it is known, `y`; `x0`, `x1`, ... of several inputs,
and `y0`, `y1`, ... of several outputs.

In: the file, and the model that is to run on it. Out: `Arrays`, its inputs in the model's own number format.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import file_sha256, open_regular
from edgekit.tflite.quantize import known_range, network_input, quantized, real_values
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet
from edgekit.values.model import InputRange, TensorSpec, TfliteModel
from edgekit.values.task import Task

_MOST_BYTES = 1 << 30
_AUTOENCODER = "the input: there is no y, and the output is as long as the input"


@dataclass(frozen=True, slots=True)
class Arrays:
    """Inputs with what the outputs should be.

    Attributes:
        inputs: in the model's input type; `labels` are class numbers where `info` is a `DataInfo`.
        targets: real values [N, ...] where the outputs are no classes; None where the file does not say them.
        against: what `targets` are, in words.
        taken: what pixels were taken for; None where the inputs are no pixels.
    """

    inputs: ImageSet
    info: DataInfo | ArraysInfo
    targets: NDArray[Any] | None = None
    against: str = ""
    taken: InputRange | None = None


def load_arrays(path: Path, model: TfliteModel, task: Task | None = None) -> Arrays:
    """Reads `x` [N, ...] and `y` of an .npz, an array for each input and each output.

    Args:
        task: what the model is asked; None where nobody has said: then whole numbers in `y` [N] are class numbers of a
            model of several outputs, and other values are what the outputs should be.

    Raises:
        EdgekitError: no .npz, another shape or type, a label that the model does not know.
    """
    names, wanted = _names("x", model.input_specs), _names("y", model.output_specs)
    stored = _read(path, [*names, *wanted])
    if lacking := [name for name in names if name not in stored]:
        there, example = ", ".join(sorted(stored)) or "nothing", ", ".join(f"{name}=..." for name in [*names, *wanted])
        raise EdgekitError(
            f"{path} holds {there}, and no {' nor '.join(lacking)}.",
            f"Save it as np.savez(FILE, {example}): {_of(model)}",
        )
    each = [_input(path, name, stored[name], model, spec) for name, spec in zip(names, model.input_specs, strict=True)]
    count, name, digest = len(each[0][0]), path.name, file_sha256(path)
    for other, (found, *_) in zip(names, each, strict=True):
        if len(found) != count:
            raise EdgekitError(
                f"{path} has {count} inputs in {names[0]} and {len(found)} in {other}.", "Give each as many."
            )
    values = each[0][0] if len(each) == 1 else np.concatenate([found.reshape(count, -1) for found, *_ in each], 1)
    notes, taken = tuple(note for _, said, _ in each for note in said), each[0][2]
    y = _joined_targets(path, {key: stored[key] for key in wanted if key in stored}, wanted, model, count)
    labels = np.zeros(count, np.int64)
    ids = tuple(f"{name}[{row}]" for row in range(count))
    if y is not None and (classes := _classes(path, y, model, task)) is not None:
        labels, task = classes
        info = DataInfo(name, digest, False, task, notes=notes, mirror=False)
        return Arrays(ImageSet(values, labels, ids, ids), info, taken=taken)
    if y is not None:
        targets, against = _targets(path, y, model), " and ".join(wanted)
    elif model.outputs == values[0].size and len(model.input_specs) == len(model.output_specs) == 1 and task is None:
        targets, against = real_values(values, model.input_specs), _AUTOENCODER
    else:
        targets, against = None, ""
    return Arrays(ImageSet(values, labels, ids, ids), ArraysInfo(name, digest, notes), targets, against, taken)


def wanted_arrays(model: TfliteModel) -> str:
    """What an .npz for the model holds, for messages: `x [N, 40] and y`."""
    each = (
        f"{name} [N, {', '.join(map(str, spec.shape))}]"
        for name, spec in zip(_names("x", model.input_specs), model.input_specs, strict=True)
    )
    return f"{', '.join(each)} and {', '.join(_names('y', model.output_specs))}"


def _names(letter: str, specs: Sequence[TensorSpec]) -> list[str]:
    """`x`, or `x0`, `x1`, ... of several."""
    return [letter] if len(specs) == 1 else [f"{letter}{number}" for number in range(len(specs))]


def _read(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    hint = "Write it with np.savez(FILE, x=..., y=...), without objects."
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as stored:
            if not hasattr(stored, "zip"):
                raise ValueError("it is one array, not several by their names")
            if sum(one.file_size for one in stored.zip.infolist()) > _MOST_BYTES:
                raise ValueError(f"its arrays take more than {_MOST_BYTES:,} bytes")
            found = {name: stored[name] for name in wanted if name in stored.files}
            if not all(isinstance(one, np.ndarray) for one in found.values()):
                raise ValueError("a member of it is no array")
            return found or {name: np.zeros(0) for name in stored.files if name not in wanted}
    except Exception as error:  # zipfile has a dozen exceptions for a damaged file
        why = getattr(error, "strerror", None) or in_a_line(error)
        raise EdgekitError(f"{path} is no .npz that can be read: {why}.", hint) from error


def _input(
    path: Path, name: str, x: NDArray[Any], model: TfliteModel, spec: TensorSpec
) -> tuple[NDArray[Any], tuple[str, ...], InputRange | None]:
    """The values [N, ...] of one of the model's inputs, what is to be said of them, and what pixels were taken for."""
    if x.ndim < 2 and spec.shape != (1,):
        fits = False
    else:
        fits = [side for side in x.shape[1:] if side != 1] == [side for side in spec.shape if side != 1]
    if x.ndim == 0 or not len(x) or not fits:
        raise EdgekitError(f"The {name} of {path} has the shape {list(x.shape)}.", _of(model))
    values, kind = x.reshape(len(x), *spec.shape), spec.type.lower()
    what = "bytes" if kind == "int8" else "values"
    if x.dtype == np.uint8 and model.image_size is not None:
        taken = known_range(model)
        return network_input(model, values), (f"{name}: pixels from 0 to 255",), taken
    if x.dtype == spec.dtype and spec.q is not None:
        return values, (f"{name}: {kind}, taken as the {what} of the model's input",), None
    if x.dtype.kind != "f":
        raise EdgekitError(f"The {name} of {path} is of type {x.dtype}.", _of(model))
    if not np.isfinite(values).all():
        raise EdgekitError(
            f"The {name} of {path} holds values that are no numbers (NaN or infinity).", "Leave them out."
        )
    if spec.q is None:
        return values.astype(np.float32), (), None
    rounded, beyond = quantized(spec, values)
    note = f"{name}: real values, quantised by the input's scale {spec.q.scale:.6g} and zero point {spec.q.zero_point}"
    cut = (f"{beyond:.2%} of the values lie beyond what the input can hold, and are cut",) if beyond else ()
    return rounded, (note, *cut), None


def _of(model: TfliteModel) -> str:
    said = []
    for name, spec in zip(_names("x", model.input_specs), model.input_specs, strict=True):
        kinds = ["float in real units"]
        kinds += [f"{spec.type.lower()} as the model takes it"] * (spec.q is not None)
        kinds += ["uint8 pixels"] * (model.image_size is not None)
        said.append(f"{name} of shape [N, {', '.join(map(str, spec.shape))}]: {', or '.join(kinds)}")
    return f"This model takes {'; '.join(said)}."


def _classes(
    path: Path, y: NDArray[Any], model: TfliteModel, task: Task | None
) -> tuple[NDArray[np.int64], Task] | None:
    """Class numbers and what the model is asked; None where `y` is no class."""
    if y.dtype.kind not in "biuUS" or y.size != len(y) or model.outputs < 2:
        if task is None:
            return None
        raise EdgekitError(
            f"The y of {path} is {y.dtype} of shape {list(y.shape)}, and the model tells classes apart.",
            f"Give class numbers 0 to {model.outputs - 1}, or the names, one for each x.",
        )
    y = y.reshape(-1)
    task = task or numbered(model)
    if y.dtype.kind in "US":
        known = {name.casefold(): row for row, name in enumerate(task.labels)}
        names = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in y.tolist()]
        if unknown := next((name for name in names if name.casefold() not in known), None):
            raise EdgekitError(
                f"The y of {path} names {unknown}, which the model does not know.",
                f"Its classes are {', '.join(task.labels[:20])}. Others: --labels.",
            )
        return np.array([known[name.casefold()] for name in names], np.int64), task
    if y.min() < 0 or y.max() >= model.outputs:
        raise EdgekitError(
            f"The y of {path} goes from {y.min()} to {y.max()}; the model has the classes 0 to {model.outputs - 1}.",
            "Give the number of the right output for each x; as floats they are values, not classes.",
        )
    return y.astype(np.int64), task


def numbered(model: TfliteModel) -> Task:
    """The task of a model of several outputs whose classes nobody has named."""
    return named(model, tuple(map(str, range(model.outputs))))


def named(model: TfliteModel, labels: tuple[str, ...]) -> Task:
    """The task of a model whose outputs are classes of these names."""
    size = model.image_size
    return Task(labels, channels=size[2] if size else 0, noun="image" if size else "input")


def _joined_targets(
    path: Path, found: Mapping[str, NDArray[Any]], wanted: Sequence[str], model: TfliteModel, count: int
) -> NDArray[Any] | None:
    """What the outputs should be, as the file has it; of several outputs in real units [N, outputs], one after the
    other. None where it says nothing."""
    if found and len(found) < len(wanted):
        lacking = next(name for name in wanted if name not in found)
        raise EdgekitError(f"{path} has {', '.join(found)}, and no {lacking}.", "Give each output its own, or none.")
    for name, y in found.items():
        if y.ndim == 0 or len(y) != count:
            raise EdgekitError(
                f"{path} has {count} inputs in x and a {name} of shape {list(y.shape)}.", f"Give each x its {name}."
            )
    if len(wanted) == 1 or not found:
        return next(iter(found.values()), None)
    each = zip(found.items(), model.output_specs, strict=True)
    return np.asarray(np.concatenate([_real(path, name, y, spec).reshape(count, -1) for (name, y), spec in each], 1))


def _targets(path: Path, y: NDArray[Any], model: TfliteModel) -> NDArray[Any]:
    """Real values [N, outputs]."""
    return y if len(model.output_specs) > 1 else _real(path, "y", y, model.output_specs[0])


def _real(path: Path, name: str, y: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """What one output should be, in real units."""
    sides = [side for side in spec.shape if side != 1]
    if [side for side in y.shape[1:] if side != 1] != sides or y.dtype.kind not in "fiub":
        shape = "".join(f", {side}" for side in sides)
        raise EdgekitError(
            f"The {name} of {path} is {y.dtype} of shape {list(y.shape)}.",
            f"Give the model's outputs in real units, [N{shape}]"
            + (f", or class numbers [N] from 0 to {spec.size - 1}." if spec.size > 1 and name == "y" else "."),
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise EdgekitError(
            f"The {name} of {path} holds values that are no numbers (NaN or infinity).", "Leave them out."
        )
    is_q = y.dtype == spec.dtype and spec.q is not None and spec.size > 1
    return real_values(y, [spec]) if is_q else np.asarray(y, np.float64)
