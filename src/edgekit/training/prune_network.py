"""Prune any network: zero the weights that are small for their layer.

In: a network, or the state of one, and what judges it. Out: the same with zeros, and the curve over alpha. A weight
goes where |w| < std(layer's weights) / alpha, as in the paper; alpha is chosen on validation, never on test.
"""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgekit.recipes.recipe import PruneRecipe
from edgekit.training.fit import predict
from edgekit.training.magnitude import Weights, most_pruned, prune_weights, zeroed_share
from edgekit.training.nets import to_numpy
from edgekit.values.images import ImageSet


def sweep(
    weights: Weights, recipe: PruneRecipe, balanced_accuracy_of: Callable[[Weights], float]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float64]]:
    """Tries every alpha and keeps the one that zeroes most among those within `tolerance` of the best on validation.

    Not pruning at all is among the choices, with alpha = infinity.

    Returns:
        the weights chosen, and the curve [K, 3]: each alpha, the share of weights that it zeroes, and the balanced
        accuracy on validation after it.
    """
    candidates = [(np.inf, dict(weights)), *((alpha, prune_weights(weights, alpha)) for alpha in recipe.alphas)]
    curve = np.array([(alpha, zeroed_share(w), balanced_accuracy_of(w)) for alpha, w in candidates])
    kept = most_pruned(curve[:, 2].tolist(), curve[:, 1].tolist(), recipe.tolerance)
    return candidates[kept][1], curve


def balanced_accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Where the greatest logit [N, classes] decides: the mean of the recalls of all classes."""
    right = logits.argmax(1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def logits_when_pruned(
    net: nn.Module,
    alpha: float,
    sets: Mapping[str, ImageSet],
    accelerator: torch.device,
    on_warning: Callable[[str], None] = warnings.warn,
) -> tuple[float, dict[str, NDArray[np.float32]]]:
    """The share of weights that alpha zeroes in a network, and its logits [N, classes] on each set then. The network is
    given back as it was."""
    kernels = {name: to_numpy(p) for name, p in net.named_parameters()}
    try:
        pruned = prune_weights(kernels, alpha)
        _load(net, pruned)
        logits = {name: predict(net, s.images, accelerator, on_warning=on_warning) for name, s in sets.items()}
        return zeroed_share(pruned), logits
    finally:
        _load(net, kernels)


def prune_network(
    net: nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64], recipe: PruneRecipe, accelerator: torch.device
) -> NDArray[np.float64]:
    """Prunes a teacher in place by the same sweep on validation images [N, H, W, C]; returns the curve of `sweep`."""
    kernels = {name: to_numpy(p) for name, p in net.named_parameters()}

    def on_validation(weights: Weights) -> float:
        _load(net, weights)
        return balanced_accuracy(predict(net, images, accelerator), labels)

    weights, curve = sweep(kernels, recipe, on_validation)
    _load(net, weights)
    return curve


@torch.no_grad()
def _load(net: nn.Module, weights: Weights) -> None:
    for name, parameter in net.named_parameters():
        parameter.copy_(torch.as_tensor(weights[name]))
