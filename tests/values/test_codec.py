"""Dataclasses become JSON values and come back, or every fault is named."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from edgekit.values.codec import Invalid, from_json, parsed, schema, to_document, to_json
from edgekit.values.limits import Between, FileName, FloatOrNan, Several
from edgekit.values.task import CHEST_XRAY, Task


@dataclass(frozen=True, slots=True)
class Inner:
    share: Annotated[float, Between(0, 1)] = 0.5
    kind: Literal["wide", "tiny"] = "wide"
    on: bool = True
    counts: Annotated[tuple[int, ...], Between(1, 9), Several(distinct=True)] = (1, 2)
    file: Annotated[str, FileName()] = "a.tflite"


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    task: Task = CHEST_XRAY
    figure: FloatOrNan = 0.0
    bounds: Mapping[str, tuple[FloatOrNan, FloatOrNan]] | None = None
    rows: tuple[Inner, ...] = ()
    count: int | None = None


def test_a_value_comes_back_as_it_was_written() -> None:
    value = Outer(Inner(kind="tiny", counts=(3,)), bounds={"auc": (0.5, 1.0)}, rows=(Inner(), Inner(0.25)), count=3)
    assert from_json(Outer, json.loads(json.dumps(to_json(value))), "a value") == value
    assert from_json(Outer, {"inner": {}}, "a value") == Outer(Inner())


def test_an_undefined_figure_is_null_in_json_and_nan_here() -> None:
    values = to_json(Outer(Inner(), figure=math.nan, bounds={"auc": (math.nan, 1.0)}))
    assert (values["figure"], values["bounds"]) == (None, {"auc": [None, 1.0]})
    again = from_json(Outer, values, "a value")
    assert math.isnan(again.figure)
    assert again.bounds is not None
    assert math.isnan(again.bounds["auc"][0])


def test_numpys_values_become_jsons() -> None:
    given = {"a": np.float32(0.5), "b": np.arange(3), "c": np.array([[math.nan, 1.0]]), 4: np.bool_(True)}
    assert json.dumps(to_json(given)) == '{"a": 0.5, "b": [0, 1, 2], "c": [[null, 1.0]], "4": true}'


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "a value is a group of fields, not []"),
        ({}, "inner is missing"),
        ({"inner": None}, "inner is a group of fields, not null"),
        ({"inner": {"share": "much"}}, "inner.share takes a number, not 'much'"),
        ({"inner": {"share": True}}, "inner.share takes a number, not true"),
        ({"inner": {"share": 1.5}}, "inner.share=1.5 is out of range"),
        ({"inner": {"share": math.nan}}, "inner.share=nan is out of range"),
        ({"inner": {"kind": "large"}}, "inner.kind cannot be 'large'"),
        ({"inner": {"on": 1}}, "inner.on takes true or false, not 1"),
        ({"inner": {"counts": 3}}, "inner.counts takes a list, not 3"),
        ({"inner": {"counts": []}}, "inner.counts is empty"),
        ({"inner": {"counts": [1, 2.5]}}, "inner.counts takes a whole number, not 2.5"),
        ({"inner": {"counts": [1, 10]}}, "inner.counts=10 is out of range"),
        ({"inner": {"counts": [1, 1]}}, "inner.counts names the same value twice"),
        ({"inner": {"file": "../a"}}, "inner.file must be the name of a file without a folder, not '../a'"),
        ({"inner": {}, "figure": "nan"}, "figure takes a number, not 'nan'"),
        ({"inner": {}, "count": "3"}, "count takes a whole number, not '3'"),
        ({"inner": {}, "bounds": [1]}, "bounds is a group of fields, not [1]"),
        ({"inner": {}, "bounds": {"auc": [1]}}, "bounds.auc has another number of values: [1]"),
        ({"inner": {}, "bounds": {"auc": [1, 2, 3]}}, "bounds.auc has another number of values: [1, 2, 3]"),
        ({"inner": {}, "rows": [{}, {"on": None}]}, "rows[1].on takes true or false, not null"),
        ({"inner": {}, "task": {"labels": ["a", "a"]}}, "task is wrong: the labels ['a', 'a'] must be two or more"),
        ({"inner": {"new": 1}}, "there is no field inner.new"),
    ],
)
def test_a_fault_is_named_with_its_path_and_what_is_due(values: Any, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_json(Outer, values, "a value", unknown_fields=False)
    assert str(caught.value).startswith(says)
    assert len(caught.value.faults) == 1


def test_all_faults_are_there_and_the_first_are_told() -> None:
    values = {"inner": {"share": 2, "kind": "x", "on": 1, "file": 5}}
    with pytest.raises(Invalid) as caught:
        from_json(Outer, values, "a value")
    assert [fault.path for fault in caught.value.faults] == ["inner.share", "inner.kind", "inner.on", "inner.file"]
    assert str(caught.value).endswith("inner.on takes true or false, not 1; and 1 more")


def test_fields_of_another_version_are_passed_over_unless_told_otherwise() -> None:
    assert from_json(Outer, {"inner": {"new": 1}, "newer": 2}, "a value") == Outer(Inner())


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[" * 100_000, b"[NaN]", b"[Infinity]", b"[1e999]", b"9" * 9_999]
)
def test_what_is_no_json_or_holds_no_numbers_is_said_in_one_line(text: bytes) -> None:
    with pytest.raises(Invalid, match="not JSON") as caught:
        parsed(text)
    assert len(str(caught.value)) < 200


def test_a_schema_tells_limits_choices_and_the_version_of_the_document() -> None:
    found = schema(Outer, "an outer value")
    inner = found["$defs"]["Inner"]["properties"]
    assert (inner["share"]["minimum"], inner["share"]["maximum"]) == (0, 1)
    assert inner["kind"]["enum"] == ["wide", "tiny"]
    assert (inner["counts"]["minItems"], inner["counts"]["uniqueItems"]) == (1, True)
    assert inner["counts"]["items"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert found["properties"]["figure"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert found["required"] == ["schema_version", "inner"]
    assert to_document(Outer(Inner()))["schema_version"] == found["properties"]["schema_version"]["const"]


READING = "from edgekit.recipes.reading import recipe_named; recipe_named('esp32')"
WRITING = """
import edgekit.report.card
import edgekit.recipes.reading
from edgekit.recipes.build import Recipe
from edgekit.values.codec import to_document
to_document(Recipe())
"""


@pytest.mark.parametrize(("code", "imported"), [(READING, "True"), (WRITING, "False")])
def test_pydantic_is_imported_where_something_is_read_and_nowhere_else(code: str, imported: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('pydantic' in sys.modules)"],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == imported


def test_a_list_whose_values_are_all_wrong_is_not_said_to_be_empty() -> None:
    with pytest.raises(Invalid) as caught:
        from_json(Outer, {"inner": {"counts": [0]}}, "a value")
    assert str(caught.value) == "inner.counts=0 is out of range"
