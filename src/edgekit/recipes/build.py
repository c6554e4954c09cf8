"""What to build: the parts of a recipe put together, and what the board leaves to the model.

A recipe is saved as JSON beside every artefact that came of it. No stage depends on this module, so that another board
makes no trained network stale.
"""

from dataclasses import dataclass, field
from typing import Annotated

from edgekit.boards.board import ESP32
from edgekit.recipes.recipe import (
    ConvertRecipe,
    DataRecipe,
    DistillRecipe,
    PruneRecipe,
    QuantizeRecipe,
    SearchRecipe,
    StudentRecipe,
    TeachRecipe,
    ThresholdRecipe,
)
from edgekit.values.limits import Between, FileName, Several


@dataclass(frozen=True, slots=True)
class EmbedRecipe:
    """What the board leaves to a model; by default what the classic ESP32 does."""

    flash_bytes: Annotated[int, Between(1024, 16_777_216)] = ESP32.room.flash_bytes
    arena_bytes: Annotated[int, Between(1024, 4_194_304)] = ESP32.room.arena_bytes
    model_bytes: Annotated[int, Between(1024, 4_194_304)] = 40_700


@dataclass(frozen=True, slots=True)
class Recipe:
    """All of a build. `seeds` are student trainings over one ensemble; the first is the one that is shipped."""

    name: Annotated[str, FileName()] = "esp32"  # the folder of a build that is given none
    seeds: Annotated[tuple[int, ...], Between(0, 2**31 - 1), Several(distinct=True)] = (0, 1, 2)
    data: DataRecipe = field(default_factory=DataRecipe)
    teach: TeachRecipe = field(default_factory=TeachRecipe)
    student: StudentRecipe = field(default_factory=StudentRecipe)
    distill: DistillRecipe = field(default_factory=DistillRecipe)
    prune: PruneRecipe = field(default_factory=PruneRecipe)
    threshold: ThresholdRecipe = field(default_factory=ThresholdRecipe)
    quantize: QuantizeRecipe = field(default_factory=QuantizeRecipe)
    convert: ConvertRecipe = field(default_factory=ConvertRecipe)
    embed: EmbedRecipe = field(default_factory=EmbedRecipe)
    search: SearchRecipe = field(default_factory=SearchRecipe)  # of `edgekit search`; a build does not look at it
