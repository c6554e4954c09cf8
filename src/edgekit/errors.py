"""The one exception that a user is meant to see: what went wrong, and what to do next; the words after a Ctrl-C; and
the one way to make text from outside fit to be printed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

# What a terminal obeys and does not show: control codes but tab and line end, marks that turn the direction of text,
# and halves of surrogate pairs, which stand for bytes that are not UTF-8 and which no file or terminal takes.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with each character that a terminal would obey as JSON writes it: an escape as `\\u001b`, say.

    For text from outside: file names, what a board or a tool says, fields of files. JSON stays JSON of the same values.
    """
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def in_a_line(words: object, most: int = 300) -> str:
    """What a library or a tool says, on one line and no longer than `most` characters, for a message."""
    line = " ".join(str(words).split()) or type(words).__name__
    return line if len(line) <= most else line[: most - 3] + "..."


class EdgekitError(Exception):
    """An error in what the user gave or in the world around (files, network, board), never a bug.

    The command line prints it as two lines without a traceback and exits with 1.

    Args:
        message: what went wrong, naming the file, field or port; made `printable` here, as is the hint.
        hint: what to do next, as an instruction.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = printable(message), printable(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


@contextmanager
def stopped_says(hint: str) -> Iterator[None]:
    """What the command line adds to `Stopped.` where a Ctrl-C ends this block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(hint) from None
