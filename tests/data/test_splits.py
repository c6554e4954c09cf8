"""Splits by patient, over made-up catalogues."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.data.catalogue import Catalogue
from edgekit.data.splits import split
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task


def make(patients, labels, digests=None, splits=None, task=CHEST_XRAY):
    count = len(patients)
    return Catalogue(
        info=DataInfo("made", "0" * 64, False, task),
        ids=tuple(f"train/{i:04d}.png" for i in range(count)),
        labels=np.array(labels, np.int64),
        splits=tuple(splits or ["train"] * count),
        groups=tuple(patients),
        digests=tuple(digests or [""] * count),
        open_images=lambda: pytest.fail,
    )


DEFAULT = DataRecipe()


def run(catalogue, recipe=DEFAULT, readable=None):
    images = np.arange(len(catalogue), dtype=np.uint8).reshape(-1, 1, 1, 1)
    rows = np.arange(len(catalogue)) if readable is None else np.array(readable)
    return split(catalogue, images, rows, recipe)


@settings(max_examples=60, deadline=None)
@given(
    people=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 6)), min_size=30, max_size=60),
    twins=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_no_patient_and_no_equal_image_stands_on_both_sides(people, twins, seed):
    people = [*people, *[(label, 1) for label in (0, 1) for _ in range(4)]]
    patients = [f"p{n}" for n, (_, count) in enumerate(people) for _ in range(count)]
    labels = [label for label, count in people for _ in range(count)]
    digests = [f"d{i % (len(labels) - twins)}" for i in range(len(labels))]  # the last ones repeat the first ones
    parts = run(make(patients, labels, digests), DataRecipe(split_seed=seed))
    sides = [parts.train, parts.val, parts.test]
    assert sorted(name for side in sides for name in side.ids) == [f"train/{i:04d}.png" for i in range(len(labels))]
    for i, one in enumerate(sides):
        for other in sides[i + 1 :]:
            assert not set(one.groups) & set(other.groups)
            assert not {digests[row] for row in one.images.ravel()} & {digests[row] for row in other.images.ravel()}
        assert set(one.labels) == {0, 1}
    assert set(parts.calibration.ids) <= set(parts.train.ids)


def test_validation_has_the_size_and_the_balance_that_were_asked_for():
    patients = [f"p{i // 2}" for i in range(1000)]
    labels = [int(i >= 300) for i in range(1000)]
    parts = run(make(patients, labels), DataRecipe(val_fraction=0.15, test_fraction=0.2))
    assert (len(parts.test), int(parts.test.labels.sum())) == (200, 140)
    assert (len(parts.val), int(parts.val.labels.sum())) == (120, 84)


def test_the_seed_decides_alone_and_an_added_patient_moves_no_other():
    patients = [f"p{i}" for i in range(200)]
    labels = [i % 2 for i in range(200)]
    first, again = run(make(patients, labels)), run(make(patients, labels))
    other = run(make(patients, labels), DataRecipe(split_seed=1))
    assert first.val.ids == again.val.ids != other.val.ids
    grown = run(make([*patients, "new", "new2"], [*labels, 0, 1]))
    assert len(set(first.test.ids) - set(grown.test.ids)) <= 2


def test_a_sources_own_validation_and_test_are_kept():
    splits = ["train"] * 20 + ["val"] * 4 + ["test"] * 6
    parts = run(make([f"p{i}" for i in range(30)], [i % 2 for i in range(30)], splits=splits))
    assert (len(parts.train), len(parts.val), len(parts.test)) == (20, 4, 6)
    assert parts.info.notes == ()


@pytest.mark.parametrize(("wanted", "positives"), [(8, 6), (100, 75), (5000, 750)])
def test_calibration_is_a_sample_of_train_in_its_own_proportion(wanted, positives):
    splits = ["train"] * 1000 + ["val", "val", "test", "test"]
    labels = [int(i % 4 != 0) for i in range(1000)] + [0, 1, 0, 1]
    parts = run(make([f"p{i}" for i in range(1004)], labels, splits=splits), DataRecipe(calibration_images=wanted))
    assert len(parts.calibration) == min(wanted, 1000)
    assert parts.calibration.labels.sum() == positives


def test_a_class_of_one_patient_cannot_be_split_and_that_is_said():
    patients = ["only"] * 10 + [f"p{i}" for i in range(10)]
    labels = [0] * 10 + [1] * 10
    with pytest.raises(EdgekitError, match="made has 1 patients of class NORMAL"):
        run(make(patients, labels))


def test_a_class_whose_images_of_a_split_are_all_unreadable_is_named():
    splits = ["train"] * 20 + ["test"] * 4
    catalogue = make([f"p{i}" for i in range(24)], [i % 2 for i in range(24)], splits=splits)
    with pytest.raises(EdgekitError, match="The test set of made has no readable image of class PNEUMONIA"):
        run(catalogue, readable=[*range(20), 20, 22])


def test_a_calibration_smaller_than_the_number_of_classes_has_an_image_of_as_many_as_it_can() -> None:
    splits = ["train"] * 120 + ["val"] * 12 + ["test"] * 12
    labels = [row % 12 for row in range(144)]
    made = make([f"p{row}" for row in range(144)], labels, splits=splits, task=Task(tuple("abcdefghijkl")))
    calibration = run(made, DataRecipe(calibration_images=8)).calibration
    assert len(calibration) == len(set(calibration.labels.tolist())) == 8


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=6, max_size=20),
    seed=st.integers(0, 1000),
)
def test_groups_with_images_of_every_class_are_split_whole_too(days, seed):
    days = [[0, 1, 2], [0, 1, 2], [0, 0, 1, 2], [1, 0, 2], *days, [2, 1, 0]]  # a day's pictures, whatever they show
    groups = [f"day {n}" for n, labels in enumerate(days) for _ in labels]
    labels = [label for labels in days for label in labels]
    parts = run(make(groups, labels, task=Task(("a", "b", "c"))), DataRecipe(split_seed=seed))
    sides = [parts.train, parts.val, parts.test]
    assert sorted(len(side.ids) for side in sides)[-1] == len(parts.train.ids)
    assert sum(len(side.ids) for side in sides) == len(labels)
    for side in sides:
        assert set(side.labels) == {0, 1, 2}
        assert not set(side.groups) & {group for other in sides if other is not side for group in other.groups}


def test_a_class_in_one_group_of_several_classes_is_named_with_the_groups_that_hold_it():
    mixed = make(["x", "x", "y", "y", "z", "z"], [0, 1, 0, 2, 0, 2], task=Task(("a", "b", "c")))
    with pytest.raises(EdgekitError, match="has 1 groups of class b for training"):
        run(mixed)
