"""Graph -> graph: every convolution in the form that pays, by estimates of its instructions and its bytes of flash.

The rule. The fastest form with plain weights is the measure. Optimizing for size takes the form with the fewest bytes,
if it saves a sixteenth of them and takes at most half as many instructions again; optimizing for speed takes the fewest
bytes among the forms within a tenth of the fastest.

The estimates are linear, fitted to instructions counted on emulated Xtensa (tools/bench_weights counts them).
"""

from dataclasses import dataclass, fields, replace

from edgekit.compile.graph import Convolution, Graph
from edgekit.compile.kernels import by_channel
from edgekit.compile.kernels.by_channel import ByChannel
from edgekit.compile.options import CompileOptions
from edgekit.compile.weights import CODINGS, Coding, encode

_SLOWER = 1.5
_LIGHTER = 15 / 16
_AS_FAST = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A convolution in one form, with what one run of it takes and what its weights weigh."""

    op: Convolution
    instructions: float
    weight_bytes: int


def choose(graph: Graph, options: CompileOptions) -> Graph:
    """The graph with its convolutions in the forms that pay."""
    return replace(
        graph,
        ops=tuple(_chosen(op, options) if isinstance(op, Convolution) else op for op in graph.ops),
    )


def _chosen(op: Convolution, options: CompileOptions) -> Convolution:
    plain = [Form(op, *_direct(op))]
    if options.target == "esp32":
        plain += _by_channel(op, options, Coding())
    fastest = min(plain, key=lambda form: form.instructions)
    forms = [fastest]
    if options.compress == "auto":
        forms += [form for coding in (*CODINGS[1:], None) for form in _by_channel(op, options, coding)]
    if options.optimize == "size":
        lighter = _LIGHTER * fastest.weight_bytes
        forms = [form for form in forms if form is fastest or form.weight_bytes <= lighter]
        limit = _SLOWER * fastest.instructions
    else:
        limit = _AS_FAST * min(form.instructions for form in forms)
    return min(
        (form for form in forms if form.instructions <= limit),
        key=lambda form: (form.weight_bytes, form.instructions),
    ).op


def _direct(op: Convolution) -> tuple[float, int]:
    sums = op.result[0] * op.result[1] * op.result[2]
    return sums * (27 + 2.98 * op.weights[0].size), op.weights.size


def _by_channel(op: Convolution, options: CompileOptions, coding: Coding | None) -> list[Form]:
    """The form, where it is possible."""
    values = {field.name: getattr(op, field.name) for field in fields(Convolution)}
    parts = 2 if options.target == "esp32" and op.result[2] > 1 else 1
    form = ByChannel(**values, coding=coding, parts=parts)
    if not by_channel.possible(form):
        return []
    sums = op.result[0] * op.result[1] * op.result[2]
    rows = op.result[0] // op.pool[0]
    widening = 5.0 * rows * by_channel.widened(form)
    if coding is None:
        entries = len(by_channel.lists(form)[0])
        return [Form(form, widening + sums * (25 + 3.8 * entries / op.result[2]), 2 * entries)]
    runs = by_channel.runs(op)
    coded = encode(runs, coding)
    assert coded is not None
    a_sum = 25 + 1.0 * runs.shape[1] if options.target == "esp32" else 15 + 3.9 * runs.shape[1]
    return [Form(form, widening + sums * a_sum + rows * coded.instructions, coded.size)]
