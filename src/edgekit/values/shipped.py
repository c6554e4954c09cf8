"""Where that is what comes with edgekit beside its Python: the firmware's sources, the shipped models, the licence.

In: its name. Out: its path, in the installed package (tools/build_wheel.py puts it there) or in a checkout.
"""

from pathlib import Path
from typing import Literal

Name = Literal["firmware", "models", "LICENSE"]
PACKAGE = Path(__file__).parents[1]


def shipped(name: Name) -> Path:
    """The folder or file: in the installed package or, in a checkout, at its top level."""
    return PACKAGE / name if (PACKAGE / name).exists() else in_checkout(name)


def in_checkout(name: Name) -> Path:
    """What is at the top level of the checkout whose `src` holds this package; where there is none, nothing."""
    return PACKAGE.parents[1] / name


DEFAULT_MODEL = shipped("models") / "chest_xray" / "student_int8.tflite"  # what commands take where none is named


def shipped_model(name: str) -> Path | None:
    """The file of a model that comes with edgekit, by its name; None where none is called so."""
    path = DEFAULT_MODEL.parents[1] / name / DEFAULT_MODEL.name
    return path if len(Path(name).parts) == 1 and path.is_file() else None
