"""From a file to what the network sees: the one contract of training, desktop and board."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.preprocess import flat, has_colours, is_transparent, load_pixels, open_image, to_pixels
from edgekit.errors import EdgekitError
from edgekit.tflite.quantize import to_float, to_int8

RNG = np.random.default_rng(0)
GREY: NDArray[np.uint8] = RNG.integers(0, 256, (24, 36), dtype=np.uint8)


def stored(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (6, 4), (12, 12)])
def test_box_resizing_is_the_mean_of_each_block(rows: int, columns: int) -> None:
    small = to_pixels(Image.fromarray(GREY), (24 // rows, 36 // columns))[..., 0]
    blocks = GREY.reshape(24 // rows, rows, 36 // columns, columns).mean((1, 3))
    assert np.abs(small - blocks).max() <= 1.0  # Pillow rounds after the rows and again after the columns
    assert np.abs(small - blocks).mean() < 0.4


def test_an_image_of_the_right_size_is_not_touched() -> None:
    assert np.array_equal(to_pixels(Image.fromarray(GREY), (24, 36))[..., 0], GREY)


def test_sixteen_bits_give_their_high_byte_and_colours_their_luminance(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 256 + RNG.integers(0, 256, GREY.shape, dtype=np.uint16)
    assert np.array_equal(load_pixels(stored(tmp_path / "16.png", Image.fromarray(deep)), (24, 36))[..., 0], GREY)
    colour = RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8)
    luminance = colour @ np.array([0.299, 0.587, 0.114])
    assert (
        np.abs(load_pixels(stored(tmp_path / "rgb.png", Image.fromarray(colour)), (24, 36))[..., 0] - luminance).max()
        <= 1
    )


def test_three_channels_are_the_colours(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8)
    assert np.array_equal(load_pixels(stored(tmp_path / "rgb.png", Image.fromarray(colour)), (24, 36), 3), colour)
    grey = load_pixels(stored(tmp_path / "grey.png", Image.fromarray(GREY)), (24, 36), 3)
    assert np.array_equal(grey, np.repeat(GREY[..., np.newaxis], 3, 2))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_a_grey_film_is_the_same_however_it_is_stored(tmp_path: Path, mode: str) -> None:
    film = Image.fromarray(GREY).point(lambda v: 255 * (v > 127)) if mode == "1" else Image.fromarray(GREY)
    expected = np.asarray(film)
    kept = film.convert("RGB").quantize(256) if mode == "P" else film.convert(mode)
    if mode in ("RGBA", "LA"):
        kept.putalpha(Image.fromarray(255 - GREY))  # transparency hides nothing of a film
    found = load_pixels(stored(tmp_path / "film.png", kept), (24, 36))[..., 0]
    assert np.abs(found.astype(int) - expected).max() <= (3 if mode == "P" else 0)


def test_a_cmyk_jpeg_is_a_film_too(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(20, 230, 36, dtype=np.uint8), (24, 1))
    path = stored(tmp_path / "cmyk.jpeg", Image.fromarray(smooth).convert("CMYK"), quality=100)
    with Image.open(path) as image:
        assert image.mode == "CMYK"
    assert np.abs(load_pixels(path, (24, 36))[..., 0].astype(int) - smooth).max() <= 6


COLOURS = RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("coloured", [False, True])
def test_a_picture_has_colours_where_any_pixel_is_no_grey_however_it_is_stored(
    tmp_path: Path, mode: str, coloured: bool
) -> None:
    rgb = np.repeat(GREY[..., np.newaxis], 3, 2) // 64 * 64
    if coloured:
        rgb[-1, -1] = 64, 64, 128  # one pixel is enough
    keeps = mode in ("RGB", "RGBA", "P")
    kept = (
        Image.fromarray(rgb).quantize(256) if mode == "P" else Image.fromarray(rgb).convert("L" if not keeps else mode)
    )
    kept = Image.fromarray(GREY.astype(np.uint16) * 256) if mode == "I;16" else kept.convert(mode)
    with open_image(stored(tmp_path / "one.png", kept)) as image:
        assert image.mode == mode
        assert has_colours(image) == (coloured and keeps)
        assert flat(flat(image)) == flat(image)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_left_out_and_told(tmp_path: Path, mode: str) -> None:
    opaque = (
        Image.fromarray(COLOURS).convert("RGB").quantize(64) if mode == "P" else Image.fromarray(COLOURS).convert(mode)
    )
    expected = np.asarray(opaque.convert("RGB"))
    holed = opaque.copy()
    if mode == "P":
        holed.info["transparency"] = bytes([0, 128] + [255] * 62)
    else:
        holed.putalpha(Image.fromarray(GREY))
    for path, transparent in (
        (stored(tmp_path / "opaque.png", opaque), False), (stored(tmp_path / "holed.png", holed), True),
    ):  # fmt: skip
        with open_image(path) as image:
            assert is_transparent(image) == transparent
            assert np.array_equal(to_pixels(image, (24, 36), 3), expected)


def test_a_palette_and_cmyk_keep_their_colours(tmp_path: Path) -> None:
    palette = Image.fromarray(COLOURS).quantize(256)
    found = load_pixels(stored(tmp_path / "p.png", palette), (24, 36), 3)
    assert np.array_equal(found, np.asarray(palette.convert("RGB")))
    smooth = np.stack([np.tile(np.linspace(low, 200, 36, dtype=np.uint8), (24, 1)) for low in (20, 90, 150)], 2)
    path = stored(tmp_path / "cmyk.jpeg", Image.fromarray(smooth).convert("CMYK"), quality=100)
    assert np.abs(load_pixels(path, (24, 36), 3).astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 4000)])
def test_images_of_any_shape_fill_the_input(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = stored(tmp_path / "odd.png", Image.fromarray(np.full(shape, 77, np.uint8)))
    found = load_pixels(path, (32, 32))
    assert found.shape == (32, 32, 1)
    assert found.dtype == np.uint8
    assert (found == 77).all()


def test_int8_is_pixel_minus_128_and_float_is_pixel_over_255() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_int8(pixels), np.arange(-128, 128))
    assert to_int8(pixels).dtype == np.int8
    assert np.array_equal(to_float(pixels), (pixels / np.float32(255)).astype(np.float32))
    # one quantisation: the float input, rounded at scale 1/255, is the int8 input
    assert np.array_equal(np.round(to_float(pixels) * 255) - 128, to_int8(pixels))


@pytest.mark.parametrize("suffix", [".png", ".jpeg"])
def test_a_file_cut_or_damaged_anywhere_gives_pixels_or_one_message_that_names_it(tmp_path: Path, suffix: str) -> None:
    path = stored(tmp_path / f"film{suffix}", Image.fromarray(GREY))
    content = path.read_bytes()
    refused = 0
    said = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for position in range(0, len(content), 3):
            for bad in (content[:position], content[:position] + b"\xff" + content[position + 1 :]):
                path.write_bytes(bad)
                try:
                    assert load_pixels(path, (8, 8)).shape == (8, 8, 1)
                except EdgekitError as error:
                    refused += 1
                    said.add((str(path) in error.message, bool(error.hint)))
    assert said == {(True, True)}
    assert refused >= len(content) // 3 - 1  # every cut at the least, but for the last bytes


@pytest.mark.parametrize(("content", "says"), [(b"text", "is not an image"), (b"", "is not an image")])
def test_a_file_that_is_no_image_is_said_to_be_none(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "film.jpeg").write_bytes(content)
    with pytest.raises(EdgekitError, match=says):
        load_pixels(tmp_path / "film.jpeg", (8, 8))
    with pytest.raises(EdgekitError, match="does not exist"):
        load_pixels(tmp_path / "none.jpeg", (8, 8))
