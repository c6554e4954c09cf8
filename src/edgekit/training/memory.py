"""Memory: an accelerator without enough of it does the same work with half the batch, and the processor's freed memory
is kept for the next step.

In: work that takes a batch size. Out: its result.
"""

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import TypeVar

import torch

from edgekit.errors import EdgekitError

Result = TypeVar("Result")
OnWarning = Callable[[str], None]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h


@functools.cache
def keep_freed_memory() -> bool:
    """Has glibc's malloc keep what this process frees, up to its peak. False where malloc has no such option.

    By default the large tensors of a training step go back to the kernel one by one, and the next step pays for every
    page of them again: a fifth of the processor time of a student's epoch. See mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    large = mallopt(_MMAP_THRESHOLD, 1 << 30) or mallopt(_MMAP_THRESHOLD, 32 << 20)  # an older glibc's limit
    return bool(large and mallopt(_TRIM_THRESHOLD, (1 << 31) - 1))


def halve_batch_on_oom(
    work: Callable[[int], Result], batch: int, what: str, on_warning: OnWarning, least: int = 1
) -> Result:
    """`work(batch)`; where the accelerator's memory does not hold that, `work(batch // 2)` and so on.

    Args:
        what: names the work in the warning.
        least: the smallest batch that makes sense (2 where a BatchNorm trains).

    Raises:
        EdgekitError: the memory does not even hold the least batch.
    """
    while True:
        try:
            return work(batch)
        except torch.OutOfMemoryError as error:
            reason = str(error).partition("\n")[0]
        # here the failed attempt's tensors are gone with its traceback
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if batch // 2 < least:
            raise EdgekitError(
                f"The accelerator's memory does not hold {what} with a batch of {batch}: {reason}",
                "Free its memory, or use --accelerator cpu.",
            )
        on_warning(f"{what}: the accelerator's memory does not hold a batch of {batch}; going on with {batch // 2}.")
        batch //= 2
