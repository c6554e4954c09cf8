"""Graph -> graph: every convolution in the form that pays, by estimates of its instructions and its bytes of flash.

The rule. Optimizing for size takes the form with the least bytes^2 * instructions: one of half the bytes may take up to
four times the instructions. Optimizing for speed takes the least bytes * instructions^4.

The estimates are linear, fitted to what was counted on emulated Xtensa (tools/bench_weights counts it again).
"""

from dataclasses import dataclass, fields, replace

from edgekit.compile.graph import Convolution, Graph
from edgekit.compile.kernels import (
    by_channel,
    by_tile,
    direct,
    one_channel,
    winograd,
)
from edgekit.compile.kernels.by_channel import ByChannel
from edgekit.compile.options import CompileOptions
from edgekit.compile.weights import (
    CODINGS,
    PLAIN,
    Coding,
    encode,
)

_CODE_BYTES = 1000  # of one convolution, roughly: a tenth more or less of few weights is of no account
_DECODER_BYTES = 96  # more, where weights are compressed


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A convolution in one form, with what one run of it takes and what it takes of flash."""

    op: Convolution
    instructions: float
    flash_bytes: int


def choose(graph: Graph, options: CompileOptions) -> Graph:
    """The graph with its convolutions in the forms that pay."""
    return replace(
        graph,
        ops=tuple(_chosen(op, options) if isinstance(op, Convolution) else op for op in graph.ops),
    )


def _chosen(op: Convolution, options: CompileOptions) -> Convolution:
    forms = [Form(op, direct.instructions(op), op.weights.size + _CODE_BYTES)]
    forms += [
        Form(form, one_channel.instructions(form), one_channel.weight_bytes(form) + _CODE_BYTES)
        for form in one_channel.forms(op)
    ]
    if options.optimize == "speed":
        forms += [
            Form(form, winograd.instructions(form), winograd.weight_bytes(form) + _CODE_BYTES)
            for form in winograd.forms(op)
        ]
    if options.target == "esp32":
        forms += _by_channel(op, options, PLAIN)
        codings = CODINGS if options.compress == "auto" else CODINGS[:1]
        forms += [
            Form(form, by_tile.instructions(form), by_tile.coded(form).size + _CODE_BYTES + _DECODER_BYTES)
            for form in by_tile.forms(op, codings, min(2, op.result[2]))
        ]
    if options.compress == "auto":
        forms += [form for coding in (*CODINGS[1:], None) for form in _by_channel(op, options, coding)]
    bytes_, instructions = (2.0, 1.0) if options.optimize == "size" else (1.0, 4.0)
    return min(forms, key=lambda form: form.flash_bytes**bytes_ * form.instructions**instructions).op


def _by_channel(op: Convolution, options: CompileOptions, coding: Coding | None) -> list[Form]:
    """The form, where it is possible."""
    values = {field.name: getattr(op, field.name) for field in fields(Convolution)}
    parts = 2 if options.target == "esp32" and op.result[2] > 1 else 1
    form = ByChannel(**values, coding=coding, parts=parts)
    if not by_channel.possible(form):
        return []
    sums = op.result[0] * op.result[1] * op.result[2]
    rows = op.result[0] // op.pool[0]
    an_end = 11 + 12 / (op.pool[0] * op.pool[1])  # of a sum, and of a byte
    if options.target != "esp32" and coding is not None:
        an_end += 12  # the twin's loops around few taps
    widening = 5.0 * rows * by_channel.widened(form)
    if coding is None:
        entries = len(by_channel.lists(form)[0])
        return [
            Form(
                form,
                widening + sums * (an_end + 3.8 * entries / op.result[2]),
                2 * entries + _CODE_BYTES + _DECODER_BYTES,
            )
        ]
    runs = by_channel.runs(op)
    coded = encode(runs, coding)
    assert coded is not None
    code = _CODE_BYTES + (_DECODER_BYTES if coding != PLAIN else 0)
    a_tap = 1.0 if options.target == "esp32" else 3.9
    return [
        Form(form, widening + sums * (an_end + a_tap * runs.shape[1]) + rows * coded.instructions, coded.size + code)
    ]
