"""PyTorch on the processor, the exact float32 reference of every later step; and images as its tensors.

In: a network, images. Out: logits. torch is imported where it is used: the registry of runtimes names this one too.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.runtimes.runtime import Progress, Runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

_BATCH = 64  # images at once; a 96x96 student holds 20 MB of activations then


def run(module: "nn.Module", images: NDArray[Any], progress: Progress | None = None) -> NDArray[np.float32]:
    """See `Run`; the network runs in evaluation mode and is left as it was."""
    import torch

    was_training, batches = module.training, []
    module.eval()
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batches.append(module(to_unit(to_nchw(images[start : start + _BATCH]))).float().cpu().numpy())
            if progress is not None:
                progress(len(batches[-1]))
    module.train(was_training)
    return np.asarray(np.concatenate(batches), np.float32)


TORCH = Runtime("torch", ".npz", run)


def to_nchw(images: NDArray[np.uint8]) -> "Tensor":
    """uint8 [N, H, W, C] as a tensor [N, C, H, W] of the same bytes."""
    import torch

    count, height, width, channels = images.shape
    # reshape gives a single channel the strides that it has in an NCHW array: torch's kernels look at them
    return torch.as_tensor(images).permute(0, 3, 1, 2).reshape(count, channels, height, width)


def to_unit(pixels: "Tensor") -> "Tensor":
    """uint8 pixels as float32 in [0, 1]."""
    return pixels.float().div_(255)


def use_threads(count: int) -> None:
    """How many threads torch may use in this process."""
    import torch

    torch.set_num_threads(count)
