"""What a program takes on the board is estimated without running it, from what its kernels say and what it emits."""

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.boards.board import ESP32
from edgekit.boards.costs import PLANNED_ERROR
from edgekit.boards.emulators import QEMU
from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.convolutions import KERNELS
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.emit import emit
from edgekit.compile.options import FLASH_MODES
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import plan
from edgekit.compile.reader import read_graph
from edgekit.device.counted import count_model
from edgekit.errors import EdgekitError
from edgekit.testing.networks import NETWORKS
from edgekit.testing.random_models import network_of_threes, random_model
from edgekit.testing.random_networks import any_network
from edgekit.values.shipped import DEFAULT_MODEL

STUDENT = DEFAULT_MODEL
COUNTS = ESP32.toolchain.installed() and shutil.which(QEMU) is not None


def said(*words: object) -> dict[str, Any]:
    """What a command prints with --json."""
    done = CliRunner().invoke(cli, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_compile_and_inspect_tell_scripts_the_same_estimate_for_the_run_and_for_each_layer(tmp_path: Path) -> None:
    way = ("--target", "esp32", "--flash-mode", "qio80")
    compiled, inspected = said("compile", STUDENT, "--out", tmp_path, *way), said("inspect", STUDENT, *way)
    assert compiled["flash_mode"] == inspected["flash_mode"] == "qio80"
    assert compiled["band"] == inspected["band"]
    assert compiled["band"][0] < 0 < compiled["band"][1]
    for figure in ("cycles", "estimated_ms", "flash_misses"):
        assert compiled["total"][figure] == inspected["total"][figure] > 0
        layers = [layer[figure] for layer in compiled["layers"]]
        assert [op[figure] for op in inspected["operators"] if op[figure] is not None] == layers
        assert sum(layers) == pytest.approx(compiled["total"][figure], abs=0.01)
    assert compiled["total"]["estimated_ms"] == pytest.approx(compiled["total"]["cycles"] / 240_000, abs=0.001)


def test_the_terminal_and_the_page_say_that_milliseconds_are_estimated_and_in_which_band(tmp_path: Path) -> None:
    page = tmp_path / "plan.md"
    for words in (
        ("compile", str(STUDENT), "--out", str(tmp_path / "library"), "--report", str(page)),
        ("inspect", str(STUDENT)),
    ):
        done = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert_estimated(" ".join(done.stdout.split()))
    assert_estimated(page.read_text())


def assert_estimated(text: str) -> None:
    run = re.search(r"([\d.]+) ms estimated on one core of a classic ESP32 at 240 MHz with its flash at DIO 40", text)
    band = re.search(r"No chip has run it: ([\d.]+) to ([\d.]+) ms are likely", text)
    assert run, text
    assert band, text
    assert float(band[1]) < float(run[1]) < float(band[2])


@pytest.mark.parametrize("draw", [random_model, network_of_threes])
def test_a_kernel_says_the_constants_that_it_emits(draw: Any) -> None:
    wrong, seen = [], set[type]()
    for seed in range(25):
        try:
            graph = fuse_pool(read_graph(draw(seed)))
        except EdgekitError:  # TFLM's arithmetic would overflow
            continue
        for position, op in enumerate(graph.ops):
            if not isinstance(op, Convolution):
                continue
            for target in ("generic", "esp32"):
                options = CompileOptions(optimize="speed", target=target)
                for kernel in (one for kind in KERNELS for one in kind.candidates(op, options)):
                    ops = (*graph.ops[:position], replace(op, kernel=kernel), *graph.ops[position + 1 :])
                    chosen = replace(graph, ops=ops)
                    emitted = sum(one.size_bytes for one in emit(chosen, plan(chosen), options).constants[position])
                    cost = kernel.cost(op, options)
                    seen.add(type(kernel))
                    if emitted != cost.constant_bytes + cost.ram_bytes:
                        wrong.append((seed, position, kernel, emitted, cost))
    assert wrong == []
    assert len(seen) >= 5


def networks() -> list[bytes]:
    drawn = []
    for seed in range(30):
        for draw in (random_model, network_of_threes):
            try:
                read_graph(content := draw(seed))
            except EdgekitError:
                continue
            drawn.append(content)
    return [STUDENT.read_bytes(), *(network() for network in NETWORKS.values()), *drawn]


@pytest.mark.parametrize("target", ["generic", "esp32"])
@pytest.mark.parametrize("flash_mode", FLASH_MODES)
def test_speed_is_never_slower_than_size(target: Any, flash_mode: str) -> None:
    slower = []
    for number, content in enumerate(networks()):
        small, fast = (
            compile_model(content, CompileOptions(optimize=optimize, target=target, flash_mode=flash_mode))
            for optimize in ("size", "speed")
        )
        if fast.estimate.total_ms > small.estimate.total_ms:
            slower.append((number, fast.estimate.total_ms, small.estimate.total_ms))
    assert slower == []


def test_a_program_that_the_cache_holds_waits_for_no_flash() -> None:
    compiled = compile_model(network_of_threes(0))
    assert sum(one.size_bytes for each in compiled.constants for one in each) < 16_000
    assert compiled.estimate.flash_misses == (0,) * len(compiled.graph.ops)


def test_faster_flash_takes_less_time_and_no_other_misses() -> None:
    content = STUDENT.read_bytes()
    slow, fast = (compile_model(content, CompileOptions(flash_mode=mode)) for mode in ("dio40", "qio80"))
    assert slow.files == fast.files
    misses = [sum(each.estimate.flash_misses) for each in (slow, fast)]
    assert misses[0] == misses[1] > 0
    assert sum(slow.estimate.cycles) - sum(fast.estimate.cycles) == misses[0] * (938 - 318)


def test_a_flash_mode_that_the_board_lacks_is_refused_by_name() -> None:
    with pytest.raises(EdgekitError, match="'qio40'") as caught:
        CompileOptions(flash_mode="qio40")
    assert "dio40 or qio80" in caught.value.hint


@pytest.mark.skipif(not COUNTS, reason="no cross compiler or no QEMU")
def test_operators_without_a_kernel_take_about_what_an_emulated_core_counts() -> None:
    planned, counted = Counter[str](), Counter[str]()
    for seed in range(72):
        try:
            content = any_network(seed)
            compiled = compile_model(content)
        except EdgekitError:  # TFLM's arithmetic would overflow
            continue
        inputs = np.random.default_rng(seed).integers(-128, 128, (1, compiled.graph.input_bytes), dtype=np.int8)
        layers = count_model(content, CompileOptions(), inputs).layers
        estimate, mode = compiled.estimate, ESP32.costs.flash_modes[0]
        for op, cycles, misses, counts in zip(
            compiled.graph.ops, estimate.cycles, estimate.flash_misses, layers, strict=True
        ):
            if counts.instructions and not isinstance(op, Convolution):
                planned[type(op).__name__] += cycles - misses * mode.miss_cycles
                counted[type(op).__name__] += ESP32.costs.cycles(counts, mode) - counts.misses * mode.miss_cycles
    often = {name for name, cycles in counted.items() if cycles > 20_000}
    wrong = {name: planned[name] / counted[name] for name in often if not 1 / 2 < planned[name] / counted[name] < 2}
    assert wrong == {}
    assert len(often) >= 10
    assert sum(planned.values()) == pytest.approx(sum(counted.values()), rel=0.25)


@pytest.mark.skipif(not COUNTS, reason="no cross compiler or no QEMU")
@pytest.mark.parametrize("flash_mode", FLASH_MODES)
@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("target", ["generic", "esp32"])
@pytest.mark.parametrize("name", ["student", *NETWORKS])
def test_the_estimate_is_within_a_tenth_of_what_an_emulated_core_counts(
    name: str, target: Any, optimize: Any, flash_mode: str
) -> None:
    content = STUDENT.read_bytes() if name == "student" else NETWORKS[name]()
    options = CompileOptions(target=target, optimize=optimize, flash_mode=flash_mode)
    compiled = compile_model(content, options)
    inputs = np.random.default_rng(0).integers(-128, 128, (1, compiled.graph.input_bytes), dtype=np.int8)
    counts = count_model(content, options, inputs).total
    counted = ESP32.costs.cycles(counts, ESP32.costs.flash_mode(flash_mode))
    assert sum(compiled.estimate.cycles) == pytest.approx(counted, rel=PLANNED_ERROR)
