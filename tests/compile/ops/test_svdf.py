"""SVDF beside TFLM: sequences of 20 runs, of which each depends on those before; resets; bad models."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.exactness import cases, differing_in_any_mode, inputs_of
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import svdf


def test_networks_around_it_give_the_bytes_of_tflm_run_after_run(tmp_path: Path) -> None:
    models = cases(lambda seed: network_of(seed, svdf), range(14))
    kinds = {state.tensor.type for case in models for state in case.graph.states}
    assert len(models) > 12
    assert kinds == {"INT8", "INT16"}
    assert differing_in_any_mode(models, tmp_path) == []


def test_after_a_reset_a_sequence_begins_anew(tmp_path: Path) -> None:
    (case,) = cases(lambda seed: network_of(seed, svdf), [0])
    program = native_c.build([compile_model(case.content, CompileOptions("m0")).files], tmp_path)
    (inputs,) = inputs_of([case])
    first, again = native_c.run(program, [(0, inputs), (0, inputs)], [case.graph.output_bytes])
    other = native_c.run(program, [(0, inputs[::-1])], [case.graph.output_bytes])[0][::-1]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)  # it does keep something


def test_the_header_says_what_is_kept_and_the_ram_counts_it() -> None:
    (case,) = cases(lambda seed: network_of(seed, svdf), [0])
    compiled = compile_model(case.content, CompileOptions("net"))
    header = compiled.files["net.h"]
    sizes = re.findall(r"^  (u?int\d+_t) state_\d+\[(\d+)\]", header, re.MULTILINE)
    kept = sum((1 if kind == "uint8_t" else 2) * int(size) for kind, size in sizes)
    assert kept == compiled.graph.state_bytes > 0
    assert compiled.program.ram_bytes == compiled.plan.arena_bytes + compiled.program.ends_bytes + kept
    assert "void net_reset(net_state *state);" in header
    assert "net_state *state, void *arena);" in header


def changed(change: Callable[[Any, Any], None]) -> bytes:
    """A model of one SVDF with its operator and tensors changed."""
    r = Random(3)
    x = r.activation((1, 8), 0.1, 0)
    y = svdf(r, x)
    change(r.b.ops[-1], r.b.tensors)
    return r.b.finish([x], [y])


def no_variable(op: Any, tensors: Any) -> None:
    tensors[op.inputs[4]].isVariable = False


def batch_of_two(op: Any, tensors: Any) -> None:
    tensors[op.inputs[0]].shape = [2, tensors[op.inputs[0]].shape[1]]


def short_state(op: Any, tensors: Any) -> None:
    tensors[op.inputs[4]].shape = [1, 1]


def rank_of_seven(op: Any, tensors: Any) -> None:
    op.builtinOptions.rank = 7


def no_bias(op: Any, tensors: Any) -> None:
    op.inputs[3] = -1


def asymmetric(op: Any, tensors: Any) -> None:
    tensors[op.inputs[1]].quantization.zeroPoint = [3]


def tiny_output(op: Any, tensors: Any) -> None:
    tensors[op.outputs[0]].quantization.scale = [1e-12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_variable, "input 4 is no variable of INT"),
        (batch_of_two, r"it needs a batch of 1 and has \[2, "),
        (short_state, r"input 4 is a variable of \[1, 1\] that is another's, or not one of"),
        (rank_of_seven, "of rank 7 do not fit together"),
        (no_bias, "Input 3 of SVDF"),
        (asymmetric, "has zero point 3 instead of 0"),
        (tiny_output, "does not fit into 32 bits"),
    ],
)
def test_what_tflm_refuses_or_cannot_hold_is_refused(change: Callable[[Any, Any], None], message: str) -> None:
    with pytest.raises(EdgekitError, match=message):
        read_graph(changed(change))


def test_two_operators_cannot_share_a_state() -> None:
    r = Random(3)
    x = r.activation((1, 8), 0.1, 0)
    y = svdf(r, x)
    z = r.activation(r.b.shape(y), *r.b.quantization(y))
    r.b.op("SVDF", r.b.ops[-1].inputs, z, r.b.ops[-1].builtinOptions)
    with pytest.raises(EdgekitError, match="that is another's"):
        read_graph(r.b.finish([x], [y]))
