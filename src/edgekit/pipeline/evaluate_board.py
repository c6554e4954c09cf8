"""Score a model on a board and compare every output byte with the desktop's: `eval-device` in one call.

In: a `LoadedModel`, a port, a data set. Out: a `BoardEvaluation`.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from edgekit.compile import CompileOptions
from edgekit.compile.reference import reference
from edgekit.data.progress import bar
from edgekit.device.connection import Wait, connected, device_json
from edgekit.device.evaluate import RESUME, evaluate_on_desktop, evaluate_on_device
from edgekit.device.link import AS_THE_SYSTEM, ControlLines, place_of
from edgekit.errors import stopped_says
from edgekit.metrics.occlusion import Ask
from edgekit.pipeline.evaluate import asking, scored_outputs
from edgekit.pipeline.inputs import inputs_of, limited, taken_for
from edgekit.pipeline.loading import LoadedModel, load_model
from edgekit.report.pages.sections import Answers, answers_of
from edgekit.tflite.quantize import with_input_range
from edgekit.values.device_run import Agreement, DeviceRun, LinkCounts, agreement
from edgekit.values.evaluation import EvalReport, Prediction, Threshold, ValuesReport
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet
from edgekit.values.task import Task


@dataclass(frozen=True, slots=True)
class BoardEvaluation:
    """What a board made of a test set."""

    run: DeviceRun
    compared: Agreement  # its outputs beside the desktop's
    scored: EvalReport | ValuesReport  # the figures at the model's own threshold
    images: ImageSet  # those that were sent, in the order of the predictions
    data: DataInfo | ArraysInfo  # the set that they are of
    answers: Answers | None  # in that order, too; None where the outputs are no classes
    ask: Ask  # gives the logits of more images on this computer, as `answers` has them
    host: str  # the runtime that it asks


class Live(Protocol):
    """What is called with predictions as they come."""

    def resumed(self, predictions: Iterable[Prediction], /) -> None:
        """Takes over what an earlier run did."""

    def __call__(self, prediction: Prediction, link: LinkCounts, /) -> None:
        """One image more."""


Watch = Callable[[int, Task | None, Threshold | None, str], AbstractContextManager[Live | None]]


def evaluate_board(
    model: LoadedModel | str | Path, port: str, data: str = "phantom", *,
    options: CompileOptions | None = None, limit: int | None = None, baud: int | None = None,
    strict: bool = False, resume: bool = False, input_range: tuple[float, float] | None = None,
    labels: str | None = None,
    watch: Watch = lambda *_: nullcontext(),
    on_wait: Wait = nullcontext, finish: Callable[[BoardEvaluation], None] = lambda _: None,
    lines: ControlLines = AS_THE_SYSTEM,
) -> BoardEvaluation:  # fmt: skip
    """Sends the test images of a data set through the board, and through TFLM on this computer; `data` and `strict` as
    in `evaluate`, `baud` and `lines` as in `connected`.

    Args:
        model: a model that `load_model` read, or its path.
        port: a serial device, auto, socket://HOST:PORT, emulator, native, qemu-esp32; `desktop` runs TFLM alone.
        options: what emulator and native are compiled for.
        limit: only so many images, evenly spread.
        resume: go on where an evaluation was cut off.
        input_range, labels: as in `evaluate`; the board gets the values that this computer makes of the pixels.
        watch: given the number of images, their task (None: outputs that are no classes), the threshold and the kind of
            board; it is open while the board works.
        on_wait: is entered while the firmware is built and the board looked for, with what is going on in words.
        finish: is given the result before what `resume` would go on from is removed: where it fails, nothing is lost.

    Raises:
        EdgekitError: no board or another model on it, bad data, a board that vanishes.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model, labels)
    loaded = replace(loaded, model=with_input_range(loaded.model, input_range))
    taken_for(loaded.model, data)
    with ExitStack() as held:  # the port first: what is wrong with it shows at once
        client = None
        if port != "desktop":
            wire = connected(
                port, loaded.model, lambda: loaded.sources(options), baud=baud, on_wait=on_wait, lines=lines
            )
            client = held.enter_context(wire)
        found = limited(inputs_of(loaded.model, loaded.task, loaded.data, data, strict=strict), limit)
        images, info = found.inputs, found.info
        task = info.task if isinstance(info, DataInfo) else None
        if client is None:
            with watch(len(images), task, loaded.threshold, "desktop") as live:
                run = host = evaluate_on_desktop(loaded.model, images, live)
        else:
            with bar("the same on the desktop", len(images)) as advance:
                host = evaluate_on_desktop(loaded.model, images, lambda *_: advance(1))
            board = device_json(client.info)["board"]
            with stopped_says(RESUME), watch(len(images), task, loaded.threshold, board) as live:
                run = evaluate_on_device(
                    client, loaded.model, images, info,
                    resume=resume, progress=live, on_resumed=live.resumed if live is not None else None,
                    at=place_of(port, client.link.name), held=held,
                )  # fmt: skip
        outputs = np.array([one.logits for one in run.predictions])
        scored = scored_outputs(loaded.model, outputs, found, loaded.threshold, run.runtime)
        answers = answers_of(loaded.model, outputs, loaded.threshold) if isinstance(scored, EvalReport) else None
        by, compared = reference(loaded.model), agreement(run.predictions, host.predictions)
        ask = asking(loaded.model, by, loaded.threshold)
        done = BoardEvaluation(run, compared, scored, images, info, answers, ask, by.name)
        finish(done)
    return done
