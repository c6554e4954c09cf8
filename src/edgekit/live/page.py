"""The page of a watch, served to this computer alone by the standard library.

In: what happens (`Begun`, `Seen`, `Skipped`). Out: an address of which a browser gets one page, what happened since it
last asked, and the pictures that were sent to the board. These are kept in memory: no request ever names a file.
"""

import json
import os
import re
import secrets
import socket
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from importlib.resources import files as package_files
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edgekit.errors import EdgekitError, printable
from edgekit.files import print_warning
from edgekit.live.events import Begun, Event, Seen, Skipped
from edgekit.report.render_html import stylesheet

USUAL_PORT = 8321
KEPT = 120  # pictures that the page can still show
SHOWN_CLASSES = 8
HERE = "127.0.0.1"
_FOREIGN_HOST = "This page is for this computer: ask for 127.0.0.1 or localhost."


@dataclass(slots=True)
class Page:
    """What the page shows; written by the watch, read by the server's threads."""

    address: str
    run: str = field(default_factory=lambda: secrets.token_hex(8))  # an open page sees by it that another watch began
    _begun: Begun | None = None
    _number: int = 0  # of the latest entry
    _entries: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _previews: dict[int, bytes] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def show(self, event: Event) -> None:
        """Adds what happened."""
        with self._lock:
            if isinstance(event, Begun):
                self._begun = event
                return
            self._number += 1
            if isinstance(event, Skipped):
                entry: dict[str, Any] = {"path": event.path, "reason": event.reason}
            else:
                entry = _answer(event, self._begun)
                self._previews[self._number] = event.preview
            self._entries.append({"number": self._number, **entry})
            for number in [number for number in self._previews if number < self._entries[0]["number"]]:
                del self._previews[number]

    def preview(self, number: int) -> bytes | None:
        """The PNG of an entry; None of one that is not kept."""
        with self._lock:
            return self._previews.get(number)

    def state(self, after: int) -> dict[str, Any]:
        """What happened after the entry of that number, and the counts, as JSON values."""
        with self._lock:
            begun = self._begun
            entries = [entry for entry in self._entries if entry["number"] > after]
        if begun is None:
            return {"run": self.run, "entries": []}
        tally = begun.tally
        return {
            "run": self.run,
            "folder": printable(str(begun.folder)),
            "model": printable(begun.model),
            "domain": begun.domain,
            "board": begun.board,
            "entries": entries,
            "counts": tally.in_words(),
            "outputs": begun.labels,
            "labels": tally.labels,
            "matrix": tally.matrix if tally.labelled else [],
        }


def _answer(seen: Seen, begun: Begun | None) -> dict[str, Any]:
    answer = seen.answer
    return {
        "path": seen.path,
        "label": answer.label,
        "truth": seen.truth,
        "probabilities": answer.probabilities,
        "values": [f"{value:.5g}" for value in answer.values[:SHOWN_CLASSES]],
        "time": begun.time(seen) if begun else "",
    }


@contextmanager
def serving(port: int | None) -> Iterator[Page]:
    """Serves a page at 127.0.0.1 while the block lasts.

    Args:
        port: TCP port, 0 for a free one; None for USUAL_PORT or, where that is taken, a free one.

    Raises:
        EdgekitError: the given port is taken, or may not be used.
    """
    with _bound(port) as server:
        page = server.page = Page(f"http://{HERE}:{server.server_address[1]}/")
        thread = Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield page
        finally:
            server.shutdown()


def _bound(port: int | None) -> "_Server":
    try:
        return _Server((HERE, USUAL_PORT if port is None else port), _Handler)
    except OSError as error:
        if port is None:
            print_warning(f"Port {USUAL_PORT} of this computer is taken ({error.strerror}): the page gets another.")
            return _bound(0)
        raise EdgekitError(
            f"Port {port} of this computer cannot serve the page: {error.strerror or error}.",
            "Give another --page-port, or leave it out: then a free one is taken.",
        ) from error


class _Server(ThreadingTCPServer):
    """Not http.server's own, which looks up this computer's name first."""

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # on Windows that would let two programs share the port
    page: Page

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """A browser that hangs up is no news; a fault of ours is."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_GET(self) -> None:
        """The page, what happened, or a picture; nothing else, and to no page of another host: a foreign name that
        leads to 127.0.0.1 could read them."""
        asked, page = urlsplit(self.path), self.server.page
        if not re.fullmatch(r"(127\.0\.0\.1|localhost)(:\d+)?", self.headers.get("Host", "")):
            self._send(_FOREIGN_HOST.encode(), "text/plain; charset=utf-8", HTTPStatus.FORBIDDEN)
        elif asked.path == "/":
            nonce = secrets.token_urlsafe(16)
            self._send(_html(nonce), "text/html; charset=utf-8", policy=_policy(nonce))
        elif asked.path == "/state":
            after = parse_qs(asked.query).get("after", ["0"])[0]
            state = page.state(int(after) if after.isdecimal() else 0)
            self._send(json.dumps(state).encode(), "application/json")
        elif (named := re.fullmatch(r"/picture/(\d{1,12})", asked.path)) and (png := page.preview(int(named[1]))):
            self._send(png, "image/png")
        else:
            self._send(b"There is nothing here.\n", "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)

    def _send(
        self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, policy: str = "default-src 'none'"
    ) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        """No versions."""
        return "edgekit"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal is for answers."""


def _policy(nonce: str) -> str:
    own = f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _html(nonce: str) -> bytes:
    text = (package_files("edgekit.live") / "page.html").read_text(encoding="utf-8")
    return text.replace("{{style}}", stylesheet()).replace("{{nonce}}", nonce).encode()
