"""A card with figures of a made-up model, whole in every field."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.files import sha256_of, write_json
from edgekit.metrics.scores import score, spread
from edgekit.recipes.reading import recipe_named
from edgekit.report.card import (
    Card,
    CardThreshold,
    InputFacts,
    Metrics,
    ModelFacts,
    OutputFacts,
)
from edgekit.report.tables_build import StageRow
from edgekit.values.codec import to_document
from edgekit.values.evaluation import EvalReport
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY
from two_logits import logits_of

FLATBUFFER = b"not run here, only hashed"
PHANTOM = DataInfo("phantom", "f" * 64, True, CHEST_XRAY, licence="CC0", notes=("drawn by a program",))


def report_of(seed: int = 0, n: int = 200, data: DataInfo = PHANTOM) -> EvalReport:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    margins = np.round(rng.normal(40 * (labels - 0.5), 15)).astype(np.int64)
    threshold = CardThreshold(0.62, 4, "one standard error").value()
    return score(logits_of(margins), labels, threshold, runtime="tflm", model_sha256=sha256_of(FLATBUFFER), data=data)


@pytest.fixture
def report() -> EvalReport:
    return report_of()


@pytest.fixture
def rows(report: EvalReport) -> list[StageRow]:
    return [
        StageRow("teacher", report_of(7), 4_000_000, 0.03, None),
        StageRow("dynamic", None, 33_192, 3.41, None),
        StageRow("int8", report, 34_904, 3.24, 0.995),
    ]


@pytest.fixture
def card(report: EvalReport, rows: list[StageRow]) -> Card:
    return Card(
        name="chest_xray",
        model=ModelFacts(
            "student_int8.tflite",
            sha256_of(FLATBUFFER),
            34_904,
            27_500,
            26_000,
            5_123_456,
            95_920,
            ("CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"),
        ),
        input=InputFacts(96, 96, 1, 1 / 255, -128),
        output=OutputFacts(0.11, 3, CHEST_XRAY.labels),
        threshold=CardThreshold(0.62, 4, "one standard error"),
        metrics=Metrics(validation=report_of(1, 120), test=report),
        seeds=spread([report, report_of(2), report_of(3)]),
        agreement_int8_float32=0.995,
        stages=tuple(rows),
        data=PHANTOM,
        recipe=recipe_named("esp32"),
        command="edgekit build-model --data phantom --out build/phantom",
        versions={"torch": "2.14.1", "numpy": "1.26.4"},
        made_on="Linux x86-64, CPU",
    )


@pytest.fixture
def folder(card: Card, tmp_path: Path) -> Path:
    """card.json with its model beside it."""
    (tmp_path / card.model.file).write_bytes(FLATBUFFER)
    write_json(tmp_path / "card.json", to_document(card))
    return tmp_path
