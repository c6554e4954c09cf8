"""A page with every kind of part and every figure, of made-up numbers."""

import numpy as np

from edgekit.metrics import curves
from edgekit.metrics.scores import score
from edgekit.report import charts, charts_board, charts_scores
from edgekit.report.document import (
    Bullets,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Gallery,
    Highlights,
    Page,
    Prose,
    Section,
    Table,
    percent,
    picture,
)
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.program import Span
from edgekit.values.task import CHEST_XRAY, Task
from two_logits import logits_of

DOMAIN = CHEST_XRAY.domain
INFO = DataInfo("made", "00", False, CHEST_XRAY)
NETWORKS = (
    "VGG19",
    "AlexNet",
    "GoogLeNet",
    "DenseNet121",
    "ResNet18",
    "Inception V3",
    "vote of five",
    "mean of five",
    "student, distilled",
)
NINE = DataInfo("made", "00", False, Task(NETWORKS, noun="photo"))


def runs(seed: int, epochs: int = 30, seeds: int = 3) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    rise = 0.92 - rng.uniform(0, 0.04) - 0.25 * np.exp(-np.arange(epochs) / rng.uniform(3, 8))
    return [(rise + rng.normal(0, 0.008, epochs)).tolist() for _ in range(seeds)]


def margins(seed: int, n: int = 624) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.625).astype(np.int64)
    return np.round(rng.normal(50 * (labels - 0.5) + 20, 20)).astype(np.int64), labels


