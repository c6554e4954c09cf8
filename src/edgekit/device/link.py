"""The line to a board: a serial device, `auto` (the board found by its USB ids) or `socket://host:port`.

In: a port's name. Out: a `Link` that reads and writes bytes. Every way in which a port can fail is one EdgekitError.
"""

import errno
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from edgekit.boards.board import FT2232, usb_name
from edgekit.errors import EdgekitError

CHIP_PORT = "qemu-esp32"  # the board's whole chip in its vendor's QEMU
STARTED = ("emulator", "native", CHIP_PORT)  # words of --port at which edgekit starts a board by itself
FIRST_BAUD = 115200
BITS_A_BYTE = 10  # on a serial line: start and stop bit
WRITE_LIMIT_S = 7.0  # besides the time that the bytes take at the line's rate


class Rated:
    """What is known of the time that bytes take on a line."""

    baud: int

    def line_s(self, byte_count: int) -> float:
        """Seconds that so many bytes take in one direction."""
        return byte_count * BITS_A_BYTE / self.baud


@dataclass(frozen=True, slots=True)
class ControlLines:
    """What DTR and RTS are set to when a serial port is opened; None: as the system has it, which asserts both. They
    drive EN and BOOT of many boards, some of which stand still while both are asserted."""

    dtr: bool | None = None
    rts: bool | None = None


AS_THE_SYSTEM = ControlLines()


class SerialLink(Rated):
    """Bytes in both directions over a serial line. Every method raises EdgekitError when the line is gone."""

    has_rate = True  # False where a baud rate means nothing

    def __init__(self, port: str, baud: int, lines: ControlLines = AS_THE_SYSTEM) -> None:
        self.name, self.baud = port, baud
        try:
            self._serial: Any = serial.Serial(None, baud, timeout=0, exclusive=True)
            if lines.dtr is not None:
                self._serial.dtr = lines.dtr
            if lines.rts is not None:
                self._serial.rts = lines.rts
            self._serial.port = port
            self._serial.open()
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise _explain(port, error) from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, waiting up to timeout_s for the first byte; empty where nothing came."""
        with _or_gone(self.name):
            self._serial.timeout = timeout_s
            data: bytes = self._serial.read(1)
            return data + self._serial.read(self._serial.in_waiting) if data else b""

    def write(self, data: bytes) -> None:
        with _or_gone(self.name):
            self._serial.write_timeout = WRITE_LIMIT_S + self.line_s(len(data))
            self._serial.write(data)

    def set_baud(self, baud: int) -> None:
        try:
            self._serial.flush()
            self._serial.baudrate = baud
        except (OSError, ValueError) as error:
            raise EdgekitError(f"{self.name} cannot run at {baud} baud.", "Give a lower --baud.") from error
        self.baud = baud

    def close(self) -> None:
        self._serial.close()


class SocketLink(Rated):
    """The same over TCP. Behind it may be a serial line, which then has the rate at which boards begin."""

    has_rate = False

    def __init__(self, url: str) -> None:
        self.name, self.baud = url, FIRST_BAUD
        host, colon, number = url.removeprefix("socket://").rstrip("/").rpartition(":")
        if not colon or not number.isdigit() or not 0 < int(number) < 65536:
            raise EdgekitError(f"{url} is not an address.", "Write it as socket://host:port.")
        try:
            self._socket = socket.create_connection((host.strip("[]"), int(number)), timeout=5)
        except OSError as error:
            raise EdgekitError(
                f"{url} does not answer: {error.strerror or error}.",
                "Start the firmware or the serial server there, and check host and port.",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, timeout_s: float) -> bytes:
        with _or_gone(self.name):
            self._socket.settimeout(max(timeout_s, 0.001))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return b""
            if not data:
                raise ConnectionResetError
            return data

    def write(self, data: bytes) -> None:
        with _or_gone(self.name):
            self._socket.settimeout(WRITE_LIMIT_S + self.line_s(len(data)))
            self._socket.sendall(data)

    def set_baud(self, baud: int) -> None:
        pass

    def close(self) -> None:
        self._socket.close()


Link = SerialLink | SocketLink


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port of this computer. `chip` is None where the USB ids are not those of an ESP32 board."""

    device: str
    description: str
    chip: str | None
    location: str = ""  # on USB, as `1-2`, or `1-2:1.0` where one adapter shows several ports


