"""What the shell offers for a value that is being typed: ports, data sets, recipes, models.

In: what is typed so far. Out: candidates. Nothing heavy is imported: a key is waiting.
"""

from collections.abc import Callable, Iterable
from typing import Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

from edgekit.values.shipped import shipped

Item = CompletionItem[Any]  # click's own type of it
Complete = Callable[[Context, Parameter, str], list[Item]]
FILES = CompletionItem("", type="file")
MEDMNIST = (
    "pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist", "bloodmnist", "tissuemnist",
    "organamnist", "organcmnist", "organsmnist",
)  # fmt: skip
DATA = {
    "phantom": "drawn X-rays",
    "shapes": "drawn, five classes in RGB",
    "digits": "handwritten digits of scikit-learn",
    "chest-xray": "Kermany et al., a download of 1.2 GB",
    "chest-xray-3": "the same with three classes",
    "pneumoniamnist": "medmnist:pneumoniamnist",
    **{f"medmnist:{name}": "MedMNIST v2" for name in MEDMNIST},
}
RECIPES = ("esp32", "paper", "demo", "smoke", "digits", "shapes")
_PORTS = {
    "auto": "the board found by its USB ids",
    "emulator": "an emulated core",
    "native": "a program of this computer",
    "qemu-esp32": "the whole chip in Espressif's QEMU",
    "desktop": "the reference on this computer",
}


def _matching(found: Iterable[tuple[str, str]], typed: str) -> list[Item]:
    return [CompletionItem(value, help=says or None) for value, says in found if value.startswith(typed)]


def data(_context: Context, _parameter: Parameter, typed: str) -> list[Item]:
    """Sets by their names; folders."""
    return [*_matching(DATA.items(), typed), FILES]


def recipes(_context: Context, _parameter: Parameter, typed: str) -> list[Item]:
    """Built-in recipes; files."""
    return [*_matching(((name, "") for name in RECIPES), typed), FILES]


def models(typed: str) -> list[Item]:
    """Models that come with edgekit; files."""
    there = sorted(path.parent.name for path in shipped("models").glob("*/student_int8.tflite"))
    return [*_matching(((name, "comes with edgekit") for name in there), typed), FILES]


def ports(further: tuple[str, ...]) -> Complete:
    """The serial ports that are there, and the words that a command takes for one."""

    def complete(_context: Context, _parameter: Parameter, typed: str) -> list[Item]:
        from edgekit.device.ports import serial_devices

        words = [(word, _PORTS[word]) for word in ("auto", *further)]
        return _matching([*serial_devices(), *words], typed)

    return complete
