"""What the reader refuses, and how it says so."""

from collections.abc import Callable

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import CompileOptions, compile_model
from edgekit.errors import EdgekitError
from edgekit.testing.random_operators import Random
from edgekit.tflite.builder import Builder


def small_network(change: Callable[[Builder], None] = lambda _: None) -> bytes:
    """conv 3x3 (tensors 0 image, 1 weights, 2 result, 3 bias), fully connected (4 weights, 5 result, 6 bias)."""
    r = Random(5)
    b = r.b
    image = r.activation((1, 4, 4, 2), 0.05, 3)
    weights = b.tensor((3, 3, 3, 2), data=np.ones((3, 3, 3, 2), np.int8), scales=[0.01] * 3, zero_points=[0] * 3)
    result = r.activation((1, 4, 4, 3), 0.1, -128)
    bias = b.tensor((3,), "INT32", np.arange(3, dtype=np.int32), [0.0005] * 3, [0] * 3)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    b.op("CONV_2D", [image, weights, bias], result, options)
    dense = b.tensor((2, 48), data=np.ones((2, 48), np.int8), scales=[0.01], zero_points=[0])
    logits = r.activation((1, 2), 0.2, 0)
    dense_bias = b.tensor((2,), "INT32", np.zeros(2, np.int32), [0.001], [0])
    b.op("FULLY_CONNECTED", [result, dense, dense_bias], logits, schema.FullyConnectedOptionsT())
    change(b)
    return b.finish([image], [logits])


def test_the_small_network_itself_compiles() -> None:
    assert "model_invoke" in compile_model(small_network()).files["model.h"]


def put(index: int, **fields: object) -> Callable[[Builder], None]:
    """Changes fields of a tensor, or of its quantisation where they are named so."""

    def change(b: Builder) -> None:
        for name, value in fields.items():
            target = b.tensors[index]
            setattr(target if name in vars(target) else target.quantization, name, value)

    return change


def option(op: int, **fields: object) -> Callable[[Builder], None]:
    """Changes fields of an operator, or of its options where they are named so."""

    def change(b: Builder) -> None:
        for name, value in fields.items():
            target = b.ops[op]
            setattr(target if name in vars(target) else target.builtinOptions, name, value)

    return change


def operator(code: str) -> Callable[[Builder], None]:
    """Makes the first operator another one."""
    return lambda b: b.codes.__setitem__(0, getattr(schema.BuiltinOperator, code))


def five_megabytes(b: Builder) -> None:
    """Makes the weights of the fully connected layer larger than an ESP32's flash."""
    put(4, shape=[2, 5 << 19])(b)
    b.buffers[b.tensors[4].buffer].data = np.zeros(5 << 20, np.uint8)


