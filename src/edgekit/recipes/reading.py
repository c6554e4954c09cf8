"""From a name, a file or `field=value` words to a `Recipe` whose values are all valid."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.builtin import RECIPES
from edgekit.recipes.fields import assign, leaves, unknown
from edgekit.values.codec import Fault, Invalid, from_document, from_json, to_json

_FIELDS = {leaf.path: leaf for leaf in leaves(Recipe())}
_RENAMED_NETWORKS = {"compact": "resnet_tiny"}  # since version 0.1


def recipe_named(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or the one saved in that .json, with `field=value` changes applied.

    Args:
        name: `esp32`, `paper`, `demo`, `smoke`, or a file such as the recipe.json beside a model.
        changes: e.g. `distill.temperature=3`; of two for one field the later counts.

    Raises:
        EdgekitError: unknown recipe or field, wrong type, value out of range; says which and what is allowed.
    """
    recipe = _saved(Path(name)) if name.endswith(".json") else RECIPES.get(name)
    if recipe is None:
        choices = ", ".join(RECIPES)
        raise EdgekitError(f"There is no recipe {name!r}.", f"Choose one of: {choices}; or give a recipe.json.")
    values = to_json(recipe)
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise EdgekitError(f"--set {change!r} has no '='.", "Write it as --set distill.temperature=3.")
        assign(values, _FIELDS, path.strip(), text.strip())
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
    recipe.student.check()
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
    recipe.student.check()
    return recipe


def _refused(first: Fault, message: str) -> EdgekitError:
    """The message, with what may be done about the first of its faults."""
    if first.kind == "unknown":
        no_field = unknown(first.path, _FIELDS)
        return EdgekitError(message.replace(first.message, no_field.message.rstrip(".")), no_field.hint)
    if first.path in _FIELDS:
        return EdgekitError(message, f"It takes {_FIELDS[first.path].allowed}.")
    return EdgekitError(message, "Give an object of fields and values, such as the recipe.json beside a model.")
