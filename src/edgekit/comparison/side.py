"""What one file says of a model: a .tflite, or JSON that edgekit wrote of one.

In: a path. Out: a `Side`: figures on images, costs with the conditions under which they hold, operators.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgekit.boards.board import ESP32
from edgekit.comparison.formats import Compilation, Inspection, Options, Profile, ValuesEvaluation, kind_of
from edgekit.compile.inspection import inspected, inspection_json
from edgekit.compile.options import CompileOptions
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, read_bytes
from edgekit.pipeline.evaluate import evaluate
from edgekit.pipeline.loading import labels_of
from edgekit.report.card import Card, load_card, read_card
from edgekit.values.codec import Fault, Invalid, from_document, from_json, parsed
from edgekit.values.device_run import BoardReport, board_name
from edgekit.values.evaluation import EvalReport, ValuesReport
from edgekit.values.shipped import DEFAULT_MODEL

_KINDS = "a .tflite, a card.json, or what evaluate, eval-device, compile, inspect or profile print with --json"


@dataclass(frozen=True, slots=True)
class Cost:
    """A quantity that no images are needed for. Two of different `basis` are not compared."""

    value: float
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one model.

    Attributes:
        labels: of its outputs; empty where nobody says.
        scored: how good it is; None where the file does not tell.
        fingerprint: of the data set that `scored` is of; empty where the file does not tell.
        costs: by the names of `quantities.COSTS`.
        facts: by their names for people.
        operators: how many of each, as they are in the `file` and as `compiled`, without those that leave no code.
        notes: what a reader must know.
    """

    path: str
    kind: str
    model_sha256: str
    labels: tuple[str, ...] = ()
    scored: EvalReport | ValuesReport | None = None
    fingerprint: str = ""
    costs: Mapping[str, Cost] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, Counter[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_side(path: Path, data: str | None = None, options: CompileOptions | None = None) -> Side:
    """What a file says of a model.

    Args:
        path: of the file, or of build-model's folder for the int8 model in it.
        data: what a .tflite is evaluated on; of other files none.
        options: what a .tflite is compiled for.

    Raises:
        EdgekitError: the file cannot be read, is damaged, or is none that says something of a model.
    """
    path = path / DEFAULT_MODEL.name if path.is_dir() else path
    if path.suffix == ".tflite":
        return _of_model(path, data, options or CompileOptions())
    if data is not None:
        raise EdgekitError(f"{path} is no .tflite, so it cannot be evaluated on {data}.", "Leave out --data.")
    content = read_bytes(path, f"Name {_KINDS}.")
    try:
        values = parsed(content)
    except Invalid as error:
        raise EdgekitError(f"{path} is neither a .tflite nor whole JSON: {error}.", f"Name {_KINDS}.") from error
    kind = kind_of(values)
    if kind is None:
        raise EdgekitError(f"{path} is JSON that says nothing of a model's quality or cost.", f"Name {_KINDS}.")
    try:
        return _of_json(path, kind, values)
    except Invalid as error:
        raise EdgekitError(f"{path} is not a sound {kind}: {error}.", "Make it anew with --json.") from error


def _of_json(path: Path, kind: str, values: Any) -> Side:
    match kind:
        case "card":
            return _of_card(str(path), read_card(path))
        case "evaluation":
            return _of_evaluation(path, from_document(BoardReport, path, "an evaluation", lambda old: old))
        case "evaluation of values":
            return _of_values(path, from_document(ValuesEvaluation, path, "an evaluation", lambda old: old))
        case "profile":
            return _of_profile(path, from_json(Profile, values, "a profile"))
        case "compilation":
            return _of_compilation(path, from_json(Compilation, values, "a compilation"))
        case _:
            return _of_inspection(path, from_json(Inspection, values, "an inspection"))


def _of_model(path: Path, data: str | None, options: CompileOptions) -> Side:
    """Its costs as `inspect` finds them, its labels in the C; its figures on `data`, else of the card beside it."""
    labels = labels_of(path, None)
    options = replace(options, labels=labels)
    found = from_json(Inspection, inspection_json(inspected(path, options), options), "an inspection")
    side = replace(_of_inspection(path, found), kind="model", labels=labels)
    if data is not None:
        scored = evaluate(path, data)
        if isinstance(scored, EvalReport):
            return _scored(side, scored, scored.answers.fingerprint if scored.answers else "")
        return replace(side, scored=scored, facts={**_facts_of(scored), **side.facts})
    if (path.parent / "card.json").is_file() and file_sha256(path) == (card := load_card(path.parent)).model.sha256:
        side = _scored(side, card.metrics.test, card.data.fingerprint)
        return replace(side, facts={**side.facts, "figures": "of the card beside it"})
    return side


def _of_card(path: str, card: Card) -> Side:
    model, time = card.model, card.time
    costs = {"bytes": model.bytes, "parameters": model.parameters, "macs": model.macs, "tflm_arena": model.arena_bytes}
    side = Side(path, "card", model.sha256, operators={"file": Counter(model.ops)}, costs=_known(costs))
    if time is not None:
        estimated = _estimates(time.board, time.flash_mode, "planned", time.estimated_ms, time.cycles)
        side = replace(
            side,
            costs={**side.costs, **_known({"ram": time.ram_bytes}), **estimated},
            facts={"flash mode": time.flash_mode},
        )
    return _scored(side, card.metrics.test, card.data.fingerprint)


def _of_evaluation(path: Path, report: BoardReport) -> Side:
    _check_answers(report)
    side = Side(str(path), "evaluation", report.model_sha256)
    side = _scored(side, report, report.answers.fingerprint if report.answers else "")
    return _on_board(side, report.device, report.latency_us.p50 if report.latency_us else None)


def _of_values(path: Path, report: ValuesEvaluation) -> Side:
    side = Side(str(path), "evaluation", report.model_sha256, scored=report, facts=_facts_of(report))
    return _on_board(side, report.device, report.latency_us.p50 if report.latency_us else None)


def _of_profile(path: Path, found: Profile) -> Side:
    total, mode = found.total, found.flash_mode
    side = Side(str(path), "profile", found.model_sha256, facts=_options(found.options, mode))
    side = _on_board(side, found.device, None)
    board = side.facts["board"]
    costs = {
        **_known({"macs": total.macs, "ram": total.ram_bytes}),
        **_known({"code": total.code_bytes}, "with a profile's hooks"),
        **_known({"instructions": total.instructions}, board),
        **_known(
            {"board_ms": None if total.us is None else total.us / 1e3}, f"{board}, one run with a profile's hooks"
        ),
        **(
            _estimates(ESP32.title, mode, "counted on an emulated core", total.estimated_ms, total.cycles)
            if mode
            else {}
        ),
    }
    return replace(side, costs=costs, operators={"compiled": _compiled(found)})


def _of_compilation(path: Path, found: Compilation) -> Side:
    total = found.total
    flash = (
        None if total.code_bytes is None or total.constant_bytes is None else total.code_bytes + total.constant_bytes
    )
    costs = {
        "macs": total.macs, "flash": flash, "code": total.code_bytes, "constants": total.constant_bytes,
        "ram": total.ram_bytes, "tflm_arena": found.tflm_arena_bytes,
    }  # fmt: skip
    estimated = _estimates(ESP32.title, found.flash_mode, "planned", total.estimated_ms, total.cycles)
    return Side(
        str(path), "compilation", found.sha256, costs={**_known(costs), **estimated},
        facts=_options(found.options, found.flash_mode), operators={"compiled": _compiled(found)},
    )  # fmt: skip


def _of_inspection(path: Path, found: Inspection) -> Side:
    code, flash, mode = found.code_bytes, found.flash_bytes, found.flash_mode
    costs = {
        "bytes": found.file_bytes, "parameters": found.parameters, "macs": found.macs, "flash": flash, "code": code,
        "constants": None if code is None or flash is None else flash - code, "ram": found.apart_ram_bytes,
        "tflm_arena": found.tflm_arena_bytes,
    }  # fmt: skip
    total = found.total
    estimated = _estimates(ESP32.title, mode, "planned", total.estimated_ms, total.cycles) if mode else {}
    obstacles = (f"{path} does not compile: {found.obstacles[0]}",) if found.obstacles else ()
    return Side(
        str(path), "inspection", found.sha256, costs={**_known(costs), **estimated}, notes=obstacles,
        facts=_options(found.options, mode), operators={"file": Counter(op.name for op in found.operators)},
    )  # fmt: skip


def _scored(side: Side, report: EvalReport, fingerprint: str) -> Side:
    facts = {**_facts_of(report), **side.facts}
    return replace(side, scored=report, labels=report.task.labels, fingerprint=fingerprint, facts=facts)


def _facts_of(report: EvalReport | ValuesReport) -> dict[str, str]:
    drawn = f" ({report.task.drawn})" if isinstance(report, EvalReport) and report.synthetic else ""
    return {"data": report.data + drawn, "images": f"{report.n:,}", "runtime": report.runtime}


def _on_board(side: Side, device: Mapping[str, Any] | None, p50_us: int | None) -> Side:
    """With the board that ran it, and what an image took there: ms of a real one, of an emulated one instructions."""
    if device is None:
        return side
    try:
        name = f"{device['board']} {board_name(device)}"
    except KeyError as error:
        raise EdgekitError(
            f"{side.path} does not say what board it is of: device has no {error}.", "Make it anew."
        ) from error
    took = {"board_ms": p50_us / 1e3} if p50_us is not None and device["board"] == "real" else {}
    return replace(side, facts={**side.facts, "board": name}, costs={**side.costs, **_known(took, f"{name}, median")})


def _check_answers(report: EvalReport) -> None:
    """Raises Invalid where the answers to the images are none of the task's."""
    answers, classes = report.answers, len(report.task.labels)
    if answers and not (
        all(0 <= number < classes for number in (*answers.labels, *answers.answers))
        and {len(row) for row in answers.logits} <= {classes}
    ):
        raise Invalid((Fault("answers", "wrong", "answers are of other classes than its task's"),))


def _options(options: Options | None, flash_mode: str | None) -> dict[str, str]:
    found = {"target": options.target, "optimize": options.optimize, "weights": options.weights} if options else {}
    return {**found, "flash mode": flash_mode} if flash_mode else found


def _estimates(board: str, flash_mode: str, how: str, ms: float | None, cycles: float | None) -> dict[str, Cost]:
    return _known({"ms": ms, "cycles": cycles}, f"{board}, flash at {flash_mode}, {how}")


def _known(values: Mapping[str, float | None], basis: str = "") -> dict[str, Cost]:
    return {name: Cost(value, basis) for name, value in values.items() if value is not None}


def _compiled(found: Compilation | Profile) -> Counter[str]:
    return Counter(name for layer in found.layers for name in layer.op.split(" + "))
