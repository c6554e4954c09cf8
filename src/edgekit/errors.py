"""The one exception that a user is meant to see: what went wrong, and what to do next; the words after a Ctrl-C."""

from collections.abc import Iterator
from contextlib import contextmanager


class EdgekitError(Exception):
    """An error in what the user gave or in the world around (files, network, board), never a bug.

    The command line prints it as two lines without a traceback and exits with 1.

    Args:
        message: what went wrong, naming the file, field or port.
        hint: what to do next, as an instruction.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


@contextmanager
def stopped_says(hint: str) -> Iterator[None]:
    """What the command line adds to `Stopped.` where a Ctrl-C ends this block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(hint) from None
