"""The walk for any number of classes, colours and shape of picture: from a folder to a card."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from drawn_classes import COLOURS, PATTERNS, write_colours, write_patterns
from smoke_build import Said

SMALL = (
    "teach.fit.epochs=3", "distill.fit.epochs=10", "teach.fit.batch_size=16", "distill.fit.batch_size=16",
    "distill.fit.learning_rate=0.01", "teach.networks=vgg_slim,vgg_slim", "prune.alphas=4",
)  # fmt: skip


@pytest.mark.parametrize(
    ("write", "size", "labels", "channels"),
    [(write_patterns, (24, 32), PATTERNS, 1), (write_colours, (32, 24), tuple(COLOURS), 3)],
    ids=["grey", "RGB"],
)
def test_three_classes_are_built_with_all_stages_and_decided_on_by_the_greatest_output(
    edgekit: Callable[..., Said], tmp_path: Path, write: Callable[..., Path], size: tuple[int, int],
    labels: tuple[str, ...], channels: int,
) -> None:  # fmt: skip
    folder, out = write(tmp_path / "mine", 30, size), tmp_path / "out"
    shape = f"{size[0]}x{size[1]}"
    changes = (*SMALL, f"student.input_size={shape}", f"teach.input_size={'32x40' if channels == 1 else 40}")
    words = ("build-model", "--recipe", "smoke", "--data", folder, "--out", out, "--json")
    said = edgekit(*words, *(f"--set={change}" for change in changes))
    assert said.code == 0, said.err
    card = json.loads((out / "card.json").read_text())
    assert card["data"]["task"]["labels"] == sorted(labels)
    assert card["data"]["task"]["channels"] == channels
    assert (card["input"]["height"], card["input"]["width"], card["input"]["channels"]) == (*size, channels)
    assert card["threshold"] is None
    assert card["stages"][0]["name"] == "teacher"
    assert card["metrics"]["test"]["accuracy"] > 0.7  # of three: by chance 0.33
    assert card["recipe"]["student"]["input_size"] == list(size)
    found = edgekit("evaluate", out, "--data", folder, "--json")
    assert found.code == 0, found.err
    assert found.json["accuracy"] == card["metrics"]["test"]["accuracy"]


@pytest.mark.parametrize(("data", "classes", "side", "channels"), [("digits", 10, 16, 1), ("shapes:0:200", 5, 48, 3)])
def test_the_sets_that_come_along_have_recipes_of_their_own(
    edgekit: Callable[..., Said], tmp_path: Path, data: str, classes: int, side: int, channels: int
) -> None:
    recipe, out = data.partition(":")[0], tmp_path / "out"
    short = (
        "seeds=0", "teach.fit.epochs=1", "distill.fit.epochs=3", "prune.fine_tune_epochs=0", "distill.plain_too=false",
        "teach.fit.batch_size=16", "distill.fit.batch_size=16", "prune.alphas=4",
        "convert.agreement=0.5", "convert.int8_drift=2", "convert.dynamic_drift=1",
    )  # fmt: skip
    words = ("build-model", "--recipe", recipe, "--data", data, "--out", out, "--json")
    said = edgekit(*words, *(f"--set={change}" for change in short))
    assert said.code == 0, said.err
    card = json.loads((out / "card.json").read_text())
    assert len(card["data"]["task"]["labels"]) == classes
    assert (card["input"]["height"], card["input"]["width"], card["input"]["channels"]) == (side, side, channels)
    assert card["model"]["bytes"] <= 20_000
    assert card["data"]["mirror"] is (recipe != "digits")
