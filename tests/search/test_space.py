"""What a search chooses among, and what its students are."""

import pytest

from edgekit.errors import EdgekitError
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import SearchRecipe, StudentRecipe
from edgekit.search.space import Candidate, candidate_of, choices_for, choices_of, smallest


def test_the_shipped_student_is_in_the_space_of_its_recipe() -> None:
    recipe = recipe_named("esp32")
    chosen = choices_for(recipe.student, recipe.search)
    assert chosen is not None
    assert chosen.keys() == choices_of(recipe.search).keys()
    assert candidate_of(chosen) == Candidate(recipe.student)


def test_a_student_that_the_space_does_not_hold_has_no_choices() -> None:
    space = SearchRecipe(widths=(8,), growths=(2.0,))
    assert choices_for(StudentRecipe(64, (8, 16, 24), (1, 1, 1)), space) is None
    assert choices_for(StudentRecipe(64, (4, 8, 16), (1, 1, 1)), space) is None
    assert choices_for(StudentRecipe(64, (8, 16, 32), (1, 1, 1)), space) is not None


def test_later_stages_have_multiples_of_four_channels_and_never_fewer() -> None:
    chosen = {
        "input_size": 48, "block": "inverted", "stem_stride": 2, "stages": 3, "width": 6, "growth_2": 1.0,
        "growth_3": 1.5, "depth_1": 1, "depth_2": 2, "depth_3": 1, "expansion": 2,
        "distill_weight": 0.5, "prune_alpha": 2.0,
    }  # fmt: skip
    student = StudentRecipe(48, (6, 8, 12), (1, 2, 1), "inverted", 2, 2)
    assert candidate_of(chosen) == Candidate(student, 0.5, 2.0)


@pytest.mark.parametrize(("size", "stages", "stride"), [(48, 4, 2), (16, 4, 1), (40, 4, 1)])
def test_an_image_that_would_be_pooled_away_makes_no_student(size: int, stages: int, stride: int) -> None:
    chosen = {name: values[0] for name, values in choices_of(SearchRecipe()).items()}
    assert candidate_of({**chosen, "input_size": size, "stages": stages, "stem_stride": stride}) is None


def test_an_expansion_is_of_inverted_blocks_alone() -> None:
    chosen = {name: values[0] for name, values in choices_of(SearchRecipe()).items()}
    others = [candidate_of({**chosen, "block": "separable", "expansion": times}) for times in (2, 4)]
    assert others[0] == others[1]


def test_an_empty_space_is_refused_with_what_to_change() -> None:
    with pytest.raises(EdgekitError, match="nothing to choose among: no image of 16 or 24 pixels") as caught:
        list(smallest(SearchRecipe(input_sizes=(16, 24), stages=(4, 5))))
    assert "search.stages" in caught.value.hint


@pytest.mark.parametrize("rungs", [(8, 4), (8, 500)])
def test_rungs_ascend_up_to_a_full_training(rungs: tuple[int, ...]) -> None:
    with pytest.raises(EdgekitError, match=r"do not ascend to at most distill\.fit\.epochs=150"):
        SearchRecipe(rungs=rungs).check(150)
