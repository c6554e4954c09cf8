"""Train the head of a network whose trunk is frozen, on features that the trunk gives once.

In: a backbone, the training set, sets to watch. Out: the same backbone with its head trained, its logits of every
set, and the passes that its trunk made. Each training image is seen in `recipe.views` views, the first being the image
as it is, so an epoch costs a matrix product and no trunk: the trunk makes `views` passes in all, whatever the epochs.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.files import read_kept_arrays, write_kept_arrays
from edgekit.recipes.recipe import AugmentRecipe, TeachRecipe
from edgekit.runtimes.torch import to_nchw, to_unit
from edgekit.training.augment import augment
from edgekit.training.fit import History, LossOf, Training, optimise, predict
from edgekit.training.memory import OnWarning, halve_batch_on_oom
from edgekit.training.nets import Backbone
from edgekit.values.images import ImageSet

_BATCH = 64
_NORM_IMAGES = 128  # a batch-norm's mean and variance are within some 10 % on so many


@dataclass(frozen=True, slots=True)
class Taught:
    """A member of the ensemble."""

    net: nn.Module  # trained, in evaluation mode
    logits: Mapping[str, NDArray[np.float32]]  # [N, classes] for `train` and every set held out
    # [epochs, sets, 2], cross-entropy and accuracy on each of those sets after each epoch; no epochs if nobody watched
    history: NDArray[np.float32]
    # Of a frozen trunk, empty where the trunk was trained: `trunk_passes` over the training set, the processor time
    # `trunk_s` of those and of one pass over each set held out, and `head_s` of all epochs of the head.
    costs: Mapping[str, float]


def train_head(
    net: Backbone,
    rows: NDArray[np.int64],
    sets: Mapping[str, ImageSet],
    loss_of: LossOf,
    recipe: TeachRecipe,
    training: Training,
) -> Taught:
    """Trains the head in place, by the recipe's schedule. The checkpoint of `training` keeps the features until the
    head is trained; its history is not looked at.

    Args:
        rows: those of sets["train"] to learn from.
        sets: `train`, and the sets to watch; each makes one pass of the trunk as it is.
        loss_of: from logits and positions in `rows`.
    """
    accelerator, checkpoint, on_warning = training.accelerator, training.checkpoint, training.on_warning
    found = None if checkpoint is None else read_kept_arrays(checkpoint, on_warning)
    if found is None:
        began = time.process_time()
        found = {name: features(net, part.images, accelerator, on_warning=on_warning) for name, part in sets.items()}
        train = sets["train"].images[rows]
        for view in range(1, recipe.views):
            found[f"view {view}"] = features(
                net, train, accelerator, recipe.augment, training.seed * 1009 + view, on_warning=on_warning
            )
        found["trunk_s"] = np.array(time.process_time() - began, np.float32)
        if checkpoint is not None:
            write_kept_arrays(checkpoint, found)
    views = np.stack([found["train"][rows], *(found[f"view {view}"] for view in range(1, recipe.views))])  # (V, N, F)
    mean, std = np.zeros(views.shape[2], np.float32), np.ones(views.shape[2], np.float32)
    if recipe.weights == "none":  # features of a random trunk have no scale of their own: the head gets them in units
        mean, std = views.mean((0, 1)), views.std((0, 1)) + np.float32(1e-6 * float(views.std()) + 1e-12)
    on_accelerator = torch.as_tensor((views - mean) / std).to(accelerator)

    def batch(chosen: Tensor, generator: torch.Generator) -> Tensor:
        view = torch.randint(recipe.views, (len(chosen),), generator=generator).to(accelerator)
        return on_accelerator[view, chosen]

    began = time.process_time()
    torch.manual_seed(training.seed)
    head = nn.Linear(views.shape[2], net.head.out_features)
    in_units = {name: ((found[name] - mean) / std, part.labels) for name, part in sets.items()}
    history = History(in_units)
    head = optimise(
        head.to(accelerator), len(rows), batch, loss_of, recipe.fit,
        Training(training.seed, accelerator, history=history, on_epoch=training.on_epoch),
    )  # type: ignore[assignment]  # fmt: skip
    head_s = time.process_time() - began
    logits = {name: predict(head, inputs, accelerator) for name, (inputs, _) in in_units.items()}
    with torch.no_grad():  # the units become part of the head: the network takes its trunk's features as they are
        scale = torch.as_tensor(std).to(accelerator)
        net.head.weight.copy_(head.weight / scale)
        net.head.bias.copy_(head.bias - (head.weight / scale) @ torch.as_tensor(mean).to(accelerator))
    costs = {"trunk_passes": recipe.views, "trunk_s": float(found["trunk_s"]), "head_s": head_s}
    return Taught(net.eval(), logits, np.stack(history.rows), costs)


def features(
    net: Backbone,
    images: NDArray[np.uint8],
    accelerator: torch.device,
    views: AugmentRecipe | None = None,
    seed: int = 0,
    *,
    batch: int = _BATCH,
    on_warning: OnWarning = lambda message: None,
) -> NDArray[np.float32]:
    """What the head is given for uint8 images [N, H, W, C], float32 [N, F]; of one random view each where asked."""

    @torch.inference_mode()
    def work(size: int) -> NDArray[np.float32]:
        net.to(accelerator, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        generator = torch.Generator().manual_seed(seed)
        parts = []
        for begin in range(0, len(images), size):
            pixels = to_nchw(images[begin : begin + size]).to(accelerator)
            x = to_unit(pixels) if views is None else augment(pixels, views, generator)
            parts.append(net.features(x.contiguous(memory_format=torch.channels_last)).cpu().numpy())
        return np.concatenate(parts)

    return halve_batch_on_oom(work, batch, "the frozen trunk", on_warning)


@torch.inference_mode()
def calibrate_batchnorm(net: Backbone, images: NDArray[np.uint8], accelerator: torch.device) -> None:
    """Gives the batch-norms of a trunk without weights the mean and variance that they see, from a few images
    [N, H, W, C] and no label. Without it a random deep trunk's signal dies or explodes on its way."""
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    net.to(accelerator).eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = 1.0
        norm.train()
    chosen = images[np.linspace(0, len(images) - 1, min(len(images), _NORM_IMAGES)).astype(int)]
    if norms:
        net(to_unit(to_nchw(chosen).to(accelerator)))
    for norm in norms:
        norm.momentum = 0.1
        norm.eval()
