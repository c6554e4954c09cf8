"""Ask a model about pictures or arrays, on this computer or on a board.

In: a model, paths, a port. Out: an `Answer` for each input.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.reference import reference
from edgekit.data.arrays import load_arrays, numbered
from edgekit.data.preprocess import load_pixels
from edgekit.device.connection import Wait, connected
from edgekit.device.link import AS_THE_SYSTEM, ControlLines
from edgekit.errors import EdgekitError
from edgekit.metrics.decisions import decide, probabilities
from edgekit.pipeline.inputs import is_arrays, taken_for
from edgekit.pipeline.loading import LoadedModel, load_model
from edgekit.tflite.quantize import logits_of, network_input, real_values, with_input_range
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import packed, unpacked

_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one input.

    Attributes:
        path: the picture's, or the .npz's with the number of the row in brackets.
        label: the task's, or the class number where nobody has named the classes; empty where the outputs are none.
        probabilities: of each class, in the order of the outputs; empty where these are no classes.
        outputs_q: the raw outputs, whole numbers of a quantised model.
        values: the outputs in real units.
    """

    path: Path
    label: str
    probabilities: tuple[float, ...]
    outputs_q: tuple[int, ...]
    values: tuple[float, ...] = ()


def predict(
    model: LoadedModel | str | Path, images: str | Path | Iterable[str | Path], *,
    input_range: tuple[float, float] | None = None, labels: str | None = None, port: str | None = None,
    baud: int | None = None, on_wait: Wait = nullcontext, lines: ControlLines = AS_THE_SYSTEM,
) -> list[Answer]:  # fmt: skip
    """Runs pictures of any size, or the `x` of an .npz, through a quantised or float32 model.

    Args:
        model: a model that `load_model` read, or its path.
        images: one path, or several: pictures, folders of them, .npz files.
        input_range, labels: as in `evaluate`.
        port, baud, on_wait, lines: as in `connected`; no port: this computer, by `reference`.

    Raises:
        EdgekitError: a picture that cannot be read, a model that TFLM does not run, or that does not tell what it takes
            pixels for, no board.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model, labels)
    tflite = with_input_range(loaded.model, input_range)
    paths = [Path(image) for image in ([images] if isinstance(images, str | Path) else images)]
    names, batches = list[Path](), list[NDArray[Any]]()
    for path in paths:
        if is_arrays(str(path)):
            found = load_arrays(path, tflite)
            batches.append(found.inputs.images)
            names += [path.with_name(name) for name in found.inputs.ids]
            continue
        taken_for(tflite, str(path))
        height, width, channels = tflite.image_size or (0, 0, 0)
        pictures = _pictures(path)
        batches.append(
            np.stack([network_input(tflite, load_pixels(one, (height, width), channels)) for one in pictures])
        )
        names += pictures
    if not names:
        return []
    if port is not None:
        refuse_float(tflite)
    inputs = np.concatenate(batches)
    if port is None:
        outputs = reference(tflite).run(tflite, inputs)
    else:
        with connected(port, tflite, loaded.sources, baud=baud, on_wait=on_wait, lines=lines) as client:
            rows = ((str(name), packed(tflite.input_specs, row)) for name, row in zip(names, inputs, strict=True))
            outputs = np.stack([unpacked(tflite.output_specs, one.outputs) for one in client.infer(rows)])
    return answers_of(loaded, names, outputs)


def answers_of(loaded: LoadedModel, names: Sequence[Path], outputs: NDArray[Any]) -> list[Answer]:
    """What the outputs [N, ...] of a model for inputs of those names say."""
    model, task = loaded.model, loaded.task
    values = real_values(outputs, model.output_specs)
    said, shares = [""] * len(names), np.zeros((len(names), 0))
    if task is not None or gives_classes(loaded):
        task = task or numbered(model)
        said = [task.labels[number] for number in decide(outputs, task, loaded.threshold)]
        logits, scale = logits_of(model, outputs), model.output_q.scale if model.output_q else 1.0
        shares = probabilities(logits, scale if logits is outputs else 1.0)
    return [
        Answer(name, label, tuple(share.tolist()), tuple(row.tolist()), tuple(real.tolist()))
        for name, label, share, row, real in zip(names, said, shares, outputs, values, strict=True)
    ]


def refuse_float(model: TfliteModel) -> None:
    """Raises EdgekitError where no board runs the model."""
    if model.is_float:
        raise EdgekitError(f"{model.name} is a {model.variant} model, which no board runs.", "Give the int8 .tflite.")


def gives_classes(loaded: LoadedModel) -> bool:
    """Whether the outputs are classes as far as anyone can tell: they are named, or shares of a softmax, or a few
    values for a picture."""
    model = loaded.model
    several = len(model.output_specs) == 1 and model.outputs > 1 and model.outputs == max(model.output_shape)
    return loaded.task is not None or (several and (model.ops[-1] == "SOFTMAX" or model.image_size is not None))


def _pictures(path: Path) -> list[Path]:
    """The path itself, or the pictures below the folder."""
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.rglob("*") if one.suffix.lower() in _PICTURES and one.is_file())
    if not found:
        raise EdgekitError(f"{path} holds no .jpg or .png.", "Name pictures, or a folder of them.")
    return found
