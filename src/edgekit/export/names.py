"""A name that serves as C identifier, library, component, package and CMake target alike.

In: what the user or the model is called. Out: lower-case letters, digits and underscores.
"""

import re
import unicodedata
from pathlib import Path

from edgekit.compile.options import C_HEADERS
from edgekit.errors import EdgekitError

_MOST = 48  # characters; with `_example_output` behind it a C99 compiler still tells 63 apart
# C's and C++'s words that are names of functions or targets here, CMake's targets, and parts of ESP-IDF and Zephyr
_TAKEN = {
    "all", "app", "asm", "auto", "bool", "break", "bt", "case", "char", "clean", "const", "continue", "default",
    "depend", "do", "double", "driver", "else", "enum", "extern", "for", "goto", "heap", "help", "if", "inline",
    "install", "int", "kernel", "log", "long", "main", "newlib", "register", "restrict", "return", "short", "signed",
    "sizeof", "soc", "static", "struct", "switch", "test", "typedef", "union", "unity", "unsigned", "void", "volatile",
    "while", "zephyr",
}  # fmt: skip
_SHIPPED_FILE = "student_int8"  # of build-model: there the folder says more than the file


def library_name(wanted: str) -> str:
    """A valid name that reads as nearly as possible like `wanted`: `3D-Größe v2` becomes `model_3d_grosse_v2`.

    Raises:
        EdgekitError: nothing of it is a letter or a digit that C takes.
    """
    plain = unicodedata.normalize("NFKD", wanted.replace("ß", "ss")).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not name:
        raise EdgekitError(f"{wanted!r} has no letter or digit that C takes.", "Name the library: --name NAME.")
    if not name[0].isalpha() or name.startswith("arduino"):  # Arduino keeps such names for its own libraries
        name = f"model_{name}"
    if name in _TAKEN | {header.lower() for header in C_HEADERS}:
        name += "_model"
    return name[:_MOST].rstrip("_")


def name_of(model: Path) -> str:
    """The library's name where the user gives none: the file's, or the folder's where build-model called the file."""
    named = model.absolute()
    return library_name(named.parent.name if named.stem == _SHIPPED_FILE else named.stem)
