"""What int8 costs a model, layer by layer, for the terminal and a page.

In: an `Analysis`. Out: parts, or a `Page`.
"""

import math

from edgekit.report.document import Bullets, Cell, Column, Facts, Page, Part, Prose, Section, Table, percent
from edgekit.report.tables import runtime_name
from edgekit.values.analysis import Analysis, LayerLoss

_EXACT_DB = 120  # beyond it a float32 is as coarse
_NOTES = (
    "Signal-to-noise ratios in dB; 6 dB are a bit. As it runs: of the layer's output in the int8 model, with the noise "
    "of all layers before. Own: of what it adds itself, by its rounded weights and its rounded output. Weights: by its "
    "weights alone.",
    "Share: of the noise in the model's output, by this layer's own. Clipped: values that the int8 range does not "
    "hold. Used: what the values span of it; far below 100 % the steps are coarser than they need be.",
)


def analysis_page(found: Analysis) -> Page:
    """The same as a page of its own."""
    section = Section("What int8 costs", _parts(found), results=True)
    return Page("int8 beside float", (section,), synthetic=found.synthetic, domain=found.domain)


def analysis_parts(found: Analysis) -> tuple[Part, ...]:
    """The whole model, its layers, where most is lost; what their domain must say."""
    return *_parts(found), *([Prose(found.domain)] if found.domain else [])


def _parts(found: Analysis) -> tuple[Part, ...]:
    drawn = " (drawn by a program)" if found.synthetic else ""
    facts: tuple[tuple[str, Cell | str], ...] = (
        ("int8 model, SHA-256", found.model_sha256),
        ("float model, SHA-256", found.float_sha256),
        ("images", f"{found.images:,} of {found.data}{drawn}, for validation"),
        ("int8 layers ran on", runtime_name(found.runtime)),
        ("output", f"{_db(found.output_db)} dB; 99 % within {found.drift:.3g} standard deviations of the float output"),
        *(() if math.isnan(found.agreement) else (("same greatest output", percent(found.agreement)),)),
    )
    return (
        Facts(facts),
        _layers(found.layers),
        Prose(_most(found)),
        *([Bullets(found.notes)] if found.notes else []),
    )


def _layers(layers: tuple[LayerLoss, ...]) -> Table:
    numbers = ("own dB", "weights dB", "share %", "clipped %", "used %")
    columns = (
        Column("layer", "left"), Column("shape", "left", optional=True), Column("as it runs dB", short="runs dB"),
        *(Column(title, optional=title == "weights dB") for title in numbers),
    )  # fmt: skip
    most = max((one.share for one in layers if not math.isnan(one.share)), default=0.0)
    rows = tuple(
        (
            Cell("input" if one.position < 0 else f"{one.position} {one.op}", value=one.position),
            "x".join(map(str, one.shape)),
            *(_cell(value) for value in (one.snr_db, one.own_db, one.weights_db)),
            _percent(one.share, "strong" if most and one.share == most else ""),
            _percent(one.clipped),
            _percent(one.range_used),
        )
        for one in layers
    )
    return Table("Layers of the int8 model beside the float model", columns, rows, _NOTES)


def _cell(value: float | None) -> Cell | None:
    return None if value is None else Cell(_db(value), value=value if math.isfinite(value) else None)


def _db(value: float) -> str:
    return "-" if math.isnan(value) else "exact" if value >= _EXACT_DB else f"{value:.1f}"


def _percent(share: float, mark: str = "") -> Cell:
    return percent(share, mark="strong" if mark else "")


def _most(found: Analysis) -> str:
    known = [one for one in found.layers if not math.isnan(one.share)]
    if not known:
        return "Nothing is lost: all outputs are those of the float model."
    most = max(known, key=lambda one: one.share)
    name = "the rounded input" if most.position < 0 else f"layer {most.position}, {most.op}"
    without = found.output_db - 10 * math.log10(max(1 - most.share, 1e-12))
    return (
        f"Most of the noise in the output is of {name}: {most.share:.0%}. Without it the output would have some "
        f"{_db(without)} dB, if the layers' noises are independent."
    )
