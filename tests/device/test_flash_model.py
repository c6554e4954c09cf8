"""A model alone, written into a board's partition: a bootloader that runs here takes it, and a firmware reads it."""

import dataclasses
import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stored_models import TASK, THRESHOLD, client_of, content_of, flipped, started_with
from tap import Tap

from edgekit.boards.board import ESP32
from edgekit.cli.main import cli
from edgekit.compile.description import Description
from edgekit.device import firmware
from edgekit.device.carried import carried
from edgekit.device.esptool import Esptool
from edgekit.device.flash_model import ModelFlashed, erase_model, flash_model
from edgekit.device.protocol.codes import Backend, ErrorCode, ModelSource
from edgekit.device.protocol.stored import FIRMWARE_FORMAT, FIRMWARE_MAGIC, FirmwareDescription
from edgekit.device.stored import HEAD_BYTES, check_runs, firmware_in, stored_content
from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import load_model
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite
from edgekit.values.model import TfliteModel
from images_built import APP_OFFSET, TABLE, described, image, table

MODEL_OFFSET, ROOM = 0x290000, 0x170000
SECOND_APP = 0x150000


def firmware_for(model: TfliteModel, **values: Any) -> FirmwareDescription:
    """What TFLM's firmware for a model says of itself."""
    said = FirmwareDescription(
        FIRMWARE_MAGIC, FIRMWARE_FORMAT, Backend.TFLM_ESP_NN, 0, math.prod(model.input_shape), model.outputs,
        bytes.fromhex(model.sha256), carried(model).operator_map,
    )  # fmt: skip
    return dataclasses.replace(said, **values)


@pytest.fixture
def what(model: TfliteModel) -> Description:
    """The small student, described."""
    return carried(model, TASK, THRESHOLD)


@pytest.fixture
def flashed(bootloader: Callable[[str], str], model: TfliteModel) -> Callable[..., str]:
    """Starts a chip that has a firmware which says what it runs, and gives its port."""

    def make(rows: tuple[Any, ...] = TABLE, **values: Any) -> str:
        port = bootloader("esp32")
        app = described(image(5000), firmware_for(model, **values).pack())
        chip(port).write([(ESP32.flashing.partitions_offset, table(*rows)), (APP_OFFSET, app)])
        return port

    return make


def chip(port: str) -> Esptool:
    """esptool at a port."""
    return Esptool(port, ESP32, lambda _: None, None, 0)


def stored_in(port: str, size: int) -> bytes:
    """The first bytes of the model partition."""
    return chip(port).read(MODEL_OFFSET, size)


def test_the_board_holds_then_what_its_firmware_takes(
    flashed: Callable[..., str], what: Description, model: TfliteModel, native: Path, tmp_path: Path
) -> None:
    port = flashed()
    lines: list[str] = []
    done = flash_model(port, what, 16_384, on_line=lines.append, ask=False)
    expected = content_of(model)
    assert done == ModelFlashed(
        port, done.chip, "model", MODEL_OFFSET, ROOM, len(expected), model.sha256, None, runs=False
    )
    assert sum("Hash of data verified" in line for line in lines) == 1
    partition = stored_in(port, len(expected))
    assert partition == expected
    with client_of(native, partition, tmp_path) as client:
        assert client.info.source == ModelSource.STORED
        assert client.labels == TASK.labels


def test_a_model_of_37_kb_writes_less_than_64_kb(flashed: Callable[..., str]) -> None:
    shipped = load_model("models/chest_xray")
    assert 36_000 < len(shipped.model.flatbuffer) < 37_000
    tap = Tap(flashed(input_bytes=64 * 64))
    model = carried(shipped.model, shipped.task, shipped.threshold)
    done = flash_model(tap.port, model, shipped.arena_bytes, ask=False)
    tap.close()
    assert len(shipped.model.flatbuffer) < done.written_bytes < 38_000
    assert tap.erased_bytes() == 40_960
    assert tap.erased_bytes() < 65_536
    assert len(tap.sent) < 65_536  # esptool's own program for the chip's RAM among them


