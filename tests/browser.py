"""A headless Chromium, spoken to over a pipe by the DevTools protocol: what a page looks like, measured."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip

# For each text with letters: its contrast (WCAG 2.1) with the nearest background behind it. Text over a coloured patch
# of a drawing is judged by the patch as painted.
CONTRASTS = """(() => {
  const rgb = text => { const m = text.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const light = c => c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (e.tagName === 'title' || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    let back = behind(e);
    if (e.tagName === 'text') {
      const box = e.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
      for (const r of e.closest('svg').querySelectorAll('rect.bar')) {
        const b = r.getBoundingClientRect();
        if (b.left <= x && x <= b.right && b.top <= y && y <= b.bottom && !(r.compareDocumentPosition(e) & 2)) {
          const fill = rgb(getComputedStyle(r).fill);
          fill[3] = Number(getComputedStyle(r).fillOpacity);
          back = over(fill, back);
        }
      }
      found.push([e.textContent, ratio(over(rgb(style.fill), back), back)]);
    } else found.push([e.textContent.trim().slice(0, 40), ratio(over(rgb(style.color), back), back)]);
  }
  return found;
})()"""

# Texts of drawings that leave their drawing, or lie on one another.
MISPLACED = """(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const all = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([text, b], i) => {
      if (b.left < all.left - 1 || b.right > all.right + 1 || b.top < all.top - 1 || b.bottom > all.bottom + 1)
        found.push(text + ' leaves its drawing');
      for (const [other, o] of texts.slice(i + 1)) {
        const wide = Math.min(b.right, o.right) - Math.max(b.left, o.left);
        const high = Math.min(b.bottom, o.bottom) - Math.max(b.top, o.top);
        if (wide > 2 && high > 5) found.push(text + ' lies on ' + other);
      }
    });
  }
  return found;
})()"""

# Tables and drawings that their box cuts off, by the box's name.
CUT_OFF = """[...document.querySelectorAll('.scroll, figure, .operating')]
  .filter(box => box.scrollWidth > box.clientWidth + 1)
  .map(box => `${box.ariaLabel ?? box.textContent.trim().slice(0, 40)}: ${box.scrollWidth} in ${box.clientWidth}`)"""


def program() -> str | None:
    """Where Chromium is, if anywhere."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tab:
    """One tab. `requests` are the addresses that it asked for since the last `open`; `told` is what its pages gave to
    functions that `Runtime.addBinding` made."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer, self._number, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.told: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command; an error fails the test."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def open(
        self, page: Path | str, *, width: int = 1200, height: int = 900, dark: bool = False, media: str = ""
    ) -> None:
        """Loads a file, or what an address leads to, in a window of that size."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.requests.clear()
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is worth on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, limit_s: float = 60.0) -> Any:
        """The first true value of an expression that is asked over and over; none fails the test."""
        end = time.monotonic() + limit_s
        while not (value := self.value(expression)):
            assert time.monotonic() < end, f"{expression} did not come true: {self.value('document.body.innerText')}"
            time.sleep(0.1)
        return value

    def click(self, selector: str) -> None:
        """A click of the mouse on an element, which counts as a person's."""
        self.value(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        box = f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelector({json.dumps(selector)})"
        x, y = self.value(f"{box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def assert_readable(self, path: Path) -> None:
        """A page of this program on a phone by day and at a desk by night: nothing is cut off, covered, faint or taken
        from a network."""
        for width, dark in ((360, False), (420, True), (1200, True)):
            self.open(path, width=width, dark=dark)
            assert self.value("document.documentElement.scrollWidth") <= width
            assert self.value(CUT_OFF) == []
            assert self.value(MISPLACED) == []
            assert {text for text, ratio in self.value(CONTRASTS) if ratio < 4.5} == set()
            assert [url for url in self.requests if not url.startswith("data:")] == [path.as_uri()]
            assert self.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._from, 1 << 20)
            assert chunk, "the browser ended"
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Runtime.bindingCalled":
            self.told.append(message["params"]["payload"])
        return message


@contextmanager
def tab(profile: Path, *flags: str) -> Iterator[Tab]:
    """A tab of a browser of its own, with a fresh profile and further flags."""
    read_commands, to_browser = os.pipe()
    from_browser, write_answers = os.pipe()
    for end in (read_commands, write_answers):
        os.set_inheritable(end, True)
    # the browser reads commands from descriptor 3 and writes answers to 4
    command = ["bash", "-c", f'exec "$@" 3<&{read_commands} 4>&{write_answers}', "-", str(program()), *FLAGS, *flags]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(read_commands, write_answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(read_commands)
    os.close(write_answers)
    try:
        yield Tab(to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(20)
        os.close(to_browser)
        os.close(from_browser)
