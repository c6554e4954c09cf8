"""A set of images through a board: predictions, and whether they are the desktop's, byte for byte.

In: a `Client`, the model, an `ImageSet`. Out: a `DeviceRun`. What is done is kept in a state file, so that an
evaluation that was cut off goes on where it stopped.
"""

import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edgekit import files
from edgekit.compile.reference import reference
from edgekit.device.client import Client
from edgekit.device.connection import device_json, say_other_labels
from edgekit.device.kept import Answers, Kept
from edgekit.runtimes import tflm
from edgekit.runtimes.runtime import timed
from edgekit.tflite.quantize import known_range, network_input
from edgekit.values.device_run import DeviceRun, LinkCounts
from edgekit.values.evaluation import Prediction
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import packed, unpacked

SAVE_EVERY_S = 1.0
RESUME = "What is done is kept: run the command again with --resume."
_TOLD_BY = ("chip", "board", "backend", "build_id", "model_source")  # what tells a board with its firmware from others
Progress = Callable[[Prediction, LinkCounts], None]


def evaluate_on_device(
    client: Client, model: TfliteModel, images: ImageSet, data: DataInfo | ArraysInfo, *,
    resume: bool = False, state_dir: Path | None = None, progress: Progress | None = None,
    on_resumed: Callable[[tuple[Prediction, ...]], None] | None = None, at: str | None = None,
    held: ExitStack | None = None,
) -> DeviceRun:  # fmt: skip
    """Sends every image to the board.

    Args:
        images: uint8 images of the model's input size, or values in its input type.
        resume: goes on from the state that a cut-off run left; without it every image is sent.
        state_dir: where that state is kept; the user's state folder by default.
        progress: called after each image that was sent.
        on_resumed: called once with what the earlier run did.
        at: what tells the board from others of its kind: its serial number, or its port (by default).
        held: the state is removed when this ends well, because the result is safe only then; by default at once.

    Raises:
        EdgekitError: what `Client.infer` raises; then the finished images are in the state file. With `resume`: it is
            of another board or other firmware.
    """
    info = client.info
    device = device_json(info)
    if isinstance(data, DataInfo):
        say_other_labels(client.labels, data.task.labels)
    evaluated = {"model": model.sha256, "data": data.fingerprint, "ids": files.key_of(images.ids)}
    pixels = known_range(model) if images.images.dtype == np.uint8 else None
    key = files.key_of([evaluated, *((pixels.low, pixels.high) if pixels else ())])
    board = {name.replace("_", " "): str(device[name]) for name in _TOLD_BY}
    own = ExitStack()
    with own:
        kept = (held or own).enter_context(Kept(key, {**board, "port": at or client.link.name}, state_dir))
        done = kept.load(info.values) if resume else {}
        return _evaluate(client, model, images, kept, done, progress, on_resumed)


def _evaluate(
    client: Client, model: TfliteModel, images: ImageSet, kept: Kept, done: Answers, progress: Progress | None,
    on_resumed: Callable[[tuple[Prediction, ...]], None] | None,
) -> DeviceRun:  # fmt: skip
    begin = time.monotonic()
    resumed, saved_at = len(done), begin
    rows = {name: row for row, name in enumerate(images.ids)}

    def prediction(name: str) -> Prediction:
        *logits, invoke_us = done[name]
        time_us = invoke_us if client.info.has_clock else None
        return Prediction(name, int(images.labels[rows[name]]), tuple(logits), time_us)

    if done and on_resumed is not None:
        on_resumed(tuple(prediction(name) for name in rows if name in done))
    todo = [(name, row) for name, row in rows.items() if name not in done]
    source = ((name, packed(model.input_specs, network_input(model, images.images[row]))) for name, row in todo)
    try:
        for outcome in client.infer(source):
            done[outcome.key] = [*unpacked(model.output_specs, outcome.outputs).tolist(), outcome.invoke_us]
            if progress is not None:
                progress(prediction(outcome.key), client.counts)
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                kept.save(done)
                saved_at = time.monotonic()
    finally:  # after a Ctrl-C too: what is done is kept
        if done:
            kept.save(done)
    predictions = tuple(map(prediction, rows))
    return DeviceRun(
        predictions, device_json(client.info, client.labels), client.counts, time.monotonic() - begin, resumed
    )


def evaluate_on_desktop(model: TfliteModel, images: ImageSet, progress: Progress | None = None) -> DeviceRun:
    """The same set through TFLM, or what stands in for it, on this computer, which is a board without a line."""
    begin, link, predictions = time.monotonic(), LinkCounts(), []
    by = reference(model)
    for row, (logits, invoke_us) in enumerate(timed(by, model, images.images)):
        predictions.append(Prediction(images.ids[row], int(images.labels[row]), tuple(logits.tolist()), invoke_us))
        if progress is not None:
            progress(predictions[-1], link)
    device = {
        "board": "desktop", "chip": platform.machine(), "backend": by.name, "model_sha256": model.sha256,
        "arena_bytes": tflm.arena_bytes(model) if by is tflm.TFLM else 0,
    }  # fmt: skip
    return DeviceRun(tuple(predictions), device, link, time.monotonic() - begin)
