"""An int8 model behind float ends is an int8 model."""

from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.pipeline.loading import load_model
from edgekit.runtimes import litert, tflm
from edgekit.testing.builder import float_ended, packed
from edgekit.tflite.model import count, read_int8_model, read_tflite
from edgekit.tflite.reader import read_file
from edgekit.tflite.strip import strip
from edgekit.values.model import TfliteModel

VECTORS = Path(__file__).parents[1] / "vectors/student"
INT8 = (VECTORS / "int8.tflite").read_bytes()
TOYCAR = Path(__file__).parents[3] / "shared/models/ml_toycar_fullint_floatio.tflite"  # not in the repository
FLOAT_ENDED = float_ended(INT8)


def test_the_int8_model_inside_is_read_counted_and_stripped() -> None:
    found, inside = read_tflite(FLOAT_ENDED), read_tflite(INT8)
    assert (found.variant, found.had_float_ends, inside.had_float_ends) == ("int8", True, False)
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
    whole = TfliteModel(FLOAT_ENDED, "float32", inside.input_shape, None, None, (), "")
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
    assert not read_file(packed(model)).had_float_ends


@pytest.mark.skipif(not TOYCAR.is_file(), reason=f"{TOYCAR} is not here")
def test_mlperfs_model_with_float_ends_compiles() -> None:
    assert compile_model(TOYCAR.read_bytes()).graph.input.size == 640
