"""The C files that generated programs are put together from compile by themselves, whatever the switches."""

import subprocess
from pathlib import Path

import pytest

import edgekit.compile
from edgekit.boards.emulators import DC233C
from edgekit.boards.toolchains import LX106
from edgekit.compile.codegen import needed_helpers
from edgekit.compile.convolutions.mac16_dots import dots_of

EMULATED = Path(__file__).parents[2] / "firmware/boards/emulated"
FOLDER = Path(edgekit.compile.__file__).parent / "c"
FILES = sorted(path.name for path in FOLDER.glob("*.h"))
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-Wno-unused-function")
MACROS = {  # what kernels fill in
    "run_dots_unrolled.h": ("NAME=f", "MORE=17"),
    "widen_weights.h": ("NAME=f", "HALVES=LESS_127"),
    "winograd2_input.h": ("NAME=f", "LANES=3", "LOAD=LOAD_WORD"),
    "winograd4_input.h": ("NAME=f", "LANES=1", "LOAD=LOAD_WORD", "WORDS=1"),
    "winograd_dot2.h": ("NAME=f", "ELEMENTS=16", "CHANNELS=4", "TAPS=TAPS4"),
    "winograd_dot3.h": ("NAME=f", "ELEMENTS=36", "CHANNELS=8", "TAPS=TAPS8"),
    "winograd4_result.h": ("NAME=f", "APART=4"),
    "winograd4_result_pooled.h": ("NAME=f", "APART=4"),
    "dots.h": tuple(f"{name}={value}" for name, value in dots_of(80, 40).helper.macros),
    **{
        f"packed_dot{n}.h": (
            "NAME=f",
            "STEP=8",
            "LINES=3",
            "LENGTH=24",
            "PITCH=80",
            "AT_ONCE=2",
            "TURN=TAP(0) TAP(1)",
            keep,
        )
        for n, keep in ((2, "KEEP=+="), (4, "KEEP=="))
    },
    "packed_widen.h": ("NAME=f", "WORDS=4"),
    "depthwise_dot.h": (
        "NAME=f",
        "COUNT=1",
        "STEP=8",
        "TAPS=9",
        "WIDTH=3",
        "PITCH=80",
        "SUMS=uint32_t s0 = 0",
        "STORE=sums[0] = s0",
        "VALUES=x,t,w0,w1,w2",
        "TURN=WEIGHT(w0, 0) w1 = w2 = t = w0; AHEAD(x, 0) USE(s0, x, w1, t) LAST(s0, t, w2)",
    ),
    "pool_sums.h": ("NAME=f", "HEIGHT=2", "WIDTH=3"),
    "both.h": ("PAIR=net_pair",),
    "pair_hook.h": ("PAIR=net_pair",),
    "step_hook.h": ("STEP=net_step",),
}


def compile_c(source: str, folder: Path, *options: str) -> None:
    (folder / "alone.c").write_text(source)
    command = ["gcc", "-std=c99", *WARNINGS, "-O1", f"-I{FOLDER}", *options, "-c", "alone.c"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("file", FILES)
def test_a_file_compiles_with_nothing_but_what_it_includes(file: str, tmp_path: Path) -> None:
    macros = [f"-D{macro}" for macro in MACROS.get(file, ())]
    for switch in ("-DEDGEKIT_HIGH_MULTIPLY=1", "-DEDGEKIT_HIGH_MULTIPLY=0", "-DEDGEKIT_TWO_CORES=1"):
        compile_c(f'#include "{file}"\n', tmp_path, switch, *macros)


@pytest.mark.skipif(not LX106.installed(), reason=f"no cross compiler (apt-get install {LX106.packages})")
@pytest.mark.parametrize("file", FILES)
def test_a_file_compiles_for_xtensa_with_and_without_mac16(file: str, tmp_path: Path) -> None:
    (tmp_path / "alone.c").write_text(f'#include "{file}"\n')
    macros = [f"-D{macro}" for macro in MACROS.get(file, ())]
    for flags in ((), DC233C.c_flags(EMULATED)):
        command = LX106.compile_command("alone.c", *WARNINGS, f"-I{FOLDER}", *macros, *flags)
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr


def test_what_a_helper_includes_comes_before_it_and_once() -> None:
    text = needed_helpers(["channel", "winograd4_output_pooled", "requantize"], {})
    names = (" requantize(", " to_byte(", " worked_out(", " greater(", "winograd4_output")
    order = [text.index(name) for name in names]
    assert order == sorted(order)
    assert text.count("} channel;") == text.count("define EDGEKIT_APART EDGEKIT_HOT\n") == 1
    assert '#include "' not in text
