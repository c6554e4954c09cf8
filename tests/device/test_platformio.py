"""PlatformIO builds and tests the firmware without its registry."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.firmware import model_sources
from edgekit.device.link import open_link
from edgekit.device.profile import profile
from edgekit.device.project import older_settings
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import shipped
from offline_platformio import need_platformio, pio

VECTORS = Path(__file__).parents[1] / "vectors/student"
ENVIRONMENTS = {"native": "program", "emulated": "program.elf"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh checkout as far as the firmware goes: no lib/model yet, the small model as the one that comes with it."""
    need_platformio()
    copy = tmp_path / "firmware"
    shutil.copytree(shipped("firmware"), copy, ignore=shutil.ignore_patterns(".pio", ".cache", "platforms", "model"))
    (tmp_path / "src").symlink_to(shipped("firmware").parent / "src")
    model = tmp_path / "models/chest_xray"
    model.mkdir(parents=True)
    shutil.copy(VECTORS / "int8.tflite", model / "student_int8.tflite")
    return copy


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pio_run_in_a_fresh_checkout_builds_a_board_that_answers(
    environment: str, project: Path, model: TfliteModel
) -> None:
    pio(project, "run", "-e", environment)
    with firmware.running(project / ".pio/build" / environment / ENVIRONMENTS[environment]) as port:
        client = Client(open_link(port))
        assert client.hello().model_sha256.hex() == model.sha256
        client.link.close()


@pytest.fixture
def profiled(project: Path, model: TfliteModel) -> Path:
    """The project with a model that was written by `edgekit firmware --profile`."""
    compiled = compile_model(model.flatbuffer, CompileOptions(profile=True))
    firmware.write_model(model_sources(model, compiled), project / firmware.MODEL_FOLDER)
    return project


def test_a_model_that_was_written_with_a_profile_is_built_with_it_by_the_same_command(
    profiled: Path, model: TfliteModel
) -> None:
    pio(profiled, "run", "-e", "native")
    with firmware.running(profiled / ".pio/build/native/program") as port:
        client = Client(open_link(port))
        assert profile(client, bytes(32 * 32)).us
        client.link.close()


def test_settings_of_an_earlier_build_that_win_over_the_defaults_are_told(project: Path) -> None:
    left = project / "sdkconfig.native"
    left.write_text((project / "sdkconfig.defaults").read_text() + "CONFIG_OF_ESP_IDF=y\n")
    assert "wins over sdkconfig.defaults" not in pio(project, "run", "-e", "native")
    left.write_text(
        left.read_text().replace("CONFIG_COMPILER_OPTIMIZATION_SIZE=y", "CONFIG_COMPILER_OPTIMIZATION_PERF=y")
    )
    said = pio(project, "run", "-e", "native")
    assert "differs in CONFIG_COMPILER_OPTIMIZATION_SIZE." in said
    assert f"remove {left}." in said
    assert older_settings(project, "native") == ("CONFIG_COMPILER_OPTIMIZATION_SIZE",)  # what the doctor tells


def test_a_python_that_lacks_edgekits_packages_is_told_by_its_path(project: Path) -> None:
    source = project.parent / "src"
    source.unlink()
    (source / "edgekit").mkdir(parents=True)
    (source / "edgekit/__init__.py").write_text("")
    (source / "edgekit/__main__.py").write_text("import a_package_that_is_not_here\n")
    said = pio(project, "run", "-e", "native", succeeds=False)
    assert "No module named 'a_package_that_is_not_here'" in said
    assert f"{sys.executable} could not write one" in said
    assert f"{sys.executable} -m pip install -e {project.parent}" in said


def test_the_environments_for_fast_flash_differ_from_the_safe_ones_in_flash_alone(project: Path) -> None:
    said = json.loads(pio(project, "project", "config", "--json-output"))
    environments = {name: dict(options) for name, options in said}
    for suffix, further in (("", []), ("_aot", ["-DEDGEKIT_AOT=1"])):
        safe, fast = (environments[f"env:esp32dev{kind}{suffix}"] for kind in ("", "_qio"))
        different = {name: value for name, value in fast.items() if safe.get(name) != value and name != "extends"}
        words = different.pop("board_build.cmake_extra_args").split()
        assert words == ["-DSDKCONFIG_DEFAULTS=sdkconfig.defaults;sdkconfig.qio", *further]
        assert different == {"board_build.flash_mode": "qio", "board_build.f_flash": "80000000L"}


def test_the_environments_for_one_core_differ_from_those_for_two_in_that_alone(project: Path) -> None:
    said = json.loads(pio(project, "project", "config", "--json-output"))
    environments = {name: dict(options) for name, options in said}
    for suffix, further in (("", []), ("_aot", ["-DEDGEKIT_AOT=1"])):
        two, one = (environments[f"env:esp32dev{kind}{suffix}"] for kind in ("", "_one_core"))
        different = {name: value for name, value in one.items() if two.get(name) != value and name != "extends"}
        words = different.pop("board_build.cmake_extra_args").split()
        assert words == ["-DSDKCONFIG_DEFAULTS=sdkconfig.defaults;sdkconfig.one_core", *further]
        assert different == {}
    assert "CONFIG_FREERTOS_UNICORE=y" in (project / "sdkconfig.one_core").read_text().splitlines()


def test_pio_test_runs_the_applications_tests_whatever_model_is_there(profiled: Path) -> None:
    project = profiled
    assert "15 test cases: 15 succeeded" in pio(project, "test", "-e", "native")
    assert "free from linting errors" in pio(project, "project", "config", "--lint")