def ports(listed: Iterable[ListPortInfo] | None = None) -> list[Port]:
    """The serial ports of this computer (or those that pyserial `listed`), boards first."""
    found = [
        Port(
            info.device, "" if info.description in (None, "n/a") else info.description,
            None if info.vid is None else usb_name(info.vid, info.pid), info.location or "",
        )
        for info in (list_ports.comports() if listed is None else listed)
    ]  # fmt: skip
    return sorted(found, key=lambda port: (port.chip is None, _numbered(port.device)))


def board_ports(found: list[Port]) -> list[Port]:
    """Those that may lead to a board, one for each: of an FT2232's two, at one USB location, the last."""
    boards = {}
    for port in found:
        if port.chip is not None:
            adapter = port.location.partition(":")[0]
            boards[(port.chip, adapter) if port.chip == FT2232 and adapter else port.device] = port
    return list(boards.values())


def _numbered(device: str) -> list[tuple[int, str]]:
    """A key that puts ttyUSB9 before ttyUSB10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", device)]


def find_board(found: list[Port] | None = None) -> str:
    """The one port that leads to a board. Raises EdgekitError: no board, or several; names what there is."""
    known = ports() if found is None else found
    boards = board_ports(known)
    if len(boards) == 1:
        return boards[0].device
    if boards:
        names = ", ".join(f"{port.device} ({port.chip})" for port in boards)
        raise EdgekitError(f"Several boards are connected: {names}.", f"Choose one, e.g. --port {boards[0].device}.")
    others = ", ".join(port.device for port in known)
    raise EdgekitError(
        "No ESP32 board was found on USB." + (f" Other serial ports: {others}." if others else ""),
        "Connect the board with a data cable (not a charging one), run `edgekit doctor`, or use --port emulator.",
    )


def place_of(port: str, opened: str) -> str:
    """What tells the board at `port` (as the user named it) from others of its kind: the word of a started one, the
    serial number of its USB chip where no other here has the same, or the port that was opened."""
    if port in STARTED:
        return port
    numbers = {info.device: info.serial_number for info in list_ports.comports()}
    number = numbers.get(opened)
    return number if number and list(numbers.values()).count(number) == 1 else opened


def open_link(port: str, baud: int = FIRST_BAUD, lines: ControlLines = AS_THE_SYSTEM) -> Link:
    """Opens a port. Raises EdgekitError, which says what to do: no such port, no permission, in use, no answer."""
    if port == "auto":
        port = find_board()
    refuse_word(port)
    if not port.startswith("socket://"):
        return SerialLink(port, baud, lines)
    if lines != AS_THE_SYSTEM:
        raise EdgekitError(f"{port} has no DTR and RTS.", "Leave --dtr and --rts out: serial devices alone have them.")
    return SocketLink(port)


def refuse_word(port: str) -> None:
    """Raises EdgekitError where `port` is a word of --port that leads to no line."""
    if port in (*STARTED, "desktop"):
        raise EdgekitError(
            f"{port} is not a board on a serial line, so this command has nothing to do there.",
            "Give a serial device, auto or socket://HOST:PORT. `edgekit eval-device` takes "
            f"{', '.join(STARTED)}, desktop.",
        )


def join_group(name: str) -> str:
    """What gives a user of Linux access to the serial devices of a group."""
    return f"sudo usermod -a -G {name} $USER, then log in again."


@contextmanager
def _or_gone(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, TypeError) as error:  # TypeError: a serial port that was closed under its reader
        raise EdgekitError(
            f"The board at {name} vanished: the connection broke.",
            "Check cable and power, then run the command again (eval-device with --resume).",
        ) from error


def _explain(port: str, error: Exception) -> EdgekitError:
    number = getattr(error, "errno", None)
    if number is None and isinstance(error.__context__, OSError):
        number = error.__context__.errno
    known = ", ".join(p.device for p in ports()) or "none"
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFound" in str(error):
        return EdgekitError(
            f"There is no port {port}.", f"Ports of this computer: {known}. --port auto looks for a board."
        )
    if number in (errno.EACCES, errno.EPERM) or "Permission" in str(error) or "Access is denied" in str(error):
        return EdgekitError(
            f"You may not open {port}, or another program holds it.",
            f"On Linux: {join_group('dialout')} Close serial monitors.",
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return EdgekitError(f"{port} is in use by another program.", "Close the serial monitor that holds it.")
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR) or "Could not configure port" in str(error):
        return EdgekitError(f"{port} is not a serial port.", f"Ports of this computer: {known}.")
    return EdgekitError(f"{port} cannot be opened: {error}.", "Run `edgekit doctor`.")
