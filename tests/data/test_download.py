"""Downloads from a real web server that cuts, lies and refuses; and zip archives, honest and hostile."""

import hashlib
import os
import random
import stat
import threading
import zipfile

import pytest

from edgekit.data.download import address, download, record_checksum, unpack
from edgekit.errors import EdgekitError

CONTENT = random.Random(0).randbytes(900_000)
SHA = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def get(server, tmp_path):
    """Downloads CONTENT to `get.path`."""
    server.files["set.zip"] = CONTENT

    def call(checksum=SHA, name="set.zip"):
        download(f"{server.base}/{name}", call.path, checksum=checksum, retry_delay_s=0.001)

    call.path = tmp_path / "deep" / "set.zip"
    call.part = call.path.with_name("set.zip.part")
    call.record = call.path.with_name("set.zip.sha256")
    return call


@pytest.mark.parametrize("checksum", [SHA, MD5])
def test_a_whole_file_arrives_and_nothing_else_is_left(get, checksum):
    get(checksum)
    assert get.path.read_bytes() == CONTENT
    assert [path.name for path in get.path.parent.iterdir()] == ["set.zip"]


def test_a_download_that_is_cut_goes_on_by_itself_from_where_it_was(get, server):
    server.cut_after = [300_000, 200_000]
    get()
    assert get.path.read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["", "bytes=300000-", "bytes=500000-"]


def test_a_download_that_stays_cut_says_what_it_kept_and_the_next_run_goes_on(get, server):
    server.cut_after = [400_000, 0, 0, 0, 0]
    with pytest.raises(EdgekitError, match="broke off") as error:
        get()
    assert "400,000 bytes are kept" in error.value.hint
    assert not get.path.exists()
    assert get.part.read_bytes() == CONTENT[:400_000]
    server.cut_after, server.requests[:] = [], []
    get()
    assert get.path.read_bytes() == CONTENT
    assert server.requests == [("set.zip", "bytes=400000-")]


def test_a_server_without_ranges_is_read_from_the_start(get, server):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT[:1000])
    server.ranges_honoured = False
    get()
    assert get.path.read_bytes() == CONTENT


def test_a_part_that_is_already_whole_needs_no_more_bytes(get):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT)
    get()
    assert get.path.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_started_again(get):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT + b"more")
    get()
    assert get.path.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", ["sha256:" + "0" * 64, "md5:" + "0" * 32])
def test_a_wrong_checksum_is_refused_and_leaves_nothing(get, wrong):
    with pytest.raises(EdgekitError, match="wrong checksum") as error:
        get(wrong)
    assert list(get.path.parent.iterdir()) == []
    assert "Run the command again" in error.value.hint


def test_without_a_published_checksum_the_first_one_is_recorded_and_compared(get, server):
    told = []
    get(None)
    assert not get.record.exists()  # nobody has looked into it yet
    record_checksum(get.path, told.append)
    assert get.record.read_text() == f"{SHA.removeprefix('sha256:')}  set.zip\n"
    assert "recorded in" in told[0]
    get.path.unlink()
    get(None)
    record_checksum(get.path, told.append)
    assert len(told) == 1
    get.path.unlink()
    server.files["set.zip"] = CONTENT[:-1] + b"?"
    with pytest.raises(EdgekitError, match=r"wrong checksum.*recorded at the first download") as error:
        get(None)
    assert str(get.record) in error.value.hint
    assert not get.path.exists()


@pytest.mark.parametrize("checksum", [None, SHA])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>log in", b"\xef\xbb\xbf\n <HTML>", b"<?xml version='1.0'?>"])
def test_a_web_page_in_place_of_the_file_is_thrown_away_and_outlaws_nothing(get, server, page, checksum):
    server.files["set.zip"] = page
    with pytest.raises(EdgekitError, match="answered with a web page, not with the file") as error:
        get(checksum)
    assert "browser" in error.value.hint
    assert list(get.path.parent.iterdir()) == []
    server.files["set.zip"] = CONTENT
    get(checksum)
    assert get.path.read_bytes() == CONTENT


@pytest.mark.parametrize("record", [b"", b"\n", b"\xff\xfe\x00" * 40, b"not a checksum", b"0" * 63, b"g" * 64])
def test_a_damaged_record_of_a_checksum_is_named_before_anything_is_fetched(get, server, record):
    get.record.parent.mkdir()
    get.record.write_bytes(record)
    with pytest.raises(EdgekitError, match=r"set\.zip\.sha256 is damaged") as error:
        get(None)
    assert f"rm {get.record}" in error.value.hint
    assert server.requests == []


def test_a_missing_file_is_said_at_once(get, server):
    with pytest.raises(EdgekitError, match="answered 404") as error:
        get(name="gone.zip")
    assert "EDGEKIT_DATA_URL" in error.value.hint
    assert len(server.requests) == 1


def test_nobody_listening_and_no_address_are_said(tmp_path):
    for url, says in (("http://127.0.0.1:9/x", "broke off"), ("nonsense", "not an address")):
        with pytest.raises(EdgekitError, match=says):
            download(url, tmp_path / "x", checksum=None, retry_delay_s=0)
    assert not (tmp_path / "x").exists()


def test_the_file_appears_only_when_it_is_whole(get, server):
    halfway, go_on = threading.Event(), threading.Event()
    server.pause = lambda: (halfway.set(), go_on.wait(10))
    thread = threading.Thread(target=get)
    thread.start()
    assert halfway.wait(10)
    assert not get.path.exists()
    go_on.set()
    thread.join(10)
    assert get.path.read_bytes() == CONTENT


def test_a_mirror_takes_the_place_of_every_address(monkeypatch):
    assert address("https://a.example/b", "set.zip") == "https://a.example/b"
    monkeypatch.setenv("EDGEKIT_DATA_URL", "http://mirror/x/")
    assert address("https://a.example/b", "set.zip") == "http://mirror/x/set.zip"


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


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
def test_what_is_unpacked_may_be_read_by_whom_the_umask_lets(archive, tmp_path, mask):
    path, before = archive("set/train/a.jpeg"), os.umask(mask)
    try:
        unpack(path, tmp_path / "out" / "set")
    finally:
        os.umask(before)
    modes = {p.stat().st_mode & 0o777 for p in (tmp_path / "out").rglob("*")}
    assert modes == {0o777 & ~mask, 0o666 & ~mask}


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


def test_an_archive_that_unpacks_to_much_more_than_images_do_is_refused(tmp_path):
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(3):
            file.writestr(f"{number}.jpeg", bytes(50_000_000))
    with pytest.raises(EdgekitError, match=r"would unpack to 150,000,000 bytes.*Nothing was unpacked"):
        unpack(path, tmp_path / "out" / "set")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("members", [("a", "a/b"), ("a" * 300,), (".",), ("a\0b/" + "c" * 300,)])
def test_members_that_no_folder_can_hold_are_the_archives_fault(archive, tmp_path, members):
    path = archive(*members)
    try:
        unpack(path, tmp_path / "out" / "set")
    except EdgekitError as error:
        problem = error
    else:
        problem = None
    assert problem is None or problem.message.startswith(f"{path} is damaged")
    assert left_in(tmp_path) in ([], ["set"])
