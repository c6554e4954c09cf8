"""A model with what its card says of it: what every command that runs a model on a board begins with.

In: an int8 .tflite, or the folder of build-model that holds one. Out: a `LoadedModel`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.options import FOR_BOARD
from edgekit.compile.program import profiled_program
from edgekit.data.arrays import named
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.errors import EdgekitError
from edgekit.files import print_warning, read_bytes
from edgekit.recipes.recipe import DataRecipe
from edgekit.report.card import Card, load_card
from edgekit.runtimes import tflm
from edgekit.runtimes.trial import try_apart
from edgekit.tflite.metadata import lines_of
from edgekit.tflite.model import read_tflite
from edgekit.tflite.other_ends import left_out
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo, ImageSplits
from edgekit.values.model import TfliteModel
from edgekit.values.program import Program
from edgekit.values.shipped import DEFAULT_MODEL
from edgekit.values.task import Task

_MOST_LABEL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, what it is asked (None: nobody has said), where its decision lies (None: at the greatest output), TFLM's
    arena for it in bytes (0: not measured), and how its data were split."""

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
            self.model,
            compiled,
            task=self.task,
            threshold=self.threshold,
            arena_bytes=self.arena_bytes,
        )

    def program(self, profile: Path | None = None) -> Program | None:
        """The model as compiled C for the board, for a report, with what `edgekit profile --json` measured; None where
        the compiler does not take the model.

        Raises:
            EdgekitError: `profile` is not a profile of this model.
        """
        return program_of(self.model) if profile is None else profiled_program(self.model.flatbuffer, profile)


def program_of(model: TfliteModel) -> Program | None:
    """The model as compiled C for the board; None where the compiler does not take it."""
    try:
        return compile_model(model.flatbuffer, FOR_BOARD).program
    except EdgekitError:
        return None


def check_same_classes(model: Task, data: DataInfo) -> None:
    """Raises EdgekitError where the model was made for other classes than the data have, in whatever order."""
    known, given = ({label.casefold(): label for label in labels} for labels in (model.labels, data.task.labels))
    if known.keys() == given.keys():
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
        f"{' and '.join(differences)}.",
        "Give a set of the model's classes, or rename the folders where they mean the same.",
    )


def in_order_of(model: TfliteModel, task: Task | None, splits: ImageSplits) -> ImageSplits:
    """The pictures with their classes numbered as the model's outputs are: by name. Where nobody has named those, the
    set's own order is taken for theirs, which is said on stderr.

    Raises:
        EdgekitError: the model was made for other classes than the data have, or has another number of outputs.
    """
    info = splits.info
    if task is None:
        if model.outputs != len(info.task.labels):
            raise EdgekitError(
                f"{model.name} gives {model.outputs} outputs; {info.name} has {len(info.task.labels)} classes.",
                "Give a set of the model's classes. If its outputs are no classes: --data FILE.npz with x and y.",
            )
        print_warning(
            f"Nobody has named the outputs of {model.name}: they are taken for {', '.join(info.task.labels)}, in this "
            "order. If it is another: --labels."
        )
        return splits
    check_same_classes(task, info)
    if [label.casefold() for label in task.labels] == [label.casefold() for label in info.task.labels]:
        return splits
    by_name = {label.casefold(): (row, label) for row, label in enumerate(info.task.labels)}
    found = [by_name[label.casefold()] for label in task.labels]
    number_of = np.argsort([row for row, _ in found])  # the model's, by the set's
    info = replace(info, task=replace(info.task, labels=tuple(label for _, label in found)))
    parts = {
        name: replace(part, labels=number_of[part.labels].astype(np.int64))
        for name in ("train", "val", "calibration", "test")
        for part in [getattr(splits, name)]
    }
    return replace(splits, info=info, **parts)


