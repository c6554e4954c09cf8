"""What `edgekit init` takes: data and models by every name that other commands take."""

import shutil
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.pipeline.first_steps import first_steps
from edgekit.values.shipped import DEFAULT_MODEL, shipped_model


@pytest.mark.parametrize("name", sorted(path.parent.name for path in DEFAULT_MODEL.parents[1].glob("*/*.tflite")))
def test_a_model_that_comes_with_edgekit_is_taken_by_its_name_and_its_card_names_the_classes(name: str) -> None:
    said = first_steps(name)
    assert dict(said.facts)["classes"].startswith("NORMAL, ")
    assert dict(said.facts)["compiles"].startswith("yes")
    assert f"edgekit selftest --port emulator --model {name}" in said.commands


def test_a_folder_of_build_model_is_a_model_and_a_folder_here_stands_before_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEFAULT_MODEL.parent, "mine")
    assert first_steps("mine").facts == first_steps("chest_xray").facts
    assert "edgekit profile mine --port emulator" in first_steps("mine").commands
    Path("chest_xray").mkdir()
    with pytest.raises(EdgekitError, match="chest_xray has no class folders"):
        first_steps("chest_xray")


def test_a_set_is_data_even_beside_a_model_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEFAULT_MODEL.parent, "digits")
    assert dict(first_steps("digits").facts)["pictures"].startswith("1,797")


def test_what_is_no_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(EdgekitError) as caught:
        first_steps("no-such-set")
    for name in ("phantom", "shapes", "digits", "chest-xray-3", "medmnist:NAME", "pneumoniamnist"):
        assert name in caught.value.hint
    assert shipped_model("../models/chest_xray") is None


@pytest.mark.parametrize("name", ["bloodmnist", "BloodMNIST", "pathmnist-28"])
def test_a_set_of_medmnist_by_its_bare_name_is_answered_with_its_whole_name(name: str) -> None:
    with pytest.raises(EdgekitError) as caught:
        first_steps(name)
    assert caught.value.hint == f"That set is called medmnist:{name.lower()}."
