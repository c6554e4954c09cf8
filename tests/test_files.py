"""Files are whole or absent."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from edgekit.errors import EdgekitError
from edgekit.files import (
    atomic_path,
    clear_unfinished,
    key_of,
    read_kept,
    user_folder,
    write_bytes,
    write_json,
    write_kept,
    write_kept_arrays,
)


def umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current


def test_a_file_is_replaced_as_a_whole_and_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    path = tmp_path / "new" / "card.json"
    write_json(path, {"µ": 1})
    write_json(path, {"µ": 2})
    assert path.read_text(encoding="utf-8") == '{\n  "µ": 2\n}\n'
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert [child.name for child in path.parent.iterdir()] == ["card.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_keeps_the_old_file_and_no_part(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "model"
    write_bytes(path, b"old")

    def interrupted() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_bytes(path, os.urandom(2_000_000)),
        lambda path: write_kept_arrays(path, {"a": np.zeros(250_000), "b": np.zeros(250_000)}),
    ],
)
def test_a_full_disk_is_said_once_and_keeps_the_old_file(
    small_disk: Path, write: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_disk / "model"
    write_bytes(path, b"old")
    with pytest.raises(EdgekitError, match="The disk is full") as error:
        write(path)
    assert str(small_disk) in error.value.hint
    assert path.read_bytes() == b"old"
    assert [child.name for child in small_disk.iterdir()] == ["model"]
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(EdgekitError, match="model cannot be written"):
        write_bytes(tmp_path / "model", b"new")
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_a_key_follows_content_and_not_the_order_of_names() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": "1"}) != key_of({"a": [1]})


def test_only_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "card.json") as temporary:
        left = temporary.name
    foreign = [".card.json.part", "card.json.part", ".profile", ".film.part1"]
    for name in [left, *foreign]:
        (tmp_path / name).write_text("")
    clear_unfinished(tmp_path, "model*")
    assert (tmp_path / left).exists()
    clear_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*foreign, "card.json"])


def test_what_is_kept_comes_back_and_any_flipped_bit_or_cut_is_told_in_one_line(tmp_path: Path) -> None:
    path, told = tmp_path / "kept", list[str]()
    assert read_kept(path, told.append) is None
    assert told == []
    write_kept(path, b"pixels", memoryview(b"and reasons"))
    assert read_kept(path, told.append) == b"pixelsand reasons"
    assert told == []
    content = path.read_bytes()
    damaged = [content[:length] for length in range(len(content))] + [content + b"\n"]
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        damaged.append(bytes(changed))
    for wrong in damaged:
        path.write_bytes(wrong)
        assert read_kept(path, told.append) is None
    assert told == [f"{path} is damaged; the work that it kept is done again."] * len(damaged)


UMASK = """
import os, sys
from pathlib import Path
from edgekit.files import write_kept, write_text
os.umask(0o077)
for write, name, content in ((write_text, "report.html", ""), (write_kept, "x.pixels", b"")):
    write(Path(sys.argv[1]) / "new" / name, content)
"""


def test_an_umask_of_077_lets_nobody_else_read_what_is_written(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-P", "-c", UMASK, str(tmp_path)], check=True)
    made = list(tmp_path.rglob("*"))
    assert len(made) == 3
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_the_folders_of_a_user_are_where_xdg_says_on_every_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: f"C:/{name}")  # as on Windows, whatever XDG says
    assert user_folder("cache") == tmp_path / "edgekit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_folder("cache") == Path("C:/edgekit")