def answers(n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of nine classes."""
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 9, n)
    return rng.normal(0, 1, (n, 9)) + 2 * np.eye(9)[labels], labels


def of_networks() -> EvalReport:
    """Of a model that tells nine classes apart."""
    return score(*answers(), None, runtime="tflm", model_sha256="", data=NINE)


def all_figures() -> list[Figure]:
    alphas = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0)
    zeroed = [1 - 0.97 * (1 - np.exp(-a / 2.5)) for a in alphas]
    val = [0.95 - 0.45 * z**6 for z in zeroed]
    test = [0.92 - 0.42 * z**5 for z in zeroed]
    one, labels = margins(1)
    two, _ = margins(1, 624)[0] + np.random.default_rng(5).integers(-30, 30, 624), None
    cut = Threshold(0.9, 30)
    return [
        charts.curves(
            "Accuracy of each teacher by epoch (figure 3)",
            [charts.over_seeds(n, runs(i)) for i, n in enumerate(NETWORKS[:5])],
            percent=True,
            notes=("Bands: least and greatest of 3 seeds.",),
        ),
        charts.curves(
            "Loss of each teacher by epoch (figure 3)",
            [charts.over_seeds(n, [[1 - v for v in r] for r in runs(i)]) for i, n in enumerate(NETWORKS)],
            y="loss",
        ),
        charts.sweep(
            "Pruning of the student",
            [charts.Series("validation", alphas, val), charts.Series("test", alphas, test)],
            charts.Series("zeroed", alphas, zeroed),
            chosen={"validation": 2.0, "test, as the paper did": 1.0},
        ),
        charts.sweep(
            "Pruning where both chose the least alpha",
            [charts.Series("validation", alphas, val)],
            charts.Series("zeroed", alphas, zeroed),
            chosen={"validation": 0.5, "test, as the paper did": 0.5},
        ),
        charts.sweep(
            "Pruning where both chose not to",
            [charts.Series("validation", alphas, val)],
            charts.Series("zeroed", alphas, zeroed),
            chosen={"validation": float("inf"), "test": float("inf")},
        ),
        charts_scores.roc(
            "ROC on test", [curves.roc("student, int8", logits_of(one), labels, CHEST_XRAY, cut)], CHEST_XRAY
        ),
        charts_scores.roc(
            "ROC of two",
            [
                curves.roc("student, int8", logits_of(one), labels, CHEST_XRAY, cut),
                curves.roc("student, plain", logits_of(two), labels, CHEST_XRAY, cut),
            ],
            CHEST_XRAY,
        ),
        charts_scores.roc(
            "ROC of a long name",
            [curves.roc("Ensemble of the paper, pruned, mean", logits_of(one), labels, CHEST_XRAY, cut)],
            CHEST_XRAY,
        ),
        charts_scores.reliability(
            "Reliability on test",
            [curves.reliability("student, int8", logits_of(one), labels, CHEST_XRAY, 0.06)],
            CHEST_XRAY,
        ),
        charts_scores.confusion(
            "Confusion on test", score(logits_of(one), labels, cut, runtime="tflm", model_sha256="", data=INFO)
        ),
        charts_scores.confusion("Confusion of nine classes", of_networks()),
        charts_scores.roc(
            "ROC of each of nine classes",
            [curves.roc(n, *answers(), NINE.task, label=at) for at, n in enumerate(NETWORKS)],
            NINE.task,
        ),
        charts_scores.reliability(
            "Reliability of nine classes", [curves.reliability("student", *answers(), NINE.task)], NINE.task
        ),
        charts.dots(
            "Accuracy beside the paper's",
            [
                charts.Dot(n, 0.9 + i / 400, 0.88 + i / 400, 0.92 + i / 400, 0.9135 + i / 300)
                for i, n in enumerate(NETWORKS)
            ],
        ),
        charts_board.memory_plan(
            "Memory plan of the compiled model",
            [
                Span(0, 18432, 0, 1),
                Span(18432, 1200, 0, 0, True),
                Span(16000, 9216, 1, 2),
                Span(0, 9216, 2, 3),
                Span(9216, 64, 3, 4),
            ],
            ("CONV_2D + MAX_POOL_2D", "CONV_2D + MAX_POOL_2D", "CONV_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED"),
            25216,
        ),
        charts_board.bars(
            "Working memory",
            [charts_board.Bar("TFLM arena", 96544), charts_board.Bar("compiled C", 34432)],
            x="bytes",
        ),
        charts_board.histogram(
            "Time of one image",
            np.random.default_rng(2).normal(97_700, 400, 624).tolist(),
            x="µs",
            marks={"p50": 97_690.0, "p95": 98_360.0},
        ),
    ]


def page(synthetic: bool = True) -> Page:
    rng = np.random.default_rng(0)
    films = tuple(
        picture(
            rng.integers(0, 255, (96, 96, 1)).astype(np.uint8),
            f"film {i}: NORMAL, called PNEUMONIA, p = 0.97",
            f"X-ray {i}",
        )
        for i in range(7)
    )
    paper = Table(
        "Table I: teachers on test, before and after pruning",
        (
            Column("network", "left"),
            Column("accuracy %", group="paper"),
            Column("pruned %", group="paper"),
            Column("accuracy %", group="here, 3 seeds"),
            Column("specificity %", group="here, 3 seeds"),
            Column("AUC", group="here, 3 seeds"),
            Column("pruned %", group="here, 3 seeds"),
            Column("p (McNemar)"),
        ),
        (
            ("Networks",),
            *(
                (
                    n,
                    Cell("91.35", mark="muted"),
                    Cell("87.35", mark="muted"),
                    percent(0.91 + i / 300, 0.89, 0.93, "strong" if i == 4 else ""),
                    percent(0.81, 0.75, 0.86),
                    Cell("0.963", "0.951 to 0.975", value=0.963),
                    "24.75",
                    "0.031",
                )
                for i, n in enumerate(NETWORKS[:5])
            ),
            ("Ensembles",),
            *(
                (
                    n,
                    Cell("95.03", mark="muted"),
                    None,
                    percent(0.92, 0.9, 0.94),
                    percent(0.81),
                    "0.968",
                    None,
                    Cell("failed"),
                )
                for n in NETWORKS[6:8]
            ),
        ),
        notes=("95 % Wilson intervals below each figure.", "p: exact McNemar test against the row above."),
    )
    return Page(
        title="Combining deep learning model compression techniques, done again",
        lead=("Every system, table and figure of the paper, run with `edgekit reproduce` on **three seeds**.",),
        warnings=(
            "ImageNet weights could not be had: every network started from random weights, so Table I is no test of "
            "the paper's transfer learning.",
        ),
        synthetic=synthetic,
        domain=DOMAIN,
        highlights=Highlights(
            (
                ("accuracy", Cell("0.929", "0.907 to 0.947", value=0.929)),
                ("specificity", Cell("0.897", "0.852 to 0.930", value=0.897)),
                ("AUC", Cell("0.976", "0.963 to 0.985", value=0.976)),
                ("model", Cell("33,248 B", "int8 TFLite", value=33248)),
            )
        ),
        sections=(
            Section("Tables", results=True, parts=(paper, Prose("The teacher is *not* worse & <b>not</b> better."))),
            Section("Figures", results=True, parts=tuple(all_figures())),
            Section(
                "Misclassified X-rays",
                results=True,
                parts=(Gallery("Seven of 44 films", films, ("CC0, drawn by a program.",)),),
            ),
            Section(
                "How it was made",
                sections=(
                    Section(
                        "Command",
                        (
                            Code(
                                "edgekit reproduce --only table1,table2,table3,table4 --seeds 0,1,2 --budget cpu "
                                "--data ../shared/data/chest_xray --out build/reproduction"
                            ),
                        ),
                    ),
                    Section(
                        "Environment",
                        (
                            Facts(
                                (
                                    ("python", "3.11.7"),
                                    ("torch", "2.14.1"),
                                    ("SHA-256", "`703048beb28a8427e44d6c0394835c4fa8828f9b6f8a040dd9176906f31819a6`"),
                                )
                            ),
                            Bullets(("One.", "Two.")),
                        ),
                    ),
                    Section("Recipe", (Code('{\n  "name": "paper"\n}', "json"),), folded=True),
                ),
            ),
        ),
        footer=("Made by edgekit 0.1.0.",),
    )
