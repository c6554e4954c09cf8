"""The plugin counts what a program of known instructions does."""

import json
import subprocess
from pathlib import Path

import pytest

from edgekit.boards import counting
from edgekit.boards.board import ESP32
from edgekit.boards.costs import LX6, Counts
from edgekit.boards.counting import PluginRefused, counted
from edgekit.boards.emulators import DC233C, DE212, Emulator
from edgekit.errors import EdgekitError

EMULATED = Path(__file__).parents[2] / "firmware/boards/emulated"
TOOLCHAIN = ESP32.toolchain
# a2: the marks. Two calls of steps 1 and 2, the first to warm the cache.
CALLS = """
    .section .bss.marks; .global edgekit_marks; .size edgekit_marks, 3; edgekit_marks: .space 3
    .section .rodata.table; .balign 32; table: .space 65536, 1
    .section .data.words; .balign 4; words: .word 5, 7
    .text; .literal_position; .global main; .balign 32
main:
    mov  a14, a0
    movi a2, edgekit_marks
    movi a15, 2
again:
    movi a3, {address}
    movi a4, {count}
    nop
    s8i  a2, a2, 1
    {first}
    s8i  a2, a2, 2
    {second}
    s8i  a2, a2, 0
    addi a15, a15, -1
    bnez a15, again
    {last}
    movi a2, 0
    jx   a14
fail: ill
"""


def counts(
    folder: Path, first: str = "", second: str = "", last: str = "", *, address: str = "words", count: int = 0,
    core: Emulator = DE212,
) -> dict[int, Counts]:  # fmt: skip
    """Of the second call, by step, without what the marks themselves take."""
    text = CALLS.format(first=first, second=second, last=last, address=address, count=count)
    (folder / "main.c").write_text(f"__asm__({json.dumps(text)});")
    (folder / "board.ld").write_text(core.linker_script(EMULATED))
    objects = []
    for source in (folder / "main.c", EMULATED / "start.S", EMULATED / "rt.c"):
        objects.append(folder / f"{source.stem}.o")
        flags = core.c_flags(EMULATED) if source.suffix == ".c" else ()
        subprocess.run([*TOOLCHAIN.compile_command(source, *flags), "-o", str(objects[-1])], check=True)
    subprocess.run(TOOLCHAIN.link_command(objects, folder / "board.ld", folder / "program.elf"), check=True)
    (call,), _ = counted(folder / "program.elf", core, TOOLCHAIN, LX6.cache)
    return call


def test_loads_count_by_how_soon_they_are_used(tmp_path: Path) -> None:
    call = counts(
        tmp_path,
        "l32i a5, a3, 0; add a6, a5, a5; l32i a5, a3, 0; nop; add a6, a5, a5; l32i a5, a3, 0; nop; nop; mov a6, a5",
        "l32i a5, a3, 0; l32i a6, a3, 4; mull a7, a5, a6; l32i a5, a3, 0; movi a5, 1; mov a6, a5; mul16u a7, a6, a6",
    )
    first, second = call[1], call[2]
    assert (first.used_next, first.used_after, first.stalls, first.multiplies) == (1, 1, 3, 0)
    assert (second.used_next, second.used_after, second.stalls, second.multiplies) == (1, 0, 2, 1)
    assert (first.instructions, second.instructions) == (10, 8)  # with the mark of the next step


def test_only_branches_that_are_taken_count(tmp_path: Path) -> None:
    loop = "movi a5, 10; 1: addi a5, a5, -1; bnez a5, 1b"
    call = counts(tmp_path, loop, "j 2f; nop; 2: beqz a2, 2b; call0 3f; j 4f; .balign 4; 3: ret; 4: nop")
    assert (call[1].taken, call[2].taken) == (9, 4)


def test_a_hardware_loop_jumps_back_for_nothing(tmp_path: Path) -> None:
    loop = "movi a5, {}; loopnez a5, 1f; nop; nop; 1: nop"
    call = counts(tmp_path, loop.format(10), loop.format(0).replace("1", "2"), core=DC233C)
    assert (call[1].instructions, call[1].taken) == (2 + 20 + 1 + 1, 0)
    assert (call[2].instructions, call[2].taken) == (2 + 1 + 1, 1)


def test_m_registers_that_are_loaded_ahead_do_not_wait(tmp_path: Path) -> None:
    at_once = "addi a3, a3, -4; ldinc m0, a3; ldinc m2, a3; mula.dd.ll m0, m2"
    ahead = "addi a3, a3, -8; ldinc m0, a3; ldinc m2, a3; nop; nop; mula.dd.ll m0, m2"
    call = counts(tmp_path, at_once, ahead, core=DC233C)
    assert (call[1].used_next, call[1].used_after, call[1].stalls) == (1, 0, 2)
    assert (call[2].used_next, call[2].used_after, call[2].stalls) == (0, 0, 0)


