"""A folder whose labels.csv says what its images are, and where they belong.

In: a folder with that file: a header path,label, which may go on with split and group, and a line an image. Out: a
`Listing`.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from edgekit.data.catalogue import listed
from edgekit.data.listing import SPLIT_NAMES, Listing, alike, in_order, key
from edgekit.data.unused import SUFFIXES, notes_of, printable_path, refuse, unused_kinds
from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import read_bytes, sha256_of

NAME = "labels.csv"
NEEDED, OPTIONAL = ("path", "label"), ("split", "group")
HINT = f"Its first line is path,label or path,label,split,group. If it is not about images, call it other than {NAME}."
_UNNAMED = f"images that {NAME} does not name"
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says of an image; empty where it says nothing."""

    number: int
    path: str
    label: str
    split: str = ""
    group: str = ""


def labels_file(folder: Path) -> Path | None:
    """The folder's labels.csv, in whatever case it is written. EdgekitError where there are two."""
    try:
        found = sorted(child for child in folder.iterdir() if child.name.casefold() == NAME)
    except OSError as error:
        refuse(error)
    if len(found) > 1:
        raise EdgekitError(f"{folder} has {' and '.join(child.name for child in found)}.", "Keep one of them.")
    return found[0] if found else None


def by_csv(folder: Path, root: Path, file: Path, on_warning: Callable[[str], None]) -> Listing:
    """Lists the images that `file` in `root` names; `on_warning` is told of those below `folder` that it does not name.

    Raises:
        EdgekitError: a file that is no such CSV, or a line that cannot be followed; names it.
    """
    content = read_bytes(file, "Check its permissions.")
    lines, notes = _lines(file, content)
    lines = _checked(file, root, lines)
    splits = _splits(file, lines)
    if two := alike(line.label for line in lines):
        raise EdgekitError(
            f"{file} has two labels that differ only in case or accents' spelling: {' and '.join(two)}.",
            "Write a class in one way.",
        )
    class_names = in_order([line.label for line in lines], str(file), "Write lines of another class.")
    label_of = {key(name): label for label, name in enumerate(class_names)}
    paths = tuple(root / line.path for line in lines)
    parents = {parent for path in paths for parent in path.parents}
    kinds = unused_kinds(folder, [*paths, file], parents, _UNNAMED)
    if left := kinds.get(_UNNAMED):
        names = listed([printable_path(path.relative_to(root)) for path in sorted(left)])
        on_warning(
            f"{len(left)} {_UNNAMED} are not used: {names}. Write lines for them, or take them out of the folder."
        )
    return Listing(
        tuple(line.path for line in lines), paths, splits, tuple(label_of[key(line.label)] for line in lines),
        class_names, (*notes, *notes_of(kinds, folder)), tuple(line.group for line in lines),
        ((NAME, sha256_of(content)),),
    )  # fmt: skip


def _lines(file: Path, content: bytes) -> tuple[list[Line], list[str]]:
    """The lines as they are written, and notes of columns that are not used."""
    try:
        text = content.decode("utf-8-sig")  # Excel's CSV UTF-8 begins with a mark
    except UnicodeDecodeError as error:
        raise EdgekitError(f"{file} is no UTF-8 text: {error.reason}.", "Save it as CSV UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise EdgekitError(
            f"{file}, line {reader.line_num}: {in_a_line(error)}.", "Close each quote in its line."
        ) from error
    (_, header), *rows = [one for one in rows if any(one[1])] or [(1, [])]
    columns = _columns(file, header)
    for number, row in rows:
        if len(row) != len(header):
            raise EdgekitError(
                f"{file}, line {number} has {len(row)} fields; its first line has {len(header)}.",
                "Put a path or a label that has commas in double quotes.",
            )
        if odd := [cell for cell in row if not cell.isprintable()]:
            raise EdgekitError(
                f"{file}, line {number} holds what cannot be shown: {odd[0]!r:.60}.", "Write it in letters on one line."
            )
    lines = [Line(number, **{name: row[place] for name, place in columns.items()}) for number, row in rows]
    others = [name for name in header if name.casefold() not in columns]
    return lines, [f"not used: columns of {NAME} ({listed(others)})"] if others else []


