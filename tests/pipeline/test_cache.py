"""The cache of stages: by content, by code, whole or absent."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.pipeline import cache as room
from edgekit.pipeline.cache import Arrays, StageCache


class Kitchen:
    """Makes a stage and counts how often."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.stages = StageCache(folder, on_stage=lambda name, cached: self.seen.append((name, cached)), **options)

    def run(self, inputs: Any, code: tuple[str, ...] = ("errors.py",)) -> tuple[Arrays, str]:
        def make(checkpoint: Path) -> Arrays:
            checkpoint.write_text("half")
            return {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "note": np.array("cpu")}

        return self.stages.run("teach", inputs, code, make)


def test_the_same_inputs_come_back_as_they_were_made(tmp_path: Path) -> None:
    made, key = Kitchen(tmp_path).run({"a": 1, "b": [1, 2]})
    again = Kitchen(tmp_path)
    kept, same = again.run({"b": [1, 2], "a": 1})
    assert again.seen == [("teach", True)]
    assert key == same
    assert kept["weights"].dtype == np.float32
    assert np.array_equal(kept["weights"], made["weights"])
    assert str(kept["note"]) == "cpu"
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]  # the checkpoint is gone


def test_other_inputs_or_other_code_are_another_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "errors.py").write_text("one")
    monkeypatch.setattr(room, "_PACKAGE", package)
    kitchen = Kitchen(tmp_path / "stages")
    keys = [kitchen.run({"a": 1})[1], kitchen.run({"a": 1.5})[1]]
    (package / "errors.py").write_text("two")
    keys.append(kitchen.run({"a": 1})[1])
    assert len(set(keys)) == 3
    assert [cached for _, cached in kitchen.seen] == [False] * 3


def test_a_file_damaged_at_any_byte_is_made_again_or_still_the_same(tmp_path: Path) -> None:
    made, _ = Kitchen(tmp_path).run({})
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x5A]) + content[position + 1 :])
        found = room._read(path)
        assert found is None or found.keys() != made.keys() or np.array_equal(found["weights"], made["weights"])
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert room._read(path) is None


def test_a_stage_that_fails_leaves_its_checkpoint_and_no_result(tmp_path: Path) -> None:
    def fails(checkpoint: Path) -> Arrays:
        checkpoint.write_text("epoch 3")
        raise EdgekitError("stopped")

    kitchen = Kitchen(tmp_path)
    with pytest.raises(EdgekitError):
        kitchen.stages.run("teach", {}, (), fails)
    assert [(path.suffix, path.read_text()) for path in tmp_path.iterdir()] == [(".checkpoint", "epoch 3")]


def test_fresh_starts_from_an_empty_folder(tmp_path: Path) -> None:
    Kitchen(tmp_path).run({})
    kitchen = Kitchen(tmp_path, fresh=True)
    assert list(tmp_path.iterdir()) == []
    kitchen.run({})
    assert kitchen.seen == [("teach", False)]


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgekitError, match="cannot be written"):
        Kitchen(tmp_path / "file" / "stages")
