"""From an image file to the pixels that a network sees. This exists once: training, calibration, desktop and
serial host all call it, and the model card quotes CONTRACT.

In: a JPEG or a PNG. Out: uint8 [H, W, C]; int8 for a quantised input.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import open_regular
from edgekit.values.images import Size

CONTRACT = (
    "the first picture of the file, turned upright as its EXIF data say, its transparency left out (what lies below is "
    'seen), palettes and CMYK by Pillow convert("RGB") (colour profiles are not applied); one channel: Pillow '
    'convert("L") (16-bit images: the high byte first); three: RGB (grey three times over); resized straight to the '
    "input's width and height with Pillow's BOX filter, float input = pixel / 255, int8 input = pixel + zero point "
    "(-128)"
)

# Pillow would start Ghostscript for PostScript, and has decoders that nobody tried here, whatever a file's name says.
FORMATS = ("JPEG", "PNG")
Image.MAX_IMAGE_PIXELS = 200_000_000  # a 14 k x 14 k scan; Pillow raises on twice that (a decompression bomb)
ImageFile.LOAD_TRUNCATED_IMAGES = False


def load_pixels(path: Path, size: Size, channels: int = 1) -> NDArray[np.uint8]:
    """Reads one image as the network sees it, uint8 [height, width, channels]. Raises as `open_image`."""
    with open_image(path) as image:
        return to_pixels(image, size, channels)


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The image, upright and loaded in full: the one way to open an image file.

    Raises:
        EdgekitError: the file is missing, no regular file, no JPEG or PNG, corrupt, truncated, or too large for the
            memory, here or in the block; names it.
    """
    try:
        with _loaded(path) as image:
            yield image
    except MemoryError as error:
        hint = "Remove it, make it smaller, or run on a machine with more memory."
        raise EdgekitError(f"{path} needs more memory than there is.", hint) from error


def _loaded(path: Path) -> Image.Image:
    try:
        with open_regular(path) as stream:
            image = Image.open(stream, formats=FORMATS)
            image.load()
            if not image.mode.startswith("I") and image.has_transparency_data:
                image.convert("RGBA")  # a palette or a transparency that is damaged shows here, and not in the block
            return _upright(image)
    except UnidentifiedImageError as error:
        raise EdgekitError(
            f"{path} is not an image that edgekit reads: no JPEG, no PNG.", "Remove it or convert it to PNG."
        ) from error
    except FileNotFoundError as error:
        raise EdgekitError(f"{path} does not exist.", "Check the path.") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders have a dozen for a damaged file
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise EdgekitError(f"{path} cannot be read: {in_a_line(reason)}.", "Remove it or fetch it again.") from error


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF data say; as it is where they say nothing or are damaged."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    except Exception:  # of a dozen kinds
        return image
    return ImageOps.exif_transpose(image) if turned else image


def to_pixels(image: Image.Image, size: Size, channels: int = 1) -> NDArray[np.uint8]:
    """Applies CONTRACT to an open image; three channels are RGB. Returns uint8 [height, width, channels]."""
    height, width = size
    converted = flat(image).convert("L" if channels == 1 else "RGB")
    if converted.size != (width, height):
        converted = converted.resize((width, height), Image.Resampling.BOX)
    return np.asarray(converted, dtype=np.uint8).reshape(height, width, channels)


def flat(image: Image.Image) -> Image.Image:
    """An open image as 8 bits without transparency, L or RGB; the same again where it is that already."""
    if image.mode.startswith("I") or image.mode == "F":  # convert("L") would clip 16 bits at 255
        wide = np.asarray(image)  # 2 bytes a pixel of a 16-bit file, and no copy of them below
        if image.mode.startswith("I;16"):
            return Image.fromarray(np.right_shift(wide, 8, out=np.empty(wide.shape, np.uint8), casting="unsafe"))
        scale = 1.0 if wide.max(initial=0) < 256 else 1 / 256
        return Image.fromarray(np.clip(wide * scale, 0, 255).astype(np.uint8))
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in ("1", "LA"):
        return image.convert("L")
    if image.mode == "P" and image.has_transparency_data:
        image = image.convert("RGBA")  # Pillow would warn
    return image.convert("RGB")


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel of an open image is not opaque, which CONTRACT leaves out."""
    if not image.has_transparency_data or image.mode.startswith("I"):
        return False
    return bool(image.convert("RGBA").getchannel("A").getextrema()[0] != 255)


def has_colours(image: Image.Image) -> bool:
    """Whether any pixel of an open image is no grey, however the image is stored: a film is often kept as RGB."""
    seen = flat(image)
    if seen.mode == "L":
        return False
    red, *others = (channel.tobytes() for channel in seen.split())
    return any(other != red for other in others)
