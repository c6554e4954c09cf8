"""Progress of a search: a line for each student that reached a rung, and a bar with the best so far. Goes to stderr."""

from collections import Counter

from rich import progress as bars

from edgekit.cli.progress import Bars
from edgekit.errors import printable
from edgekit.search.request import Progress


class SearchBars(Bars):
    """Shows students as they are trained; a context manager."""

    def __init__(self, trials: int) -> None:
        super().__init__(bars.BarColumn(20), bars.MofNCompleteColumn(), bars.TimeElapsedColumn(), "{task.description}")
        self._task = self._progress.add_task("", total=trials)

    def told(self, progress: Progress) -> None:
        """Something has begun or ended."""
        self._progress.start()
        states = Counter(one.state for one in progress.trials if one.rung == 0)
        done = [one for one in progress.trials if one.state == "done"]
        best = max(done, key=lambda one: (one.rung, one.auc), default=None)
        said = f"best {best.auc:.4f} (student {best.root})  " if best else ""
        said += "  ".join(f"{states[what]} {what}" for what in ("refused", "failed") if states[what])
        trained = {one.root for one in done}
        self._progress.update(self._task, completed=len(trained), description=said)
        if progress.news:
            self._console.print(printable(progress.news), highlight=False, markup=False, soft_wrap=True)
