"""Folds by patient, and soft targets of members that never saw the patient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.recipes.recipe import FitRecipe, TeachRecipe
from edgekit.training import teach
from edgekit.training.ensemble import combine, folds_of, soft_targets
from edgekit.training.fit import Training, predict
from edgekit.values.images import ImageSet
from edgekit.values.task import CHEST_XRAY

MEMBERS = 3


def hospital(seed: int, patients: int = 30) -> ImageSet:
    """Patients with one to four images each; the first pixel of an image is the number of its patient."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    images = np.zeros((len(owners), 32, 32, 1), np.uint8)
    images[:, 0, 0, 0] = owners
    names = tuple(f"person{owner}" for owner in owners)
    return ImageSet(images, (owners % 3 > 0).astype(np.int64), tuple(f"i{i}" for i in range(len(owners))), names)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 7))
def test_folds_keep_patients_whole_and_spread_both_classes(seed: int, count: int) -> None:
    train = hospital(seed)
    folds = folds_of(train.labels, train.groups, count)
    assert set(folds) == set(range(count))
    homes = {(patient, fold) for patient, fold in zip(train.groups, folds, strict=True)}
    assert len(homes) == len(set(train.groups))
    for label in (0, 1):
        sizes = [len({p for p, y, f in zip(train.groups, train.labels, folds, strict=True) if (y, f) == (label, k)})
                 for k in range(count)]  # fmt: skip
        assert max(sizes) - min(sizes) <= 1


def test_folds_do_not_depend_on_the_order_of_the_images() -> None:
    train = hospital(0)
    turned = train.take(np.arange(len(train))[::-1].astype(np.int64))
    folds = dict(zip(train.ids, folds_of(train.labels, train.groups, 4), strict=True))
    assert folds == dict(zip(turned.ids, folds_of(turned.labels, turned.groups, 4), strict=True))


def test_a_soft_target_never_comes_from_a_member_that_saw_the_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member's logits carry its number, and the real training says whom it was given."""
    train = hospital(1)
    recipe = TeachRecipe(networks=("resnet_tiny",) * MEMBERS, input_size=32, fit=FitRecipe(epochs=1, batch_size=16))
    saw: list[set[int]] = []

    def watched(net: object, images: NDArray[np.uint8], *arguments: object, **options: object) -> object:
        saw.append(set(images[:, 0, 0, 0].tolist()))
        return real_fit(net, images, *arguments, **options)  # type: ignore[arg-type]

    real_fit = teach.fit
    monkeypatch.setattr(teach, "fit", watched)
    for member in range(MEMBERS):
        teach.train_member(train, CHEST_XRAY, recipe, member, Training(0, torch.device("cpu")))
    logits = np.stack([np.full((len(train), 2), member, np.float32) for member in range(MEMBERS)])
    targets = soft_targets(logits, train, recipe)
    everyone = set(train.images[:, 0, 0, 0].tolist())
    assert set.union(*saw) == everyone
    assert all(seen < everyone for seen in saw)
    for image, target in zip(train.images, targets, strict=True):
        assert image[0, 0, 0] not in saw[int(target[0])]


def test_without_cross_fit_every_member_sees_all_and_all_speak() -> None:
    train = hospital(2)
    logits = np.random.default_rng(0).normal(size=(MEMBERS, len(train), 2)).astype(np.float32)
    recipe = TeachRecipe(networks=("resnet_tiny",) * MEMBERS, cross_fit=False)
    assert np.array_equal(soft_targets(logits, train, recipe), logits.mean(0))


def test_the_mean_is_of_logits_and_the_vote_of_answers() -> None:
    logits = np.array([[[0, 1], [2, 0]], [[0, 1], [0, 1]], [[9, 0], [1, 0]]], np.float32)  # (M=3, N=2, 2)
    assert combine(logits, "mean").tolist() == [[3, pytest.approx(2 / 3)], [1, pytest.approx(1 / 3)]]
    voted = combine(logits, "vote")
    assert np.exp(voted) == pytest.approx(np.array([[2 / 5, 3 / 5], [3 / 5, 2 / 5]]))  # (votes + 1) / (members + 2)
    assert voted.dtype == np.float32
    unanimous = combine(np.array([[[0, 9]]] * 5, np.float32), "vote")
    assert np.isfinite(unanimous).all()


def test_a_members_logits_are_the_mean_of_an_image_and_its_mirror_image_where_it_learned_from_both() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8 * 8, 2), torch.nn.Tanh())  # tells left from right
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    cpu = torch.device("cpu")
    seen, mirrored = predict(net, images, cpu), predict(net, images[:, :, ::-1].copy(), cpu)
    assert np.abs(seen - mirrored).max() > 0.1
    recipe = TeachRecipe()
    assert teach.member_logits(net, images, recipe, cpu) == pytest.approx((seen + mirrored) / 2, abs=1e-6)
    unmirrored = replace(recipe, augment=replace(recipe.augment, flip=0.0))
    assert np.array_equal(teach.member_logits(net, images, unmirrored, cpu), seen)
