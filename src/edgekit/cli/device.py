"""The commands that talk to a board. `cli.py` adds DEVICE_COMMANDS; each handler imports what it needs.

In: options. Out: what is printed, and files that were asked for.
"""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli.compile import optimize_option, target_option
from edgekit.cli.output import show
from edgekit.errors import EdgekitError
from edgekit.values.model import DEFAULT_MODEL

if TYPE_CHECKING:  # `edgekit --help` comes without numpy
    from contextlib import AbstractContextManager


_PORT_HELP = "A serial device, auto, socket://HOST:PORT, emulator, native or desktop."
_port = click.option("--port", required=True, metavar="PORT", help=_PORT_HELP)
_model = click.option(
    "--model", type=click.Path(path_type=Path), default=DEFAULT_MODEL, show_default=True, help="The int8 .tflite."
)
_baud = click.option(
    "--baud", type=click.IntRange(1200, 4_000_000), help="Rate to ask for; the board's highest if left out."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")


@click.command("eval-device")
@_port
@click.option("--data", default="phantom", show_default=True, metavar="DATA", help="As in `edgekit evaluate`.")
@_model
@click.option("--limit", type=click.IntRange(min=1), help="Only so many test images, evenly spread.")
@_baud
@click.option("--strict", is_flag=True, help="Stop at the first image that cannot be read.")
@click.option("--resume", is_flag=True, help="Go on where an evaluation was cut off.")
@click.option("--report", type=click.Path(path_type=Path), help="Also write a report: .html, .md or .json.")
@click.option(
    "--profile", type=click.Path(path_type=Path), help="What `edgekit profile --json` printed, for the report."
)
@_json
def eval_device(
    port: str,
    data: str,
    model: Path,
    limit: int | None,
    baud: int | None,
    strict: bool,
    resume: bool,
    report: Path | None,
    profile: Path | None,
    as_json: bool,
) -> None:
    """Score the model on a board, X-ray by X-ray, and compare every output byte with the desktop's."""
    from edgekit.device.evaluate import run_json
    from edgekit.device.page import device_page
    from edgekit.device.view import LiveScore, device_facts, latency_unit
    from edgekit.pipeline.evaluate_board import evaluate_board
    from edgekit.pipeline.loading import load_model
    from edgekit.report.render import check_name, write
    from edgekit.report.tables import evaluation_parts, to_json

    loaded = load_model(model)
    if report is not None:  # what is wrong with these shows at once, too
        check_name(report)
    program = loaded.program(profile) if report is not None else None
    done = evaluate_board(
        loaded, port, data, limit=limit, baud=baud, strict=strict, resume=resume, on_wait=_status,
        watch=lambda images, task, cut, board: LiveScore(images, task, cut, latency_unit(board), quiet=as_json),
    )  # fmt: skip
    plain = to_json(done.scored) | run_json(done.run, done.compared)
    show([*evaluation_parts(done.scored), device_facts(done.run, done.compared)], plain, as_json)
    if report is not None:
        page = device_page(
            done.run, done.compared, done.scored, done.images, done.data, loaded.model, loaded.threshold,
            command=typed(), program=program if profile or done.run.device["backend"] == "aot" else None,
            tflm_arena_bytes=loaded.arena_bytes or None,
        )  # fmt: skip
        write(page, report, plain)


@click.command("selftest")
@_port
@_model
@_baud
@_json
def selftest(port: str, model: Path, baud: int | None, as_json: bool) -> None:
    """Check a board once and for all: golden inputs, byte-exactness, timing, arena, line."""
    from edgekit.device.connection import connected, device_json
    from edgekit.device.selftest import selftest as run
    from edgekit.pipeline.loading import load_model
    from edgekit.report.document import Column, Table

    loaded = load_model(model)
    with connected(port, loaded.model, loaded.sources, baud=baud, on_wait=_status) as client:
        assert client.info is not None
        identity = device_json(client.info)
        checks = run(client, loaded.model)
    plain = {"passed": all(check.passed for check in checks), "device": identity, "checks": [asdict(c) for c in checks]}
    rows = tuple(("ok" if check.passed else "FAILED", check.name, check.found) for check in checks)
    title = f"Self-test of {identity['chip']} ({identity['board']}, {identity['backend']})"
    heads = (Column("", "left"), Column("check", "left"), Column("found", "left"))
    show([Table(title, heads, rows)], plain, as_json)
    if not plain["passed"]:
        raise EdgekitError("The self-test failed.", "Keep this output (--json) and report it with the board's name.")


@click.command("flash")
@_port
@click.option("--build", type=click.Path(path_type=Path), help="Folder of the .bin files; PlatformIO's if left out.")
@click.option("--baud", type=click.IntRange(9600, 2_000_000), default=921600, show_default=True)
@_json
def flash(port: str, build: Path | None, baud: int, as_json: bool) -> None:
    """Write the firmware to a board: chip, flash size and partition are checked first."""
    from edgekit.device.flash import flash as run
    from edgekit.report.document import Prose

    done = run(port, build, baud=baud, on_line=lambda line: None if as_json else click.echo(line, err=True))
    said = f"{done.chip} at {done.port}: {done.written_bytes:,} bytes written and verified."
    show([Prose(said)], asdict(done), as_json)


@click.command("doctor")
@_json
def doctor(as_json: bool) -> None:
    """See what is installed and connected, and what to do about what is not."""
    from edgekit.device.doctor import doctor as run
    from edgekit.report.document import Column, Table

    findings = run()
    rows = tuple(("ok" if f.ok else "--", f.name, f.found, f.needed_for, f.advice) for f in findings)
    heads = tuple(Column(title, "left") for title in ("", "what", "found", "needed for", "to do"))
    show([Table("edgekit doctor", heads, rows)], {"findings": [asdict(f) for f in findings]}, as_json)


@click.command("firmware")
@_model
@click.option(
    "--profile",
    is_flag=True,
    help="C that tells what each layer costs; build -e esp32dev_aot with -D EDGEKIT_PROFILE=1.",
)
@optimize_option
@target_option
def prepare_firmware(model: Path, profile: bool, optimize: Any, target: Any) -> None:
    """Write the sources of a model into firmware/lib/model, from where `pio run -d firmware` builds."""
    from edgekit.compile import CompileOptions
    from edgekit.device.firmware import write_model
    from edgekit.pipeline.loading import load_model

    loaded = load_model(model)
    click.echo(write_model(loaded.sources(CompileOptions(optimize=optimize, target=target, profile=profile))))


DEVICE_COMMANDS = (eval_device, selftest, flash, doctor, prepare_firmware)


def _status(what: str) -> "AbstractContextManager[object]":
    from rich.console import Console

    return Console(stderr=True).status(what)


def typed() -> str:
    """The command as the user typed it."""
    return shlex.join(["edgekit", *sys.argv[1:]])
