"""From a port to a board that has said who it is and carries the right model.

In: a port, a model. Out: a `Client` for as long as the block lasts; the board's identity as JSON values.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

from edgekit.boards.board import ESP32, Board
from edgekit.device import firmware
from edgekit.device.chip import running_chip
from edgekit.device.client import Client
from edgekit.device.diagnosis import refusal, stored_refusal
from edgekit.device.firmware import ModelSources
from edgekit.device.link import AS_THE_SYSTEM, CHIP_PORT, FIRST_BAUD, ControlLines, open_link
from edgekit.device.protocol.codes import Backend, BoardKind, Decision, ElementType, ErrorCode, ModelSource
from edgekit.device.protocol.messages import Error, Info
from edgekit.device.protocol.tensors import Tensor
from edgekit.errors import EdgekitError, printable
from edgekit.files import print_warning
from edgekit.values.codec import to_json
from edgekit.values.model import TensorSpec, TfliteModel

LEFT_AT = (921600, 460800, 230400)  # rates at which a board that is not reset may have been left
_NOT_IDENTITY = (
    "nonce", "source", "stored_error", "positive", "label_bytes", "input_low_bits", "input_high_bits", "model_error",
    "error_detail", "tail",
)  # fmt: skip
Wait = Callable[[str], AbstractContextManager[object]]
"""Entered while something takes a moment, with what is going on in words."""


@contextmanager
def connected(
    port: str, model: TfliteModel, sources: Callable[[], ModelSources], *,
    board: Board = ESP32, baud: int | None = None, on_wait: Wait = nullcontext,
    lines: ControlLines = AS_THE_SYSTEM,
) -> Iterator[Client]:  # fmt: skip
    """Opens a port (`emulator` and `native` are built and started first, `qemu-esp32` starts what PlatformIO built) and
    greets the board.

    Args:
        sources: gives `model_sources(model, ...)`; called only where a firmware is built.
        board: the one that `emulator` and `qemu-esp32` stand in for.
        baud: the rate to ask for; None takes the board's highest on a serial line, and leaves others alone.
        on_wait: is entered until the board has answered.
        lines: of a serial device.

    Raises:
        EdgekitError: whatever keeps the board from answering; another model on it.
    """
    name = {"emulator": board.emulated_environment, "native": firmware.HOST_ENVIRONMENT}.get(port)
    with ExitStack() as stack:
        what = {CHIP_PORT: f"Starting the firmware at {port}"}.get(port, f"Looking for a board at {port}")
        with on_wait("Building and starting the firmware" if name else what):
            if name is not None:
                program = firmware.build(name, sources(), board)
                port = stack.enter_context(firmware.running(program, board.emulator))
            elif port == CHIP_PORT:
                port = stack.enter_context(running_chip(board))
            link = open_link(port, lines=lines)
            stack.callback(link.close)
            client = Client(link)
            info = client.hello(elsewhere=(*LEFT_AT, *filter(None, (baud,))) if link.has_rate else ())
            if info.stored_error != ErrorCode.OK and info.model_error == ErrorCode.OK:
                unused = stored_refusal(info)
                print_warning(f"{unused.message} {unused.hint}")
            check_model(info, model)
            wanted = baud or (info.max_baud if link.has_rate else None)
            if wanted is not None:
                client.negotiate(wanted)
        yield client
        if wanted is not None:  # as a runner or a monitor expects to find it
            with suppress(EdgekitError):
                client.negotiate(FIRST_BAUD)


def check_model(info: Info, model: TfliteModel) -> None:
    """Raises an EdgekitError that names both models by their SHA-256 where the board holds another one, or says why
    the board's own did not load."""
    if info.model_error != ErrorCode.OK:
        raise refusal(Error(info.model_error, info.error_detail), info)
    if info.model_sha256.hex() != model.sha256:
        holds = "runs the stored model" if info.source == ModelSource.STORED else "holds the model"
        alone = "" if info.backend == Backend.AOT else "; or edgekit flash --model-only"
        raise EdgekitError(
            f"The board {holds} {info.model_sha256.hex()[:12]}, this computer has {model.sha256[:12]}.",
            f"Flash this one (edgekit firmware, then pio run -d firmware -t upload{alone}), or name the board's with "
            "--model.",
        )
    told, specs = (info.input_tensors, info.output_tensors), (model.input_specs, model.output_specs)
    if list(map(_ends, told)) != list(map(_specified, specs)):
        said, ours = ([" and ".join(map(str, each)) for each in ends] for ends in (told, specs))
        raise EdgekitError(
            f"The board names this model and says that it takes {said[0]} and gives {said[1]}; it takes {ours[0]} and "
            f"gives {ours[1]}.",
            "Build and flash the firmware again: edgekit firmware, then pio run -d firmware -t upload.",
        )


def _ends(tensors: Sequence[Tensor]) -> list[tuple[int, tuple[int, ...]]]:
    return [(tensor.type, tensor.shape) for tensor in tensors]


def _specified(specs: Sequence[TensorSpec]) -> list[tuple[int, tuple[int, ...]]]:
    return [(ElementType[spec.type], spec.shape) for spec in specs]


def say_other_labels(board: tuple[str, ...], here: tuple[str, ...]) -> None:
    """Warns where the firmware was built with other labels, if with any, than those by which answers are counted here:
    the model is the same, so they may only have been renamed, or mean something else."""
    if board and [label.casefold() for label in board] != [label.casefold() for label in here]:
        print_warning(
            f"The board's firmware calls its answers {', '.join(map(printable, board))}; here they count as "
            f"{', '.join(here)}. If that is a change of names, flash the firmware again; else give the data it means."
        )


def device_json(info: Info, labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """The board's identity as JSON-ready values; `labels`: as the `Client` has asked for them."""
    values = to_json(info) | {
        "inputs": [_tensor_json(one) for one in info.input_tensors],
        "outputs": [_tensor_json(one) for one in info.output_tensors],
        "board": BoardKind(info.board).name.lower(),
        "backend": Backend(info.backend).name.lower().replace("_", "-"),
        "chip": printable(info.chip),
        "build_id": printable(info.build_id),
        "model_sha256": info.model_sha256.hex(),
        "model_source": ModelSource(info.source).name.lower().replace("_", "-"),
        "labels": [printable(label) for label in labels],
        "decision": Decision(info.decision).name.lower(),
        "input_range": info.input_range and list(info.input_range),
    }
    return {name: value for name, value in values.items() if name not in _NOT_IDENTITY}


def _tensor_json(tensor: Tensor) -> dict[str, Any]:
    shape = list(tensor.shape)
    return {"shape": shape, "type": tensor.type_name, "scale": tensor.scale, "zero_point": tensor.zero_point}
