"""A build of a folder of three classes: the greatest logit decides, and each class has its figures, to the end."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.pipeline.build_model import build_model
from edgekit.pipeline.loading import load_model
from edgekit.pipeline.predict import predict
from edgekit.pipeline.stages import Options
from edgekit.recipes.reading import recipe_named
from edgekit.report.card import load_card
from edgekit.report.tables_build import seeds_parts, stages_parts
from smoke_build import Said, Smoke
from terminal import printed

LABELS = ("Large", "mid", "small")
OURS = re.compile(r"pneumonia|\bnormal\b|x-ray|medical|diagnose|patient|threshold|positive", re.IGNORECASE)
MEDICAL = re.compile(r"pneumonia|x-ray|medical|diagnose|patient|phantom", re.IGNORECASE)
CHANGES = (
    "teach.fit.epochs=2",
    "distill.fit.epochs=60",
    "distill.alpha=0",
    "distill.beta=1",
    "seeds=0,1",
    "prune.alphas=4",
)


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discs of three sizes."""
    root, rng = tmp_path_factory.mktemp("data") / "discs", np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32] / 32
    for number in range(150):
        radius = (0.34, 0.2, 0.08)[number % 3] + rng.uniform(-0.03, 0.03)
        y, x = rng.uniform(0.4, 0.6, 2)
        grey = 60 + 120 * (np.hypot(rows - y, columns - x) < radius) + rng.normal(0, 8, (32, 32))
        path = root / LABELS[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def out(discs: Path) -> Path:
    folder = discs.parent / "model"
    options = Options(cache_dir=discs.parent / "cache", on_warning=lambda message: None)
    build_model(recipe_named("smoke", CHANGES), str(discs), folder, options)
    return folder


def test_three_classes_are_built_and_each_has_its_figures_in_the_card(out: Path) -> None:
    card = load_card(out)
    assert (card.data.task.labels, card.data.task.decision, card.threshold) == (LABELS, "argmax", None)
    assert [one.label for one in card.metrics.test.classes] == list(LABELS)
    assert sum(map(sum, card.metrics.test.matrix)) == card.metrics.test.n
    assert {label: len(one["recall"].values) for label, one in card.seeds_by_class.items()} == dict.fromkeys(LABELS, 2)
    assert (card.use, card.disclaimer) == ("what the licence of its images allows", "")
    assert card.metrics.test.accuracy > 0.6  # a third by chance
    text = (out / "card.md").read_text()
    for words in ("Tells Large, mid and small apart", "Each class against the rest", "of equal ones the first"):
        assert words in text
    assert 'kLabels[kOutputs] = {"Large", "mid", "small"}' in (out / "model_data.h").read_text()


def test_nothing_that_is_said_of_three_classes_is_of_medicine_or_of_two(
    out: Path, discs: Path, edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    card = load_card(out)
    said = printed((*stages_parts(card.stages, card.data), *seeds_parts(card.seeds, card.data, card.seeds_by_class)))
    assert "recall of mid" in said
    evaluated = edgekit("evaluate", out, "--data", discs)
    page = tmp_path / "r.html"
    on_desktop = edgekit("eval-device", "--port", "desktop", "--model", out, "--data", discs, "--report", page)
    assert (evaluated.code, on_desktop.code) == (0, 0), evaluated.err + on_desktop.err
    pages = [path.read_text().split("</style>")[-1] for path in (out / "report.html", page)]
    recipe = re.compile(r"<details.*?</details>", re.DOTALL)  # it has the fields of two classes, too
    for one in (said, evaluated.out, on_desktop.out, (out / "card.md").read_text(), *pages):
        words = recipe.sub("", one).replace("Only two classes have a threshold: none here.", "")
        assert not OURS.search(words), OURS.search(words)
    json_too = [edgekit("evaluate", out, "--data", discs, "--json"), edgekit("data", "info", discs, "--json")]
    for one in (*(found.out for found in json_too), (out / "card.json").read_text()):
        assert not MEDICAL.search(one), MEDICAL.search(one)
    for one in (evaluated.out, *pages):
        assert all(label in one for label in LABELS)
        assert "Each class against the rest" in one


def test_every_runtime_gives_three_classes_the_same_figures(
    out: Path, discs: Path, edgekit: Callable[..., Said]
) -> None:
    card = load_card(out)
    for words in (("student_int8.tflite",), ("student_int8.tflite", "--runtime", "litert")):
        found = edgekit("evaluate", out / words[0], *words[1:], "--data", discs, "--json").json
        assert found["matrix"] == [list(row) for row in card.metrics.test.matrix]
        assert (found["threshold"], found["confusion"]) == (None, {})
    for name in ("student.npz", "student.onnx", "student_float32.tflite"):
        found = edgekit("evaluate", out / name, "--data", discs, "--json").json
        assert found["accuracy"] == pytest.approx(card.metrics.test.accuracy, abs=0.15)


def test_predict_names_one_of_three(out: Path, discs: Path) -> None:
    (answer,) = predict(load_model(out), [next((discs / "Large").iterdir())])
    assert answer.label in LABELS
    assert sum(answer.probabilities) == pytest.approx(1)
    assert LABELS[int(np.argmax(answer.outputs_q))] == answer.label


def test_other_classes_than_the_cards_are_refused_in_a_line(
    out: Path, discs: Path, smoke: Smoke, edgekit: Callable[..., Said]
) -> None:
    refused = edgekit("evaluate", out, "--data", smoke.data)
    refused.assert_refused("The model tells 3 classes apart: Large, mid, small; phantom has 2, without Large")
    refused = edgekit("reproduce", "--data", discs, "--budget", "smoke", "--out", out.parent / "reproduction")
    refused.assert_refused("two classes", "3: Large, mid, small")
