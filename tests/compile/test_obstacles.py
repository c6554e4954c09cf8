"""A model that cannot be compiled is answered with all that is in the way, each with what to change."""

import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.errors import EdgekitError
from edgekit.testing.random_operators import Random
from edgekit.tflite.builder import packed


def refused(content: bytes) -> EdgekitError:
    with pytest.raises(EdgekitError) as refusal:
        compile_model(content)
    return refusal.value


def lines_of(content: bytes) -> list[str]:
    head, *lines = refused(content).message.splitlines()
    assert head == f"The model cannot be compiled: {len(lines)} things are in the way."
    assert all(line.startswith("- ") for line in lines)
    return lines


def unknown(r: Random, x: int, code: str, kind: str = "INT8") -> int:
    y = r.b.tensor(r.b.shape(x), kind, scales=[0.1], zero_points=[0])
    r.b.op(code, [x], y)
    return y


def test_every_operator_and_tensor_in_the_way_has_its_line() -> None:
    r = Random(1)
    x = r.activation((4, 6, 6, 2))
    x = unknown(r, unknown(r, x, "FILL"), "COS")
    wide = unknown(r, x, "COS", "INT16")
    y = r.activation((4, 6, 6, 2))
    r.b.op("ELU", [wide], y)
    flat = r.reshape(y)
    exit_ = r.dense(flat, 2)
    r.b.tensors[exit_].shapeSignature = [1, -1]
    lines = lines_of(r.b.finish([0], [exit_]))
    wanted = [  # what, and what to do about it
        ("FILL (operator 0) is not supported.", "batch_size=1"),
        ("COS (operator 1) is not supported. The same is so in 1 other place.", "Use another layer"),
        ("Input 0 of ELU (operator 3) (tensor 3, 'tensor_3') is INT16, not INT8.", "8 bits"),
        ("has the dynamic shape [1, -1].", "without dynamic_axes"),
    ]
    assert len(lines) == len(wanted)
    for line, words in zip(lines, wanted, strict=True):
        assert all(word in line for word in words), line


def test_one_obstacle_is_said_without_a_list() -> None:
    r = Random(1)
    x = r.activation((1, 4))
    error = refused(r.b.finish([x], [unknown(r, x, "COS")]))
    assert error.message == "COS (operator 0) is not supported."
    assert error.hint == "Use another layer, or run the model with TFLM."


def test_a_float_model_is_told_once_to_be_quantised() -> None:
    r = Random(1)
    x = first = r.b.tensor((1, 8), "FLOAT32")
    for _ in range(5):
        y = r.b.tensor((1, 8), "FLOAT32")
        r.b.op("RELU", [x], y)
        x = y
    error = refused(r.b.finish([first], [x]))
    assert error.message == "The model's input (tensor 0, 'tensor_0') is FLOAT32, not INT8. " + (
        "The same is so in 5 other places."
    )
    assert "inference_input_type=tf.int8" in error.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SignalWindow", "end the model before it"),
        ("TFLite_Detection_PostProcess", "without post-processing"),
        ("FlexErf", "without SELECT_TF_OPS"),
        ("\x1b[31m" + "long" * 40, "code of its own"),
    ],
)
def test_a_custom_operator_is_called_by_its_name(name: str, hint: str) -> None:
    r = Random(1)
    x = r.activation((1, 4))
    content = r.b.finish([x], [unknown(r, x, "CUSTOM")])
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    model.operatorCodes[0].customCode = name
    error = refused(packed(model))
    assert f"CUSTOM {name.replace(chr(27), chr(92) + 'u001b')[:60]}" in error.message
    assert "\x1b" not in str(error)
    assert hint in error.hint


def test_a_batch_is_refused_with_how_to_fix_it() -> None:
    r = Random(1)
    x = r.activation((4, 6, 6, 2))
    image = r.activation((1, 6, 6, 2))
    y = r.conv(image)
    r.b.ops[0].inputs[0] = x
    error = refused(r.b.finish([x], [y]))
    assert "CONV_2D (operator 0): it needs a batch of 1 and has [4, 6, 6, 2]." in error.message
    assert "batch_size=1" in error.hint
