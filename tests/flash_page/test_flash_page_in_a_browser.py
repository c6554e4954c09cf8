"""The page in Chromium: up to the dialog of ports, and from there with a chip in its bootloader behind the port."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import browser
from edgekit.boards.board import ESP32
from edgekit.device.esptool import Esptool
from edgekit.flash_page.build import PAGE, flash_page
from edgekit.tflite.model import read_tflite
from edgekit.values.shipped import DEFAULT_MODEL
from images_built import write_build_of
from serial_in_a_page import SerialInPage

pytestmark = pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")

BUTTON, ENDED = "#flash", "!document.getElementById('flash').disabled"
Bootloader = Callable[..., str]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    with browser.tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a firmware that holds the shipped model, as far as its hash."""
    folder = tmp_path_factory.mktemp("page")
    build = write_build_of(folder / "build", read_tflite(DEFAULT_MODEL).sha256)
    return flash_page(folder / "out", build).page


def opened(tab: browser.Tab, page: Path | str) -> None:
    tab.open(page)
    tab.until(ENDED)


def text(tab: browser.Tab, name: str) -> str:
    return str(tab.value(f"document.getElementById('{name}').textContent"))


def test_a_click_leads_to_the_browsers_dialog_of_ports_and_nothing_comes_from_a_network(
    tab: browser.Tab, page: Path
) -> None:
    opened(tab, page)
    tab.value("""(real => {
      window.asked = [];
      navigator.serial.requestPort = (...given) => { asked.push(given.length); return real(...given); };
    })(navigator.serial.requestPort.bind(navigator.serial))""")
    tab.click(BUTTON)
    tab.until("asked.length === 1")
    assert (text(tab, "status"), text(tab, "error")) == ("Choose the board's port.", "")  # the dialog waits
    assert [url for url in tab.requests if not url.startswith(("blob:", "data:"))] == [page.as_uri()]


@pytest.mark.parametrize(
    ("name", "words"), [("NotFoundError", "No port was chosen."), ("SecurityError", "The browser gives this page no")]
)
def test_a_dialog_that_gives_no_port_is_said_in_plain_words(
    tab: browser.Tab, page: Path, name: str, words: str
) -> None:
    opened(tab, page)
    if name == "NotFoundError":  # what a person's closing of the dialog gives, which nobody closes here
        tab.value("navigator.serial.requestPort = async () => { throw new DOMException('', 'NotFoundError'); }")
    tab.value("document.getElementById('flash').click()")  # no person's click: the browser itself refuses
    tab.until("document.getElementById('error').textContent")
    assert text(tab, "error").startswith(words)
    assert tab.value(ENDED)


def test_a_chip_is_flashed_and_holds_the_image(tab: browser.Tab, page: Path, bootloader: Bootloader) -> None:
    board = bootloader("esp32")
    opened(tab, page)
    port = SerialInPage(tab, board)
    tab.click(BUTTON)
    port.carry_until(ENDED)
    port.close()
    assert (text(tab, "error"), text(tab, "status")) == (
        "", "Done: written and verified. The board starts the firmware."
    )  # fmt: skip
    assert text(tab, "log").count("Hash of data verified.") == 2
    assert tab.value("document.getElementById('progress').value") == 1
    assert tab.value("board.rates.at(-1)") == 460800
    esptool = Esptool(board, ESP32, lambda line: None, None, 115200)
    esptool.run("--chip", "esp32", "verify-flash", "0x0", str(page.with_name("merged-firmware.bin")))


@pytest.mark.parametrize(
    ("chip", "words"),
    [("esp32s3", "The board has an ESP32-S3"), ("silent", "No classic ESP32 answers at this port")],
)
def test_another_chip_and_a_silent_port_are_said_in_plain_words(
    tab: browser.Tab, page: Path, bootloader: Bootloader, chip: str, words: str
) -> None:
    opened(tab, page)
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as silent:
        board = f"socket://127.0.0.1:{silent.server_address[1]}" if chip == "silent" else bootloader(chip)
        port = SerialInPage(tab, board)
        tab.click(BUTTON)
        port.carry_until(ENDED)
        port.close()
    assert text(tab, "error").startswith(words)
    assert "Writing at" not in text(tab, "log")


def test_a_chip_with_one_core_is_refused_where_the_firmware_needs_two(
    tab: browser.Tab, bootloader: Bootloader, tmp_path: Path
) -> None:
    build = write_build_of(tmp_path / "build", read_tflite(DEFAULT_MODEL).sha256, needs_two_cores=True)
    opened(tab, flash_page(tmp_path / "out", build).page)
    port = SerialInPage(tab, bootloader("esp32", one_core=True))
    tab.click(BUTTON)
    port.carry_until(ENDED)
    port.close()
    assert text(tab, "error").startswith(
        "The board's ESP32-S0WDQ6 (revision 0) has one core; the firmware is built for"
    )
    assert "Writing at" not in text(tab, "log")


def test_a_cable_that_is_pulled_in_the_midst_is_said_in_plain_words(
    tab: browser.Tab, page: Path, bootloader: Bootloader
) -> None:
    opened(tab, page)
    port = SerialInPage(tab, bootloader("esp32"))
    tab.click(BUTTON)
    port.carry_until("document.getElementById('log').textContent.includes('Writing at 0x0')")
    tab.value("pulled()")
    tab.until(ENDED)
    port.close()
    assert text(tab, "error").startswith("The board is gone: the cable was pulled")


def test_a_port_that_another_program_holds_is_said_in_plain_words(tab: browser.Tab, page: Path) -> None:
    opened(tab, page)
    tab.value("""navigator.serial.requestPort = async () => Object.assign(new EventTarget(), {
      readable: null, getInfo: () => ({}), close: async () => {},
      open: async () => { throw new DOMException('Failed to open serial port.', 'NetworkError'); }
    })""")
    tab.click(BUTTON)
    tab.until("document.getElementById('error').textContent")
    assert text(tab, "error").startswith("The port cannot be opened: another program or page holds it")


def test_the_page_is_readable_on_a_phone_and_at_a_desk_by_day_and_by_night(tab: browser.Tab, page: Path) -> None:
    for width, dark in ((420, False), (420, True), (1200, False), (1200, True)):
        tab.open(page, width=width, dark=dark)
        tab.until(ENDED)
        assert tab.value("document.documentElement.scrollWidth") <= width
        assert {text for text, ratio in tab.value(browser.CONTRASTS) if ratio < 4.5} == set()


def test_a_browser_without_web_serial_and_a_page_without_https_are_told_so(page: Path, tmp_path: Path) -> None:
    flags = ("--disable-blink-features=Serial", "--host-resolver-rules=MAP edgekit.test 127.0.0.1")
    with browser.tab(tmp_path / "profile", *flags) as tab:
        tab.open(page)
        assert text(tab, "error").startswith("This browser has no Web Serial. Use Chrome, Edge or Opera")
        assert not tab.value(ENDED)
        handler = partial(SimpleHTTPRequestHandler, directory=str(page.parent))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            tab.open(f"http://edgekit.test:{server.server_address[1]}/{PAGE}")
            assert text(tab, "error").startswith("Web Serial works on pages from https:// or localhost alone.")
            server.shutdown()
