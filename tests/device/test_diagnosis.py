"""What a board's bytes tell where no frame comes."""

import re

import pytest

from edgekit.device.diagnosis import GREETING, diagnose

BOOT = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"


def rebooted(reason: str) -> bytes:
    """What an ESP32's ROM and ESP-IDF's bootloader print before any firmware does."""
    lines = (
        "ets Jul 29 2019 12:21:46", "", f"rst:{reason},boot:0x13 (SPI_FAST_FLASH_BOOT)", "configsip: 0, SPIWP:0xee",
        "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00", "mode:DIO, clock div:2",
        "load:0x3fff0030,len:7084", "ho 0 tail 12 room 4", "load:0x40078000,len:15584", "entry 0x40080674",
        "\x1b[0;32mI (29) boot: ESP-IDF 5.1.2 2nd stage bootloader\x1b[0m", "I (80) esp_image: segment 0: size=1e3c",
    )  # fmt: skip
    return "".join(line + "\r\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("says", "message", "hint"),
    [
        (BOOT + b"I (312) app_main: Hello world, this is another program\r\n", "other firmware.*Hello world", "Flash"),
        (
            BOOT + b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n",
            "crashed: Guru Meditation Error: Core  0",
            "Flash it again",
        ),
        (b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0))\r\nwaiting for download\r\n", "bootloader", "BOOT"),
        (BOOT + b"Brownout detector was triggered\r\n", "brownout", "power supply"),
        (BOOT + b"flash read err, 1000\r\n", "holds no firmware", "Flash it"),
        (rebooted("0x1 (POWERON_RESET)"), r"was switched on or reset \(rst:0x1 POWERON_RESET\)", "Flash edgekit's"),
        (rebooted("0xc (SW_CPU_RESET)"), r"by its own software.*\(rst:0xc SW_CPU_RESET\)", "Flash it again"),
        (rebooted("0x8 (TG1WDT_SYS_RESET)") * 4, "watchdog.*again and again", "Flash it again"),
        (rebooted("0xf (RTCWDT_BROWN_OUT_RESET)"), "brownout", "power supply"),
        (rebooted("0xc (SW_CPU_RESET)") + b"sensor: 17 C\r\n", "other firmware; it says: 'sensor: 17 C'", "Flash"),
        (rebooted("0x1 (POWERON_RESET)") + b"MicroPython v1.24\r\n>>> \r\n", "it says: 'MicroPython v1.24'", "Flash"),
        (
            rebooted("0x1 (POWERON_RESET)")
            + b"\x1b[0;32mI (70) app_init: Project name:     blink\x1b[0m\r\nI (90) main: LED on\r\n",
            "it says: 'blink'",
            "Flash",
        ),
        (b"ed\r\nsensor: 17 C\r\n", "it says: 'sensor: 17 C'", "Flash"),
        (
            rebooted("0x1 (POWERON_RESET)")
            + b"E (50) cpu_start: Running on single core variant of a chip, but app is built with multi-core\r\n"
            + b"abort() was called at PC 0x400d1234 on core 0\r\n",
            "chip has one core, and its firmware was built for two",
            "-e esp32dev_one_core_aot",
        ),
        (BOOT + b"abort() was called at PC 0x400d1234 on core 0\r\nRebooting...\r\n", "crashed: abort", "Flash it"),
        (bytes(range(128, 256)) * 3, "no sense at this baud rate", "EN"),
    ],
)
def test_a_boot_log_says_what_became_of_the_board(says: bytes, message: str, hint: str) -> None:
    found = diagnose(says)
    assert found is not None
    assert re.search(message, found[0])
    assert hint in found[1]


def test_a_board_that_restarts_in_the_middle_says_what_restarted_it() -> None:
    said = [diagnose(rebooted("0xc (SW_CPU_RESET)") + more) for more in (b"", GREETING + b"\r\n")]
    assert all(one is not None and "by its own software" in one[0] for one in said)
    assert diagnose(b"\r\n" * 20) is None
    assert diagnose(rebooted("0x1 (POWERON_RESET)") + GREETING + b"\r\n") is None  # as it starts every time
