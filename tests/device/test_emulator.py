"""The firmware on emulated Xtensa: the same bytes, in an ESP32's room, at the price that was promised."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.data.preprocess import load_pixels
from edgekit.data.sources import load_splits
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.connection import connected
from edgekit.device.evaluate import evaluate_on_desktop, evaluate_on_device
from edgekit.device.firmware import ModelSources
from edgekit.device.link import open_link
from edgekit.device.protocol import messages
from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import load_model
from edgekit.runtimes.tflm import arena_bytes
from edgekit.values.device_run import agreement
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import DEFAULT_MODEL
from edgekit.values.task import CHEST_XRAY

REPOSITORY = Path(__file__).parents[2]


def test_emulated_xtensa_gives_the_desktops_bytes(
    emulated: Path, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    with firmware.running(emulated) as port:
        client = Client(open_link(port))
        run = evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path)
        assert run.device["board"] == "emulated"
        assert agreement(run.predictions, evaluate_on_desktop(model, xrays).predictions).identical == 100
        # QEMU counts instructions: the same image takes the same time in every run
        first = run.predictions[0].invoke_us
        (again,) = evaluate_on_device(
            client, model, xrays.take(xrays.labels[:1] * 0), data_info, state_dir=tmp_path
        ).predictions
        assert abs(again.invoke_us - first) <= 1  # type: ignore[operator]
        client.link.close()


def test_32_xrays_on_the_shipped_model_give_the_desktops_bytes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shipped = REPOSITORY / DEFAULT_MODEL
    if not shipped.is_file():
        pytest.skip(f"{DEFAULT_MODEL} is not there yet")
    loaded = load_model(shipped)
    height, width, _ = loaded.model.input_shape
    folder = Path(os.environ.get("EDGEKIT_XRAYS", REPOSITORY.parent / "shared/data/chest_xray")) / "test"
    if folder.is_dir():
        paths = [path for name in CHEST_XRAY.labels for path in sorted((folder / name).iterdir())[:16]]
        images = np.stack([load_pixels(path, (height, width)) for path in paths])
        ids = tuple(path.name for path in paths)
    else:
        drawn = load_splits("phantom:5:160", (height, width), loaded.data).test.take(np.arange(32))
        images, ids = drawn.images, drawn.ids
    xrays = ImageSet(images, np.arange(32) // 16, ids, ids)
    with connected("emulator", loaded.model, loaded.sources) as client:
        run = evaluate_on_device(client, loaded.model, xrays, DataInfo("x", "0", False, CHEST_XRAY), state_dir=tmp_path)
    assert agreement(run.predictions, evaluate_on_desktop(loaded.model, xrays).predictions).identical == 32
    assert run.device["arena_bytes"] < loaded.arena_bytes / 2  # aot's RAM beside TFLM's
    assert run.device["flash_bytes"] - run.device["model_bytes"] < 60 * 1024


def test_a_raw_echo_that_is_cut_short_ends_by_itself(emulated: Path) -> None:

    with firmware.running(emulated) as port:
        client = Client(open_link(port))
        client.hello()
        client.ask(messages.RawEcho(1000), messages.EchoReady)
        client.link.write(b"abc")
        assert client.link.read(2.0)
        time.sleep(1.5)
        assert client.ping(b"frames again")
        client.link.close()


def test_the_emulated_board_sleeps_while_it_waits(emulated: Path) -> None:
    with firmware.running(emulated) as port:
        client = Client(open_link(port))
        client.hello()
        (pid,) = subprocess.run(
            ["pgrep", "-P", str(os.getpid()), "-f", str(emulated)], capture_output=True, text=True, check=True
        ).stdout.split()[:1]
        before = cpu_ticks(pid)
        time.sleep(1.0)
        assert cpu_ticks(pid) - before < 30  # of 100 in a second
        client.link.close()


def cpu_ticks(pid: str) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_nothing_runs_on_when_the_block_ends(emulated: Path) -> None:
    with firmware.running(emulated) as port:
        Client(open_link(port)).hello()
    with pytest.raises(EdgekitError, match="does not answer"):
        open_link(port)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs Linux's setpriv (util-linux)")
@pytest.mark.parametrize("kind", ["native", "emulated"])
def test_a_board_ends_with_an_edgekit_that_is_killed(kind: str, request: pytest.FixtureRequest) -> None:
    program: Path = request.getfixturevalue(kind)
    script = (
        "import sys, time; from pathlib import Path; from edgekit.device import firmware\n"
        "with firmware.running(Path(sys.argv[1])) as port: print(port, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-c", script, str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as host:
        assert host.stdout is not None
        port = host.stdout.readline().strip()
        link = open_link(port)
        Client(link).hello()
        host.kill()
    with pytest.raises(EdgekitError, match="vanished"):
        for _ in iter(lambda: link.read(5.0), b""):  # to the end of what was said before
            pass
    link.close()


def test_aot_takes_less_than_half_of_tflms_ram_and_little_flash(emulated: Path, model: TfliteModel) -> None:
    with firmware.running(emulated) as port:
        client = Client(open_link(port))
        info = client.hello()
        client.link.close()
    images = 2 * info.input_bytes  # both classifiers are handed their images in the same two buffers
    assert info.arena_bytes < arena_bytes(model) / 2
    assert info.ram_bytes < 160 * 1024
    assert info.arena_bytes + images < info.ram_bytes
    assert info.flash_bytes - info.model_bytes < 60 * 1024


def test_a_model_that_does_not_fit_an_esp32_is_refused_by_the_linker(sources: ModelSources) -> None:
    greedy = dict(sources.files)
    greedy["model.h"] = greedy["model.h"].replace("#define MODEL_ARENA_BYTES ", "#define MODEL_ARENA_BYTES 200000 + ")
    with pytest.raises(EdgekitError, match=r"it takes 2\d\d,\d+ bytes of RAM, and a .* leaves 163,840") as caught:
        firmware.build("emulated", replace(sources, files=greedy))
    assert "fewer channels" in caught.value.hint


def test_code_and_description_of_different_models_do_not_run(sources: ModelSources, model: TfliteModel) -> None:
    mixed = dict(sources.files)
    begin = f"    0x{model.sha256[:2]},"
    mixed["model_data.h"] = mixed["model_data.h"].replace(begin, "    0x00,", 1)
    assert mixed["model_data.h"] != sources.files["model_data.h"]
    with firmware.running(firmware.build("native", replace(sources, files=mixed))) as port:
        client = Client(open_link(port))
        assert client.hello().model_error == 5
        with pytest.raises(EdgekitError, match="no usable model"):
            next(client.infer([("a", bytes(1024))]))
        client.link.close()


def test_a_missing_program_is_named_with_the_package_that_has_it(
    sources: ModelSources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    changed = replace(
        sources, files={**sources.files, "model.h": sources.files["model.h"] + "/* not built before */\n"}
    )
    with pytest.raises(EdgekitError, match="not installed") as caught:
        firmware.build("emulated", changed)
    assert "apt-get install --no-install-recommends gcc-xtensa-lx106" in caught.value.hint
    with pytest.raises(EdgekitError, match="qemu-system-xtensa is not installed"), firmware.running(Path("x.elf")):
        pass


@pytest.mark.parametrize(
    ("has", "says"), [("-M none_such", "unsupported machine type"), ("-cpu none_such", "CPU model")]
)
def test_a_qemu_without_the_board_is_named_with_what_to_do(
    has: str, says: str, emulated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = shutil.which("qemu-system-xtensa")
    program = tmp_path / "qemu-system-xtensa"
    program.write_text(f"#!/bin/sh\nexec {real} {has}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with (
        pytest.raises(EdgekitError, match=rf"{program} has not the board that edgekit runs: .*{says}") as caught,
        firmware.running(emulated) as port,
    ):
        Client(open_link(port)).hello()
    assert "first on the PATH" in caught.value.hint


def test_a_qemu_that_ends_without_a_word_is_told_with_its_status(
    emulated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "qemu-system-xtensa"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with (
        pytest.raises(EdgekitError, match=r"QEMU ended without a word, status 3\."),
        firmware.running(emulated) as port,
    ):
        Client(open_link(port)).hello()
