"""Flashing with edgekit from its wheel: esptool comes with it, and nothing else is needed."""

from collections.abc import Callable
from pathlib import Path

from bare_environment import BareEnvironment


def test_a_wheel_flashes_a_board(
    installed: BareEnvironment, bootloader: Callable[[str], str], built: Path, tmp_path: Path
) -> None:
    said = installed.edgekit(tmp_path, "flash", "--port", bootloader("esp32"), "--build", built)
    assert "bytes written and verified" in " ".join(said.split())


def test_without_a_build_it_says_how_to_make_one(
    installed: BareEnvironment, bootloader: Callable[[str], str], tmp_path: Path
) -> None:
    installed.edgekit(tmp_path, "firmware", "--project", "mine")
    done = installed.run(tmp_path / "mine", "flash", "--port", bootloader("esp32"))
    assert done.returncode == 1
    assert "pio run" in done.stderr
