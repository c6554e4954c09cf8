"""One training loop for teachers and students.

In: a network, uint8 images on the accelerator, a loss over rows. Out: the network, trained. It reads top to bottom,
and the same seed gives the same network whether it ran at one go or was killed and resumed.
"""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.build.augment import augment
from edgekit.build.nets import to_numpy
from edgekit.files import atomic_path
from edgekit.recipes import AugmentRecipe, FitRecipe

LossOf = Callable[[Tensor, Tensor], Tensor]  # (logits [B, 2], rows [B]) -> scalar
OnEpoch = Callable[[int, float], None]  # (epochs done, mean training loss)


def fit(
    net: nn.Module,
    images: NDArray[np.uint8],
    loss_of: LossOf,
    recipe: FitRecipe,
    views: AugmentRecipe,
    *,
    seed: int,
    accelerator: torch.device,
    checkpoint: Path | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    on_epoch: OnEpoch = lambda epoch, loss: None,
) -> nn.Module:
    """Trains `net` in place and returns it, or its averaged copy where the recipe averages, in evaluation mode.

    Args:
        images: uint8 [N, H, W].
        loss_of: from logits [B, 2] and the images' rows [B] to a scalar, both on the accelerator.
        checkpoint: written after each epoch, so that a kill costs one epoch at most; read if it exists.
        after_step: called after every optimiser step, e.g. to hold a pruning mask.
    """
    net = net.to(accelerator, memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster
    pixels = torch.as_tensor(images).unsqueeze(1).to(accelerator)  # (N, 1, H, W)
    trained = [p for p in net.parameters() if p.requires_grad]
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(trained, 1.0, weight_decay=recipe.weight_decay)
    else:  # decay the kernels only: scales and biases have no reason to be small
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, 1.0)
    average = copy.deepcopy(net) if recipe.ema_decay else None
    steps = max(1, len(pixels) // recipe.batch_size)  # the last, short batch would unsettle BatchNorm
    first = 0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, map_location=accelerator, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        if average is not None:
            average.load_state_dict(state["average"])
        first = state["epochs"]
    for epoch in range(first, recipe.epochs):
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)  # an epoch's draws depend on nothing before
        torch.manual_seed(seed * 100_003 + epoch)  # dropout
        order = torch.randperm(len(pixels), generator=generator)
        net.train()
        total = torch.zeros((), device=accelerator)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(recipe, epoch + step / steps)
            rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size].to(accelerator)
            x = augment(pixels[rows], views, generator).contiguous(memory_format=torch.channels_last)  # (B, 1, H, W)
            loss = loss_of(net(x), rows)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if after_step is not None:
                after_step(net)
            if average is not None:
                _blend(average, net, min(recipe.ema_decay, (1 + epoch * steps + step) / (10 + epoch * steps + step)))
            total += loss.detach()
        on_epoch(epoch + 1, float(total) / steps)
        if checkpoint is not None:
            state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epoch + 1}
            if average is not None:
                state["average"] = average.state_dict()
            # into a stream: given a path, torch reports a full disk as a RuntimeError
            with atomic_path(checkpoint) as temporary, temporary.open("wb") as stream:
                torch.save(state, stream)
    return (net if average is None else average).eval()


@torch.inference_mode()
def predict(
    net: nn.Module, images: NDArray[np.uint8], accelerator: torch.device, *, mirrored: bool = False, batch: int = 256
) -> NDArray[np.float32]:
    """Logits float32 [N, 2] of uint8 images [N, H, W]; `mirrored` averages over the mirror image too."""
    net = net.to(accelerator).eval()
    parts = []
    for begin in range(0, len(images), batch):
        x = torch.as_tensor(images[begin : begin + batch]).unsqueeze(1).to(accelerator).float().div_(255)
        logits = net(x)
        parts.append(to_numpy((logits + net(x.flip(3))) / 2 if mirrored else logits))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)


def class_weights(labels: NDArray[np.int64], balanced: bool) -> Tensor:
    """[2]: ones, or weights that make both classes count equally."""
    counts = np.bincount(labels, minlength=2)
    return torch.tensor(len(labels) / (2 * counts) if balanced else np.ones(2), dtype=torch.float32)


def _learning_rate(recipe: FitRecipe, epoch: float) -> float:
    if recipe.schedule == "step":
        return recipe.learning_rate * recipe.step_factor ** (int(epoch) // recipe.step_epochs)
    if epoch < recipe.warmup_epochs:
        return recipe.learning_rate * max(epoch, 0.01) / recipe.warmup_epochs
    done = (epoch - recipe.warmup_epochs) / max(1e-9, recipe.epochs - recipe.warmup_epochs)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def _blend(average: nn.Module, net: nn.Module, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
