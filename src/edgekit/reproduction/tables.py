"""The paper's tables I to IV with what is found here beside them, and the tables that it lacks.

In: `Results`. Out: `Table`s. Every row of the paper keeps its row; a cell that was not run is a dash.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from edgekit.report.document import Cell, Column, Mark, Row, Table
from edgekit.reproduction.paper import STUDENT_ZEROED, TABLE_1, TABLE_2, TABLE_3, TABLE_4, TITLES
from edgekit.reproduction.results import Choice, Results, System
from edgekit.values.evaluation import EvalReport

PAPER, HERE, HERE_ON_TEST = "paper", "here", "here, chosen on test as the paper did"
SYSTEM_TITLES = {
    **TITLES,
    **{f"{name}-pruned": f"{title}, pruned" for name, title in TITLES.items()},
    "mean": "Ensemble of the paper, mean", "vote": "Ensemble of the paper, vote",
    "mean-pruned": "Ensemble of the paper, pruned, mean", "vote-pruned": "Ensemble of the paper, pruned, vote",
    "chouhan": "Ensemble of Chouhan 2020, vote", "chouhan-mean": "Ensemble of Chouhan 2020, mean",
    "conventional": "Student, conventional", "distilled": "Student, distilled",
    "pruned": "Student, distilled and pruned",
    "float32": "Student file, float32", "float16": "Student file, float16", "dynamic": "Student file, dynamic range",
    "int8": "Student file, int8",
}  # fmt: skip
_ARGMAX_NOTE = "The greater logit decides, as in the paper; 624 images make a percentage point 6 images."
_CELL_NOTE = (
    "Here: mean over the seeds ± sample deviation; below it the 95 % interval of the first seed (Wilson; AUC: DeLong)."
)
_MCNEMAR_NOTE = "McNemar: exact two-sided p, seed by seed, that both err equally often on the same images."


def table_1(results: Results) -> Table:
    """Teachers before and after pruning."""
    rows: list[Row] = []
    for name, printed in TABLE_1.items():
        whole, pruned = results.systems.get(name), results.systems.get(f"{name}-pruned")
        on_val, on_test = (_choices(results, name, part) for part in ("val", "test"))
        rows.append((
            {"vote": "Ensemble by vote", "mean": "Ensemble by mean"}.get(name) or TITLES[name],
            _printed_percent(printed.accuracy), _printed_percent(printed.pruned_accuracy),
            _printed_percent(printed.zeroed), _number(printed.alpha, "g", mark="muted"),
            _over_seeds(whole, "accuracy"), _over_seeds(pruned, "accuracy"),
            _mean([c.zeroed for c in on_val]), _alphas(on_val), _p(results, name, f"{name}-pruned"),
            _number(fmean(c.test_accuracy for c in on_test), factor=100) if on_test else None, _alphas(on_test),
            _optimism(on_val, on_test),
        ))  # fmt: skip
    return Table(
        "Table I: teachers on test, before and after pruning, in per cent",
        _columns("network", {
            PAPER: ("accuracy", "pruned", "zeroed", "alpha"),
            HERE: ("accuracy", "pruned", "zeroed", "alpha", "McNemar p"),
            HERE_ON_TEST: ("pruned", "alpha", "optimism"),
        }),
        tuple(rows),
        (
            _ARGMAX_NOTE, _CELL_NOTE, f"{_MCNEMAR_NOTE} Here: before against after pruning.",
            "Alpha, one for each seed (∞: not pruned): of those with the best accuracy on validation the one that "
            "zeroes most. `Optimism`: percentage points of test accuracy that choosing alpha on test adds.",
        ),
    )  # fmt: skip


def table_2(results: Results) -> Table:
    """Teacher and student."""
    rows: list[Row] = []
    above = ""
    for name, printed in TABLE_2.items():
        key = "mean" if name == "teacher" else name
        system = results.systems.get(key)
        macro = [macro_scores(one.argmax) for one in system.seeds.values()] if system else []
        rows.append((
            {"teacher": "Teacher (mean)"}.get(name) or SYSTEM_TITLES[name].removeprefix("Student, ").capitalize(),
            _printed_percent(printed.accuracy),
            *(_number(getattr(printed, name), ".3f", mark="muted") for name in ("precision", "recall", "f1")),
            _over_seeds(system, "accuracy"),
            *(_mean([scores[i] for scores in macro], decimals=3) for i in range(3)),
            _over_seeds(system, "specificity"), _over_seeds(system, "auc", decimals=3), _p(results, above, key),
        ))  # fmt: skip
        above = key
    zeroed = [c.zeroed for c in _choices(results, "student", "val")]
    zeroed_here = f"here {100 * fmean(zeroed):.2f} %" if zeroed else "not run here"
    return Table(
        "Table II: teacher and student on test",
        _columns("system", {
            PAPER: ("accuracy", "precision", "recall", "F1"),
            HERE: ("accuracy", "precision", "recall", "F1", "specificity", "AUC", "McNemar p"),
        }),
        tuple(rows),
        (
            "Precision, recall and F1 are means over both classes: the paper's F1 is not the harmonic mean of its "
            "precision and recall, so that its figures must be such means.",
            f"Weights zeroed in the pruned student: paper {100 * STUDENT_ZEROED:.2f} %, {zeroed_here}.",
            _CELL_NOTE, f"{_MCNEMAR_NOTE} Each against the row above.",
        ),
    )  # fmt: skip


def table_3(results: Results) -> Table:
    """The student's files."""
    base = results.systems.get("float32")
    rows: list[Row] = []
    for name, printed in TABLE_3.items():
        system = results.systems.get(name)
        title = {"float32": "None", "dynamic": "Dynamic range", "float16": "Float16", "int8": "Int8"}[name]
        macro = [macro_scores(one.argmax)[2] for one in system.seeds.values()] if system else []
        rows.append((
            title, _printed_percent(printed.accuracy), _number(printed.f1, ".3f", mark="muted"),
            _number(printed.kilobytes, mark="muted"), _number(printed.ratio, mark="muted"),
            _over_seeds(system, "accuracy"), _mean(macro, decimals=3),
            _number(system.bytes if system else None, ","), _ratio(base, system, "bytes"),
            _number(system.gzip_bytes if system else None, ","), _ratio(base, system, "gzip_bytes"),
            _milliseconds(system), _p(results, "float32", name) if name != "float32" else None,
        ))  # fmt: skip
    return Table(
        "Table III: the student, distilled and pruned, quantized",
        _columns("quantization", {
            PAPER: ("accuracy", "F1", "KB", "ratio"),
            HERE: (
                "accuracy", "F1", "bytes", "ratio", "bytes, gzip", "ratio, gzip", "CPU ms an image", "McNemar p",
            ),
        }),
        tuple(rows),
        (
            "Int8 ran through TensorFlow Lite for Microcontrollers, the others through LiteRT, all on a desktop: no "
            "figure here was measured on a board.",
            "Sizes are of the first seed's file as it is written, and through gzip -9. Milliseconds: processor time "
            "of one image on this desktop, the median of 30.",
            _CELL_NOTE, f"{_MCNEMAR_NOTE} Each against no quantization.",
        ),
    )  # fmt: skip


