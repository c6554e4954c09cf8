"""Variables beside TFLM: what is kept from run to run, what it begins with, and files of which nobody could say."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.reader import read_graph
from edgekit.compile.variables import ReadVariable
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.exactness import Case, cases, differing_in_any_mode, inputs_of
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import variable
from edgekit.tflite.builder import packed


@pytest.fixture(scope="module")
def models() -> list[Case]:
    return cases(lambda seed: network_of(seed, variable), range(24))


def test_networks_around_them_give_the_bytes_of_tflm_run_after_run(models: list[Case], tmp_path: Path) -> None:
    assert len(models) > 20
    assert differing_in_any_mode(models, tmp_path) == []


def test_the_networks_reach_their_corners(models: list[Case]) -> None:
    seen: Counter[str] = Counter()
    for case in models:
        reads = [op for op in case.graph.ops if isinstance(op, ReadVariable)]
        seen["copied"] += any(op.copied for op in reads)
        seen["read where it lies"] += any(not op.copied for op in reads)
        seen["several"] += len(case.graph.states) > 1
        seen["first values"] += any(len(set(state.first.tolist())) > 1 for state in case.graph.states)
        seen["zero point"] += any(
            set(state.first.tolist()) == {state.tensor.quantization.zero_point} for state in case.graph.states
        )
    assert min(seen[name] for name in ("copied", "read where it lies", "several", "first values", "zero point")) > 2


def test_the_last_rows_of_a_wake_word_are_kept_once_and_read_where_they_lie() -> None:
    r = Random(0)
    x, kept, total = (r.activation((1, rows, 8, 4), 0.1, 0) for rows in (1, 9, 10))
    handle, y = r.b.variable("rows"), r.activation((1, 9, 8, 4), 0.1, 0)
    r.b.op("READ_VARIABLE", [handle], kept)
    r.b.op("CONCATENATION", [kept, x], total, schema.ConcatenationOptionsT(1))
    begins, sizes = (r.b.tensor([4], "INT32", np.array(v, np.int32)) for v in ([0, 1, 0, 0], [1, 9, 8, 4]))
    r.b.op("SLICE", [total, begins, sizes], y)
    r.b.op("ASSIGN_VARIABLE", [handle, y], [])
    compiled = compile_model(r.b.finish([x], [r.mean(total)]))
    assert compiled.graph.state_bytes == 9 * 8 * 4
    assert compiled.plan.arena_bytes == 10 * 8 * 4
    assert not any(f"static void {name}" in compiled.files["model.c"] for name in ("read_variable", "slice"))


def test_a_variable_that_is_read_after_it_was_written_keeps_its_old_value_until_then(tmp_path: Path) -> None:
    r = Random(1)
    x = r.activation((1, 6), 0.1, 0)
    handle, old, new = r.b.variable("last"), r.activation((1, 6), 0.1, 0), r.activation((1, 6), 0.1, 0)
    r.b.op("READ_VARIABLE", [handle], old)
    r.b.op("QUANTIZE", [x], new)
    r.b.op("ASSIGN_VARIABLE", [handle, new], [])
    (case,) = cases(lambda _: r.b.finish([x], [r.reshape(old, (1, 6))]), [0])
    program = native_c.build([compile_model(case.content, CompileOptions("m0")).files], tmp_path)
    (inputs,) = inputs_of([case])
    (outputs,) = native_c.run(program, [(0, inputs)], [6])
    assert np.array_equal(outputs[1:], inputs[:-1])
    assert (outputs[0] == 0).all()


def streaming(change: Callable[[schema.ModelT], None]) -> bytes:
    """CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ADD, ASSIGN_VARIABLE; subgraph 1: VAR_HANDLE, ASSIGN_VARIABLE."""
    r = Random(0)
    x, old, new = (r.activation((1, 4), 0.1, 0) for _ in range(3))
    r.b.first_values("last", x, [1, 2, 3, 4])
    handle = r.b.variable("last")
    r.b.op("READ_VARIABLE", [handle], old)
    r.b.op("ADD", [x, old], new, schema.AddOptionsT())
    r.b.op("ASSIGN_VARIABLE", [handle, new], [])
    content = r.b.finish([x], [new])
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    change(model)
    return packed(model)


def renamed(model: schema.ModelT) -> None:
    model.subgraphs[0].operators[1].builtinOptions.sharedName = b"another"
    del model.subgraphs[0].operators[4]


def test_variables_that_are_given_each_others_values_in_a_loop_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    r = Random(0)
    x, *old = (r.activation((1, 4), 0.1, 0) for _ in range(4))
    for name, values in zip("abc", ([1, 2, 3, 4], [-9, 8, -7, 6], [0, 0, 100, -100]), strict=True):
        r.b.first_values(name, x, values)
    handles = [r.b.variable(name) for name in "abc"]
    for handle, tensor in zip(handles, old, strict=True):
        r.b.op("READ_VARIABLE", [handle], tensor)
    for handle, tensor in zip(handles, [*old[1:], r.add(x, old[0])], strict=True):
        r.b.op("ASSIGN_VARIABLE", [handle, tensor], [])
    content = r.b.finish([x], [r.add(old[0], r.add(old[1], old[2]))])
    assert differing_in_any_mode(cases(lambda _: content, range(3)), tmp_path) == []


def second_writer(model: schema.ModelT) -> None:
    model.subgraphs[0].operators.append(model.subgraphs[0].operators[4])


def second_first_value(model: schema.ModelT) -> None:
    model.subgraphs[1].operators.append(model.subgraphs[1].operators[1])


def once_too_late(model: schema.ModelT) -> None:
    operators = model.subgraphs[0].operators
    operators.append(operators.pop(0))


def once_again(model: schema.ModelT) -> None:
    model.subgraphs[1].operators.append(model.subgraphs[0].operators[0])


def once_itself(model: schema.ModelT) -> None:
    model.subgraphs[0].operators[0].builtinOptions.initSubgraphIndex = 0


def once_nowhere(model: schema.ModelT) -> None:
    model.subgraphs[0].operators[0].builtinOptions.initSubgraphIndex = 2


def never_run(model: schema.ModelT) -> None:
    del model.subgraphs[0].operators[0]


def no_handle(model: schema.ModelT) -> None:
    model.subgraphs[0].operators[2].inputs = [0]


def shorter(model: schema.ModelT) -> None:
    model.subgraphs[1].tensors[1].shape = [1, 3]


def float_first(model: schema.ModelT) -> None:
    model.subgraphs[1].tensors[1].type = schema.TensorType.FLOAT32


def another_container(model: schema.ModelT) -> None:
    model.subgraphs[1].operators[0].builtinOptions.container = b"another"


def computed_first(model: schema.ModelT) -> None:
    model.subgraphs[1].tensors[1].buffer = 0


def of_another_size(model: schema.ModelT) -> None:
    for tensor in model.subgraphs[0].tensors[:3]:
        tensor.shape = [1, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "READ_VARIABLE .operator 2. reads variable 'another', which nothing gives a value"),
        (second_writer, "ASSIGN_VARIABLE .operator 5. is a second writer of variable 'last'"),
        (second_first_value, "Subgraph 1 of CALL_ONCE .operator 0. has a second writer of variable 'last'"),
        (once_too_late, "uses variable 'last' before CALL_ONCE gives it a value"),
        (once_again, "Subgraph 1 of CALL_ONCE .operator 0. has CALL_ONCE .operator 2., where only constants"),
        (once_itself, "CALL_ONCE .operator 0. runs subgraph 0, which is not there or is the model itself"),
        (once_nowhere, "CALL_ONCE .operator 0. runs subgraph 2, which is not there"),
        (never_run, "has 2 subgraphs, of which CALL_ONCE does not run all"),
        (no_handle, "READ_VARIABLE .operator 2. names no VAR_HANDLE"),
        (shorter, "is not INT8, or does not hold all its bytes"),
        (float_first, "is not INT8, or does not hold all its bytes"),
        (another_container, "has variable 'last' in 2 containers"),
        (computed_first, "where only constants may be assigned"),
        (of_another_size, r"it reads \[1, 5\] from a variable of \[1, 4\]"),
    ],
)
def test_variables_of_which_nobody_could_say_what_they_hold_are_refused(
    change: Callable[[schema.ModelT], None], message: str
) -> None:
    assert read_graph(streaming(lambda _: None)).states
    with pytest.raises(EdgekitError, match=message):
        read_graph(streaming(change))
