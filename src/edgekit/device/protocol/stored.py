"""A model as a board's model partition holds it, and what a firmware's image says of itself. Standard library only.

A stored model is the header `StoredModel`, a `Tensor` for each input and then for each output, the text of its labels
(a zero behind each), zeros up to a multiple of MODEL_ALIGN bytes, and the .tflite. All of it is checked when the board
starts.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

from edgekit.device.protocol.message import I16, U8, U16, U32, Hash, Magic, Record
from edgekit.device.protocol.tensors import Tensor

STORED_MAGIC = b"edgekitM"
STORED_FORMAT = 2
MODEL_ALIGN = 16
FIRMWARE_MAGIC = b"edgekitF"
FIRMWARE_FORMAT = 2


class StoredModel(Record):
    """The header of a stored model: what a firmware has of its built-in one from a C header."""

    magic: Magic
    format: U16
    margin_q: I16
    label_bytes: U32
    model_bytes: U32
    model_sha256: Hash
    built_in_sha256: Hash  # of the model that it replaces: firmware with another one was flashed for that other one
    inputs: U8
    outputs: U8
    decision: U8
    positive: U8
    input_low_bits: U32
    input_high_bits: U32
    arena_bytes: U32  # where TFLM begins to try
    check: U32  # CRC-32 of everything before it, of the tensors and of the labels

    def image(self, tensors: Sequence[Tensor], labels: bytes, tflite: bytes) -> bytes:
        """What is written to the partition, `check` computed."""
        behind = b"".join(tensor.pack() for tensor in tensors) + labels
        check = zlib.crc32(behind, zlib.crc32(self.pack()[:-4]))
        head = replace(self, check=check).pack() + behind
        return head.ljust(model_offset(len(tensors), len(labels)), b"\0") + tflite


def model_offset(tensors: int, label_bytes: int) -> int:
    """Where the .tflite begins."""
    described = StoredModel.FIXED.size + tensors * Tensor.FIXED.size + label_bytes
    return -(-described // MODEL_ALIGN) * MODEL_ALIGN


class FirmwareDescription(Record):
    """What an application's image says of the models that it runs: ESP-IDF's custom description."""

    magic: Magic
    format: U16
    backend: U8
    reserved: U8
    input_bytes: U32  # the most that it takes
    output_bytes: U32  # the most that it gives
    built_in_sha256: Hash
    operators: Hash  # bit `code % 8` of byte `code // 8`: TFLite's codes of the operators that it has
