"""A small trained student and its conversion, for the tests of this folder and the vectors."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgekit.conversion.convert import Converted, convert
from edgekit.recipes.recipe import ConvertRecipe


@dataclass(frozen=True)
class SmallStudent:
    module: nn.Module
    images: NDArray[np.uint8]  # [N, 32, 32, 1]
    converted: Converted


def discs(count: int, size: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Grey images with one disc: small ones are class 0, large ones class 1. No pixel is 0 or 255."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    rows, columns = np.mgrid[:size, :size] / size
    images = np.empty((count, size, size), np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.uniform(0.35, 0.65, 2)
        radius = rng.uniform(0.08, 0.2) + 0.12 * label
        disc = np.hypot(rows - y, columns - x) < radius
        image[:] = np.clip(60 + 120 * disc + rng.normal(0, 8, disc.shape), 20, 230)
    return images[..., np.newaxis], labels


def small_net(size: int, channels: tuple[int, ...]) -> nn.Sequential:
    """The student's shape: conv 3x3, batch-norm, relu, max-pool a stage; then mean and linear."""
    layers: list[nn.Module] = []
    entering = 1
    for leaving in channels:
        layers += [nn.Conv2d(entering, leaving, 3, padding=1), nn.BatchNorm2d(leaving), nn.ReLU(), nn.MaxPool2d(2)]
        entering = leaving
    return nn.Sequential(*layers, nn.AvgPool2d(size // 2 ** len(channels)), nn.Flatten(), nn.Linear(entering, 2))


def trained_net(size: int, channels: tuple[int, ...], zeroed: float = 0.3) -> nn.Module:
    """Trained for a few seconds on `discs`, then pruned: the smallest `zeroed` of each convolution's weights are 0."""
    torch.manual_seed(0)
    net = small_net(size, channels)
    images, labels = discs(256, size, seed=1)
    x, y = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255)), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(120):
        rows = slice(step % 4 * 64, step % 4 * 64 + 64)
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Conv2d):
                layer.weight[layer.weight.abs() < layer.weight.abs().quantile(zeroed)] = 0
        for _ in range(20):
            net(x)  # the batch-norms get used to the pruned network
    return net.eval()


def small_student() -> SmallStudent:
    module = trained_net(32, (8, 16))
    calibration, _ = discs(32, 32, seed=2)
    images, _ = discs(64, 32, seed=3)
    return SmallStudent(module, images, convert(module, (32, 32, 1), calibration, ConvertRecipe(), images))
