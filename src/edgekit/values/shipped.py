"""Where the folders are that come with edgekit beside its Python: the firmware's sources and the shipped models.

In: a folder's name. Out: its path, in the installed package (tools/build_wheel.py puts it there) or in a checkout.
"""

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parents[1]


def shipped(name: Literal["firmware", "models"]) -> Path:
    """The folder: in the installed package or, in a checkout, at its top level."""
    return PACKAGE / name if (PACKAGE / name).is_dir() else in_checkout(name)


def in_checkout(name: Literal["firmware", "models"]) -> Path:
    """The folder at the top level of the checkout whose `src` holds this package; where there is none, no folder."""
    return PACKAGE.parents[1] / name