def test_a_cable_that_is_pulled_leaves_the_built_in_model_in_use(flashed: Callable[..., str], tmp_path: Path) -> None:
    shipped = load_model("models/chest_xray")
    built_in = bytes.fromhex(shipped.model.sha256)
    program = firmware.build("native", shipped.sources())
    port = flashed(input_bytes=64 * 64, built_in_sha256=built_in)
    before = carried(shipped.model, shipped.task, shipped.threshold)
    after = dataclasses.replace(before, labels=("a", "b"))
    whole = Tap(port)
    flash_model(whole.port, before, shipped.arena_bytes, ask=False)
    whole.close()
    contents = [stored_content(model, shipped.arena_bytes, built_in) for model in (before, after)]
    assert stored_in(port, len(contents[0])) == contents[0]
    tap = Tap(port, cut_at=len(whole.sent) - 6000)  # its first block of 16 KB is written, its last is not
    with pytest.raises(EdgekitError):
        flash_model(tap.port, after, shipped.arena_bytes, ask=False)
    tap.close()
    torn = stored_in(port, len(contents[0]))
    assert torn[:8192] == contents[1][:8192]
    assert torn[-8192:] == contents[0][-8192:]
    with client_of(program, torn, tmp_path) as client:
        assert (client.info.source, client.info.stored_error) == (ModelSource.BUILT_IN, ErrorCode.BAD_HASH)
        assert client.labels == ("NORMAL", "PNEUMONIA")
    flash_model(port, after, shipped.arena_bytes, ask=False)
    with client_of(program, stored_in(port, len(contents[1])), tmp_path) as client:
        assert (client.info.source, client.labels) == (ModelSource.STORED, ("a", "b"))


@pytest.mark.parametrize("harmed", [False, True], ids=["whole", "harmed"])
def test_the_board_is_asked_after_its_reset_whether_it_runs_the_model(
    flashed: Callable[..., str], what: Description, model: TfliteModel, native: Path, tmp_path: Path, harmed: bool
) -> None:
    port, calls = flashed(), 5  # esptool's: which chip, the table, the selection, the application, the model
    holds = content_of(model)
    with started_with(native, flipped(holds, 999) if harmed else holds, tmp_path) as board:
        tap = Tap(port, calls=calls, reset=lambda: board)
        if harmed:
            with pytest.raises(EdgekitError, match=r"byte for byte, what was to be written\. The board runs its"):
                flash_model(tap.port, what, 16_384)
        else:
            assert flash_model(tap.port, what, 16_384).runs
        tap.close()
    assert stored_in(port, len(holds)) == holds


def test_the_firmware_that_the_bootloader_starts_is_the_one_that_is_asked(
    flashed: Callable[..., str], what: Description, model: TfliteModel
) -> None:
    port = flashed(operators=bytes(32))
    with pytest.raises(EdgekitError, match="lacks operators"):
        flash_model(port, what, 16_384, ask=False)
    other = described(image(5000), firmware_for(model).pack())
    update = (2).to_bytes(4, "little") + b"\xff" * 20 + (2).to_bytes(4, "little")
    update += zlib.crc32((2).to_bytes(4, "little"), 0xFFFFFFFF).to_bytes(4, "little")
    chip(port).write([(0xD000, update), (SECOND_APP, other)])
    assert flash_model(port, what, 16_384, ask=False).model_sha256 == model.sha256


NO_SLOT = ((1, 2, 0x9000, 0x6000, b"nvs"), (0, 0, APP_OFFSET, 0x140000, b"factory"))
SMALL = (*TABLE[:-1], (0x40, 0, MODEL_OFFSET, 0xE00, b"model"))


@pytest.mark.parametrize(
    ("rows", "values", "said", "to_do"),
    [
        (NO_SLOT, {}, "has no partition for a model; it has nvs, factory.", "edgekit flash --port"),
        (SMALL, {}, "bytes, and the board's partition model has 3,584.", "Build a smaller model"),
        (TABLE, {"magic": b"\0" * 8}, "no firmware of today's edgekit from its partition ota_0.", "edgekit flash"),
        (TABLE, {"backend": 0, "built_in_sha256": b"\xab" * 32}, "is compiled C of the model abababababab", "_aot"),
    ],
)  # fmt: skip
def test_what_the_board_cannot_run_is_refused_before_anything_is_written(
    flashed: Callable[..., str], what: Description,
    rows: tuple[Any, ...], values: dict[str, Any], said: str, to_do: str,
) -> None:  # fmt: skip
    port = flashed(rows, **values)
    lines: list[str] = []
    with pytest.raises(EdgekitError) as refused:
        flash_model(port, what, 16_384, on_line=lines.append, ask=False)
    assert said in refused.value.message
    assert to_do in refused.value.hint
    assert not any("Wrote" in line for line in lines)
    assert any("Hard resetting" in line for line in lines)  # the board runs its firmware again
    assert stored_in(port, 64) == b"\xff" * 64


@pytest.mark.parametrize(
    ("values", "arena_bytes", "said"),
    [
        ({"operators": bytes(32)}, 0, "lacks operators of"),
        ({"input_bytes": 1023}, 0, "takes 1,024 bytes; the board's firmware was built for 1,023."),
        ({"output_bytes": 1}, 0, "gives 2 bytes; the board's firmware was built for 1."),
        ({}, 102_401, "needs 102,401 bytes of working memory on TFLM; a classic ESP32 gives 102,400."),
        ({"backend": Backend.AOT, "built_in_sha256": bytes(32)}, 0, "is compiled C of the model 000000000000"),
    ],
)
def test_what_a_firmware_cannot_run_is_told_with_its_figures(
    what: Description, model: TfliteModel, values: dict[str, Any], arena_bytes: int, said: str
) -> None:
    with pytest.raises(EdgekitError) as refused:
        check_runs(what, arena_bytes, firmware_for(model, **values))
    assert said in refused.value.message
    assert "edgekit firmware --model" in refused.value.hint


