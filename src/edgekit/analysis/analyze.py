"""Where an int8 model loses what its float model knew: `edgekit analyze` in one call.

In: an int8 .tflite, the float32 .tflite of the same network, images. Out: an `Analysis`.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.analysis.float_model import float_model
from edgekit.analysis.layers import Layer, Network
from edgekit.data.progress import bar
from edgekit.errors import EdgekitError
from edgekit.pipeline.inputs import inputs_of, is_arrays, limited
from edgekit.pipeline.loading import load_model
from edgekit.tflite.quantize import known_range, network_input, real_values, with_input_range
from edgekit.tflite.reader import read_file
from edgekit.tflite.records import TfliteFile
from edgekit.values.analysis import Analysis, LayerLoss
from edgekit.values.images import DataInfo
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import DEFAULT_MODEL


def analyze(
    model: str | Path, data: str, *, floats: str | Path | None = None, images: int = 64,
    input_range: tuple[float, float] | None = None, labels: str | None = None, strict: bool = False,
) -> Analysis:  # fmt: skip
    """Compares each layer of an int8 model with the same of its float model, on validation images.

    Args:
        model: an int8 .tflite, or the folder of build-model that holds one.
        data: as `evaluate` takes it; of a set its validation images, of an .npz all.
        floats: the network as floats, as `float_model` takes it.
        images: so many at most, evenly spread.
        input_range, labels, strict: as in `evaluate`.

    Raises:
        EdgekitError: no such model, one that is not int8, no float model or that of another network, bad data, an
            interpreter that is not installed.
    """
    path = Path(model) / DEFAULT_MODEL.name if Path(model).is_dir() else Path(model)
    loaded = load_model(path, labels)
    int8 = with_input_range(loaded.model, input_range)
    if int8.variant != "int8":
        raise EdgekitError(f"{path} is a {int8.variant} model, not int8.", "Analyze the int8 .tflite.")
    _file(int8).ends()
    other = float_model(path, None if floats is None else Path(floats), data, known_range(int8))
    network = Network(_file(int8), _file(other))
    split = "test" if is_arrays(data) else "val"  # an .npz has no splits
    found = limited(inputs_of(int8, loaded.task, loaded.data, data, split=split, strict=strict), images)
    taken = found.inputs.images
    pixels = network_input(int8, taken)
    if taken.dtype == np.uint8:
        reals = network_input(replace(other, input_range=known_range(int8)), taken)
    else:
        reals = real_values(taken, int8.input_specs).astype(np.float32)
    ends = []
    with bar(f"Running {path.name} layer by layer", len(pixels)) as advance:
        for one, exact in zip(pixels, reals, strict=True):
            ends.append(network.look_at(one.reshape(int8.tensor_shape), exact.reshape(other.tensor_shape)))
            advance(1)
    quantized, exact_outputs = (np.stack([end[which].reshape(-1) for end in ends]) for which in (0, 1))
    apart = np.abs(quantized - exact_outputs).max(axis=1)
    spread = float(exact_outputs.std(axis=0).mean())
    several = exact_outputs.shape[1] > 1
    whole = sum(layer.sums.output for layer in network.layers)
    task = found.info.task if isinstance(found.info, DataInfo) else None
    return Analysis(
        model_sha256=int8.sha256, float_sha256=other.sha256, data=found.info.name,
        synthetic=isinstance(found.info, DataInfo) and found.info.synthetic, images=len(ends), runtime=network.runtime,
        layers=tuple(_loss(layer, float(np.square(exact_outputs).sum()), whole) for layer in network.layers),
        output_db=_db(float(np.square(exact_outputs).sum()), float(np.square(quantized - exact_outputs).sum())),
        drift=float(np.quantile(apart, 0.99)) / spread if spread else math.nan,
        agreement=float((quantized.argmax(1) == exact_outputs.argmax(1)).mean()) if several else math.nan,
        notes=found.info.notes, domain=task.domain if task else "",
    )  # fmt: skip


def _file(model: TfliteModel) -> TfliteFile:
    return replace(read_file(model.flatbuffer), name=model.name)


def _loss(layer: Layer, output_power: float, whole: float) -> LayerLoss:
    sums = layer.sums
    low, high = layer.span
    return LayerLoss(
        position=layer.row,
        op=layer.op,
        shape=layer.tensor.shape,
        snr_db=_db(sums.signal, sums.noise),
        own_db=_db(sums.signal, sums.own),
        weights_db=None if layer.rounded is None else _db(sums.signal, sums.weights),
        output_db=_db(output_power, sums.output),
        share=sums.output / whole if whole else math.nan,
        clipped=sums.clipped / sums.values,
        range_used=(sums.greatest - sums.least) / (high - low),
    )


def _db(signal: float, noise: float) -> float:
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else math.nan
