"""What the server of the page gives, and to whom."""

import io
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.live.events import Begun, Seen, Skipped
from edgekit.live.page import KEPT, USUAL_PORT, Page, serving
from edgekit.live.tally import Tally
from edgekit.pipeline.predict import Answer
from edgekit.values.task import CHEST_XRAY

DEVICE = {"chip": "native", "board": "native", "backend": "aot"}


def png(grey: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (3, 2), grey).save(stream, "PNG")
    return stream.getvalue()


def seen(path: str, grey: int = 0) -> Seen:
    return Seen(path, Answer(Path(path), "NORMAL", (0.75, 0.25), (3, -3)), "", 7, png(grey))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """The page of a folder whose model and board are known."""
    with serving(0) as served:
        served.show(Begun(tmp_path, "m.tflite", served.address, DEVICE, CHEST_XRAY.labels, "", Tally(CHEST_XRAY)))
        yield served


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()


def state(page: Page, after: object = 0) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(get(f"{page.address}state?after={after}")[2])
    return values


def test_a_page_gets_what_happened_since_it_last_asked(page: Page) -> None:
    page.show(seen("a.png", 10))
    page.show(Skipped("b.png", "cannot be read"))
    first = state(page)
    assert [(one["number"], one["path"]) for one in first["entries"]] == [(1, "a.png"), (2, "b.png")]
    assert first["entries"][0]["time"] == "7 us on this computer"
    assert first["entries"][1]["reason"] == "cannot be read"
    assert state(page, after=2)["entries"] == []
    page.show(seen("c.png", 30))
    assert [one["path"] for one in state(page, after=2)["entries"]] == ["c.png"]
    assert get(f"{page.address}picture/1")[2] == png(10)
    assert get(f"{page.address}picture/3")[2] == png(30)


def test_a_damaged_question_is_answered_as_the_first(page: Page) -> None:
    page.show(seen("a.png"))
    for after in ("", "-1", "x", "%00", "1e9"):
        assert len(state(page, after)["entries"]) == 1


@pytest.mark.parametrize(
    "path",
    ["etc/passwd", "../a.png", "..%2fa.png", "a.png", "picture/2", "picture/../a.png", "picture/a.png", "/a.png"],
)
def test_no_address_names_a_file(page: Page, tmp_path: Path, path: str) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    page.show(seen("a.png"))
    status, _, said = get(page.address + path)
    assert (status, said) == (404, b"There is nothing here.\n")


def test_a_page_of_another_host_gets_nothing(page: Page) -> None:
    page.show(seen("a.png"))
    for host in ("evil.example", "127.0.0.1.evil.example:8321", "", "[", "localhost@evil.example"):
        for path in ("", "state", "picture/1"):
            assert get(page.address + path, Host=host)[0] == 403
    for host in ("localhost", "127.0.0.1:9000"):  # behind a tunnel the port is another
        assert get(page.address + "picture/1", Host=host)[0] == 200


def test_browsers_are_told_to_run_nothing_but_the_pages_own_script(page: Page) -> None:
    policies = []
    for _ in range(2):
        _, headers, html = get(page.address)
        policies.append(headers["Content-Security-Policy"])
        nonce = policies[-1].partition("'nonce-")[2].partition("'")[0]
        assert f'<script nonce="{nonce}">'.encode() in html
        assert f"default-src 'none'; script-src 'nonce-{nonce}'" in policies[-1]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert policies[0] != policies[1]


def test_the_latest_pictures_are_kept_and_no_more(page: Page) -> None:
    for number in range(KEPT + 2):
        page.show(seen(f"{number}.png") if number != 60 else Skipped("60.png", "cannot be read"))
    assert [one["path"] for one in state(page)["entries"]] == [f"{number}.png" for number in range(2, KEPT + 2)]
    assert [page.preview(number) is not None for number in (2, 3, 61, KEPT + 2)] == [False, True, False, True]


def test_it_listens_to_this_computer_alone(page: Page) -> None:
    number = int(page.address.rstrip("/").rpartition(":")[2])
    assert page.address == f"http://127.0.0.1:{number}/"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", number), timeout=5)


def test_a_taken_port_is_an_error_where_it_was_asked_for_and_else_another_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(0) as page:
        number = int(page.address.rstrip("/").rpartition(":")[2])
        with (
            pytest.raises(EdgekitError, match=f"Port {number} of this computer cannot serve") as error,
            serving(number),
        ):
            pass
        assert "--page-port" in error.value.hint
    with serving(None), serving(None) as second:  # of the two, the second cannot have the usual one
        assert not second.address.endswith(f":{USUAL_PORT}/")
        assert f"Port {USUAL_PORT} of this computer is taken" in capsys.readouterr().err


def test_the_port_is_free_again_when_the_watch_has_ended() -> None:
    with serving(0) as page:
        address = page.address
    with serving(int(address.rstrip("/").rpartition(":")[2])) as again:
        assert again.address == address
        assert again.run != page.run
