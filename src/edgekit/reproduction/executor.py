"""Who does the units: processes of this machine here, a Ray cluster in `cluster`. Both run `carry_out_unit`.

In: settings and units. Out: for each, how it ended. A worker that dies takes its unit down and nothing else.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

from edgekit.errors import EdgekitError
from edgekit.reproduction.plan import Unit
from edgekit.reproduction.work import STAGES, Settings, Work


@dataclass(frozen=True, slots=True)
class Ended:
    """How a unit ended.

    Attributes:
        problem: empty where it was done; else what went wrong, in a line or two.
        died: its worker was killed or lost, so that another try may succeed.
        wall_s, cpu_s: of the work, its child processes included.
        warnings: what the work had to say (a smaller batch, skipped images).
    """

    unit: Unit
    problem: str = ""
    died: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    where: str = ""
    warnings: tuple[str, ...] = ()


class Crew(Protocol):
    """Workers that take one unit each."""

    size: int

    def start(self, unit: Unit) -> None:
        """Hands a unit to a free worker; at most `size` may be under way."""

    def wait(self) -> list[Ended]:
        """Blocks until at least one of the started units has ended."""

    def close(self) -> None:
        """Stops every worker."""


def carry_out_unit(settings: Settings, unit: Unit) -> Ended:
    """Does one unit in this process, into the cache in `settings.folder`."""
    warnings: list[str] = []
    began, cpu_began = time.monotonic(), _cpu_s()
    problem, died = "", False
    try:
        if not (settings.folder / STAGES).is_dir():
            raise EdgekitError(
                f"{socket.gethostname()} does not see {settings.folder}.",
                "A cluster needs --out and --data on a file system that all its machines share.",
            )
        work = _work_of(settings)
        work.on_warning = warnings.append
        work.do(unit)
    except EdgekitError as error:
        problem = str(error)
    except MemoryError:
        problem, died = "this machine has not enough memory", True
    except Exception:  # a bug of ours: the others go on, and the report says what this one ran into
        problem = traceback.format_exc(limit=-3)
    return Ended(
        unit, problem, died, time.monotonic() - began, _cpu_s() - cpu_began, socket.gethostname(), tuple(warnings)
    )


@lru_cache(maxsize=1)
def _work_of(settings: Settings) -> Work:
    from edgekit.training.rebuild import use_threads

    use_threads(settings.threads)
    return Work(settings)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    unit: Unit | None = None


@dataclass
class LocalCrew:
    """Worker processes on this machine, started when they are first needed."""

    settings: Settings
    size: int
    _workers: list[_Worker] = field(default_factory=list)

    def start(self, unit: Unit) -> None:
        """See `Crew`."""
        free = next((worker for worker in self._workers if worker.unit is None), None) or self._hired()
        free.unit = unit
        with contextlib.suppress(OSError):  # one that has just died is found by wait()
            free.connection.send(unit)

    def wait(self) -> list[Ended]:
        """See `Crew`."""
        busy = [worker for worker in self._workers if worker.unit is not None]
        ready = wait([thing for worker in busy for thing in (worker.connection, worker.process.sentinel)])
        ended = []
        for worker in busy:
            if worker.connection in ready or worker.process.sentinel in ready:
                ended.append(self._heard(worker))
        return ended

    def close(self) -> None:
        """See `Crew`."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(10)
            worker.connection.close()
        self._workers.clear()

    def _heard(self, worker: _Worker) -> Ended:
        unit = worker.unit
        assert unit is not None
        worker.unit = None
        try:
            ended: Ended = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(10)
            self._workers.remove(worker)
            code = worker.process.exitcode or 0
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            return Ended(unit, f"its worker process was {how}", died=True, where=socket.gethostname())
        return ended

    def _hired(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.settings), daemon=False)
        with _environment(OMP_NUM_THREADS=str(self.settings.threads)):
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker


def _serve(connection: Connection, settings: Settings) -> None:
    """A worker's life: a unit in, how it ended out, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who waits; it stops the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _into_log(settings.folder / STAGES / "workers.log")
    while True:
        try:
            unit = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(carry_out_unit(settings, unit))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _into_log(path: Path) -> None:
    """What libraries print goes to a file: a terminal shows one program's progress at a time."""
    with path.open("ab") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
