"""`edgekit compare` as it is typed: exit codes, Markdown, JSON, what an evaluation's JSON holds for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smoke_build import Said

ROOT = Path(__file__).parents[2]
CARD = ROOT / "models" / "chest_xray" / "card.json"
Run = Callable[..., Said]


@pytest.fixture
def heavier(tmp_path: Path) -> Path:
    """The shipped card with more RAM and fewer bytes of file."""
    card: dict[str, Any] = json.loads(CARD.read_text())
    card["time"]["ram_bytes"] = round(1.08 * card["time"]["ram_bytes"])
    card["model"]["bytes"] -= 1000
    (tmp_path / "heavier.json").write_text(json.dumps(card))
    return tmp_path / "heavier.json"


def test_a_condition_that_holds_ends_with_3_and_its_figures(edgekit: Run, heavier: Path) -> None:
    said = edgekit("compare", CARD, heavier, "--fail-if", "ram>+5%, bytes>0")
    assert said.code == 3
    assert said.err == "fails: ram>+5%: 28,026 in A, 30,268 in B, +8 %\n"
    assert "fails" in said.out
    assert "passes" in said.out


def test_without_a_condition_that_holds_it_ends_with_0(edgekit: Run, heavier: Path) -> None:
    for words in ((), ("--fail-if", "ram>+10%, accuracy<-0.01")):
        said = edgekit("compare", CARD, heavier, *words)
        assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ("speed>1", "there is no quantity 'speed'. Known: accuracy,"),
        ("ram>lots", "'ram>lots' is no condition"),
        ("flash>1", "neither"),
        ("ram>+5%, instructions>1", "tells instructions"),
    ],
)
def test_a_condition_that_cannot_be_checked_ends_with_2_and_never_passes(
    edgekit: Run, heavier: Path, conditions: str, says: str
) -> None:
    said = edgekit("compare", CARD, heavier, "--fail-if", conditions)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert len(said.err.splitlines()) == 2


def test_its_help_has_the_grammar_and_every_quantity_by_name(edgekit: Run) -> None:
    from edgekit.comparison.quantities import QUANTITIES

    words = edgekit("compare", "--help").out.split()
    assert set(QUANTITIES) <= {word.rstrip(";") for word in words}
    assert "CONDITION" in words


def test_markdown_is_a_table_that_a_pull_request_shows(edgekit: Run, heavier: Path) -> None:
    said = edgekit("compare", CARD, heavier, "--markdown", "--fail-if", "ram>+5%")
    assert said.code == 3
    assert "| RAM, bytes | 28,026 | 30,268 | +2,242 | +8.0 % | exact |" in said.out.splitlines()
    assert "| ram>+5% | +7.99971% | **fails** |" in said.out.splitlines()
    assert edgekit("compare", CARD, heavier, "--markdown", "--json").code == 2


def test_its_json_is_that_of_its_schema(edgekit: Run, heavier: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "src" / "edgekit" / "schemas" / "comparison.schema.json").read_text())
    said = edgekit("compare", CARD, heavier, "--json", "--fail-if", "ram>+5%")
    found: Any = said.json
    jsonschema.Draft202012Validator(schema).validate(found)
    assert found["conditions"][0]["holds"] is True
    assert {one["name"]: one["difference"] for one in found["differences"]}["bytes"] == -1000


def test_a_page_is_written_besides(edgekit: Run, heavier: Path, tmp_path: Path) -> None:
    assert edgekit("compare", CARD, heavier, "--report", tmp_path / "page.html").code == 0
    assert "Research demonstration" in (tmp_path / "page.html").read_text()


def test_evaluations_as_printed_are_matched_image_by_image(edgekit: Run, tmp_path: Path) -> None:
    printed = edgekit("evaluate", "chest_xray", "--data", "phantom:0:40", "--json")
    (tmp_path / "a.json").write_text(printed.out)

    assert len(printed.json["answers"]["ids"]) == printed.json["n"]  # type: ignore[index]
    assert '"labels": [0, ' in printed.out  # a line a list of numbers
    said = edgekit("compare", tmp_path / "a.json", tmp_path / "a.json", "--fail-if", "accuracy<-0.01, auc<0")
    assert said.code == 0
    assert f"Of {printed.json['n']} images that both saw" in said.out
    assert edgekit("compare", tmp_path / "a.json", "chest_xray_3").code == 1
