"""The published JSON Schemas are those of the dataclasses, and hold for what is written."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgekit.recipes.reading import BUILTIN, recipe_named
from edgekit.report.card import load_card
from edgekit.report.document import Facts, Page, Prose, Section
from edgekit.report.render_json import page_json
from edgekit.values.analysis import Analysis, LayerLoss
from edgekit.values.codec import to_document
from edgekit.values.comparison import (
    CheckedCondition,
    ComparedSide,
    Comparison,
    Difference,
    McNemar,
    OperatorCount,
)
from edgekit.values.device_run import Agreement, DeviceRun, LinkCounts, board_report
from edgekit.values.evaluation import Prediction

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "src" / "edgekit" / "schemas"
CARD = load_card(ROOT / "models" / "chest_xray")
RUN = DeviceRun((Prediction("a", 0, (1, 2), 5),), {"board": "native"}, LinkCounts(), 1.0)
DOCUMENTS: dict[str, list[Any]] = {
    "card": [to_document(CARD)],
    "recipe": [to_document(recipe_named(name)) for name in BUILTIN],
    "evaluation": [
        to_document(CARD.metrics.test),
        to_document(board_report(RUN, Agreement(1, 1, ()), CARD.metrics.test)),
    ],
    "analysis": [
        to_document(
            Analysis(
                "a",
                "b",
                "digits",
                False,
                3,
                "tflm",
                (LayerLoss(0, "ADD", (1, 2), math.inf, 40.0, None, math.nan, 0.5, 0.0, 1.0),),
                40.0,
                0.1,
                math.nan,
            )
        )
    ],
    "comparison": [
        to_document(
            Comparison(
                ComparedSide("a", "card", "", {}),
                ComparedSide("b", "card", "", {}),
                McNemar(9, 1, 2, 1.0, "exact binomial"),
                (Difference("f1", "F1", "share", math.nan, 1.0, None, None, None, None, "untested", "undefined"),),
                (OperatorCount("ADD", 1, 2),),
                ("note",),
                "",
                (CheckedCondition("ram>5%", "ram", True, 0.0, 1.0, None),),
            )
        )
    ],
    "report": [page_json(Page("A", sections=(Section("B", (Prose("c"), Facts((("d", "e"),)))),)))],
}


def write_schemas(*options: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "tools" / "write_schemas"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_published_schemas_are_those_of_the_dataclasses() -> None:
    done = write_schemas("--check")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{name}.schema.json" for name in DOCUMENTS}


def test_a_schema_that_has_drifted_is_noticed_and_written_anew(tmp_path: Path) -> None:
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    card = tmp_path / "schemas" / "card.schema.json"
    before = card.read_text()
    card.write_text(before.replace('"schema_version"', '"version"', 1))
    done = write_schemas("--check", "--folder", card.parent)
    assert (done.returncode, "Run tools/write_schemas." in done.stderr) == (1, True)
    assert write_schemas("--folder", card.parent).returncode == 0
    assert card.read_text() == before


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_edgekit_writes_is_valid_by_its_schema_and_less_is_not(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    for document in DOCUMENTS[name]:
        check.validate(json.loads(json.dumps(document)))
        for field in ({"schema_version": 2}, {next(key for key in document if key != "schema_version"): None}):
            assert not check.is_valid(document | field), field
