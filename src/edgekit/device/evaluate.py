"""A set of images through a board: predictions, and whether they are the desktop's, byte for byte.

In: a `Client`, the model, an `ImageSet`. Out: a `DeviceRun`. What is done is kept in a state file, so that an
evaluation that was cut off goes on where it stopped.
"""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit import files
from edgekit.device.client import Client
from edgekit.device.connection import device_json
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.quantize import known_range, network_input
from edgekit.values.codec import Invalid, from_document, to_document
from edgekit.values.device_run import DeviceRun, LinkCounts
from edgekit.values.evaluation import Prediction
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel

SAVE_EVERY_S = 1.0
RESUME = "What is done is kept: run the command again with --resume."
Progress = Callable[[Prediction, LinkCounts], None]


@dataclass(frozen=True, slots=True)
class _State:
    """What a cut-off evaluation leaves: logits and microseconds of each image that is done, by its id."""

    done: Mapping[str, list[int]]


def evaluate_on_device(
    client: Client, model: TfliteModel, images: ImageSet, data: DataInfo, *,
    resume: bool = False, state_dir: Path | None = None, progress: Progress | None = None,
    on_resumed: Callable[[tuple[Prediction, ...]], None] | None = None,
) -> DeviceRun:  # fmt: skip
    """Sends every image to the board.

    Args:
        images: uint8 images of the model's input size.
        resume: goes on from the state that a cut-off run left; without it every image is sent.
        state_dir: where that state is kept; the user's state folder by default.
        progress: called after each image that was sent.
        on_resumed: called once with what the earlier run did.

    Raises:
        EdgekitError: what `Client.infer` raises; then the finished images are in the state file.
    """
    info = client.info
    key = {"model": model.sha256, "data": data.fingerprint, "ids": files.key_of(images.ids), "board": info.board}
    key["input_range"] = [known_range(model).low, known_range(model).high]
    path = (state_dir or files.user_folder("state")) / f"eval-{files.key_of(key)[:16]}.json"
    done = load_state(path, len(data.task.labels)) if resume else {}
    begin = time.monotonic()
    resumed, saved_at = len(done), begin
    rows = {name: row for row, name in enumerate(images.ids)}

    def prediction(name: str) -> Prediction:
        *logits, invoke_us = done[name]
        return Prediction(name, int(images.labels[rows[name]]), tuple(logits), invoke_us)

    if done and on_resumed is not None:
        on_resumed(tuple(prediction(name) for name in rows if name in done))
    todo = [(name, row) for name, row in rows.items() if name not in done]
    source = ((name, network_input(model, images.images[row]).tobytes()) for name, row in todo)
    try:
        for outcome in client.infer(source):
            done[outcome.key] = [*np.frombuffer(outcome.outputs, np.int8).tolist(), outcome.invoke_us]
            if progress is not None:
                progress(prediction(outcome.key), client.counts)
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                files.write_json(path, to_document(_State(done)))
                saved_at = time.monotonic()
    except BaseException:  # a Ctrl-C too: what is done is kept
        if done:
            files.write_json(path, to_document(_State(done)))
        raise
    path.unlink(missing_ok=True)
    predictions = tuple(map(prediction, rows))
    return DeviceRun(predictions, device_json(info), client.counts, time.monotonic() - begin, resumed)


def evaluate_on_desktop(model: TfliteModel, images: ImageSet, progress: Progress | None = None) -> DeviceRun:
    """The same set through TFLM on this computer, which is a board without a line."""
    begin, link, predictions = time.monotonic(), LinkCounts(), []
    for row, (logits, invoke_us) in enumerate(tflm.timed(model, images.images)):
        predictions.append(Prediction(images.ids[row], int(images.labels[row]), tuple(logits.tolist()), invoke_us))
        if progress is not None:
            progress(predictions[-1], link)
    height, width, channels = model.input_shape
    device = {
        "board": "desktop", "chip": platform.machine(), "backend": "tflm", "model_sha256": model.sha256,
        "height": height, "width": width, "channels": channels, "arena_bytes": tflm.arena_bytes(model),
    }  # fmt: skip
    return DeviceRun(tuple(predictions), device, link, time.monotonic() - begin)


def load_state(path: Path, labels: int) -> dict[str, list[int]]:
    """What is done, by image id: the logits and the time."""
    if not path.is_file():
        return {}
    try:
        done = from_document(_State, path, "an evaluation's state", lambda images: {"done": images}).done
    except (OSError, Invalid) as error:
        raise EdgekitError(f"{path} is not a state file: {error}.", f"Remove it and start again: rm {path}") from error
    return {name: row for name, row in done.items() if len(row) == labels + 1}
