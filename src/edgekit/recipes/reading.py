"""From a name, a file or `field=value` words to a `Recipe` whose values are all valid, and back to JSON."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.recipes.builtin import RECIPES
from edgekit.recipes.fields import built, replaced
from edgekit.recipes.recipe import Recipe


def recipe_named(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or the one saved in that .json, with `field=value` changes applied.

    Args:
        name: `esp32`, `paper`, `demo`, `smoke`, or a file such as the recipe.json beside a model.
        changes: e.g. `distill.temperature=3`.

    Raises:
        EdgekitError: unknown recipe or field, wrong type, value out of range; says which and what is allowed.
    """
    recipe = _saved(Path(name)) if name.endswith(".json") else RECIPES.get(name)
    if recipe is None:
        choices = ", ".join(RECIPES)
        raise EdgekitError(f"There is no recipe {name!r}.", f"Choose one of: {choices}; or give a recipe.json.")
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise EdgekitError(f"--set {change!r} has no '='.", "Write it as --set distill.temperature=3.")
        recipe = replaced(recipe, path.strip(), text.strip())
    recipe.student.spec()
    return recipe


def _saved(path: Path) -> Recipe:
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = error.strerror or error
        raise EdgekitError(f"{path} cannot be read: {reason}.", "Give the recipe.json beside a model.") from error
    except ValueError as error:  # JSON and UTF-8 errors are ValueErrors too
        raise EdgekitError(f"{path} is no recipe: {error}.", "Give the recipe.json beside a model.") from error


def to_dict(recipe: Any) -> dict[str, Any]:
    """The recipe, or a part of it, as JSON-ready values."""
    return dataclasses.asdict(recipe)


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_dict`'s values.

    Raises:
        EdgekitError: an unknown field, a wrong type or a value out of range.
    """
    recipe: Recipe = built(Recipe, values)
    recipe.student.spec()
    return recipe
