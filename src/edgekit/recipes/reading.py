"""From a name, a file or `field=value` words to a `Recipe` whose values are all valid; its fields in words.

In: a built-in recipe's name (`builtin/README.md` says why each is as it is), or a document such as the recipe.json
beside a model. Out: the recipe, its `leaves` with what each may hold, or an error that says what is allowed.
"""

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import CHANNELS
from edgekit.values.codec import Fault, Invalid, from_document, from_json, to_json
from edgekit.values.limits import Between, FileName, Several, Sides

BUILTIN = ("esp32", "paper", "demo", "smoke", "digits", "shapes")
_RENAMED_NETWORKS = {"compact": "resnet_tiny"}  # since version 0.1
_BOTH_SIDES = re.compile(r"[(\[]?(\d+)\s*[x,]\s*(\d+)[)\]]?")  # 48x64, or as a tuple is given
_COLOURS = ("rgb", "grey", "gray", "color", "colors", "colour", "colours")  # what others call data.channels
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of a recipe: its path (`distill.fit.epochs`), its value and its annotation."""

    path: str
    value: Any
    hint: Any

    @property
    def allowed(self) -> str:
        """What it may hold, in words."""
        return _allowed(self.hint)


def leaves(node: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every field of a tree of dataclasses, in its order."""
    hints = typing.get_type_hints(type(node), include_extras=True)
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{f.name}.")
        else:
            yield Leaf(prefix + f.name, value, hints[f.name])


_FIELDS = {leaf.path: leaf for leaf in leaves(Recipe())}


def recipe_named(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The built-in recipe of that name, or the one saved in that .json, with `field=value` changes applied.

    Args:
        name: one of BUILTIN, or a file such as the recipe.json beside a model.
        changes: e.g. `distill.temperature=3`; of two for one field the later counts.

    Raises:
        EdgekitError: unknown recipe or field, wrong type, value out of range; says which and what is allowed.
    """
    if name not in BUILTIN and not name.endswith(".json"):
        raise EdgekitError(
            f"There is no recipe {name!r}.", f"Choose one of: {', '.join(BUILTIN)}; or give a recipe.json."
        )
    recipe = _saved(Path(__file__).parent / "builtin" / f"{name}.json" if name in BUILTIN else Path(name))
    values = to_json(recipe)
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise EdgekitError(f"--set {change!r} has no '='.", "Write it as --set distill.temperature=3.")
        _assign(values, path.strip(), text.strip())
    return recipe_of(values)


def recipe_of(values: Any) -> Recipe:
    """The recipe of JSON values; what they leave out has its default.

    Raises:
        EdgekitError: an unknown field, a wrong type or a value out of range; a student that makes no sense.
    """
    try:
        recipe = from_json(Recipe, values, "A recipe", unknown_fields=False)
    except Invalid as error:
        raise _refused(error.faults[0], f"{error}.") from error
    _check(recipe)
    return recipe


def from_version_0_1(values: Any) -> Any:
    """Today's JSON values of a recipe of version 0.1, or of what should be one."""
    teach = values.get("teach") if isinstance(values, dict) else None
    if not isinstance(teach, dict) or not isinstance(teach.get("networks"), list):
        return values
    networks = [_RENAMED_NETWORKS.get(name, name) if isinstance(name, str) else name for name in teach["networks"]]
    return {**values, "teach": {**teach, "networks": networks}}


def _saved(path: Path) -> Recipe:
    try:
        recipe = from_document(Recipe, path, "a recipe", from_version_0_1, unknown_fields=False)
    except OSError as error:
        reason = error.strerror or error
        raise EdgekitError(f"{path} cannot be read: {reason}.", "Give the recipe.json beside a model.") from error
    except Invalid as error:
        raise _refused(error.faults[0], f"{path} is not a valid recipe: {error}.") from error
    try:
        _check(recipe)
    except EdgekitError as error:
        raise EdgekitError(f"{path} is not a valid recipe: {error.message}", error.hint) from error
    return recipe


def _check(recipe: Recipe) -> None:
    """Raises EdgekitError where a part of the recipe makes no sense as a whole."""
    recipe.student.check()
    recipe.quantize.check()


def _assign(values: dict[str, Any], path: str, text: str) -> None:
    """Sets a field among a recipe's JSON values to what `text` says; its limits are not checked yet."""
    if path not in _FIELDS:
        inner = ", ".join(name for name in _FIELDS if name.startswith(f"{path}."))
        raise EdgekitError(f"{path} is a group of fields.", f"Name one of: {inner}.") if inner else _unknown(path)
    *groups, name = path.split(".")
    for group in groups:
        values = values[group]
    values[name] = _said(text, _FIELDS[path].hint)


def _refused(first: Fault, message: str) -> EdgekitError:
    """The message, with what may be done about the first of its faults."""
    if first.kind == "unknown":
        no_field = _unknown(first.path)
        return EdgekitError(message.replace(first.message, no_field.message.rstrip(".")), no_field.hint)
    if first.path in _FIELDS:
        meant = f" {CHANNELS}" if first.path == "student.channels" else ""
        return EdgekitError(message, f"It takes {_FIELDS[first.path].allowed}.{meant}")
    return EdgekitError(message, "Give an object of fields and values, such as the recipe.json beside a model.")


def _unknown(path: str) -> EdgekitError:
    """There is no such field, but there may be one nearly of its name."""
    groups = {name.rpartition(".")[0] for name in _FIELDS} - {""}
    colours = path.rpartition(".")[2].casefold() in _COLOURS
    close = ["data.channels"] if colours else difflib.get_close_matches(path, [*_FIELDS, *groups], n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    meant += f"{CHANNELS} " if "data.channels" in close else ""
    return EdgekitError(f"There is no recipe field {path!r}.", f"{meant}All fields: edgekit recipe.")


def _said(text: str, hint: Any) -> Any:
    """The JSON value that a text means for a field."""
    kind, limits = _taken_apart(hint)
    if typing.get_origin(kind) is tuple:
        words = [word.strip() for word in text.strip("()[]").split(",") if word.strip()]
        return [_said(word, typing.get_args(kind)[0]) for word in words]
    if typing.get_origin(kind) is Literal:
        return {str(choice): choice for choice in typing.get_args(kind)}.get(text, text)
    if any(isinstance(limit, Sides) for limit in limits) and (both := _BOTH_SIDES.fullmatch(text)):
        return [int(side) for side in both.groups()]
    return text if kind is str else _scalar(text)


def _scalar(text: str) -> Any:
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
        *choices, last = map(str, typing.get_args(kind))
        return f"{', '.join(choices)} or {last}"
    if sides := next((limit for limit in limits if isinstance(limit, Sides)), None):
        return f"a whole number between {sides.low} and {sides.high}, or height and width, such as 48x64"
    if any(isinstance(limit, FileName) for limit in limits):
        return "a name without a folder"
    return _WORDS[kind] + (f" between {_number(between.low)} and {_number(between.high)}" if between else "")


def _taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its limits."""
    return (hint.__origin__, hint.__metadata__) if typing.get_origin(hint) is Annotated else (hint, ())


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
