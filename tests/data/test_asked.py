"""What a recipe asks of a data set: the label that is looked for, and whether pictures may be mirrored."""

from pathlib import Path

import pytest

from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.images import DataInfo


def info_of(cache: Path, recipe: DataRecipe) -> DataInfo:
    return load_splits("phantom:0:40", (16, 16), recipe, cache_dir=cache).info


def test_a_recipe_names_the_class_that_is_looked_for_and_a_note_says_so(tmp_path: Path) -> None:
    usual = info_of(tmp_path, DataRecipe())
    assert (usual.task.positive, usual.mirror) == ("PNEUMONIA", True)
    assert info_of(tmp_path, DataRecipe(positive="pneumonia")) == usual  # as the set itself, in other letters
    other = info_of(tmp_path, DataRecipe(positive="normal"))
    assert other.task.labels == usual.task.labels
    assert other.task.positive == "NORMAL"
    assert other.notes == (*usual.notes, "NORMAL is the class that is looked for: recall is its share found")


def test_a_recipe_says_that_pictures_are_not_mirrored(tmp_path: Path) -> None:
    assert not info_of(tmp_path, DataRecipe(mirror="no")).mirror
    assert info_of(tmp_path, DataRecipe(mirror="yes")).mirror


def test_a_class_that_the_set_has_not_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"data\.positive=COVID is no class of phantom") as caught:
        info_of(tmp_path, DataRecipe(positive="COVID"))
    assert caught.value.hint == "Its classes are NORMAL and PNEUMONIA."
