"""Weights in RAM: where the options, the board and the limit allow it, and in C that puts them there."""

import re
import subprocess
from pathlib import Path

import pytest

from edgekit.boards.board import ESP32
from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.limits import check_ram
from edgekit.compile.options import Target
from edgekit.errors import EdgekitError
from edgekit.testing.networks import NETWORKS
from edgekit.values.shipped import DEFAULT_MODEL

STUDENT = DEFAULT_MODEL.read_bytes()
FAST = CompileOptions(target="esp32", optimize="speed")
# A build for an ESP32 by a compiler of a related core, which lacks MAC16 and the headers that say what a core has.
AS_ON_AN_ESP32 = ("-DESP_PLATFORM", "-DEDGEKIT_MAC16=0")


def in_ram(compiled: Compiled) -> list[bool]:
    return [op.in_ram for op in compiled.graph.ops if isinstance(op, Convolution)]


def test_auto_keeps_weights_in_ram_only_where_it_was_asked_for_and_saves_time() -> None:
    assert not any(in_ram(compile_model(STUDENT)))
    assert not any(in_ram(compile_model(STUDENT, CompileOptions(target="esp32"))))
    kept = compile_model(STUDENT, CompileOptions(max_ram=60_000))
    flash = compile_model(STUDENT, CompileOptions(max_ram=60_000, weights="flash"))
    assert any(in_ram(kept))
    assert not any(in_ram(flash))
    assert sum(kept.estimate.cycles) < 0.99 * sum(flash.estimate.cycles)
    assert kept.caller_ram_bytes == flash.caller_ram_bytes + kept.ram_constant_bytes
    assert "weights in RAM" in " ".join(layer.kernel for layer in kept.program.layers)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("spare", [3_000, 20_000, 80_000])
def test_the_limit_holds_whatever_is_kept(name: str, spare: int) -> None:
    content = NETWORKS[name]()
    least = compile_model(content, CompileOptions(target="esp32", optimize="speed", weights="flash")).caller_ram_bytes
    limited = CompileOptions(target="esp32", optimize="speed", max_ram=least + spare)
    kept = compile_model(content, limited)
    assert kept.caller_ram_bytes <= least + spare
    assert kept.program.ram_bytes == kept.plan.arena_bytes + kept.program.ends_bytes + kept.ram_constant_bytes


def test_a_limit_that_the_weights_exceed_leaves_some_in_flash_and_says_which() -> None:
    whole = compile_model(STUDENT, CompileOptions(weights="ram"))
    assert all(in_ram(whole))
    assert whole.notes == ()
    allowed = whole.caller_ram_bytes - 1_000
    compiled = compile_model(STUDENT, CompileOptions(weights="ram", max_ram=allowed))
    assert compiled.caller_ram_bytes < whole.caller_ram_bytes
    left = [op.label for op in compiled.graph.ops if isinstance(op, Convolution) and not op.in_ram]
    (note,) = compiled.notes
    assert left
    assert all(label in note for label in left)
    assert f"{allowed:,} bytes are allowed" in note


def test_no_room_at_all_leaves_all_weights_in_flash() -> None:
    least = compile_model(STUDENT).caller_ram_bytes
    for most in (0, least):
        compiled = compile_model(STUDENT, CompileOptions(weights="ram", max_ram=most))
        assert not any(in_ram(compiled))
        assert compiled.notes[0].startswith("Weights stay in flash for want of RAM")


@pytest.mark.parametrize("target", ["generic", "esp32"])
def test_a_limit_below_what_the_fastest_kernels_need_is_kept_by_slower_ones_and_told(target: Target) -> None:
    free = compile_model(STUDENT, CompileOptions(target=target, optimize="speed", weights="flash"))
    limit = (free.program.ram_bytes + compile_model(STUDENT).program.ram_bytes) // 2
    options = CompileOptions(target=target, optimize="speed", weights="flash", max_ram=limit)
    limited = compile_model(STUDENT, options)
    assert limited.program.ram_bytes <= limit < free.program.ram_bytes
    assert limited.estimate.total_ms > free.estimate.total_ms
    assert limited.options == options
    assert any(f"need less RAM were taken, and may be slower: {limit:,} bytes" in note for note in limited.notes)
    assert free.notes == ()


def test_what_is_kept_in_ram_is_within_the_limit_that_refuses_a_model() -> None:
    """--max-ram counts inputs and outputs beside the arena, in the choice as in the refusal."""
    for limit in range(11_000, 31_000, 2_500):
        compiled = compile_model(STUDENT, CompileOptions(weights="ram", max_ram=limit))
        check_ram(compiled, limit)


def test_without_a_limit_the_boards_room_is_one() -> None:
    compiled = compile_model(NETWORKS["mobilenet"](), CompileOptions(weights="ram"))
    assert 0 < compiled.ram_constant_bytes < compiled.caller_ram_bytes <= ESP32.room.arena_bytes
    assert len(compiled.notes) == 1


@pytest.mark.skipif(not ESP32.toolchain.installed(), reason="no cross compiler")
@pytest.mark.parametrize(("platform", "section"), [((), ".data.edgekit"), (AS_ON_AN_ESP32, ".dram1.edgekit")])
def test_the_c_puts_just_these_constants_in_a_section_of_ram(
    platform: tuple[str, ...], section: str, tmp_path: Path
) -> None:
    compiled = compile_model(STUDENT, CompileOptions(max_ram=30_000))
    assert 0 < sum(in_ram(compiled)) < len(in_ram(compiled))
    for file, text in compiled.files.items():
        (tmp_path / file).write_text(text)
    flags = ("-Wall", "-Wextra", "-Werror", *platform)
    subprocess.run([*ESP32.toolchain.compile_command(tmp_path / "model.c"), *flags, "-o", tmp_path / "m.o"], check=True)
    size = [ESP32.toolchain.prefix + "size", "-A", tmp_path / "m.o"]
    said = subprocess.run(size, capture_output=True, text=True, check=True).stdout
    held = sum(int(found) for found in re.findall(rf"^{re.escape(section)}\s+(\d+)", said, re.MULTILINE))
    assert abs(held - compiled.ram_constant_bytes) < 64  # gcc folds some of a layer of two channels, and aligns


def test_a_place_for_weights_that_there_is_not_is_refused() -> None:
    with pytest.raises(EdgekitError, match="keep weights in 'psram'"):
        CompileOptions(weights="psram")  # type: ignore[arg-type]


@pytest.mark.skipif(not ESP32.toolchain.installed(), reason="no cross compiler")
@pytest.mark.parametrize("asked", [True, False])
def test_the_loops_lie_in_an_esp32s_ram_for_code_where_the_application_asks_for_that(
    asked: bool, tmp_path: Path
) -> None:
    for file, text in compile_model(STUDENT).files.items():
        (tmp_path / file).write_text(text)
    flags = ("-Wall", "-Wextra", "-Werror", *AS_ON_AN_ESP32, *(["-DEDGEKIT_LOOPS_IN_IRAM"] if asked else []))
    subprocess.run([*ESP32.toolchain.compile_command(tmp_path / "model.c"), *flags, "-o", tmp_path / "m.o"], check=True)
    size = [ESP32.toolchain.prefix + "size", "-A", tmp_path / "m.o"]
    said = subprocess.run(size, capture_output=True, text=True, check=True).stdout
    loops, rest = (
        sum(int(found) for found in re.findall(rf"^{section}\S*\s+(\d+)", said, re.MULTILINE))
        for section in (r"\.iram1\.edgekit", r"\.text")
    )
    assert (loops > rest > 0) if asked else (loops == 0 < rest)
