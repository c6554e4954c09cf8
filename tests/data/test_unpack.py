"""Zip archives, honest and hostile."""

import stat
import zipfile

import pytest

from edgekit.data.unpack import unpack
from edgekit.errors import EdgekitError


@pytest.fixture
def archive(tmp_path):
    """Makes a zip of the given members below tmp_path/in; the folder to unpack to is tmp_path/out/set."""

    def call(*members):
        path = tmp_path / "in.zip"
        with zipfile.ZipFile(path, "w") as file:
            for member in members:
                file.writestr(member, b"content of a member")
        return path

    return call


def left_in(tmp_path):
    return [path.name for path in (tmp_path / "out").iterdir()]


def test_files_arrive_and_the_litter_of_macos_does_not(archive, tmp_path):
    path = archive("set/train/a.jpeg", "__MACOSX/set/._a.jpeg", "set/.DS_Store", "set/train/._b.jpeg", "set/empty/")
    unpack(path, tmp_path / "out" / "set")
    found = [p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert found == ["set/set/train/a.jpeg"]


LINK = zipfile.ZipInfo("set/link")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    "evil", ["../outside.txt", "/etc/outside.txt", "set/../../outside.txt", "C:/outside.txt", LINK]
)
def test_a_member_that_would_leave_the_folder_stops_everything(archive, tmp_path, evil):
    path = archive("set/good.jpeg", evil)
    with pytest.raises(EdgekitError, match="would be written outside"):
        unpack(path, tmp_path / "out" / "set")
    assert left_in(tmp_path) == []
    assert not (tmp_path / "outside.txt").exists()


def test_a_damaged_archive_leaves_nothing(archive, tmp_path):
    path = archive(*(f"set/{number}.jpeg" for number in range(50)))
    content = bytearray(path.read_bytes())
    where = content.index(b"content of a member", 1500)
    content[where : where + 5] = b"XXXXX"
    path.write_bytes(content)
    with pytest.raises(EdgekitError, match="is damaged") as error:
        unpack(path, tmp_path / "out" / "set")
    assert left_in(tmp_path) == []
    assert str(path) in error.value.hint
    path.write_bytes(content[:-30])
    with pytest.raises(EdgekitError, match="is damaged"):
        unpack(path, tmp_path / "out" / "set")
