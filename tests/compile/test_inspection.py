"""`edgekit inspect`: what a .tflite holds and needs, and what keeps it from being compiled."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import compile_model
from edgekit.compile.inspection import inspected
from edgekit.errors import EdgekitError
from edgekit.runtimes.tflm import arena_bytes_apart
from edgekit.testing.builder import float_ended
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import variable
from edgekit.tflite.model import count
from edgekit.tflite.reader import read_file

STUDENT = Path(__file__).parents[1] / "vectors/student/int8.tflite"


def test_the_figures_are_those_of_the_file_the_compiler_and_tflm() -> None:
    found, compiled, counted = inspected(STUDENT), compile_model(STUDENT), count(STUDENT)
    assert (found.parameters, found.macs, found.weight_bytes) == (
        counted.parameters, counted.macs, counted.weight_bytes,
    )  # fmt: skip
    assert found.ram_bytes == compiled.shared_ram_bytes
    assert found.tflm_arena_bytes == arena_bytes_apart(STUDENT.read_bytes())
    assert found.constant_bytes == sum(layer.weight_bytes for layer in compiled.program.layers)
    assert found.obstacles == ()
    (image,) = found.inputs
    assert (image.shape, image.type, image.zero_point) == ((1, 32, 32, 1), "INT8", -128)
    assert [op.becomes for op in found.operators] == ["code"] * len(found.operators)


def test_an_operator_is_said_to_be_code_a_constant_the_float_entry_or_in_the_way() -> None:
    r = Random(1)
    x = r.activation((1, 4, 4, 2))
    y = r.b.tensor((1, 4, 4, 2), scales=[0.1], zero_points=[0])
    r.b.op("COS", [x], y)
    shape = r.b.tensor((4,), "INT32")
    r.b.op("SHAPE", [y], shape)
    found = inspected(float_ended(r.b.finish([x], [r.conv(y)])))
    assert [(op.name, op.becomes) for op in found.operators] == [
        ("QUANTIZE", "the float entry"), ("COS", ""), ("SHAPE", "a constant"), ("CONV_2D", "code"),
        ("DEQUANTIZE", "the float entry"),
    ]  # fmt: skip
    assert found.operators[1].obstacle.startswith("COS (operator 1) is not supported. Use another layer")
    assert found.obstacles == (found.operators[1].obstacle,)
    assert found.ram_bytes is found.constant_bytes is None


def test_the_command_prints_the_same_as_a_table_and_as_json(tmp_path: Path) -> None:
    (tmp_path / "some.tflite").write_bytes(random_model(4))
    said = CliRunner().invoke(cli, ["inspect", str(tmp_path / "some.tflite")])
    values = json.loads(CliRunner().invoke(cli, ["inspect", str(tmp_path / "some.tflite"), "--json"]).stdout)
    assert said.exit_code == 0
    assert "It compiles" in said.output
    for name in ("macs", "parameters", "ram_bytes", "tflm_arena_bytes"):
        assert f"{values[name]:,}" in said.output
    assert all(op["name"] in said.output for op in values["operators"])


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(EdgekitError, match=r"not a \.tflite file"):
        inspected(b"nothing")


def test_an_operators_outputs_come_with_their_quantization_and_variables_are_the_state() -> None:
    r = Random(3)
    x = r.activation((1, 4, 4, 2))
    content = r.b.finish([x], [variable(r, x)])
    found = inspected(content)
    assert {op.becomes for op in found.operators if op.name == "VAR_HANDLE"} == {"the state"}
    file = read_file(content, whole=True)
    for op, inspected_op in zip(file.operators, found.operators, strict=True):
        for index, tensor in zip(op.outputs, inspected_op.outputs, strict=True):
            assert tensor.shape == file.tensors[index].shape
            if len(file.tensors[index].scales) == 1:
                assert tensor.scale == float(file.tensors[index].scales[0])
