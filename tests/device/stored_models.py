"""Model partitions as tests need them: of a model that a board's firmware was built with, whole or with a fault."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgekit.device import firmware
from edgekit.device.carried import carried
from edgekit.device.client import Client
from edgekit.device.link import open_link
from edgekit.device.protocol.stored import StoredModel, model_offset
from edgekit.device.protocol.tensors import Tensor
from edgekit.device.stored import stored_content
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task

TASK = Task(("quiet", "a very loud one"), positive="a very loud one")
THRESHOLD = Threshold(0.7, margin_q=-23)
HEADER, TENSOR = StoredModel.FIXED.size, Tensor.FIXED.size
LABELS = HEADER + 2 * TENSOR


def content_of(model: TfliteModel, built_in: TfliteModel | None = None) -> bytes:
    """What a partition holds of a model with two outputs, for firmware that was built with `built_in` (itself)."""
    described = carried(model, TASK, THRESHOLD)
    return stored_content(described, 16_384, bytes.fromhex((built_in or model).sha256))


def changed(
    content: bytes, tflite: bytes | None = None, ends: Callable[[Tensor, Tensor], tuple[Tensor, ...]] | None = None,
    **values: Any,
) -> bytes:  # fmt: skip
    """The same with other values in its header, other bytes for a .tflite, its input and its output as `ends` makes
    them, and checksums that are right."""
    header = StoredModel.unpack(content[:HEADER])
    taken, given = (Tensor.unpack(content[at : at + TENSOR]) for at in (HEADER, HEADER + TENSOR))
    labels = content[LABELS : LABELS + header.label_bytes]
    body = content[model_offset(2, header.label_bytes) :] if tflite is None else tflite
    sha256 = hashlib.sha256(body).digest()
    fresh = dataclasses.replace(header, **{"model_bytes": len(body), "model_sha256": sha256, **values})
    return fresh.image(ends(taken, given) if ends else (taken, given), labels, body)


def flipped(content: bytes, at: int, bit: int = 0) -> bytes:
    """The same with one bit another."""
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


@contextmanager
def started_with(program: Path, content: bytes | None, folder: Path) -> Iterator[str]:
    """The port of a board whose model partition holds this; None: it has no such partition."""
    file = folder / "partition.bin"
    if content is not None:
        file.write_bytes(content)
    with firmware.running(program, partition=None if content is None else file) as port:
        yield port


@contextmanager
def client_of(program: Path, content: bytes | None, folder: Path) -> Iterator[Client]:
    """The same as a client that has greeted."""
    with started_with(program, content, folder) as port:
        link = open_link(port)
        client = Client(link)
        client.hello()
        yield client
        link.close()
