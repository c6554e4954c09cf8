"""What a board's bytes and refusals mean, as sentences that say what to do.

In: noise from the line, or a typed ERROR. Out: messages with hints.
"""

from edgekit.boards.board import ESP32
from edgekit.device.protocol import frames, messages
from edgekit.device.protocol.messages import ErrorCode
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import operator_name

GREETING = b"m-init-done"  # what the firmware prints once, at its start
_FLASH = "pio run -d firmware -t upload"
_PROFILE = (
    "Flash one that has it: edgekit firmware --profile, then "
    f'PLATFORMIO_BUILD_FLAGS="-D EDGEKIT_PROFILE=1" pio run -d firmware -e {ESP32.environment}_aot -t upload.'
)
_WAITS = ("The board waits in its bootloader.", "Release BOOT, press EN (reset), and try again.")
_EMPTY = ("The board's flash holds no firmware.", f"Flash it: {_FLASH}.")
_BOOT_LOG = {  # what an ESP32 prints: what it means, what to do
    "Brownout": ("The board reports a brownout.", "Use a better USB cable or power supply."),
    "waiting for download": _WAITS,
    "DOWNLOAD_BOOT": _WAITS,
    "invalid header": _EMPTY,
    "flash read err": _EMPTY,
}


def diagnose(noise: bytes) -> tuple[str, str] | None:
    """What unframed bytes tell about the board: (message, hint), or None for nothing known."""
    text = noise.decode("ascii", errors="replace")
    crash = next((line.strip() for line in text.splitlines() if "Guru Meditation" in line), None)
    if crash is not None:
        return f"The board's firmware crashed: {crash}", f"Flash it again: {_FLASH}."
    if known := next((meaning for words, meaning in _BOOT_LOG.items() if words in text), None):
        return known
    if len(noise) < 16 or GREETING in noise:
        return None
    if sum(0x20 <= byte < 0x7F or byte in b"\r\n\t\x1b" for byte in noise) < 0.7 * len(noise):
        return (
            "The board sends bytes that make no sense at this baud rate.",
            "Press EN (reset) so that it starts at 115200 baud, or flash edgekit's firmware.",
        )
    line = [line for line in text.replace("\ufffd", "").splitlines() if line.strip()][-1].strip()
    return f"The board runs other firmware; it says: {line[:80]!r}", f"Flash edgekit's: {_FLASH}."


def refusal(error: messages.Error, info: messages.Info) -> EdgekitError:
    """The device's typed error as a sentence with what to do."""
    detail = error.detail
    operator = operator_name(detail) if error.code == ErrorCode.UNSUPPORTED_OP else ""
    flash = "Build and flash the firmware again: pio run -d firmware -t upload."
    said: dict[int, tuple[str, str]] = {
        ErrorCode.BAD_TYPE: (
            ("The board's firmware was built without a profile.", _PROFILE)
            if detail == messages.Profile.TYPE
            else (f"The board's firmware does not know messages of type 0x{detail:02x}.", flash)
        ),
        ErrorCode.BAD_VERSION: (f"The board speaks protocol version {detail}.", flash),
        ErrorCode.NO_MODEL: ("The board's firmware holds no usable model.", f"Run `edgekit firmware`. {flash}"),
        ErrorCode.ARENA_TOO_SMALL: (
            f"The model needs more working memory than the {detail} bytes that the board could give.",
            "Build a model with a smaller image or fewer channels, or use the aot backend, which needs less.",
        ),
        ErrorCode.UNSUPPORTED_OP: (f"The firmware lacks the model's operator {operator}.", flash),
        ErrorCode.INVOKE_FAILED: (f"The interpreter on the board failed with status {detail}.", flash),
        ErrorCode.BAD_LENGTH: (
            f"The board expects {detail} bytes.",
            "Give the model that is on the board with --model.",
        ),
        ErrorCode.INPUT_TOO_LARGE: (
            f"The model's input is larger than the {detail} bytes that the board can hold.",
            "Build a model for a smaller image.",
        ),
        ErrorCode.BAD_BAUD: (
            f"The board does not run at that rate; it stays at {detail} baud.",
            "Give a lower --baud.",
        ),
        ErrorCode.BUSY: ("The board is busy with an image.", "Press EN (reset) and try again."),
    }
    name = ErrorCode(error.code).name if error.code in ErrorCode.__members__.values() else f"code {error.code}"
    message, hint = said.get(error.code, (f"The board refused: {name} ({detail}).", flash))
    return EdgekitError(f"{info.chip}: {message}", hint)


def other_version(name: str, version: int) -> EdgekitError:
    return EdgekitError(
        f"The firmware at {name} speaks protocol version {version}, this edgekit {frames.VERSION}.",
        "Flash the firmware that belongs to this edgekit: pio run -d firmware -t upload.",
    )