def test_an_m_register_that_is_loaded_ahead_multiplies_what_a_chip_would(tmp_path: Path) -> None:
    """m0 is read, loaded and read again. QEMU 7.2 multiplies the old value again where all that is one
    translation block."""
    ahead = (
        "movi a5, 0; wsr.acclo a5; addi a3, a3, -4; ldinc m0, a3; ldinc m2, a3; addi a3, a3, -4; nop;"  # 5 and 7
        "mula.dd.ll.ldinc m0, a3, m0, m2; nop; nop; mula.dd.ll m0, m2; rsr.acclo a6"  # 5 x 7, and m0 is 7
    )
    call = counts(tmp_path, ahead, last=f"addi a6, a6, -{5 * 7 + 7 * 7}; bnez a6, fail", core=DC233C)
    assert (call[1].used_next, call[1].used_after) == (0, 0)


@pytest.mark.parametrize(("bytes_", "misses"), [(16384, 0), (49152, 1536)])
def test_constants_that_the_cache_holds_are_fetched_once(tmp_path: Path, bytes_: int, misses: int) -> None:
    call = counts(tmp_path, "1: l8ui a5, a3, 0; addi a3, a3, 32; addi a4, a4, -1; bnez a4, 1b", address="table",
                  count=bytes_ // 32)  # fmt: skip
    assert call[1].data_misses == misses


def test_what_lies_in_ram_is_never_fetched(tmp_path: Path) -> None:
    call = counts(tmp_path, "1: l8ui a5, a3, 0; addi a3, a3, 32; addi a4, a4, -1; bnez a4, 1b", address="__ram_start",
                  count=2000)  # fmt: skip
    assert call[1].data_misses == 0


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_qemu_that_takes_no_such_plugin_is_told(fresh_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_INTERFACES", (((0, 0), 99),))
    with pytest.raises(PluginRefused, match="refuses the plugin"):
        counts(fresh_cache)


def test_a_qemu_that_is_too_old_for_the_plugin_is_told_by_its_version(old_qemu: str, tmp_path: Path) -> None:
    with pytest.raises(PluginRefused) as refusal:
        counting.plugin()
    assert refusal.value.message.startswith(f"qemu-system-xtensa {old_qemu} is too old to count cycles")
    assert "QEMU 7.2" in refusal.value.hint


def test_without_a_c_compiler_there_is_no_plugin(fresh_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_COMPILERS", ("nosuchcc",))
    with pytest.raises(PluginRefused, match="no C compiler") as refusal:
        counting.plugin()
    assert "apt-get install gcc" in refusal.value.hint


def test_the_plugin_is_compiled_once(fresh_cache: Path) -> None:
    made = counting.plugin()
    stamp = made.stat().st_mtime_ns
    assert counting.plugin().stat().st_mtime_ns == stamp


@pytest.mark.parametrize("interface", [1, 2, 3, 5])
def test_the_plugin_compiles_for_every_interface_without_a_warning(tmp_path: Path, interface: int) -> None:
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fPIC", f"-DAPI={interface}"]
    subprocess.run(["gcc", *flags, "-c", str(counting.SOURCE), "-o", str(tmp_path / "plugin.o")], check=True)


def test_a_program_without_marks_is_refused(tmp_path: Path) -> None:
    counts(tmp_path)
    subprocess.run([f"{TOOLCHAIN.prefix}strip", tmp_path / "program.elf"], check=True)
    with pytest.raises(EdgekitError, match="has no edgekit_marks"):
        counted(tmp_path / "program.elf", DE212, TOOLCHAIN, LX6.cache)


def test_a_program_that_crashes_says_how(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="status 128"):
        counts(tmp_path, "ill")


def test_costs_add_up_and_the_band_holds_both_views_of_loads() -> None:
    run = Counts(1000, taken=10, used_next=20, used_after=30, stalls=40, multiplies=5, code_misses=1, data_misses=2)
    dio40, qio80 = LX6.flash_modes
    assert LX6.cycles(run, dio40) == 1000 + 3 * 10 + 2 * 20 + 30 + 5 + 3 * 938
    assert LX6.cycles(run, qio80) == LX6.cycles(run, dio40) - 3 * (938 - 318)
    low, high = LX6.band(run, dio40)
    assert low == pytest.approx(-0.05)  # the first view is the lower one
    assert high > 0.23
    assert Counts.total([run, run]).shared(2) == run
