"""`edgekit analyze` as it is typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smoke_build import Said, Smoke

ROOT = Path(__file__).parents[2]
Run = Callable[..., Said]


def test_a_build_is_analyzed_with_the_float_model_beside_it(edgekit: Run, smoke: Smoke, tmp_path: Path) -> None:
    words = ("analyze", smoke.out, "--data", smoke.data, "--images", 4)
    found: Any = edgekit(*words, "--json", "--report", tmp_path / "page.html").json
    assert found["images"] == 4
    assert [one["position"] for one in found["layers"]] == list(range(-1, len(found["layers"]) - 1))
    assert "What int8 costs" in (tmp_path / "page.html").read_text()
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "src" / "edgekit" / "schemas" / "analysis.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(found)
    assert "Most of the noise in the output is of" in edgekit(*words).out


def test_a_model_without_its_float_model_is_refused_in_two_lines(edgekit: Run) -> None:
    edgekit("analyze", "chest_xray").assert_refused("No float model is beside", "--float FILE")
