"""The commands that talk to a board. `cli.py` adds DEVICE_COMMANDS; each handler imports what it needs.

In: options. Out: what is printed, and files that were asked for.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli.compile import optimize_option, target_option
from edgekit.errors import EdgekitError, stopped_says

if TYPE_CHECKING:  # `edgekit --help` comes without numpy
    from collections.abc import Iterator

    from rich.console import RenderableType

    from edgekit.compile.options import Optimize, Target
    from edgekit.device.client import Client
    from edgekit.recipes.recipe import DataRecipe
    from edgekit.report.sections import Program
    from edgekit.values.evaluation import Threshold
    from edgekit.values.model import TfliteModel

DEFAULT_MODEL = Path("models/chest_xray/student_int8.tflite")
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
    import numpy as np

    from edgekit.data import load_splits
    from edgekit.data.progress import bar
    from edgekit.device.evaluate import (
        RESUME,
        agreement,
        device_json,
        evaluate_on_desktop,
        evaluate_on_device,
        run_json,
    )
    from edgekit.device.page import device_page
    from edgekit.device.view import LiveScore, device_table, latency_unit
    from edgekit.metrics.scores import evaluate_predictions
    from edgekit.report.render import check_name, write
    from edgekit.report.tables import report_table, to_json

    loaded = load_model(model)
    if report is not None:  # what is wrong with these shows at once, too
        check_name(report)
    program = loaded.program(profile) if report is not None else None
    with ExitStack() as held:  # the port first: what is wrong with it shows at once
        client = None if port == "desktop" else held.enter_context(_connected(port, loaded, baud))
        splits = load_splits(data, loaded.model.input_shape[0], loaded.data, strict=strict)
        images = splits.test
        if limit is not None and limit < len(images):
            images = images.take(np.linspace(0, len(images) - 1, limit).round().astype(np.int64))
        if client is None:
            with LiveScore(len(images), loaded.threshold, "us", quiet=as_json) as live:
                run = host = evaluate_on_desktop(loaded.model, images, live)
        else:
            with bar("the same on the desktop", len(images)) as advance:
                host = evaluate_on_desktop(loaded.model, images, lambda *_: advance(1))
            assert client.info is not None
            unit = latency_unit(device_json(client.info)["board"])
            with stopped_says(RESUME), LiveScore(len(images), loaded.threshold, unit, quiet=as_json) as live:
                run = evaluate_on_device(
                    client, loaded.model, images, splits.info,
                    resume=resume, progress=live, on_resumed=live.resumed,
                )  # fmt: skip
    compared = agreement(run.predictions, host.predictions)
    scored = evaluate_predictions(
        run.predictions, loaded.threshold, runtime=run.runtime, model_sha256=loaded.model.sha256, data=splits.info
    )
    plain = to_json(scored) | run_json(run, compared)
    parts = [report_table(scored), device_table(run, compared)]
    _show(plain if as_json else None, parts)
    if report is not None:
        page = device_page(
            run, compared, scored, images, splits.info, loaded.model, loaded.threshold,
            command=typed(), program=program if profile or run.device["backend"] == "aot" else None,
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
    from edgekit.device.evaluate import device_json
    from edgekit.device.selftest import selftest as run
    from edgekit.device.view import table

    loaded = load_model(model)
    with _connected(port, loaded, baud) as client:
        assert client.info is not None
        identity = device_json(client.info)
        checks = run(client, loaded.model)
    plain = {"passed": all(check.passed for check in checks), "device": identity, "checks": [asdict(c) for c in checks]}
    rows = [("ok" if check.passed else "FAILED", check.name, check.found) for check in checks]
    title = f"Self-test of {identity['chip']} ({identity['board']}, {identity['backend']})"
    _show(plain if as_json else None, [table(title, ("", "check", "found"), rows)])
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

    done = run(port, build, baud=baud, on_line=lambda line: None if as_json else click.echo(line, err=True))
    said = f"{done.chip} at {done.port}: {done.written_bytes:,} bytes written and verified."
    _show(asdict(done) if as_json else None, [said])


@click.command("doctor")
@_json
def doctor(as_json: bool) -> None:
    """See what is installed and connected, and what to do about what is not."""
    from edgekit.device.doctor import doctor as run
    from edgekit.device.view import table

    findings = run()
    rows = [("ok" if f.ok else "--", f.name, f.found, f.needed_for, f.advice) for f in findings]
    shown = table("edgekit doctor", ("", "what", "found", "needed for", "to do"), rows)
    _show({"findings": [asdict(f) for f in findings]} if as_json else None, [shown])


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
    from edgekit.device.firmware import write_model
    from edgekit.device.model_sources import model_files

    loaded = load_model(model)
    compiled = loaded.compiled(optimize, target, profile=profile)
    click.echo(write_model(model_files(loaded.model, compiled, loaded.threshold, loaded.arena_bytes)))


DEVICE_COMMANDS = (eval_device, selftest, flash, doctor, prepare_firmware)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and what its card says of it."""

    model: "TfliteModel"
    threshold: "Threshold"
    arena_bytes: int
    data: "DataRecipe"

    def compiled(
        self, optimize: "Optimize" = "size", target: "Target" = "generic", *, profile: bool = False
    ) -> Mapping[str, str]:
        """The model as C."""
        from edgekit.compile import CompileOptions, compile_model

        options = CompileOptions(optimize=optimize, target=target, profile=profile)
        return compile_model(self.model.flatbuffer, options).files

    def program(self, profile: Path | None) -> "Program | None":
        """The model as compiled C for a report, with what `edgekit profile --json` measured; None where the compiler
        does not take it."""
        from edgekit.compile import compile_model
        from edgekit.compile.program import profiled_program, program_of

        if profile is not None:
            return profiled_program(self.model.flatbuffer, profile)
        try:
            return program_of(compile_model(self.model.flatbuffer))
        except EdgekitError:
            return None


