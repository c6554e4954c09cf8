"""What each layer of a compiled model costs on a board: ticks of the board's own clock, step by step.

In: a model and a port, or a conversation with firmware that carries a profile. Out: a `ModelProfile`, or the `Profile`
of one run.
"""

import shutil
import struct
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.boards.board import ESP32
from edgekit.boards.emulators import INSTRUCTIONS_PER_S, QEMU
from edgekit.boards.toolchains import Sizes, sizes_of
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.options import FOR_BOARD
from edgekit.compile.program import estimate_json
from edgekit.compile.reference import reference
from edgekit.device.client import Client
from edgekit.device.connection import Wait, connected, device_json
from edgekit.device.counted import Counted, count_model, count_two_cores
from edgekit.device.firmware import model_sources
from edgekit.device.link import AS_THE_SYSTEM, ControlLines
from edgekit.device.protocol import codes, messages
from edgekit.errors import EdgekitError
from edgekit.files import print_warning, read_bytes
from edgekit.tflite.model import read_int8_model
from edgekit.tflite.other_ends import left_out
from edgekit.tflite.reader import read_file
from edgekit.values.codec import to_json
from edgekit.values.program import Program, TwoCores
from edgekit.values.tensors import packed

NOT_ESTIMATED: dict[str, Any] = {"flash_mode": None, "band": None}
READING_LIMIT_S = 20.0  # of the notes of one run


@dataclass(frozen=True, slots=True)
class Profile:
    """One run: instructions by step on the emulated board, whose time is none, and microseconds by step elsewhere."""

    instructions: tuple[int, ...] | None
    us: tuple[float, ...] | None
    resolution: int  # instructions in a tick of the emulated board's clock
    outputs: bytes  # of all of them in one buffer (values/buffer.py)


