"""What stands between convolutions of INT16 in a 16x8 network, beside TFLM; and networks that TensorFlow exports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.ops.wide_convolution import WideConvolution
from edgekit.compile.passes.fuse_pad import fuse_pad
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_joins import JOINS, drawn_join
from edgekit.testing.random_models import random_model
from edgekit.testing.random_movements import MOVEMENTS, drawn_movement
from edgekit.testing.random_operators import Random
from edgekit.testing.random_pairs import PAIRS, drawn_pair
from edgekit.testing.random_reductions import REDUCTIONS, drawn_reduction
from edgekit.testing.random_tables import WIDE_TABLES, drawn_table

Draw = Callable[[Random, int], int]

SHAPE = (1, 6, 5, 4)


def draws() -> list[tuple[str, Draw]]:
    """Each operator that has activations of INT16, with what draws it."""
    wide = Random(0, wide=True)
    groups = (
        (MOVEMENTS, drawn_movement), (JOINS, drawn_join), (PAIRS, drawn_pair), (REDUCTIONS, drawn_reduction),
        (WIDE_TABLES, drawn_table),
    )  # fmt: skip
    named: list[tuple[str, Draw]] = [
        (code, lambda r, x, code=code, drawn=drawn: drawn(r, x, code))  # type: ignore[misc]
        for codes, drawn in groups
        for code in wide.known(codes)
    ]
    return [
        *named,
        ("ADD", lambda r, x: r.add(x, r.narrow(x))),
        ("AVERAGE_POOL_2D", lambda r, x: r.pool(x, "AVERAGE_POOL_2D")),
        ("MAX_POOL_2D", lambda r, x: r.pool(x, "MAX_POOL_2D")),
        ("PAD", lambda r, x: r.pad(x)),
        ("RESHAPE", lambda r, x: r.reshape(x)),
        ("SOFTMAX", lambda r, x: r.softmax(x)),
    ]


@pytest.mark.parametrize(("code", "draw"), draws(), ids=[code for code, _ in draws()])
def test_one_of_them_gives_the_bytes_of_tflm(code: str, draw: Draw, tmp_path: Path) -> None:
    def network(seed: int) -> bytes:
        r = Random(seed, wide=True)
        entry = r.activation(SHAPE)
        x = r.conv(entry, out=SHAPE[3]) if seed % 2 else entry
        y = draw(r, x)
        return r.b.finish([entry], [y if y != entry else r.reshape(x)])

    models = cases(network, range(4))
    assert any(origin.code == code for case in models for op in case.graph.ops for origin in op.origins)
    assert differing_in_any_mode(models, tmp_path) == []


def test_networks_of_them_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = cases(lambda seed: random_model(seed, wide=True), range(16))
    assert len(models) > 12
    assert differing_in_any_mode(models, tmp_path) == []


def keras_network() -> Any:
    """A block of a ResNet, one of a MobileNet, pools, a gate, layers that grow the image again, and a softmax."""
    keras = pytest.importorskip("tf_keras")
    keras.utils.set_random_seed(1)
    layers, he = keras.layers, {"kernel_initializer": "he_normal", "padding": "same"}
    image = keras.Input((24, 24, 3), batch_size=1)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, use_bias=False, **he)(image)))
    y = layers.Conv2D(8, 3, **he)(layers.Conv2D(8, 3, activation="relu", **he)(x))
    x = layers.ReLU()(layers.Add()([x, y]))
    y = layers.ZeroPadding2D(1)(layers.ReLU(6.0)(layers.Conv2D(24, 1, **he)(x)))
    y = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, depthwise_initializer="he_normal", strides=2)(y))
    x = layers.Conv2D(8, 1, **he)(y)
    y = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    gate = layers.Dense(16, activation="sigmoid")(layers.GlobalAveragePooling2D()(y))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 16))(gate)])
    y = layers.Subtract()([y, layers.Conv2D(16, 1, activation="tanh", **he)(y)])
    y = layers.Conv2DTranspose(4, 3, strides=2, **he)(layers.LeakyReLU(0.1)(y))
    y = layers.Flatten()(layers.MaxPooling2D(4)(layers.UpSampling2D(2)(y)))
    return keras.Model(image, layers.Dense(4, activation="softmax")(y))


@pytest.fixture(scope="module", params=["int16 ends", "float ends"])
def exported(request: pytest.FixtureRequest) -> bytes:
    """The network as TensorFlow's converter writes it in 16x8."""
    tf = pytest.importorskip("tensorflow")
    network, shape = keras_network(), (1, 24, 24, 3)
    run = tf.function(lambda x: network(x, training=False)).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([run], network)
    rng = np.random.default_rng(0)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([rng.normal(size=shape).astype(np.float32)] for _ in range(10))
    wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [wide]
    if request.param == "int16 ends":
        converter.inference_input_type = converter.inference_output_type = tf.int16
    return bytes(converter.convert())


