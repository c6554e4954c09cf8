"""A watch from end to end: the real firmware of this computer answers pictures of a folder that fills."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.live.events import Begun, Seen
from edgekit.live.watch import PREVIEW_PX, watch
from edgekit.pipeline.predict import predict
from edgekit.testing.fault_proxy import FaultProxy
from elsewhere_models import dense
from serial_line import terminal_to
from smoke_build import Said
from watching import INT8, Watching

Draw = Callable[..., Path]
Start = Callable[..., Watching]


def test_each_picture_gets_the_bytes_that_this_computer_gives_and_ctrl_c_ends_it(
    board: str, watching: Start, draw: Draw, tmp_path: Path
) -> None:
    draw(tmp_path / "in/NORMAL/a.png", 1)
    process = watching(board, tmp_path / "in", "--json")
    begun = process.next()
    assert (begun["event"], begun["device"]["board"]) == ("begun", "native")
    assert begun["page"].startswith("http://127.0.0.1:")
    answers = [process.next()]
    draw(tmp_path / "in/pneumonia/b.jpg", 2)
    answers.append(process.next())
    draw(tmp_path / "in/c.jpeg", 3)
    answers.append(process.next())
    here = predict(INT8, [tmp_path / "in" / one["path"] for one in answers], labels="NORMAL,PNEUMONIA")
    assert [one["path"] for one in answers] == ["NORMAL/a.png", "pneumonia/b.jpg", "c.jpeg"]
    assert [tuple(one["outputs_q"]) for one in answers] == [one.outputs_q for one in here]
    assert [one["label"] for one in answers] == [one.label for one in here]
    assert [one["truth"] for one in answers] == ["NORMAL", "PNEUMONIA", ""]
    assert all(one["invoke_us"] > 0 for one in answers)
    process.press_ctrl_c()
    ended = process.next()
    right = sum(one["label"] == one["truth"] for one in answers)
    assert (ended["event"], ended["answered"], ended["labelled"], ended["right"]) == ("ended", 3, 2, right)
    assert np.trace(ended["matrix"]) == right
    code, said = process.end()
    assert (code, said.strip()) == (130, f"Stopped. 3 pictures answered, {right} of 2 right.")


def test_what_cannot_be_read_is_named_and_the_others_are_answered(
    board: str, watching: Start, draw: Draw, tmp_path: Path
) -> None:
    draw(tmp_path / "in/a.png")
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    process = watching(board, tmp_path / "in", "--json")
    process.next()
    assert process.next()["path"] == "a.png"
    skipped = process.next()
    assert (skipped["event"], skipped["path"]) == ("skipped", "b.png")
    assert skipped["reason"] == "is not an image that edgekit reads: no JPEG, no PNG."
    draw(tmp_path / "in/b.png")  # written over by a whole one
    assert process.next()["path"] == "b.png"


def test_a_cable_that_is_pulled_ends_an_idle_watch_in_a_message(
    board: str, watching: Start, draw: Draw, tmp_path: Path
) -> None:
    draw(tmp_path / "in/a.png")
    proxy = FaultProxy(board)
    process = watching(proxy.port, tmp_path / "in", "--json")
    assert [process.next()["event"], process.next()["event"]] == ["begun", "seen"]
    proxy.close()
    assert process.next()["event"] == "ended"
    code, said = process.end()
    assert code == 1
    assert said.splitlines()[0] == f"error: The board at {proxy.port} vanished: the connection broke."
    assert len(said.splitlines()) == 2


def test_a_board_that_falls_silent_while_nothing_comes_ends_the_watch(
    board: str, watching: Start, draw: Draw, tmp_path: Path
) -> None:
    draw(tmp_path / "in/a.png")
    silent = []
    proxy = FaultProxy(board, watch=lambda way, data: bool(silent))
    process = watching(proxy.port, tmp_path / "in", "--json")
    assert [process.next()["event"], process.next()["event"]] == ["begun", "seen"]
    silent.append(True)
    assert process.next()["event"] == "ended"
    code, said = process.end()
    assert (code, said.splitlines()[0]) == (1, f"error: The board at {proxy.port} no longer answers.")
    proxy.close()


def test_two_watches_on_one_serial_port_are_one_line(
    board: str, watching: Start, draw: Draw, tmp_path: Path, edgekit: Callable[..., Said]
) -> None:
    draw(tmp_path / "in/a.png")
    with terminal_to(board) as port:
        first = watching(port, tmp_path / "in", "--json")
        assert [first.next()["event"], first.next()["event"]] == ["begun", "seen"]
        refused = edgekit("watch", "--port", port, "--model", INT8, "--page-port", 0, tmp_path / "in")
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.splitlines()[0] == f"error: {port} is in use by another program."
        draw(tmp_path / "in/b.png")
        assert first.next()["path"] == "b.png"  # undisturbed
        first.press_ctrl_c()
        assert first.end()[0] == 130


def test_a_person_reads_a_line_a_picture_and_the_confusion_at_the_end(
    board: str, draw: Draw, tmp_path: Path, watching: Start
) -> None:
    for number in range(3):
        draw(tmp_path / f"in/NORMAL/{number}[red].png", number)
    process = watching(board, tmp_path / "in")
    lines = [process.line() for _ in range(4)]
    process.press_ctrl_c()
    assert "The page: http://127.0.0.1:" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == [f"NORMAL/{number}[red].png" for number in range(3)]
    assert all(" right " in line or " wrong: NORMAL " in line for line in lines[1:])
    last = process.line()
    while last == lines[-1]:  # stopped in the midst of writing it, rich writes a line again
        last = process.line()
    assert last == "Confusion on 3 images\n"


def test_a_picture_is_shown_as_it_was_sent_but_small(board: str, draw: Draw, tmp_path: Path) -> None:
    draw(tmp_path / "in/a.png", size=(900, 450))
    events = watch(INT8, board, tmp_path / "in", page_port=0)
    begun, seen = next(events), next(events)
    events.close()  # type: ignore[attr-defined]
    assert isinstance(begun, Begun)
    assert isinstance(seen, Seen)
    assert Image.open(io.BytesIO(seen.preview)).size == (PREVIEW_PX, PREVIEW_PX // 2)
    assert begun.labels == ("0", "1")  # nobody has named them


@pytest.mark.parametrize(
    ("shape", "folder", "words"),
    [((1, 6, 5, 1), "absent", "There is no folder"), ((1, 7), "in", "takes 7 values, which are no picture")],
)
def test_what_cannot_be_watched_is_said_before_a_board_is_looked_for(
    tmp_path: Path, shape: tuple[int, ...], folder: str, words: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "m.tflite").write_bytes(dense(shape, 3, scale=1 / 255, zero_point=-128))
    with pytest.raises(EdgekitError, match=words):
        next(watch(tmp_path / "m.tflite", "/dev/no-such-port", tmp_path / folder, page_port=0))


@pytest.mark.parametrize(("port", "board"), [("native", "native"), ("emulator", "emulated")])
def test_a_firmware_is_built_and_started_by_its_word(
    draw: Draw, tmp_path: Path, watching: Start, port: str, board: str
) -> None:
    draw(tmp_path / "in/a.png")
    process = watching(port, tmp_path / "in", "--json")
    assert process.next()["device"]["board"] == board
    seen = process.next()
    assert (seen["path"], seen["invoke_us"] > 0) == ("a.png", True)
    process.press_ctrl_c()
    assert process.end()[0] == 130
