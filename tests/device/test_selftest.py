"""The self-test: what it finds, what it does not blame, and what it keeps."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.compile import Compiled
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.connection import connected
from edgekit.device.firmware import model_sources
from edgekit.device.link import open_link
from edgekit.device.protocol import frames, messages
from edgekit.device.protocol.codes import BoardKind
from edgekit.device.selftest import Check, round_trips_s, selftest
from edgekit.values.model import TfliteModel


def test_the_selftest_passes_on_the_emulated_board(model: TfliteModel, compiled: Compiled) -> None:
    with connected("emulator", model, lambda: model_sources(model, compiled), baud=921600) as client:
        failed = {check.name for check in selftest(client, model) if not check.passed}
    assert failed == set()


def test_the_selftest_finds_a_model_that_computes_something_else(model: TfliteModel, compiled: Compiled) -> None:
    # the same hash in front of other arithmetic: a mean that is one too high somewhere
    wrong = dict(compiled.files)
    place = wrong["model.c"].rindex("}")
    wrong["model.c"] = wrong["model.c"][:place] + "  output[0] = (int8_t)(output[0] ^ 1);\n" + wrong["model.c"][place:]
    with connected("native", model, lambda: model_sources(model, replace(compiled, files=wrong))) as client:
        failed = {check.name for check in selftest(client, model) if not check.passed}
    assert failed == {"byte-exact", "repeatable"}


def test_frames_leave_over_90_percent_of_the_bytes_to_the_payload_and_both_echoes_are_whole(
    emulated: Path, native: Path
) -> None:
    payload = bytes(128 + (i * 37 & 127) for i in range(messages.CHUNK_BYTES))
    line = messages.encode(messages.Ping(payload), 0)
    assert len(payload) / len(line) >= 0.9  # of bytes; `selftest` measures the rate
    for program in (emulated, native):
        with firmware.running(program) as port:
            client = Client(open_link(port))
            client.hello()
            assert min(round_trips_s(client, 100 * messages.CHUNK_BYTES)) > 0  # raises where a byte was lost
            client.link.close()


def checks_through(
    through: Callable[..., Client], model: TfliteModel, watch: Callable[[str, bytes], bool]
) -> dict[str, Check]:
    client = through(watch=watch)
    client.hello()
    return {check.name: check for check in selftest(client, model)}


class Rounds:
    """Follows the throughput test on the line: which round goes on, and whether the bytes are the raw echo's."""

    def __init__(self) -> None:
        self.count, self.echoing, self._left, self._decoder = 0, False, 0, frames.Decoder()

    def begins(self, direction: str, data: bytes) -> bool:
        """Whether these are the first bytes of a raw echo on their way to the board."""
        if direction == "down":
            return False
        first = self._left > 0 and not self.echoing
        self.echoing = self._left > 0
        if self.echoing:
            self._left -= len(data)
        else:
            asked = [f for f in self._decoder.feed(data) if f.type == messages.RawEcho.TYPE]
            self._left = messages.RawEcho.unpack(asked[0].payload).count if asked else 0
        self.count += first
        return first


def test_a_line_that_pauses_once_has_lost_nothing(through: Callable[..., Client], model: TfliteModel) -> None:
    rounds = Rounds()

    def pause(direction: str, data: bytes) -> bool:
        if rounds.begins(direction, data) and rounds.count == 2:
            time.sleep(4.0)
        return False

    checks = checks_through(through, model, pause)
    assert [check for check in checks.values() if not check.passed] == []
    assert "one round repeated" in checks["line"].found


def test_a_line_that_loses_bytes_fails_its_own_check_and_no_other(
    through: Callable[..., Client], model: TfliteModel
) -> None:
    checks = checks_through(through, model, Rounds().begins)
    assert {name for name, check in checks.items() if not check.passed} == {"line"}
    assert "of 23,040 bytes came back" in checks["line"].found
    assert "or the line paused for over a second" in checks["line"].found


@pytest.mark.parametrize(("slow_rounds", "passes"), [(4, True), (100, False)])
def test_frames_of_a_real_board_are_slow_only_where_they_are_in_every_round(
    through: Callable[..., Client], model: TfliteModel, slow_rounds: int, passes: bool
) -> None:
    rounds = Rounds()

    def slow(direction: str, data: bytes) -> bool:
        if rounds.begins(direction, data):
            time.sleep(0.15)  # whatever this computer is busy with, frames are not slower than that
        if direction == "down" and not rounds.echoing and 0 < rounds.count <= slow_rounds:
            time.sleep(len(data) / 40_000)
        return False

    client = through(watch=slow)
    client.hello()
    client.info = replace(client.info, board=BoardKind.REAL)
    checks = {check.name: check for check in selftest(client, model)}
    assert checks["line"].passed is passes, checks["line"].found
    assert [name for name, check in checks.items() if not check.passed] == ["line"] * (not passes)


def test_a_board_that_vanishes_keeps_the_checks_that_passed(through: Callable[..., Client], model: TfliteModel) -> None:
    decoder, answers = frames.Decoder(), []

    def silent(direction: str, data: bytes) -> bool:
        if direction == "down":
            answers.extend(frame for frame in decoder.feed(data) if frame.type == messages.Result.TYPE)
        return direction == "down" and len(answers) > 17  # of 19 golden inputs

    checks = checks_through(through, model, silent)
    assert checks["arena"].passed
    assert not checks["finished"].passed
    assert "vanished" in checks["finished"].found
