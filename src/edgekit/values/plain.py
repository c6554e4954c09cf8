"""Frozen dataclasses to JSON-ready values and back, with every type checked on the way in.

NaN has no place in JSON: an undefined figure is null there and NaN here.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, tuples as lists, NaN and infinity as None."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(hint: Any, value: Any, path: str = "") -> Any:
    """The value of type `hint` (a dataclass, or what its fields hold) that `to_plain` made. Unknown keys are ignored.

    Raises:
        ValueError: a field is missing or has another type; names it as `model.sha256`.
    """
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, _mapping(value, path), path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else from_plain(arguments[0], value, path)
    if origin is tuple:
        return _tuple(arguments, value, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: from_plain(arguments[1], item, f"{path}.{key}") for key, item in _mapping(value, path).items()}
    if hint is float:
        return math.nan if value is None else float(_typed(value, (int, float), path))
    return value if hint is Any else _typed(value, hint, path)


def _dataclass(cls: Any, values: Mapping[str, Any], path: str) -> Any:
    hints, arguments = typing.get_type_hints(cls), {}
    for f in dataclasses.fields(cls):
        inner = f"{path}.{f.name}".lstrip(".")
        if f.name in values:
            arguments[f.name] = from_plain(hints[f.name], values[f.name], inner)
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise ValueError(f"the field {inner} is missing")
    return cls(**arguments)


def _tuple(arguments: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    items = _typed(value, list, path)
    kinds = (arguments[0],) * len(items) if arguments[1:] == (...,) else arguments
    if len(kinds) != len(items):
        raise ValueError(f"the field {path} must have {len(kinds)} values, not {len(items)}")
    return tuple(
        from_plain(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    result: Mapping[str, Any] = _typed(value, dict, path or "at the top")
    return result


def _typed(value: Any, kind: Any, path: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = {dict: "an object", list: "a list", int: "a whole number", str: "a text", bool: "true or false"}
        raise ValueError(f"the field {path} must be {names.get(kind, 'a number')}, not {value!r:.60}")
    return value
