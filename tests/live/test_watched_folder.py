"""Which pictures of a folder are whole, by a clock that the test turns."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.live import folder as room
from edgekit.live.folder import LOOK_S, WHOLE_S, Arrived, Folder

Draw = Callable[..., Path]


class Looks:
    """A folder that is looked at whenever `look` is called, so many seconds later."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 100.0
        monkeypatch.setattr(room, "time", SimpleNamespace(monotonic=lambda: self._now))
        self._folder = Folder(root)

    def look(self, later_s: float = LOOK_S) -> list[str]:
        """Names of those that are whole by now; those that are skipped with a minus and the reason."""
        self._now += later_s
        found = list(self._folder.arrivals(lambda image: image.size))
        return [one.path if isinstance(one, Arrived) else f"-{one.path}: {one.reason}" for one in found]


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    (tmp_path / "in").mkdir()
    return Looks(tmp_path / "in", monkeypatch)


def test_a_picture_is_taken_once_when_two_looks_found_it_the_same(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "in/a.png")
    assert looks.look() == []
    assert looks.look() == ["a.png"]
    assert looks.look() == []


def test_pictures_come_in_the_order_in_which_they_were_written(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    for age, name in enumerate(("b.png", "deep/er/a.jpg", "C.JPEG")):
        os.utime(draw(tmp_path / "in" / name), (1000 + age, 1000 + age))
    looks.look()
    assert looks.look() == ["b.png", "deep/er/a.jpg", "C.JPEG"]


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_picture_that_is_still_written_waits_until_it_is_whole(
    looks: Looks, tmp_path: Path, draw: Draw, kind: str
) -> None:
    content = draw(tmp_path / f"whole.{kind}").read_bytes()
    path = tmp_path / f"in/a.{kind}"
    with path.open("wb") as stream:
        for begin in range(0, len(content), len(content) // 4 + 1):
            stream.write(content[begin : begin + len(content) // 4 + 1])
            stream.flush()
            seen = [looks.look(WHOLE_S / 4), looks.look(WHOLE_S / 4), looks.look(WHOLE_S / 4)]
            if stream.tell() < len(content):
                assert seen == [[], [], []]
    assert [f"a.{kind}"] in seen


def test_one_that_never_becomes_whole_is_named_once_and_tried_again_when_it_changes(
    looks: Looks, tmp_path: Path, draw: Draw
) -> None:
    path = draw(tmp_path / "in/a.png")
    content = path.read_bytes()
    path.write_bytes(content[:200])
    assert [looks.look(), looks.look()] == [[], []]
    (said,) = looks.look(WHOLE_S)
    assert said.startswith("-a.png: ")
    assert str(tmp_path) not in said
    assert looks.look(WHOLE_S) == []
    path.write_bytes(content)
    assert [looks.look(), looks.look()] == [[], ["a.png"]]


def test_a_picture_that_is_written_over_is_another(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    os.utime(draw(tmp_path / "in/latest.png"), (1000, 1000))
    assert [looks.look(), looks.look()] == [[], ["latest.png"]]
    draw(tmp_path / "in/latest.png", seed=1)
    assert [looks.look(), looks.look()] == [[], ["latest.png"]]


def test_hidden_files_are_left_alone_and_other_pictures_are_named(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    for name in (".a.png", "__MACOSX/a.png", ".cache/a.png"):
        draw(tmp_path / "in" / name)
    (tmp_path / "in/notes.txt").write_text("no picture")
    Image.new("L", (4, 4)).save(tmp_path / "in/b.bmp")
    looks.look()
    assert looks.look(WHOLE_S) == ["-b.bmp: is not an image that edgekit reads: no JPEG, no PNG."]


def test_a_link_that_leads_out_of_the_folder_is_not_followed(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "secret/a.png")
    (tmp_path / "in/a.png").symlink_to(tmp_path / "secret/a.png")
    (tmp_path / "in/folder").symlink_to(tmp_path / "secret")
    (tmp_path / "in/gone.png").symlink_to(tmp_path / "nothing")
    looks.look()
    assert looks.look(WHOLE_S) == ["-a.png: it is a link that leads out of the folder"]


def test_a_picture_that_goes_before_it_was_whole_is_no_news(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "in/a.png")
    looks.look()
    (tmp_path / "in/a.png").unlink()
    assert [looks.look(), looks.look(WHOLE_S)] == [[], []]


def test_a_folder_that_goes_while_it_is_watched_ends_the_watch(looks: Looks, tmp_path: Path) -> None:
    looks.look()
    shutil.rmtree(tmp_path / "in")
    with pytest.raises(EdgekitError, match=r"in can no longer be read: No such file"):
        looks.look()


def test_what_is_no_folder_is_said_at_once(tmp_path: Path, draw: Draw) -> None:
    with pytest.raises(EdgekitError, match="There is no folder"):
        Folder(tmp_path / "absent")
    with pytest.raises(EdgekitError, match=r"a.png is a file, not a folder"):
        Folder(draw(tmp_path / "a.png"))


def test_names_are_fit_for_a_terminal(looks: Looks, tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "in/a\x1b[31m.png")
    draw(tmp_path / "in/b.png").rename(tmp_path / "in" / os.fsdecode(b"\xff.png"))
    looks.look()
    assert sorted(looks.look()) == ["\\udcff.png", "a\\u001b[31m.png"]


def test_a_folder_within_that_may_not_be_listed_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory() as root:  # pytest's own is closed to other users, too
        Path(root).chmod(0o755)
        (Path(root) / "closed").mkdir(mode=0)
        looks, own = Looks(Path(root), monkeypatch), os.geteuid()
        if own == 0:
            os.seteuid(65534)  # root may list every folder
        try:
            assert looks.look() == ["-closed/: the folder cannot be read: Permission denied"]
            assert looks.look() == []
        finally:
            os.seteuid(own)
