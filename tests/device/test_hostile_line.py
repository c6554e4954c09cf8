"""Lines that lead back to the host, or are slower than what they carry."""

import socket
import threading
import time

import pytest

from edgekit.device import retransmit
from edgekit.device.client import Client
from edgekit.device.link import Rated, SocketLink, open_link
from edgekit.device.protocol import messages
from edgekit.errors import EdgekitError
from edgekit.testing.fault_proxy import FaultProxy


def test_a_raw_echo_that_was_left_open_is_waited_out(client: Client) -> None:
    client.hello()
    client.ask(messages.RawEcho(1_000_000), messages.EchoReady)
    fresh = Client(client.link)  # of the next command
    begin = time.monotonic()
    assert fresh.hello().chip == "native"
    assert time.monotonic() - begin < 3


def test_a_line_whose_ends_touch_is_said_to_echo() -> None:
    def echo() -> None:
        with listener.accept()[0] as host:
            while data := host.recv(1000):
                host.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, daemon=True).start()
        link = open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(EdgekitError, match="comes back as it is"):
            Client(link).hello(limit_s=0.5)
        link.close()


class SlowLine(Rated):
    """A serial line to a board: what is written at once travels at the rate that was set."""

    has_rate = True

    def __init__(self, port: str) -> None:
        self.name, self.baud = port, 115200
        self._proxy = FaultProxy(port, watch=self._travel)
        self._link = SocketLink(self._proxy.port)
        self.read, self.write = self._link.read, self._link.write

    def _travel(self, _direction: str, data: bytes) -> bool:
        time.sleep(self.line_s(len(data)))
        return False

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self._link.close()
        self._proxy.close()


def test_an_image_that_travels_longer_than_a_board_may_be_silent_arrives(board: str) -> None:
    line = SlowLine(board)
    client = Client(line)  # type: ignore[arg-type]
    assert client.hello().baud == 115200
    assert client.negotiate(1200) == 1200
    begin = time.monotonic()
    (outcome,) = client.infer([("slow", bytes(1024))])
    assert len(outcome.outputs) == 2
    assert time.monotonic() - begin > retransmit.SILENCE_LIMIT_S
    assert client.counts.retries == 0
    line.close()
