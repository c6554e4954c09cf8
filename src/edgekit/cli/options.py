"""The options that several commands share, each written once."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from edgekit.cli import candidates
from edgekit.values.shipped import shipped_model

_Command = TypeVar("_Command", bound=Callable[..., Any])
PATH, FOLDER = click.Path(path_type=Path), click.Path(path_type=Path, file_okay=False)
RECIPES = f"{', '.join(candidates.RECIPES)}, or the recipe.json beside a model."


def check_report_name(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuses a report that could not be written before hours of work."""
    if path is not None:
        from edgekit.files import check_writable
        from edgekit.report.render import check_name

        check_name(path)
        check_writable(path)
    return path


def port_option(*further: str, required: bool = True) -> Callable[[_Command], _Command]:
    """--port of a command that takes `further` ports besides a board's own."""
    takes = ", ".join(("A serial device", "auto", "socket://HOST:PORT", *further))
    return click.option(
        "--port", required=required, multiple=True, callback=_one_port, metavar="PORT", help=f"{takes}.",
        shell_complete=candidates.ports(further),
    )  # fmt: skip


def _one_port(_context: click.Context, _option: click.Parameter, ports: tuple[str, ...]) -> str | None:
    """Refuses a second one, where click would take the last in silence."""
    if len(ports) > 1:
        raise click.UsageError(f"--port is given {len(ports)} times: {', '.join(ports)}. A command talks to one board.")
    return ports[0] if ports else None


def _choice(flag: str, takes: tuple[str, ...], says: str) -> Callable[[_Command], _Command]:
    return click.option(flag, type=click.Choice(takes), default=takes[0], help=says)


def _range(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LOW,HIGH, such as -1,1") from None
    return low, high


input_range_option = click.option(
    "--input-range", metavar="LOW,HIGH", callback=_range,
    help="What the network takes black and white for: 0,1 or -1,1 or 0,255 [an int8 input tells it; else 0,1].",
)  # fmt: skip
labels_option = click.option(
    "--labels", metavar="FILE|A,B,C", shell_complete=lambda *_: [candidates.FILES],
    help="Names of the outputs of a model without a card: a file with one a line [the file's own metadata].",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
data_option = click.option(
    "--data", default="phantom", metavar="DATA", shell_complete=candidates.data,
    help="A folder of images, or a set by its name: phantom or shapes[:SEED[:COUNT]] (drawn), digits, "
    "chest-xray, chest-xray-3[:FOLDER], medmnist:NAME[-28|-64|-128|-224], pneumoniamnist[-28|...]; "
    "a model made elsewhere also takes FILE.npz with x and y.",
)  # fmt: skip
strict_option = click.option("--strict", is_flag=True, help="Stop at the first image that cannot be read.")
set_option = click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE",
    help="Change a recipe field, e.g. distill.temperature=4; repeatable. `edgekit recipe` lists them.",
)  # fmt: skip
weights_dir_option = click.option("--weights-dir", type=PATH, help="Folder of torchvision's ImageNet weight files.")
accelerator_option = click.option("--accelerator", default="auto", help="auto, cpu, cuda or mps: where to train.")


class ModelPath(click.Path):
    """A path or, where none such exists, the name of a model that comes with edgekit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        return path if path.exists() else shipped_model(str(path)) or path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[candidates.Item]:
        """Their names, and files."""
        return candidates.models(incomplete)


model_argument = click.argument("model", type=ModelPath(path_type=Path))
model_option = click.option(
    "--model", type=ModelPath(path_type=Path), default="chest_xray",
    help="The int8 .tflite, or one that comes with edgekit: chest_xray, chest_xray_3, chest_xray_5k, _10k or _20k.",
)  # fmt: skip
target_option = _choice("--target", ("generic", "esp32"), "Any core, or the classic ESP32's.")
board_target_option = _choice("--target", ("esp32", "generic"), "The classic ESP32's core, or any.")
optimize_option = _choice("--optimize", ("size", "speed"), "The smallest program, or the fewest cycles.")
flash_mode_option = _choice(
    "--flash-mode", ("dio40", "qio80"), "How the board reads its flash: kernels are chosen, and ms estimated, for it."
)
compress_option = _choice(
    "--compress", ("auto", "never"), "Store pruned and clustered weights compressed where it pays."
)
weights_option = _choice(
    "--weights", ("auto", "flash", "ram"),
    "Where a board has them: in RAM as far as --max-ram allows, or in RAM where it pays (auto: with --max-ram, or for "
    "speed on the esp32).",
)  # fmt: skip
baud_option = click.option(
    "--baud", type=click.IntRange(1200, 4_000_000), help="Rate to ask for; the board's highest if left out."
)
_COMPILER = ("optimize", "target", "compress", "weights", "max_ram", "flash_mode")  # fields of CompileOptions
_BYTES = click.IntRange(min=0)
_ON_OFF = click.Choice(("on", "off"))


def lines_option(command: _Command) -> _Command:
    """--dtr and --rts as one argument `lines`."""

    @wraps(command)
    def with_lines(*arguments: Any, dtr: str | None, rts: str | None, **others: Any) -> Any:
        from edgekit.device.link import ControlLines

        state = {"on": True, "off": False, None: None}
        return command(*arguments, lines=ControlLines(state[dtr], state[rts]), **others)

    says = "Set the serial line {} on opening; for a board that stands still: --dtr off --rts off."
    for name in ("rts", "dtr"):
        with_lines = click.option(f"--{name}", type=_ON_OFF, help=says.format(name.upper()))(with_lines)
    return cast(_Command, with_lines)


def compile_options(command: _Command) -> _Command:
    """What one may ask of the compiler but for a name, as one argument `asked`."""

    @wraps(command)
    def with_asked(
        *arguments: Any, calibrate: str | None, input_range: tuple[float, float] | None, labels: str | None,
        max_flash: int | None, max_ms: float | None, **others: Any,
    ) -> Any:  # fmt: skip
        from edgekit.compile import CompileOptions
        from edgekit.pipeline.compile_named import Asked

        options = CompileOptions(**{name: others.pop(name) for name in _COMPILER})
        return command(*arguments, asked=Asked(options, calibrate, input_range, labels, max_flash, max_ms), **others)

    for option in (
        click.option(
            "--max-ms", type=click.FloatRange(min=0), metavar="MS", help="Refuse one that is estimated to take longer."
        ),
        click.option("--max-flash", type=_BYTES, metavar="BYTES", help="Refuse one that needs more flash."),
        weights_option,
        click.option(
            "--max-ram",
            type=_BYTES,
            metavar="BYTES",
            help="Refuse one that needs more with any kernels; the rest is for weights.",
        ),
        labels_option,
        input_range_option,
        click.option(
            "--calibrate",
            metavar="DATA",
            help="Of an .onnx: images such as it will see, as --data.",
            shell_complete=candidates.data,
        ),
        flash_mode_option,
        compress_option,
        optimize_option,
        target_option,
    ):
        with_asked = option(with_asked)
    return cast(_Command, with_asked)


report_option = click.option(
    "--report", type=PATH, callback=check_report_name, help="Also write the result as a page: .html, .md or .json."
)
