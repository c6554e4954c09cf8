"""One training loop for teachers and students.

In: a network, uint8 images, a loss over rows. Out: the network, trained. It reads top to bottom,
and the same seed gives the same network whether it ran at one go or was killed and resumed.
"""

import copy
import io
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgekit.files import read_kept, write_kept
from edgekit.recipes.recipe import AugmentRecipe, FitRecipe
from edgekit.runtimes.torch import to_nchw, to_unit
from edgekit.training.augment import augment
from edgekit.training.memory import OnWarning, halve_batch_on_oom, keep_freed_memory
from edgekit.training.nets import to_numpy

LossOf = Callable[[Tensor, Tensor], Tensor]  # (logits [B, classes], rows [B]) -> scalar
BeforeBatch = Callable[[Tensor, AugmentRecipe, torch.Generator], None]  # (rows [B], what their views are drawn from)
AfterStep = Callable[[nn.Module], None]  # (the network that trains)
OnEpoch = Callable[[int, float], None]  # (epochs done, mean training loss)


@dataclass(slots=True)
class History:
    """What a network achieves after every epoch of its training: the curves that a report shows. It chooses nothing."""

    sets: Mapping[str, tuple[NDArray[Any], NDArray[np.int64]]]  # by name, inputs as `predict` takes them and labels [N]
    # [sets, 2] an epoch: mean cross-entropy and accuracy (argmax) on each set; kept in the checkpoint for a resumed run
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def note(self, net: nn.Module, accelerator: torch.device) -> None:
        """Adds the row of an epoch."""
        row = []
        for inputs, labels in self.sets.values():
            logits = predict(net, inputs, accelerator)
            loss = functional.cross_entropy(torch.as_tensor(logits), torch.as_tensor(labels))
            row.append((float(loss), (logits.argmax(1) == labels).mean()))
        self.rows.append(np.array(row, np.float32))


@dataclass(frozen=True, slots=True)
class Training:
    """How a training runs here; what is learnt of what is said by recipes."""

    seed: int  # all draws follow from it
    accelerator: torch.device
    checkpoint: Path | None = None  # written after each epoch, so that a kill costs one at most; read if it exists
    history: History | None = None
    on_epoch: OnEpoch = lambda epoch, loss: None
    on_warning: OnWarning = lambda message: None  # told where memory takes smaller batches
    until: int | None = None  # epochs after which it stops, as if killed: what goes on reads the checkpoint


def fit(
    net: nn.Module,
    images: NDArray[np.uint8],
    loss_of: LossOf,
    recipe: FitRecipe,
    views: AugmentRecipe,
    training: Training,
    *,
    before_batch: BeforeBatch | None = None,
    after_step: AfterStep | None = None,
) -> nn.Module:
    """Trains `net` in place on random views of uint8 images [N, H, W, C]; see `optimise`.

    `before_batch` is called before the views of each batch are drawn.
    """
    # a quarter faster
    net = net.to(training.accelerator, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = to_nchw(images).to(training.accelerator)  # (N, C, H, W)

    def batch(rows: Tensor, generator: torch.Generator) -> Tensor:
        if before_batch is not None:
            before_batch(rows, views, generator)
        return augment(pixels[rows], views, generator).contiguous(memory_format=torch.channels_last)  # (B, C, H, W)

    return optimise(net, len(pixels), batch, loss_of, recipe, training, after_step)


def optimise(
    net: nn.Module,
    count: int,
    batch: Callable[[Tensor, torch.Generator], Tensor],
    loss_of: LossOf,
    recipe: FitRecipe,
    training: Training,
    after_step: AfterStep | None = None,
) -> nn.Module:
    """Trains `net` in place and returns it, or its averaged copy where the recipe averages, in evaluation mode.

    Args:
        count: rows of the training set.
        batch: from rows [B] on the accelerator and the epoch's generator to the network's input.
        loss_of: from logits [B, classes] and the rows [B] to a scalar, both on the accelerator.
        after_step: called after every optimiser step, e.g. to hold a pruning mask.
    """
    keep_freed_memory()
    accelerator, checkpoint, history = training.accelerator, training.checkpoint, training.history
    trained = [p for p in net.parameters() if p.requires_grad]
    fused = True if accelerator.type == "cuda" else None  # a step of small networks is as long as its launches are many
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(trained, 1.0, weight_decay=recipe.weight_decay, fused=fused)
    else:  # decay the kernels only: scales and biases have no reason to be small
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, 1.0, fused=fused)
    average = copy.deepcopy(net) if recipe.ema_decay else None
    steps = max(1, count // recipe.batch_size)  # the last, short batch would unsettle BatchNorm
    kept: dict[str, Any] = {"net": net, "optimizer": optimizer, **({} if average is None else {"average": average})}
    first = 0
    saved = None if checkpoint is None else read_kept(checkpoint, training.on_warning)
    if saved is not None:
        state = torch.load(io.BytesIO(saved), map_location=accelerator, weights_only=True)
        for name, part in kept.items():
            part.load_state_dict(state[name])
        if history is not None:
            history.rows[:] = [to_numpy(row) for row in state["history"]]
        first = state["epochs"]
    for epoch in range(first, min(recipe.epochs, training.until or recipe.epochs)):
        seed = training.seed * 100_003 + epoch  # an epoch's draws depend on nothing before it
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout
        order = torch.randperm(count, generator=generator)
        net.train()
        total = torch.zeros((), device=accelerator)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(recipe, epoch + step / steps)
            rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size].to(accelerator)
            loss = loss_of(net(batch(rows, generator)), rows)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if after_step is not None:
                after_step(net)
            if average is not None:
                _blend(average, net, min(recipe.ema_decay, (1 + epoch * steps + step) / (10 + epoch * steps + step)))
            total += loss.detach()
        if history is not None:
            history.note(net if average is None else average, accelerator)
        training.on_epoch(epoch + 1, float(total) / steps)
        if checkpoint is not None:
            noted = [] if history is None else [torch.as_tensor(row) for row in history.rows]
            state = {name: part.state_dict() for name, part in kept.items()}
            _save({**state, "epochs": epoch + 1, "history": noted}, checkpoint)
    return (net if average is None else average).eval()


