"""What the compiler works out: operators on constants, and what Keras writes for a Flatten of an open batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.constant_folding import folded
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import exactness
from edgekit.testing.random_operators import Random
from edgekit.testing.random_pairs import drawn_alone, paired
from edgekit.testing.random_tables import drawn_table
from edgekit.tflite.builder import packed
from edgekit.tflite.reader import read_file


def whole(r: Random, values: Any, kind: str = "INT32") -> int:
    data = np.array(values, kind.lower())
    return r.b.tensor(data.shape, kind, data=data)


def slice_options(**masks: int) -> Any:
    options = schema.StridedSliceOptionsT()
    for name, mask in masks.items():
        setattr(options, name, mask)
    return options


def keras_flatten(r: Random, x: int) -> int:
    """SHAPE, STRIDED_SLICE of the batch, PACK with the rest, RESHAPE."""
    size = int(np.prod(r.b.shape(x)))
    shape, batch, packed = (r.b.tensor(dims, "INT32") for dims in ([len(r.b.shape(x))], [], [2]))
    r.b.op("SHAPE", [x], shape, schema.ShapeOptionsT(schema.TensorType.INT32))
    ends = [whole(r, [0]), whole(r, [1]), whole(r, [1])]
    r.b.op("STRIDED_SLICE", [shape, *ends], batch, slice_options(shrinkAxisMask=1))
    r.b.op("PACK", [batch, whole(r, size)], packed, schema.PackOptionsT(2, 0))
    flat = r.b.tensor((1, size), scales=[r.b.quantization(x)[0]], zero_points=[r.b.quantization(x)[1]])
    r.b.op("RESHAPE", [x, packed], flat, schema.ReshapeOptionsT())
    return flat


def view(r: Random, x: int, code: str) -> int:
    shape = r.b.shape(x)
    scale, zero_point = r.b.quantization(x)
    if code == "EXPAND_DIMS":
        y = r.b.tensor((*shape, 1), scales=[scale], zero_points=[zero_point])
        r.b.op(code, [x, whole(r, -1)], y, schema.ExpandDimsOptionsT())
    else:
        y = r.b.tensor([n for n in shape if n > 1] or [1], scales=[scale], zero_points=[zero_point])
        r.b.op(code, [x], y, schema.SqueezeOptionsT([axis for axis, n in enumerate(shape) if n == 1]))
    return y


def network(seed: int) -> bytes:
    """Flatten as Keras writes it, EXPAND_DIMS and SQUEEZE, between other operators and at the ends."""
    r = Random(seed)
    entry = x = r.activation((1, *(int(n) for n in r.rng.integers(2, 9, 2)), 3))
    if seed % 2:
        x = r.conv(x)
    if seed % 3 == 0:
        return r.b.finish([entry], [view(r, x, "EXPAND_DIMS")])
    if seed % 3 == 1:
        x = view(r, x, "SQUEEZE")
    x = keras_flatten(r, x)
    return r.b.finish([entry], [r.dense(x, 4) if seed % 4 else x])


def test_what_keras_writes_for_a_flatten_takes_no_operator_and_gives_tflms_bytes(tmp_path: Path) -> None:
    models = exactness.cases(network, range(24))
    codes = [{origin.code for op in case.graph.ops for origin in op.origins} for case in models]
    assert not any(code in found for found in codes for code in ("SHAPE", "STRIDED_SLICE", "PACK"))
    assert {"EXPAND_DIMS", "SQUEEZE", "RESHAPE"} <= set().union(*codes)
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def test_an_operator_keeps_its_number_in_the_file_when_those_before_it_are_folded() -> None:
    r = Random(1)
    x = r.activation((1, 2, 2, 3))
    content = r.b.finish([x], [r.dense(keras_flatten(r, x), 2)])
    assert [op.label for op in read_graph(content).ops] == ["RESHAPE (operator 3)", "FULLY_CONNECTED (operator 4)"]


INT8_ALONE = ("GATHER", "TRANSPOSE", "EXPAND_DIMS")  # TFLM does not move INT32 with these
TWO_ROWS = [[1, 2, 3], [4, 5, -6]]
# code, constants, shape of the result, options
FOLDED: dict[str, tuple[str, list[Any], tuple[int, ...], Any]] = {
    "ADD": ("ADD", [[1, 2**31 - 1], [5]], (2,), schema.AddOptionsT()),
    "SUB": ("SUB", [TWO_ROWS, [1, 2, 3]], (2, 3), schema.SubOptionsT()),
    "MUL": ("MUL", [[3, -4], [7, 2]], (2,), schema.MulOptionsT()),
    "MAXIMUM": ("MAXIMUM", [[3, -4], [1]], (2,), schema.MaximumMinimumOptionsT()),
    "MINIMUM": ("MINIMUM", [[3, -4], [1]], (2,), schema.MaximumMinimumOptionsT()),
    "CONCATENATION": ("CONCATENATION", [[[1], [2]], [[3], [4]]], (2, 2), schema.ConcatenationOptionsT(1)),
    "GATHER": ("GATHER", [TWO_ROWS, [2, 0]], (2, 2), schema.GatherOptionsT(1)),
    "PACK": ("PACK", [[1, 2], [3, 4]], (2, 2), schema.PackOptionsT(2, 1)),
    "SLICE": ("SLICE", [TWO_ROWS, [0, 1], [2, -1]], (2, 2), schema.SliceOptionsT()),
    "STRIDED_SLICE": ("STRIDED_SLICE", [TWO_ROWS, [1, 2], [0, -9], [1, -2]], (2,), slice_options(shrinkAxisMask=1)),
    "masks": ("STRIDED_SLICE", [TWO_ROWS, [1, 1], [1, 1], [1, 1]], (2, 2), slice_options(beginMask=1, endMask=3)),
    "TRANSPOSE": ("TRANSPOSE", [TWO_ROWS, [1, 0]], (3, 2), schema.TransposeOptionsT()),
    "EXPAND_DIMS": ("EXPAND_DIMS", [[1, 2], [0]], (1, 2), schema.ExpandDimsOptionsT()),
}


def constants_only(code: str, constants: list[Any], shape: tuple[int, ...], options: Any) -> tuple[bytes, int]:
    r = Random(0)
    kind = "INT8" if code in INT8_ALONE else "INT32"
    y = r.b.tensor(shape, kind)
    first, *others = constants
    r.b.op(code, [whole(r, first, kind), *(whole(r, values) for values in others)], y, options)
    x = r.activation((1, 2))
    return r.b.finish([x], [r.dense(x, 2)]), y


@pytest.mark.parametrize("what", FOLDED)
def test_an_operator_on_constants_holds_what_tflm_computes(what: str) -> None:
    content, result = constants_only(*FOLDED[what])
    file = read_file(content)
    after = folded(file)
    assert [op.code for op in after.operators] == ["FULLY_CONNECTED"]
    assert after.tensors[result].data.tobytes() == of_tflm(content, result)
    assert compile_model(content)


def some_scale(r: Random) -> float:
    return r.scale(0.001, 0.01) if r.wide else r.scale(0.02, 0.1)


def float_constant(r: Random) -> int:
    values = np.array([[-1e6, -0.35, -0.05, 0.0, 0.05, 0.15, 2.5, 1e6]], np.float32)
    return r.b.tensor(values.shape, "FLOAT32", values)


PAIRED = ("SUB", "MUL", "MAXIMUM", "MINIMUM")
NARROW = ("ADD", *PAIRED, "RELU", "RELU6", "ELU", "LOGISTIC", "TANH", "QUANTIZE", "QUANTIZE to INT16")
WIDE = ("ADD", *PAIRED, "QUANTIZE", "QUANTIZE to INT8")


def on_constants(r: Random, what: str, seed: int) -> int:
    """The result of an operator on constants alone."""
    code, *to = what.split()
    a = float_constant(r) if what == "QUANTIZE of floats" else r.constant_of((1, 8), some_scale(r))
    if code == "ADD":
        return r.add(a, r.constant_of((4, 1) if seed % 2 else (1, 8), some_scale(r)))
    if code in PAIRED:
        return paired(r, code, a, r.constant_of((1, 8), some_scale(r)))
    if not to:
        return drawn_table(r, a, code)
    kind = to[1] if to[0] == "to" else "INT16" if r.wide else "INT8"
    y = r.b.tensor((1, 8), kind, scales=[0.1], zero_points=[-7 if kind == "INT8" else 0])
    r.b.op(code, [a], y)
    return y


@pytest.mark.parametrize(
    ("what", "wide"),
    [(what, wide) for wide, all_ in ((False, NARROW), (True, WIDE)) for what in (*all_, "QUANTIZE of floats")],
)
def test_quantised_arithmetic_on_constants_holds_what_tflm_computes(what: str, wide: bool) -> None:
    for seed in range(6):
        r = Random(seed, wide)
        entry = r.activation((1, 2))
        result = on_constants(r, what, seed)
        content = r.b.finish([entry], [r.dense(entry, 2)])
        after = folded(read_file(content))
        assert [op.code for op in after.operators] == ["FULLY_CONNECTED"], seed
        assert after.tensors[result].data.tobytes() == of_tflm(content, result), seed


def alone(seed: int, wide: bool) -> bytes:
    r = Random(seed, wide)
    entry = r.activation((1, 3, 4, 2))
    return r.b.finish([entry], [drawn_alone(r, entry)])


@pytest.mark.parametrize("wide", [False, True])
def test_networks_with_such_constants_give_the_bytes_of_tflm(wide: bool, tmp_path: Path) -> None:
    models = exactness.cases(lambda seed: alone(seed, wide), range(10))
    assert len(models) > 7
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def of_tflm(content: bytes, result: int) -> bytes:
    """What TFLM holds in a tensor that no input changes."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    graph.outputs = [result]
    interpreter = runtime.Interpreter.from_bytes(packed(model), arena_size=100_000)
    kind = np.int16 if graph.tensors[graph.inputs[0]].type == schema.TensorType.INT16 else np.int8
    interpreter.set_input(np.zeros((1, 2), kind), 0)
    interpreter.invoke()
    return bytes(interpreter.get_output(0).tobytes())


