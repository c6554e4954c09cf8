"""`edgekit predict` and `edgekit init` as a person calls them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.recipes.reading import recipe_named
from elsewhere_models import dense
from smoke_build import Said


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "m.tflite").write_bytes(dense((1, 6, 5, 1), 3, scale=1 / 255, zero_point=-128))
    Image.new("L", (9, 9), 90).save(tmp_path / "one.png")
    return tmp_path / "m.tflite"


def test_json_is_a_list_of_path_label_probabilities_and_bytes(edgekit: Callable[..., Said], model: Path) -> None:
    picture = model.with_name("one.png")
    said = edgekit("predict", model, picture, picture, "--labels", "a,b,c", "--json")
    assert said.code == 0, said.err
    answers = json.loads(said.out)
    assert len(answers) == 2
    assert {"path", "label", "probabilities", "outputs_q"} <= answers[0].keys()
    assert answers[0]["label"] == "abc"[int(np.argmax(answers[0]["outputs_q"]))]
    assert sum(answers[0]["probabilities"]) == pytest.approx(1)


def test_a_table_names_each_picture(edgekit: Callable[..., Said], model: Path) -> None:
    said = edgekit("predict", model, model.parent, "--labels", "apple,pear,plum")
    assert said.code == 0, said.err
    assert any(label in said.out for label in ("apple", "pear", "plum"))


def test_a_board_gives_the_bytes_of_this_computer(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "v.tflite").write_bytes(dense((1, 7), 3))
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(0, 1, (3, 7)))
    words = ("predict", tmp_path / "v.tflite", tmp_path / "d.npz", "--json")
    here, there = edgekit(*words), edgekit(*words, "--port", "native")
    assert there.code == 0, there.err
    assert json.loads(there.out) == json.loads(here.out)


def test_what_cannot_be_asked_is_said_in_two_lines(edgekit: Callable[..., Said], model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, words in ((tmp_path / "empty", "holds no .jpg or .png"), (tmp_path / "absent.png", "absent.png")):
        refused = edgekit("predict", model, path)
        assert (refused.code, words in refused.err) == (1, True), refused.err


def test_init_writes_nothing_but_the_recipe_that_is_asked_for(
    edgekit: Callable[..., Said], model: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    said = edgekit("init", model)
    assert (said.code, "edgekit selftest --port emulator" in said.out) == (0, True), said.err
    assert sorted(tmp_path.iterdir()) == before
    said = edgekit("init", "shapes:0:100", "--out", tmp_path / "recipe.json")
    assert said.code == 0, said.err
    assert f"--recipe {tmp_path / 'recipe.json'}" in said.out
    assert recipe_named(str(tmp_path / "recipe.json")) == recipe_named("shapes")