def _columns(file: Path, header: Sequence[str]) -> dict[str, int]:
    """Where each column that counts stands."""
    names = [name.casefold() for name in header]
    twice = [name for name in (*NEEDED, *OPTIONAL) if names.count(name) > 1]
    if twice:
        raise EdgekitError(f"{file} has two columns {twice[0]}.", HINT)
    if missing := [name for name in NEEDED if name not in names]:
        separated = [word for mark, word in _SEPARATORS.items() if len(names) == 1 and mark in names[0]]
        if separated:
            raise EdgekitError(f"{file} separates its columns by {separated[0]}.", "Save it with commas between them.")
        begins = f"begins with {in_a_line(','.join(header), 60)}" if header else "is empty"
        raise EdgekitError(f"{file} {begins}: it has no column {' and no column '.join(missing)}.", HINT)
    return {name: names.index(name) for name in (*NEEDED, *OPTIONAL) if name in names}


def _checked(file: Path, root: Path, lines: Sequence[Line]) -> list[Line]:
    """The lines sorted by their paths, each in one way of writing it."""
    found: dict[str, Line] = {}
    missing = []
    for line in lines:
        where = f"{file}, line {line.number}"
        for name, value in (("path", line.path), ("label", line.label)):
            if not value:
                raise EdgekitError(f"{where} has no {name}.", "Complete it, or remove it.")
        path = PurePosixPath(line.path)
        if path.is_absolute() or ".." in path.parts or PureWindowsPath(line.path).anchor:
            raise EdgekitError(
                f"{where} names {line.path}, which is a path outside of the folder.",
                f"Write paths from {root} on, and keep the images below it.",
            )
        if path.suffix.lower() not in SUFFIXES:
            raise EdgekitError(f"{where} names {line.path}: no JPEG, no PNG.", "Remove it or convert it to PNG.")
        if not (root / path).is_file():
            missing.append(f"{line.path} (line {line.number})")
        first = found.setdefault(path.as_posix(), line)
        if first is not line:
            raise EdgekitError(f"{where} names {line.path} again, as line {first.number} does.", "Keep one of them.")
    if missing:
        raise EdgekitError(
            f"{file} names {len(missing)} files that do not exist: {listed(missing)}.",
            f"Write paths from {root} on, with / between folders; add the files or remove their lines.",
        )
    if not found:
        raise EdgekitError(f"{file} names no image.", "Write a line an image: its path and its label.")
    return [Line(one.number, path, one.label, one.split, one.group) for path, one in sorted(found.items())]


def _splits(file: Path, lines: Sequence[Line]) -> tuple[str, ...]:
    """Train, val or test of each line; where no line says, all are train, of which the others are made."""
    if not any(line.split for line in lines):
        return ("train",) * len(lines)
    hint = "Write train, val or test in each line, or in none."
    for line in lines:
        if line.split.casefold() not in SPLIT_NAMES:
            says = f"is of the split {line.split}" if line.split else "has no split, as others have"
            raise EdgekitError(f"{file}, line {line.number} {says}.", hint)
    splits = tuple(SPLIT_NAMES[line.split.casefold()] for line in lines)
    if "train" not in splits:
        raise EdgekitError(f"{file} has no line of the split train.", hint)
    first: dict[str, tuple[Line, str]] = {}
    for line, split in zip(lines, splits, strict=True):
        other, its_split = first.setdefault(line.group, (line, split)) if line.group else (line, split)
        if its_split != split:
            raise EdgekitError(
                f"{file} has the group {line.group} in {its_split} (line {other.number}) and in {split} "
                f"(line {line.number}).",
                "Put a group in one split, or leave the column split out: splits are then made by group.",
            )
    return splits
