"""A compiler that fails is told with its words; what has no room, with the room that is short."""

from pathlib import Path

import pytest

from edgekit.boards.board import ESP32
from edgekit.boards.toolchains import run_compiler
from edgekit.errors import EdgekitError

ROOT = Path(__file__).parents[2]
TITLE, TOOLCHAIN = ESP32.title, ESP32.toolchain


def test_a_compiler_that_fails_says_its_first_error(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int main(void) { return nowhere; }\n")
    with pytest.raises(EdgekitError, match=r"gcc failed: .*broken\.c.* error: .*nowhere"):
        run_compiler(["gcc", "-c", str(source), "-o", str(tmp_path / "broken.o")], "The model", TITLE)


def test_one_that_dies_without_a_word_says_its_status() -> None:
    with pytest.raises(EdgekitError, match="false failed: exit status 1"):
        run_compiler(["false"], "The model", TITLE)


def test_a_missing_compiler_is_named_with_the_packages_that_bring_it() -> None:
    with pytest.raises(EdgekitError, match="nosuch-elf-gcc is not installed") as missing:
        run_compiler(["nosuch-elf-gcc"], "The model", TITLE, "gcc-nosuch")
    assert missing.value.hint.endswith("gcc-nosuch")


@pytest.mark.parametrize("what", ["The model", "The firmware"])
def test_a_program_larger_than_the_boards_memory_says_what_is_short(tmp_path: Path, what: str) -> None:
    source, script = tmp_path / "large.c", ROOT / "firmware/boards/emulated/board.ld"
    source.write_text("char large[300000]; int main(void) { return large[0]; }\n")
    object_ = str(tmp_path / "large.o")
    run_compiler([*TOOLCHAIN.compile_command(source), "-o", object_], what, TITLE)
    short = rf"{what} does not fit: it takes 3\d\d,\d\d\d bytes of RAM, and a classic ESP32 leaves 163,840"
    with pytest.raises(EdgekitError, match=short):
        run_compiler(TOOLCHAIN.link_command([object_], script, tmp_path / "large.elf", "-Wl,-u,main"), what, TITLE)