def profile(client: Client, image: bytes) -> Profile:
    """Runs an input (its bytes in one buffer) and asks what every step took.
    Raises EdgekitError: what `Client.infer` raises, firmware without a profile, a board without a clock of its own."""
    if not client.info.has_clock:
        raise EdgekitError(
            f"The board at {client.link.name} is an emulated chip whose clock is the computer's, so it times nothing.",
            "edgekit profile --port emulator counts instructions.",
        )
    (outcome,) = client.infer([("the image", image)])
    ticks, steps = list[int](), 1
    end_s = time.monotonic() + READING_LIMIT_S
    while len(ticks) < steps:
        answer = client.ask(messages.Profile(len(ticks)), messages.StepTicks)
        count = len(answer.ticks) // 4
        full = min(messages.STEPS_A_FRAME, answer.steps - len(ticks))
        if not answer.tick_hz or not 0 < count == full or answer.first != len(ticks) or time.monotonic() > end_s:
            raise EdgekitError("The board's profile makes no sense.", "Flash the firmware of this edgekit.")
        ticks += struct.unpack(f"<{count}I", answer.ticks[: 4 * count])
        steps = answer.steps
    resolution = INSTRUCTIONS_PER_S // answer.tick_hz
    if client.info.board == codes.BoardKind.EMULATED:
        return Profile(tuple(each * resolution for each in ticks), None, resolution, outcome.outputs)
    return Profile(None, tuple(round(each * 1e6 / answer.tick_hz, 3) for each in ticks), resolution, outcome.outputs)


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What each layer of a model costs on a board: as measured there and, of the board's estimate, as counted on an
    emulated core, where one is here."""

    model_sha256: str
    options: CompileOptions  # what it was compiled for
    device: Mapping[str, Any]  # the board's identity, as `device_json` gives it
    program: Program  # with what each layer cost in one run on noise from a fixed seed
    resolution: int  # instructions in a tick of the clock that counted them
    sizes: Sizes | None  # of the program; None where no cross compiler is installed
    two_cores: TwoCores | None = None  # estimated; None where there is no estimate, or nothing that two cores share


def profile_model(
    model: bytes | str | Path, port: str, options: CompileOptions | None = None, *, baud: int | None = None,
    on_wait: Wait = nullcontext, lines: ControlLines = AS_THE_SYSTEM,
) -> ModelProfile:  # fmt: skip
    """Runs a quantised .tflite once on a board and asks what every layer took.

    Args:
        model: the .tflite, its bytes or its path.
        port: as in `connected`. A board on a line must carry the program that `options` give, with a profile.
        baud, on_wait, lines: as in `connected`.

    Raises:
        EdgekitError: no such board, firmware without a profile, another program than this one, outputs that differ
            from TFLM's.
    """
    options = options or FOR_BOARD
    content = model if isinstance(model, bytes) else read_bytes(Path(model), "Name a .tflite file.")
    file = read_file(content)
    if file.other_ends:
        print_warning(f"The model has {left_out(file.other_ends)}.")
    content = file.content
    compiled = compile_model(content, options)
    tflite = read_int8_model(content)
    if tflite.state_bytes:
        print_warning(f"The model {tflite.remark_on_state}.")
    rng = np.random.default_rng(0)
    drawn = [rng.integers(*spec.limits, spec.size, spec.dtype, endpoint=True) for spec in tflite.input_specs]
    values = np.concatenate(drawn)
    image = packed(tflite.input_specs, values)

    noticed = partial(compile_model, content, replace(options, profile=True))
    with connected(
        port, tflite, lambda: model_sources(tflite, noticed()), baud=baud, on_wait=on_wait, lines=lines
    ) as client:
        run = profile(client, image)
        device, arena_bytes = device_json(client.info, client.labels), client.info.arena_bytes
    program = replace(compiled.program, instructions=run.instructions, us=run.us, estimate=None)
    expected = max(compiled.plan.arena_bytes, 1)  # as the header declares it
    steps = len(run.instructions or run.us or ())
    if (steps, arena_bytes) != (len(program.layers), expected):
        raise EdgekitError(
            f"The board's program has {steps} steps and {arena_bytes:,} bytes of arena, and this one "
            f"{len(program.layers)} and {expected:,}.",
            "Name the --optimize and --target that the board was flashed with, or flash it again.",
        )
    outputs = reference(tflite).run(tflite, values.reshape(1, *tflite.input_shape))
    golden = packed(tflite.output_specs, outputs)
    resolution = run.resolution
    found = None if device["board"] == "native" else _counted(content, options, image, run.us is None)
    counted, two_cores = found or (None, None)
    for said in (run.outputs, counted.outputs.tobytes() if counted else golden):
        if said != golden:
            raise EdgekitError(
                "The board's outputs differ from TFLM's.", "This is a bug worth reporting, with the model."
            )
    if counted is not None:
        program = replace(program, estimate=counted.estimate())
        if run.us is None:
            program = replace(program, instructions=tuple(layer.instructions for layer in counted.layers))
            resolution = 1
    sizes = counted.sizes if counted else sizes_of(compiled.files)
    return ModelProfile(tflite.sha256, options, device, program, resolution, sizes, two_cores)


def _counted(
    content: bytes, options: CompileOptions, image: bytes, emulated: bool
) -> tuple[Counted, TwoCores | None] | None:
    """What an emulated core counts of the same run, and what two would take; None where that cannot be done here, and
    the user is told why."""
    if not emulated and not (ESP32.toolchain.installed() and shutil.which(QEMU)):
        return None
    try:
        inputs = np.frombuffer(image, np.int8)[np.newaxis]
        counted = count_model(content, options, inputs)
        return counted, count_two_cores(counted, inputs)
    except EdgekitError as error:
        left = "Instructions are what the emulated board's firmware counts; " if emulated else ""
        print_warning(f"{left}no time is estimated: {error.message} {error.hint}")
        return None


def profile_json(profiled: ModelProfile) -> dict[str, Any]:
    """What `edgekit profile --json` prints."""
    program, sizes = profiled.program, profiled.sizes
    nothing = (None,) * len(program.layers)
    costs = zip(program.layers, program.instructions or nothing, program.us or nothing, strict=True)
    about, each, run = (
        estimate_json(program.estimate) if program.estimate else (NOT_ESTIMATED, ({},) * len(nothing), {})
    )
    macs, two = sum(layer.macs for layer in program.layers), profiled.two_cores
    total = sum(program.instructions) if program.instructions else None
    return {
        "model_sha256": profiled.model_sha256,
        "options": to_json(profiled.options),
        "device": dict(profiled.device),
        **about,
        "resolution_instructions": profiled.resolution if program.instructions else None,
        "layers": [
            {**to_json(layer), "instructions": spent, "us": time, **figures}
            for (layer, spent, time), figures in zip(costs, each, strict=True)
        ],
        "total": {
            **run,
            "macs": macs,
            "instructions": total,
            "instructions_per_mac": round(total / macs, 3) if total and macs else None,
            "us": round(sum(program.us), 3) if program.us else None,
            "two_cores": two
            and {
                "cycles": two.cycles,
                "estimated_ms": two.total_ms,
                "waiting": list(two.waiting),
                "meetings": two.meetings,
            },
            "activation_bytes": program.arena_bytes,
            "ram_bytes": program.ram_bytes,
            "weight_bytes": sum(layer.weight_bytes for layer in program.layers),
            "code_bytes": sizes.code_bytes if sizes else None,
        },
    }
