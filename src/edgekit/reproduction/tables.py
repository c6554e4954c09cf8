"""The paper's tables I to IV with what is found here beside them, and the tables that it lacks.

In: `Results`. Out: `Table`s. Every row of the paper keeps its row; a cell that was not run is a dash.
"""

import math
from collections.abc import Sequence
from functools import partial
from statistics import fmean, stdev

from edgekit.metrics.scores import METRICS
from edgekit.report.document import Cell, Mark, Row, Table
from edgekit.reproduction.paper import SYSTEM_TITLES, TABLE_1, TABLE_2, TABLE_3, TABLE_4, TITLES, table
from edgekit.reproduction.results import Choice, Results, System
from edgekit.values.evaluation import EvalReport


def table_1(results: Results) -> Table:
    """Teachers before and after pruning."""
    rows: list[Row] = []
    for name, printed in TABLE_1.items():
        on_val, on_test = (results.choices(name, part) for part in ("val", "test"))
        optimism = [t.test_accuracy - v.test_accuracy for v, t in zip(on_val, on_test, strict=True)]
        rows.append((
            printed.title,
            *map(_printed_percent, (printed.accuracy, printed.pruned_accuracy, printed.zeroed)),
            _printed(printed.alpha, "g"),
            *(_over_seeds(results.systems.get(key), "accuracy") for key in (name, f"{name}-pruned")),
            _mean([c.zeroed for c in on_val]), _alphas(on_val), _p(results, name, f"{name}-pruned"),
            _number(fmean(c.test_accuracy for c in on_test), factor=100) if on_test else None, _alphas(on_test),
            _number(fmean(optimism), "+.2f", factor=100) if optimism else None,
        ))  # fmt: skip
    return table("table 1", rows)


def table_2(results: Results) -> Table:
    """Teacher and student."""
    rows: list[Row] = []
    for above, (name, printed) in zip(("", *TABLE_2), TABLE_2.items(), strict=False):
        system = results.systems.get(name)
        rows.append((
            printed.title, _printed_percent(printed.accuracy),
            *(_printed(figure, ".3f") for figure in (printed.precision, printed.recall, printed.f1)),
            _over_seeds(system, "accuracy"), *(_mean(scores, decimals=3) for scores in _macro(system)),
            _over_seeds(system, "specificity"), _over_seeds(system, "auc", decimals=3), _p(results, above, name),
        ))  # fmt: skip
    zeroed = [c.zeroed for c in results.choices("student", "val")]
    return table(
        "table 2", rows, zeroed_paper=f"{100 * TABLE_2['pruned'].zeroed:.2f} %",
        zeroed_here=f"here {100 * fmean(zeroed):.2f} %" if zeroed else "not run here",
    )  # fmt: skip


def table_3(results: Results) -> Table:
    """The student's files."""
    base = results.systems.get("float32")
    rows: list[Row] = []
    for name, printed in TABLE_3.items():
        system = results.systems.get(name)
        rows.append((
            printed.title, _printed_percent(printed.accuracy), _printed(printed.f1, ".3f"),
            _printed(printed.kilobytes), _printed(printed.ratio),
            _over_seeds(system, "accuracy"), _mean(_macro(system)[2], decimals=3),
            _number(getattr(system, "bytes", None), ","), _ratio(base, system, "bytes"),
            _number(getattr(system, "gzip_bytes", None), ","), _ratio(base, system, "gzip_bytes"),
            _number(getattr(system, "image_us", None), factor=1e-3),
            _p(results, "float32", name) if name != "float32" else None,
        ))  # fmt: skip
    return table("table 3", rows)


def table_4(results: Results) -> Table:
    """The comparison with others."""
    rows: list[Row] = []
    for above, (name, printed) in zip(("", *TABLE_4), TABLE_4.items(), strict=False):
        system = results.systems.get(name)
        rows.append((
            printed.title, Cell(printed.source, mark="muted"), _printed_percent(printed.accuracy),
            Cell(printed.size, mark="muted"),
            _over_seeds(system, "accuracy"), _over_seeds(system, "auc", decimals=3), _size(system),
            _number(getattr(system, "image_us", None), factor=1e-3), _p(results, above, name),
        ))  # fmt: skip
    return table("table 4", rows, images=" on the same 624 images" if len(results.labels) == 624 else "")


def all_scores(results: Results, at: str) -> Table:
    """Every system by every measure, at the greater logit (`argmax`) or at the threshold from validation (`chosen`)."""
    rows = tuple(
        (SYSTEM_TITLES[name], *(_over_seeds(system, figure, at, decimals=3) for figure in METRICS))
        for name, system in results.systems.items()
    )
    positive = results.info.task.positive
    where = "the greater logit decides" if at == "argmax" else "at the threshold that validation chose"
    return table("all scores", rows, where=where, positive=positive.capitalize(), positive_lower=positive.lower())


