"""Units on a Ray cluster: the same work in Ray's workers instead of processes of our own.

In: the function, an address (`local` starts a cluster of this machine alone). Out: an `Executor`. What the function
reads and writes must lie on a file system that every machine of the cluster sees.
"""

import importlib
import logging
import os
import socket
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.executor.units import Executor, Function, Item, UnitResult, Value, run_unit
from edgekit.extras import not_installed

_STARTS = 3
_PACKAGES = Path(__file__).parents[2]  # where edgekit itself is imported from
_QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}


@dataclass
class RayExecutor(Executor[Item, Value]):
    """As many units at once as the cluster has cores, or `size` of them.
    Raises EdgekitError: Ray is not installed, or there is no cluster at the address."""

    function: Function[Item, Value]
    address: str
    size: int = 0
    _ray: Any = None
    _remote: Any = None
    _folder: Path = field(default_factory=Path.cwd)
    _running: dict[Any, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise not_installed("ray") from error
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a task without a GPU of its own may see them
        # Ray puts the working directory first on its workers' path: a numpy.py that lies there would be run
        with chdir(_PACKAGES):
            if self.address == "local":
                _start(ray, self.size or os.cpu_count())
            else:
                _join(ray, self.address)
        self._ray = ray
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.size = min(self.size or cores, cores)
        self._remote = ray.remote(max_retries=0, num_cpus=1)(run_unit_in)  # retries are counted by `execute`

    def start(self, item: Item) -> None:
        self._running[self._remote.remote(self._folder, self.function, item)] = item

    def wait(self) -> list[UnitResult[Item, Value]]:
        ready, _ = self._ray.wait(list(self._running), num_returns=1)
        return [self._result(reference) for reference in ready]

    def close(self) -> None:
        self._ray.shutdown()

    def _result(self, reference: Any) -> UnitResult[Item, Value]:
        item = self._running.pop(reference)
        try:
            result: UnitResult[Item, Value] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # a killed worker, a lost node, no memory
            return UnitResult(item, problem=f"its Ray worker was lost ({type(error).__name__})", died=True, where="ray")
        return result


def run_unit_in(folder: Path, function: Function[Item, Value], item: Item) -> UnitResult[Item, Value]:
    """`run_unit` where the caller's relative paths hold."""
    os.chdir(folder)
    return run_unit(function, item)


def _start(ray: Any, cores: int | None) -> None:
    """A cluster of this machine alone."""
    for left in reversed(range(_STARTS)):
        try:
            ray.init(address="local", num_cpus=cores, include_dashboard=False, **_QUIET)
            return
        except Exception as error:  # Ray raises a bare Exception where its own processes were not up in 30 s
            ray.shutdown()
            if not left:
                raise EdgekitError(
                    f"Ray did not start on this machine: {str(error).splitlines()[0]}",
                    "Try again when it is less busy, or leave out --ray: this machine's own processes do the work.",
                ) from error


def _join(ray: Any, address: str) -> None:
    """The cluster at the address: HOST:PORT, or another form such as `auto`, which is Ray's to judge."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    try:
        if colon and port.isdigit():  # where nothing listens Ray itself would wait for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        ray.init(address=address, **_QUIET)
    except (OSError, ValueError, RuntimeError) as error:
        raise EdgekitError(
            f"There is no Ray cluster at {address}: {str(error).splitlines()[0]}",
            "Start one with `ray start --head` and give its address, or use --ray local; without --ray this "
            "machine's own processes do the work.",
        ) from error
