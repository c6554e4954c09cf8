"""What `eval-device --resume` goes on from: the same evaluation, on the same board, with the same firmware."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit import files
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.evaluate import evaluate_on_desktop, evaluate_on_device
from edgekit.device.firmware import ModelSources
from edgekit.device.kept import Kept
from edgekit.device.link import open_link
from edgekit.errors import EdgekitError
from edgekit.values.device_run import agreement
from edgekit.values.evaluation import Prediction
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel

BOARD = {"chip": "native", "build id": "a", "port": "here"}


def stop_after(count: int) -> Callable[[Prediction, object], None]:
    seen: list[Prediction] = []

    def progress(prediction: Prediction, _counts: object) -> None:
        seen.append(prediction)
        if len(seen) == count:
            raise KeyboardInterrupt

    return progress


def leave(folder: Path, done: dict[str, list[int]]) -> None:
    """What a run on BOARD leaves that is cut off."""
    with suppress(KeyboardInterrupt), Kept("key", BOARD, folder) as kept:
        kept.save(done)
        raise KeyboardInterrupt


def flipped(text: str) -> str:
    """The C of a model that flips a bit of its first output."""
    call = "(uint8_t *)output);\n}\n"
    assert text.count(call) == 1
    return text.replace(call, "(uint8_t *)output);\n  output[0] ^= 1;\n}\n")


def test_answers_of_firmware_that_flips_a_bit_are_not_taken_for_those_of_the_restored_one(
    native: Path, sources: ModelSources, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    name, text = next((name, text) for name, text in sources.files.items() if name.endswith(".c"))
    wrong = replace(sources, files={**sources.files, name: flipped(text)})
    with firmware.running(firmware.build("native", wrong)) as port, pytest.raises(KeyboardInterrupt):
        evaluate_on_device(
            Client(open_link(port)), model, xrays, data_info,
            state_dir=tmp_path, at="bench", progress=stop_after(5),
        )  # fmt: skip
    with firmware.running(native) as port:
        client = Client(open_link(port))
        with pytest.raises(EdgekitError, match=r"build id: state has \w+, board says \w+\.") as caught:
            evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, at="bench", resume=True)
        assert "without --resume" in caught.value.hint
        run = evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, at="bench")
        client.link.close()
    assert agreement(run.predictions, evaluate_on_desktop(model, xrays).predictions).identical == len(xrays)
    assert len(list(tmp_path.glob("*.state"))) == 1  # a finished run takes no other's away


def test_a_board_at_another_port_is_told_by_name(tmp_path: Path) -> None:
    leave(tmp_path, {"a": [1, 2, 3]})
    refused = pytest.raises(EdgekitError, match="port: state has here, board says there")
    with refused, Kept("key", {**BOARD, "port": "there"}, tmp_path) as other:
        other.load(2)
    with Kept("key", BOARD, tmp_path) as again:
        assert again.load(2) == {"a": [1, 2, 3]}
    with Kept("another evaluation", BOARD, tmp_path) as fresh:
        assert fresh.load(2) == {}


def test_a_second_run_at_once_neither_overwrites_nor_removes_the_firsts_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as first_ends:
        first = first_ends.enter_context(Kept("key", BOARD, tmp_path))
        first.save({"a": [1, 2, 3]})
        with Kept("key", BOARD, tmp_path) as second:
            second.save({"b": [4, 5, 6]})
            with pytest.raises(EdgekitError, match="no state to go on from"):
                second.load(2)
        assert "Another run of this evaluation on this board is going on" in capsys.readouterr().err
        assert first.load(2) == {"a": [1, 2, 3]}
    assert list(tmp_path.iterdir()) == []


def test_the_state_is_removed_only_when_the_result_is_safe(
    client: Client, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    few = xrays.take(range(3))  # type: ignore[arg-type]
    with suppress(ZeroDivisionError), ExitStack() as held:
        evaluate_on_device(client, model, few, data_info, state_dir=tmp_path, held=held)
        raise ZeroDivisionError  # say, while the report is written
    run = evaluate_on_device(client, model, few, data_info, state_dir=tmp_path, resume=True)
    assert run.resumed == 3
    assert list(tmp_path.iterdir()) == []


def test_resume_says_that_there_is_nothing_to_go_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Kept("key", BOARD, tmp_path) as kept:
        assert kept.load(2) == {}
        assert "--resume begins with the first image" in capsys.readouterr().err
        kept.save({"a": [1, 2, 3]})
        assert kept.load(2) == {"a": [1, 2, 3]}
    assert capsys.readouterr().err == ""


def test_a_damaged_state_is_told_and_the_work_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path, {"grün": [1, 2, 3]})
    (path,) = tmp_path.glob("*.state")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"[1, 2", b"[9, 2"))
    with Kept("key", BOARD, tmp_path) as again:
        assert again.load(2) == {}
    assert f"{path} is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "is not an evaluation's state"),
        (b'{"schema_version": 2, "done": "in another way"}', "schema_version 2; this edgekit reads 1"),
        (b'{"done": {"a": [1, 2, 3]}}', "schema_version None"),
        (b'{"schema_version": 1, "board": {}, "done": {"a": ["x"]}}', "is not an evaluation's state"),
        (b'{"schema_version": 1, "board": {}, "done": {"a": [1]}}', "another number of outputs"),
    ],
    ids=["nested", "later", "earlier", "of another type", "of another length"],
)
def test_a_state_that_this_edgekit_did_not_write_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    files.write_kept(tmp_path / f"eval-key-{files.key_of(BOARD)[:16]}.state", content)
    with pytest.raises(EdgekitError, match=message) as caught, Kept("key", BOARD, tmp_path) as kept:
        kept.load(2)
    assert "without --resume" in caught.value.hint


def test_a_folder_that_takes_no_state_ends_no_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    with Kept("key", BOARD, tmp_path / "file" / "state") as kept:
        kept.save({"a": [1, 2, 3]})
    assert "--resume will not go on from this run" in capsys.readouterr().err


def test_where_no_open_file_can_be_removed_a_finished_run_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where the lock is open until it is released."""
    removed = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if any(one.is_symlink() and one.readlink() == path for one in Path("/proc/self/fd").iterdir()):
            raise PermissionError(13, "The process cannot access the file", str(path))
        removed(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    for _ in range(2):  # the second finds the lock's file and no lock
        with Kept("key", BOARD, tmp_path) as kept:
            kept.save({"a": [1, 2]})
            assert list(tmp_path.glob("*.state"))
        assert not list(tmp_path.glob("*.state"))
