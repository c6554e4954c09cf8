"""An int8 model behind float or uint8 ends is an int8 model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import load_model
from edgekit.runtimes import litert, tflm
from edgekit.testing import native_c
from edgekit.testing.builder import float_ended, uint8_ended
from edgekit.testing.random_operators import Random
from edgekit.tflite.builder import packed
from edgekit.tflite.model import count, read_int8_model, read_tflite
from edgekit.tflite.quantize import real_values
from edgekit.tflite.reader import read_file
from edgekit.tflite.strip import strip
from edgekit.values.model import Quantization, TfliteModel

VECTORS = Path(__file__).parents[1] / "vectors/student"
INT8 = (VECTORS / "int8.tflite").read_bytes()
TOYCAR = Path(__file__).parents[3] / "shared/models/ml_toycar_fullint_floatio.tflite"  # not in the repository
FLOAT_ENDED = float_ended(INT8)
UINT8_ENDED = uint8_ended(INT8)


def test_the_int8_model_inside_is_read_counted_and_stripped() -> None:
    found, inside = read_tflite(FLOAT_ENDED), read_tflite(INT8)
    assert (found.variant, found.other_ends, inside.other_ends) == ("int8", "float", "")
    assert (found.ops, found.input_q, found.output_q) == (inside.ops, inside.input_q, inside.output_q)
    assert read_int8_model(FLOAT_ENDED) == found
    assert read_tflite(found.flatbuffer).sha256 == found.sha256
    assert count(FLOAT_ENDED).macs == count(INT8).macs
    assert read_tflite(strip(FLOAT_ENDED)).ops == inside.ops


def test_interpreters_and_the_compiler_give_the_bytes_of_the_model_inside() -> None:
    images = np.load(VECTORS / "images.npy")[:8, ..., np.newaxis]
    found, inside = read_tflite(FLOAT_ENDED), read_tflite(INT8)
    expected = tflm.run(inside, images)
    assert np.array_equal(tflm.run(found, images), expected)
    assert np.array_equal(litert.infer_of(found)(litert.to_tensors(found, images)[0]), expected[0])
    entry, exit_ = ((replace(spec, type="FLOAT32", q=None),) for (spec,) in (inside.input_specs, inside.output_specs))
    whole = TfliteModel(FLOAT_ENDED, "float32", entry, exit_, (), "")
    assert inside.output_q is not None
    steps = litert.run(whole, images) / inside.output_q.scale + inside.output_q.zero_point
    assert np.array_equal(np.round(steps), litert.run(inside, images))  # the file as it was gives the same answers
    assert compile_model(FLOAT_ENDED).plan == compile_model(INT8).plan


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keras.tflite").write_bytes(FLOAT_ENDED)
    assert load_model(tmp_path / "keras.tflite").model.variant == "int8"
    assert "float ends" in capsys.readouterr().err


def test_a_float_input_that_another_layer_reads_too_stays() -> None:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(FLOAT_ENDED, 0))
    graph = model.subgraphs[0]
    graph.operators[-2].inputs = [*graph.operators[-2].inputs, graph.inputs[0]]
    assert not read_file(packed(model)).other_ends


@pytest.mark.skipif(not TOYCAR.is_file(), reason=f"{TOYCAR} is not here")
def test_mlperfs_model_with_float_ends_compiles() -> None:
    assert compile_model(TOYCAR.read_bytes()).graph.input.size == 640


def test_the_int8_model_behind_uint8_ends_gives_the_same_answers() -> None:
    images = np.load(VECTORS / "images.npy")[:8, ..., np.newaxis]
    found, inside = read_tflite(UINT8_ENDED), read_tflite(INT8)
    assert (found.variant, found.other_ends, found.input_q) == ("int8", "uint8", inside.input_q)
    expected = tflm.run(inside, images)
    assert np.array_equal(tflm.run(found, images), expected)
    pixels = images.reshape(8, -1).view(np.int8)  # scale 1/255: the uint8 that goes in is the pixel
    assert np.array_equal(native_c.tflm(UINT8_ENDED, pixels).view(np.uint8), expected.view(np.uint8) ^ 0x80)
    assert read_tflite(found.flatbuffer).sha256 == found.sha256
    assert compile_model(found.flatbuffer).plan == compile_model(INT8).plan


def test_uint8_in_and_float_out_are_both_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(UINT8_ENDED, 0))
    graph = whole.subgraphs[0]
    graph.tensors[graph.outputs[0]].type = schema.TensorType.FLOAT32
    whole.operatorCodes.append(schema.OperatorCodeT(6, builtinCode=schema.BuiltinOperator.DEQUANTIZE))
    graph.operators[-1].opcodeIndex = len(whole.operatorCodes) - 1
    (tmp_path / "mixed.tflite").write_bytes(packed(whole))
    assert load_model(tmp_path / "mixed.tflite").model.variant == "int8"
    assert "has uint8 and float ends" in capsys.readouterr().err


def test_uint8_of_another_scale_stays_and_is_named() -> None:
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(UINT8_ENDED, 0))
    graph = whole.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization.scale = [0.5]
    assert read_file(packed(whole)).other_ends == "uint8"  # those behind it
    with pytest.raises(EdgekitError, match="takes uint8 and gives int8: neither floats nor quantised int8"):
        read_tflite(packed(whole))


def wide(entry: str, exit_: str) -> bytes:
    """A 16x8 model of one softmax."""
    r = Random(0, wide=True)
    x = r.activation((1, 10), 2**-12)
    y = r.softmax(x)
    ends = {"INT16": (x, y), "FLOAT32": (r.b.tensor((1, 10), "FLOAT32"), r.b.tensor((1, 10), "FLOAT32"))}
    if entry == "FLOAT32":
        r.b.op("QUANTIZE", [ends[entry][0]], x)
        r.b.ops.insert(0, r.b.ops.pop())
    if exit_ == "FLOAT32":
        r.b.op("DEQUANTIZE", [y], ends[exit_][1])
    return r.b.finish([ends[entry][0]], [ends[exit_][1]])


def test_a_16x8_model_with_float_ends_runs_as_one_of_floats() -> None:
    model = read_tflite(wide("FLOAT32", "FLOAT32"))
    assert (model.variant, model.input_q) == ("16x8", None)
    answers = tflm.run(model, np.linspace(-1, 1, 10, dtype=np.float32)[np.newaxis])
    assert answers.sum() == pytest.approx(1, abs=1e-3)
    assert answers.argmax() == 9


def test_a_16x8_model_with_int16_ends_runs_as_one_of_whole_numbers() -> None:
    model = read_tflite(wide("INT16", "INT16"))
    assert (model.variant, model.is_float, model.input_q) == ("integer", False, Quantization(2**-12, 0))
    steps = np.linspace(-4096, 4096, 10).astype(np.int16)[np.newaxis]
    answers = tflm.run(model, steps)
    assert answers.dtype == np.int16
    floats = tflm.run(read_tflite(wide("FLOAT32", "FLOAT32")), (steps * 2.0**-12).astype(np.float32))
    assert np.array_equal(real_values(answers, model.output_specs).astype(np.float32), floats)
