"""The paper's tables I to IV with what is found here beside them, and the tables that it lacks.

In: `Results`. Out: `Table`s. Every row of the paper keeps its row; a cell that was not run is a dash.
"""

import math
from collections.abc import Sequence

from edgekit.report.document import (
    Cell,
    Column,
    Row,
    Table,
)
from edgekit.reproduction.paper import (
    STUDENT_ZEROED,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TITLES,
)
from edgekit.reproduction.results import Choice, Results, System
from edgekit.values.evaluation import EvalReport

PAPER, HERE = "paper", "here"
SYSTEM_TITLES = {
    **TITLES,
    **{f"{name}-pruned": f"{title}, pruned" for name, title in TITLES.items()},
    "mean": "Ensemble of the paper, mean", "vote": "Ensemble of the paper, vote",
    "mean-pruned": "Ensemble of the paper, pruned, mean", "vote-pruned": "Ensemble of the paper, pruned, vote",
    "chouhan": "Ensemble of Chouhan 2020, vote", "chouhan-mean": "Ensemble of Chouhan 2020, mean",
    "plain": "Student, conventional", "distilled": "Student, distilled", "pruned": "Student, distilled and pruned",
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
    columns = (
        Column("network", "left"),
        *(Column(title, group=PAPER) for title in ("accuracy", "pruned", "zeroed", "alpha")),
        *(Column(title, group=HERE) for title in ("accuracy", "pruned", "zeroed", "alpha", "McNemar p")),
        *(Column(title, group="here, chosen on test as the paper did") for title in ("pruned", "alpha", "optimism")),
    )
    rows: list[Row] = []
    for name, printed in TABLE_1.items():
        whole, pruned = results.systems.get(name), results.systems.get(f"{name}-pruned")
        on_val, on_test = (_choices(results, name, part) for part in ("val", "test"))
        beside = _percent(sum(c.test_accuracy for c in on_test) / len(on_test)) if on_test else None
        rows.append((
            {"vote": "Ensemble by vote", "mean": "Ensemble by mean"}.get(name) or TITLES[name],
            _paper(printed.accuracy), _paper(printed.pruned_accuracy),
            None if printed.zeroed is None else _paper(printed.zeroed),
            None if printed.alpha is None else Cell(f"{printed.alpha:g}", mark="muted", value=printed.alpha),
            _over_seeds(whole, "accuracy"), _over_seeds(pruned, "accuracy"),
            _mean([c.zeroed for c in on_val]), _alphas(on_val), _p(results, name, f"{name}-pruned"),
            beside, _alphas(on_test), _optimism(on_val, on_test),
        ))  # fmt: skip
    return Table(
        "Table I: teachers on test, before and after pruning, in per cent", columns, tuple(rows),
        (
            _ARGMAX_NOTE, _CELL_NOTE, f"{_MCNEMAR_NOTE} Here: before against after pruning.",
            "Alpha, one for each seed (∞: not pruned): of those with the best accuracy on validation the one that "
            "zeroes most. `Optimism`: percentage points of test accuracy that choosing alpha on test adds.",
        ),
    )  # fmt: skip


def table_2(results: Results) -> Table:
    """Teacher and student."""
    columns = (
        Column("system", "left"),
        *(Column(title, group=PAPER) for title in ("accuracy", "precision", "recall", "F1")),
        *(
            Column(title, group=HERE)
            for title in ("accuracy", "precision", "recall", "F1", "specificity", "AUC", "McNemar p")
        ),
    )
    rows: list[Row] = []
    above = ""
    for name, printed in TABLE_2.items():
        key = "mean" if name == "teacher" else name
        system = results.systems.get(key)
        macro = [macro_scores(one.argmax) for one in system.seeds.values()] if system else []
        rows.append((
            {"teacher": "Teacher (mean)"}.get(name) or SYSTEM_TITLES[name].removeprefix("Student, ").capitalize(),
            _paper(printed.accuracy),
            *(Cell(f"{getattr(printed, f):.3f}", mark="muted") for f in ("precision", "recall", "f1")),
            _over_seeds(system, "accuracy"),
            *(_mean([scores[i] for scores in macro], decimals=3) for i in range(3)),
            _over_seeds(system, "specificity"), _over_seeds(system, "auc", decimals=3), _p(results, above, key),
        ))  # fmt: skip
        above = key
    zeroed = [c.zeroed for c in _choices(results, "student", "val")]
    said = f"here {100 * sum(zeroed) / len(zeroed):.2f} %" if zeroed else "not run here"
    return Table(
        "Table II: teacher and student on test", columns, tuple(rows),
        (
            "Precision, recall and F1 are means over both classes: the paper's F1 is not the harmonic mean of its "
            "precision and recall, so that its figures must be such means.",
            f"Weights zeroed in the pruned student: paper {100 * STUDENT_ZEROED:.2f} %, {said}.",
            _CELL_NOTE, f"{_MCNEMAR_NOTE} Each against the row above.",
        ),
    )  # fmt: skip


def table_3(results: Results) -> Table:
    """The student's files."""
    columns = (
        Column("quantization", "left"),
        *(Column(title, group=PAPER) for title in ("accuracy", "F1", "KB", "ratio")),
        *(
            Column(title, group=HERE)
            for title in (
                "accuracy",
                "F1",
                "bytes",
                "ratio",
                "bytes, gzip",
                "ratio, gzip",
                "CPU ms an image",
                "McNemar p",
            )
        ),
    )
    base = results.systems.get("float32")
    rows: list[Row] = []
    for name, printed in TABLE_3.items():
        system = results.systems.get(name)
        title = {"float32": "None", "dynamic": "Dynamic range", "float16": "Float16", "int8": "Int8"}[name]
        macro = [macro_scores(one.argmax)[2] for one in system.seeds.values()] if system else []
        rows.append((
            title, _paper(printed.accuracy), Cell(f"{printed.f1:.3f}", mark="muted"),
            Cell(f"{printed.kilobytes:.2f}", mark="muted"), Cell(f"{printed.ratio:.2f}", mark="muted"),
            _over_seeds(system, "accuracy"), _mean(macro, decimals=3),
            _count(system, "bytes"), _ratio(base, system, "bytes"),
            _count(system, "gzip_bytes"), _ratio(base, system, "gzip_bytes"),
            _milliseconds(system), _p(results, "float32", name) if name != "float32" else None,
        ))  # fmt: skip
    return Table(
        "Table III: the student, distilled and pruned, quantized", columns, tuple(rows),
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
            printed.title, Cell(printed.source, mark="muted"), _paper(printed.accuracy),
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
    where = "the greater logit decides" if at == "argmax" else "at the threshold that validation chose"
    return Table(
        f"Every system on test, {where}", (Column("system", "left"), *map(Column, titles)), rows,
        (
            _CELL_NOTE.replace(" (Wilson; AUC: DeLong)", ""),
            "Pneumonia is positive; precision, recall and F1 are of pneumonia.",
        ),
    )  # fmt: skip


def distillation_table(results: Results) -> Table:
    """The sweep over T and alpha/beta."""
    best = max((sum(d.val) / len(d.val) for d in results.distillations), default=math.nan)
    rows = tuple(
        (
            f"T = {d.temperature:g}, alpha/beta = {d.mix[0]:g}/{d.mix[1]:g}",
            _mean(list(d.val), mark=sum(d.val) / len(d.val) == best), _mean(list(d.test)),
        )
        for d in results.distillations
    )  # fmt: skip
    seeds = results.distillations[0].seeds if results.distillations else ()
    plain = results.systems.get("plain")
    if plain is not None and all(seed in plain.seeds for seed in seeds):
        beside = [plain.seeds[seed].argmax.accuracy for seed in seeds]
        rows += (("Conventional, without a teacher", None, _mean(beside)),)
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
            TITLES[name], Cell(str(cost.trunk_passes), value=cost.trunk_passes),
            Cell(f"{cost.head_passes:.2f}", value=cost.head_passes),
            Cell(f"{cost.trunk_passes + cost.head_passes:.2f}", value=cost.trunk_passes + cost.head_passes),
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
    sick = _prf(c["tp"], c["fp"], c["fn"])
    well = _prf(c["tn"], c["fn"], c["fp"])
    return tuple((a + b) / 2 for a, b in zip(sick, well, strict=True))  # type: ignore[return-value]


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


def _mean(values: Sequence[float], decimals: int = 2, mark: bool = False) -> Cell | None:
    """Mean and deviation; with two decimals in per cent."""
    if not values or not all(map(math.isfinite, values)):
        return None
    factor = 100 if decimals == 2 else 1
    mean = sum(values) / len(values)
    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else math.nan
    detail = "" if math.isnan(sd) else f"± {factor * sd:.{decimals}f}"
    return Cell(f"{factor * mean:.{decimals}f}", detail, "strong" if mark else "", mean)


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
    return Cell(f"+{100 * sum(gains) / len(gains):.2f}", value=sum(gains) / len(gains)) if gains else None


def _paper(share: float) -> Cell:
    return Cell(f"{100 * share:.2f}", mark="muted", value=share)


def _percent(share: float) -> Cell:
    return Cell(f"{100 * share:.2f}", value=share)


def _count(system: System | None, what: str) -> Cell | None:
    value = getattr(system, what, None)
    return None if value is None else Cell(f"{value:,}", value=value)


def _ratio(base: System | None, system: System | None, what: str) -> Cell | None:
    whole, part = getattr(base, what, None), getattr(system, what, None)
    return Cell(f"{whole / part:.2f}", value=whole / part) if whole and part else None


def _size(system: System | None) -> Cell | None:
    if system is None:
        return None
    text = f"{system.bytes / 1e6:.0f} MB" if system.bytes >= 1e6 else f"{system.bytes / 1e3:.0f} KB"
    return Cell(text, value=system.bytes)


def _milliseconds(system: System | None) -> Cell | None:
    if system is None or system.image_us is None:
        return None
    return Cell(f"{system.image_us / 1000:.2f}", value=system.image_us)