def task_of(model: TfliteModel, labels: str | None) -> Task | None:
    """What a model without a card is asked: by `--labels` (a file with a name a line, or names with commas between
    them), or by the file's own metadata; None where neither names its outputs.

    Raises:
        EdgekitError: names of another number than the outputs, equal or empty ones, a file that cannot be read.
    """
    if len(model.output_specs) > 1:
        if labels is not None:
            raise EdgekitError(
                f"{model.name} gives {len(model.output_specs)} outputs ({', '.join(map(str, model.output_specs))}), "
                "which are no choice of classes.",
                "Leave out --labels.",
            )
        return None
    if labels is None:
        if model.labels and len(model.labels) != model.outputs:
            print_warning(
                f"The labels within {model.name} are {len(model.labels)}, and its outputs {model.outputs}: they are "
                "left out. Name the outputs with --labels."
            )
            return None
        return named(model, model.labels) if len(model.labels) > 1 else None
    names = tuple(_names(labels))
    hint = f"Give {model.outputs} names in the order of the outputs: --labels a,b,c, or a file with one a line."
    if model.outputs < 2:
        raise EdgekitError(f"{model.name} gives one value, which is no choice of classes.", "Leave out --labels.")
    if len(names) != model.outputs:
        raise EdgekitError(f"{model.name} gives {model.outputs} outputs, and --labels names {len(names)}.", hint)
    if "" in names:
        raise EdgekitError(f"Name {names.index('') + 1} of --labels is empty.", hint)
    if twice := [name for row, name in enumerate(names) if name.casefold() in map(str.casefold, names[:row])]:
        raise EdgekitError(f"--labels names {twice[0]} twice.", "Tell the two apart, with a number behind each, say.")
    return named(model, names)


def _names(labels: str) -> list[str]:
    path = Path(labels)
    if not path.exists() and "," in labels:
        return [name.strip() for name in labels.split(",")]
    content = read_bytes(path, "Give --labels a,b,c or a text file with a name a line.")
    if len(content) > _MOST_LABEL_BYTES:
        raise EdgekitError(f"{path} is larger than a list of labels.", "Give a text file with a name a line.")
    try:
        return lines_of(content.decode())
    except UnicodeDecodeError as error:
        raise EdgekitError(f"{path} is no text in UTF-8.", "Save it as UTF-8, a name a line.") from error


def read_named(path: Path) -> TfliteModel:
    """A .tflite that the user named. What of it is left out is said on stderr, and what a run does not keep. Raises as
    `read_tflite`."""
    model = read_tflite(path)
    if model.other_ends:
        print_warning(f"{path} has {left_out(model.other_ends)}.")
    if model.state_bytes:
        print_warning(f"{path} {model.remark_on_state}.")
    return model


def load_model(path: str | Path = DEFAULT_MODEL, labels: str | None = None) -> LoadedModel:
    """A model with its card; without a card the greatest output decides, and TFLM's arena is measured here, if TFLM is.

    Args:
        labels: of a model without a card, as `task_of` takes them.

    Raises:
        EdgekitError: no such model, a card that cannot be read, labels for a model that has a card.
    """
    path = Path(path) / DEFAULT_MODEL.name if Path(path).is_dir() else Path(path)
    model = read_named(path)
    if card := card_beside(path, model):
        refuse_labels(path, labels)
        return LoadedModel(model, card.data.task, card.cut(), card.model.arena_bytes, card.recipe.data)
    task = task_of(model, labels)
    arena_bytes = try_apart(model) if tflm.installed() else 0
    return LoadedModel(model, task, None, arena_bytes, DataRecipe())


def labels_of(path: Path, labels: str | None, converted: bytes | None = None) -> tuple[str, ...]:
    """What the outputs of a .tflite stand for, by its card, its own metadata or `labels`, as `task_of` takes them; none
    where nobody says.

    Args:
        converted: the .tflite that a file of another kind became.

    Raises:
        EdgekitError: as `task_of`, and labels for a model that has a card.
    """
    try:
        model = read_tflite(converted or path)
    except EdgekitError:  # the compiler takes more
        if labels is not None:
            raise
        return ()
    if card := card_beside(path, model):
        refuse_labels(path, labels)
        return card.data.task.labels
    task = task_of(model, labels)
    return task.labels if task else ()


def card_beside(path: Path, model: TfliteModel) -> Card | None:
    """The card in a model's folder; None where there is none, or one of another model. Raises as `load_card`."""
    if not (path.parent / "card.json").is_file():
        return None
    card = load_card(path.parent)
    return card if card.model.sha256 == model.sha256 else None


def refuse_labels(path: Path, labels: str | None) -> None:
    """Raises EdgekitError where labels are given for a model whose card names its classes."""
    if labels is not None:
        raise EdgekitError(f"The card beside {path} names its classes.", "Leave out --labels.")
