"""What a board's bytes and refusals mean, as sentences that say what to do.

In: noise from the line, or a typed ERROR. Out: messages with hints.
"""

import re

from edgekit.boards.board import ESP32, Board
from edgekit.device.protocol import frames, messages
from edgekit.device.protocol.codes import ErrorCode, ModelSource
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import operator_name

GREETING = b"m-init-done"  # what the firmware prints once, at its start
_FLASH = "pio run -d firmware -t upload"
_AGAIN = f"Build and flash the firmware again: {_FLASH}."
_STORE = "Write it again: edgekit flash --model-only MODEL --port PORT; or take it out: --erase-model."
_OF_STORED = {  # what means something else where it is said of the model in the board's partition
    "BAD_VERSION": ("The stored model has the format {detail}, which the board's firmware does not read.", _STORE),
    "BAD_LENGTH": ("The stored model says that it is longer than the {detail} bytes of its partition.", _STORE),
    "NO_MODEL": ("What the board's model partition holds is no model.", _STORE),
}
_NO_PROFILE = (
    "The board's firmware was built without a profile.",
    "Flash one that has it: edgekit firmware --profile, then "
    f"pio run -d firmware -e {ESP32.environment}_aot -t upload.",
)
_REFUSALS = {  # by ErrorCode: what it means, what to do
    "BAD_TYPE": ("The board's firmware does not know messages of type 0x{detail:02x}.", _AGAIN),
    "BAD_VERSION": ("The board speaks protocol version {detail}.", _AGAIN),
    "NO_MODEL": ("The board's firmware holds no usable model.", f"Run `edgekit firmware`. {_AGAIN}"),
    "ARENA_TOO_SMALL": (
        "The model needs more working memory than the {detail} bytes that the board could give.",
        "Build a model with a smaller image or fewer channels, or use the aot backend, which needs less.",
    ),
    "UNSUPPORTED_OP": ("The firmware lacks the model's operator {operator}.", _AGAIN),
    "INVOKE_FAILED": ("The interpreter on the board failed with status {detail}.", _AGAIN),
    "BAD_LENGTH": ("The board expects {detail} bytes.", "Give the model that is on the board with --model."),
    "INPUT_TOO_LARGE": (
        "The model's input is larger than the {detail} bytes that the board can hold.",
        "Build a model for a smaller image.",
    ),
    "OUTPUT_TOO_LARGE": (
        "The model gives more bytes than the {detail} that the board can hold.",
        "Build a model with fewer outputs.",
    ),
    "NO_LABELS": ("The board's firmware holds {detail} bytes of labels, and was asked for more.", _AGAIN),
    "BAD_BAUD": ("The board does not run at that rate; it stays at {detail} baud.", "Give a lower --baud."),
    "BUILT_IN_ALONE": (
        "The board's firmware is compiled C, which runs no other model than the one that it was built with.",
        f"Build it with the model: edgekit firmware --model MODEL, then {_FLASH}.",
    ),
    "OTHER_FIRMWARE": ("The model was stored for firmware with another built-in model.", _STORE),
    "BAD_HASH": ("The stored model is not, byte for byte, what was to be written.", _STORE),
    "BUSY": ("The board is busy with an image.", "Press EN (reset) and try again."),
}
_BROWNOUT = ("The board reports a brownout.", "Use a better USB cable or power supply.")
_WAITS = ("The board waits in its bootloader.", "Release BOOT, press EN (reset), and try again.")
_EMPTY = ("The board's flash holds no firmware.", f"Flash it: {_FLASH}.")
NEEDS_TWO_CORES = "Running on single core variant"  # how ESP-IDF's start ends on a chip with one, in words of the image
_BOOT_LOG = {  # what an ESP32 prints: what it means, what to do
    "Brownout": _BROWNOUT,
    "BROWN_OUT": _BROWNOUT,
    "waiting for download": _WAITS,
    "DOWNLOAD_BOOT": _WAITS,
    "invalid header": _EMPTY,
    "flash read err": _EMPTY,
}
_CRASH = re.compile(r"Guru Meditation|abort\(\) was called|assert failed|\*\*\*ERROR\*\*\* A stack overflow")
# What an ESP32's ROM and ESP-IDF's start print, whatever the firmware; and how the ROM gives the reason of a reset.
_BOOT_LINE = re.compile(
    r"(\x1b\[[\d;]*m)?(ets |rst:0x|configsip:|clk_drv:|mode:|load:0x|ho \d|entry 0x|"
    r"[DIVW] \(\d+\) (boot|esp_image|efuse_init|app_init|cpu_start|heap_init|spi_flash|main_task)\b)"
)
_PROJECT = re.compile(r"Project name:\s*([^\s\x1b]+)")
_RESET = re.compile(r"rst:0x([0-9a-f]+) \((\w+)\)")
_SWITCHED_ON, _BY_SOFTWARE = (0x1, 0xE), (0x3, 0xC)  # others are watchdogs, but for a wake from deep sleep
_DEEP_SLEEP = 0x5


def diagnose(noise: bytes) -> tuple[str, str] | None:
    """What unframed bytes tell about the board: (message, hint), or None for nothing known."""
    text = noise.decode("ascii", errors="replace")
    if NEEDS_TWO_CORES in text:  # before ESP-IDF's abort, by which it ends
        return "The board's chip has one core, and its firmware was built for two.", for_one_core()
    crash = next((line.strip() for line in text.splitlines() if _CRASH.search(line)), None)
    if crash is not None:
        return f"The board's firmware crashed: {crash}", f"Flash it again: {_FLASH}."
    if known := next((meaning for words, meaning in _BOOT_LOG.items() if words in text), None):
        return known
    ours = GREETING in noise
    if len(noise) >= 16 and not ours:
        if sum(0x20 <= byte < 0x7F or byte in b"\r\n\t\x1b" for byte in noise) < 0.7 * len(noise):
            return (
                "The board sends bytes that make no sense at this baud rate.",
                "Press EN (reset) so that it starts at 115200 baud, or flash edgekit's firmware.",
            )
        if (banner := _banner(text.replace("\ufffd", ""))) is not None:
            return f"The board runs other firmware; it says: {banner[:80]!r}", f"Flash edgekit's: {_FLASH}."
    resets = _RESET.findall(text)
    return _reset(resets, ours) if resets else None


