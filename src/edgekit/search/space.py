"""What a search chooses among.

In: a recipe's `search`, and what a sampler says of each choice. Out: the shape of a student, or why there is none.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import SearchRecipe, StudentRecipe

Choices = Mapping[str, Any]  # by the name of what is chosen


def choices_of(space: SearchRecipe) -> dict[str, tuple[Any, ...]]:
    """Everything that is chosen, and among what. All of it is chosen for every student, used or not: a sampler learns
    of a choice from all trials."""
    most = max(space.stages)
    return {
        "input_size": space.input_sizes,
        "block": space.blocks,
        "stem_stride": space.stem_strides,
        "stages": space.stages,
        "width": space.widths,
        **{f"growth_{stage}": space.growths for stage in range(2, most + 1)},
        **{f"depth_{stage}": space.depths for stage in range(1, most + 1)},
        "expansion": space.expansions,
    }


def student_of(chosen: Choices) -> StudentRecipe | None:
    """The student that was chosen; None where its image would be pooled away."""
    channels = [int(chosen["width"])]
    for stage in range(2, chosen["stages"] + 1):
        grown = 4 * round(channels[-1] * chosen[f"growth_{stage}"] / 4)
        channels.append(max(grown, channels[-1]))
    depths = [chosen[f"depth_{stage}"] for stage in range(1, chosen["stages"] + 1)]
    block, expansion = chosen["block"], StudentRecipe().expansion
    student = StudentRecipe(
        chosen["input_size"], tuple(channels), tuple(depths), block, chosen["stem_stride"],
        chosen["expansion"] if block == "inverted" else expansion,
    )  # fmt: skip
    shrinks = student.stem_stride * 2 ** len(channels)
    return student if student.input_size % shrinks == 0 and student.input_size > shrinks else None


def choices_for(student: StudentRecipe, space: SearchRecipe) -> dict[str, Any] | None:
    """The choices that give this student; None where the space does not hold it."""
    offered = choices_of(space)
    wanted: dict[str, tuple[Any, ...]] = {
        "input_size": (student.input_size,),
        "block": (student.block,),
        "stem_stride": (student.stem_stride,),
        "stages": (len(student.channels),),
        "width": student.channels[:1],
        **{f"depth_{stage}": (depth,) for stage, depth in enumerate(student.depths, start=1)},
    }
    if student.block == "inverted":
        wanted["expansion"] = (student.expansion,)
    taken = {name: tuple(one for one in wanted.get(name, values) if one in values) for name, values in offered.items()}
    for stage, (before, after) in enumerate(itertools.pairwise(student.channels), start=2):
        name = f"growth_{stage}"
        taken[name] = tuple(one for one in taken.get(name, ()) if max(4 * round(before * one / 4), before) == after)
    if not all(taken.values()):
        return None
    chosen = {name: values[0] for name, values in taken.items()}
    return chosen if student_of(chosen) == student else None


def smallest(space: SearchRecipe) -> Iterator[StudentRecipe]:
    """The smallest students of every kind, one of which takes the least of anything.

    Raises:
        EdgekitError: the space holds no student at all.
    """
    offered = choices_of(space)
    found = 0
    for block, stride, stages, size in itertools.product(
        space.blocks, space.stem_strides, space.stages, sorted(space.input_sizes)
    ):
        least = {name: min(values) if name not in ("block",) else block for name, values in offered.items()}
        student = student_of({**least, "stem_stride": stride, "stages": stages, "input_size": size})
        if student is not None:
            found += 1
            yield student
    if not found:
        raise EdgekitError(
            f"The search has nothing to choose among: no image of {_listed(space.input_sizes)} pixels can be halved "
            f"{_listed(space.stages)} times behind a first convolution of stride {_listed(space.stem_strides)} and "
            "keep two pixels.",
            "Give larger images or fewer stages: --set search.input_sizes=48,64,96 --set search.stages=3.",
        )


def _listed(values: tuple[Any, ...]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
