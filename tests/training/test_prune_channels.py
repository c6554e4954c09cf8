"""Whole channels: scored as the papers say, trained on, chosen on validation."""

from typing import Literal, get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgekit.recipes.recipe import DistillRecipe, FitRecipe, PruneRecipe
from edgekit.training.channels import channels_of, kept_channels, narrowed, parameters_of
from edgekit.training.distill import distill
from edgekit.training.fit import Training
from edgekit.training.nets import freeze_student, student_net, thaw_student
from edgekit.training.prune_channels import channel_scores, prune_channels
from edgekit.values.images import ImageSet
from edgekit.values.networks import Kind, Student, StudentSpec
from small_student import discs

CPU = torch.device("cpu")
FIT = DistillRecipe(fit=FitRecipe(batch_size=16))


def a_set(count: int, seed: int) -> ImageSet:
    images, labels = discs(count, 16, seed=seed)
    names = tuple(f"{seed}-{row}" for row in range(count))
    return ImageSet(images, labels, names, names)


TRAIN, VAL = a_set(48, 1), a_set(24, 2)


def a_student(kind: Kind = "vgg") -> Student:
    spec = StudentSpec((16, 16, 1), 2, (8, 8), (1, 1), kind)
    torch.manual_seed(0)
    net = student_net(spec)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.ndim == 1:
                value.copy_(torch.rand_like(value) + 0.5)
    return freeze_student(net, spec)


def test_batch_norm_scores_a_channel_by_its_scale_and_those_of_a_shortcut_by_their_mean() -> None:
    student = a_student("residual")
    scores = channel_scores(student, TRAIN, PruneRecipe(method="batch_norm"), CPU)
    block = "block1_1"
    scales = [student.weights[f"{block}.{part}.weight"] for part in ("body.norm1_1_b", "shortcut.norm1_1_short")]
    assert scores["1_1_b"] == pytest.approx((np.abs(scales[0]) + np.abs(scales[1])) / 2)
    assert scores["stem"] == pytest.approx(np.abs(student.weights["normstem.weight"]))


def test_taylor_scores_a_channel_by_what_the_loss_would_change_by_without_it() -> None:
    student = a_student()
    scores = channel_scores(student, TRAIN, PruneRecipe(method="taylor"), CPU)["2_1"]
    net, step = thaw_student(student).double(), 1e-6
    pixels = torch.as_tensor(TRAIN.images).permute(0, 3, 1, 2).double() / 255

    def loss() -> float:
        with torch.no_grad():
            return float(functional.cross_entropy(net(pixels), torch.as_tensor(TRAIN.labels)))

    norm, whole = net.norm2_1, loss()
    for channel, score in enumerate(scores):  # 48 images are one batch
        kept = norm.weight.data[channel].item(), norm.bias.data[channel].item()
        norm.weight.data[channel], norm.bias.data[channel] = (value * (1 - step) for value in kept)
        assert score == pytest.approx(((whole - loss()) / step) ** 2, rel=2e-2, abs=1e-9)
        norm.weight.data[channel], norm.bias.data[channel] = kept


@pytest.mark.parametrize("method", ["batch_norm", "taylor"])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_fraction_is_tried_and_what_takes_most_without_losing_on_validation_is_kept(
    method: Literal["batch_norm", "taylor"], kind: Kind
) -> None:
    student = a_student(kind)
    recipe = PruneRecipe(method=method, fractions=(0.2, 0.3), tolerance=1.0)
    pruned, curve = prune_channels(student, TRAIN, VAL, None, recipe, FIT, Training(0, CPU))
    assert curve[:, 0].tolist() == [0, 0.2, 0.3]
    expected = narrowed(student, kept_channels(channel_scores(student, TRAIN, recipe, CPU), 0.3))
    assert pruned.spec == expected.spec
    assert all(np.array_equal(pruned.weights[name], expected.weights[name]) for name in expected.weights)
    assert curve[2, 1] == pytest.approx(1 - parameters_of(pruned) / parameters_of(student))
    assert channels_of(pruned.spec) <= 0.7 * channels_of(student.spec)


def test_none_goes_where_that_costs_accuracy() -> None:
    settings = DistillRecipe(fit=FitRecipe(batch_size=16, epochs=30, learning_rate=0.02))
    student = distill(TRAIN, None, a_student().spec, settings, Training(0, CPU))
    pruned, curve = prune_channels(
        student, TRAIN, VAL, None, PruneRecipe(method="batch_norm", fractions=(0.5,)), settings, Training(0, CPU)
    )
    assert curve[0, 2] > curve[1, 2]
    assert pruned.spec == student.spec


def test_what_is_left_trains_on() -> None:
    student = a_student()
    recipe = PruneRecipe(
        method="batch_norm", fractions=(0.5,), tolerance=1.0, fine_tune_epochs=2, fine_tune_learning_rate=0.01
    )
    told: list[int] = []
    training = Training(0, CPU, on_epoch=lambda done, loss: told.append(done))
    pruned, _ = prune_channels(student, TRAIN, VAL, None, recipe, FIT, training)
    cut = narrowed(student, kept_channels(channel_scores(student, TRAIN, recipe, CPU), 0.5))
    assert pruned.spec == cut.spec
    assert not np.array_equal(pruned.weights["conv1_1.weight"], cut.weights["conv1_1.weight"])
    assert told == [1, 2]
