"""A build of a folder of two classes that are no chest X-rays: its own words from the card to the board."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.pipeline.loading import load_model
from edgekit.pipeline.predict import predict
from edgekit.report.card import load_card
from small_student import discs
from smoke_build import Said, Smoke

OURS = re.compile(r"pneumonia|\bnormal\b|x-ray|medical|diagnose|patient", re.IGNORECASE)
RECIPE = ("--recipe", "smoke", "--set", "teach.fit.epochs=2", "--set", "distill.fit.epochs=2")


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cats are small discs, dogs large ones."""
    root = tmp_path_factory.mktemp("data") / "pets"
    for number, (image, label) in enumerate(zip(*discs(80, 32, seed=5), strict=True)):
        path = root / ("Cat", "dog")[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image[..., 0])).save(path)
    return root


def test_a_folder_of_cats_and_dogs_is_named_so_from_the_card_to_the_board(
    edgekit: Callable[..., Said], smoke: Smoke, pets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pets-model"
    built = edgekit("build-model", *RECIPE, "--data", pets, "--out", out)
    assert built.code == 0, built.err
    card = load_card(out)
    assert (card.data.task.labels, card.data.task.positive, card.disclaimer) == (("Cat", "dog"), "dog", "")
    text = (out / "card.md").read_text()
    assert "Tells dog from Cat in images of" in text
    assert 'kLabels[kOutputs] = {"Cat", "dog"}' in (out / "model_data.h").read_text()
    evaluated = edgekit("evaluate", out, "--data", pets)
    on_board = edgekit(
        "eval-device", "--port", "desktop", "--model", out, "--data", pets, "--report", tmp_path / "r.html"
    )
    assert (evaluated.code, on_board.code) == (0, 0), evaluated.err + on_board.err
    audited = edgekit("data", "info", pets)
    pages = [
        (path / name).read_text().split("</style>")[-1] for path, name in ((out, "report.html"), (tmp_path, "r.html"))
    ]
    for said in (text, *pages, built.out, evaluated.out, on_board.out, audited.out):
        assert not OURS.search(said), OURS.search(said)
        assert "dog" in said or said is built.out
    (answer,) = predict(load_model(out), [next(pets.rglob("*.png"))])
    assert answer.label in ("Cat", "dog")
    for command in (("evaluate", out, "--data", smoke.data), ("evaluate", smoke.out, "--data", pets)):
        edgekit(*command).assert_refused("The model tells", "rename the folders")
    refused = edgekit("eval-device", "--port", "desktop", "--model", smoke.out, "--data", pets)
    refused.assert_refused("The model tells 2 classes apart: NORMAL, PNEUMONIA; pets has 2", "with Cat, dog, which")
