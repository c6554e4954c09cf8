"""The command that watches a folder with a board."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli import options as shared
from edgekit.cli.output import waiting
from edgekit.errors import printable

if TYPE_CHECKING:
    from edgekit.live.events import Begun, Event, Seen
    from edgekit.live.tally import Tally


@click.command("watch")
@click.argument("folder", type=shared.PATH)
@shared.port_option("emulator", "native", "qemu-esp32")
@shared.model_option
@click.option(
    "--page-port", type=click.IntRange(0, 65535), metavar="PORT",
    help="Of the page on this computer [8321, or a free one where that is taken].",
)  # fmt: skip
@shared.input_range_option
@shared.labels_option
@shared.baud_option
@shared.lines_option
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each event, for a script.")
def watch_command(
    folder: Path, port: str, model: Path, page_port: int | None, input_range: tuple[float, float] | None,
    labels: str | None, baud: int | None, lines: Any, as_json: bool,
) -> None:  # fmt: skip
    """Ask a board about each picture that comes into FOLDER, and show it on a local page, until Ctrl-C.

    Those there at the start are asked about, too. Where a folder above a picture is called like a class, the confusion
    is counted. Half-written pictures wait until they are whole; what cannot be read is named.
    """
    from edgekit.live.watch import watch

    shown = _JsonLines() if as_json else _Lines()
    with shown:
        for event in watch(
            model, port, folder, page_port=page_port, input_range=input_range, labels=labels, baud=baud,
            on_wait=waiting, lines=lines,
        ):  # fmt: skip
            shown.show(event)


class _Shown:
    """Shows events; at the end what was counted, whatever ended it. A context manager."""

    tally: "Tally | None" = None

    def __enter__(self) -> "_Shown":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.end()
        if isinstance(error, KeyboardInterrupt) and self.tally is not None:
            raise KeyboardInterrupt(f"{self.tally.in_words()}.") from None

    def show(self, event: "Event") -> None:
        """One event more."""
        raise NotImplementedError

    def end(self) -> None:
        """The last words."""


class _JsonLines(_Shown):
    """A JSON object a line."""

    def show(self, event: "Event") -> None:
        from edgekit.live.events import Begun, Seen

        if isinstance(event, Begun):
            self.tally = event.tally
            values = {"folder": str(event.folder), "model": event.model, "page": event.page, "device": event.device}
            _print_line("begun", values)
        elif isinstance(event, Seen):
            answer = event.answer
            _print_line("seen", {
                "path": event.path, "label": answer.label, "truth": event.truth,
                "probabilities": answer.probabilities, "outputs_q": answer.outputs_q, "values": answer.values,
                "invoke_us": event.invoke_us,
            })  # fmt: skip
        else:
            _print_line("skipped", {"path": event.path, "reason": event.reason})

    def end(self) -> None:
        if (tally := self.tally) is not None:
            counts = {"answered": tally.answered, "labelled": tally.labelled, "right": tally.right}
            _print_line("ended", {**counts, "skipped": tally.skipped, "labels": tally.labels, "matrix": tally.matrix})


def _print_line(event: str, values: dict[str, Any]) -> None:
    click.echo(printable(json.dumps({"event": event, **values}, ensure_ascii=False)))


class _Lines(_Shown):
    """A line for each event and, on a terminal, the counts below."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._status = self._console.status("")
        self._begun: Begun | None = None

    def show(self, event: "Event") -> None:
        from rich.text import Text

        from edgekit.live.events import Begun, Seen

        if isinstance(event, Begun):
            self.tally, self._begun = event.tally, event
            for line in (event.domain, f"{event.folder} on {event.board}. The page: {event.page} Ctrl-C ends."):
                if line:
                    self._console.print(Text(printable(line)))
            if self._console.is_terminal:
                self._status.start()
        elif isinstance(event, Seen):
            self._console.print(_answer_line(event, self._begun.time(event) if self._begun else ""))
        else:
            self._console.print(Text(f"{event.path}: {event.reason}", "yellow"))
        if self.tally is not None:
            self._status.update(Text(f"{self.tally.in_words()}."))

    def end(self) -> None:
        from edgekit.report.render_terminal import print_parts

        self._status.stop()
        if self.tally is not None:
            print_parts(self.tally.tables(), self._console)


def _answer_line(seen: "Seen", time: str) -> Any:
    from rich.text import Text

    answer = seen.answer
    said = f"{answer.label} {max(answer.probabilities):.3f}" if answer.label else " ".join(
        f"{value:.5g}" for value in answer.values[:8]
    )  # fmt: skip
    is_right = seen.truth == answer.label
    mark = ("  right", "green") if is_right else (f"  wrong: {seen.truth}", "red")
    return Text.assemble(
        printable(seen.path), "  ", (printable(said), "bold"), mark if seen.truth else "", f"  {time}".rstrip()
    )
