"""What an evaluation on a board leaves when it is cut off, and which board that was.

In: what is evaluated, the board's identity. Out: the answers of an earlier run of the same on the same board. One file
per board; the system lets go of its lock when the run ends, however it ends.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from edgekit import files
from edgekit.errors import EdgekitError
from edgekit.values.codec import SCHEMA_VERSION, Invalid, from_json, parsed, to_document

_AFRESH = "Run the command without --resume: all images are sent again."
Answers = dict[str, list[int]]
"""Logits and microseconds of each image that is done, by its id."""


@dataclass(frozen=True, slots=True)
class State:
    """A file: the board that answered, and what it said."""

    board: Mapping[str, str]
    done: Mapping[str, list[int]]


class Kept:
    """The state file of one evaluation on one board, open while that runs: removed where its block ends well.

    Args:
        evaluated: key of model, data and images.
        board: what tells this board with its firmware from others, by names for people.
    """

    def __init__(self, evaluated: str, board: Mapping[str, str], folder: Path | None = None) -> None:
        self.board, self._evaluated, self._given = dict(board), evaluated[:16], folder
        self._path: Path | None = None
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        try:
            folder = self._given or files.user_folder("state")
            path = folder / f"eval-{self._evaluated}-{files.key_of(self.board)[:16]}.state"
            with files.failures_of(folder):
                folder.mkdir(parents=True, exist_ok=True)
                lock = FileLock(path.with_suffix(".lock"))
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    self._not_kept("Another run of this evaluation on this board is going on.")
                else:
                    self._path, self._lock = path, lock
        except EdgekitError as error:
            self._not_kept(error.message)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None and self._path is not None:
            self._path.unlink(missing_ok=True)
        if self._lock is not None:
            with suppress(OSError):  # Windows removes no file that is open; filelock does it after its release
                Path(self._lock.lock_file).unlink()
            self._lock.release()

    def save(self, done: Mapping[str, list[int]]) -> None:
        """Writes what is done so far; where that cannot be, it is said once and the run goes on."""
        if self._path is None:
            return
        try:
            files.write_kept(self._path, json.dumps(to_document(State(self.board, done))).encode())
        except EdgekitError as error:
            self._not_kept(error.message)

    def load(self, outputs: int) -> Answers:
        """What an earlier run left, nothing where none did.

        Raises:
            EdgekitError: it was another board or firmware, by name; another run holds it; a later edgekit wrote it.
        """
        if self._path is None:
            raise EdgekitError("There is no state to go on from that this run could use.", _AFRESH)
        found = _read(self._path)
        if found is None:
            self._refuse_others(self._path)
            files.print_warning("No run of this evaluation was cut off, so --resume begins with the first image.")
            return {}
        if any(len(row) != outputs + 1 for row in found.done.values()):
            raise EdgekitError(f"{self._path} holds answers of another number of outputs.", _AFRESH)
        return dict(found.done)

    def _refuse_others(self, path: Path) -> None:
        """Where the same was evaluated on another board, the answers are not this one's."""
        others = [_read(other) for other in sorted(path.parent.glob(f"eval-{self._evaluated}-*.state"))]
        said = [_differences(other.board, self.board) for other in others if other is not None]
        if said:
            raise EdgekitError(
                f"What was kept of this evaluation is of another board or firmware: {'; or '.join(said)}.",
                f"Connect and flash that one again, or {_AFRESH[0].lower()}{_AFRESH[1:]}",
            )

    def _not_kept(self, why: str) -> None:
        self._path = None
        files.print_warning(f"{why} What is done is not kept: --resume will not go on from this run.")


def _read(path: Path) -> State | None:
    content = files.read_kept(path, files.print_warning)
    return None if content is None else state_of(bytes(content), path)


def state_of(content: bytes, path: Path) -> State:
    """What the content of a state file says. Raises EdgekitError, which names the file: it is none of this edgekit."""
    try:
        values = parsed(content)
        version = values.pop("schema_version", None) if isinstance(values, dict) else None
        if version == SCHEMA_VERSION:
            return from_json(State, values, "an evaluation's state")
    except Invalid as error:
        raise EdgekitError(f"{path} is not an evaluation's state: {error}.", _AFRESH) from error
    raise EdgekitError(
        f"{path} is an evaluation's state of schema_version {version}; this edgekit reads {SCHEMA_VERSION}.", _AFRESH
    )


def _differences(state: Mapping[str, str], board: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name}: state has {state.get(name)}, board says {says}"
        for name, says in board.items()
        if state.get(name) != says
    )
