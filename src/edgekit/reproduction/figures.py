"""The paper's figures 3 and 4, the sweeps, and the curves that it lacks.

In: `Results`. Out: `Figure`s, empty where nothing was run.
"""

import math

import numpy as np

from edgekit.metrics import curves
from edgekit.report import charts, charts_scores
from edgekit.report.document import Figure
from edgekit.reproduction.budgets import NETWORKS
from edgekit.reproduction.paper import TABLE_4, TITLES
from edgekit.reproduction.results import Results
from edgekit.reproduction.tables import SYSTEM_TITLES

_SETS = ("training", "validation", "test")
_HELD_OUT = (("validation", "val"), ("test", "test"))  # as read, and as an attribute of a sweep
_NEVER = "Test, shown as the paper shows it: it was never used to choose anything."
_BAND = "Line: mean over the seeds; band: least to greatest."
_SHOWN = ("mean", "conventional", "distilled", "pruned", "int8")  # ROC, reliability, confusion: the way to the board


def figure_3(results: Results) -> tuple[Figure, ...]:
    """Accuracy and loss of each network by epoch."""
    named = {TITLES[name]: results.histories[name] for name in NETWORKS if name in results.histories}
    return _by_epoch("Figure 3: networks", named)


def figure_4(results: Results) -> tuple[Figure, ...]:
    """Accuracy and loss of the student by epoch, with and without distillation."""
    titles = {"distilled": "distilled", "conventional": "conventional"}
    named = {title: results.histories[name] for name, title in titles.items() if name in results.histories}
    return _by_epoch("Figure 4: student", named)


def _by_epoch(caption: str, named: dict[str, np.ndarray]) -> tuple[Figure, ...]:  # type: ignore[type-arg]
    shown: list[Figure] = []
    for measure, title in ((1, "accuracy"), (0, "loss")):
        for which, part in enumerate(_SETS):
            series = [
                charts.over_seeds(name, [list(map(float, run[:, which, measure])) for run in runs])
                for name, runs in named.items()
                if runs.shape[1]
            ]
            if series:
                notes = (_BAND, *((_NEVER,) if part == "test" else ()))
                shown.append(
                    charts.curves(
                        f"{caption}, {title} on {part}", series, y=title, percent=title == "accuracy", notes=notes
                    )
                )
    return tuple(shown)


def pruning_sweeps(results: Results) -> tuple[Figure, ...]:
    """Accuracy and share of zeroed weights against alpha, of each network and the student."""
    shown = []
    for name, sweep in results.prunings.items():
        alphas = [alpha for alpha in sweep.alphas if math.isfinite(alpha)]
        upto = len(alphas)
        accuracy = [
            charts.over_seeds(part, [list(map(float, row[:upto])) for row in getattr(sweep, key)], alphas)
            for part, key in _HELD_OUT
        ]
        zeroed = charts.over_seeds("zeroed", [list(map(float, row[:upto])) for row in sweep.zeroed], alphas)
        chosen = {
            "validation": sweep.choice(0, "val").alpha,
            "test, as the paper did": sweep.choice(0, "test").alpha,
        }
        whole = ", ".join(f"{part} {100 * float(getattr(sweep, key)[:, -1].mean()):.2f} %" for part, key in _HELD_OUT)
        shown.append(
            charts.sweep(
                f"Pruning {TITLES.get(name, 'the student')}", accuracy, zeroed, chosen=chosen, y="accuracy",
                notes=(_BAND, f"Marked: the first seed's choices. Without pruning: {whole}."),
            )
        )  # fmt: skip
    return tuple(shown)


def distillation_curves(results: Results) -> tuple[Figure, ...]:
    """Accuracy against T, and against alpha."""
    if not results.distillations:
        return ()
    own = results.distillations[0]
    by_t = sorted((d for d in results.distillations if d.mix == own.mix), key=lambda d: d.temperature)
    by_mix = sorted((d for d in results.distillations if d.temperature == own.temperature), key=lambda d: d.mix[0])
    shown = []
    for caption, points, x, label in (
        (f"Distillation by temperature, at {own.mix[0]:g}/{own.mix[1]:g}", by_t, [d.temperature for d in by_t], "T"),
        (f"Distillation by alpha, at T = {own.temperature:g}", by_mix, [d.mix[0] for d in by_mix], "alpha"),
    ):
        if len(points) > 1:
            series = [
                charts.over_seeds(part, list(zip(*(getattr(d, key) for d in points), strict=True)), x)
                for part, key in _HELD_OUT
            ]
            notes = (_BAND,) if len(own.val) > 1 else ()
            shown.append(charts.curves(caption, series, x=label, percent=True, notes=notes))
    return tuple(shown)


def against_the_paper(results: Results) -> tuple[Figure, ...]:
    """Table IV as dots with intervals."""
    rows = []
    for name, printed in TABLE_4.items():
        if name in results.systems:
            report = results.systems[name].first.argmax
            rows.append(charts.Dot(printed.title, report.accuracy, *report.intervals["accuracy"], printed.accuracy))
    note = "The first seed with its 95 % interval; the rings are the figures that the paper prints."
    return (charts.dots("Accuracy on test beside the paper's", rows, notes=(note,)),) if rows else ()


def score_figures(results: Results) -> tuple[Figure, ...]:
    """ROC, reliability and confusion of the teacher, the students and the int8 file, first seed."""
    shown = {name: results.systems[name] for name in _SHOWN if name in results.systems}
    if not shown:
        return ()
    task = results.info.task
    positive = task.is_positive(results.labels)
    rocs, reliabilities, confusions = [], [], []
    for name, system in shown.items():
        first = system.first
        rocs.append(curves.roc(SYSTEM_TITLES[name], first.margins, positive, first.chosen.threshold))
        reliability = curves.reliability(SYSTEM_TITLES[name], first.margins, positive, first.scale)
        reliabilities.append(charts_scores.reliability(f"Reliability, {SYSTEM_TITLES[name]}", [reliability], task))
        for at, words in (("argmax", "the greater logit decides"), ("chosen", "at validation's threshold")):
            confusions.append(
                charts_scores.confusion(
                    f"Confusion, {SYSTEM_TITLES[name]}, {words}", getattr(first, at).confusion, task
                )
            )
    note = "First seed. The marks are the thresholds that validation chose, with 95 % intervals."
    return (charts_scores.roc("ROC curves on test", rocs, task, notes=(note,)), *reliabilities, *confusions)
