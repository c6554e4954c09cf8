"""The command `profile`: what each layer of a compiled model costs on a board. `cli.py` adds PROFILE_COMMANDS.

In: a .tflite and a port. Out: a table with bars, or JSON.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli.compile import (
    TWIN,
    optimize_option,
    read_model,
    report_option,
    target_option,
)
from edgekit.cli.output import show

if TYPE_CHECKING:  # `edgekit --help` comes without numpy
    from collections.abc import Mapping

    from edgekit.report.document import Part

_BAR_COLUMNS = 8


@click.command("profile")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--port", required=True, metavar="PORT", help="emulator, native, a serial device, auto, socket://HOST:PORT."
)
@target_option
@optimize_option
@click.option("--baud", type=click.IntRange(1200, 4_000_000), help="Rate to ask for; the board's highest if left out.")
@report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def profile_command(
    model: Path, port: str, target: Any, optimize: Any, baud: int | None, report: Path | None, as_json: bool
) -> None:
    """Run the int8 MODEL (.tflite) on a board and see what each layer costs.

    The emulated board counts instructions, the same in every run; a real one, and native, take microseconds.
    """
    from edgekit.compile import CompileOptions
    from edgekit.device.profile import profile_json, profile_model
    from edgekit.report import render

    if report is not None:
        render.check_name(report)
    options = CompileOptions(optimize=optimize, target=target)
    plain = profile_json(profile_model(read_model(model), port, options, baud=baud))
    if report is not None:
        from edgekit.report.pages.program import profile_page

        render.write(profile_page(plain), report, plain)
    show(_parts(plain), plain, as_json)


PROFILE_COMMANDS = (profile_command,)


def _parts(plain: "Mapping[str, Any]") -> "list[Part]":
    from edgekit.report.document import Column, Prose, Table
    from edgekit.report.tables import count

    unit = "us" if plain["total"]["instructions"] is None else "instructions"
    most = max(layer[unit] for layer in plain["layers"]) or 1
    total, device = plain["total"], plain["device"]
    rows = [
        (
            layer["op"],
            count(layer["macs"]),
            f"{layer[unit]:,}" if unit == "instructions" else f"{layer[unit]:,.1f}",
            _relative(layer[unit], layer["macs"] if unit == "instructions" else None, total[unit]),
            count(layer["bytes"]),
            count(layer["weight_bytes"]),
            "█" * round(_BAR_COLUMNS * layer[unit] / most),
        )
        for layer in plain["layers"]
    ]
    figures = ("MACs", unit, "a MAC" if unit == "instructions" else "share", "bytes", "weights")
    heads = (Column("layer", "left"), *map(Column, figures), Column("", "left"))
    lines = [
        f"{device['chip']}, {device['board']}: "
        + (
            f"{total['instructions']:,} instructions"
            + (f", {total['instructions_per_mac']} a MAC" if total["macs"] else "")
            + f". Counted in steps of "
            f"{plain['resolution_instructions']}; the same in every run. Emulated: no time follows from it."
            if unit == "instructions"
            else f"{total['us']:,.0f} microseconds"
            + (" on this computer, under sanitizers: no board is that fast." if device["board"] == "native" else ".")
        ),
        f"{total['macs']:,} MACs, {total['activation_bytes']:,} bytes of arena, {total['weight_bytes']:,} of weights, "
        + (f"{total['code_bytes']:,} of code." if total["code_bytes"] else "code not measured: no cross compiler."),
        "bytes: of arena in use while the layer runs. Input: noise from a fixed seed; the outputs are TFLM's.",
        *([TWIN] if plain["options"]["target"] == "esp32" else []),
    ]
    return [Table("Layers", heads, tuple(rows)), *map(Prose, lines)]


def _relative(spent: float, macs: int | None, total: float) -> str:
    """Instructions a MAC, or the share of the time where MACs do not count."""
    if macs is None:
        return f"{spent / (total or 1):.0%}"
    return f"{spent / macs:.2f}" if macs else "-"
