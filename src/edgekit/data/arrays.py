"""Inputs that are no picture files: an .npz with `x` and, where it is known, `y`.

In: the file, and the model that is to run on it. Out: `Arrays`, its inputs in the model's own number format.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import file_sha256, open_regular
from edgekit.tflite.quantize import known_range, network_input, real_values
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet
from edgekit.values.model import InputRange, TfliteModel
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
    """Reads `x` [N, ...] and `y` of an .npz.

    Args:
        task: what the model is asked; None where nobody has said: then whole numbers in `y` [N] are class numbers of a
            model of several outputs, and other values are what the outputs should be.

    Raises:
        EdgekitError: no .npz, another shape or type, a label that the model does not know.
    """
    stored = _read(path)
    if "x" not in stored:
        names = ", ".join(sorted(stored)) or "nothing"
        raise EdgekitError(f"{path} holds {names}, and no x.", f"Save it as np.savez(FILE, x=..., y=...): {_of(model)}")
    values, notes, taken = _inputs(path, stored["x"], model)
    count, name, digest = len(values), path.name, file_sha256(path)
    y = stored.get("y")
    if y is not None and (y.ndim == 0 or len(y) != count):
        raise EdgekitError(f"{path} has {count} inputs in x and a y of shape {list(y.shape)}.", "Give each x its y.")
    labels = np.zeros(count, np.int64)
    ids = tuple(f"{name}[{row}]" for row in range(count))
    if y is not None and (classes := _classes(path, y, model, task)) is not None:
        labels, task = classes
        info = DataInfo(name, digest, False, task, notes=notes, mirror=False)
        return Arrays(ImageSet(values, labels, ids, ids), info, taken=taken)
    if y is not None:
        targets, against = _targets(path, y, model), "y"
    elif model.outputs == values[0].size and task is None:
        targets, against = real_values(values, model.input_q), _AUTOENCODER
    else:
        targets, against = None, ""
    return Arrays(ImageSet(values, labels, ids, ids), ArraysInfo(name, digest, notes), targets, against, taken)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    hint = "Write it with np.savez(FILE, x=..., y=...), without objects."
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as stored:
            if not hasattr(stored, "zip"):
                raise ValueError("it is one array, not several by their names")
            if sum(one.file_size for one in stored.zip.infolist()) > _MOST_BYTES:
                raise ValueError(f"its arrays take more than {_MOST_BYTES:,} bytes")
            found = {name: stored[name] for name in ("x", "y") if name in stored.files}
            if not all(isinstance(one, np.ndarray) for one in found.values()):
                raise ValueError("a member of it is no array")
            return found or dict.fromkeys(stored.files, np.zeros(0))
    except Exception as error:  # zipfile has a dozen exceptions for a damaged file
        why = getattr(error, "strerror", None) or in_a_line(error)
        raise EdgekitError(f"{path} is no .npz that can be read: {why}.", hint) from error


def _inputs(path: Path, x: NDArray[Any], model: TfliteModel) -> tuple[NDArray[Any], tuple[str, ...], InputRange | None]:
    """The model's inputs [N, ...], what is to be said of them, and what pixels were taken for."""
    if x.ndim < 2 and model.input_shape != (1,):
        fits = False
    else:
        fits = [side for side in x.shape[1:] if side != 1] == [side for side in model.input_shape if side != 1]
    if x.ndim == 0 or not len(x) or not fits:
        raise EdgekitError(f"The x of {path} has the shape {list(x.shape)}.", _of(model))
    values, q = x.reshape(len(x), *model.input_shape), model.input_q
    if x.dtype == np.uint8 and model.image_size is not None:
        taken = known_range(model)
        return network_input(model, values), ("x: pixels from 0 to 255",), taken
    if x.dtype == np.int8 and q is not None:
        return values, ("x: int8, taken as the bytes of the model's input",), None
    if x.dtype.kind != "f":
        raise EdgekitError(f"The x of {path} is of type {x.dtype}.", _of(model))
    if not np.isfinite(values).all():
        raise EdgekitError(f"The x of {path} holds values that are no numbers (NaN or infinity).", "Leave them out.")
    if q is None:
        return values.astype(np.float32), (), None
    steps = np.round(values.astype(np.float64) / q.scale) + q.zero_point
    beyond = float(np.mean((steps < -128) | (steps > 127)))
    note = f"x: real values, quantised by the input's scale {q.scale:.6g} and zero point {q.zero_point}"
    cut = (f"{beyond:.2%} of the values lie beyond what the input can hold, and are cut",) if beyond else ()
    return np.clip(steps, -128, 127).astype(np.int8), (note, *cut), None


def _of(model: TfliteModel) -> str:
    shape = ", ".join(map(str, model.input_shape))
    kinds = ["float in real units"] + ["int8 as the model takes it"] * (model.input_q is not None)
    kinds += ["uint8 pixels"] * (model.image_size is not None)
    return f"This model takes x of shape [N, {shape}]: {', or '.join(kinds)}."


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


def _targets(path: Path, y: NDArray[Any], model: TfliteModel) -> NDArray[Any]:
    """Real values [N, outputs]."""
    sides = [side for side in model.output_shape if side != 1]
    if [side for side in y.shape[1:] if side != 1] != sides or y.dtype.kind not in "fiub":
        shape = "".join(f", {side}" for side in sides)
        raise EdgekitError(
            f"The y of {path} is {y.dtype} of shape {list(y.shape)}.",
            f"Give the model's outputs in real units, [N{shape}]"
            + (f", or class numbers [N] from 0 to {model.outputs - 1}." if model.outputs > 1 else "."),
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise EdgekitError(f"The y of {path} holds values that are no numbers (NaN or infinity).", "Leave them out.")
    is_q = y.dtype == np.int8 and model.output_q is not None and model.outputs > 1
    return real_values(y, model.output_q) if is_q else np.asarray(y, np.float64)
