"""What a recipe asks of a data set, where it says other than the set itself: which label is looked for, and whether
pictures may be mirrored.

In: a catalogue as its source describes it. Out: the same as the recipe wants it.
"""

from dataclasses import replace

from edgekit.data.catalogue import Catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import Task


def asked(catalogue: Catalogue, recipe: DataRecipe) -> Catalogue:
    """The catalogue with the recipe's `positive` and `mirror`, where they are given.

    Raises:
        EdgekitError: a positive label that is not one of two.
    """
    info = catalogue.info
    if recipe.mirror != "auto":
        info = replace(info, mirror=recipe.mirror == "yes")
    if recipe.positive:
        task = replace(info.task, positive=_positive(info.name, info.task, recipe.positive))
        kept = tuple(note for note in info.notes if note != looked_for(info.task))
        info = replace(info, task=task, notes=(*kept, looked_for(task)) if task != info.task else info.notes)
    return replace(catalogue, info=info)


def looked_for(task: Task) -> str:
    """The note that says which of two labels recall is about."""
    return f"{task.positive} is the class that is looked for: recall is its share found"


def _positive(name: str, task: Task, wanted: str) -> str:
    if len(task.labels) != 2:
        raise EdgekitError(
            f"data.positive={wanted} names one of two classes; {name} has {len(task.labels)}.",
            "Leave it empty (--set data.positive=): of several classes the greatest output decides.",
        )
    found = [label for label in task.labels if label.casefold() == wanted.casefold()]
    if not found:
        raise EdgekitError(
            f"data.positive={wanted} is no class of {name}.", f"Its classes are {' and '.join(task.labels)}."
        )
    return found[0]
