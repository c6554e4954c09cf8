"""What a network takes a pixel for: read from its int8 input, given, or asked for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.pipeline.predict import predict
from edgekit.runtimes import tflm
from edgekit.testing.builder import requantized_input
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import input_range_of, known_range, network_input, to_float, to_int8, with_input_range
from edgekit.values.model import InputRange, Quantization

VECTORS = Path(__file__).parents[1] / "vectors/student"
SHIPPED = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"
PIXELS = np.arange(256, dtype=np.uint8)
SYMMETRIC = Quantization(float(np.float32(2 / 255)), -1)


def student_with_input(q: Quantization) -> bytes:
    """The small int8 student with another quantisation of its input."""
    return requantized_input((VECTORS / "int8.tflite").read_bytes(), q.scale, q.zero_point)


@pytest.mark.parametrize(
    ("scale", "zero_point", "expected"),
    [
        (1 / 255, -128, (0, 1)),
        (0.0037, -128, (0, 1)),  # no calibration image was quite white
        (2 / 255, -1, (-1, 1)),
        (1 / 127.5, 0, (-1, 1)),
        (1.7 / 255, 22, (-1, 1)),  # spans -1 to 0.7
        (1.0, -128, (0, 255)),
        (0.9, -128, (0, 255)),
        (0.0037, 34, None),  # spans -0.6 to 0.34: pixel / 255 - 0.5, or -1 to 1 of grey images
        (0.0186, -14, None),  # mean and deviation of ImageNet
        (0.002, -128, None),
        (0.1, -128, None),
    ],
)
def test_the_range_is_read_from_what_the_input_spans_or_is_unknown(
    scale: float, zero_point: int, expected: tuple[float, float] | None
) -> None:
    assert input_range_of(Quantization(scale, zero_point)) == (InputRange(*expected, "file") if expected else None)


def test_the_shipped_student_gets_the_bytes_that_it_always_got() -> None:
    model = read_tflite(SHIPPED)
    assert known_range(model) == InputRange(0, 1, "file")
    assert np.array_equal(network_input(model, PIXELS), PIXELS.astype(int) - 128)


@pytest.mark.parametrize(
    ("q", "taken"),
    [
        (SYMMETRIC, InputRange(-1, 1)),
        (Quantization(0.0037, 34), InputRange(-1, 1)),
        (Quantization(1.0, -128), InputRange(0, 255)),
        (Quantization(0.0186, -14), InputRange(-2.1, 2.6)),
    ],
)
def test_a_pixel_is_quantised_to_the_step_next_to_its_real_value(q: Quantization, taken: InputRange) -> None:
    back = (to_int8(PIXELS, q, taken).astype(float) - q.zero_point) * q.scale
    least, greatest = ((end - q.zero_point) * q.scale for end in (-128, 127))
    assert np.abs(back - np.clip(to_float(PIXELS, taken), least, greatest)).max() <= q.scale / 2 + 1e-5


def test_a_model_of_minus_one_to_one_gets_black_as_minus_one(tmp_path: Path) -> None:
    (tmp_path / "keras.tflite").write_bytes(student_with_input(SYMMETRIC))
    images = np.load(VECTORS / "images.npy")[:8]
    for row, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
    answers = predict(tmp_path / "keras.tflite", [tmp_path / f"{row}.png" for row in range(8)])
    run = tflm.infer_of(read_tflite(tmp_path / "keras.tflite"))
    reals = (images / 127.5 - 1)[:, None, ..., None]
    inputs = np.round(reals / SYMMETRIC.scale + SYMMETRIC.zero_point)
    assert [answer.outputs_q for answer in answers] == [tuple(run(one.astype(np.int8)).tolist()) for one in inputs]


def test_an_unknown_range_is_asked_for_and_a_given_one_taken(tmp_path: Path) -> None:
    path, film = tmp_path / "narrow.tflite", tmp_path / "film.png"
    path.write_bytes(student_with_input(Quantization(0.0037, 34)))
    Image.fromarray(np.full((32, 32), 255, np.uint8)).save(film)
    with pytest.raises(EdgekitError, match=r"takes -0\.5994 to 0\.3441") as refused:
        predict(path, film)
    assert "--input-range" in refused.value.hint
    assert predict(path, film, input_range=(-1, 1))[0].outputs_q
    model = with_input_range(read_tflite(path), (-0.5, 0.5))
    assert str(known_range(model)) == "Pixels 0 to 255 enter the network as -0.5 to 0.5 (as given)."


@pytest.mark.parametrize("given", [(1.0, 0.0), (0.0, 0.0), (0.0, float("nan")), (0.0, float("inf")), (0.0, 255.0)])
def test_a_range_that_is_none_or_that_the_input_cannot_hold_is_refused(given: tuple[float, float]) -> None:
    with pytest.raises(EdgekitError):
        with_input_range(read_tflite(SHIPPED), given)


def test_a_float_model_takes_zero_to_one_for_granted_and_says_so() -> None:
    model = read_tflite(VECTORS / "float32.tflite")
    assert "taken for granted" in str(known_range(model))
    assert np.allclose(network_input(with_input_range(model, (-1, 1)), PIXELS), PIXELS / 127.5 - 1, atol=1e-6)
