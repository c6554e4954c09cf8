"""Writes a model alone into a board's model partition: seconds, no build.

In: a port, a described model. Out: `ModelFlashed`. Where the partition lies, and what the firmware there can run, is
read from the board first. The firmware checks all of it when it starts, and runs its built-in model where a byte is
wrong: a cable that is pulled in the middle costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from edgekit.boards.board import ESP32, Board
from edgekit.compile.c_array import UNMEASURED_ARENA_BYTES
from edgekit.compile.description import Description
from edgekit.device.client import Client
from edgekit.device.diagnosis import stored_refusal
from edgekit.device.esptool import Esptool, Line, at_a_rate
from edgekit.device.link import CHIP_PORT, find_board, open_link, refuse_word
from edgekit.device.partitions import (
    OTA_DATA_BYTES,
    SECTOR_BYTES,
    TABLE_BYTES,
    Partition,
    model_slot,
    ota_data,
    partitions_of,
    started,
)
from edgekit.device.protocol.codes import ModelSource
from edgekit.device.stored import HEAD_BYTES, check_room, check_runs, firmware_in, stored_content
from edgekit.errors import EdgekitError
from edgekit.files import print_warning

_NEW_TABLE = "Flash today's firmware once: edgekit firmware, pio run -d firmware, edgekit flash --port {port}."
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class ModelFlashed:
    """What was written, and to what."""

    port: str
    chip: str
    partition: str  # its name; its place in the flash and its size are next
    offset: int
    room_bytes: int
    written_bytes: int
    model_sha256: str | None  # None where the board was given its built-in model back
    baud: int | None  # at which it was written; None on a line without rates
    runs: bool = False  # the board was asked after its reset, and said that it runs it


def flash_model(
    port: str, described: Description, arena_bytes: int, *,
    board: Board = ESP32, baud: int = 921600, on_line: Line = lambda _: None, ask: bool = True,
) -> ModelFlashed:  # fmt: skip
    """Writes a model into the board's model partition, and asks the board whether it runs it.

    Args:
        port, baud, on_line: as in `flash`; no board that a command starts, whose flash would end with it.
        arena_bytes: TFLM's for the model as measured, 0 where it was not; where the firmware begins to try.
        ask: False leaves the question out, where no firmware can answer.

    Raises:
        EdgekitError: another chip, no partition for a model, a model that the partition or the firmware there cannot
            take, no connection, a hash that does not match; a board that then runs another model says why.
    """
    work = partial(_written, described=described, arena_bytes=arena_bytes or UNMEASURED_ARENA_BYTES)
    done = _at(port, board, baud, on_line, work)
    return replace(done, runs=_runs_it(done.port, described.model.sha256)) if ask else done


def erase_model(port: str, *, board: Board = ESP32, baud: int = 921600, on_line: Line = lambda _: None) -> ModelFlashed:
    """Takes the model out of the board's model partition: it runs the built-in one again. Raises as `flash_model`."""
    return _at(port, board, baud, on_line, _erased)


def _at(port: str, board: Board, baud: int, on_line: Line, work: Callable[[Esptool], _Done]) -> _Done:
    if port == CHIP_PORT:
        raise EdgekitError(
            f"The flash of {CHIP_PORT} ends with each command, and a model in it with it.",
            "Build the firmware with the model: edgekit firmware --model MODEL, then pio run -d firmware.",
        )
    refuse_word(port)
    return at_a_rate(find_board() if port == "auto" else port, board, baud, on_line, work)


def _written(esptool: Esptool, described: Description, arena_bytes: int) -> ModelFlashed:
    chip = esptool.identify().name
    partitions, slot = _slot_on(esptool)
    selection = ota_data(partitions)
    app = started(partitions, esptool.read(selection.offset, OTA_DATA_BYTES) if selection else b"")
    firmware = firmware_in(esptool.read(app.offset, HEAD_BYTES)) if app else None
    if firmware is None:
        raise EdgekitError(
            f"The board at {esptool.port} starts no firmware of today's edgekit"
            + (f" from its partition {app.name}." if app else "."),
            _NEW_TABLE.format(port=esptool.port),
        )
    check_runs(described, arena_bytes, firmware, esptool.board)
    content = stored_content(described, arena_bytes, firmware.built_in_sha256)
    check_room(content, described.model.name, slot)
    return _flashed(esptool, chip, slot, content, described.model.sha256)


def _erased(esptool: Esptool) -> ModelFlashed:
    chip = esptool.identify().name
    _, slot = _slot_on(esptool)
    return _flashed(esptool, chip, slot, b"\xff" * SECTOR_BYTES, None)


def _flashed(esptool: Esptool, chip: str, slot: Partition, content: bytes, sha256: str | None) -> ModelFlashed:
    written = esptool.write([(slot.offset, content)])
    return ModelFlashed(esptool.port, chip, slot.name, slot.offset, slot.size, written, sha256, esptool.baud)


def _slot_on(esptool: Esptool) -> tuple[tuple[Partition, ...], Partition]:
    """The board's partitions, and the one for a model. Raises EdgekitError: there is none."""
    partitions = partitions_of(esptool.read(esptool.board.flashing.partitions_offset, TABLE_BYTES))
    slot, hint = model_slot(partitions), _NEW_TABLE.format(port=esptool.port)
    if not partitions:
        raise EdgekitError(f"The flash of the board at {esptool.port} holds no partition table.", hint)
    if slot is None:
        names = ", ".join(one.name for one in partitions)
        raise EdgekitError(f"The board at {esptool.port} has no partition for a model; it has {names}.", hint)
    return partitions, slot


def _runs_it(port: str, sha256: str) -> bool:
    """Whether the board says so. That it does not answer is said on stderr. Raises EdgekitError: it runs another."""
    link = open_link(port)
    try:
        info = Client(link).hello()
    except EdgekitError as silent:
        print_warning(
            f"The model is written, and nobody said that it runs: {silent.message} Press EN (reset), then "
            f"`edgekit selftest --port {port} --model MODEL` asks."
        )
        return False
    finally:
        link.close()
    if info.source != ModelSource.STORED or info.model_sha256.hex() != sha256:
        raise stored_refusal(info)
    return True
