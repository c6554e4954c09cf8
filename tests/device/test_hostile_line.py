"""Lines that lead back to the host, are slower than what they carry, or carry garbage without an end."""

import socket
import threading
import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest

from edgekit.device import retransmit
from edgekit.device.client import Client
from edgekit.device.link import Rated, SocketLink, open_link
from edgekit.device.protocol import messages
from edgekit.device.protocol.frames import Decoder
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


def test_garbage_of_any_size_keeps_the_decoder_small() -> None:
    decoder, garbage = Decoder(), np.random.default_rng(0).integers(1, 256, 65536, np.uint8).tobytes()
    tracemalloc.start()
    for _ in range(300):  # 19 MB without a delimiter
        assert decoder.feed(garbage) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert decoder.feed(b"\0" + messages.encode(messages.Hello(1)))
    assert len(decoder.unframed()) <= 4096


def test_a_device_that_sends_garbage_without_an_end_fills_no_memory() -> None:
    garbage = np.random.default_rng(0).integers(1, 256, 1 << 20, np.uint8).tobytes()

    def pour() -> None:
        with listener.accept()[0] as host, suppress(OSError):
            for _ in range(92):
                host.sendall(garbage)
            host.shutdown(socket.SHUT_WR)
            while host.recv(64):  # questions left unread would cut off what is on its way
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=pour, daemon=True).start()
        client = Client(open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}"))
        tracemalloc.start()
        with pytest.raises(EdgekitError, match=r"127\.0\.0\.1"):
            client.hello(limit_s=60.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        client.link.close()
    assert client.counts.received_bytes == 92 << 20
    assert peak < 4 << 20
