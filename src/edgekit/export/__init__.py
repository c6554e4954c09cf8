"""A compiled model as a library for the build systems of others: ESP-IDF, Arduino, PlatformIO, CMake, Zephyr.

    compiled model -> example -> words -> files of the format -> folder

One core of files for all (the C, `NAME_io.h`, an example that checks itself, README, licences), and a folder of
templates for each format.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.export.example import example_of
from edgekit.export.folder import check_free, write_folder
from edgekit.export.formats import FORMATS, own_files, shared_files
from edgekit.export.names import library_name, name_of
from edgekit.export.words import origin_of, words_of
from edgekit.pipeline.compile_named import Asked, compile_named
from edgekit.values.shipped import shipped

__all__ = ["FORMATS", "Exported", "Publishing", "export_model"]


@dataclass(frozen=True, slots=True)
class Publishing:
    """What manifests say of a library besides its model.

    Raises:
        EdgekitError: a version that is not three numbers, a text of several lines, an address that is none.
    """

    version: str = "1.0.0"
    author: str = "edgekit"
    url: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", self.version):
            raise EdgekitError(f"{self.version!r} is no version.", "Give three numbers, such as 1.0.0.")
        if not self.author.isprintable() or not self.author.strip():
            raise EdgekitError(f"{self.author!r} is no name of an author.", "Give one line: --author 'Ada Lovelace'.")
        if self.url and not re.fullmatch(r"https?://[^\s\"'<>\\]+", self.url):
            raise EdgekitError(f"{self.url!r} is no address.", "Give one that begins with https://, or none.")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: `files` are bytes by path below `out`."""

    format: str
    name: str
    out: str
    files: dict[str, int]
    model_sha256: str
    ram_bytes: int
    flash_bytes: int | None
    example: str


def export_model(
    model: str | Path, format: str, out: str | Path, *, asked: Asked | None = None, name: str | None = None,
    picture: Path | None = None, publishing: Publishing | None = None, force: bool = False,
) -> Exported:  # fmt: skip
    """Writes a model's C as a library of one of the FORMATS into a folder, as a whole or not at all.

    Args:
        model: an int8 .tflite or, with `asked.calibrate`, an .onnx.
        asked: as `compile_named` takes it.
        name: of the library, made a valid one; the model's if left out.
        picture: what the example classifies; a drawn one if left out.
        force: replace an earlier export though files in it were edited or added.

    Raises:
        EdgekitError: an unknown format, a folder that holds other files, and as `compile_named` and `example_of`.
    """
    if format not in FORMATS:
        raise EdgekitError(f"edgekit exports nothing as {format!r}.", f"Choose {', '.join(FORMATS)}.")
    path, out = Path(model), Path(out)
    check_free(out, force=force)
    named = library_name(name) if name is not None else name_of(path)
    asked, publishing = asked or Asked(), publishing or Publishing()
    made = compile_named(path, asked, named)
    origin = origin_of(made, asked)
    example = example_of(made.compiled, origin.model, origin.task, picture)
    words = words_of(made, origin, example) | {"publishing": publishing, "format": FORMATS[format]}
    texts = {
        **shared_files(format, named, made.compiled.files, words),
        **own_files(format, words),
        "LICENSE": shipped("LICENSE").read_text(encoding="utf-8"),
    }
    contents = {path: text.encode(errors="backslashreplace") for path, text in texts.items()}
    write_folder(out, contents)
    return Exported(
        format, named, str(out), {path: len(content) for path, content in sorted(contents.items())},
        made.compiled.graph.sha256.hex(), made.compiled.program.ram_bytes,
        made.sizes.code_bytes + made.sizes.constant_bytes if made.sizes else None, words["said"],
    )  # fmt: skip
