"""Worker processes on this machine.

In: the function, how many workers, their threads and their log. Out: an `Executor`. A worker that was killed is
replaced; all end with this process, however that ends.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Generic

from edgekit.executor.child import child_environment
from edgekit.executor.units import Executor, Function, Item, UnitResult, Value, run_unit


@dataclass(slots=True)
class _Worker(Generic[Item]):
    process: SpawnProcess
    connection: Connection
    item: Item | None = None


@dataclass
class LocalExecutor(Executor[Item, Value]):
    """Processes of this machine, started when they are first needed."""

    function: Function[Item, Value]  # it must be importable by another process
    size: int  # processes side by side
    log: Path  # for what libraries print in them: a terminal shows one program's progress at a time
    threads: int = 1  # of each process
    _workers: list[_Worker[Item]] = field(default_factory=list)

    def start(self, item: Item) -> None:
        free = next((worker for worker in self._workers if worker.item is None), None) or self._started()
        free.item = item
        with contextlib.suppress(OSError):  # one that has just died is found by wait()
            free.connection.send(item)

    def wait(self) -> list[UnitResult[Item, Value]]:
        busy = [worker for worker in self._workers if worker.item is not None]
        ready = wait([thing for worker in busy for thing in (worker.connection, worker.process.sentinel)])
        return [self._result(one) for one in busy if one.connection in ready or one.process.sentinel in ready]

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(10)
            worker.connection.close()
        self._workers.clear()

    def _result(self, worker: _Worker[Item]) -> UnitResult[Item, Value]:
        item, worker.item = worker.item, None
        assert item is not None
        try:
            result: UnitResult[Item, Value] = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(10)
            self._workers.remove(worker)
            code = worker.process.exitcode or 0
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            return UnitResult(item, problem=f"its worker process {how}", died=True, where=socket.gethostname())
        return result

    def _started(self) -> _Worker[Item]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.function, self.log), daemon=False)
        # numpy reads the threads when it is imported: before `_serve` could say them
        with child_environment(OMP_NUM_THREADS=str(self.threads)):
            process.start()
        theirs.close()
        worker = _Worker[Item](process, ours)
        self._workers.append(worker)
        return worker


def _serve(connection: Connection, function: Function[Item, Value], log: Path) -> None:
    """A worker's life: an item in, its result out, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits; it stops the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        result = run_unit(function, item)
        try:
            connection.send(result)
        except Exception as error:  # what pickle raises depends on the value
            connection.send(replace(result, value=None, problem=f"its result cannot be sent: {error}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
