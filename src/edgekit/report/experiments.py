"""How a model's recipe was chosen: `experiments.json` beside its card, which was written by hand.

In: the folder of a model. Out: a section of its card.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.report.document import Cell, Column, Prose, Section, Table
from edgekit.values.codec import Invalid, from_document
from edgekit.values.limits import FloatOrNan

EXPERIMENTS = "experiments.json"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One value of an option, tried.

    Attributes:
        on: the images that it was scored on.
        auc, auc_stretched: of the images as they are and stretched; NaN where it was not measured.
        chosen: the recipe has this value.
        under: what else differed from the recipe then.
    """

    option: str
    value: str
    on: str
    auc: FloatOrNan
    auc_stretched: FloatOrNan = math.nan
    chosen: bool = False
    under: str = ""


@dataclass(frozen=True, slots=True)
class Experiments:
    """What is true of the choice, how often the test set was looked at, say; all that was tried; `command` scored
    them."""

    about: tuple[str, ...]
    command: str = ""
    tried: tuple[Experiment, ...] = ()


def experiments_of(folder: Path) -> tuple[Section, ...]:
    """The section of the card in `folder`, if there is such a file.

    Raises:
        EdgekitError: it cannot be read or is another's.
    """
    path = folder / EXPERIMENTS
    try:
        found = from_document(Experiments, path, "a list of experiments", lambda values: values)
    except FileNotFoundError:
        return ()
    except (OSError, Invalid) as error:
        raise EdgekitError(f"{path} is not a list of experiments: {error}.", "Mend it, or take it away.") from error
    tables = (_table(found),) if found.tried else ()
    return (Section("How the recipe was chosen", (*map(Prose, found.about), *tables)),)


def _table(found: Experiments) -> Table:
    rows = tuple(
        (one.option, Cell(one.value, mark="strong" if one.chosen else ""), one.on, _auc(one.auc),
         _auc(one.auc_stretched), one.under)
        for one in found.tried
    )  # fmt: skip
    columns = (
        Column("option", "left"), Column("value", "left"), Column("scored on", "left"), Column("AUC"),
        Column("AUC, stretched"), Column("otherwise", "left"),
    )  # fmt: skip
    return Table("Options compared", columns, rows, ("In bold what the recipe has.", f"Command: `{found.command}`."))


def _auc(value: float) -> Cell | None:
    return None if math.isnan(value) else Cell(f"{value:.3f}", value=value)
