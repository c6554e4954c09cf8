"""A limit on the processor's time, which a busy machine does not use up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends the block when this process has spent so many seconds of processor time in it; for the main thread.

    Raises:
        TimeoutError: as soon as Python runs its next instruction: a call into C comes to its end before.
    """

    def too_long(*_: object) -> None:
        raise TimeoutError(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def end_process_after(seconds: float) -> None:
    """Ends this process, whatever it is at, when it has spent so many seconds of processor time from now on."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