FLOAT, INT16 = schema.TensorType.FLOAT32, schema.TensorType.INT16
TANH = schema.ActivationFunctionType.TANH
# what is wrong: (change, words of the message)
REFUSED = {
    "an operator that is not supported": (operator("RANDOM_UNIFORM"), ["RANDOM_UNIFORM"]),
    "a float model": (put(0, type=FLOAT), ["input", "FLOAT32", "tensor 0"]),
    "float weights": (put(1, type=FLOAT), ["CONV_2D (operator 0)", "FLOAT32"]),
    "int16 activations": (put(2, type=INT16), ["CONV_2D (operator 0)", "INT16"]),
    "a dynamic height": (put(0, shapeSignature=[1, -1, 4, 2]), ["dynamic", "[1, -1, 4, 2]"]),
    "a dimension of zero": (put(2, shape=[1, 0, 4, 3]), ["dynamic", "[1, 0, 4, 3]"]),
    "a batch of two": (put(0, shape=[2, 4, 4, 2]), ["CONV_2D (operator 0)", "[2, 4, 4, 2]"]),
    "an output of the wrong shape": (put(2, shape=[1, 4, 5, 3]), ["CONV_2D (operator 0)", "[1, 4, 5, 3]"]),
    "weights that are too short": (put(1, shape=[3, 3, 3, 4]), ["input 1 of CONV_2D", "108 bytes"]),
    "filters that do not fit": (put(1, shape=[6, 3, 3, 1]), ["CONV_2D (operator 0)"]),
    "two scales for three channels": (put(1, scale=[0.1, 0.1], zeroPoint=[0, 0]), ["weights", "2 scales"]),
    "scales along the wrong axis": (put(1, quantizedDimension=3), ["weights", "axis 3"]),
    "asymmetric weights": (put(1, zeroPoint=[0, 1, 0]), ["weights", "symmetric"]),
    "a negative weight scale": (put(1, scale=[0.1, -0.1, 0.1]), ["weights", "symmetric"]),
    "an activation without a scale": (put(2, scale=[], zeroPoint=[]), ["CONV_2D", "0 scales"]),
    "a scale of zero": (put(2, scale=[0.0]), ["scale 0"]),
    "a scale that is not a number": (put(2, scale=[float("nan")]), ["scale nan"]),
    "a zero point of 128": (put(2, zeroPoint=[128]), ["zero point 128"]),
    "a bias of the wrong size": (option(0, inputs=[0, 1, 6]), ["bias", "2 values"]),
    "a bias with the wrong scale": (put(6, scale=[1.0]), ["FULLY_CONNECTED (operator 1): the bias", "scale 1"]),
    "a bias beyond 32 bits": (put(1, scale=[3e8] * 3), ["CONV_2D (operator 0)", "32 bits"]),
    "a fused tanh": (option(0, fusedActivationFunction=TANH), ["CONV_2D (operator 0)", "TANH"]),
    "a stride of zero": (option(0, strideH=0), ["CONV_2D (operator 0)", "StrideH"]),
    "a dilation of minus one": (option(0, dilationWFactor=-1), ["CONV_2D (operator 0)", "Dilation"]),
    "a window larger than the image": (
        option(0, padding=schema.Padding.VALID, dilationHFactor=2),
        ["CONV_2D (operator 0)", "VALID"],
    ),
    "no options": (option(0, builtinOptions=None, builtinOptionsType=0), ["CONV_2D (operator 0)", "options"]),
    "the options of another operator": (option(0, builtinOptionsType=11), ["options of another operator"]),
    "weights that are not there": (option(0, inputs=[0, 99, 3]), ["input 1 of CONV_2D", "99"]),
    "a missing input": (option(0, inputs=[0]), ["CONV_2D (operator 0)", "lacks input 1"]),
    "an input that nobody computes": (option(0, inputs=[5, 1, 3]), ["not computed"]),
    "weights that are computed": (option(1, inputs=[2, 2, 6]), ["input 1 of FULLY_CONNECTED", "constant"]),
    "outputs by the pair": (option(0, outputs=[2, 5]), ["CONV_2D (operator 0)", "2 outputs"]),
    "a tensor written twice": (option(1, outputs=[2]), ["FULLY_CONNECTED"]),
    "a buffer that is not there": (put(1, buffer=77), ["buffer 77"]),
    "a variable": (put(2, isVariable=True), ["variable"]),
    "a sparse tensor": (put(1, sparsity=schema.SparsityParametersT()), ["sparse"]),
    "a tensor of two gigabytes": (put(2, shape=[1, 2**15, 2**15, 2]), ["16 MB"]),
    "constants of five megabytes": (five_megabytes, ["4 MB", "FULLY_CONNECTED (operator 1)"]),
    "dimensions without end": (put(0, shape=[1] * 65), ["65 entries"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_model_that_cannot_be_compiled_is_refused_by_name(what: str) -> None:
    change, words = REFUSED[what]
    with pytest.raises(EdgekitError) as refusal:
        compile_model(small_network(change))
    assert all(word.lower() in refusal.value.message.lower() for word in words), refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\x00" * 64, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 64, b"#!/bin/sh\n" * 9]
)
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(EdgekitError, match=r"not a \.tflite file|is damaged"):
        compile_model(content)


def test_every_truncation_is_refused_or_harmless() -> None:
    content = small_network()
    refused = 0
    for length in range(0, len(content), 3):
        try:
            compile_model(content[:length])
        except EdgekitError:
            refused += 1
    assert refused > 0.9 * len(content) / 3  # a few bytes of padding at the end may go


def test_an_open_batch_is_taken_as_one() -> None:
    assert compile_model(small_network(put(0, shapeSignature=[-1, 4, 4, 2])))


def test_a_hostile_name_never_reaches_the_c_source() -> None:
    name = '*/ int x; /* " \\ \n #error'
    text = compile_model(small_network(put(2, name=name))).files["model.c"]
    assert "#error" not in text


@pytest.mark.parametrize("name", ["", "9lives", "a b", "x;y", "../up", "é"])
def test_a_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(EdgekitError, match="identifier"):
        CompileOptions(name)
