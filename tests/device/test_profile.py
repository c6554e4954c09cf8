"""`edgekit profile`: what each layer costs, through the protocol, on the boards of this computer."""

import json
import struct
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.boards import counting
from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.options import FOR_BOARD
from edgekit.compile.program import profiled_program
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.connection import device_json
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.link import open_link
from edgekit.device.profile import profile
from edgekit.device.protocol import messages
from edgekit.errors import EdgekitError
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite
from edgekit.values.model import TfliteModel

VECTORS = Path(__file__).parents[1] / "vectors/student"
STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"


@pytest.fixture(scope="session")
def noticed(model: TfliteModel) -> ModelSources:
    """The sources of the small student with a profile."""
    compiled = compile_model(model.flatbuffer, CompileOptions(profile=True))
    return model_sources(model, compiled)


def client_of(port: str) -> Client:
    client = Client(open_link(port))
    client.hello()
    return client


def noise(model: TfliteModel, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(-128, 128, model.input_shape, dtype=np.int8).tobytes()


def test_the_emulated_board_counts_the_same_instructions_in_every_run(
    noticed: ModelSources, model: TfliteModel
) -> None:
    seen = []
    for start in range(2):
        with firmware.running(firmware.build("emulated", noticed)) as port:
            client = client_of(port)
            for _ in range(start):
                client.ping(b"another moment than before")
            seen += [profile(client, noise(model)) for _ in range(2)]
            (outcome,) = client.infer([("again", noise(model))])
            client.link.close()
    assert seen[1:] == seen[:-1]
    instructions = seen[0].instructions
    assert instructions is not None
    assert seen[0].us is None
    layers = compile_model(model.flatbuffer).program.layers
    assert len(instructions) == len(layers)
    assert all(spent % 25 == 0 and spent > layer.macs for spent, layer in zip(instructions, layers, strict=True))
    # RESULT's time of the whole run is in thousands of instructions, hooks and waiting for a tick included
    assert 0 <= outcome.invoke_us * 1000 - sum(instructions) < 5000


def test_another_image_costs_other_instructions(noticed: ModelSources, model: TfliteModel) -> None:
    with firmware.running(firmware.build("emulated", noticed)) as port:
        client = client_of(port)
        first, second = (profile(client, noise(model, seed)) for seed in range(2))
        client.link.close()
    assert (
        first.instructions != second.instructions
    )  # rectified outputs are cheaper: the count is a measurement, not a table


def test_a_model_of_more_steps_than_a_frame_holds_is_read_whole(tmp_path: Path) -> None:
    r = Random(3)
    x = entry = r.activation((1, 6, 6, 2), 0.1, 0)
    for _ in range(messages.STEPS_A_FRAME + 7):
        x = r.add(x)
    content = r.b.finish([entry], [r.dense(r.reshape(x, (1, 72)), 2)])
    (tmp_path / "long.tflite").write_bytes(content)
    model = read_tflite(tmp_path / "long.tflite")
    compiled = compile_model(content, CompileOptions(profile=True))
    with firmware.running(firmware.build("emulated", model_sources(model, compiled))) as port:
        client = client_of(port)
        run = profile(client, noise(model))
        assert run.instructions is not None
        with pytest.raises(EdgekitError, match="BAD_OFFSET"):
            client.ask(messages.Profile(len(run.instructions)), messages.StepTicks)
        client.link.close()
    assert len(run.instructions) == len(compiled.graph.ops) > messages.STEPS_A_FRAME
    adds = [spent for spent, op in zip(run.instructions, compiled.graph.ops, strict=True) if op.label.startswith("ADD")]
    assert min(adds) > 0


def test_a_profile_before_any_run_is_all_zeros(noticed: ModelSources) -> None:
    with firmware.running(firmware.build("native", noticed)) as port:
        client = client_of(port)
        answer = client.ask(messages.Profile(0), messages.StepTicks)
        client.link.close()
    assert answer.ticks == bytes(4 * answer.steps)
    assert answer.tick_hz == 1_000_000_000


def test_the_native_board_takes_microseconds_whose_sum_is_the_runs(noticed: ModelSources, model: TfliteModel) -> None:
    with firmware.running(firmware.build("native", noticed)) as port:
        client = client_of(port)
        run = profile(client, noise(model))
        client.link.close()
    assert run.instructions is None
    assert run.us is not None
    assert all(time > 0 for time in run.us)


def test_ordinary_firmware_carries_nothing_of_it_and_says_what_to_flash(
    native: Path, emulated: Path, model: TfliteModel
) -> None:
    names = subprocess.run(["xtensa-lx106-elf-nm", emulated], capture_output=True, text=True, check=True).stdout
    assert "Profile" not in names
    assert "model_step" not in names
    with firmware.running(native) as port:
        client = client_of(port)
        with pytest.raises(EdgekitError, match="without a profile") as refusal:
            profile(client, noise(model))
        client.link.close()
    assert "edgekit firmware --profile" in refusal.value.hint


def test_a_senseless_answer_is_an_error_and_no_endless_loop(
    noticed: ModelSources, model: TfliteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with firmware.running(firmware.build("native", noticed)) as port:
        client = client_of(port)
        for answer in (messages.StepTicks(0, 1, 0, struct.pack("<I", 1)), messages.StepTicks(40, 9, 0, b"")):
            monkeypatch.setattr(client, "ask", lambda *_, answer=answer: answer)
            with pytest.raises(EdgekitError, match="makes no sense"):
                profile(client, noise(model))
        client.link.close()


def command(*words: object) -> str:
    done = CliRunner().invoke(cli, ["profile", *map(str, words)])
    if done.exception:
        raise done.exception
    return done.stdout


@pytest.fixture
def no_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A QEMU that refuses it."""
    monkeypatch.setattr(counting, "_INTERFACES", (((0, 0), 99),))


def test_the_command_estimates_milliseconds_of_what_it_counts_as_json_and_as_a_table() -> None:
    said = json.loads(command(VECTORS / "int8.tflite", "--port", "emulator", "--json"))
    compiled = compile_model((VECTORS / "int8.tflite").read_bytes(), FOR_BOARD)
    assert [layer["name"] for layer in said["layers"]] == [op.label for op in compiled.graph.ops]
    total = said["total"]
    for key in ("macs", "instructions", "weight_bytes", "cycles"):
        assert total[key] == sum(layer[key] for layer in said["layers"]) > 0
    assert total["flash_misses"] == sum(layer["flash_misses"] for layer in said["layers"])
    assert total["estimated_ms"] == pytest.approx(total["cycles"] / 240_000, abs=1e-3)
    assert total["cycles"] > total["instructions"]
    assert said["flash_mode"] == "dio40"
    low, high = said["band"]
    assert -0.5 < low < 0 < high < 0.5
    assert max(layer["bytes"] for layer in said["layers"]) == total["activation_bytes"] == compiled.plan.arena_bytes
    assert total["code_bytes"] > 1000
    assert said["resolution_instructions"] == 1
    table = command(VECTORS / "int8.tflite", "--port", "emulator")
    assert f"{total['estimated_ms']:.1f} ms estimated on one core of a classic ESP32" in " ".join(table.split())
    assert "No chip has run it" in " ".join(table.split())
    two = total["two_cores"]
    assert total["cycles"] / 2 < two["cycles"] < total["cycles"]
    waits = "The first waits {:.1%} of that for the second, the second {:.1%} for the first".format(*two["waiting"])
    assert f"Two cores: {two['estimated_ms']:.1f} ms estimated. {waits}" in " ".join(table.split())
    assert f"They meet {two['meetings']} times in a run" in " ".join(table.split())
    for layer in said["layers"]:
        assert f"{layer['instructions']:,}" in table
        assert f"{layer['estimated_ms']:.2f}" in table
    assert all(len(line) <= 80 for line in table.splitlines())


def test_the_esp32s_own_code_is_counted_on_a_core_that_has_its_instructions() -> None:
    words = (VECTORS / "int8.tflite", "--port", "emulator", "--json")
    generic, esp32 = (json.loads(command(*words, "--target", target))["total"] for target in ("generic", "esp32"))
    assert esp32["cycles"] < 0.7 * generic["cycles"]


def test_faster_flash_makes_a_shorter_estimate_of_what_reads_it() -> None:
    words = (STUDENT, "--port", "emulator", "--json", "--flash-mode")
    slow, fast = (json.loads(command(*words, mode)) for mode in ("dio40", "qio80"))
    assert (slow["flash_mode"], fast["flash_mode"]) == ("dio40", "qio80")
    assert slow["total"]["flash_misses"] > 100
    assert fast["total"]["estimated_ms"] < slow["total"]["estimated_ms"]


def test_where_qemu_refuses_the_plugin_the_firmwares_instructions_are_told_and_no_time(
    no_plugin: None, capsys: pytest.CaptureFixture[str]
) -> None:
    said = json.loads(command(VECTORS / "int8.tflite", "--port", "emulator", "--json"))
    assert said["resolution_instructions"] == 25
    assert said["total"]["instructions"] > 0
    assert "estimated_ms" not in said["total"]
    assert said["band"] is None
    table = CliRunner().invoke(cli, ["profile", str(VECTORS / "int8.tflite"), "--port", "emulator"])
    assert "no time is estimated: qemu-system-xtensa refuses the plugin" in table.stderr
    assert "no time follows from it" in " ".join(table.stdout.split())
    assert f"{said['total']['instructions']:,} instructions" in " ".join(table.stdout.split())


def test_a_boards_own_time_and_the_estimate_stand_side_by_side(
    noticed: ModelSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The native firmware stands in for a board's: all that is asked of one is that it is not emulated."""
    real = partial(device_json_of, board="real")
    monkeypatch.setattr("edgekit.device.profile.device_json", real)
    with firmware.running(firmware.build("native", noticed)) as port:
        way = (VECTORS / "int8.tflite", "--port", port, "--target", "generic")
        said, table = json.loads(command(*way, "--json")), command(*way)
    assert said["total"]["us"] > 0
    assert said["total"]["instructions"] is None
    assert said["total"]["estimated_ms"] == pytest.approx(said["total"]["cycles"] / 240_000, abs=1e-3)
    words = " ".join(table.split())
    assert "microseconds" in words
    assert "ms estimated on one core" in words
    assert "No chip has run it" not in words
    assert all(f"{layer['estimated_ms']:.2f}" in table for layer in said["layers"])


def device_json_of(info: Any, labels: tuple[str, ...] = (), *, board: str) -> dict[str, Any]:
    return device_json(info, labels) | {"board": board}


def test_the_program_of_a_profile_has_its_estimate(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(command(VECTORS / "int8.tflite", "--port", "emulator", "--json"))
    said = json.loads((tmp_path / "profile.json").read_text())
    program = profiled_program((VECTORS / "int8.tflite").read_bytes(), tmp_path / "profile.json")
    assert program.estimate is not None
    assert sum(program.estimate.cycles) == said["total"]["cycles"]
    assert list(program.estimate.band) == said["band"]


def test_a_board_with_another_program_is_refused(noticed: ModelSources) -> None:
    with (
        firmware.running(firmware.build("native", noticed)) as port,  # compiled for size
        pytest.raises(EdgekitError, match=r"has \d+ steps and [\d,]+ bytes of arena, and this one") as refusal,
    ):
        command(VECTORS / "int8.tflite", "--port", port, "--target", "generic", "--optimize", "speed")
    assert "--optimize" in refusal.value.hint


def test_the_page_of_a_profile_shows_every_layers_instructions(tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    said = json.loads(command(VECTORS / "int8.tflite", "--port", "emulator", "--json", "--report", page))
    text = page.read_text()
    for layer in said["layers"]:
        assert f"{layer['instructions']:,}" in text
    assert "<svg" in text
    assert "ms estimated on one core" in text