def load_model(path: Path) -> Loaded:
    """A model with its card; without a card the larger logit decides and TFLM's arena is measured here.

    Raises:
        EdgekitError: no such model, or a card of another one.
    """
    from edgekit.recipes.builtin import ESP32
    from edgekit.recipes.reading import from_dict
    from edgekit.report.card import load_card
    from edgekit.tflite.model import read_tflite
    from edgekit.values.evaluation import Threshold

    path = path / DEFAULT_MODEL.name if path.is_dir() else path
    model = read_tflite(path)
    if (path.parent / "card.json").is_file():
        card = load_card(path.parent)
        if card.model.sha256 == model.sha256:
            return Loaded(model, card.threshold.value(), card.model.arena_bytes, from_dict(card.recipe).data)
    from edgekit.runtimes.desktop import arena_bytes

    return Loaded(model, Threshold(0.5, 1), arena_bytes(model), ESP32.data)


@contextmanager
def _connected(port: str, loaded: Loaded, baud: int | None) -> "Iterator[Client]":
    from rich.console import Console

    from edgekit.device.evaluate import connected

    what = "Building and starting the firmware" if port in ("emulator", "native") else f"Looking for a board at {port}"
    with ExitStack() as held:
        with Console(stderr=True).status(what):
            client = held.enter_context(
                connected(
                    port, loaded.model, loaded.compiled,
                    threshold=loaded.threshold, arena_bytes=loaded.arena_bytes, baud=baud,
                )
            )  # fmt: skip
        yield client


def typed() -> str:
    """The command as the user typed it."""
    return shlex.join(["edgekit", *sys.argv[1:]])


def _show(plain: Mapping[str, Any] | None, parts: "list[RenderableType]") -> None:
    from rich.console import Console

    if plain is not None:
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
    else:
        Console().print(*parts, sep="\n")
