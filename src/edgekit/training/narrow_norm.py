"""BatchNorm of few channels on the processor: on one thread, because on more it is slower.

In and out: as torch.nn.BatchNorm2d, with the same state_dict.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_CACHE_LINE_FLOATS = 16


class NarrowNorm(nn.BatchNorm2d):
    """torch adds up the statistics of a channels-last batch in one row of floats a thread, one row after another: below
    16 channels every row shares its cache line with the next. Eight channels of 64x64 then take twice as long on two
    threads as on one, and a student's whole step 15 % longer. From 16 channels on, where there is little to gain,
    outside training, and without scale, bias or a fixed momentum this is its parent.
    """

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.num_features < _CACHE_LINE_FLOATS and x.device.type == "cpu" and torch.get_num_threads() > 1
        count = self.num_batches_tracked
        as_torch = not self.affine or self.momentum is None or x.numel() <= self.num_features
        if not narrow or not self.training or as_torch or count is None:
            return super().forward(x)
        self._check_input_dim(x)
        count.add_(1)
        found: Tensor = _OnOneThread.apply(
            x, self.weight, self.bias, self.running_mean, self.running_var, self.momentum, self.eps
        )
        return found


class _OnOneThread(torch.autograd.Function):
    """torch's own kernels, both ways."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, momentum: float, eps: float
    ) -> Tensor:
        with _one_thread():
            y, *batch = torch.native_batch_norm(x, weight, bias, mean, var, True, momentum, eps)
        ctx.save_for_backward(x, weight, mean, var, *batch)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        with _one_thread():
            found = torch.ops.aten.native_batch_norm_backward(gradient, *saved, True, ctx.eps, [True, True, True])
        return *found, None, None, None, None


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