def predict(
    net: nn.Module,
    inputs: NDArray[Any],
    accelerator: torch.device,
    *,
    mirrored: bool = False,
    batch: int = 256,
    on_warning: OnWarning = warnings.warn,
) -> NDArray[np.float32]:
    """Outputs of a network for uint8 images [N, H, W, C] or float features [N, F]: float32 [N, outputs].

    `mirrored` averages over the mirror images too. `on_warning` is called where memory takes smaller batches.
    """
    net = net.to(accelerator).eval()

    @torch.inference_mode()
    def work(size: int) -> NDArray[np.float32]:
        parts = []
        for begin in range(0, max(1, len(inputs)), size):  # of no inputs, too, the network says how many outputs
            chunk = inputs[begin : begin + size]
            x = to_unit(to_nchw(chunk).to(accelerator)) if chunk.ndim == 4 else torch.as_tensor(chunk).to(accelerator)
            logits = net(x)
            parts.append(to_numpy((logits + net(x.flip(3))) / 2 if mirrored else logits))
        return np.concatenate(parts)

    return halve_batch_on_oom(work, batch, "prediction", on_warning)


def class_weights(labels: NDArray[np.int64], balanced: bool) -> Tensor:
    """[classes]: ones, or weights that make all classes count equally; each has an image among the labels [N]."""
    counts = np.bincount(labels)
    weights = len(labels) / (len(counts) * counts) if balanced else np.ones(len(counts))
    return torch.tensor(weights, dtype=torch.float32)


def _save(state: dict[str, Any], path: Path) -> None:
    stream = io.BytesIO()
    torch.save(state, stream)
    write_kept(path, stream.getbuffer())


def _learning_rate(recipe: FitRecipe, epoch: float) -> float:
    if recipe.schedule == "step":
        return recipe.learning_rate * recipe.step_factor ** (int(epoch) // recipe.step_epochs)
    if epoch < recipe.warmup_epochs:
        return recipe.learning_rate * max(epoch, 0.01) / recipe.warmup_epochs
    done = (epoch - recipe.warmup_epochs) / max(1e-9, recipe.epochs - recipe.warmup_epochs)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def _blend(average: nn.Module, net: nn.Module, decay: float) -> None:
    pairs = list(zip(average.state_dict().values(), net.state_dict().values(), strict=True))
    kept, new = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
    torch._foreach_lerp_(kept, new, 1 - decay)  # one launch instead of one a tensor
    for count, newer in (pair for pair in pairs if not pair[0].is_floating_point()):
        count.copy_(newer)
