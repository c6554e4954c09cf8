"""The firmware's project: found by its mark, unpacked into an empty folder, and never over what somebody wrote."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit import files
from edgekit.cli.main import cli
from edgekit.device import firmware, project
from edgekit.device.firmware import ModelSources
from edgekit.errors import EdgekitError
from edgekit.values import shipped

FIRMWARE = Path(__file__).parents[2] / "firmware"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """edgekit as a wheel installs it: its package, away from any checkout, in whose stead is the working directory."""
    package = tmp_path / "lib" / "site-packages" / "edgekit"
    for source in project.source_files(FIRMWARE):
        target = package / "firmware" / source.relative_to(FIRMWARE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    monkeypatch.setattr(shipped, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    return package


@pytest.fixture
def stranger(installed: Path, tmp_path: Path) -> Path:
    """Somebody's PlatformIO project in the working directory."""
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "platformio.ini").write_bytes(b"; Caf\xe9\n[env:uno]\nboard = uno\nedgekit = [edgekit]\n")
    return tmp_path / "firmware"


@pytest.mark.parametrize("named", [False, True])
def test_a_foreign_firmware_folder_is_refused_by_name_and_nothing_is_written_into_it(
    stranger: Path, named: bool, sources: ModelSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    if named:
        monkeypatch.setenv("EDGEKIT_FIRMWARE", str(stranger))
        with pytest.raises(EdgekitError, match=f"{stranger} is a PlatformIO project, but not edgekit's"):
            firmware.build("native", sources)
    with pytest.raises(EdgekitError, match=f"{stranger} is a PlatformIO project, but not edgekit's"):
        firmware.write_model(sources)
    with pytest.raises(EdgekitError, match=f"{stranger} holds files, and is no firmware project of edgekit's"):
        project.unpack(stranger)
    assert [path.name for path in stranger.rglob("*")] == ["platformio.ini"]


@pytest.mark.parametrize("where", [".", "firmware"])
def test_a_project_in_the_working_directory_is_found_by_its_mark(installed: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / where).mkdir(exist_ok=True)
    shutil.copy(FIRMWARE / "platformio.ini", tmp_path / where)
    assert project.folder() == (tmp_path / where).resolve()


def test_without_a_project_the_command_that_makes_one_is_named(installed: Path) -> None:
    with pytest.raises(EdgekitError, match="edgekit firmware --project DIR"):
        project.folder()


def test_this_computer_builds_what_came_with_edgekit_or_what_is_named(
    installed: Path, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.sources() == installed / "firmware"
    monkeypatch.setenv("EDGEKIT_FIRMWARE", str(FIRMWARE))
    assert project.sources() == FIRMWARE


def test_a_checkout_is_a_project_and_is_not_unpacked_over_itself(tmp_path: Path) -> None:
    assert project.folder() == project.sources() == FIRMWARE
    assert project.unpack(FIRMWARE) == ()
    assert not (FIRMWARE / project.WRITTEN).exists()


def test_an_edited_file_stays_and_is_named_and_all_others_become_todays(installed: Path, tmp_path: Path) -> None:
    mine, source = tmp_path / "mine", installed / "firmware"
    assert project.unpack(mine) == ()
    (mine / "src/main_esp32.cc").write_text("// mine")
    (mine / "src/my_own.cc").write_text("// mine, too")
    (mine / "partitions.csv").unlink()
    for name in ("src/main_esp32.cc", "src/two_cores.cc", "src/new.cc"):  # of the edgekit that is installed next
        (source / name).write_text("// of a later edgekit")
    (source / "src/main_native.cc").unlink()
    assert project.unpack(mine) == ("src/main_esp32.cc",)
    assert (mine / "src/main_esp32.cc").read_text() == "// mine"
    assert (mine / "src/my_own.cc").read_text() == "// mine, too"
    assert (mine / "src/two_cores.cc").read_text() == (mine / "src/new.cc").read_text() == "// of a later edgekit"
    assert (mine / "partitions.csv").is_file()
    assert not (mine / "src/main_native.cc").exists()
    assert project.unpack(mine) == ("src/main_esp32.cc",)  # said as long as it is so


def test_a_removed_source_that_was_edited_stays(installed: Path, tmp_path: Path) -> None:
    project.unpack(tmp_path / "mine")
    (tmp_path / "mine/src/main_native.cc").write_text("// mine")
    (installed / "firmware/src/main_native.cc").unlink()
    project.unpack(tmp_path / "mine")
    assert (tmp_path / "mine/src/main_native.cc").read_text() == "// mine"


@pytest.mark.parametrize("record", ["", "[]", '{"../outside": "SHA"}', "[" * 100_000])
def test_a_damaged_record_costs_no_file_of_the_users(installed: Path, tmp_path: Path, record: str) -> None:
    (tmp_path / "outside").write_text("mine")
    project.unpack(tmp_path / "mine")
    (tmp_path / "mine/src/main_native.cc").write_text("// mine")
    (tmp_path / "mine" / project.WRITTEN).write_text(record.replace("SHA", files.sha256_of(b"mine")))
    assert project.unpack(tmp_path / "mine") == ("src/main_native.cc",)
    assert (tmp_path / "outside").read_text() == "mine"


def test_an_unpacking_that_was_cut_off_goes_on(installed: Path, tmp_path: Path) -> None:
    project.unpack(tmp_path / "whole")
    (tmp_path / "mine").mkdir()
    for source in project.source_files(installed / "firmware")[:3]:
        shutil.copy(source, tmp_path / "mine")
    assert project.unpack(tmp_path / "mine") == ()
    for source in project.source_files(tmp_path / "whole"):
        assert (tmp_path / "mine" / source.relative_to(tmp_path / "whole")).read_bytes() == source.read_bytes()


def test_the_command_writes_the_model_into_the_project_and_tells_what_it_left(tmp_path: Path) -> None:
    words = ["firmware", "--model", "chest_xray", "--project", str(tmp_path / "mine")]
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    assert firmware.model_in(tmp_path / "mine") is not None
    (tmp_path / "mine/partitions.csv").write_text("mine")
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "You edited partitions.csv: left as it is." in " ".join(done.stderr.split())
