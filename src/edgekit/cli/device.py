"""The commands that talk to a board, and those that get one ready."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show, typed, waiting
from edgekit.errors import EdgekitError, printable


@click.command("eval-device")
@shared.port_option("emulator", "native", "qemu-esp32", "desktop")
@shared.data_option
@shared.model_option
@click.option("--limit", type=click.IntRange(min=1), help="Only so many test images, evenly spread.")
@shared.input_range_option
@shared.labels_option
@shared.baud_option
@shared.lines_option
@shared.strict_option
@click.option("--resume", is_flag=True, help="Go on where an evaluation was cut off.")
@shared.report_option
@click.option("--profile", type=shared.PATH, help="What `edgekit profile --json` printed, for the report.")
@shared.json_option
def eval_device_command(
    port: str, data: str, model: Path, limit: int | None, input_range: tuple[float, float] | None,
    labels: str | None, baud: int | None, strict: bool, resume: bool, report: Path | None, profile: Path | None,
    as_json: bool, lines: Any,
) -> None:  # fmt: skip
    """Score the model on a board, image by image, and compare every output byte with the desktop's."""
    from edgekit.cli.progress import LiveScore
    from edgekit.pipeline.evaluate_board import BoardEvaluation, evaluate_board
    from edgekit.pipeline.examples import examples_of
    from edgekit.pipeline.loading import load_model
    from edgekit.report.pages.device import board_parts, device_page, values_page
    from edgekit.report.render import write
    from edgekit.report.tables import evaluation_parts
    from edgekit.values.codec import to_document
    from edgekit.values.device_run import board_report
    from edgekit.values.evaluation import EvalReport, ValuesReport
    from edgekit.values.images import ArraysInfo, DataInfo

    loaded = load_model(model, labels)
    program = loaded.program(profile) if report is not None else None  # what is wrong with these shows at once, too

    def say(done: BoardEvaluation) -> None:
        values = to_document(board_report(done.run, done.compared, done.scored))
        show([*evaluation_parts(done.scored), *board_parts(done.run, done.compared)], values, as_json)
        if report is not None:
            more: dict[str, Any] = {
                "command": typed(),
                "program": program if profile or done.run.device["backend"] == "aot" else None,
                "tflm_arena_bytes": loaded.arena_bytes or None,
            }
            if isinstance(done.scored, EvalReport) and isinstance(done.data, DataInfo):
                examples = examples_of(done.images, done.answers, done.data.task, done.ask, done.host)
                page = device_page(
                    done.run, done.compared, done.scored, done.images, done.data, loaded.model, loaded.threshold,
                    examples=examples, **more,
                )  # fmt: skip
            elif isinstance(done.scored, ValuesReport) and isinstance(done.data, ArraysInfo):
                page = values_page(done.run, done.compared, done.scored, done.data, loaded.model, **more)
            write(page, report, values)

    evaluate_board(
        loaded, port, data, limit=limit, baud=baud, strict=strict, resume=resume, on_wait=waiting,
        input_range=input_range, finish=say, lines=lines,
        watch=lambda images, task, cut, board: LiveScore(images, task, cut, board, quiet=as_json),
    )  # fmt: skip


@click.command("profile")
@shared.model_argument
@shared.port_option("emulator", "native")
@shared.board_target_option
@shared.optimize_option
@shared.flash_mode_option
@shared.baud_option
@shared.lines_option
@shared.report_option
@shared.json_option
def profile_command(
    model: Path, port: str, target: Any, optimize: Any, flash_mode: str, baud: int | None, report: Path | None,
    as_json: bool, lines: Any,
) -> None:  # fmt: skip
    """Run the int8 MODEL (.tflite) on a board and see what each layer costs.

    On the emulated core what takes time is counted, the same in every run, and milliseconds are estimated from it. A
    real board takes microseconds; the estimate stands beside them where QEMU and the cross compiler are installed.
    """
    from edgekit.compile import CompileOptions
    from edgekit.device.profile import profile_json, profile_model
    from edgekit.report.pages.program import profile_page, profile_parts
    from edgekit.report.render import write

    options = CompileOptions(optimize=optimize, target=target, flash_mode=flash_mode)
    profile = profile_model(model, port, options, baud=baud, on_wait=waiting, lines=lines)
    values = profile_json(profile)
    if report is not None:
        write(profile_page(profile.program, values), report, values)
    show(profile_parts(profile.program, values), values, as_json)


@click.command("selftest")
@shared.port_option("emulator", "native", "qemu-esp32")
@shared.model_option
@shared.baud_option
@shared.lines_option
@shared.json_option
def selftest_command(port: str, model: Path, baud: int | None, as_json: bool, lines: Any) -> None:
    """Check a board once and for all: golden inputs, byte-exactness, timing, arena, line."""
    from edgekit.device.connection import connected
    from edgekit.device.selftest import checks_table, selftest, selftest_json
    from edgekit.pipeline.loading import load_model

    loaded = load_model(model)
    with connected(port, loaded.model, loaded.sources, baud=baud, on_wait=waiting, lines=lines) as client:
        checks = selftest(client, loaded.model)
        values = selftest_json(client, checks)
    show([checks_table(values["device"], checks)], values, as_json)
    if not values["passed"]:
        raise EdgekitError("The self-test failed.", "Keep this output (--json) and report it with the board's name.")


