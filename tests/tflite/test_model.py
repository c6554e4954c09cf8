import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.errors import EdgekitError
from edgekit.runtimes import litert, tflm
from edgekit.runtimes.runtime import to_tensors
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import count, read_int8_model, read_tflite
from edgekit.tflite.reader import read_file
from edgekit.tflite.strip import strip
from edgekit.values.model import Quantization

VECTORS = Path(__file__).parents[1] / "vectors/student"
INT8 = (VECTORS / "int8.tflite").read_bytes()
PERSON = Path(__file__).parents[3] / "shared/models/tfm_person.tflite"  # as old converters wrote; not in the repository
VARIANTS = ("float32", "float16", "dynamic", "int8")


def edited(edit: Callable[[Any], None]) -> bytes:
    """The int8 student after `edit(model)`, written again."""
    import flatbuffers
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(INT8, 0))
    edit(model)
    builder = flatbuffers.Builder(len(INT8))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def named_and_padded(model: Any) -> None:
    """Gives the model back what a converter writes around it."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model.description = "MLIR Converted."
    model.buffers.append(schema.BufferT(data=np.zeros(64, np.uint8)))
    model.metadata = [schema.MetadataT(name="min_runtime_version", buffer=len(model.buffers) - 1)]
    for row, tensor in enumerate(model.subgraphs[0].tensors):
        tensor.name = f"model/tf.nn.convolution/{row}"
        if tensor.buffer == 0:
            model.buffers.append(schema.BufferT())
            tensor.buffer = len(model.buffers) - 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_is_read_with_its_variant_shape_and_operators(variant: str) -> None:
    model = read_tflite(VECTORS / f"{variant}.tflite")
    ops = (*("CONV_2D", "MAX_POOL_2D") * 2, "AVERAGE_POOL_2D", "FULLY_CONNECTED")
    assert model.variant == variant
    assert model.input_shape == (32, 32, 1)
    assert tuple(op for op in model.ops if op != "DEQUANTIZE") == ops
    if variant == "int8":
        assert model.input_q == Quantization(float(np.float32(1 / 255)), -128)
        assert model.output_q is not None
        assert model.output_q.scale > 0
    else:
        assert (model.input_q, model.output_q) == (None, None)


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_and_macs_are_those_of_the_network(variant: str) -> None:
    counts = count(VECTORS / f"{variant}.tflite")
    assert counts.parameters == (9 * 8 + 8) + (9 * 8 * 16 + 16) + (16 * 2 + 2)
    assert counts.macs == 32 * 32 * 8 * 9 + 16 * 16 * 16 * 9 * 8 + 16 * 2
    if variant == "float32":
        assert counts.weight_bytes == 4 * counts.parameters


def test_stripping_drops_names_metadata_and_empty_buffers_and_changes_no_output() -> None:
    wordy = edited(named_and_padded)
    slim = strip(wordy)
    assert len(slim) == len(INT8) < len(wordy) - 500
    assert b"convolution" not in slim
    assert b"min_runtime_version" not in slim
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 1), dtype=np.uint8)
    before, after = read_tflite(wordy), read_tflite(slim)
    for interpreter in (tflm.infer_of, litert.infer_of, lambda model: litert.infer_of(model, reference_kernels=True)):
        run_before, run_after = interpreter(before), interpreter(after)
        for tensor in to_tensors(before, images):
            np.testing.assert_array_equal(run_before(tensor), run_after(tensor))


def test_stripped_weights_stay_aligned_to_16_bytes() -> None:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.Model.GetRootAs(strip(edited(named_and_padded)), 0)
    starts = [model.Buffers(i)._tab.Vector(model.Buffers(i)._tab.Offset(4)) for i in range(1, model.BuffersLength())]
    assert len(starts) == 6  # two convolutions and the linear layer
    assert all(start % 16 == 0 for start in starts)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(EdgekitError, match=r"no/such\.tflite does not exist"):
        read_tflite(Path("no/such.tflite"))


def test_a_file_that_is_no_tflite_is_named(tmp_path: Path) -> None:
    for content in (b"", b"PNG", b"\x89PNG\r\n\x1a\n" * 100):
        (tmp_path / "image.tflite").write_bytes(content)
        with pytest.raises(EdgekitError, match=r"image\.tflite is not a \.tflite file"):
            read_tflite(tmp_path / "image.tflite")
    with pytest.raises(EdgekitError, match="cannot be read"):
        read_tflite(tmp_path)


def input_with_a_zero_point_of_32_bits(model: Any) -> None:
    graph = model.subgraphs[0]
    quantization = graph.tensors[1].quantization  # of a bias
    quantization.scale, quantization.zeroPoint = quantization.scale[:1], [7]
    graph.inputs = np.array([0, 1], np.int32)


def same_input_twice(model: Any) -> None:
    model.subgraphs[0].inputs = np.array([0, 0], np.int32)


def second_subgraph(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def no_output(model: Any) -> None:
    model.subgraphs[0].outputs = np.array([], np.int32)


def batch_of_two(model: Any) -> None:
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.shape = np.array([2, 32, 32, 1], np.int32)


def ends_before_the_logits(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.operators.pop()
    graph.outputs = graph.operators[-1].outputs


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (batch_of_two, r"takes an input of shape \[2, 32, 32, 1\]: 2 at a time, not one"),
        (input_with_a_zero_point_of_32_bits, "takes int8 and int32 and gives int8: neither floats nor quantised int8"),
        (same_input_twice, "it names an input twice"),
        (second_subgraph, "has 2 subgraphs, of which CALL_ONCE does not run all"),
        (no_output, "it has no output"),
    ],
)
def test_models_of_another_form_are_refused(edit: Callable[[Any], None], message: str) -> None:
    with pytest.raises(EdgekitError, match=message):
        read_tflite(edited(edit))


def stride_zero(model: Any) -> None:
    model.subgraphs[0].operators[0].builtinOptions.strideW = 0


def tensor_from_nowhere(model: Any) -> None:
    operator = model.subgraphs[0].operators[1]
    operator.inputs = np.array([model.subgraphs[0].operators[3].outputs[0]], np.int32)


def tensor_out_of_range(model: Any) -> None:
    model.subgraphs[0].operators[1].outputs = np.array([4000], np.int32)


def short_buffer(model: Any) -> None:
    buffer = max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
    buffer.data = buffer.data[:-16]


def wrong_channels(model: Any) -> None:
    first = model.subgraphs[0].tensors[model.subgraphs[0].operators[0].outputs[0]]
    first.shape = np.array([1, 32, 32, 9], np.int32)


def negative_scale(model: Any) -> None:
    quantization = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].quantization
    quantization.scale = -quantization.scale


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (stride_zero, r"operator 0 \(CONV_2D\) has StrideW 0"),
        (tensor_from_nowhere, r"operator 1 \(MAX_POOL_2D\) reads a tensor that nothing has written"),
        (tensor_out_of_range, r"operator 1 \(MAX_POOL_2D\) writes a tensor that is not free"),
        (short_buffer, r"holds 1136 bytes"),
        (wrong_channels, r"operator 0 \(CONV_2D\) has weights"),
        (negative_scale, r"scale that is not positive"),
    ],
)
def test_what_an_interpreter_would_trust_blindly_is_checked(edit: Callable[[Any], None], message: str) -> None:
    with pytest.raises(EdgekitError, match=f"damaged: .*{message}"):
        read_tflite(edited(edit))


def test_every_truncated_file_is_refused_and_every_mutated_one_refused_or_sound() -> None:
    # A sound file: TFLM runs it or refuses it in words. A crash would end this test run.
    rng = random.Random(0)
    for length in range(0, len(INT8), 37):
        with pytest.raises(EdgekitError):
            read_tflite(INT8[:length])
    image = np.load(VECTORS / "images.npy")[:1, ..., np.newaxis]
    refused = 0
    for _ in range(300):
        content = bytearray(INT8)
        for _ in range(rng.choice((1, 1, 2, 4))):
            content[rng.randrange(len(content))] = rng.choice((0, 255, rng.randrange(256)))
        try:
            model = read_tflite(bytes(content))
            tflm.infer_of(model)(to_tensors(model, image)[0])
        except EdgekitError:
            refused += 1
    assert 50 < refused < 250


def test_a_model_of_any_output_is_read() -> None:
    for read in (read_tflite, read_int8_model):
        model = read(edited(ends_before_the_logits))
        assert model.ops[-1] == "AVERAGE_POOL_2D"
        assert (model.output_shape, model.outputs) == ((1, 1, 16), 16)
        assert model.output_q is not None
    with pytest.raises(EdgekitError, match="float16 model, not int8"):
        read_int8_model((VECTORS / "float16.tflite").read_bytes())
    with pytest.raises(EdgekitError, match="2 at a time"):
        read_int8_model(edited(batch_of_two))


def test_an_empty_tensor_that_no_operator_reads_harms_nobody() -> None:
    def leave_one(model: Any) -> None:
        model.subgraphs[0].tensors.append(
            schema.TensorT([0], schema.TensorType.INT8, 0, "left", schema.QuantizationParametersT())
        )

    assert read_tflite(edited(leave_one)).ops == read_tflite(INT8).ops


def test_the_axis_of_a_single_scale_means_nothing() -> None:
    def axis_out_of_range(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].quantization.quantizedDimension = 7

    assert read_tflite(edited(axis_out_of_range)).input_q == read_tflite(INT8).input_q


def test_a_vector_has_one_axis_whatever_an_old_converter_wrote() -> None:
    r = Random(0)
    entry = r.activation((1, 4, 4, 6))
    filter_scales = [0.01 * (row + 1) for row in range(6)]
    weights = r.b.tensor((1, 3, 3, 6), data=np.ones((1, 3, 3, 6), np.int8), scales=filter_scales, zero_points=[0] * 6)
    r.b.tensors[weights].quantization.quantizedDimension = 3
    out = r.activation((1, 4, 4, 6))
    bias = r.b.tensor((6,), "INT32", np.arange(6, dtype=np.int32), filter_scales, [0] * 6, axis=3)
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = options.depthMultiplier = 1
    r.b.op("DEPTHWISE_CONV_2D", [entry, weights, bias], out, options)
    assert count(r.b.finish([entry], [out])).macs == 4 * 4 * 6 * 9


def test_the_person_detector_of_tflm_is_read_and_run() -> None:
    if not PERSON.is_file():
        pytest.skip(f"{PERSON} is not here")
    model = read_tflite(PERSON)
    assert tflm.run(model, np.zeros((1, 96, 96, 1), np.uint8)).shape == (1, 2)


def test_a_grouped_convolution_is_sound_and_counted() -> None:
    r = Random(0)
    entry = r.activation((1, 4, 4, 6))
    weights, _, scales = r.weights((4, 1, 1, 3), 0)
    out = r.activation((1, 4, 4, 4))
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    r.b.op("CONV_2D", [entry, weights, r.bias(4, entry, scales, 3)], out, options)
    assert count(r.b.finish([entry], [out])).macs == 4 * 4 * 4 * 3


def test_what_is_read_of_options_follows_from_their_table() -> None:
    file = read_file(INT8)
    assert file.operators[0].options_kind == "Conv2DOptions"
    assert file.operators[0].options["Padding"] == "SAME"
    assert file.operators[1].options["FilterHeight"] == 2
    assert read_file(random_model(4)).operators
