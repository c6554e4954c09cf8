"""Students are judged on images from elsewhere than those that they learnt from."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import AugmentRecipe, DistillRecipe, FitRecipe
from edgekit.training.across_sources import SHOWN, area, areas, folds_elsewhere, second_source, student_elsewhere
from edgekit.training.fit import Training
from edgekit.values.images import ImageSet
from edgekit.values.networks import StudentSpec
from edgekit.values.task import CHEST_XRAY, Task
from small_student import discs

NAMES = ("NORMAL/IM-{}", "NORMAL/NORMAL2-IM-{}", "PNEUMONIA/person{}_bacteria_1", "PNEUMONIA/person{}_virus_1")
THREE = Task(("a", "b", "c"))


def films(names: tuple[str, ...] = NAMES, each: int = 3) -> ImageSet:
    ids = tuple(name.format(number) for name in names for number in range(each))
    labels = np.array([int("PNEUMONIA" in name) for name in ids])
    return ImageSet(np.zeros((len(ids), 16, 16, 1), np.uint8), labels, ids, ids)


def drawn(count: int, groups: int) -> ImageSet:
    images, labels = discs(count, 16, seed=1)
    return ImageSet(images, labels, tuple(map(str, range(count))), tuple(str(i % groups) for i in range(count)))


def test_each_fold_learns_from_one_source_of_each_class_and_is_scored_on_the_two_others() -> None:
    train = films()
    found = folds_elsewhere(train, CHEST_XRAY)
    assert found.how == "across sources"
    assert [fold.name for fold in found.folds] == [
        "IM + bacteria", "IM + virus", "NORMAL2 + bacteria", "NORMAL2 + virus",
    ]  # fmt: skip
    learned = {train.ids[row] for row in found.folds[2].learned}
    assert learned == {one.format(number) for one in (NAMES[1], NAMES[2]) for number in range(3)}
    for fold in found.folds:
        assert sorted([*fold.learned, *fold.elsewhere]) == list(range(len(train)))


@pytest.mark.parametrize("names", [NAMES[:3], (*NAMES, "NORMAL/film-{}")], ids=["one has no image", "one is not named"])
def test_files_that_do_not_name_all_four_sources_are_taken_by_groups(names: tuple[str, ...]) -> None:
    train = films(names, 8)
    assert second_source(train, CHEST_XRAY) is None
    assert "cross-validation" in folds_elsewhere(train, CHEST_XRAY).how


def test_without_sources_whole_groups_are_left_out_and_that_is_said() -> None:
    train = drawn(60, groups=20)
    found = folds_elsewhere(train, CHEST_XRAY, 3)
    assert found.how == "by 3-fold cross-validation that leaves out whole patients"
    for fold in found.folds:
        assert not {train.groups[row] for row in fold.learned} & {train.groups[row] for row in fold.elsewhere}
    assert sorted(row for fold in found.folds for row in fold.elsewhere) == list(range(60))


def test_images_that_are_groups_of_their_own_are_plainly_cross_validated() -> None:
    assert folds_elsewhere(drawn(60, groups=60), CHEST_XRAY, 2).how == "by 2-fold cross-validation"


def test_too_few_groups_for_every_class_in_every_fold_are_refused_in_words() -> None:
    with pytest.raises(EdgekitError, match="too few patients for 4 folds that each hold every class") as caught:
        folds_elsewhere(drawn(60, groups=3), CHEST_XRAY, 4)
    assert "search.folds=2" in caught.value.hint


def test_the_area_of_three_classes_is_the_mean_of_each_against_the_others() -> None:
    labels = np.array([0, 1, 2] * 4)
    sure = np.eye(3, dtype=np.float32)[labels] * 5
    assert area(sure, labels, THREE) == 1
    swapped = sure[:, [1, 0, 2]]  # it takes 0 for 1 and 1 for 0
    assert area(swapped, labels, THREE) == pytest.approx((0.25 + 0.25 + 1) / 3)


def test_images_are_shown_in_three_ways_and_each_is_scored() -> None:
    elsewhere, seen = drawn(40, groups=40), list[NDArray[np.uint8]]()

    def logits_of(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(images)
        bright = images.reshape(len(images), -1).mean(1) / 255  # the larger disc makes it brighter
        return np.stack([1 - bright, bright], 1).astype(np.float32)

    found = areas(logits_of, elsewhere, CHEST_XRAY)
    assert list(found) == list(SHOWN) == ["clean", "altered", "stretched"]
    assert np.array_equal(seen[0], elsewhere.images)
    assert not np.array_equal(seen[1], elsewhere.images)
    assert found["clean"] > 0.8


def test_a_student_is_scored_on_nothing_that_it_has_learnt_from() -> None:
    train = drawn(120, groups=120)
    one, other = folds_elsewhere(train, CHEST_XRAY, 2).folds
    blind = train.images.copy()
    blind[one.learned] = 0  # a student that learns from black images alone cannot tell classes
    views = AugmentRecipe(flip=0, noise_std=0)
    recipe = DistillRecipe(teacher=False, fit=FitRecipe(epochs=8, batch_size=16, learning_rate=1e-2), augment=views)
    spec, training = StudentSpec((16, 16, 1), 2, (6, 8), (1, 1)), Training(0, torch.device("cpu"))
    half_black = ImageSet(blind, train.labels, train.ids, train.groups)
    assert student_elsewhere(half_black, CHEST_XRAY, other, None, spec, recipe, training)["clean"] == 0.5
    assert student_elsewhere(train, CHEST_XRAY, other, None, spec, recipe, training)["clean"] > 0.8
