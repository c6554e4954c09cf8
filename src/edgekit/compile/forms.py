"""Graph -> graph: every convolution in the form that pays, by estimates of its instructions and of its bytes of flash.

The estimates are linear, with coefficients fitted to figures measured on emulated Xtensa (tools/bench_forms writes them).
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from edgekit.compile.graph import Convolution, Graph
from edgekit.compile.kernels import by_channel
from edgekit.compile.kernels.by_channel import ByChannel
from edgekit.compile.options import CompileOptions
from edgekit.compile.weights import CODINGS, Coding, encode

_SLOWER = 1.5  # what a smaller form may cost in instructions where size counts
_LIGHTER = 15 / 16  # what a form's bytes must come down to, to be worth its code and its RAM
_AS_FAST = 1.1  # forms this near to the fastest are as fast; the smallest of them is taken


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
    """Size: the smallest that is not much slower than the fastest plain form. Speed: the smallest of the fastest."""
    plain = [Form(op, *_direct(op))]
    if options.target == "esp32":
        plain += _by_channel(op, options, Coding())
    fastest = min(plain, key=lambda form: form.instructions)
    forms = [*plain]
    if options.compress == "auto":
        for coding in (*CODINGS[1:], None):
            forms += [
                form
                for form in _by_channel(op, options, coding)
                if form.weight_bytes <= _LIGHTER * op.weights.size or form.instructions < fastest.instructions
            ]
    if options.optimize == "size":
        forms = [form for form in forms if form.instructions <= _SLOWER * fastest.instructions]
        return min(forms, key=lambda form: (form.weight_bytes, form.instructions)).op
    least = min(form.instructions for form in forms)
    return min(
        (form for form in forms if form.instructions <= _AS_FAST * least),
        key=lambda form: (form.weight_bytes, form.instructions),
    ).op


def _direct(op: Convolution) -> tuple[float, int]:
    sums = op.result[0] * op.result[1] * op.result[2]
    return sums * (27 + 2.98 * op.weights[0].size), op.weights.size


def _by_channel(op: Convolution, options: CompileOptions, coding: Coding | None) -> list[Form]:
    """The form, where it is possible."""
    if not by_channel.possible(op):
        return []
    values = {field.name: getattr(op, field.name) for field in fields(Convolution)}
    parts = 2 if options.target == "esp32" and op.result[2] > 1 else 1
    form = ByChannel(**values, coding=coding, parts=parts)
    sums = op.result[0] * op.result[1] * op.result[2]
    rows = op.result[0] // op.pool[0]
    gathered = 4.0 * rows * by_channel.gathered_elements(form)
    if coding is None:
        entries = len(by_channel.lists(form)[0])
        return [Form(form, gathered + sums * (25 + 3.8 * entries / op.result[2]), 2 * entries)]
    runs = by_channel.runs(op)
    coded = encode(runs, coding)
    if op.dilation[1] != 1 or coded is None:
        return []
    a_sum = 25 + 1.0 * runs.shape[1] if options.target == "esp32" else 15 + 3.9 * runs.shape[1]
    return [Form(form, gathered + sums * a_sum + rows * coded.instructions, coded.size)]
