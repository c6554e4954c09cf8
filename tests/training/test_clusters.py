"""Clustered weights: at most 16 values in each convolution's int8 weights, whatever batch-norm is folded into them."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.recipes.recipe import DistillRecipe, FitRecipe, PruneRecipe
from edgekit.training.clusters import cluster, magnitudes_of, settled
from edgekit.training.fit import Training
from edgekit.training.nets import freeze_student, student_net
from edgekit.training.prune import prune
from edgekit.training.prune_channels import prune_channels
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student, StudentSpec
from small_student import discs

CPU = torch.device("cpu")
SPEC = StudentSpec((16, 16, 1), 2, (8, 16), (1, 2))  # convolutions of 72, 1,152 and 2,304 weights
FIT = DistillRecipe(fit=FitRecipe(batch_size=16))
CLUSTERED = ("conv2_1.weight", "conv2_2.weight")


def a_set(count: int, seed: int) -> ImageSet:
    images, labels = discs(count, 16, seed=seed)
    names = tuple(f"{seed}-{row}" for row in range(count))
    return ImageSet(images, labels, names, names)


TRAIN, VAL = a_set(48, 1), a_set(24, 2)


def a_student() -> Student:
    torch.manual_seed(0)
    net = student_net(SPEC)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.ndim == 1:
                value.copy_(torch.rand_like(value) + 0.5)
    return freeze_student(net, SPEC)


def as_int8(weights: np.ndarray, gains: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """As the converter makes them, after each output channel was multiplied by what a batch-norm multiplies it by."""
    folded = weights * gains.reshape(-1, 1, 1, 1).astype(np.float32)
    scales = np.abs(folded).max((1, 2, 3), keepdims=True) / 127
    whole: np.ndarray = np.round(folded / scales)  # type: ignore[type-arg]
    return whole


@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize("alphas", [(), (1.0,)])
def test_a_clustered_students_int8_weights_take_at_most_16_values_in_each_convolution(
    epochs: int, alphas: tuple[float, ...]
) -> None:
    recipe = PruneRecipe(
        alphas=alphas, tolerance=1.0, cluster=True, fine_tune_epochs=epochs, fine_tune_learning_rate=0.01
    )
    pruned, _ = prune(a_student(), TRAIN, VAL, None, recipe, FIT, Training(0, CPU))
    rng = np.random.default_rng(0)
    for name in CLUSTERED:
        weights = pruned.weights[name]
        whole = as_int8(weights, rng.normal(0, 3, len(weights)))
        assert 8 <= len(np.unique(whole[whole != 0])) <= 16
        assert (whole == 0).any() == bool(alphas)
    assert len(np.unique(as_int8(pruned.weights["conv1_1.weight"], np.ones(8)))) > 16  # too small to be worth it


def test_training_goes_through_clustered_weights_and_holds_zeros() -> None:
    recipe = PruneRecipe(alphas=(1.0,), tolerance=1.0, cluster=True)
    student = a_student()
    before, _ = prune(student, TRAIN, VAL, None, recipe, FIT, Training(0, CPU))
    trained = PruneRecipe(alphas=(1.0,), tolerance=1.0, cluster=True, fine_tune_epochs=3, fine_tune_learning_rate=0.01)
    after, _ = prune(student, TRAIN, VAL, None, trained, FIT, Training(0, CPU))
    for name in CLUSTERED:
        assert np.array_equal(before.weights[name] == 0, after.weights[name] == 0)
        assert not np.array_equal(before.weights[name], after.weights[name])


def test_the_gradient_of_clustered_weights_is_that_of_the_weights_themselves() -> None:
    net = cluster(nn.Sequential(nn.Conv2d(8, 8, 3, bias=False)))
    (own,) = net.parameters()
    seen = net[0].weight  # type: ignore[index]
    assert not torch.equal(own, seen)  # type: ignore[arg-type]
    seen.backward(weight := torch.rand(8, 8, 3, 3))  # type: ignore[operator]
    assert own.grad is not None
    assert torch.equal(own.grad, weight)
    clustered = settled(net)[0].weight  # type: ignore[index]
    assert torch.equal(clustered, seen)  # type: ignore[arg-type]


def test_magnitudes_are_those_that_the_weights_gather_around() -> None:
    rng = np.random.default_rng(1)
    around = np.array([12, 35, 44, 66, 82, 92, 115, 127])
    weights = rng.choice(around, (16, 64)) * rng.choice([-1, 1], (16, 64)) + rng.normal(0, 0.2, (16, 64))
    weights = weights / np.abs(weights).max(1, keepdims=True) * rng.uniform(0.1, 5, (16, 1))
    assert np.abs(magnitudes_of(weights.astype(np.float32)) - around).max() <= 1
    assert magnitudes_of(np.zeros((2, 8), np.float32)).tolist() == [127]


def test_channels_go_before_what_is_left_is_clustered_and_the_whole_student_is_clustered_too() -> None:
    recipe = PruneRecipe(method="batch_norm", fractions=(0.3,), tolerance=1.0, cluster=True)
    told: list[int] = []
    training = Training(0, CPU, on_epoch=lambda done, loss: told.append(done))
    narrow, curve = prune_channels(a_student(), TRAIN, VAL, None, recipe, FIT, training)
    assert curve[1, 1] > 0
    weights = narrow.weights["conv2_2.weight"]
    assert weights.size < a_student().weights["conv2_2.weight"].size
    assert len(np.unique(as_int8(weights, np.ones(len(weights))))) <= 16
    kept = PruneRecipe(method="batch_norm", fractions=(0.3,), cluster=True, fine_tune_epochs=1)
    prune_channels(a_student(), TRAIN, VAL, None, kept, FIT, training)
    assert told == [1, 2]