def distillation_table(results: Results) -> Table:
    """The sweep over T and alpha/beta."""
    best = max((fmean(d.val) for d in results.distillations), default=math.nan)
    rows: list[Row] = [
        (
            f"T = {d.temperature:g}, alpha/beta = {d.mix[0]:g}/{d.mix[1]:g}",
            _mean(d.val, mark="strong" if fmean(d.val) == best else ""), _mean(d.test),
        )
        for d in results.distillations
    ]  # fmt: skip
    seeds = results.distillations[0].seeds if results.distillations else ()
    conventional = results.systems.get("conventional")
    if conventional is not None and all(seed in conventional.seeds for seed in seeds):
        accuracies = [conventional.seeds[seed].argmax.accuracy for seed in seeds]
        rows.append(("Conventional, without a teacher", None, _mean(accuracies)))
    return table("distillation", rows, seeds=f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}")


def costs_table(results: Results) -> Table:
    """What the frozen trunks cost."""
    return table("costs", (
        (TITLES[name], _number(cost.trunk, "d"), _number(cost.head), _number(cost.trunk + cost.head))
        for name, cost in results.costs.items()
    ))  # fmt: skip


def macro_scores(report: EvalReport) -> tuple[float, float, float]:
    """Precision, recall and F1 as means over both classes; a class that is never called counts 0."""
    c = report.confusion
    precision, recall, f1 = (
        (positive + negative) / 2
        for positive, negative in zip(_prf(c["tp"], c["fp"], c["fn"]), _prf(c["tn"], c["fn"], c["fp"]), strict=True)
    )
    return precision, recall, f1


def _prf(right: int, wrong: int, missed: int) -> tuple[float, float, float]:
    return right / max(right + wrong, 1), right / max(right + missed, 1), 2 * right / max(2 * right + wrong + missed, 1)


def _macro(system: System | None) -> Sequence[Sequence[float]]:
    """`macro_scores` by seed: precisions, recalls, F1s."""
    return list(zip(*(macro_scores(one.argmax) for one in system.seeds.values()), strict=True)) if system else ((),) * 3


def _over_seeds(system: System | None, figure: str, at: str = "argmax", decimals: int = 2) -> Cell | None:
    interval = getattr(system.first, at).intervals[figure] if system else ()
    return _mean(system.values(figure, at), decimals, interval=interval) if system else None


def _mean(values: Sequence[float], decimals: int = 2, mark: Mark = "", interval: Sequence[float] = ()) -> Cell | None:
    """Mean, deviation and the first seed's interval; with two decimals in per cent."""
    if not values or not all(map(math.isfinite, values)):
        return None
    factor, of_interval = (100, 1) if decimals == 2 else (1, decimals)
    detail = [f"± {factor * stdev(values):.{decimals}f}"] if len(values) > 1 else []
    detail += [" to ".join(f"{factor * bound:.{of_interval}f}" for bound in interval)] if interval else []
    return Cell(f"{factor * fmean(values):.{decimals}f}", "; ".join(detail), mark, fmean(values))


def _number(value: float | None, spec: str = ".2f", factor: float = 1, mark: Mark = "") -> Cell | None:
    return None if value is None or math.isnan(value) else Cell(format(factor * value, spec), mark=mark, value=value)


_printed = partial(_number, mark="muted")
_printed_percent = partial(_printed, factor=100)


def _p(results: Results, one: str, other: str) -> Cell | None:
    values = results.mcnemar(one, other)
    text = [f"{p:.3f}" if p >= 0.001 else "<0.001" for p in values]
    return Cell(text[0], ", ".join(text[1:]), value=values) if text else None


def _alphas(choices: Sequence[Choice]) -> Cell | None:
    text = ", ".join("∞" if math.isinf(c.alpha) else f"{c.alpha:g}" for c in choices)
    return Cell(text, value=[None if math.isinf(c.alpha) else c.alpha for c in choices]) if choices else None


def _ratio(base: System | None, system: System | None, what: str) -> Cell | None:
    whole, part = getattr(base, what, None), getattr(system, what, None)
    return _number(whole / part) if whole and part else None


def _size(system: System | None) -> Cell | None:
    if system is None:
        return None
    text = f"{system.bytes / 1e6:.0f} MB" if system.bytes >= 1e6 else f"{system.bytes / 1e3:.0f} KB"
    return Cell(text, value=system.bytes)
