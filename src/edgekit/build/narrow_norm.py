"""BatchNorm of few channels on the processor: on one thread, because on more it is slower.

In and out: as torch.nn.BatchNorm2d, whose state_dict it has, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_CACHE_LINE_FLOATS = 16


class NarrowNorm(nn.BatchNorm2d):
    """torch adds up the statistics of a channels-last batch in one row of floats a thread, one row after another: below
    16 channels two threads write to the same cache line. Eight channels of 64x64 then take twice as long on two threads
    as on one, and a student's whole step 15 % longer. From 16 channels on, and outside training, this is its parent.
    """

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.num_features < _CACHE_LINE_FLOATS and x.device.type == "cpu"
        if not (narrow and self.training) or torch.get_num_threads() == 1 or self.num_batches_tracked is None:
            return super().forward(x)
        self.num_batches_tracked.add_(1)
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
