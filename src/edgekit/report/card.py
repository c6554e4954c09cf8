"""The card of a model: all that a program or a person must know to use it and to make it again.

In: what a build found out. Out: `card.json` beside the model, and a `Card` read back from it, checked.
`pages.model` renders it for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from edgekit.data.preprocess import CONTRACT
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256
from edgekit.metrics.scores import METRICS, Spread
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import from_version_0_1
from edgekit.report.tables_build import StageRow
from edgekit.values.codec import from_document, to_json
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.limits import Between, FileName
from edgekit.values.program import Program
from edgekit.values.quantization import QuantizationFacts
from edgekit.values.task import CHEST_XRAY

_POSITIVE = Between(1.2e-38, 3.4e38)  # a float32
MEDICAL_USE, OTHER_USE = "research only", "what the licence of its images allows"
_AGAIN = "Take card.json from the folder that build-model wrote, or run build-model again."
NO_BOARD = "Nothing in this card was measured on a real board: every figure comes from a desktop computer."


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The file, a plain name beside the card, and its size. `arena_bytes` was measured with TFLM on the desktop (0:
    TFLM was not there); `macs` are multiply-accumulates of one inference; `channels` is how many channels its layers
    had, and `pruned_channels` how many of them pruning took away (0 and 0: whole channels were not pruned)."""

    file: Annotated[str, FileName()]
    sha256: str
    bytes: int
    parameters: int
    nonzero_parameters: int
    macs: int
    arena_bytes: int
    ops: tuple[str, ...]
    channels: int = 0
    pruned_channels: int = 0

    @property
    def arena(self) -> str:
        """TFLM's arena in words."""
        return f"{self.arena_bytes:,} bytes" if self.arena_bytes else "not measured"


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """What one inference of the model as compiled C takes on a board: estimated from the C alone, never timed.

    Attributes:
        flash_mode: how the board reads its flash.
        band: shares of the estimate by which the real time is expected to lie below and above it.
        flash_misses: lines that are read from flash.
        ram_bytes: arena, input and output.
    """

    board: str
    clock_hz: int
    flash_mode: str
    band: tuple[float, float]
    cycles: int
    estimated_ms: float
    flash_misses: int
    ram_bytes: int


@dataclass(frozen=True, slots=True)
class InputFacts:
    """Size and quantisation of the image input, and how an image file becomes it."""

    height: Annotated[int, Between(1, 65_535)]
    width: Annotated[int, Between(1, 65_535)]
    channels: Annotated[int, Between(1, 65_535)]
    scale: Annotated[float, _POSITIVE]
    zero_point: int
    preprocessing: str = CONTRACT


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """Quantisation of the logits, and the label of each."""

    scale: Annotated[float, _POSITIVE]
    zero_point: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardThreshold:
    """`Threshold` with the rule that chose it."""

    probability: Annotated[float, Between(0, 1)]
    margin_q: int | None
    rule: str

    def value(self) -> Threshold:
        """The threshold as the metrics take it."""
        return Threshold(self.probability, self.margin_q)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The shipped model on the set that chose its threshold, and on the one that chose nothing."""

    validation: EvalReport
    test: EvalReport


@dataclass(frozen=True, slots=True)
class Card:
    """A model's card; JSON keys are the field names.

    Attributes:
        threshold: None where the greatest logit decides.
        seeds: each figure on test over the seeds.
        agreement_int8_float32: share of equal argmax on test.
        command: what makes this model again.
        versions: package to version.
        made_on: platform and accelerator, in words.
        seeds_by_class: each figure of each class, by its label; empty in what older versions wrote.
        time: None where the model does not compile, and in what older versions wrote.
        quantization: None where the int8 model is the converter's, by a recipe that asks for nothing else.
    """

    name: str
    model: ModelFacts
    input: InputFacts
    output: OutputFacts
    threshold: CardThreshold | None
    metrics: Metrics
    seeds: Mapping[str, Spread]
    agreement_int8_float32: float
    stages: tuple[StageRow, ...]
    data: DataInfo
    recipe: Recipe
    command: str
    versions: Mapping[str, str]
    made_on: str
    use: str = MEDICAL_USE
    disclaimer: str = ""
    hardware: str = NO_BOARD
    seeds_by_class: Mapping[str, Mapping[str, Spread]] = field(default_factory=dict)
    time: TimeFacts | None = None
    quantization: QuantizationFacts | None = None

    def cut(self) -> Threshold | None:
        """The threshold as the metrics take it."""
        return self.threshold.value() if self.threshold else None


def time_facts(program: Program) -> TimeFacts | None:
    """What a card says of a compiled model's time."""
    found = program.estimate
    if found is None:
        return None
    return TimeFacts(
        found.board, found.clock_hz, found.flash_mode, found.band, sum(found.cycles), found.total_ms,
        sum(found.flash_misses), program.ram_bytes,
    )  # fmt: skip


