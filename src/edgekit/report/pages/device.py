"""An evaluation on a board: `eval-device` on the terminal, and its report.

In: a finished `DeviceRun`, its figures, the images. Out: `Facts`, a `Page`.
"""

from edgekit.report import charts_board
from edgekit.report.document import Bullets, Cell, Code, Facts, Figure, Page, Part, Section
from edgekit.report.pages.sections import Answers, answers_figures, data_section, headline, mistakes, program_parts
from edgekit.report.tables import scores_table
from edgekit.values.device_run import Agreement, DeviceRun, latency
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.program import Program

NAMED = 20  # of the images that differ; the JSON has all


def device_page(
    run: DeviceRun,
    compared: Agreement,
    scored: EvalReport,
    images: ImageSet,
    info: DataInfo,
    model: TfliteModel,
    threshold: Threshold,
    *,
    command: str,
    program: Program | None = None,
    tflm_arena_bytes: int | None = None,
) -> Page:
    """The page.

    Args:
        images: those of the run's predictions, in their order.
        threshold: what the model was judged by.
        command: what the user typed.
        program: the model as compiled C, profiled or not; None leaves it out.
        tflm_arena_bytes: what the model needs in TFLM, to compare.
    """
    board = run.device
    margins = info.task.margins([one.logits for one in run.predictions])
    answers = Answers("int8", margins, threshold, model.output_q.scale if model.output_q else 1.0)
    own = board["board"] == "desktop"
    agreement = Cell(f"{compared.identical:,} of {compared.images:,}", "images give the desktop's bytes")
    unit = latency_unit(board["board"])
    times = latency(run.predictions)
    more = [] if own else [("agreement", agreement)]
    if times is not None:
        more.append(("latency, p50", Cell(f"{times.p50:,}", unit, value=times.p50)))
    sections = [
        Section("Results", (scores_table("The int8 model", {f"{scored.n:,} images": scored}),), results=True),
        Section("Answers", answers_figures(scored, images.labels, [answers]), results=True),
        mistakes(images, answers, info),
        Section("On the board", (*board_parts(run, compared), *_histogram(run, unit))),
        *([Section("The compiled program", program_parts(program, tflm_arena_bytes))] if program else []),
        data_section(info),
        Section(
            "How to make it again",
            (Code(command), Facts((("model SHA-256", f"`{model.sha256}`"),), "The model that ran")),
        ),
    ]
    return Page(
        title=f"{info.name} on {run.runtime}",
        lead=(
            f"{scored.n:,} test images went through the int8 model, one by one, on {board['chip']} ({board['board']}, "
            f"{board['backend']}).",
        ),
        warnings=tuple(_warnings(run, compared)),
        sections=tuple(sections),
        synthetic=info.synthetic,
        domain=info.task.domain,
        highlights=headline(scored, *more),
    )


def _warnings(run: DeviceRun, compared: Agreement) -> list[str]:
    said = []
    if run.device["board"] != "real":
        said.append("Not a real board: memory and latency are not an ESP32's.")
    if compared.differing:
        said.append(f"{len(compared.differing):,} of {compared.images:,} images give other bytes than on the desktop.")
    return said


def _histogram(run: DeviceRun, unit: str) -> tuple[Figure, ...]:
    found = latency(run.predictions)
    if found is None:
        return ()
    emulated = run.device["board"] == "emulated"
    return (
        charts_board.histogram(
            "Instructions an image" if emulated else "Time an image",
            [one.invoke_us for one in run.predictions if one.invoke_us is not None],
            x="thousand instructions" if emulated else "µs" if unit == "us" else unit,
            marks={"p50": found.p50, "p95": found.p95},
        ),
    )


def latency_unit(board: str) -> str:
    """What a board's microsecond is: the emulated one counts instructions."""
    return "k instructions" if board == "emulated" else "us"


def board_parts(run: DeviceRun, compared: Agreement) -> tuple[Part, ...]:
    """The board's identity, its agreement with the desktop, memory, line and latency; the images that differ."""
    facts = _rows(run, compared)
    if run.device["board"] != "real":
        facts.append(("note", "not a real board: memory and latency are not an ESP32's"))
    names = [f"`{name}`" for name in compared.differing[:NAMED]]
    more = len(compared.differing) - NAMED
    named = ("These images differ:", *names, *([f"and {more:,} more"] if more > 0 else []))
    return Facts(tuple(facts), "On the device"), *([Bullets(named)] if names else [])


def _rows(run: DeviceRun, compared: Agreement) -> list[tuple[str, str]]:
    """Names and values: identity, agreement, memory, line, latency."""
    board, times = run.device, latency(run.predictions)
    memory = ", ".join(
        f"{name} {board[key]:,} bytes" if board.get(key) else f"{name} not known"
        for name, key in (("RAM", "ram_bytes"), ("flash", "flash_bytes"))
    )
    build = f", build {board['build_id']}" if board.get("build_id") else ""
    own = board["board"] == "desktop"
    same = f"{compared.identical:,} of {compared.images:,} images give the desktop's bytes"
    rows = [
        ("device", f"{board['chip']}, {board['board']}, {board['backend']}{build}"),
        ("agreement", "this is the desktop: nothing to compare it with" if own else same),
        ("arena", f"{board['arena_bytes']:,} bytes"),
        ("memory", memory),
    ]
    if not own:
        moved = run.link.sent_bytes + run.link.received_bytes
        resumed = f", {run.resumed:,} images from an earlier run" if run.resumed else ""
        rows.append(("link", f"{run.link.retries:,} retries, {moved:,} bytes{resumed}"))
    if times is not None:
        unit = "thousand instructions (emulated: no time)" if board["board"] == "emulated" else "us"
        rows.append(("latency", f"p50 {times.p50:,}, p95 {times.p95:,}, {times.min:,} to {times.max:,} {unit}"))
    return rows
