"""Quantization-aware training: the int8 network trained as such, to give the logits of the float one.

In: the int8 .tflite and the float one that it was made with, the float network, the training images. Out: the int8
file with other weights, biases and scales. The loss is the mean square of what the gate measures: how far the logits
are from the float network's of the same view, in units of their standard deviation. It sees no label.
"""

import copy
import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.recipes.recipe import DistillRecipe, QuantizeRecipe
from edgekit.runtimes.torch import to_nchw
from edgekit.tflite.reader import read_file
from edgekit.tflite.rewrite import rewritten
from edgekit.training.augment import augment
from edgekit.training.fake_quantized import FakeQuantized
from edgekit.training.fit import Training, optimise
from edgekit.training.memory import halve_batch_on_oom


class Diverged(Exception):
    """The loss is no number any more; says in which epoch."""


def train_aware(
    int8: bytes,
    floats: bytes,
    net: nn.Module,
    images: NDArray[np.uint8],
    recipe: DistillRecipe,
    quantize: QuantizeRecipe,
    training: Training,
) -> FakeQuantized:
    """The int8 network after `quantize.aware_epochs`, on the recipe's views and by its loss.

    Args:
        net: the float network that both files were made of.
        images: uint8 [N, H, W, C], of train.

    Raises:
        EdgekitError: the files are not the same network, or have operators that no student has.
        Diverged: its loss or its weights are no numbers any more.
    """
    accelerator = training.accelerator
    exact = copy.deepcopy(net).to(accelerator).eval()
    pixels = to_nchw(images).to(accelerator)  # (N, C, H, W)
    schedule = replace(
        recipe.fit, epochs=quantize.aware_epochs, learning_rate=quantize.aware_learning_rate, weight_decay=0.0
    )

    def told(epoch: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"its loss is {loss} in epoch {epoch}")
        training.on_epoch(epoch, loss)

    def work(batch_size: int) -> nn.Module:
        views = _Views(exact)

        def batch(rows: Tensor, generator: torch.Generator) -> Tensor:
            return views.seen(augment(pixels[rows], recipe.augment, generator))

        return optimise(
            FakeQuantized(read_file(int8), read_file(floats)).to(accelerator), len(pixels), batch,
            views.loss_of, replace(schedule, batch_size=batch_size),
            replace(training, on_epoch=told),
        )  # fmt: skip

    found = halve_batch_on_oom(work, schedule.batch_size, "the int8 student", training.on_warning, least=2)
    assert isinstance(found, FakeQuantized)
    if not all(bool(value.isfinite().all()) for value in found.state_dict().values()):
        raise Diverged("its weights are no numbers at the end")
    return found


def aware_file(int8: bytes, net: FakeQuantized) -> bytes:
    """The int8 file with the weights, biases and scales that training left."""
    return rewritten(int8, net.tensors())


class _Views:
    """The float network beside the one that trains."""

    def __init__(self, exact: nn.Module) -> None:
        self._exact = exact
        self._logits = torch.zeros(0)  # [B, classes] of the batch that is being trained on

    def seen(self, x: Tensor) -> Tensor:
        """The views [B, C, H, W] of a batch, once the float network has seen them."""
        with torch.no_grad():
            self._logits = self._exact(x)
        return x

    def loss_of(self, logits: Tensor, rows: Tensor) -> Tensor:
        """See the module."""
        return ((logits - self._logits) / self._logits.std(0).mean()).square().mean()
