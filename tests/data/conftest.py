"""A small, real folder of images in the layout of the public release, and a real web server that can misbehave."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image


def _write_image(path: Path, seed: int, mode: str = "L", size: tuple[int, int] = (40, 30)) -> Path:
    """A noisy picture that no other seed equals. size is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    if mode == "I;16":
        Image.fromarray(pixels.astype(np.uint16) * 256).save(path, format="PNG")
    else:
        Image.fromarray(pixels).convert(mode).save(path)
    return path


def _write_release(root: Path, patients: int = 8) -> Path:
    """train and test with two images a patient, named as in the public release."""
    seed = 0
    for split, count in (("train", patients), ("test", 3)):
        for patient in range(1, count + 1):
            number = patient + (0 if split == "train" else 500)
            for view in (1, 2):
                seed += 2
                _write_image(root / split / "NORMAL" / f"IM-{number:04d}-{view:04d}.jpeg", seed)
                _write_image(root / split / "PNEUMONIA" / f"person{number}_bacteria_{view}.jpeg", seed + 1)
    return root


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return _write_release(tmp_path / "xrays")


@pytest.fixture
def write_image() -> Callable[..., Path]:
    return _write_image


@pytest.fixture
def write_release() -> Callable[..., Path]:
    return _write_release


class Server:
    """Serves `files` with Range support. `cut_after` ends the next answers early, one entry an answer."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        self.ranges_honoured = True
        self.requests: list[tuple[str, str]] = []  # path, Range header
        self.pause: Callable[[], None] = lambda: None  # called in the middle of each body


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = urlsplit(self.path).path.lstrip("/")
            asked = self.headers.get("Range", "")
            state.requests.append((name, asked))
            if name not in state.files:
                self.send_error(404)
                return
            content = state.files[name]
            match = re.fullmatch(r"bytes=(\d+)-", asked) if state.ranges_honoured else None
            begin = int(match[1]) if match else 0
            if match and begin >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if match else 200)
            if match:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            body = content[begin:]
            if state.cut_after:
                body = body[: state.cut_after.pop(0)]
            with contextlib.suppress(ConnectionError):  # the client may have been stopped
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                state.pause()
                self.wfile.write(body[len(body) // 2 :])

        def log_message(self, format: str, *args: object) -> None:
            """Stays silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state = Server(f"http://127.0.0.1:{http.server_address[1]}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
