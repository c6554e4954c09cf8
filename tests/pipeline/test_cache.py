"""The cache of stages: by content, by code, whole or absent."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.pipeline import cache
from edgekit.pipeline.cache import Arrays, StageCache, only_one


class Maker:
    """Makes a stage and counts how often."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.stages = StageCache(folder, on_stage=lambda name, cached: self.seen.append((name, cached)), **options)

    def run(self, inputs: Any) -> tuple[Arrays, str]:
        def make(checkpoint: Path) -> Arrays:
            checkpoint.write_text("half")
            return {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "note": np.array("cpu")}

        return self.stages.run("teach", inputs, make)


def test_the_same_inputs_come_back_as_they_were_made(tmp_path: Path) -> None:
    made, key = Maker(tmp_path).run({"a": 1, "b": [1, 2]})
    again = Maker(tmp_path)
    kept, same = again.run({"b": [1, 2], "a": 1})
    assert again.seen == [("teach", True)]
    assert key == same
    assert kept["weights"].dtype == np.float32
    assert np.array_equal(kept["weights"], made["weights"])
    assert str(kept["note"]) == "cpu"
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]  # the checkpoint is gone


def test_other_inputs_are_another_stage(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    assert maker.run({"a": 1})[1] != maker.run({"a": 1.5})[1]
    assert [cached for _, cached in maker.seen] == [False] * 2


def test_a_file_damaged_at_any_byte_is_named_and_made_again(tmp_path: Path) -> None:
    Maker(tmp_path).run({})
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for position in range(0, len(content), 41):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x5A]) + content[position + 1 :])
        told: list[str] = []
        maker = Maker(tmp_path, on_warning=told.append)
        maker.run({})
        assert maker.seen == [("teach", False)]
        assert told == [f"{path} is damaged; the work that it kept is done again."]
        assert path.read_bytes()[-64:] == content[-64:]  # its digest


def test_a_stage_whose_directory_lost_a_member_is_made_again(tmp_path: Path) -> None:
    made, _ = Maker(tmp_path).run({})
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    with io.BytesIO() as one:  # an .npz that is whole and lacks a member, with the old digest
        np.savez(one, weights=made["weights"])
        path.write_bytes(one.getvalue() + content[-97:])
    maker = Maker(tmp_path, on_warning=lambda message: None)
    kept, _ = maker.run({})
    assert maker.seen == [("teach", False)]
    assert kept.keys() == made.keys()


def test_a_stage_that_fails_leaves_its_checkpoint_and_no_result(tmp_path: Path) -> None:
    def fails(checkpoint: Path) -> Arrays:
        checkpoint.write_text("epoch 3")
        raise EdgekitError("stopped")

    maker = Maker(tmp_path)
    with pytest.raises(EdgekitError):
        maker.stages.run("teach", {}, fails)
    assert [(path.suffix, path.read_text()) for path in tmp_path.iterdir()] == [(".checkpoint", "epoch 3")]


def test_fresh_starts_from_an_empty_folder(tmp_path: Path) -> None:
    Maker(tmp_path).run({})
    maker = Maker(tmp_path, fresh=True)
    assert list(tmp_path.iterdir()) == []
    maker.run({})
    assert maker.seen == [("teach", False)]


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgekitError, match="cannot be written"):
        Maker(tmp_path / "file" / "stages")


HOLD = """
import sys
from pathlib import Path
from edgekit.pipeline.cache import only_one
with only_one(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(cache.__file__).parents[2])},
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(EdgekitError, match="Another test is at work"), only_one(folder, "test"):
            pytest.fail("two hold it")
        holder.kill()
    with only_one(folder, "test"):
        assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_file_system_without_locks_goes_on_unguarded_and_one_that_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: object, *arguments: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("filelock.FileLock.acquire", fails)
    code = errno.ENOLCK
    with only_one(tmp_path / "out", "test"):
        pass
    code = errno.EROFS
    with pytest.raises(EdgekitError, match="cannot be written"), only_one(tmp_path / "out", "test"):
        pytest.fail("it is not held")
