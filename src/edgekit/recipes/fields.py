"""Fields of frozen dataclasses that know what they may hold: from words and JSON to checked values.

In: a tree of dataclasses and `path=text`, or JSON's values. Out: the tree with that value, all of it valid.
"""

import ast
import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgekit.errors import EdgekitError

_WANTED = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def number(default: Any, low: float, high: float) -> Any:
    """A field whose value, or each of whose values, lies in [low, high]."""
    return field(default=default, metadata={"low": low, "high": high})


def numbers(default: Any, low: float, high: float, *, distinct: bool = False) -> Any:
    """A field of one value or more, each in [low, high]."""
    return field(default=default, metadata={"low": low, "high": high, "filled": True, "distinct": distinct})


def choice(default: Any, *choices: str) -> Any:
    """A field that takes one of the choices, or a tuple of them."""
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of a tree: its path (`distill.fit.epochs`), its value, and what it may hold in words."""

    path: str
    value: Any
    allowed: str


def leaves(node: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every field of the tree in its order."""
    hints = typing.get_type_hints(type(node))
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{f.name}.")
        else:
            yield Leaf(prefix + f.name, value, _allowed(hints[f.name], f.metadata))


def replaced(tree: Any, path: str, text: str) -> Any:
    """The tree with the field at `path` set to what `text` says.

    Raises:
        EdgekitError: no such field, a wrong type or a value out of range; says which and what is allowed.
    """
    return _replaced(tree, tree, path.split("."), path, text)


def built(cls: Any, values: Any, prefix: str = "") -> Any:
    """A tree of class `cls` from JSON's values; what they leave out keeps its default.

    Raises:
        EdgekitError: an unknown field, a wrong type or a value out of range.
    """
    if not isinstance(values, Mapping):
        where = prefix.rstrip(".") or "A recipe"
        raise EdgekitError(f"{where} is a group of fields, not {values!r}.", "Give an object of fields and values.")
    known = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    arguments = {}
    for name, value in values.items():
        if name not in known:
            raise _unknown(prefix + name, [prefix + n for n in known])
        if dataclasses.is_dataclass(hints[name]):
            arguments[name] = built(hints[name], value, f"{prefix}{name}.")
        else:
            arguments[name] = _checked(value, hints[name], known[name].metadata, prefix + name)
    return cls(**arguments)


def _replaced(node: Any, tree: Any, names: list[str], path: str, text: str) -> Any:
    known = {f.name: f for f in dataclasses.fields(node)}
    name, *rest = names
    value = getattr(node, name) if name in known else None
    is_group = dataclasses.is_dataclass(value)
    if name not in known or (rest and not is_group):
        raise _unknown(path, [leaf.path for leaf in leaves(tree)])
    if is_group and not rest:
        inner = ", ".join(leaf.path for leaf in leaves(value, f"{path}."))
        raise EdgekitError(f"{path} is a group of fields.", f"Name one of: {inner}.")
    if is_group:
        return dataclasses.replace(node, **{name: _replaced(value, tree, rest, path, text)})
    hint = typing.get_type_hints(type(node))[name]
    return dataclasses.replace(node, **{name: _checked(_parsed(text, hint), hint, known[name].metadata, path)})


def _parsed(text: str, hint: Any) -> Any:
    if hint is str:
        return text
    if typing.get_origin(hint) is tuple:
        words = [word.strip() for word in text.strip("()[]").split(",") if word.strip()]
        return [_parsed(word, typing.get_args(hint)[0]) for word in words]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _checked(value: Any, hint: Any, limits: Mapping[str, Any], path: str) -> Any:
    allowed = f"It takes {_allowed(hint, limits)}."
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise EdgekitError(f"{path} takes a list, not {value!r}.", allowed)
        if not value and "filled" in limits:
            raise EdgekitError(f"{path} is empty.", allowed)
        found = tuple(_checked(item, typing.get_args(hint)[0], limits, path) for item in value)
        if limits.get("distinct") and len(set(found)) < len(found):
            raise EdgekitError(f"{path} names the same value twice.", allowed)
        return found
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise EdgekitError(f"{path} takes {_WANTED[hint]}, not {value!r}.", allowed)
    if "low" in limits and not limits["low"] <= value <= limits["high"]:
        raise EdgekitError(f"{path}={value} is out of range.", allowed)
    if "choices" in limits and value not in limits["choices"]:
        raise EdgekitError(f"{path} cannot be {value!r}.", allowed)
    return value


def _allowed(hint: Any, limits: Mapping[str, Any]) -> str:
    if typing.get_origin(hint) is tuple:
        how_many = "one or more, comma between" if "filled" in limits else "none or more, comma between"
        different = ", each another" if limits.get("distinct") else ""
        return f"{_allowed(typing.get_args(hint)[0], limits)}; {how_many}{different}"
    if "choices" in limits:
        return " or ".join(filter(None, (", ".join(limits["choices"][:-1]), limits["choices"][-1])))
    between = f" between {_number(limits['low'])} and {_number(limits['high'])}" if "low" in limits else ""
    return f"{_WANTED[hint]}{between}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _unknown(path: str, known: list[str]) -> EdgekitError:
    close = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return EdgekitError(f"There is no recipe field {path!r}.", f"{meant}All fields: edgekit recipe.")