# what is wrong: the operator and what it is changed by
LEFT: dict[str, tuple[str, Callable[[Any, Any], None]]] = {
    "a shape that is not the result's": ("PACK", lambda model, _: setattr(model.tensors[0], "shape", [4])),
    "an axis that is not there": ("PACK", lambda _, op: setattr(op.builtinOptions, "axis", 9)),
    "no options": ("PACK", lambda _, op: (setattr(op, "builtinOptions", None), setattr(op, "builtinOptionsType", 0))),
    "an operand that is computed": ("PACK", lambda model, op: setattr(op, "inputs", [1, model.inputs[0]])),
    "indices outside": ("GATHER", lambda model, op: setattr(op, "inputs", [1, 1])),
    "masks that add dimensions": ("STRIDED_SLICE", lambda _, op: setattr(op.builtinOptions, "newAxisMask", 1)),
    "a clamp": ("ADD", lambda _, op: setattr(op.builtinOptions, "fusedActivationFunction", 1)),
    "another type": ("MUL", lambda model, _: setattr(model.tensors[0], "type", schema.TensorType.INT16)),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_not_understood_is_left_and_named(what: str) -> None:
    code, change = LEFT[what]
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(constants_only(*FOLDED[code])[0], 0))
    change(model.subgraphs[0], model.subgraphs[0].operators[0])
    content = packed(model)
    assert folded(read_file(content)).operators[0].code == code
    with pytest.raises(EdgekitError, match=code):
        compile_model(content)
