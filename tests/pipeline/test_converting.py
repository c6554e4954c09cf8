"""The conversion in a build: int8 files that drift are trained as int8, the better is taken, and the card says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.pipeline.build_model import build_model
from edgekit.pipeline.converting import chosen
from edgekit.pipeline.stages import Options
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.report.card import Card, load_card
from edgekit.tflite.model import read_tflite
from edgekit.values.quantization import Int8Facts
from smoke_build import Smoke

GOOD = Int8Facts(0.1, 0.99, 0.9)
FAR = replace(GOOD, drift=0.6)  # beyond the gate's limit of 0.5


@pytest.fixture
def build(smoke: Smoke, tmp_path: Path) -> Callable[..., tuple[Card, list[str], list[str]]]:
    """Goes on from the finished stages: the card, the stages that were made, what was warned of."""
    out = smoke.copy(tmp_path)

    def run(*changes: str) -> tuple[Card, list[str], list[str]]:
        made, warned = list[str](), list[str]()
        recipe = recipe_named("smoke", [*smoke.changes, *changes])
        options = Options(
            cache_dir=smoke.cache / "edgekit", on_warning=warned.append,
            on_stage=lambda name, cached: None if cached else made.append(name),
        )  # fmt: skip
        build_model(recipe, smoke.data, out, options)
        return load_card(out), made, warned

    return run


def test_where_nothing_is_lost_nothing_changes_and_the_card_says_so(
    build: Callable[..., tuple[Card, list[str], list[str]]], smoke: Smoke
) -> None:
    card, made, _ = build("quantize.aware_epochs=2")
    before = load_card(smoke.out)
    assert "aware-0" not in made
    assert card.model == before.model
    assert before.quantization is None
    assert card.quantization is not None
    assert (card.quantization.taken, card.quantization.aware) == ("converted", None)
    assert card.quantization.why == "It drifts no more than 0.25."


def test_an_int8_file_that_drifts_is_trained_once_and_the_card_has_the_figures_of_both(
    build: Callable[..., tuple[Card, list[str], list[str]]], smoke: Smoke, tmp_path: Path
) -> None:
    words = ("quantize.aware_epochs=2", "quantize.aware_drift=0")
    card, made, _ = build(*words)
    facts = card.quantization
    assert "convert-0" not in made
    assert "aware-0" in made
    assert facts is not None
    assert facts.aware is not None
    assert (facts.taken, facts.why) == chosen(facts.converted, facts.aware, ConvertRecipe())
    changed = card.model.sha256 != load_card(smoke.out).model.sha256
    assert changed == (facts.taken == "aware")
    page = (tmp_path / "copy" / "card.md").read_text()
    for one in (facts.converted, facts.aware):
        assert f"drifts {one.drift:.3f} standard deviations" in page
    assert (tmp_path / "copy" / "student.npz").read_bytes() == (smoke.out / "student.npz").read_bytes()
    again, made, _ = build(*words)
    assert "aware-0" not in made
    assert again.quantization == facts


def test_a_training_that_diverges_is_said_and_the_converted_file_stays(
    build: Callable[..., tuple[Card, list[str], list[str]]], smoke: Smoke
) -> None:
    words = ("quantize.aware_epochs=2", "quantize.aware_drift=0", "quantize.aware_learning_rate=10")
    card, _, warned = build(*words)
    assert card.quantization is not None
    assert (card.quantization.taken, card.quantization.aware) == ("converted", None)
    assert card.model.sha256 == load_card(smoke.out).model.sha256
    (line,) = (one for one in warned if "came to nothing" in one)
    assert "its loss is nan in epoch" in line
    assert "lower quantize.aware_learning_rate" in line


def test_what_no_remedy_brings_within_the_gates_limits_is_refused(
    build: Callable[..., tuple[Card, list[str], list[str]]],
) -> None:
    with pytest.raises(EdgekitError, match="Conversion stopped at int8"):
        build("quantize.aware_epochs=1", "convert.int8_drift=0.000001")


def test_int16_activations_give_a_model_with_int8_ends_and_its_card_says_16x8(
    build: Callable[..., tuple[Card, list[str], list[str]]], smoke: Smoke, tmp_path: Path
) -> None:
    card, _, _ = build("quantize.activations=int16")
    model = read_tflite(tmp_path / "copy" / "student_int8.tflite")
    assert card.model.sha256 == model.sha256
    assert (model.ops[0], model.ops[-1], model.variant) == ("QUANTIZE", "QUANTIZE", "int8")
    assert card.quantization is not None
    assert card.quantization.activations == "int16"
    assert card.time is not None
    assert card.agreement_int8_float32 >= load_card(smoke.out).agreement_int8_float32
    assert "int16 activations between (16x8)" in (tmp_path / "copy" / "card.md").read_text()


@pytest.mark.parametrize(
    ("converted", "aware", "taken", "why"),
    [
        (FAR, GOOD, "aware", "alone is within"),
        (GOOD, FAR, "converted", "alone is within"),
        (replace(GOOD, agreement=0.5), GOOD, "aware", "alone is within"),
        (GOOD, replace(GOOD, balanced_accuracy=0.95, drift=0.2), "aware", "validation is the better"),
        (GOOD, replace(GOOD, balanced_accuracy=0.85, drift=0.01), "converted", "validation is the better"),
        (GOOD, replace(GOOD, drift=0.05), "aware", "drifts less"),
        (GOOD, GOOD, "converted", "drifts less"),
    ],
)
def test_the_better_file_is_within_the_limits_then_better_on_validation_then_closer(
    converted: Int8Facts, aware: Int8Facts, taken: str, why: str
) -> None:
    found = chosen(converted, aware, ConvertRecipe())
    assert found[0] == taken
    assert why in found[1]
