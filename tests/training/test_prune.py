"""Pruning by std/alpha: exact, by layer, chosen on validation, and held."""

import numpy as np
import pytest
import torch

from edgekit.recipes.recipe import DistillRecipe, FitRecipe, PruneRecipe
from edgekit.training.fit import Training
from edgekit.training.magnitude import prune_weights, zeroed_share
from edgekit.training.nets import freeze_student, student_net, teacher_net
from edgekit.training.prune import prune
from edgekit.training.prune_network import balanced_accuracy, prune_network, sweep
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student, StudentSpec
from edgekit.values.task import CHEST_XRAY
from small_student import discs

CPU = torch.device("cpu")
SPEC = StudentSpec((16, 16, 1), 2, (4, 8), (1, 1))
RNG = np.random.default_rng(0)


def a_set(count: int, seed: int) -> ImageSet:
    images, labels = discs(count, 16, seed=seed)
    names = tuple(f"{seed}-{row}" for row in range(count))
    return ImageSet(images, labels, names, names)


TRAIN, VAL = a_set(48, 1), a_set(24, 2)


def a_student(seed: int = 0) -> Student:
    torch.manual_seed(seed)
    return freeze_student(student_net(SPEC), SPEC)


@pytest.mark.parametrize("alpha", [0.5, 1, 4])
def test_exactly_the_weights_under_std_over_alpha_go_layer_by_layer(alpha: float) -> None:
    weights = {
        "wide.weight": RNG.normal(0, 5, (8, 4, 3, 3)).astype(np.float32),
        "narrow.weight": RNG.normal(0, 0.01, (8, 8, 3, 3)).astype(np.float32),
        "head.bias": np.array([1e-9, 2.0], np.float32),
        "norm.running_mean": np.zeros(4, np.float32),
    }
    pruned = prune_weights(weights, alpha)
    for name in ("wide.weight", "narrow.weight"):
        gone = np.abs(weights[name]) < weights[name].std() / alpha
        assert 0.05 < gone.mean() < 0.97
        assert np.array_equal(pruned[name] == 0, gone)
        assert np.array_equal(pruned[name][~gone], weights[name][~gone])
    for name in ("head.bias", "norm.running_mean"):
        assert np.array_equal(pruned[name], weights[name])
    assert zeroed_share(pruned) == pytest.approx(
        np.mean(np.concatenate([(pruned[n] == 0).ravel() for n in ("wide.weight", "narrow.weight")]))
    )


@pytest.mark.parametrize(
    ("scores", "tolerance", "kept"),
    [
        ((0.9, 0.9, 0.9, 0.8), 0.0, 2.0),  # 2 zeroes most among the best; 1 costs accuracy
        ((0.9, 0.9, 0.9, 0.8), 0.1, 1.0),
        ((0.9, 0.8, 0.7, 0.6), 0.0, np.inf),  # not pruning at all is best
        ((0.9, 0.95, 0.7, 0.6), 0.01, 4.0),
    ],
)
def test_the_sweep_keeps_the_alpha_that_zeroes_most_without_losing_accuracy(
    scores: tuple[float, ...], tolerance: float, kept: float
) -> None:
    weights = {"w": RNG.normal(size=(20, 20)).astype(np.float32)}
    answers = iter(scores)  # of alpha = infinity, 4, 2 and 1, which zeroes most
    chosen, curve = sweep(weights, PruneRecipe(alphas=(4.0, 2.0, 1.0), tolerance=tolerance), lambda _: next(answers))
    expected = weights if kept == np.inf else prune_weights(weights, kept)
    assert np.array_equal(chosen["w"], expected["w"])
    assert curve[:, 0].tolist() == [np.inf, 4, 2, 1]
    assert (np.diff(curve[:, 1]) >= 0).all()
    assert curve[:, 2].tolist() == list(scores)


def test_the_choice_follows_validation_and_training_labels_have_no_part_in_it() -> None:
    student = a_student()
    recipe = PruneRecipe(alphas=(0.5, 1.0, 2.0, 4.0))

    def pruned(train: ImageSet, val: ImageSet) -> Student:
        return prune(student, train, val, None, recipe, DistillRecipe(), Training(0, CPU))[0]

    turned = ImageSet(TRAIN.images, 1 - TRAIN.labels, TRAIN.ids, TRAIN.groups)
    one, other = pruned(TRAIN, VAL), pruned(turned, VAL)
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)
    _, curve = prune(student, TRAIN, VAL, None, recipe, DistillRecipe(), Training(0, CPU))
    assert ((curve[:, 2] >= 0) & (curve[:, 2] <= 1)).all()


def test_zeros_are_held_while_the_rest_trains_on() -> None:
    student = a_student(1)
    recipe = PruneRecipe(alphas=(1.0,), tolerance=0.5, fine_tune_epochs=3, fine_tune_learning_rate=0.01)
    settings = DistillRecipe(fit=FitRecipe(batch_size=16, ema_decay=0.9))
    pruned, _ = prune(student, TRAIN, VAL, None, recipe, settings, Training(0, CPU))
    masked = prune_weights(student.weights, 1.0)
    for name, value in masked.items():
        if value.ndim > 1:
            assert (pruned.weights[name][value == 0] == 0).all()
            assert not np.array_equal(pruned.weights[name], value)
    assert zeroed_share(pruned.weights) == pytest.approx(zeroed_share(masked))
    assert zeroed_share(masked) > 0.3


def test_no_alphas_prune_nothing() -> None:
    student = a_student()
    pruned, curve = prune(
        student, TRAIN, VAL, None, PruneRecipe(alphas=(), fine_tune_epochs=2), DistillRecipe(), Training(0, CPU)
    )
    assert curve.shape == (1, 3)
    assert all(np.array_equal(pruned.weights[name], student.weights[name]) for name in student.weights)


def test_a_teacher_is_pruned_in_place_to_the_alpha_that_was_chosen() -> None:
    torch.manual_seed(0)
    net = teacher_net("resnet_tiny", CHEST_XRAY, "none", "fine-tuned", None)
    before = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    images = VAL.images.repeat(2, 1).repeat(2, 2)  # 32 pixels
    curve = prune_network(net, images, VAL.labels, PruneRecipe(alphas=(2.0, 1.0), tolerance=0.5), CPU)
    expected = prune_weights(before, 1.0)
    assert all(np.array_equal(p.detach().numpy(), expected[name]) for name, p in net.named_parameters())
    assert curve[-1, 1] == pytest.approx(zeroed_share(expected))


def test_balanced_accuracy_is_the_mean_of_all_recalls_where_the_greatest_logit_decides() -> None:
    margins = np.array([-1, 1, 2, 3, -4, 0], np.float32)
    labels = np.array([0, 0, 1, 1, 1, 1])
    logits = np.stack([np.zeros(6, np.float32), margins], 1)
    assert balanced_accuracy(logits, labels) == pytest.approx((1 / 2 + 2 / 4) / 2)
    three = np.eye(3, dtype=np.float32)[[0, 1, 1, 2, 0, 0]]
    assert balanced_accuracy(three, np.array([0, 0, 1, 2, 2, 2])) == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
