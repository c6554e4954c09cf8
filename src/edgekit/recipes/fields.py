"""The fields of a recipe in words: what each may hold, and `path=text` set among JSON values.

In: a tree of frozen dataclasses whose annotations hold limits (`values.limits`). Out: its leaves, with what each takes.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from edgekit.errors import EdgekitError
from edgekit.values.limits import Between, Several

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of a tree: its path (`distill.fit.epochs`), its value and its annotation."""

    path: str
    value: Any
    hint: Any

    @property
    def allowed(self) -> str:
        """What it may hold, in words."""
        return _allowed(self.hint)


def leaves(node: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every field of the tree in its order."""
    hints = typing.get_type_hints(type(node), include_extras=True)
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{f.name}.")
        else:
            yield Leaf(prefix + f.name, value, hints[f.name])


def assign(values: dict[str, Any], fields: Mapping[str, Leaf], path: str, text: str) -> None:
    """Sets the field at `path` among the tree's JSON values to what `text` says; its limits are not checked yet.

    Raises:
        EdgekitError: no such field, or a group of them.
    """
    if path not in fields:
        inner = ", ".join(name for name in fields if name.startswith(f"{path}."))
        if not inner:
            raise unknown(path, fields)
        raise EdgekitError(f"{path} is a group of fields.", f"Name one of: {inner}.")
    *groups, name = path.split(".")
    for group in groups:
        values = values[group]
    values[name] = _said(text, fields[path].hint)


def unknown(path: str, fields: Mapping[str, Leaf]) -> EdgekitError:
    """There is no such field, but there may be one nearly of its name."""
    groups = {name.rpartition(".")[0] for name in fields} - {""}
    close = difflib.get_close_matches(path, [*fields, *groups], n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return EdgekitError(f"There is no recipe field {path!r}.", f"{meant}All fields: edgekit recipe.")


def _said(text: str, hint: Any) -> Any:
    kind, _ = _taken_apart(hint)
    if typing.get_origin(kind) is tuple:
        words = [word.strip() for word in text.strip("()[]").split(",") if word.strip()]
        return [_said(word, typing.get_args(kind)[0]) for word in words]
    if kind is str or typing.get_origin(kind) is Literal:
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _allowed(hint: Any) -> str:
    kind, limits = _taken_apart(hint)
    several = next((limit for limit in limits if isinstance(limit, Several)), None)
    between = next((limit for limit in limits if isinstance(limit, Between)), None)
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        how_many = "one or more, comma between" if several else "none or more, comma between"
        different = ", each another" if several and several.distinct else ""
        return f"{_allowed(Annotated[item, between] if between else item)}; {how_many}{different}"
    if typing.get_origin(kind) is Literal:
        *choices, last = typing.get_args(kind)
        return f"{', '.join(choices)} or {last}"
    return _WORDS[kind] + (f" between {_number(between.low)} and {_number(between.high)}" if between else "")


def _taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its limits."""
    if typing.get_origin(hint) is Annotated:
        kind, *limits = typing.get_args(hint)
        return kind, tuple(limits)
    return hint, ()


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
