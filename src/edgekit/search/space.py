"""What a search chooses among.

In: a recipe's `search`, and what a sampler says of each choice. Out: a `Candidate`, or why there is none.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import SearchRecipe, StudentRecipe

Choices = Mapping[str, Any]  # by the name of what is chosen
_ANY_TOLERANCE = 0.5  # the alpha is chosen: a sweep is not to choose again


@dataclass(frozen=True, slots=True)
class Candidate:
    """A student, and how it is made.

    Attributes:
        distill_weight: the teacher's share of the loss; 0: it learns from labels alone.
        prune_alpha: of the weights that are zeroed after the training (`PruneRecipe`); 0: none are.
    """

    student: StudentRecipe
    distill_weight: float = 0.0
    prune_alpha: float = 0.0

    def __str__(self) -> str:
        """`inverted 48, 8-12-16 x 1-2-1, stem / 2, taught by 0.5, pruned at 4`: kind, side of the image, channels,
        depths."""
        student = self.student
        stem = "" if student.stem_stride == 1 else f", stem / {student.stem_stride}"
        times = f", expansion {student.expansion}" if student.block == "inverted" else ""
        channels, depths = ("-".join(map(str, each)) for each in (student.channels, student.depths))
        taught = f", taught by {self.distill_weight:g}" if self.distill_weight else ""
        pruned = f", pruned at {self.prune_alpha:g}" if self.prune_alpha else ""
        return f"{student.block} {student.input_size}, {channels} x {depths}{stem}{times}{taught}{pruned}"

    def made_by(self, recipe: Recipe) -> Recipe:
        """The recipe as it makes this student."""
        weight, alpha = self.distill_weight, self.prune_alpha
        distill = replace(recipe.distill, teacher=weight > 0, plain_too=False)
        if weight:
            distill = replace(distill, alpha=weight, beta=1 - weight)
        prune = replace(recipe.prune, method="magnitude", alphas=(alpha,) if alpha else (), tolerance=_ANY_TOLERANCE)
        return replace(recipe, student=self.student, distill=distill, prune=prune)


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
        "distill_weight": space.distill_weights,
        "prune_alpha": space.prune_alphas,
    }


def candidate_of(chosen: Choices) -> Candidate | None:
    """What was chosen; None where the student's image would be pooled away."""
    student = _student_of(chosen)
    return None if student is None else Candidate(student, chosen["distill_weight"], chosen["prune_alpha"])


def _student_of(chosen: Choices) -> StudentRecipe | None:
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
    """The choices that give this student, made in the first way that is offered; None where the space does not hold
    it."""
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
    return chosen if _student_of(chosen) == student else None


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
        student = _student_of({**least, "stem_stride": stride, "stages": stages, "input_size": size})
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
