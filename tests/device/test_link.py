"""Ports: what can be wrong with one, and a real terminal in between."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from serial.tools import list_ports_common

from edgekit.cli.device import eval_device_command, profile_command, selftest_command
from edgekit.device.client import Client
from edgekit.device.connection import connected
from edgekit.device.flash import flash
from edgekit.device.link import ControlLines, Port, Rated, find_board, open_link, place_of, ports
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.quantize import to_int8
from edgekit.values.images import ImageSet
from edgekit.values.model import TfliteModel
from serial_line import terminal, terminal_to

STUDENT = Path(__file__).parents[1] / "vectors/student/int8.tflite"


@pytest.fixture
def serial_board(board: str) -> Iterator[str]:
    """The native board behind a terminal device, as a USB serial chip would show it."""
    with terminal_to(board) as path:
        yield path


def test_a_board_on_a_serial_port_gives_the_desktops_bytes_at_a_negotiated_rate(
    serial_board: str, model: TfliteModel, xrays: ImageSet
) -> None:
    link = open_link(serial_board)
    client = Client(link)
    client.hello()
    assert client.negotiate(921600) == 921600
    outcomes = list(client.infer((str(row), to_int8(image).tobytes()) for row, image in enumerate(xrays.images[:20])))
    expected = tflm.run(model, xrays.images[:20])
    assert [o.outputs for o in outcomes] == [row.tobytes() for row in expected]
    link.close()


class RatedLine(Rated):
    """A line to a board that hears and is heard at one rate alone."""

    has_rate = True

    def __init__(self, port: str, rate: int) -> None:
        self._link = open_link(port)
        self.name, self.rate, self.baud = port, rate, 115200

    def read(self, timeout_s: float) -> bytes:
        data = self._link.read(timeout_s)
        return data if self.baud == self.rate else b""

    def write(self, data: bytes) -> None:
        if self.baud == self.rate:
            self._link.write(data)

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self._link.close()


def test_a_board_that_an_earlier_run_left_at_a_higher_rate_is_found(board: str) -> None:
    link = RatedLine(board, 460800)
    assert Client(link).hello(limit_s=0.5, elsewhere=(921600, 460800)).chip == "native"
    assert link.baud == 460800
    link.close()


def test_a_board_is_left_at_the_rate_at_which_the_next_run_looks_for_it(serial_board: str, model: TfliteModel) -> None:
    with connected(serial_board, model, pytest.fail) as client:
        assert client.info.baud == 4_000_000
    with connected(serial_board, model, pytest.fail, baud=115200) as client:
        assert client.info.baud == 115200  # HELLO said so: nothing had to be agreed on


@pytest.mark.parametrize("word", ["emulator", "native", "desktop"])
def test_a_word_that_leads_to_no_line_is_refused_by_commands_that_need_one(word: str, tmp_path: Path) -> None:
    for command in (lambda: open_link(word), lambda: flash(word, tmp_path)):
        with pytest.raises(EdgekitError, match=f"{word} is not a board on a serial line") as caught:
            command()
        assert "auto" in caught.value.hint


def test_a_port_that_does_not_exist_is_named() -> None:
    with pytest.raises(EdgekitError, match="no port /dev/ttyNOPE") as caught:
        open_link("/dev/ttyNOPE")
    assert "--port auto" in caught.value.hint


def test_a_file_is_not_a_serial_port(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a port")
    with pytest.raises(EdgekitError, match=r"notes\.txt is not a serial port"):
        open_link(str(tmp_path / "notes.txt"))


def test_a_port_that_another_program_holds_is_said_to_be_in_use() -> None:
    with terminal() as (_, path):
        holder = open_link(path)
        with pytest.raises(EdgekitError, match="in use by another program") as caught:
            open_link(path)
        assert "serial monitor" in caught.value.hint
        holder.close()


def test_a_port_without_permission_says_which_group_to_join() -> None:
    with terminal() as (_, path):
        Path(path).chmod(0)
        everyone = os.geteuid()
        if everyone == 0:  # root may open everything: be nobody for a moment
            os.seteuid(65534)
        try:
            with pytest.raises(EdgekitError, match="may not open") as caught:
                open_link(path)
        finally:
            os.seteuid(everyone)
        assert "dialout" in caught.value.hint


@pytest.mark.parametrize("url", ["socket://", "socket://here", "socket://127.0.0.1:0", "socket://127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EdgekitError, match=r"socket://host:port|not an address"):
        open_link(url)


def test_an_address_at_which_nothing_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EdgekitError, match=f"socket://127.0.0.1:{port} does not answer: Connection refused"):
        open_link(f"socket://127.0.0.1:{port}")


def test_a_line_that_breaks_says_to_resume() -> None:
    with terminal() as (master, path):
        link = open_link(path)
        os.write(master, b"a")
        assert link.read(1.0) == b"a"
    with pytest.raises(EdgekitError, match="vanished") as caught:
        link.read(1.0)
    assert "--resume" in caught.value.hint


def test_auto_takes_the_one_board_and_names_what_there_is_otherwise() -> None:
    alone = list_ports_common.ListPortInfo("/dev/ttyS0")  # as pyserial lists a computer's own port
    assert ports([alone]) == [Port("/dev/ttyS0", "", None)]
    board, other = Port("/dev/ttyUSB0", "CP2102 USB to UART", "CP210x"), Port("/dev/ttyS0", "ttyS0", None)
    assert find_board([board, other]) == "/dev/ttyUSB0"
    with pytest.raises(EdgekitError, match=r"No ESP32 board.*Other serial ports: /dev/ttyS0"):
        find_board([other])
    with pytest.raises(EdgekitError, match=r"Several boards.*/dev/ttyUSB0 \(CP210x\), /dev/ttyACM0 \(Espressif USB\)"):
        find_board([board, Port("/dev/ttyACM0", "", "Espressif USB")])


def ft2232(device: str, location: str) -> list_ports_common.ListPortInfo:
    """A port of an ESP-Prog or a Wrover-Kit, as pyserial lists it."""
    info = list_ports_common.ListPortInfo(device)
    info.vid, info.pid, info.location, info.product = 0x0403, 0x6010, location, "Dual RS232-HS"
    info.apply_usb_info()
    return info


def test_the_two_ports_of_one_adapter_are_one_board_at_the_second() -> None:
    a, b = ft2232("/dev/ttyUSB9", "1-2:1.0"), ft2232("/dev/ttyUSB10", "1-2:1.1")
    assert find_board(ports([b, a])) == "/dev/ttyUSB10"
    others = [ft2232("/dev/ttyUSB2", "1-3:1.0"), ft2232("/dev/ttyUSB3", "1-3:1.1")]
    with pytest.raises(EdgekitError, match=r"Several boards") as caught:
        find_board(ports([*others, a, b]))
    assert "ttyUSB2" not in str(caught.value)
    assert all(name in str(caught.value) for name in ("/dev/ttyUSB3", "/dev/ttyUSB10"))
    unknown_places = [ft2232("/dev/ttyUSB0", ""), ft2232("/dev/ttyUSB1", "")]
    with pytest.raises(EdgekitError, match=r"ttyUSB0 .*ttyUSB1"):  # may be two boards: nobody guesses
        find_board(ports(unknown_places))


def test_a_board_is_told_by_its_serial_number_where_no_other_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"/dev/ttyUSB0": "A1", "/dev/ttyUSB1": "0001", "/dev/ttyUSB2": "0001", "/dev/ttyUSB3": None}
    listed = [list_ports_common.ListPortInfo(device) for device in numbers]
    for info in listed:
        info.serial_number = numbers[info.device]
    monkeypatch.setattr("edgekit.device.link.list_ports.comports", lambda: listed)
    for port in ("auto", "/dev/ttyUSB0"):
        assert place_of(port, "/dev/ttyUSB0") == "A1"  # the same board at another port goes on
    for port in ("/dev/ttyUSB1", "/dev/ttyUSB2", "/dev/ttyUSB3", "socket://10.0.0.7:3333"):
        assert place_of(port, port) == port
    assert place_of("native", "socket://127.0.0.1:40001") == "native"  # whose port is another in every run


def test_dtr_and_rts_are_set_as_asked_before_the_port_is_open() -> None:
    with terminal() as (_, path):
        link = open_link(path, lines=ControlLines(dtr=False, rts=False))
        assert (link._serial.dtr, link._serial.rts) == (False, False)  # type: ignore[union-attr]
        link.close()


def test_a_socket_has_neither_dtr_nor_rts(board: str) -> None:
    with pytest.raises(EdgekitError, match="has no DTR and RTS"):
        open_link(board, lines=ControlLines(dtr=False))
    for command in (eval_device_command, selftest_command, profile_command):
        words = ["--port", board, "--dtr", "off", *([str(STUDENT)] if command is profile_command else [])]
        done = CliRunner().invoke(command, words)
        assert "has no DTR and RTS" in str(done.exception), command.name


@pytest.mark.parametrize("name", ["COM3", r"\\.\COM10"])
def test_a_port_of_windows_is_taken_as_any_other(name: str, built: Path) -> None:
    """There is none here, and each command says so of that very name."""
    board, other = list_ports_common.ListPortInfo(name), list_ports_common.ListPortInfo("COM1")
    board.vid, board.pid = 0x10C4, 0xEA60
    assert find_board(ports([other, board])) == name
    for command in (selftest_command, eval_device_command):
        said = CliRunner().invoke(command, ["--port", name])
        assert isinstance(said.exception, EdgekitError)
        assert said.exception.message == f"There is no port {name}."
    with pytest.raises(EdgekitError) as raised:
        flash(name, built)
    assert raised.value.message == f"{name} cannot be opened."
