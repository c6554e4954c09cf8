"""The page's files from what PlatformIO built: `edgekit flash-page` in one call.

In: a build folder, the model that it holds, a folder for the page. Out: index.html, which holds all that it needs, the
merged image beside it for esptool, and the licences of what the page carries.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from edgekit import __version__, files
from edgekit.boards.board import ESP32, Board
from edgekit.device.esptool import SLOWER_BAUDS
from edgekit.device.images import Plan, build_folder, flash_contents, plan
from edgekit.errors import EdgekitError, printable
from edgekit.pipeline.loading import LoadedModel, load_model
from edgekit.report.render_html import stylesheet
from edgekit.values.codec import parsed
from edgekit.values.shipped import DEFAULT_MODEL

PAGE, IMAGE, LICENCES = "index.html", "merged-firmware.bin", "LICENSES.txt"
WRITTEN = ".edgekit.json"  # beside the page: the SHA-256 of each file as edgekit wrote it
RATES = (921600, *SLOWER_BAUDS)


@dataclass(frozen=True, slots=True)
class FlashPage:
    """What was written. The image's hash is that of the merged one, which begins at offset 0 of the flash."""

    page: Path
    image: Path
    image_bytes: int
    image_sha256: str
    model_sha256: str
    board: str


def flash_page(
    out: Path, build: Path | None = None, model: str | Path = DEFAULT_MODEL, *, board: Board = ESP32
) -> FlashPage:
    """Writes the page into a new or empty folder, or over an earlier page of edgekit's.

    Args:
        build: folder with bootloader.bin, partitions.bin and firmware.bin; PlatformIO's by default.
        model: the one that was built into it.

    Raises:
        EdgekitError: nothing built, as `images.plan`; another model in it; a folder that holds something else.
    """
    replaced = _earlier(out)
    planned = plan(build or build_folder(board), board)
    loaded = load_model(model)
    if bytes.fromhex(loaded.model.sha256) not in planned.files[-1][1].read_bytes():
        raise EdgekitError(
            f"{planned.files[-1][1]} does not hold the model {loaded.model.name} ({loaded.model.sha256[:12]}).",
            "Name the model that it was built with (--model), or build it again: edgekit firmware --model MODEL, then "
            "pio run -d firmware.",
        )
    image = merged_image(planned, board)
    contents = {
        PAGE: _html(image, planned, loaded, board).encode(),
        IMAGE: image,
        LICENCES: _resource("esptool_js/LICENSES.txt").encode(),
    }
    hashes = {name: files.sha256_of(content) for name, content in contents.items()}
    # known as edgekit's before they are there: a page that was cut off can be written again
    files.write_json(out / WRITTEN, {**replaced, **{name: [*replaced.get(name, []), hashes[name]] for name in hashes}})
    for name, content in contents.items():
        files.write_bytes(out / name, content)
    files.write_json(out / WRITTEN, {name: [sha256] for name, sha256 in hashes.items()})
    return FlashPage(out / PAGE, out / IMAGE, len(image), hashes[IMAGE], loaded.model.sha256, board.title)


def merged_image(planned: Plan, board: Board = ESP32) -> bytes:
    """The flash from offset 0 to the application's end: what `esptool merge-bin` makes of the same files."""
    return flash_contents(planned, board)[: max(offset + file.stat().st_size for offset, file in planned.files)]


def _earlier(out: Path) -> dict[str, list[str]]:
    """The files of an earlier page by name, with the hashes that they may have.
    Raises EdgekitError: the folder holds what edgekit did not write, or what was changed since."""
    with files.failures_of(out):
        there = sorted(path.name for path in out.iterdir()) if out.exists() else []
        if not there:
            return {}
        try:
            written = {str(name): [*map(str, hashes)] for name, hashes in parsed((out / WRITTEN).read_bytes()).items()}
        except (OSError, ValueError, AttributeError, TypeError):
            written = {}
        for name in there:
            path = out / name
            if name == WRITTEN and written:
                continue
            if name not in written or not path.is_file() or files.file_sha256(path) not in written[name]:
                raise EdgekitError(
                    f"{path} is not of an earlier page of edgekit's, or was changed since: nothing was written.",
                    "Name a new or an empty folder, or remove it.",
                )
    return written


def _html(image: bytes, planned: Plan, loaded: LoadedModel, board: Board) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    script = _resource("page.js")
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        loader=PackageLoader("edgekit.flash_page", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip
    text = environment.get_template("page.html").render(
        policy=f"default-src 'none'; script-src 'sha256-{own}' blob:; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(stylesheet()),
        script=Markup(script),
        bundle=Markup(_resource("esptool_js/bundle.js")),
        esptool=json.loads(_resource("esptool_js/ORIGIN.json")),
        image=base64.b64encode(image).decode(),
        image_name=IMAGE,
        board=board,
        domain=loaded.task.domain if loaded.task else "",
        rates=RATES,
        version=__version__,
        facts=_facts(image, planned, loaded, board),
        commands="\n".join(_commands(image, planned)),
        for_script=_for_script(image, planned, board),
    )
    return str(text) + "\n"


def _facts(image: bytes, planned: Plan, loaded: LoadedModel, board: Board) -> list[tuple[str, str]]:
    cores = "two cores" if planned.needs_two_cores else "one or two cores"
    answers = [("Answers", ", ".join(loaded.task.labels))] if loaded.task else []
    model = "/".join(Path(loaded.model.name).parts[-2:])  # no path of this computer in a page for all
    return [
        ("Board", f"{board.title}, {cores}, {planned.flash_bytes >> 20} MB of flash or more"),
        ("Image", f"{len(image):,} bytes from offset 0; the chip reads them in {planned.flash_mode}"),
        ("Image's SHA-256", files.sha256_of(image)),
        ("Model", printable(model)),
        ("Model's SHA-256", loaded.model.sha256),
        *answers,
    ]


def _erased(image: bytes, planned: Plan) -> list[tuple[int, int]]:
    """What is to be erased behind the image, in which the rest is empty already."""
    return [(offset, size) for offset, size in planned.erased if offset >= len(image)]


def _commands(image: bytes, planned: Plan) -> list[str]:
    erase = [f"erase-region {offset:#x} {size:#x}" for offset, size in _erased(image, planned)]
    return [
        *(f"esptool --port PORT {what}" for what in (*erase, f"write-flash 0x0 {IMAGE}")),
        "edgekit selftest --port PORT",
    ]


def _for_script(image: bytes, planned: Plan, board: Board) -> dict[str, Any]:
    """What page.js reads."""
    erased = _erased(image, planned)
    padded = [image + b"\xff" * (-len(image) % 4), *(b"\xff" * size for _, size in erased)]  # as esptool-js pads it
    return {
        "board": board.title,
        "detected": board.flashing.detected,
        "one_core": board.flashing.one_core,
        "needs_two_cores": planned.needs_two_cores,
        "flash_bytes": planned.flash_bytes,
        "erased": erased,
        "md5": {len(part): hashlib.md5(part, usedforsecurity=False).hexdigest() for part in padded},
    }


def _resource(name: str) -> str:
    return (package_files("edgekit.flash_page") / name).read_text(encoding="utf-8")
