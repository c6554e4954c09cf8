"""From an image file to the pixels that a network sees. This exists once: training, calibration, desktop and
serial host all call it, and the model card quotes CONTRACT.

In: an image in any format that Pillow reads. Out: uint8 [H, W, C]; int8 for a quantised input.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from edgekit.errors import EdgekitError
from edgekit.values.images import Size

CONTRACT = (
    'Pillow convert("L") (16-bit images: the high byte first), resize straight to the input\'s width and height '
    "with Pillow's BOX filter, float input = pixel / 255, int8 input = pixel + zero point (-128)"
)

Image.MAX_IMAGE_PIXELS = 200_000_000  # a 14 k x 14 k scan; Pillow raises on twice that (a decompression bomb)
ImageFile.LOAD_TRUNCATED_IMAGES = False


def load_pixels(path: Path, size: Size, channels: int = 1) -> NDArray[np.uint8]:
    """Reads one image as the network sees it, uint8 [height, width, channels]. Raises as `open_image`."""
    with open_image(path) as image:
        return to_pixels(image, size, channels)


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The image as it is stored, loaded in full.

    Raises:
        EdgekitError: the file is missing, no image, corrupt or truncated; names it.
    """
    try:
        with Image.open(path) as image:
            image.load()
            yield image
    except UnidentifiedImageError as error:
        raise EdgekitError(f"{path} is not an image.", "Remove it or replace it by a JPEG or PNG.") from error
    except FileNotFoundError as error:
        raise EdgekitError(f"{path} does not exist.", "Check the path.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise EdgekitError(f"{path} cannot be read: {error}.", "Remove it or fetch it again.") from error


def to_pixels(image: Image.Image, size: Size, channels: int = 1) -> NDArray[np.uint8]:
    """Applies CONTRACT to an open image; three channels are RGB. Returns uint8 [height, width, channels]."""
    height, width = size
    if image.mode.startswith("I") or image.mode == "F":  # convert("L") would clip 16 bits at 255
        wide = np.asarray(image, dtype=np.float64)
        scale = 1.0 if wide.max(initial=0) < 256 and not image.mode.startswith("I;16") else 1 / 256
        image = Image.fromarray(np.clip(wide * scale, 0, 255).astype(np.uint8))
    converted = image.convert("L" if channels == 1 else "RGB")
    if converted.size != (width, height):
        converted = converted.resize((width, height), Image.Resampling.BOX)
    return np.asarray(converted, dtype=np.uint8).reshape(height, width, channels)
