"""What the workers of these tests do: another process must be able to import it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from edgekit.errors import EdgekitError


def double(item: int, warn: Callable[[str], None]) -> int:
    """The plain case, with a warning."""
    warn(f"{item} is small")
    return 2 * item


def folder(item: int, warn: Callable[[str], None]) -> str:
    """Where it works, once numpy has been imported."""
    import numpy  # noqa: F401 (not before: a worker may have none of its own yet)

    return str(Path.cwd())


def die_until_third_try(item: str, warn: Callable[[str], None]) -> str:
    """Kills its own process; of an item `PATH` only until PATH holds two bytes."""
    path = Path(item)
    tried = path.stat().st_size if path.exists() else 0
    if path.name == "always" or tried < 2:
        path.write_bytes(bytes(tried + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def fail(item: str, warn: Callable[[str], None]) -> object:
    """Fails as the item says."""
    match item:
        case "refused":
            raise EdgekitError("There is no such thing.", "Ask for another.")
        case "bug":
            raise ZeroDivisionError("a bug")
        case "memory":
            raise MemoryError
        case "unpicklable":
            return lambda: None
        case "exit":
            os._exit(3)
    return item


def threads(item: int, warn: Callable[[str], None]) -> tuple[str, int]:
    """OMP_NUM_THREADS of the worker, and which process it is."""
    time.sleep(0.05)
    print("said by a worker", flush=True)
    return os.environ["OMP_NUM_THREADS"], os.getpid()
