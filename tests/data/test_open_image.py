"""Images that others made: JPEG and PNG alone, regular files alone, and none that ends the work."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edgekit.data.preprocess import load_pixels, open_image, to_pixels
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, open_regular, read_bytes, read_kept_arrays
from edgekit.recipes.recipe import DataRecipe

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 36), dtype=np.uint8)
FOREIGN = ["EPS", "DDS", "BLP", "GIF", "TIFF", "BMP", "PPM", "ICO", "SGI", "TGA", "WEBP", "AVIF"]


def within(seconds: float, call: Callable[[], object]) -> BaseException | None:
    """What the call raises; fails where it has not ended by then."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it hangs"
    return raised[0] if raised else None


@pytest.mark.parametrize("kind", FOREIGN)
def test_another_format_named_png_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    if kind in ("WEBP", "AVIF") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow writes no {kind}")
    image = Image.fromarray(PIXELS)
    image = image.convert({"DDS": "RGBA", "BLP": "P"}.get(kind, "RGB"))
    image.save(tmp_path / "film.png", kind)
    with pytest.raises(EdgekitError, match=r"film\.png is not an image that edgekit reads: no JPEG, no PNG") as error:
        load_pixels(tmp_path / "film.png", (8, 8))
    assert "convert it to PNG" in error.value.hint


def test_postscript_named_png_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {started}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    Image.fromarray(PIXELS).save(tmp_path / "film.png", "EPS")
    with pytest.raises(EdgekitError, match="no JPEG, no PNG"):
        load_pixels(tmp_path / "film.png", (8, 8))
    assert not started.exists()


@pytest.fixture(params=["pipe", "socket", "device", "folder"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path that is no regular file."""
    path = tmp_path / "film.png"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            held = socket.socket(socket.AF_UNIX)
            held.bind(str(path))
            held.close()
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    return path


def test_what_is_no_regular_file_is_never_opened(special: Path) -> None:
    def open_it() -> None:
        with open_image(special):
            pass

    error = within(10, open_it)
    assert isinstance(error, EdgekitError)
    assert str(special) in error.message
    assert "not a regular file" in error.message
    assert isinstance(within(10, lambda: read_bytes(special, "hint")), EdgekitError)
    for read in (open_regular, file_sha256):
        assert isinstance(within(10, lambda read=read: read(special)), OSError)  # type: ignore[misc]
    assert within(10, lambda: read_kept_arrays(special, lambda _: None)) is None


def test_a_pipe_in_a_data_set_is_skipped_and_named(
    tmp_path: Path, write_image: Callable[..., Path], write_release: Callable[..., Path]
) -> None:
    root = write_release(tmp_path / "xrays")
    os.mkfifo(root / "train" / "NORMAL" / "IM-0900-0001.png")
    told: list[str] = []

    def load() -> None:
        load_splits(
            str(root), (8, 8), DataRecipe(calibration_images=8), cache_dir=tmp_path / "c", on_warning=told.append
        )

    assert within(60, load) is None
    assert told == ["1 images cannot be read and are skipped: train/NORMAL/IM-0900-0001.png."]


def test_every_value_of_sixteen_bits_gives_its_high_byte() -> None:
    wide = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(to_pixels(Image.fromarray(wide), (256, 256))[..., 0], (wide >> 8).astype(np.uint8))


_MEASURED = """
import resource, sys
from pathlib import Path
from edgekit.data.preprocess import load_pixels
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load_pixels(Path(sys.argv[1]), (96, 96))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_sixteen_bit_image_costs_less_than_ten_bytes_a_pixel(tmp_path: Path) -> None:
    side = 5000
    Image.fromarray(np.full((side, side), 4000, np.uint16)).save(tmp_path / "film.png", compress_level=1)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path / "film.png")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) / side**2 < 10


_SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from edgekit.data.sources import load_splits
from edgekit.recipes.recipe import DataRecipe
import os
os.cpu_count = lambda: 1
used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000,) * 2)
splits = load_splits(sys.argv[1], (8, 8), DataRecipe(calibration_images=8), cache_dir=Path(sys.argv[2]))
print(*splits.info.notes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
def test_an_image_that_needs_more_memory_than_there_is_is_skipped_and_named(
    tmp_path: Path, write_release: Callable[..., Path]
) -> None:
    root = write_release(tmp_path / "xrays")
    huge = root / "train" / "NORMAL" / "IM-0900-0001.png"
    Image.fromarray(np.zeros((13_000, 13_000), np.uint16)).save(huge, compress_level=1)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SHORT_OF_MEMORY, str(root), str(tmp_path / "cache")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 images cannot be read and are skipped: train/NORMAL/IM-0900-0001.png." in done.stderr
    assert "1 unreadable images were skipped" in done.stdout


@pytest.mark.parametrize("suffix", [".jpeg", ".png"])
@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_an_image_is_turned_upright_as_its_exif_data_say(
    tmp_path: Path, suffix: str, orientation: int, turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.add.outer(np.arange(24) * 3, np.arange(36) * 4).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / f"film{suffix}", exif=exif, quality=95)
    upright = np.rot90(smooth, turn)
    with open_image(tmp_path / f"film{suffix}") as image:
        assert image.size == upright.shape[::-1]
        assert np.abs(np.asarray(image).astype(int) - upright).max() < 12


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0nonsense" * 9])
def test_damaged_exif_data_cost_no_image(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "film.jpeg", exif=exif)
    with open_image(tmp_path / "film.jpeg") as image:
        assert image.size == (36, 24)


def test_a_palette_that_is_missing_is_said_when_the_image_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(PIXELS).quantize(16).save(path)
    content = path.read_bytes()
    at = content.index(b"PLTE") - 4
    path.write_bytes(content[:at] + content[at + 12 + int.from_bytes(content[at : at + 4]) :])
    with pytest.raises(EdgekitError, match=r"film\.png cannot be read: \w") as refused:
        load_pixels(path, (8, 8))
    assert refused.value.hint
