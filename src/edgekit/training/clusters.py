"""Clustered weights: those of a convolution take at most 16 values, which the compiler stores in 4 bits each.

In: a network. Out: the same, its convolutions' weights clustered while it trains. What counts are the values in the
int8 file, where each output channel has a scale of its own, by its greatest weight: so the values are shares of that
one, eight with either sign. They stay the same when a batch-norm is folded into the convolution.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from edgekit.training.nets import to_numpy

MAGNITUDES = 8  # with either sign they are the 16 values that 4 bits name; a zero has a bit of its own
_LEAST = 256  # weights: of fewer, the C that reads them takes more than they save
_GREATEST = 127  # of an int8 weight
_ROUNDS = 30


def cluster(net: nn.Module) -> nn.Module:
    """Has the convolutions of a network, all but depthwise and small ones, see clustered weights from now on, and
    learn through them."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.groups == 1 and module.weight.numel() >= _LEAST:
            magnitudes = magnitudes_of(to_numpy(module.weight))
            parametrize.register_parametrization(module, "weight", _Clustered(magnitudes))
    return net


def settled(net: nn.Module) -> nn.Module:
    """The network with the weights that it saw, clustered or not, as its own."""
    for module in net.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return net


def magnitudes_of(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """The magnitudes of a convolution's int8 weights, by k-means: [at most 8], ascending; the last is 127, which each
    output channel's greatest weight has. Weights are [O, ...]; zeros have no part."""
    flat = np.abs(weights.reshape(len(weights), -1)).astype(np.float64)
    shares = (flat / np.maximum(flat.max(1, keepdims=True), np.finfo(np.float32).tiny) * _GREATEST)[flat > 0]
    if not len(shares):
        return np.array([_GREATEST])
    centres = np.linspace(0, _GREATEST, MAGNITUDES + 1)[1:]
    for _ in range(_ROUNDS):
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, shares)
        for one in range(MAGNITUDES - 1):
            if (nearest == one).any():
                centres[one] = shares[nearest == one].mean()
        centres.sort()
    whole: NDArray[np.int64] = np.unique(np.clip(np.round(centres), 1, _GREATEST)).astype(np.int64)
    return whole


class _Clustered(nn.Module):
    """From weights [O, I, H, W] to the nearest of the values; the gradient goes through as if they were the same."""

    magnitudes: Tensor
    between: Tensor

    def __init__(self, magnitudes: NDArray[np.int64]) -> None:
        super().__init__()
        shares = torch.as_tensor(magnitudes / _GREATEST, dtype=torch.float32)
        self.register_buffer("magnitudes", shares)
        self.register_buffer("between", (shares[1:] + shares[:-1]) / 2)

    def forward(self, weights: Tensor) -> Tensor:
        with torch.no_grad():
            greatest = weights.abs().amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
            shares = self.magnitudes[torch.bucketize((weights.abs() / greatest).contiguous(), self.between)]
            change = shares * greatest * weights.sign() - weights
        return weights + change
