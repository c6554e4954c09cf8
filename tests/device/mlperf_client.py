"""The host's side of MLPerf Tiny's text protocol, as its runner speaks it to a board (performance mode).

In: a `Link`. Out: names, results, times. Written from the protocol's published description (mlcommons/tiny,
benchmark/api, and the runner's guide): commands end in `%`, every answer ends with a line `m-ready`.
"""

import re
import time
from dataclasses import dataclass

from edgekit.device.link import Link
from edgekit.errors import EdgekitError

BYTES_PER_COMMAND = 31  # as the runner sends them; a command holds at most 80 characters
ANSWER_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Timed:
    """One `infer`: its results as text said them, and the microseconds of one run on the device's clock."""

    results: tuple[float, ...]
    us_per_run: float


class MlperfClient:
    """A conversation in text over an open link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._heard = bytearray()

    def command(self, text: str, limit_s: float = ANSWER_LIMIT_S) -> list[str]:
        """Sends one command and returns the lines of its answer, `m-ready` left out.

        Raises:
            EdgekitError: no `m-ready` in time, or a line that begins with `e-`.
        """
        self.link.write(text.encode("ascii") + b"%")
        limit = time.monotonic() + limit_s
        lines: list[str] = []
        while time.monotonic() < limit:
            while b"\n" in self._heard:
                line, _, rest = bytes(self._heard).partition(b"\n")
                self._heard[:] = rest
                lines.append(line.decode("ascii", "replace").strip("\r\0"))
            if lines and lines[-1] == "m-ready":
                break
            self._heard += self.link.read(limit - time.monotonic())
        else:
            raise EdgekitError(f"{self.link.name} does not answer {text[:20]!r}.", "Press EN (reset) and try again.")
        refused = [line for line in lines if line.startswith("e-")]
        if refused:
            raise EdgekitError(f"The board refuses {text[:20]!r}: {refused[0]}", "See firmware/PROTOCOL.md, text mode.")
        return lines[:-1]

    def greet(self, limit_s: float = 6.0) -> str:
        """Sends `name` until it is answered, as the runner does when it looks for boards; returns the device's name."""
        limit = time.monotonic() + limit_s
        heard = b""
        while time.monotonic() < limit:
            self.link.write(b"name%")
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                heard += self.link.read(0.1)
                found = re.search(rb"m-name-\S+-\[(.+)\]\r\n(.*\r\n)*m-ready\r\n", heard)
                if found:
                    while self.link.read(0.1):  # answers to earlier questions, if any
                        pass
                    return found[1].decode("ascii", "replace")
        raise EdgekitError(f"{self.link.name} does not answer 'name%'.", "Check the firmware and press EN (reset).")

    def profile(self) -> dict[str, str]:
        """`profile` and `model`."""
        pairs = (re.fullmatch(r"m-(\w+)-\[(.+)\]", line) for line in self.command("profile"))
        return {pair[1]: pair[2] for pair in pairs if pair}

    def load(self, pixels: bytes) -> None:
        """Sends one image as unsigned bytes.

        Raises:
            EdgekitError: the model takes another number of bytes; hex that got lost.
        """
        self.command(f"db load {len(pixels)}")
        for at in range(0, len(pixels), BYTES_PER_COMMAND):
            lines = self.command(f"db {pixels[at : at + BYTES_PER_COMMAND].hex()}")
            done = "m-load-done" in lines
        if not done:
            raise EdgekitError(
                "The board did not get the whole image.", "Bytes were lost on the line: use eval-device."
            )

    def infer(self, runs: int = 1, warm_ups: int = 0) -> Timed:
        """Runs the loaded image."""
        lines = self.command(f"infer {runs} {warm_ups}")
        laps = [int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
        return Timed(_results(lines), ((laps[1] - laps[0]) & 0xFFFFFFFF) / runs)

    def results(self) -> tuple[float, ...]:
        """The results of the last run."""
        return _results(self.command("results"))


def _results(lines: list[str]) -> tuple[float, ...]:
    for line in lines:
        found = re.fullmatch(r"m-results-\[(.*)\]", line)
        if found:
            return tuple(float(word) for word in found[1].split(",") if word)
    raise EdgekitError("The board's answer holds no results.", "Load an image and run it first.")
