"""What a recipe asks of a data set, where it says other than the set itself: which label is looked for, whether
pictures may be mirrored, and whether they are grey or RGB.

In: a catalogue as its source describes it. Out: the same as the recipe wants it.
"""

from collections.abc import Sequence
from dataclasses import replace

from edgekit.data.catalogue import Catalogue, listed
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import Task


def asked(catalogue: Catalogue, recipe: DataRecipe) -> Catalogue:
    """The catalogue with the recipe's `positive`, `mirror` and `channels`, where they are given.

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
    if recipe.channels != "auto":
        info = replace(info, task=replace(info.task, channels=recipe.channels))
    return replace(catalogue, info=info, by_colours=catalogue.by_colours and recipe.channels == "auto")


def for_model(recipe: DataRecipe, channels: int) -> DataRecipe:
    """The recipe with the channels of a model that is there already, so that the images do not decide on them.

    Raises:
        EdgekitError: a model of another number of channels than pictures have.
    """
    if channels not in (1, 3):
        raise EdgekitError(
            f"The model takes {channels} channels; pictures have 1 (grey) or 3 (RGB).",
            "Give its inputs as an .npz file with x and y.",
        )
    return replace(recipe, channels=1 if channels == 1 else 3)


def as_seen(
    catalogue: Catalogue, coloured: Sequence[int], transparent: Sequence[int], *, chosen: bool = False
) -> tuple[Catalogue, tuple[str, ...]]:
    """The catalogue with the channels that its images decide on, where they decide, and notes of images that are not
    as the rest. Also what a person is to be told of them now, a line each.

    Args:
        coloured: the rows of the images that are not grey.
        transparent: the rows of the images that are not opaque.
        chosen: a recipe or a model has decided on the channels.
    """
    if catalogue.by_colours:
        task = replace(catalogue.info.task, channels=3 if coloured else 1)
        catalogue = replace(catalogue, info=replace(catalogue.info, task=task))
    channels, notes, told = catalogue.info.task.channels, [], []
    if note := _of_colours(catalogue, coloured):
        notes.append(note)
        # colours are never lost unsaid; that a stray one makes every model larger is no choice of anyone
        if channels == 1 or (not chosen and 2 * len(coloured) < len(catalogue)):
            hint = (
                "" if chosen else f" --set data.channels={'3 keeps colours' if channels == 1 else '1 makes all grey'}."
            )
            told.append(f"{note}{_named(catalogue, coloured)}.{hint}")
    if transparent:
        notes.append(f"{len(transparent)} images are transparent in parts: what lies below is seen")
        told.append(f"{notes[-1]}{_named(catalogue, transparent)}. Lay them on a ground of your choice if it matters.")
    return catalogue.noted(*notes), tuple(told)


def _of_colours(catalogue: Catalogue, coloured: Sequence[int]) -> str:
    """What is to be said of the images with colours, if anything."""
    some = f"{len(coloured)} of {len(catalogue)} images have colours"
    if catalogue.info.task.channels == 1:
        return f"{some} and are made grey" if coloured else ""
    if not coloured:
        return "no image has colours: grey is given three times over"
    return f"{some}, the others are grey: all are taken as RGB" if len(coloured) < len(catalogue) else ""


def _named(catalogue: Catalogue, rows: Sequence[int]) -> str:
    return f" ({listed([catalogue.ids[row] for row in rows])})" if rows else ""


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
