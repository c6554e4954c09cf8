"""An accelerator without enough memory: the same work with half the batch, and said.

In: work that takes a batch size. Out: its result.
"""

from collections.abc import Callable
from typing import TypeVar

import torch

from edgekit.errors import EdgekitError

Result = TypeVar("Result")


def in_halves(
    work: Callable[[int], Result], batch: int, what: str, on_warning: Callable[[str], None], least: int = 1
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