def load_card(path: Path) -> Card:
    """Reads a card and checks it against the model beside it.

    Args:
        path: `card.json`, or the folder that holds it.

    Raises:
        EdgekitError: the card is missing, malformed, of a later edgekit, or that of another model.
    """
    path = path / "card.json" if path.is_dir() else path
    card = read_card(path)
    model = path.parent / card.model.file
    try:
        found = file_sha256(model)
    except FileNotFoundError as error:
        raise EdgekitError(
            f"{path} is the card of {card.model.file}, and no file of that name is beside it.",
            f"Give the model its name back ({model}), or keep another one in a folder without this card.",
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise EdgekitError(f"{model}, the model of {path}, cannot be read: {reason}.", _AGAIN) from error
    if found != card.model.sha256:
        other = f"it names SHA-256 {card.model.sha256[:12]}..., the file has {found[:12]}..."
        raise EdgekitError(f"{path} is not the card of {model}: {other}", _AGAIN)
    return card


def read_card(path: Path) -> Card:
    """The card at a path, whether its model is beside it or not.

    Raises:
        EdgekitError: it is missing, malformed or of a later edgekit.
    """
    try:
        card = from_document(Card, path, "a card", _from_version_0_1)
        _check(card)
    except FileNotFoundError as error:
        raise EdgekitError(f"There is no card at {path}.", _AGAIN) from error
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from error
    except ValueError as error:
        raise EdgekitError(f"{path} is not a valid card: {error}.", _AGAIN) from error
    return card


def _from_version_0_1(values: Any) -> Any:
    """Today's JSON values of a card of version 0.1, which named no task: all its models were asked about chest
    X-rays."""
    try:
        reports = [*values["metrics"].values(), *(row["report"] for row in values["stages"])]
        for part in (values["data"], *filter(None, reports)):
            part.setdefault("task", to_json(CHEST_XRAY))
        return {"disclaimer": CHEST_XRAY.domain, **values, "recipe": from_version_0_1(values["recipe"])}
    except (AttributeError, KeyError, TypeError):
        return values  # the reader says what is wrong with it


def _check(card: Card) -> None:
    task = card.data.task
    names = {"tn", "fp", "fn", "tp"} if task.positive else set()
    if card.output.classes != task.labels:
        raise ValueError(f"output.classes are {_listed(card.output.classes)}, its task's labels {_listed(task.labels)}")
    if (card.threshold is None) == (task.decision == "threshold"):
        raise ValueError(f"its threshold is {'missing' if task.positive else 'of no use'}: {task.decision} decides")
    for report in (card.metrics.validation, card.metrics.test):
        if report.task != task:
            raise ValueError("its metrics are of another task than its data")
        lacking = sorted(({*METRICS} - {*report.intervals}) | (names - {*report.confusion}))
        if lacking:
            raise ValueError(f"intervals or confusion of its metrics lack {', '.join(lacking)}")
        if not task.positive and {len(report.matrix), *map(len, report.matrix)} != {len(task.labels)}:
            raise ValueError(f"the matrix of its metrics is not {len(task.labels)} x {len(task.labels)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
