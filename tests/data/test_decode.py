"""The cache of decoded pixels: used, checked, and never half-written."""

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgekit.data import decode as room
from edgekit.data.decode import decode
from edgekit.data.download import download, unpack
from edgekit.data.folder import folder_catalogue
from edgekit.errors import EdgekitError


def files_in(cache):
    return sorted((cache / "decoded").iterdir())


def test_a_second_call_opens_no_image(release, tmp_path):
    catalogue = folder_catalogue(release)
    first = decode(catalogue, (16, 16), tmp_path / "cache").images
    for path in release.rglob("*.jpeg"):
        path.unlink()
    again = decode(catalogue, (16, 16), tmp_path / "cache")
    assert np.array_equal(first, again.images)
    assert again.unreadable == {}
    assert again.coloured == ()
    assert first.dtype == np.uint8
    assert first.shape == (44, 16, 16, 1)


def test_size_data_and_preprocessing_each_have_their_own_entry(release, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    decode(folder_catalogue(release), (16, 16), cache)
    decode(folder_catalogue(release), (24, 24), cache)
    (release / "train" / "NORMAL" / "IM-0001-0001.jpeg").unlink()
    decode(folder_catalogue(release), (16, 16), cache)
    monkeypatch.setattr(room, "code_key", lambda module: f"another {module}")
    decode(folder_catalogue(release), (16, 16), cache)
    assert len(files_in(cache)) == 4


def test_unreadable_images_are_remembered_with_their_reason(release, tmp_path):
    (release / "train" / "NORMAL" / "IM-0001-0001.jpeg").write_text("text")
    catalogue = folder_catalogue(release)
    first = decode(catalogue, (16, 16), tmp_path / "cache").unreadable
    again = decode(catalogue, (16, 16), tmp_path / "cache").unreadable
    (row,) = first
    assert catalogue.ids[row] == "train/NORMAL/IM-0001-0001.jpeg"
    assert first == again
    assert "is not an image" in first[row]


@pytest.mark.parametrize(
    "damage", [lambda c: c[: len(c) // 2], lambda c: c[:500] + b"\0" * 200 + c[700:], lambda c: b""]
)
def test_a_damaged_cache_is_made_anew(release, tmp_path, damage):
    catalogue = folder_catalogue(release)
    first = decode(catalogue, (16, 16), tmp_path / "cache").images
    (path,) = files_in(tmp_path / "cache")
    path.write_bytes(damage(path.read_bytes()))
    again = decode(catalogue, (16, 16), tmp_path / "cache").images
    assert np.array_equal(first, again)


def test_a_flip_in_the_list_of_unreadable_images_never_makes_a_black_image_an_xray(release, tmp_path):
    (release / "train" / "NORMAL" / "IM-0001-0001.jpeg").write_text("text")
    catalogue, told = folder_catalogue(release), []
    first = decode(catalogue, (16, 16), tmp_path / "cache").unreadable
    (path,) = files_in(tmp_path / "cache")
    content = path.read_bytes()
    for position in range(content.index(b'{"channels"'), len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert room._cached(path, (44, 16, 16), told.append) is None
    again = decode(catalogue, (16, 16), tmp_path / "cache", told.append).unreadable
    assert again == first
    assert set(told) == {f"{path} is damaged; the work that it kept is done again."}


def test_a_full_disk_is_said_leaves_nothing_and_stops_nothing(release, small_disk: Path):
    told = []
    images = decode(folder_catalogue(release), (256, 256), small_disk, told.append).images
    assert images.any()
    (said,) = told
    assert said.startswith("The disk is full")
    assert files_in(small_disk) == []


def test_a_full_disk_stops_a_download_and_keeps_no_whole_looking_file(server, small_disk, monkeypatch):
    server.files["big"] = bytes(3_000_000)
    with pytest.raises(EdgekitError, match="The disk is full"):
        download(f"{server.base}/big", small_disk / "big", checksum=None)
    assert [path.name for path in small_disk.iterdir()] == ["big.part"]


def test_a_full_disk_stops_unpacking_and_leaves_nothing(tmp_path, small_disk):
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.jpeg", bytes(500_000))
    with pytest.raises(EdgekitError, match="The disk is full"):
        unpack(tmp_path / "big.zip", small_disk / "set")
    assert list(small_disk.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_said_and_stops_nothing(release, tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    told = []
    images = decode(folder_catalogue(release), (16, 16), tmp_path / "cache", told.append).images
    assert images.any()
    (said,) = told
    assert "cannot be written" in said
    assert "read again next time" in said


DECODING = """
import sys
from pathlib import Path
from edgekit.data.sources import load_splits
from edgekit.recipes.recipe import DataRecipe
print("begun", flush=True)
load_splits(sys.argv[1], (64, 64), DataRecipe(), cache_dir=Path(sys.argv[2]))
print("done", flush=True)
"""
DOWNLOADING = """
import sys
from pathlib import Path
from edgekit.data.download import download
print("begun", flush=True)
download(sys.argv[1], Path(sys.argv[2]) / "big", checksum=None)
print("done", flush=True)
"""


def interrupted(code, *arguments, when):
    """Runs code in a process of its own, sends it a real Ctrl-C, and returns its output and exit code."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(room.__file__).parents[2])},
    )
    assert process.stdout is not None
    process.stdout.readline()
    when()
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    return out, error, process.returncode


def test_ctrl_c_while_decoding_leaves_no_half_cache(tmp_path):
    out, error, code = interrupted(DECODING, "phantom:0:9000", tmp_path / "cache", when=lambda: time.sleep(0.7))
    assert "done" not in out
    assert "KeyboardInterrupt" in error
    assert code != 0
    assert not (tmp_path / "cache").exists() or files_in(tmp_path / "cache") == []


def test_a_fault_of_the_program_itself_is_no_unreadable_image(release, tmp_path):
    def broken(row, image):
        if row == 7:
            raise ZeroDivisionError
        return row

    with pytest.raises(ZeroDivisionError):
        room.see_images(folder_catalogue(release), "Looking", broken)
    found, unreadable = room.see_images(folder_catalogue(release), "Looking", lambda row, image: row)
    assert (found, unreadable) == ({row: row for row in range(44)}, {})
    assert list(found) == list(range(44))


def test_ctrl_c_while_downloading_keeps_the_part_and_the_next_run_goes_on(tmp_path, server):
    server.files["big"] = os.urandom(2_000_000)
    halfway, go_on = threading.Event(), threading.Event()
    server.pause = lambda: (halfway.set(), go_on.wait(20))

    def some_has_arrived():
        assert halfway.wait(20)
        while not (tmp_path / "big.part").exists():
            time.sleep(0.01)

    out, _, code = interrupted(DOWNLOADING, f"{server.base}/big", tmp_path, when=some_has_arrived)
    go_on.set()
    assert "done" not in out
    assert code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["big.part"]
    kept = (tmp_path / "big.part").stat().st_size
    download(f"{server.base}/big", tmp_path / "big", checksum=None)
    assert (tmp_path / "big").read_bytes() == server.files["big"]
    assert kept == 0 or server.requests[-1] == ("big", f"bytes={kept}-")
