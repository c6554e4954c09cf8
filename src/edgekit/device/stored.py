"""What a board's model partition is to hold, and whether the firmware that the board starts can run it.

In: a described model, the beginning of the application in the board's flash. Out: the partition's content.
"""

import struct

from edgekit.boards.board import ESP32, Board
from edgekit.compile.description import Description
from edgekit.device.images import IMAGE_MAGIC
from edgekit.device.partitions import Partition
from edgekit.device.protocol.codes import Backend, ElementType
from edgekit.device.protocol.message import MAX_RANK
from edgekit.device.protocol.stored import (
    FIRMWARE_FORMAT,
    FIRMWARE_MAGIC,
    STORED_FORMAT,
    STORED_MAGIC,
    FirmwareDescription,
    StoredModel,
)
from edgekit.device.protocol.tensors import Tensor
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import operator_name
from edgekit.values.buffer import buffer_bytes
from edgekit.values.model import TensorSpec

# An image's header, that of its first segment, and ESP-IDF's own description of an application (esp_app_desc_t).
_DESCRIPTION_OFFSET = 24 + 8 + 256
HEAD_BYTES = _DESCRIPTION_OFFSET + FirmwareDescription.FIXED.size
_BUILD = "edgekit firmware --model MODEL, then pio run -d firmware -t upload"


def firmware_in(head: bytes) -> FirmwareDescription | None:
    """What the first HEAD_BYTES of an application say; None where it is not a firmware of today's edgekit."""
    said = FirmwareDescription.unpack(head[_DESCRIPTION_OFFSET:HEAD_BYTES])
    ours = head[0] == IMAGE_MAGIC and (said.magic, said.format) == (FIRMWARE_MAGIC, FIRMWARE_FORMAT)
    return said if ours and said.backend in Backend.__members__.values() else None


def stored_content(described: Description, arena_bytes: int, built_in_sha256: bytes) -> bytes:
    """The content of a model partition.

    Args:
        arena_bytes: TFLM's as measured, where the firmware begins to try.
        built_in_sha256: of the model that was built with the firmware.
    """
    model, pixels, labels = described.model, described.input_range, described.label_text
    header = StoredModel(
        magic=STORED_MAGIC,
        format=STORED_FORMAT,
        margin_q=described.margin_q,
        label_bytes=len(labels),
        model_bytes=len(model.flatbuffer),
        model_sha256=bytes.fromhex(model.sha256),
        built_in_sha256=built_in_sha256,
        inputs=len(model.input_specs),
        outputs=len(model.output_specs),
        decision=described.decision,
        positive=max(described.positive, 0),
        input_low_bits=_bits(pixels.low if pixels else 0.0),
        input_high_bits=_bits(pixels.high if pixels else 0.0),
        arena_bytes=arena_bytes,
        check=0,
    )
    return header.image([_tensor(spec) for spec in (*model.input_specs, *model.output_specs)], labels, model.flatbuffer)


def _tensor(spec: TensorSpec) -> Tensor:
    assert spec.q is not None
    dimensions = (*spec.shape, *[0] * (MAX_RANK - len(spec.shape)))
    return Tensor(ElementType[spec.type], len(spec.shape), spec.q.zero_point, _bits(spec.q.scale), dimensions)


def _bits(value: float) -> int:
    return int(struct.unpack("<I", struct.pack("<f", value))[0])


def check_runs(described: Description, arena_bytes: int, firmware: FirmwareDescription, board: Board = ESP32) -> None:
    """Raises EdgekitError where a firmware cannot run the model out of its partition, and says why."""
    model, built_in = described.model, firmware.built_in_sha256.hex()
    input_bytes, output_bytes = (
        buffer_bytes([spec.size_bytes for spec in specs]) for specs in (model.input_specs, model.output_specs)
    )
    if firmware.backend == Backend.AOT and model.sha256 != built_in:
        raise EdgekitError(
            f"The board's firmware is compiled C of the model {built_in[:12]}, and runs no other than that.",
            f"Build the firmware with this model: {_BUILD} -e {board.environment}_aot; TFLM's firmware "
            f"(-e {board.environment}) takes models into the partition.",
        )
    if lacking := _lacking(described, firmware):
        raise EdgekitError(
            f"The board's firmware lacks operators of {model.name}: {', '.join(lacking)}.",
            f"It has those of the model that it was built with. Build it with this one: {_BUILD}.",
        )
    if input_bytes > firmware.input_bytes:
        raise EdgekitError(
            f"{model.name} takes {input_bytes:,} bytes; the board's firmware was built for {firmware.input_bytes:,}.",
            f"Build it with this model: {_BUILD}.",
        )
    if output_bytes > firmware.output_bytes:
        raise EdgekitError(
            f"{model.name} gives {output_bytes:,} bytes; the board's firmware was built for {firmware.output_bytes:,}.",
            f"Build it with this model: {_BUILD}.",
        )
    if firmware.backend != Backend.AOT and arena_bytes > board.room.arena_bytes:
        raise EdgekitError(
            f"{model.name} needs {arena_bytes:,} bytes of working memory on TFLM; a {board.title} gives "
            f"{board.room.arena_bytes:,}.",
            f"Build a smaller model, or compiled C, which needs less: {_BUILD} -e {board.environment}_aot.",
        )


def check_room(content: bytes, name: str, slot: Partition) -> None:
    """Raises EdgekitError where a model with what belongs to it is larger than the partition."""
    if len(content) > slot.size:
        raise EdgekitError(
            f"{name} takes {len(content):,} bytes, and the board's partition {slot.name} has {slot.size:,}.",
            f"Build a smaller model, or build the firmware with this one: {_BUILD}.",
        )


def _lacking(described: Description, firmware: FirmwareDescription) -> list[str]:
    wanted, has = (int.from_bytes(bits, "little") for bits in (described.operator_map, firmware.operators))
    return [operator_name(code) for code in range(256) if (wanted & ~has) >> code & 1]
