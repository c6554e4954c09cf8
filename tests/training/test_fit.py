"""The training loop: it resumes to the very same weights, follows its schedule, averages, and weighs the classes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from edgekit.recipes.recipe import AugmentRecipe, FitRecipe
from edgekit.runtimes.torch import to_nchw
from edgekit.training import fit as room
from edgekit.training.augment import augment
from edgekit.training.fit import History, Training, class_weights, fit, optimise, predict
from small_student import discs, small_net

IMAGES, LABELS = discs(48, 16, seed=5)
CPU = torch.device("cpu")


class Killed(Exception):
    pass


def trained(
    recipe: FitRecipe, checkpoint: Path | None = None, kill_at: int = 0, history: History | None = None,
    on_warning: Callable[[str], None] = print, **options: Any,
) -> nn.Module:  # fmt: skip
    torch.manual_seed(7)
    net = nn.Sequential(small_net(16, (4, 8)), nn.Dropout(0.2))
    labels = torch.as_tensor(LABELS)

    def on_epoch(done: int, loss: float) -> None:
        assert np.isfinite(loss)
        if done == kill_at:
            raise Killed

    def loss_of(logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels[rows])

    return fit(
        net, IMAGES, loss_of, recipe, AugmentRecipe(blur=0.3, erase=0.3),
        Training(3, CPU, checkpoint, history, on_epoch, on_warning), **options,
    )  # fmt: skip


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "recipe",
    [
        FitRecipe(epochs=5, batch_size=16, ema_decay=0.9),
        FitRecipe(epochs=5, batch_size=16, optimizer="adam", schedule="step", weight_decay=1e-4),
    ],
)
def test_a_run_that_is_killed_twice_gives_exactly_the_weights_of_one_that_was_not(
    recipe: FitRecipe, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint"
    for epoch in (2, 4):
        with pytest.raises(Killed):
            trained(recipe, checkpoint, kill_at=epoch)
        assert checkpoint.exists()
    resumed = trained(recipe, checkpoint)
    assert same(resumed, trained(recipe))
    assert not same(resumed, trained(dataclasses.replace(recipe, epochs=4)))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("damage", ["a flipped bit in the weights", "cut short", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_training_begins_again(damage: str, tmp_path: Path) -> None:
    recipe, checkpoint, told = FitRecipe(epochs=3, batch_size=16), tmp_path / "checkpoint", list[str]()
    with pytest.raises(Killed):
        trained(recipe, checkpoint, kill_at=2)
    content = bytearray(checkpoint.read_bytes())
    if damage.startswith("a flipped"):
        content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content[: {"cut short": len(content) // 2, "empty": 0}.get(damage)])
    resumed = trained(recipe, checkpoint, on_warning=told.append)
    assert told == [f"{checkpoint} is damaged; the work that it kept is done again."]
    assert same(resumed, trained(recipe))


def test_the_average_follows_the_first_steps_at_once_and_forgets_more_slowly_from_step_to_step() -> None:
    net, weights = nn.Linear(1, 2), []
    before = net.weight.detach().clone()
    recipe = FitRecipe(epochs=4, batch_size=24, ema_decay=0.3, learning_rate=0.1)
    averaged = optimise(
        net, 48, lambda rows, generator: torch.ones(len(rows), 1), lambda logits, rows: logits[:, 0].square().mean(),
        recipe, Training(0, CPU), lambda trained: weights.append(trained.weight.detach().clone()),
    )  # fmt: skip
    expected = before
    for step, weight in enumerate(weights):
        decay = min(0.3, (1 + step) / (10 + step))  # 0.1, 0.18, 0.25, then 0.3
        expected = decay * expected + (1 - decay) * weight
    assert len(weights) == 8
    assert torch.allclose(averaged.weight, expected)
    assert not torch.allclose(averaged.weight, weights[-1])


def test_averaging_keeps_another_network_than_the_last_and_zero_switches_it_off() -> None:
    last = trained(FitRecipe(epochs=3, batch_size=16, ema_decay=0))
    averaged = trained(FitRecipe(epochs=3, batch_size=16, ema_decay=0.99))
    assert not same(last, averaged)
    assert not averaged.training
    at_once = nn.Linear(2, 2)
    kept, new = nn.Linear(2, 2), at_once
    before = kept.weight.detach().clone()
    room._blend(kept, new, 0.75)
    assert torch.allclose(kept.weight, 0.75 * before + 0.25 * new.weight)


def test_the_papers_schedule_halves_the_rate_every_three_epochs() -> None:
    recipe = FitRecipe(schedule="step", learning_rate=1e-3)
    rates = [room._learning_rate(recipe, epoch + share) for epoch in range(10) for share in (0, 0.5, 0.999)]
    assert rates == [1e-3 * 0.5 ** (epoch // 3) for epoch in range(10) for _ in range(3)]


def test_the_cosine_schedule_warms_up_and_ends_at_nothing() -> None:
    recipe = FitRecipe(epochs=11, warmup_epochs=1, learning_rate=1.0)
    assert room._learning_rate(recipe, 0) == pytest.approx(0.01)
    assert room._learning_rate(recipe, 0.5) == pytest.approx(0.5)
    assert room._learning_rate(recipe, 1) == 1
    assert room._learning_rate(recipe, 6) == pytest.approx(0.5)
    assert room._learning_rate(recipe, 11) == pytest.approx(0)


def test_adam_adds_l2_to_the_gradient_and_adamw_decays_kernels_alone() -> None:
    """With a loss of no gradient, only the decay moves the weights."""

    def moved(optimizer: str) -> dict[str, bool]:
        torch.manual_seed(0)
        net = small_net(16, (4,))
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        recipe = FitRecipe(epochs=1, batch_size=16, optimizer=optimizer, weight_decay=0.1, learning_rate=0.1)
        fit(net, IMAGES, lambda logits, rows: logits.sum() * 0, recipe, AugmentRecipe(), Training(0, CPU))
        return {name: not torch.equal(p, before[name]) for name, p in net.named_parameters()}

    kernels = {name: p.ndim > 1 for name, p in small_net(16, (4,)).named_parameters()}
    assert moved("adamw") == kernels
    adam = moved("adam")
    assert all(adam[name] for name, kernel in kernels.items() if kernel)
    assert adam["1.weight"]  # the BatchNorm's scale, which starts at 1


def test_after_each_step_a_mask_may_be_held() -> None:
    seen = []
    trained(FitRecipe(epochs=2, batch_size=16), after_step=lambda net: seen.append(net.training))
    assert seen == [True] * 6  # 48 images in batches of 16, twice


def test_mirrored_predictions_are_the_mean_of_both_mirror_images() -> None:
    torch.manual_seed(0)
    net = small_net(16, (4,))
    plain, mirror = predict(net, IMAGES, CPU), predict(net, np.ascontiguousarray(IMAGES[:, :, ::-1]), CPU)
    assert np.allclose(predict(net, IMAGES, CPU, mirrored=True), (plain + mirror) / 2, atol=1e-6)
    assert np.allclose(predict(net, IMAGES, CPU, batch=7), plain, atol=1e-6)
    assert predict(net, IMAGES[:0], CPU).shape == (0, 2)


def test_class_weights_make_both_classes_count_equally() -> None:
    labels = np.array([0, 1, 1, 1])
    weights = class_weights(labels, True).numpy()
    assert weights[labels].sum() == pytest.approx(4)
    assert weights[0] * 1 == pytest.approx(weights[1] * 3)
    assert class_weights(labels, False).tolist() == [1, 1]


def test_what_is_called_beside_a_batch_can_draw_the_very_views_that_the_network_is_given() -> None:
    drawn, given = [], []
    net = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16, 2))
    net.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0].clone()))
    pixels, views = to_nchw(IMAGES), AugmentRecipe(blur=0.3, erase=0.3)

    def observed(rows: torch.Tensor, recipe: AugmentRecipe, generator: torch.Generator) -> None:
        drawn.append(augment(pixels[rows], recipe, generator.clone_state()))

    fit(
        net, IMAGES, lambda logits, rows: logits.square().mean(), FitRecipe(epochs=2, batch_size=16), views,
        Training(3, CPU), before_batch=observed,
    )  # fmt: skip
    assert len(given) == 6
    assert all(torch.equal(one, other) for one, other in zip(drawn, given, strict=True))
