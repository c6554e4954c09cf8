"""An evaluation on a board: `eval-device` on the terminal, and its report.

In: a finished `DeviceRun`, its figures, the images. Out: `Facts`, a `Page`.
"""

import numpy as np

from edgekit.report import charts_board
from edgekit.report.document import Bullets, Cell, Code, Facts, Figure, Page, Part, Section
from edgekit.report.pages.evaluation import answered_sections
from edgekit.report.pages.examples import Examples
from edgekit.report.pages.sections import answers_of, data_section, headline, program_parts
from edgekit.report.tables import errors_table
from edgekit.values.device_run import Agreement, DeviceRun, Latency, board_name, latency, model_name
from edgekit.values.evaluation import EvalReport, Threshold, ValuesReport
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.program import Program

_NAMED = 20  # of the images that differ; the JSON has all


def device_page(
    run: DeviceRun, compared: Agreement, scored: EvalReport, images: ImageSet, info: DataInfo, model: TfliteModel,
    threshold: Threshold | None, *, command: str, program: Program | None = None, tflm_arena_bytes: int | None = None,
    examples: Examples | None = None,
) -> Page:  # fmt: skip
    """The page.

    Args:
        images: those of the run's predictions, in their order.
        command: what the user typed.
        program: the model as compiled C, profiled or not; None leaves it out.
        tflm_arena_bytes: what the model needs in TFLM, to compare.
    """
    board = run.device
    answers = answers_of(model, np.array([one.logits for one in run.predictions]), threshold)
    same = Cell(f"{compared.identical:,} of {compared.images:,}", "images give the desktop's bytes")
    unit, times = latency_unit(board["board"]), latency(run.predictions)
    figures = [] if board["board"] == "desktop" else [("agreement", same)]
    figures += [("latency, p50", Cell(f"{times.p50:,}", unit, value=times.p50))] if times else []
    taken = [("input", str(scored.input_range))] if scored.input_range else []
    ran = Facts((("model SHA-256", f"`{model.sha256}`"), *taken), "The model that ran")
    sections = (
        *answered_sections(scored, images, info, answers, "The int8 model", examples),
        Section("On the board", (*board_parts(run, compared), *_histogram(run, times))),
        *([Section("The compiled program", program_parts(program, tflm_arena_bytes))] if program else []),
        data_section(info),
        Section("How to make it again", (Code(command), ran)),
    )
    return Page(
        title=f"{info.name} on {run.runtime}",
        lead=(
            f"{scored.n:,} test {'images' if info.task.channels else 'inputs'} ran through the int8 model, one by one, "
            f"on {board_name(board)} ({board['board']}, {board['backend']}).",
        ),
        warnings=_warnings(run, compared),
        sections=sections,
        synthetic=info.synthetic,
        domain=info.task.domain,
        highlights=headline(scored, *figures),
    )


def values_page(
    run: DeviceRun, compared: Agreement, scored: ValuesReport, info: ArraysInfo, model: TfliteModel, *, command: str,
    program: Program | None = None, tflm_arena_bytes: int | None = None,
) -> Page:  # fmt: skip
    """The page of a model whose outputs are no classes."""
    board, times = run.device, latency(run.predictions)
    ran = Facts((("model SHA-256", f"`{model.sha256}`"), ("data SHA-256", f"`{info.fingerprint}`")), "What ran")
    sections = (
        Section("Results", (errors_table(scored), *(Bullets(info.notes) for _ in info.notes[:1])), results=True),
        Section("On the board", (*board_parts(run, compared), *_histogram(run, times))),
        *([Section("The compiled program", program_parts(program, tflm_arena_bytes))] if program else []),
        Section("How to make it again", (Code(command), ran)),
    )
    return Page(
        title=f"{info.name} on {run.runtime}",
        lead=(
            f"{scored.n:,} inputs went through the int8 model, one by one, on {board_name(board)} "
            f"({board['board']}, {board['backend']}).",
        ),
        warnings=_warnings(run, compared),
        sections=sections,
    )


def _warnings(run: DeviceRun, compared: Agreement) -> tuple[str, ...]:
    warnings = []
    if run.device["board"] != "real":
        warnings.append("Not a real board: memory and latency are not an ESP32's.")
    if compared.differing:
        different = f"{len(compared.differing):,} of {compared.images:,} answers"
        warnings.append(f"{different} have other bytes than the desktop gives.")
    return tuple(warnings)


def _histogram(run: DeviceRun, times: Latency | None) -> tuple[Figure, ...]:
    if times is None:
        return ()
    emulated = run.device["board"] == "emulated"
    return (
        charts_board.histogram(
            "Instructions an image" if emulated else "Time an image",
            [one.invoke_us for one in run.predictions if one.invoke_us is not None],
            x="thousand instructions" if emulated else "µs",
            marks={"p50": times.p50, "p95": times.p95},
        ),
    )


def latency_unit(board: str) -> str:
    """What a board's microsecond is: the emulated one counts instructions."""
    return "k instructions" if board == "emulated" else "us"


def board_parts(run: DeviceRun, compared: Agreement) -> tuple[Part, ...]:
    """The board's identity, its agreement with the desktop, memory, line and latency; the images that differ."""
    board, times, own = run.device, latency(run.predictions), run.device["board"] == "desktop"
    memory = ", ".join(
        f"{name} {board[key]:,} bytes" if board.get(key) else f"{name} not known"
        for name, key in (("RAM", "ram_bytes"), ("flash", "flash_bytes"))
    )
    build = f", build {board['build_id']}" if board.get("build_id") else ""
    same = f"{compared.identical:,} of {compared.images:,} images give the desktop's bytes"
    facts = [
        ("device", f"{board_name(board)}, {board['board']}, {board['backend']}{build}"),
        *([("model", model_name(board))] if not own else []),
        ("agreement", "this is the desktop: nothing to compare it with" if own else same),
        ("arena", f"{board['arena_bytes']:,} bytes"),
        ("memory", memory),
    ]
    if not own:
        moved = run.link.sent_bytes + run.link.received_bytes
        resumed = f", {run.resumed:,} images from an earlier run" if run.resumed else ""
        facts.append(("link", f"{run.link.retries:,} retries, {moved:,} bytes{resumed}"))
    if times is not None:
        unit = "thousand instructions (emulated: no time)" if board["board"] == "emulated" else "us"
        facts.append(("latency", f"p50 {times.p50:,}, p95 {times.p95:,}, {times.min:,} to {times.max:,} {unit}"))
    if board["board"] != "real":
        facts.append(("note", "not a real board: memory and latency are not an ESP32's"))
    shown, more = [f"`{name}`" for name in compared.differing[:_NAMED]], len(compared.differing) - _NAMED
    named = ("These images differ:", *shown, *([f"and {more:,} more"] if more > 0 else []))
    return Facts(tuple(facts), "On the device"), *([Bullets(named)] if shown else [])