@click.command("flash")
@shared.port_option("qemu-esp32")
@click.option("--build", type=shared.PATH, help="Folder of the .bin files; PlatformIO's if left out.")
@click.option(
    "--model-only", "model", type=shared.ModelPath(path_type=Path), metavar="MODEL",
    help="Write this int8 .tflite alone, into the board's model partition: no build, seconds.",
)  # fmt: skip
@click.option("--erase-model", is_flag=True, help="Take that model out again: the board runs its built-in one.")
@shared.labels_option
@click.option(
    "--baud", type=click.IntRange(9600, 2_000_000), default=921600,
    help="The highest rate; slower ones are tried where the line fails.",
)  # fmt: skip
@shared.json_option
def flash_command(
    port: str, build: Path | None, model: Path | None, erase_model: bool, labels: str | None, baud: int, as_json: bool
) -> None:
    """Write the firmware to a board: chip, flash size and partition are checked first. Or a model alone."""
    from edgekit.device.flash import flash
    from edgekit.report.document import Prose

    def say(line: str) -> None:
        if not as_json:
            click.echo(printable(line), err=True)

    if sum((build is not None, model is not None, erase_model)) > 1:
        raise click.UsageError("--build, --model-only and --erase-model are three things to do: name one.")
    if labels is not None and model is None:
        raise click.UsageError("--labels belongs to --model-only; the firmware has its labels from `edgekit firmware`.")
    if model is not None or erase_model:
        _flash_model(port, model, labels, baud, say, as_json)
        return
    done = flash(port, build, baud=baud, on_line=say)
    rate = f" at {done.baud} baud" if done.baud else ""
    said = f"{done.chip} at {done.port}: {done.written_bytes:,} bytes written and verified{rate}"
    show([Prose(f"{said}. The chip reads them in {done.flash_mode}.")], done, as_json)


def _flash_model(
    port: str, path: Path | None, labels: str | None, baud: int, say: Callable[[str], None], as_json: bool
) -> None:
    from edgekit.device.carried import carried
    from edgekit.device.flash_model import erase_model, flash_model
    from edgekit.pipeline.loading import load_model
    from edgekit.report.document import Prose

    if path is None:
        done, runs = erase_model(port, baud=baud, on_line=say), "The board runs its built-in model again."
        show([Prose(f"{done.chip} at {done.port}: no model in its partition. {runs}")], done, as_json)
        return
    loaded = load_model(path, labels)
    described = carried(loaded.model, loaded.task, loaded.threshold)
    done = flash_model(port, described, loaded.arena_bytes, baud=baud, on_line=say)
    said = f"{done.chip} at {done.port}: {done.written_bytes:,} of {done.room_bytes:,} bytes written and verified"
    runs = " The board runs it." if done.runs else ""
    show([Prose(f"{said}: the model {loaded.model.sha256[:12]}.{runs}")], done, as_json)


@click.command("doctor")
@shared.json_option
def doctor_command(as_json: bool) -> None:
    """See what is installed and connected, and what to do about what is not."""
    from edgekit.device.doctor import doctor, findings_part

    findings = doctor()
    show([findings_part(findings)], {"findings": findings}, as_json)


@click.command("firmware")
@shared.model_option
@click.option(
    "--profile",
    is_flag=True,
    help="C that tells what each layer costs; build -e esp32dev_aot.",
)
@shared.optimize_option
@shared.board_target_option
@shared.flash_mode_option
@shared.labels_option
@click.option(
    "--project",
    type=shared.FOLDER,
    help="Unpack the firmware's sources there, too: a PlatformIO project of your own.",
)
def firmware_command(
    model: Path, profile: bool, optimize: Any, target: Any, flash_mode: str, labels: str | None, project: Path | None
) -> None:
    """Write the sources of a model into firmware/lib/model, from where `pio run -d firmware` builds.

    Without a checkout, --project makes the folder. Named again, it is brought to this edgekit's state; files that you
    edited stay, and are named.
    """
    from edgekit.compile import CompileOptions
    from edgekit.device.firmware import MODEL_FOLDER, write_model
    from edgekit.device.project import unpack
    from edgekit.files import print_warning
    from edgekit.pipeline.loading import load_model

    loaded = load_model(model, labels)
    options = CompileOptions(optimize=optimize, target=target, profile=profile, flash_mode=flash_mode)
    sources, obstacles = loaded.board_sources(options)
    if project is not None and (edited := unpack(project)):
        print_warning(
            f"You edited {', '.join(edited)}: left as it is. For edgekit's own, remove it and run this again."
        )
    written = write_model(sources, project and project / MODEL_FOLDER)
    click.echo(printable(str(written)))
    if obstacles is not None:
        at = printable(str(project or "firmware"))
        print_warning(f"{obstacles} The firmware is for TFLM alone: pio run -d {at} -e esp32dev.")
