"""An export is whole or absent, and replaces nothing but an export."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from exporting import STUDENT, Export

from edgekit.cli.main import cli
from edgekit.errors import EdgekitError
from edgekit.export.folder import WRITTEN, check_free, write_folder


def write(out: Path, texts: dict[str, str], *, force: bool = False) -> None:
    check_free(out, force=force)
    write_folder(out, {name: text.encode() for name, text in texts.items()})


def content(folder: Path) -> dict[str, str]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in files.items() if name != WRITTEN}


@pytest.mark.parametrize("there", [False, True])
def test_a_new_or_an_empty_folder_gets_the_files_and_nothing_is_left_beside_it(tmp_path: Path, there: bool) -> None:
    out = tmp_path / "deep/out" if not there else tmp_path / "out"
    if there:
        out.mkdir()
    write(out, {"a/b.txt": "1", "c.txt": "ü"})
    assert content(out) == {"a/b.txt": "1", "c.txt": "ü"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_export_that_nobody_touched_is_replaced_with_what_it_no_longer_has_gone(tmp_path: Path) -> None:
    write(tmp_path / "out", {"a.txt": "1", "gone.txt": "1"})
    write(tmp_path / "out", {"a.txt": "2"})
    assert content(tmp_path / "out") == {"a.txt": "2"}


def test_a_folder_of_other_files_is_refused_by_their_names_with_force_too(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mine.c").write_text("mine")
    for force in (False, True):
        with pytest.raises(EdgekitError, match=r"no export of edgekit's: src/mine\.c\.") as refusal:
            write(tmp_path, {"a.txt": "1"}, force=force)
        assert "--out" in refusal.value.hint
    assert content(tmp_path) == {"src/mine.c": "mine"}


@pytest.mark.parametrize("mine", ["edited", "added", "linked"])
def test_what_the_user_edited_or_added_is_named_and_stays_unless_forced(tmp_path: Path, mine: str) -> None:
    out = tmp_path / "out"
    write(out, {"a.txt": "1", "b.txt": "1"})
    name = "a.txt" if mine == "edited" else "more.txt"
    if mine == "linked":
        (out / name).symlink_to(tmp_path / "nowhere")
    else:
        (out / name).write_text("mine")
    with pytest.raises(EdgekitError, match=f"these files are yours by now: {name}") as refusal:
        write(out, {"a.txt": "2"})
    assert "--force" in refusal.value.hint
    assert content(out).get(name) == (None if mine == "linked" else "mine")
    write(out, {"a.txt": "2"}, force=True)
    assert content(out) == {"a.txt": "2"}


def test_a_refusal_of_many_files_stays_a_line(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.txt").touch()
    with pytest.raises(EdgekitError, match=r"00\.txt, 01\.txt, 02\.txt, 03\.txt, 04\.txt and 35 more\."):
        check_free(tmp_path, force=False)


@pytest.mark.parametrize("record", ["", "[]", "{", "\0"])
def test_a_damaged_record_makes_the_folder_somebody_elses(tmp_path: Path, record: str) -> None:
    write(tmp_path / "out", {"a.txt": "1"})
    (tmp_path / "out" / WRITTEN).write_text(record)
    with pytest.raises(EdgekitError, match="no export of edgekit's"):
        write(tmp_path / "out", {"a.txt": "2"}, force=True)


def test_a_disk_that_is_full_leaves_the_earlier_export_as_it_was(small_disk: Path) -> None:
    write(small_disk / "out", {"a.txt": "1"})
    with pytest.raises(EdgekitError, match="disk is full"):
        write(small_disk / "out", {"a.txt": "2", "large.txt": "x" * (2 << 20)})
    assert content(small_disk / "out") == {"a.txt": "1"}
    assert [path.name for path in small_disk.iterdir()] == ["out"]


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(EdgekitError, match="out is a file"):
        check_free(tmp_path / "out", force=True)


def test_a_model_that_does_not_compile_gives_compiles_own_message_and_writes_nothing(tmp_path: Path) -> None:
    words = [str(STUDENT.with_name("float32.tflite")), "--out", str(tmp_path / "out")]
    said = []
    for command in (["compile"], ["export", "--as", "cmake"]):
        with pytest.raises(EdgekitError) as refusal:
            CliRunner().invoke(cli, [*command, *words], standalone_mode=False, catch_exceptions=False)
        said.append(str(refusal.value))
    assert said[0] == said[1]
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["export", str(STUDENT), "--as", "mbed", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    for known in ("esp-idf", "arduino", "platformio", "cmake", "zephyr"):
        assert known in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--library-version", "1.0"], "'1.0' is no version"),
        (["--author", "a\nb"], "is no name of an author"),
        (["--url", "example.org"], "is no address"),
        (["--picture", "none.png"], "none.png"),
    ],
)
def test_what_a_manifest_cannot_say_is_refused_and_nothing_is_written(
    tmp_path: Path, export: Export, words: list[str], said: str
) -> None:
    with pytest.raises(EdgekitError, match=said):
        export("arduino", *words)
    assert not (tmp_path / "pet").exists()


def test_json_lists_the_files_and_their_bytes(tmp_path: Path) -> None:
    words = ["export", str(STUDENT), "--as", "zephyr", "--out", str(tmp_path / "out"), "--json"]
    said = json.loads(CliRunner().invoke(cli, words, catch_exceptions=False).stdout)
    assert said["name"] == "int8"
    assert (said["format"], said["out"]) == ("zephyr", str(tmp_path / "out"))
    there = {path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != WRITTEN}
    assert said["files"] == {path.relative_to(tmp_path / "out").as_posix(): path.stat().st_size for path in there}
