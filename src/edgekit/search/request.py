"""What a search is asked, how far it is, and what it found: values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.compile import CompileOptions
from edgekit.compile.options import FOR_BOARD
from edgekit.files import print_warning
from edgekit.recipes.build import Recipe
from edgekit.search.cost import Budget, Cost
from edgekit.search.study import Sampler, Trial
from edgekit.search.work import Work
from edgekit.values.images import DataInfo


@dataclass(frozen=True, slots=True)
class Request:
    """What to search.

    Attributes:
        trials: students that are trained for the first rung at least, earlier ones in the folder counted.
        hours: of this call; then nothing more is begun, and what runs is waited for.
        jobs: units side by side; 0 for one a core, or a single one where a GPU does the work.
        ray: the address of a cluster, `local`, or empty for processes of this machine.
        options: what the students are compiled with.
    """

    recipe: Recipe
    data: str
    budget: Budget
    out: Path
    trials: int = 50
    hours: float | None = None
    jobs: int = 0
    ray: str = ""
    sampler: Sampler = "tpe"
    options: CompileOptions = FOR_BOARD
    accelerator: str = "auto"
    cache_dir: Path | None = None
    command: str = "edgekit search"
    on_progress: "Callable[[Progress], None]" = lambda progress: None
    on_warning: Callable[[str], None] = print_warning


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    Attributes:
        running: units.
        trials: so far, as in `Found`.
        news: what has just happened, in words; empty where nothing has.
    """

    running: tuple[Work, ...]
    trials: tuple[Trial, ...]
    news: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        judged: how, in words that follow `judged`.
        folds: how many.
        importances: see `Study.importances`.
        own: what the recipe's own student takes.
        ended: why it ended, in a sentence.
    """

    request: Request
    info: DataInfo
    judged: str
    folds: int
    trials: tuple[Trial, ...]
    importances: Mapping[str, Mapping[str, float]]
    own: Cost
    ended: str
