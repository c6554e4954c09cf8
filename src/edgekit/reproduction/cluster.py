"""Units on a Ray cluster: the same work in Ray's workers instead of our own.

In: an address (`local` starts a cluster of this machine alone). Out: a `Crew`. --out and --data must lie on a file
system that every machine of the cluster sees.
"""

import importlib
import logging
import os
import socket
from dataclasses import dataclass, field
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.reproduction.executor import Ended, carry_out_unit
from edgekit.reproduction.plan import Unit
from edgekit.reproduction.work import Settings

_STARTS = 3


@dataclass
class RayCrew:
    """As many units at once as the cluster has cores.

    Raises:
        EdgekitError: Ray is not installed, or there is no cluster at the address.
    """

    settings: Settings
    address: str
    size: int = 0
    _ray: Any = None
    _task: Any = None
    _running: dict[Any, Unit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise EdgekitError("Ray is not installed.", "Run: pip install 'edgekit[build,cluster]'") from error
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a task without a GPU of its own may see them
        if self.address == "local":
            self._start(ray)
        else:
            self._join(ray)
        self._ray = ray
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.size = min(self.size or cores, cores)
        self._task = ray.remote(max_retries=0, num_cpus=1)(carry_out_unit)  # retries are counted by `schedule`

    def _start(self, ray: Any) -> None:
        for left in reversed(range(_STARTS)):
            try:
                ray.init(
                    address="local", num_cpus=self.size or os.cpu_count(), include_dashboard=False,
                    log_to_driver=False, logging_level=logging.ERROR,
                )  # fmt: skip
            except Exception as error:  # Ray raises a bare Exception where its own processes were not up in 30 s
                ray.shutdown()
                if not left:
                    raise EdgekitError(
                        f"Ray did not start on this machine: {str(error).splitlines()[0]}",
                        "Try again when it is less busy, or leave out --ray: this machine's own processes do the work.",
                    ) from error
            else:
                return

    def _join(self, ray: Any) -> None:
        try:
            _reach(self.address)  # Ray itself would wait for minutes
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise EdgekitError(
                f"There is no Ray cluster at {self.address}: {str(error).splitlines()[0]}",
                "Start one with `ray start --head` and give its address, or use --ray local; without --ray this "
                "machine's own processes do the work.",
            ) from error

    def start(self, unit: Unit) -> None:
        """See `Crew`."""
        self._running[self._task.remote(self.settings, unit)] = unit

    def wait(self) -> list[Ended]:
        """See `Crew`."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1)
        return [self._heard(reference) for reference in ready]

    def close(self) -> None:
        """See `Crew`."""
        self._ray.shutdown()

    def _heard(self, reference: Any) -> Ended:
        unit = self._running.pop(reference)
        try:
            ended: Ended = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # a killed worker, a lost node, no memory
            return Ended(unit, f"its Ray worker was lost ({type(error).__name__})", died=True, where="ray")
        return ended


def _reach(address: str) -> None:
    """OSError where nothing listens at HOST:PORT. Other forms, such as `auto`, are Ray's to judge."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
