"""The worlds that an export is for: where each has headers, source and example, and which files it wants besides.

What only one of them needs stands in `templates/FORMAT`, each file at its place; all else is shared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_ENDING = ".jinja"


@dataclass(frozen=True, slots=True)
class Format:
    """One of them.

    Attributes:
        title: for people.
        headers, source: their folders.
        example: the file of the example program.
    """

    title: str
    headers: str
    source: str
    example: str


FORMATS = {
    "esp-idf": Format("ESP-IDF component", "include", ".", "examples/classify/main/main.c"),
    "arduino": Format("Arduino library", "src", "src", "examples/Classify/Classify.ino"),
    "platformio": Format("PlatformIO library", "include", "src", "examples/classify/src/main.cpp"),
    "cmake": Format("CMake package", "include", "src", "examples/classify.c"),
    "zephyr": Format("Zephyr module", "include", "src", "samples/classify/src/main.c"),
}


def shared_files(format: str, name: str, c_files: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, str]:
    """What every format has, by path: the C, the headers around it, the example, README and the model's papers."""
    place = FORMATS[format]
    found = {
        Path(place.source if path.endswith(".c") else place.headers) / path: text for path, text in c_files.items()
    }
    found[Path(place.headers) / f"{name}_io.h"] = _rendered("io.h", words)
    found[Path(place.example)] = _rendered("classify.c", words)
    found[Path(place.example).parent / f"{name}_example.h"] = _rendered("example.h", words)
    found[Path("README.md")] = _rendered("README.md", {**words, "how": _rendered(f"use/{format}.md", words)})
    found[Path("MODEL.md")] = _rendered("MODEL.md", words)
    return {path.as_posix(): text for path, text in found.items()}


def own_files(format: str, words: Mapping[str, Any]) -> dict[str, str]:
    """What only this format has, by path: its manifests and build files. NAME in a path is the library's name."""
    return {
        path.removesuffix(_ENDING).replace("NAME", words["name"]): _rendered(
            f"{format}/{path.removesuffix(_ENDING)}", words
        )
        for path in _own_templates(format)
    }


def _own_templates(format: str) -> Iterator[str]:
    root = _TEMPLATES / format
    return (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file())


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _rendered(template: str, words: Mapping[str, Any]) -> str:
    return _environment().get_template(template + _ENDING).render(words).lstrip("\n")