def test_compiled_c_takes_its_own_model_whatever_tflm_would_need(what: Description, model: TfliteModel) -> None:
    check_runs(what, 102_401, firmware_for(model, backend=Backend.AOT))
    check_runs(what, 102_400, firmware_for(model))


@pytest.mark.parametrize("values", [{"magic": b"edgekitM"}, {"format": 1}, {"backend": 3}])
def test_a_firmware_that_does_not_say_what_it_runs_is_none_of_todays(
    model: TfliteModel, values: dict[str, Any]
) -> None:
    assert firmware_in(described(image(5000), firmware_for(model).pack())[:HEAD_BYTES]) == firmware_for(model)
    assert firmware_in(described(image(5000), firmware_for(model, **values).pack())[:HEAD_BYTES]) is None
    assert firmware_in(b"\0" + described(image(5000), firmware_for(model).pack())[1:HEAD_BYTES]) is None


def test_the_operators_that_the_firmware_lacks_are_named(model: TfliteModel, tmp_path: Path) -> None:
    r = Random(1)
    x = r.activation((1, 4, 4, 2))
    y = r.b.tensor((1, 3), scales=[16 / 256], zero_points=[127])
    r.b.op("LOG_SOFTMAX", [r.dense(r.reshape(x), 3)], y)
    (tmp_path / "odd.tflite").write_bytes(r.b.finish([x], [y]))
    odd = carried(read_tflite(tmp_path / "odd.tflite"))
    with pytest.raises(EdgekitError, match=r"lacks operators of .*odd\.tflite: RESHAPE, LOG_SOFTMAX\."):
        check_runs(odd, 4096, firmware_for(model))


def test_a_board_without_a_table_or_with_another_chip_is_told(
    bootloader: Callable[[str], str], what: Description
) -> None:
    with pytest.raises(EdgekitError, match="holds no partition table") as blank:
        flash_model(bootloader("esp32"), what, 16_384, ask=False)
    assert "edgekit flash --port socket://" in blank.value.hint
    with pytest.raises(EdgekitError, match=r"ESP32-S3.*not a classic ESP32"):
        flash_model(bootloader("esp32s3"), what, 16_384, ask=False)


def test_a_model_that_is_taken_out_leaves_the_built_in_one(
    flashed: Callable[..., str], what: Description, native: Path, tmp_path: Path
) -> None:
    port = flashed()
    flash_model(port, what, 16_384, ask=False)
    assert stored_in(port, 8) == b"edgekitM"
    done = erase_model(port)
    assert (done.model_sha256, done.written_bytes) == (None, 4096)
    with client_of(native, stored_in(port, 8192), tmp_path) as client:
        assert (client.info.source, client.info.stored_error) == (ModelSource.BUILT_IN, ErrorCode.OK)


def test_the_command_says_what_it_wrote_and_that_no_firmware_answered(
    flashed: Callable[..., str], model: TfliteModel, tmp_path: Path
) -> None:
    (tmp_path / "mine.tflite").write_bytes(model.flatbuffer)
    given = [
        "flash",
        "--port",
        flashed(),
        "--model-only",
        str(tmp_path / "mine.tflite"),
        "--labels",
        "yes,no",
        "--json",
    ]
    done = CliRunner().invoke(cli, given)
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert (said["partition"], said["model_sha256"], said["runs"]) == ("model", model.sha256, False)
    assert "The model is written, and nobody said that it runs" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model-only", "chest_xray", "--build", "x"), "name one"),
        (("--erase-model", "--model-only", "chest_xray"), "name one"),
        (("--labels", "a,b"), "--labels belongs to --model-only"),
        (("--port", "socket://127.0.0.1:1"), "--port is given 2 times: socket://127.0.0.1:9, socket://127.0.0.1:1."),
    ],
)
def test_options_that_contradict_each_other_are_refused(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(cli, ["flash", "--port", "socket://127.0.0.1:9", *words])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(("port", "said"), [("qemu-esp32", "ends with each command"), ("native", "not a board on a")])
def test_a_board_that_a_command_starts_takes_no_model(port: str, said: str) -> None:
    done = CliRunner().invoke(cli, ["flash", "--port", port, "--model-only", "chest_xray"])
    assert isinstance(done.exception, EdgekitError)
    assert said in done.exception.message
