"""A serial port of a page that leads to a TCP port: what Web Serial gives in a browser with a board on USB.

The page's `navigator.serial.requestPort` gives it, as if a person had chosen it. Its bytes travel over the DevTools
protocol: those of the page as calls of a bound function, those of the board as calls of one of the page's.
"""

import base64
import socket
import time

from browser import Tab

PORT = """(() => {
  let reader = null;
  const port = Object.assign(new EventTarget(), {
    readable: null, writable: null, rates: [],
    getInfo: () => ({}),
    async open({baudRate}) {
      port.rates.push(baudRate);
      port.readable = new ReadableStream({start(controller) { reader = controller; }});
      port.writable = new WritableStream({write(bytes) { toBoard(btoa(String.fromCharCode(...bytes))); }});
    },
    async close() { port.readable = port.writable = reader = null; },
    async setSignals() {},
  });
  window.board = port;
  window.fromBoard = text => reader?.enqueue(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
  window.pulled = () => {
    reader?.error(new DOMException("The device has been lost.", "NetworkError"));
    port.readable = port.writable = null;
    port.dispatchEvent(new Event("disconnect"));
  };
  Object.defineProperty(navigator.serial, "requestPort", {value: async () => port});
})()"""


class SerialInPage:
    """The port of a page that is open in a tab; leads to `socket://host:port`."""

    def __init__(self, tab: Tab, board: str) -> None:
        host, _, number = board.removeprefix("socket://").rpartition(":")
        self._tab, self._line = tab, socket.create_connection((host, int(number)))
        self._line.settimeout(0.005)
        tab.told.clear()
        tab.call("Runtime.addBinding", name="toBoard")
        tab.value(PORT)

    def carry_until(self, expression: str, limit_s: float = 120.0) -> None:
        """Carries bytes both ways until a JavaScript expression is true."""
        end = time.monotonic() + limit_s
        while not self._tab.value(expression):  # what the page tells meanwhile is gathered
            assert time.monotonic() < end, self._tab.value("document.body.innerText")
            while self._tab.told:
                self._line.sendall(base64.b64decode(self._tab.told.pop(0)))
            try:
                data = self._line.recv(65536)
            except TimeoutError:
                continue
            assert data, "the board hung up"
            self._tab.value(f"fromBoard('{base64.b64encode(data).decode()}')")

    def close(self) -> None:
        self._line.close()