def table_4(results: Results) -> Table:
    """The comparison with others."""
    columns = (
        Column("system", "left"), Column("from", "left", PAPER), Column("accuracy", group=PAPER),
        Column("size", group=PAPER),
        *(Column(title, group=HERE) for title in ("accuracy", "AUC", "size", "CPU ms an image", "McNemar p")),
    )  # fmt: skip
    rows: list[Row] = []
    above = ""
    for name, printed in TABLE_4.items():
        system = results.systems.get(name)
        rows.append((
            printed.title, Cell(printed.source, mark="muted"), _printed_percent(printed.accuracy),
            Cell(printed.size, mark="muted"),
            _over_seeds(system, "accuracy"), _over_seeds(system, "auc", decimals=3), _size(system),
            _milliseconds(system), _p(results, above, name),
        ))  # fmt: skip
        above = name
    return Table(
        "Table IV: comparison on the same 624 images" if len(results.labels) == 624 else "Table IV: comparison",
        columns, tuple(rows),
        (
            "The others' figures are those that the paper quotes; here each of these systems was run again, by the "
            "paper's own training and not by that of their authors. Chouhan's five vote. The teacher is the mean of "
            "the five pruned networks.",
            "Size: parameters as float32, and of the compressed student its file. Milliseconds: "
            "processor time of one image on this desktop, in torch (int8: in TensorFlow Lite for Microcontrollers), "
            "at the sizes of this run.",
            _CELL_NOTE, f"{_MCNEMAR_NOTE} Each against the row above.",
        ),
    )  # fmt: skip


def all_scores(results: Results, at: str) -> Table:
    """Every system by every measure, at the greater logit (`argmax`) or at the threshold from validation (`chosen`)."""
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc")
    titles = ("accuracy", "balanced", "precision", "recall", "specificity", "F1", "AUC")
    rows = tuple(
        (SYSTEM_TITLES[name], *(_over_seeds(system, figure, at, decimals=3) for figure in names))
        for name, system in results.systems.items()
    )
    positive = results.info.task.positive
    where = "the greater logit decides" if at == "argmax" else "at the threshold that validation chose"
    return Table(
        f"Every system on test, {where}", (Column("system", "left"), *map(Column, titles)), rows,
        (
            _CELL_NOTE.replace(" (Wilson; AUC: DeLong)", ""),
            f"{positive.capitalize()} is positive; precision, recall and F1 are of {positive.lower()}.",
        ),
    )  # fmt: skip


def distillation_table(results: Results) -> Table:
    """The sweep over T and alpha/beta."""
    best = max((fmean(d.val) for d in results.distillations), default=math.nan)
    rows = tuple(
        (
            f"T = {d.temperature:g}, alpha/beta = {d.mix[0]:g}/{d.mix[1]:g}",
            _mean(d.val, mark="strong" if fmean(d.val) == best else ""), _mean(d.test),
        )
        for d in results.distillations
    )  # fmt: skip
    seeds = results.distillations[0].seeds if results.distillations else ()
    conventional = results.systems.get("conventional")
    if conventional is not None and all(seed in conventional.seeds for seed in seeds):
        accuracies = [conventional.seeds[seed].argmax.accuracy for seed in seeds]
        rows += (("Conventional, without a teacher", None, _mean(accuracies)),)
    return Table(
        "Distillation by temperature and weights, accuracy in per cent",
        (Column("loss", "left"), Column("validation"), Column("test")), rows,
        (
            "The paper takes T between 2 and 5 and 0.9/0.1. The best on validation is set strong; test chose nothing.",
            f"Every row: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}.",
        ),
    )  # fmt: skip


