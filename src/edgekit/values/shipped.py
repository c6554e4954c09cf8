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
