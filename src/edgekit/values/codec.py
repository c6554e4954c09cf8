"""Frozen dataclasses to JSON values and back, with every type and limit checked on the way in; and their JSON Schema.

In: a dataclass whose annotations say what its fields hold (`limits`), or JSON. Out: JSON values (what the json module
writes), or the dataclass. The one module that imports pydantic, and only where something is read: pydantic, because
its errors are values (path, kind, limits), so that our messages are made of values and all faults are reported at once.

A file that edgekit writes is a *document*: a JSON object of a dataclass's fields and `schema_version`. Version 0.1
wrote no schema_version; what reads a document says how its values from then become those of today.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from edgekit.errors import EdgekitError
from edgekit.files import read_regular

SCHEMA_VERSION = 1  # of every document; its structure differs in no way that an older reader would notice
_SHOWN_FAULTS = 3
_WANTED = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text", "tuple": "a list"}
_COMPLAINTS = {  # after the field's name, by pydantic's type of error
    "too_short": "is empty",
    "too_long": "has another number of values: {given}",
    **dict.fromkeys(("literal_error", "sides"), "cannot be {given}"),
    "assertion_error": "{cause}",  # of a limit
    "value_error": "is wrong: {cause}",  # of a dataclass's own check
    **dict.fromkeys(("dataclass_type", "mapping_type", "dict_type"), "is a group of fields, not {given}"),
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    path: str  # `teach.fit.epochs`, `stages[3].bytes`; empty for the value as a whole
    kind: str  # `missing`, `unknown`, or `wrong`
    message: str  # a sentence without its full stop


class Invalid(ValueError):
    """JSON that is not what it should be. Its text names the first faults."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        super().__init__("; ".join(fault.message for fault in faults[:_SHOWN_FAULTS]) + more)
        self.faults = faults


def to_json(value: Any) -> Any:
    """Dataclasses and mappings as dicts, tuples and arrays as lists, NaN and infinity as None."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if hasattr(value, "tolist"):  # of numpy, which `edgekit --help` does not import
        return to_json(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_document(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, after the version of their schema."""
    return {"schema_version": SCHEMA_VERSION, **to_json(value)}


def from_json(cls: type[T], values: Any, what: str, *, unknown_fields: bool = True) -> T:
    """The value of the dataclass that `to_json` made these JSON values of. What they leave out keeps its default.

    Args:
        what: the value in words, `a recipe`, for a fault of the whole.
        unknown_fields: pass over fields that the dataclass has not.

    Raises:
        Invalid: fields are missing, unknown, of another type or out of their limits.
    """
    from pydantic import ValidationError

    adapter: Any = _adapter(cls)  # type: ignore[arg-type]  # mypy takes a type[T] for unhashable
    extra = "ignore" if unknown_fields else "forbid"
    try:
        found: T = adapter.validate_json(json.dumps(values), strict=True, extra=extra)
        return found
    except ValidationError as error:
        # pydantic counts the values of a list that are right: one whose values are all wrong is not empty
        errors = [dict(one) for one in error.errors() if one["type"] != "too_short" or not one["input"]]
        raise Invalid(tuple(_fault(one, what) for one in errors)) from None


def parsed(text: bytes) -> Any:
    """The JSON values of a text.

    Raises:
        Invalid: not JSON, NaN or infinity in it, or nested too deeply.
    """
    from pydantic_core import from_json as parse

    try:
        values = parse(text, allow_inf_nan=False)
        json.dumps(values, allow_nan=False)  # 1e999 is infinite, too
        return values
    except ValueError as error:
        raise Invalid((Fault("", "wrong", f"not JSON ({error})"),)) from None


def from_document(
    cls: type[T], path: Path, what: str, from_0_1: Callable[[Any], Any], *, unknown_fields: bool = True
) -> T:
    """The value in the document at `path`; `what` and `unknown_fields` as in `from_json`. `from_0_1` makes today's
    values of those that version 0.1 wrote.

    Raises:
        Invalid: it is not such a document.
        EdgekitError: a later edgekit wrote it.
        OSError: it cannot be read.
    """
    values = parsed(read_regular(path))
    if not isinstance(values, dict) or "schema_version" not in values:
        return from_json(cls, from_0_1(values), what, unknown_fields=unknown_fields)
    version = values.pop("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise EdgekitError(
            f"{path} is {what} of schema_version {version}; this edgekit reads up to {SCHEMA_VERSION}.",
            "A later edgekit wrote it: get that one, from where you have this one.",
        )
    if version != SCHEMA_VERSION or isinstance(version, bool):
        message = f"schema_version takes a whole number from 1 to {SCHEMA_VERSION}, not {_shown(version)}"
        raise Invalid((Fault("schema_version", "wrong", message),))
    return from_json(cls, values, what, unknown_fields=unknown_fields)


def schema(cls: type, title: str, *, unknown_fields: bool = True) -> dict[str, Any]:
    """The JSON Schema of the documents of a dataclass; `unknown_fields` as in `from_json`."""
    found: dict[str, Any] = _adapter(cls).json_schema()
    if not unknown_fields:
        for group in (found, *found.get("$defs", {}).values()):
            group["additionalProperties"] = False
    properties = {"schema_version": {"const": SCHEMA_VERSION, "type": "integer"}, **found.pop("properties")}
    required = ["schema_version", *found.pop("required", [])]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **found, "title": title, "properties": properties, "required": required}


@cache
def _adapter(cls: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _fault(error: dict[str, Any], what: str) -> Fault:
    """Our words for one of pydantic's errors: its `type`, `loc`, `input` and `ctx`."""
    kind, place, given = error["type"], list(error["loc"]), _shown(error["input"])
    if kind == "missing" and place and isinstance(place[-1], int):  # of a tuple of so many values
        kind = "too_long"
    while place and isinstance(place[-1], int):  # a list's values have one limit in common
        place.pop()
    path = _path(place)
    if kind == "missing":
        return Fault(path, "missing", f"{path} is missing")
    if kind == "unexpected_keyword_argument":
        return Fault(path, "unknown", f"there is no field {path}")
    if kind in ("greater_than_equal", "less_than_equal"):
        return Fault(path, "wrong", f"{path}={given} is out of range")
    wanted = f"takes {_WANTED.get(kind.partition('_')[0], 'another value')}, not {{given}}"
    complaint = _COMPLAINTS.get(kind, wanted).format(given=given, cause=error.get("ctx", {}).get("error"))
    return Fault(path, "wrong", f"{path or what} {complaint}")


def _path(place: list[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def _shown(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else f"{value!r:.60}"
