"""A model with what its card says of it: what every command that runs a model on a board begins with.

In: an int8 .tflite, or the folder of build-model that holds one. Out: a `LoadedModel`.
"""

from dataclasses import dataclass
from pathlib import Path

from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.program import profiled_program
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.errors import EdgekitError
from edgekit.files import print_warning
from edgekit.recipes.recipe import DataRecipe
from edgekit.report.card import load_card
from edgekit.runtimes.trial import try_apart
from edgekit.tflite.float_ends import LEFT_OUT
from edgekit.tflite.model import read_tflite
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo
from edgekit.values.model import DEFAULT_MODEL, TfliteModel
from edgekit.values.program import Program
from edgekit.values.task import Task


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, what it is asked (None: nobody has said), where its decision lies (None: at the greatest output), TFLM's
    arena for it in bytes, and how its data were split."""

    model: TfliteModel
    task: Task | None
    threshold: Threshold | None
    arena_bytes: int
    data: DataRecipe

    def sources(self, options: CompileOptions | None = None) -> ModelSources:
        """The model as the firmware takes it. Raises as `model_sources` does."""
        return self._sources(compile_model(self.model.flatbuffer, options))

    def board_sources(self, options: CompileOptions | None = None) -> tuple[ModelSources, EdgekitError | None]:
        """The same for a board, whose firmware may do without compiled C: then with what is in the way of that."""
        try:
            return self.sources(options), None
        except EdgekitError as obstacles:
            return self._sources(None), obstacles

    def _sources(self, compiled: Compiled | None) -> ModelSources:
        return model_sources(
            self.model, compiled, task=self.task, threshold=self.threshold, arena_bytes=self.arena_bytes
        )

    def program(self, profile: Path | None = None) -> Program | None:
        """The model as compiled C for a report, with what `edgekit profile --json` measured; None where the compiler
        does not take the model.

        Raises:
            EdgekitError: `profile` is not a profile of this model.
        """
        return program_of(self.model) if profile is None else profiled_program(self.model.flatbuffer, profile)


def program_of(model: TfliteModel) -> Program | None:
    """The model as compiled C; None where the compiler does not take it."""
    try:
        return compile_model(model.flatbuffer).program
    except EdgekitError:
        return None


def check_same_classes(model: Task | None, data: DataInfo) -> None:
    """Passes where nobody has said what the model is asked.

    Raises:
        EdgekitError: the model was made for other classes than the data have.
    """
    if model is None:
        return
    known, given = ({label.casefold(): label for label in labels} for labels in (model.labels, data.task.labels))
    if [*known] == [*given]:
        return
    lacking, more = (
        [names[key] for key in names if key not in others] for names, others in ((known, given), (given, known))
    )
    differences = [
        *([f"without {', '.join(lacking)}"] if lacking else []),
        *([f"with {', '.join(more)}, which the model does not know"] if more else []),
    ]
    raise EdgekitError(
        f"The model tells {len(known)} classes apart: {', '.join(model.labels)}; {data.name} has {len(given)}, "
        f"{' and '.join(differences) or 'in another order: ' + ', '.join(data.task.labels)}.",
        "Give a set of the model's classes, or rename the folders where they mean the same.",
    )


def read_named(path: Path) -> TfliteModel:
    """A .tflite that the user named. What of it is left out is said on stderr. Raises as `read_tflite`."""
    model = read_tflite(path)
    if model.had_float_ends:
        print_warning(f"{path} has {LEFT_OUT}.")
    return model


def load_model(path: str | Path = DEFAULT_MODEL) -> LoadedModel:
    """A model with its card; without a card the larger logit decides and TFLM's arena is measured here.

    Raises:
        EdgekitError: no such model, or a card that cannot be read.
    """
    path = Path(path) / DEFAULT_MODEL.name if Path(path).is_dir() else Path(path)
    model = read_named(path)
    if (path.parent / "card.json").is_file():
        card = load_card(path.parent)
        if card.model.sha256 == model.sha256:
            return LoadedModel(model, card.data.task, card.cut(), card.model.arena_bytes, card.recipe.data)
    return LoadedModel(model, None, Threshold(0.5, 1), try_apart(model), DataRecipe())