def for_one_core(board: Board = ESP32) -> str:
    """What to do where a chip has one core and the firmware needs two."""
    built = board.one_core_environment
    return (
        f"Build the one that runs on one core and on two: pio run -d firmware -e {built}_aot -t upload (with TFLM: "
        f"-e {built}). Or use a board whose chip has two, such as an ESP32-D0WD."
    )


def _banner(text: str) -> str | None:
    """What a firmware calls itself: the name of its project as ESP-IDF logs it, else the first line of its own after
    the latest reset; where no reset was heard the last line, since the first may be a torn one."""
    if project := _PROJECT.findall(text):
        return str(project[-1])
    _, reset, latest = text.rpartition("rst:0x")
    lines = [line.strip() for line in latest.splitlines()[bool(reset) :]]
    own = [line for line in lines if line and not _BOOT_LINE.match(line)]
    return own[0 if reset else -1] if own else None


def _reset(resets: list[tuple[str, str]], ours: bool) -> tuple[str, str] | None:
    """What a boot log says in which the firmware itself says nothing; `ours`: only that it greeted."""
    code, name = int(resets[-1][0], 16), resets[-1][1]
    if code in _SWITCHED_ON and ours:
        return None
    often = " again and again" if len(resets) > 2 else ""
    why = f"{often} (rst:0x{code:x} {name})."
    silent = f"If it stays silent, its firmware is not edgekit's. Flash edgekit's: {_FLASH}."
    if code in _SWITCHED_ON:
        return f"The board was switched on or reset{why}", f"Check cable and power. {silent}"
    if code == _DEEP_SLEEP:
        return f"The board woke from deep sleep{why}", silent
    by = "by its own software, as after a crash" if code in _BY_SOFTWARE else "by its watchdog: the firmware hung"
    return f"The board was restarted {by}{why}", f"Flash it again: {_FLASH}. A weak power supply does this, too."


def unanswered(name: str, noise: bytes, echoed: bool) -> EdgekitError:
    """Why nobody answers a HELLO at this port, after the noise that came; `echoed`: HELLO came back."""
    if echoed:
        return EdgekitError(
            f"What is sent to {name} comes back as it is: nothing but an echo answers.",
            "See that the line's two wires do not touch and press EN (reset), or name another --port.",
        )
    message, hint = diagnose(noise) or (
        f"Nothing answers at {name}.",
        f"Check that the board carries edgekit's firmware ({_FLASH}) and press EN (reset).",
    )
    return EdgekitError(message if name in message else f"{name}: {message}", hint)


def watch_restart(name: str, noise: bytes) -> None:
    """Raises EdgekitError where the noise of a conversation is a board's start."""
    if GREETING not in noise and b"rst:0x" not in noise:
        return
    reason = diagnose(noise)
    raise EdgekitError(
        f"The board at {name} restarted in the middle." + (f" {reason[0]}" if reason else ""),
        "Check its power supply, then run the command again (eval-device with --resume).",
    )


def refusal(error: messages.Error, info: messages.Info) -> EdgekitError:
    """The device's typed error as a sentence with what to do."""
    name = ErrorCode(error.code).name if error.code in ErrorCode.__members__.values() else f"code {error.code}"
    unprofiled = (error.code, error.detail) == (ErrorCode.BAD_TYPE, messages.Profile.TYPE)
    other = ("The board refused: {name} ({detail}).", _AGAIN)
    message, hint = _NO_PROFILE if unprofiled else _REFUSALS.get(name, other)
    operator = operator_name(error.detail) if error.code == ErrorCode.UNSUPPORTED_OP else ""
    return EdgekitError(f"{info.chip}: {message.format(name=name, detail=error.detail, operator=operator)}", hint)


def stored_refusal(info: messages.Info) -> EdgekitError:
    """Why the board does not run the model in its partition, and what it runs."""
    runs = f"The board runs its built-in model {info.model_sha256.hex()[:12]}."
    if info.source == ModelSource.STORED:
        return EdgekitError(f"The board runs another stored model: {info.model_sha256.hex()[:12]}.", _STORE)
    if info.stored_error == ErrorCode.OK:
        return EdgekitError(f"The board's firmware sees no model in a partition. {runs}", _AGAIN)
    name = ErrorCode(info.stored_error).name if info.stored_error in ErrorCode.__members__.values() else ""
    why = refusal(messages.Error(info.stored_error, info.error_detail), info)
    message, hint = _OF_STORED.get(name, (why.message, why.hint))
    return EdgekitError(f"{message.format(detail=info.error_detail)} {runs}", hint)


def other_version(name: str, version: int) -> EdgekitError:
    """Of firmware that belongs to another edgekit: which of the two is the older one."""
    older = "an older" if version < frames.VERSION else "a newer"
    hint = "Flash the firmware that belongs to this edgekit: edgekit firmware --model MODEL, then " + _FLASH
    if version > frames.VERSION:
        hint = f"Update edgekit on this computer. Or: {hint[0].lower()}{hint[1:]}"
    return EdgekitError(
        f"The firmware at {name} is {older} edgekit's: it speaks protocol version {version}, this edgekit "
        f"{frames.VERSION}.",
        f"{hint} (or edgekit flash).",
    )
