"""What int8 costs a model, layer by layer."""

from dataclasses import dataclass

from edgekit.values.limits import FloatOrNan


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """One operator of an int8 model beside the same of its float model, on the same images.

    All `_db` are signal-to-noise ratios in decibels, 10 log10 of the float values' power over that of the difference
    from them: 6 dB are a bit. Infinite (null in JSON) where nothing differs, NaN (null, too) where all values are zero.

    Attributes:
        position: among the int8 file's operators; -1 of the input.
        shape: of its output.
        snr_db: of its output in the int8 model as it runs: the noise of all layers so far.
        own_db: of its output by its own doing: what it makes of rounded inputs, beside what the float layer makes of
            the same ones. Its weights are rounded, and its output.
        weights_db: of its output where only its weights and biases are rounded; None where it has none.
        output_db: of the float model's output where this layer's own noise is added.
        share: of the noise in the model's output, this layer's part of the sum over the layers.
        clipped: share of its float output's values that the int8 output's range does not hold.
        range_used: the float values' span over that of the int8 range; above 1 where it is clipped.
    """

    position: int
    op: str
    shape: tuple[int, ...]
    snr_db: FloatOrNan
    own_db: FloatOrNan
    weights_db: FloatOrNan | None
    output_db: FloatOrNan
    share: FloatOrNan
    clipped: float
    range_used: FloatOrNan


@dataclass(frozen=True, slots=True)
class Analysis:
    """An int8 model beside its float model.

    Attributes:
        data: the set whose validation images were taken.
        synthetic: they were drawn by a program.
        runtime: what ran the int8 layers.
        output_db: of the model's output.
        drift: how far the outputs are from the float model's on 99 % of the images, in standard deviations of the
            float model's, as the gate of a conversion counts.
        agreement: share of images with the same greatest output; NaN of a model of one output.
        domain: what must be said of such results, as in `Task`.
    """

    model_sha256: str
    float_sha256: str
    data: str
    synthetic: bool
    images: int
    runtime: str
    layers: tuple[LayerLoss, ...]
    output_db: FloatOrNan
    drift: FloatOrNan
    agreement: FloatOrNan
    notes: tuple[str, ...] = ()
    domain: str = ""
