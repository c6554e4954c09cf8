"""The paper's figures 3 and 4, the sweeps, and the curves that it lacks.

In: `Results`. Out: `Figure`s, empty where nothing was run.
"""

from typing import Any

from numpy.typing import NDArray

from edgekit.metrics import curves
from edgekit.report import charts, charts_scores
from edgekit.report.document import Figure
from edgekit.reproduction.paper import NETWORKS, SYSTEM_TITLES, TABLE_4, TITLES
from edgekit.reproduction.results import Results

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
    names = [name for name in ("distilled", "conventional") if name in results.histories]
    return _by_epoch("Figure 4: student", {name: results.histories[name] for name in names})


def _by_epoch(caption: str, named: dict[str, NDArray[Any]]) -> tuple[Figure, ...]:
    """Of histories [seeds, epochs, 3, 2] by name; nothing where no history has an epoch."""
    named = {name: runs.astype(float) for name, runs in named.items() if runs.shape[1]}
    return tuple(
        charts.curves(
            f"{caption}, {title} on {part}",
            [charts.over_seeds(name, runs[:, :, which, measure].tolist()) for name, runs in named.items()],
            y=title, percent=title == "accuracy", notes=(_BAND, *((_NEVER,) if part == "test" else ())),
        )
        for measure, title in ((1, "accuracy"), (0, "loss"))
        for which, part in enumerate(_SETS)
        if named
    )  # fmt: skip


def pruning_sweeps(results: Results) -> tuple[Figure, ...]:
    """Accuracy and share of zeroed weights against alpha, of each network and the student."""
    shown = []
    for name, sweep in results.prunings.items():
        alphas = sweep.alphas[:-1]
        validation, test, zeroed = (
            charts.over_seeds(part, getattr(sweep, key)[:, :-1].tolist(), alphas)
            for part, key in (*_HELD_OUT, ("zeroed", "zeroed"))
        )
        by_set = {"validation": "val", "test, as the paper did": "test"}
        chosen = {words: sweep.choice(0, part).alpha for words, part in by_set.items()}
        whole = ", ".join(f"{part} {100 * float(getattr(sweep, key)[:, -1].mean()):.2f} %" for part, key in _HELD_OUT)
        shown.append(
            charts.sweep(
                f"Pruning {TITLES.get(name, 'the student')}", [validation, test], zeroed, chosen=chosen, y="accuracy",
                notes=(_BAND, f"Marked: the first seed's choices. Without pruning: {whole}."),
            )
        )  # fmt: skip
    return tuple(shown)


def distillation_curves(results: Results) -> tuple[Figure, ...]:
    """Accuracy against T, and against alpha."""
    if not results.distillations:
        return ()
    own = results.distillations[0]
    by_t = {d.temperature: d for d in results.distillations if d.mix == own.mix}
    by_mix = {d.mix[0]: d for d in results.distillations if d.temperature == own.temperature}
    shown = []
    for caption, points, label in (
        (f"Distillation by temperature, at {own.mix[0]:g}/{own.mix[1]:g}", by_t, "T"),
        (f"Distillation by alpha, at T = {own.temperature:g}", by_mix, "alpha"),
    ):
        if len(points) > 1:
            x = sorted(points)
            series = [
                charts.over_seeds(part, list(zip(*(getattr(points[at], key) for at in x), strict=True)), x)
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
    task, labels = results.info.task, results.labels
    rocs, reliabilities, confusions = [], list[Figure](), list[Figure]()
    for name in _SHOWN:
        if name in results.systems:
            first, title = results.systems[name].first, SYSTEM_TITLES[name]
            rocs.append(curves.roc(title, first.logits, labels, task, first.chosen.threshold))
            reliability = curves.reliability(title, first.logits, labels, task, first.scale)
            reliabilities.append(charts_scores.reliability(f"Reliability, {title}", [reliability], task))
            confusions += [
                charts_scores.confusion(f"Confusion, {title}, {words}", report)
                for report, words in (
                    (first.argmax, "the greater logit decides"), (first.chosen, "at validation's threshold"),
                )
            ]  # fmt: skip
    note = "First seed. The marks are the thresholds that validation chose, with 95 % intervals."
    roc = [charts_scores.roc("ROC curves on test", rocs, task, notes=(note,))] if rocs else []
    return (*roc, *reliabilities, *confusions)
