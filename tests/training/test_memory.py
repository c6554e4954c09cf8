"""Memory: too little of it ends in words, and what is freed serves the next step."""

import subprocess
import sys

import pytest
import torch

from edgekit.errors import EdgekitError
from edgekit.training.memory import halve_batch_on_oom

STEPS = """
import resource
import torch
from edgekit.training.memory import keep_freed_memory

kept = {kept} and keep_freed_memory()
def step():
    torch.ones(16 << 20)  # over the 32 MiB that glibc comes to keep by itself
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    step()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_memory_for_not_even_the_least_batch_is_an_error_in_words() -> None:
    def work(batch: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    said: list[str] = []
    with pytest.raises(EdgekitError, match="does not hold the student with a batch of 2") as error:
        halve_batch_on_oom(work, 8, "the student", said.append, least=2)
    assert "--accelerator cpu" in error.value.hint
    assert len(said) == 2


def test_a_step_takes_no_page_from_the_kernel_that_the_step_before_freed() -> None:
    faults = {}
    for kept in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", STEPS.format(kept=kept)], capture_output=True, text=True, check=True, timeout=120
        )
        said, count = done.stdout.split()
        if kept and said == "False":
            pytest.skip("this malloc cannot be told to keep what is freed")
        faults[kept] = int(count)
    # 64 MiB a step are 16,384 pages; a small block now and then takes the place of a large one, so a few are new
    assert faults[True] * 10 < faults[False]
