"""What a field of a frozen dataclass may hold, as metadata in its annotation: `Annotated[float, Between(0, 1)]`.

`codec` checks it where a file or a word is read, and writes it into the JSON Schema; a table of fields reads it, too.
Each limit speaks pydantic's language of core schemas, which are plain dicts, so that nobody who only declares a
dataclass imports pydantic.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Between:
    """A number, or each number of a tuple, lies in [low, high]."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Schema]) -> Schema:
        schema, limits = handler(source), {"ge": self.low, "le": self.high}
        if schema["type"] == "tuple":
            return {**schema, "items_schema": [{**item, **limits} for item in schema["items_schema"]]}
        return {**schema, **limits}


@dataclass(frozen=True, slots=True)
class Several:
    """A tuple has one value or more, each another where they are `distinct`."""

    distinct: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Schema]) -> Schema:
        schema = {**handler(source), "min_length": 1}
        return _checked(schema, _different, uniqueItems=True) if self.distinct else schema


@dataclass(frozen=True, slots=True)
class Sides:
    """The side of a square, or a (height, width): whole numbers in [low, high]. Two equal ones are a square's side."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Schema]) -> Schema:
        union, limits = handler(source), {"ge": self.low, "le": self.high}
        side, both = union["choices"]
        both = {**both, "items_schema": [{**item, **limits} for item in both["items_schema"]]}
        # one error for both choices, of the field and not of the choices below it
        custom = {"custom_error_type": "sides", "custom_error_message": "sides"}
        return _checked({**union, "choices": [{**side, **limits}, both], **custom}, square_as_one)


@dataclass(frozen=True, slots=True)
class FileName:
    """A text is the name of a file, without a folder."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Schema]) -> Schema:
        return _checked(handler(source), _without_folder)


@dataclass(frozen=True, slots=True)
class _NullIsNan:
    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Schema]) -> Schema:
        return _checked({"type": "nullable", "schema": handler(source)}, _nan_of_null)


FloatOrNan = Annotated[float, _NullIsNan()]  # a figure that may be undefined: NaN, for which JSON has null


def _checked(schema: Schema, check: Callable[[Any], Any], **json_schema: Any) -> Schema:
    """A check after the schema's own; what it raises as AssertionError goes on after the field's name in a sentence."""
    metadata = {"pydantic_js_updates": json_schema}
    return {"type": "function-after", "function": {"type": "no-info", "function": check}, "schema": schema,
            "metadata": metadata}  # fmt: skip


def square_as_one(sides: Any) -> Any:
    """64 for (64, 64)."""
    return sides[0] if isinstance(sides, tuple) and sides[0] == sides[1] else sides


def _nan_of_null(value: float | None) -> float:
    return math.nan if value is None else value


def _different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise AssertionError("names the same value twice")
    return values


def _without_folder(name: str) -> str:
    if name in ("", "..") or PurePosixPath(name).name != name or "\\" in name or not name.isprintable():
        raise AssertionError(f"must be the name of a file without a folder, not {name!r}")
    return name