def test_a_16x8_export_of_tensorflow_gives_the_bytes_of_tflm(exported: bytes, tmp_path: Path) -> None:
    models = cases(lambda _: exported, range(3))
    kinds = {origin.code for op in models[0].graph.ops for origin in op.origins}
    assert kinds >= {"ADD", "AVERAGE_POOL_2D", "CONCATENATION", "LOGISTIC", "MEAN", "MUL", "SOFTMAX", "SUB", "TANH"}
    assert {tensor.type for op in models[0].graph.ops for tensor in (*op.inputs, op.output)} == {"INT16"}
    assert differing_in_any_mode(models, tmp_path) == []


def test_a_pad_before_a_convolution_becomes_its_own() -> None:
    r = Random(0, wide=True)
    x = r.activation(SHAPE)
    padded = r.activation((1, 8, 7, 4), *r.b.quantization(x))
    amounts = r.b.tensor((4, 2), "INT32", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    r.b.op("PAD", [x, amounts], padded, schema.PadOptionsT())
    weights, _, scales = r.weights((2, 3, 3, 4), 0)
    y = r.activation((1, 6, 5, 2))
    inputs = [padded, weights, r.bias(2, padded, scales, 36)]
    r.b.op("CONV_2D", inputs, y, schema.Conv2DOptionsT(schema.Padding.VALID, 1, 1, 0, 1, 1))
    (op,) = fuse_pad(read_graph(r.b.finish([x], [y]))).ops
    assert isinstance(op, WideConvolution)
    assert (op.pad, op.image) == ((1, 1), (6, 5, 4))


def one(code: str, options: Any, change: Callable[[Any, Any], None]) -> bytes:
    """An operator from INT16 to INT16 with its tensors changed."""
    r = Random(0, wide=True)
    x, y = r.activation(SHAPE, 2**-12), r.activation(SHAPE, 2**-15)
    r.b.op(code, [x, x] if code == "ADD" else [x], y, options)
    change(r.b.tensors[x], r.b.tensors[y])
    return r.b.finish([x], [y])


def zero_point(x: Any, _: Any) -> None:
    x.quantization.zeroPoint = [5]


def coarse(_: Any, y: Any) -> None:
    y.quantization.scale = [0.5]


def narrow(_: Any, y: Any) -> None:
    y.type, y.quantization.scale = schema.TensorType.INT8, [0.05]


def vast(x: Any, _: Any) -> None:
    x.quantization.scale = [1e6]


@pytest.mark.parametrize(
    ("code", "options", "change", "message"),
    [
        ("ADD", schema.AddOptionsT(), zero_point, "zero point other than 0"),
        ("ADD", schema.AddOptionsT(), narrow, "is INT8, not INT16"),
        ("LOGISTIC", None, coarse, "its output has scale 0.5 instead of 1/32768"),
        ("TANH", None, vast, "out of range for TFLM's kernel"),
        ("SOFTMAX", schema.SoftmaxOptionsT(1.0), coarse, "its output must have scale 1/32768"),
        ("SOFTMAX", schema.SoftmaxOptionsT(1.0), vast, "does not fit into 32 bits"),
        ("SOFTMAX", schema.SoftmaxOptionsT(-1.0), lambda *_: None, "is out of range"),
        ("RELU", None, vast, "does not fit into 32 bits"),
        ("ELU", None, lambda *_: None, "is INT16, not INT8"),
    ],
)
def test_what_tflm_refuses_or_cannot_hold_is_refused(
    code: str, options: Any, change: Callable[[Any, Any], None], message: str
) -> None:
    with pytest.raises(EdgekitError, match=message):
        read_graph(one(code, options, change))
