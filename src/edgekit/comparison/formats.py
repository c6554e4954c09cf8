"""What is read of the JSON that `compile`, `inspect` and `profile` print: the fields that a comparison needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from edgekit.values.device_run import Latency
from edgekit.values.evaluation import ValuesReport
from edgekit.values.limits import Between

_Amount = Annotated[float, Between(0, 1e18)] | None


@dataclass(frozen=True, slots=True)
class Options:
    """What it was compiled for."""

    target: str
    optimize: str
    compress: str
    weights: str


@dataclass(frozen=True, slots=True)
class Total:
    """Of a run, and of the program; each command tells a part of it."""

    estimated_ms: _Amount = None
    cycles: _Amount = None
    macs: _Amount = None
    ram_bytes: _Amount = None
    code_bytes: _Amount = None
    constant_bytes: _Amount = None
    instructions: _Amount = None
    us: _Amount = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of the program: the operators that became it, with a plus between them."""

    op: str


@dataclass(frozen=True, slots=True)
class Compilation:
    """`compile --json`."""

    sha256: str
    options: Options
    flash_mode: str
    total: Total
    layers: tuple[Layer, ...]
    tflm_arena_bytes: _Amount = None


@dataclass(frozen=True, slots=True)
class Profile:
    """`profile --json`."""

    model_sha256: str
    options: Options
    device: Mapping[str, Any]
    total: Total
    layers: tuple[Layer, ...]
    flash_mode: str | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of the file."""

    name: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """`inspect --json`. Older ones say neither what they were made for nor `flash_bytes` and `apart_ram_bytes`."""

    sha256: str
    operators: tuple[Operator, ...]
    obstacles: tuple[str, ...]
    options: Options | None = None
    flash_mode: str | None = None
    total: Total = Total()
    file_bytes: _Amount = None
    parameters: _Amount = None
    macs: _Amount = None
    code_bytes: _Amount = None
    flash_bytes: _Amount = None
    apart_ram_bytes: _Amount = None
    tflm_arena_bytes: _Amount = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesEvaluation(ValuesReport):
    """`evaluate --json` and `eval-device --json` of outputs that are no classes."""

    device: Mapping[str, Any] | None = None
    latency_us: Latency | None = None


def kind_of(values: Any) -> str | None:
    """What JSON of edgekit is, by the fields that only it has; None where it is nothing that can be compared."""
    known = {
        "card": {"model", "metrics", "recipe"},
        "evaluation": {"accuracy", "intervals", "runtime"},
        "evaluation of values": {"mse", "max_error", "runtime"},
        "profile": {"device", "layers", "total"},
        "compilation": {"options", "layers", "spans"},
        "inspection": {"operators", "obstacles", "file_bytes"},
    }
    return next((kind for kind, names in known.items() if isinstance(values, dict) and names <= values.keys()), None)
