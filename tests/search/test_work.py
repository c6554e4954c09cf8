"""What a unit of a search learns from: a teacher of its own fold, or none, and how it is pruned."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.data.sources import load_training
from edgekit.errors import EdgekitError
from edgekit.files import read_kept_arrays
from edgekit.recipes.reading import recipe_named
from edgekit.search.space import Candidate
from edgekit.search.work import CHECKPOINTS, TEACHERS, Settings, TeacherUnit, Unit, do_unit, teacher_path
from edgekit.training.across_sources import folds_elsewhere

DATA = "phantom:0:120"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in (CHECKPOINTS, TEACHERS):
        (tmp_path / name).mkdir()
    return Settings(recipe_named("smoke"), DATA, tmp_path, "cpu")


def of(settings: Settings, number: int, distill_weight: float = 0.0, prune_alpha: float = 0.0) -> dict[str, float]:
    """What a student reaches on the first fold."""
    candidate = Candidate(settings.recipe.student, distill_weight, prune_alpha)
    return do_unit(settings, Unit(number, number, 0, 0, 2, candidate), print)


@pytest.mark.parametrize("same_view", ["true", "false"])
def test_a_teacher_has_seen_what_its_fold_learns_from_and_no_image_that_judges(
    settings: Settings, same_view: str
) -> None:
    recipe = recipe_named("smoke", [f"distill.same_view={same_view}"])
    settings = Settings(recipe, DATA, settings.folder, "cpu")
    reached = do_unit(settings, TeacherUnit(0), print)
    assert reached.keys() == {"clean", "altered", "stretched"}
    kept = read_kept_arrays(teacher_path(settings.folder, 0), print)
    assert kept is not None
    train, info = load_training(DATA, (32, 32), recipe.data)
    fold = folds_elsewhere(train, info.task, recipe.search.folds).folds[0]
    assert set(kept["ids"]) == {train.ids[row] for row in fold.learned}
    assert not set(kept["ids"]) & {train.ids[row] for row in fold.elsewhere}
    assert kept["logits"].shape == (len(fold.learned), 2)
    assert not list((settings.folder / CHECKPOINTS).iterdir())
    assert of(settings, 1, distill_weight=0.9) != of(settings, 2)


def test_a_student_that_is_pruned_is_scored_with_its_zeros_and_its_training_goes_on_without(settings: Settings) -> None:
    whole, pruned = of(settings, 1), of(settings, 2, prune_alpha=0.5)
    assert pruned != whole
    assert of(settings, 1, prune_alpha=0.5) == pruned  # from the checkpoint of the one that was not pruned
    assert of(settings, 2) == whole


def test_a_teacher_that_was_lost_meanwhile_is_named(settings: Settings) -> None:
    with pytest.raises(EdgekitError, match=r"teachers/0 is gone or damaged") as caught:
        of(settings, 1, distill_weight=0.5)
    assert "trained anew" in caught.value.hint


def test_the_recipe_of_a_student_makes_it_as_it_was_judged() -> None:
    recipe = recipe_named("smoke", ["prune.method=taylor"])
    alone = Candidate(recipe.student).made_by(recipe)
    assert alone.prune.method == "magnitude"  # a fraction of channels is another shape, which was not judged
    assert (alone.distill.teacher, alone.distill.plain_too, alone.prune.alphas) == (False, False, ())
    both = Candidate(recipe.student, 0.75, 2.0).made_by(recipe)
    assert (both.distill.teacher, both.distill.alpha, both.distill.beta) == (True, 0.75, 0.25)
    assert both.prune.alphas == (2.0,)
    assert np.isclose(both.prune.tolerance, 0.5)
    assert str(Candidate(recipe.student, 0.75, 2.0)) == "vgg 32, 4-8 x 1-1, taught by 0.75, pruned at 2"
