"""The command `profile`: what each layer of a compiled model costs on a board. `cli.py` adds PROFILE_COMMANDS.

In: a .tflite and a port. Out: a table with bars, or JSON.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli.compile import (
    TWIN,
    optimize_option,
    read_model,
    report_option,
    target_option,
    tflite_model,
)
from edgekit.errors import EdgekitError

if TYPE_CHECKING:  # `edgekit --help` comes without numpy
    from collections.abc import Mapping

    from rich.console import RenderableType

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
    from edgekit.report import render

    if report is not None:
        render.check_name(report)
    plain = profiled(model, port, target, optimize, baud)
    if report is not None:
        from edgekit.report.pages.program import profile_page

        render.write(profile_page(plain), report, plain)
    if as_json:
        click.echo(json.dumps(plain, indent=2))
        return
    from rich.console import Console

    Console().print(*_parts(plain), sep="\n")


PROFILE_COMMANDS = (profile_command,)


def profiled(path: Path, port: str, target: Any, optimize: Any, baud: int | None = None) -> dict[str, Any]:
    """The profile as JSON-ready values.

    Raises:
        EdgekitError: no such board, firmware without a profile, another program than this one, outputs that differ
            from TFLM's.
    """
    import numpy as np

    from edgekit.compile import CompileOptions, compile_model
    from edgekit.compile.layers import layers_of
    from edgekit.device.code_size import measure
    from edgekit.device.evaluate import connected, device_json
    from edgekit.device.profile import profile
    from edgekit.runtimes.interpreters import tflm

    content = read_model(path)
    compiled = compile_model(content, CompileOptions("model", optimize, target))
    noticed = compile_model(content, CompileOptions("model", optimize, target, profile=True))
    model = tflite_model(compiled, content)
    image = np.random.default_rng(0).integers(-128, 128, (1, *model.input_shape), dtype=np.int8)
    with connected(port, model, lambda: noticed.files, baud=baud) as client:
        run = profile(client, image.tobytes())
        assert client.info is not None
        identity, arena = device_json(client.info), client.info.arena_bytes
    layers = layers_of(compiled)
    expected = max(compiled.plan.arena_bytes, 1)  # as the header declares it
    if (len(run.ticks), arena) != (len(layers), expected):
        raise EdgekitError(
            f"The board's program has {len(run.ticks)} steps and {arena:,} bytes of arena, and this one {len(layers)} "
            f"and {expected:,}.",
            "Name the --optimize and --target that the board was flashed with, or flash it again.",
        )
    if run.outputs != tflm(model)(image).astype(np.int8).tobytes():
        raise EdgekitError("The board's outputs differ from TFLM's.", "This is a bug worth reporting, with the model.")
    sizes = measure(compiled.files)
    instructions, us = run.instructions or (None,) * len(layers), run.us or (None,) * len(layers)
    macs = sum(layer.macs for layer in layers)
    total = sum(run.instructions) if run.instructions else None
    return {
        "model_sha256": model.sha256,
        "options": asdict(compiled.options),
        "device": identity,
        "resolution_instructions": run.resolution if run.instructions else None,
        "layers": [
            {
                "name": layer.name,
                "op": layer.op,
                "kernel": layer.kernel,
                "macs": layer.macs,
                "instructions": spent,
                "us": time,
                "bytes": layer.bytes,
                "weight_bytes": layer.weight_bytes,
            }
            for layer, spent, time in zip(layers, instructions, us, strict=True)
        ],
        "total": {
            "macs": macs,
            "instructions": total,
            "instructions_per_mac": round(total / macs, 3) if total and macs else None,
            "us": round(sum(run.us), 3) if run.us else None,
            "activation_bytes": compiled.plan.arena_bytes,
            "weight_bytes": sum(layer.weight_bytes for layer in layers),
            "code_bytes": sizes.code_bytes if sizes else None,
        },
    }


def _parts(plain: "Mapping[str, Any]") -> "list[RenderableType]":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    unit = "us" if plain["total"]["instructions"] is None else "instructions"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("layer", no_wrap=True)
    for heading in ("MACs", unit, "a MAC" if unit == "instructions" else "share", "bytes", "weights"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max(layer[unit] for layer in plain["layers"]) or 1
    total, device = plain["total"], plain["device"]
    for layer in plain["layers"]:
        spent = layer[unit]
        table.add_row(
            layer["op"],
            f"{layer['macs']:,}",
            f"{spent:,}" if unit == "instructions" else f"{spent:,.1f}",
            _relative(spent, layer["macs"] if unit == "instructions" else None, total[unit]),
            f"{layer['bytes']:,}",
            f"{layer['weight_bytes']:,}",
            "█" * round(_BAR_COLUMNS * spent / most),
        )
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
    return [table, *map(Text, lines)]


def _relative(spent: float, macs: int | None, total: float) -> str:
    """Instructions a MAC, or the share of the time where MACs do not count."""
    if macs is None:
        return f"{spent / (total or 1):.0%}"
    return f"{spent / macs:.2f}" if macs else "-"