def costs_table(results: Results) -> Table:
    """What the frozen trunks cost."""
    rows = tuple(
        (
            TITLES[name], _number(cost.trunk_passes, "d"), _number(cost.head_passes),
            _number(cost.trunk_passes + cost.head_passes),
        )
        for name, cost in results.costs.items()
    )  # fmt: skip
    return Table(
        "What training a head cost, in passes of its trunk over the training set",
        (Column("network", "left"), Column("trunk passes"), Column("all epochs of the head"), Column("together")), rows,
        ("Every view of an image passes the trunk once; the epochs run on the features. By processor time.",),
    )  # fmt: skip


def macro_scores(report: EvalReport) -> tuple[float, float, float]:
    """Precision, recall and F1 as means over both classes; a class that is never called counts 0."""
    c = report.confusion
    of_positive, of_negative = _prf(c["tp"], c["fp"], c["fn"]), _prf(c["tn"], c["fn"], c["fp"])
    return tuple((a + b) / 2 for a, b in zip(of_positive, of_negative, strict=True))  # type: ignore[return-value]


def _prf(tp: int, fp: int, fn: int) -> tuple[float, float, float]:
    precision, recall = tp / (tp + fp) if tp + fp else 0.0, tp / (tp + fn) if tp + fn else 0.0
    return precision, recall, 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def _choices(results: Results, name: str, on: str) -> list[Choice]:
    sweep = results.prunings.get(name)
    return [sweep.choice(row, on) for row in range(len(sweep.seeds))] if sweep else []


def _over_seeds(system: System | None, figure: str, at: str = "argmax", decimals: int = 2) -> Cell | None:
    if system is None:
        return None
    values = system.values(figure, at)
    cell = _mean(values, decimals=decimals)
    low, high = getattr(system.first, at).intervals[figure]
    factor = 100 if decimals == 2 else 1
    shown = decimals if factor == 1 else decimals - 1
    bounds = f"{factor * low:.{shown}f} to {factor * high:.{shown}f}"
    return cell and Cell(cell.text, f"{cell.detail}; {bounds}" if cell.detail else bounds, cell.mark, cell.value)


def _mean(values: Sequence[float], decimals: int = 2, mark: Mark = "") -> Cell | None:
    """Mean and deviation; with two decimals in per cent."""
    if not values or not all(map(math.isfinite, values)):
        return None
    factor = 100 if decimals == 2 else 1
    detail = f"± {factor * stdev(values):.{decimals}f}" if len(values) > 1 else ""
    return Cell(f"{factor * fmean(values):.{decimals}f}", detail, mark, fmean(values))


def _number(value: float | None, spec: str = ".2f", factor: float = 1, mark: Mark = "") -> Cell | None:
    return None if value is None else Cell(format(factor * value, spec), mark=mark, value=value)


def _printed_percent(share: float | None) -> Cell | None:
    """A figure of the paper."""
    return _number(share, factor=100, mark="muted")


def _p(results: Results, one: str, other: str) -> Cell | None:
    if one not in results.systems or other not in results.systems:
        return None
    values = results.mcnemar(one, other)
    text = [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in values]
    return Cell(text[0], ", ".join(text[1:]), value=values) if text else None


def _alphas(choices: Sequence[Choice]) -> Cell | None:
    text = ", ".join("∞" if math.isinf(c.alpha) else f"{c.alpha:g}" for c in choices)
    return Cell(text, value=[None if math.isinf(c.alpha) else c.alpha for c in choices]) if choices else None


def _optimism(on_val: Sequence[Choice], on_test: Sequence[Choice]) -> Cell | None:
    gains = [t.test_accuracy - v.test_accuracy for v, t in zip(on_val, on_test, strict=True)]
    return _number(fmean(gains), "+.2f", factor=100) if gains else None


def _ratio(base: System | None, system: System | None, what: str) -> Cell | None:
    whole, part = getattr(base, what, None), getattr(system, what, None)
    return _number(whole / part) if whole and part else None


def _size(system: System | None) -> Cell | None:
    if system is None:
        return None
    text = f"{system.bytes / 1e6:.0f} MB" if system.bytes >= 1e6 else f"{system.bytes / 1e3:.0f} KB"
    return Cell(text, value=system.bytes)


def _milliseconds(system: System | None) -> Cell | None:
    return _number(system.image_us if system else None, factor=1e-3)


def _columns(first: str, groups: Mapping[str, Sequence[str]]) -> tuple[Column, ...]:
    named = (Column(title, group=group) for group, titles in groups.items() for title in titles)
    return (Column(first, "left"), *named)
