"""What a board made of a set of images: predictions, whether the desktop agrees, what the line and each run cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edgekit.values.evaluation import EvalReport, Prediction, ValuesReport

EMULATED_ESP32 = "Espressif's QEMU (emulated ESP32)"


def board_name(device: Mapping[str, Any]) -> str:
    """What people call the board of an identity, as `device_json` gives it: its chip, or what emulates that."""
    chip = str(device["chip"])
    return EMULATED_ESP32 if (device["board"], chip) == ("emulated", "esp32") else chip


def model_name(device: Mapping[str, Any]) -> str:
    """Which model a board ran, and where it had it from."""
    stored = device.get("model_source") == "stored"
    return f"{str(device['model_sha256'])[:12]}, {'from its model partition' if stored else 'built in'}"


@dataclass(slots=True)
class LinkCounts:
    """What the line cost: bytes in both directions, broken frames received, and whatever was sent once more.

    `retries` counts chunks and questions; `lost_chunks` are those of them that the device said it had not got. A
    question is also repeated where the answer is only late.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    broken_frames: int = 0
    retries: int = 0
    lost_chunks: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """The board's outputs against TFLM's on the desktop. An image agrees when every output byte is equal."""

    images: int
    identical: int
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of one run on the device's own clock in microseconds; on the emulated board thousands of instructions."""

    p50: int
    p95: int
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class DeviceRun:
    """What a board made of a set."""

    predictions: tuple[Prediction, ...]
    device: Mapping[str, Any]  # the board's identity, as `device_json` gives it
    link: LinkCounts
    wall_s: float
    resumed: int = 0  # so many of the predictions came from an earlier, cut-off run

    @property
    def runtime(self) -> str:
        """What ran the model, in words that do not pass for hardware where it is none."""
        board, name = self.device["board"], board_name(self.device)
        if board == "desktop":
            return str(self.device["backend"])
        return name if board in ("real", name) or name == EMULATED_ESP32 else f"{board} {name}"


def agreement(device: tuple[Prediction, ...], host: tuple[Prediction, ...]) -> Agreement:
    """Compares output bytes by image id; images that only one side has do not count."""
    expected = {p.id: p.logits for p in host}
    both = [p for p in device if p.id in expected]
    differing = tuple(p.id for p in both if p.logits != expected[p.id])
    return Agreement(len(both), len(both) - len(differing), differing)


def latency(predictions: Sequence[Prediction]) -> Latency | None:
    """Percentiles (nearest rank) of the time of a run; None where no image has one."""
    times = sorted(p.invoke_us for p in predictions if p.invoke_us is not None)
    if not times:
        return None
    at = [times[min(len(times) - 1, -(-len(times) * percent // 100) - 1)] for percent in (50, 95)]
    return Latency(at[0], at[1], times[0], times[-1])


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What the line cost, as a report says it; `resumed` images came from an earlier, cut-off run."""

    retries: int
    bytes: int
    broken_frames: int
    wall_s: float
    resumed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReport(EvalReport):
    """An evaluation as `eval-device --json` prints it: the figures, and what is known of board, line and time.

    Attributes:
        device: the board's identity, as `device_json` gives it.
        latency_us: None where no image was timed.
    """

    agreement: Agreement | None = None
    device: Mapping[str, Any] | None = None
    link: LinkReport | None = None
    latency_us: Latency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesBoardReport(ValuesReport):
    """The same of a model whose outputs are no classes."""

    agreement: Agreement
    device: Mapping[str, Any]
    link: LinkReport
    latency_us: Latency | None


def board_report(
    run: DeviceRun, compared: Agreement, scored: EvalReport | ValuesReport
) -> BoardReport | ValuesBoardReport:
    """The figures of a run with what else it showed."""
    line = run.link
    link = LinkReport(
        line.retries, line.sent_bytes + line.received_bytes, line.broken_frames, round(run.wall_s, 3), run.resumed
    )
    figures = {f.name: getattr(scored, f.name) for f in fields(type(scored))}
    kind = BoardReport if isinstance(scored, EvalReport) else ValuesBoardReport
    return kind(**figures, agreement=compared, device=run.device, link=link, latency_us=latency(run.predictions))
