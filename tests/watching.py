"""`edgekit watch` as a process, with the small student."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
INT8 = REPOSITORY / "tests/vectors/student/int8.tflite"
LIMIT_S = 120.0  # that a line may take on a busy machine


class Watching:
    """`edgekit watch` of the small model; its lines as they come."""

    def __init__(self, port: str, folder: Path, *more: str) -> None:
        known = ["--model", str(INT8), "--labels", "NORMAL,PNEUMONIA", "--page-port", "0"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgekit", "watch", "--port", port, *known, *more, str(folder)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        """The next event of `--json`. Fails the test where the process has ended."""
        line = self.line()
        assert line, self.end()
        event: dict[str, Any] = json.loads(line)
        return event

    def line(self) -> str:
        """The next line; empty at the end."""
        return self._lines.get(timeout=LIMIT_S)

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Waits for the end: exit code and stderr."""
        try:
            code = self._process.wait(LIMIT_S)
        finally:
            self._process.kill()
        assert self._process.stderr is not None
        return code, self._process.stderr.read()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")
