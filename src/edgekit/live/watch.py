"""A board that answers each new picture of a folder: `edgekit watch` in one call.

In: a model, a port, a folder. Out: what happens, as it happens: `Begun`, then `Seen` and `Skipped` without an end.
"""

import io
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.arrays import numbered
from edgekit.data.preprocess import flat, to_pixels
from edgekit.device.client import Client, Outcome
from edgekit.device.connection import Wait, connected, device_json, say_other_labels
from edgekit.device.link import AS_THE_SYSTEM, ControlLines
from edgekit.device.protocol.messages import Ping, Pong
from edgekit.live.events import Begun, Event, Seen, Skipped
from edgekit.live.folder import LOOK_S, Folder
from edgekit.live.page import serving
from edgekit.live.tally import Tally
from edgekit.pipeline.inputs import taken_for
from edgekit.pipeline.loading import LoadedModel, load_model
from edgekit.pipeline.predict import answers_of, gives_classes, refuse_float
from edgekit.tflite.quantize import network_input, with_input_range
from edgekit.values.tensors import packed, unpacked

PING_S = 2.0  # between two questions to an idle board, which show that it is still there
PREVIEW_PX = 384  # the longer side of what the page shows


@dataclass(frozen=True, slots=True)
class _View:
    """What is kept of an open picture: pixels uint8 [height, width, channels] for the model, a PNG for people."""

    pixels: NDArray[np.uint8]
    preview: bytes


def watch(
    model: LoadedModel | str | Path, port: str, folder: str | Path, *,
    page_port: int | None = None, input_range: tuple[float, float] | None = None, labels: str | None = None,
    baud: int | None = None, on_wait: Wait = nullcontext, lines: ControlLines = AS_THE_SYSTEM,
) -> Iterator[Event]:  # fmt: skip
    """Sends each picture of a folder to a board, those there at the start and those that come, until it is closed.

    A picture is of the class that the nearest folder above it is called by, if any is. One that is written over counts
    as another.

    Args:
        model: a model that `load_model` read, or its path.
        port: a serial device, auto, socket://HOST:PORT, emulator, native, qemu-esp32.
        page_port: TCP port of the page on this computer; left out, the usual one, or a free one where that is taken.
        input_range, labels, baud, on_wait, lines: as in `predict`.

    Raises:
        EdgekitError: no such folder, a model that takes no pictures, a port of the page that is taken, no board,
            another model on it, a board that vanishes.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model, labels)
    tflite = with_input_range(loaded.model, input_range)
    refuse_float(tflite)
    taken_for(tflite, str(folder))
    loaded = replace(loaded, model=tflite)
    if loaded.task is None and gives_classes(loaded):
        loaded = replace(loaded, task=numbered(tflite))
    pictures, tally = Folder(Path(folder)), Tally(loaded.task)
    with (
        serving(page_port) as page,
        connected(port, tflite, loaded.sources, baud=baud, on_wait=on_wait, lines=lines) as client,
    ):
        task = loaded.task
        if task is not None:
            say_other_labels(client.labels, task.labels)
        known = (task.labels, task.domain) if task else ((), "")
        device = device_json(client.info, client.labels)
        begun = Begun(Path(folder), tflite.name, page.address, device, *known, tally)
        page.show(begun)
        yield begun
        for event in _answered(client, loaded, pictures, tally):
            page.show(event)
            yield event


def _answered(client: Client, loaded: LoadedModel, pictures: Folder, tally: Tally) -> Iterator[Seen | Skipped]:
    """All that comes, without an end."""
    model, skipped = loaded.model, list[Skipped]()
    sent = dict[str, tuple[str, bytes]]()  # path and preview of those at the board
    height, width, channels = model.image_size or (0, 0, 0)

    def see(image: Image.Image) -> _View:
        return _View(to_pixels(image, (height, width), channels), _preview(image))

    def inputs() -> Iterator[tuple[str, bytes]]:
        for one in pictures.arrivals(see):
            if isinstance(one, Skipped):
                skipped.append(one)
                continue
            name = one.path
            while name in sent:
                name += " (written over)"
            sent[name] = one.path, one.view.preview
            yield name, packed(model.input_specs, network_input(model, one.view.pixels))

    def said() -> Iterator[Skipped]:
        while skipped:
            tally.skipped += 1
            yield skipped.pop(0)

    asked_s = time.monotonic()
    while True:
        for outcome in client.infer(inputs()):
            asked_s = time.monotonic()
            yield from said()
            yield _seen(outcome, *sent.pop(outcome.key), loaded, tally, client.info.has_clock)
        yield from said()
        time.sleep(LOOK_S)
        if time.monotonic() - asked_s > PING_S:
            client.ask(Ping(b""), Pong)
            asked_s = time.monotonic()


def _seen(outcome: Outcome, path: str, preview: bytes, loaded: LoadedModel, tally: Tally, has_clock: bool) -> Seen:
    outputs = unpacked(loaded.model.output_specs, outcome.outputs)[np.newaxis]
    (answer,) = answers_of(loaded, [Path(path)], outputs)
    truth = tally.truth_of(path)
    tally.add(truth, answer.label)
    return Seen(path, answer, truth, outcome.invoke_us if has_clock else None, preview)


def _preview(image: Image.Image) -> bytes:
    """A PNG of the open picture, made smaller where it is large."""
    small = flat(image).copy()
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    stream = io.BytesIO()
    small.save(stream, "PNG")
    return stream.getvalue()
