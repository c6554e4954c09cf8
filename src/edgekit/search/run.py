"""search: ask for students, refuse what exceeds the budget, train on those that do best, and remember it all.

In: a `Request`. Out: a folder with the study and `Found`. It can be stopped at any moment: the same request goes on.

Neither validation nor test images are read: students are judged on training images from elsewhere than those that they
learn from (`training.across_sources`).
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.compile import CompileOptions
from edgekit.compile.options import FOR_BOARD
from edgekit.data.sources import load_training
from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import TRIES, Executor, UnitResult
from edgekit.extras import need
from edgekit.files import check_room, failures_of, print_warning
from edgekit.pipeline.cache import only_one
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import StudentRecipe
from edgekit.search.cost import COSTS, Budget, Cost, cost_of, said
from edgekit.search.halving import Reached, next_up, ranked
from edgekit.search.space import choices_for, choices_of, smallest, student_of
from edgekit.search.study import Sampler, State, Study, Trial
from edgekit.search.work import CHECKPOINTS, Settings, Unit, do_unit
from edgekit.values.codec import to_json
from edgekit.values.images import DataInfo
from edgekit.values.task import Task

_FRUITLESS = 300  # refused or met before, one after another: then nothing new is looked for
_FAILED = 5  # students, if not one was ever trained: then something else is wrong than the student
_NEW_UNTIL = 0.6  # of the hours: new students are begun


@dataclass(frozen=True, slots=True)
class Request:
    """What to search.

    Attributes:
        trials: students that are trained for the first rung at least, earlier ones in the folder counted.
        hours: of this call; then nothing more is begun, and what runs is waited for.
        jobs: units side by side; 0 for one a core, or a single one where a GPU does the work.
        ray: the address of a cluster, `local`, or empty for processes of this machine.
        options: what the students are compiled with.
    """

    recipe: Recipe
    data: str
    budget: Budget
    out: Path
    trials: int = 50
    hours: float | None = None
    jobs: int = 0
    ray: str = ""
    sampler: Sampler = "tpe"
    options: CompileOptions = FOR_BOARD
    accelerator: str = "auto"
    cache_dir: Path | None = None
    command: str = "edgekit search"
    on_progress: "Callable[[Progress], None]" = lambda progress: None
    on_warning: Callable[[str], None] = print_warning


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    Attributes:
        running: units.
        trials: so far, as in `Found`.
        news: what has just happened, in words; empty where nothing has.
    """

    running: tuple[Unit, ...]
    trials: tuple[Trial, ...]
    news: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        judged: how, in words that follow `judged`.
        folds: how many.
        importances: see `Study.importances`.
        own: what the recipe's own student takes.
        ended: why it ended, in a sentence.
    """

    request: Request
    info: DataInfo
    judged: str
    folds: int
    trials: tuple[Trial, ...]
    importances: Mapping[str, Mapping[str, float]]
    own: Cost
    ended: str


def search(request: Request) -> Found:
    """Searches, or goes on.

    Raises:
        EdgekitError: packages are missing, bad data, a budget that nothing meets, an empty space, a folder of another
            search, no such cluster, a full disk, or students of which none can be trained. One that fails raises
            nothing.
    """
    need(("torch", "sklearn", "optuna"), "no student is searched for")
    recipe, out = request.recipe, request.out.absolute()
    recipe.search.check(recipe.distill.fit.epochs)
    with failures_of(out):
        (out / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    sizes = sorted(recipe.search.input_sizes)
    for size in sizes:  # each is decoded now, once, and lies in the cache for the workers
        train, info = load_training(
            request.data, (size, size), recipe.data, cache_dir=request.cache_dir, on_warning=request.on_warning
        )
    from edgekit.training.across_sources import folds_elsewhere

    folds = folds_elsewhere(train, info.task, recipe.search.folds)
    _check_possible(request, info.task)
    with only_one(out, "search"):
        choices, seed = choices_of(recipe.search), recipe.seeds[0]
        with (
            closing(Study(out, _identity(request, info), choices, request.budget, request.sampler, seed)) as study,
            closing(_executor(request, out)) as executor,
        ):
            ended = _Search(request, info.task, len(folds.folds), study, executor).run()
            own = cost_of(recipe.student.spec(info.task), request.options)
            trials, importances = tuple(study.trials()), study.importances()
    return Found(request, info, folds.how, len(folds.folds), trials, importances, own, ended)


@dataclass(slots=True)
class _Search:
    """The loop: begin what may begin, wait, note what has ended."""

    request: Request
    task: Task
    folds: int
    study: Study
    executor: Executor[Unit, dict[str, float]]
    trials: dict[int, Trial] = field(default_factory=dict)
    waiting: list[Unit] = field(default_factory=list)
    running: list[Unit] = field(default_factory=list)
    tries: dict[Unit, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    exhausted: bool = False

    def run(self) -> str:
        """Until nothing more is to do; why that is."""
        self.trials = {one.number: one for one in self.study.trials()}
        for one in self.trials.values():
            if one.state == "running" and one.cost is not None:  # which is noted last
                self._wait_for(one)
            elif one.state == "running":  # killed while it was weighed
                self.study.failed(one.number, "the search was stopped before it was weighed")
                self.trials[one.number] = replace(one, state="failed")
        while True:
            self._fill()
            if not self.running:
                return self._why_ended()
            for result in self.executor.wait():
                self._take(result)

    def _fill(self) -> None:
        while len(self.running) < self.executor.size and not self._late(1.0):
            if not self.waiting and not self._begin():
                return
            unit = self.waiting.pop(0)
            self.running.append(unit)
            self.tries[unit] = self.tries.get(unit, 0) + 1
            self.executor.start(unit)
            self._tell()

    def _begin(self) -> bool:
        """Begins the trial that is due, and says whether there was one."""
        recipe = self.request.recipe
        rungs = len(recipe.search.rungs)
        begun = [{one.root for one in self.trials.values() if one.rung == rung and one.student is not None
                  and one.state in ("running", "done", "failed")} for rung in range(rungs)]  # fmt: skip
        reached = [self._reached(rung) for rung in range(rungs)]
        going_on = next_up(reached, begun, recipe.search.keep_one_of)
        if going_on is not None:
            return self._go_on(*going_on, recipe.seeds[0])
        may_be_new = len(begun[0]) < self.request.trials and not self.exhausted and not self._late(_NEW_UNTIL)
        if may_be_new and self._begin_new():
            return True
        if self.running:  # of which one may go on
            return False
        for root in self._finalists(reached):
            for seed in recipe.seeds:
                there = (one for one in self.trials.values() if one.root == root and one.rung == rungs)
                if all(one.seed != seed for one in there):
                    return self._go_on(root, rungs, seed)
        return False

    def _begin_new(self) -> bool:
        """A student that meets the budget and was not met before; False where none is found any more."""
        met = {one.student for one in self.trials.values() if one.student is not None}
        for _ in range(_FRUITLESS):
            own = None if self.trials else choices_for(self.request.recipe.student, self.request.recipe.search)
            number, chosen = self.study.ask(own)
            student = student_of(chosen)
            cost = (
                None if student is None else cost_of(student.spec(self.task), self.request.options, self.request.budget)
            )
            excess = {} if cost is None else self.request.budget.excess(cost)
            if cost is not None and student is not None and student not in met and self.request.budget.met_by(cost):
                self.study.accept(number, student, cost, excess, self.request.recipe.seeds[0])
                self._add(Trial(number, number, 0, self.request.recipe.seeds[0], "running", student, cost, {}))
                return True
            why: State = "repeated" if student in met else "refused"
            self.study.refuse(number, why, student, cost, excess)
            self.trials[number] = Trial(number, number, 0, 0, why, student, cost, {})
            self._tell()
            if self._late(1.0):
                return False
        self.exhausted = True
        return False

    def _go_on(self, root: int, rung: int, seed: int) -> bool:
        first = self.trials[root]
        number = self.study.go_on(first, rung, seed)
        self._add(replace(first, number=number, rung=rung, seed=seed, state="running", folds={}))
        return True

    def _add(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        self._wait_for(trial)

    def _wait_for(self, one: Trial) -> None:
        recipe = self.request.recipe
        epochs = (*recipe.search.rungs, recipe.distill.fit.epochs)[one.rung]
        assert one.student is not None
        self.waiting += [
            Unit(one.number, one.root, fold, one.seed, epochs, one.student)
            for fold in range(self.folds)
            if fold not in one.folds
        ]
        if len(one.folds) == self.folds:  # killed between the last fold and the trial's end
            self._done(one)

    def _take(self, result: UnitResult[Unit, dict[str, float]]) -> None:
        unit = result.item
        self.running.remove(unit)
        for warning in result.warnings:
            self.request.on_warning(f"{unit}: {warning}")
        trial = self.trials[unit.number]
        if trial.state != "running":  # another fold of it has failed meanwhile
            return
        if result.value is None:
            check_room(self.request.out)  # a full disk is nobody's fault, and no student will do better
            if result.died and self.tries[unit] < TRIES:
                self.waiting.insert(0, unit)
                self._tell(f"{unit}: {result.problem}; it is tried again")
            else:
                self._fail(trial, f"{unit}: {result.problem}")
            return
        self.study.fold_done(unit.number, unit.fold, result.value)
        trial = replace(trial, folds={**trial.folds, unit.fold: result.value})
        self.trials[unit.number] = trial
        if len(trial.folds) == self.folds:
            self._done(trial)
        else:
            self._tell()

    def _done(self, trial: Trial) -> None:
        self.study.done(trial)
        if trial.rung == len(self.request.recipe.search.rungs):  # nothing goes on from there
            for path in (self.request.out / CHECKPOINTS).glob(f"{trial.root}-{trial.seed}-*"):
                path.unlink()
        self.trials[trial.number] = replace(trial, state="done")
        assert trial.cost is not None
        costs = ", ".join(said(what, trial.cost.of(what)) for what in COSTS)
        rungs = self.request.recipe.search.rungs
        how = "in full" if trial.rung == len(rungs) else f"{rungs[trial.rung]} epochs"
        self._tell(f"student {trial.root}, {how}, seed {trial.seed}: AUC {trial.auc:.4f}; {costs}")

    def _fail(self, trial: Trial, problem: str) -> None:
        self.waiting = [unit for unit in self.waiting if unit.number != trial.number]
        self.study.failed(trial.number, problem)
        self.trials[trial.number] = replace(trial, state="failed", problem=problem)
        self._tell(f"failed: {problem}")
        failed = [one for one in self.trials.values() if one.state == "failed"]
        if len(failed) >= _FAILED and not any(one.state == "done" for one in self.trials.values()):
            raise EdgekitError(
                f"The first {len(failed)} students all failed. The last: {problem}",
                "Mend what it names and run the command again; where memory ran out, use fewer --jobs.",
            )

    def _reached(self, rung: int) -> dict[int, Reached]:
        return {
            one.root: Reached(one.root, one.auc, one.cost)
            for one in self.trials.values()
            if one.rung == rung and one.state == "done" and one.cost is not None
        }

    def _finalists(self, reached: Sequence[Mapping[int, Reached]]) -> list[int]:
        """The best of the last rung, and of those before it where that has too few; those that begun first."""
        rungs, most = len(reached), self.request.recipe.search.finalists
        begun = [one.root for one in self.trials.values() if one.rung == rungs]
        best = [one.root for rung in reversed(reached) for one in ranked(list(rung.values()))]
        return list(dict.fromkeys([*begun, *best[:most]]))

    def _late(self, share: float) -> bool:
        hours = self.request.hours
        return hours is not None and time.monotonic() - self.began > share * 3600 * hours

    def _tell(self, news: str = "") -> None:
        self.request.on_progress(Progress(tuple(self.running), tuple(self.trials.values()), news))

    def _why_ended(self) -> str:
        if self._late(1.0):
            return f"It ended after the {self.request.hours:g} hours that it was given; the same command goes on."
        if self.exhausted:
            return (
                f"{_FRUITLESS} students in a row exceeded the budget or had been met: nothing new was found any more."
            )
        return f"All of the {self.request.trials} students that were asked for were tried."


def _check_possible(request: Request, task: Task) -> None:
    """Raises EdgekitError: nothing in the space meets the budget; says which limit and the nearest student."""
    nearest: tuple[float, StudentRecipe, dict[str, float]] | None = None
    for student in smallest(request.recipe.search):
        cost = cost_of(student.spec(task), request.options, request.budget)
        excess = request.budget.excess(cost)
        worst = max(excess.values(), default=0.0)
        if worst <= 0:
            return
        if nearest is None or worst < nearest[0]:
            over = {what: cost.of(what) for what, share in excess.items() if share > 0}
            nearest = worst, student, over
    assert nearest is not None
    _, student, over = nearest
    takes = " and ".join(
        f"{said(what, value)}, above --max-{what} {getattr(request.budget, what):g}" for what, value in over.items()
    )
    raise EdgekitError(
        f"No student meets the budget. The nearest, {in_words(student)}, takes {takes}.",
        "Raise that limit, or let the search try smaller ones: --set search.widths=2,4 --set search.input_sizes=16,32.",
    )


def in_words(student: StudentRecipe) -> str:
    """`inverted 48, 8-12-16 x 1-2-1, stem / 2`: kind, side of the image, channels, depths."""
    stem = "" if student.stem_stride == 1 else f", stem / {student.stem_stride}"
    times = f", expansion {student.expansion}" if student.block == "inverted" else ""
    channels, depths = ("-".join(map(str, each)) for each in (student.channels, student.depths))
    return f"{student.block} {student.input_size}, {channels} x {depths}{stem}{times}"


def _identity(request: Request, info: DataInfo) -> dict[str, Any]:
    """What all trials of a study have in common."""
    recipe = to_json(request.recipe)
    # who changes the number of finalists goes on with the same study
    space = {name: value for name, value in recipe["search"].items() if name != "finalists"}
    return {
        "edgekit": __version__, "data": info.name, "fingerprint": info.fingerprint, "budget": to_json(request.budget),
        "options": to_json(request.options), "sampler": request.sampler, "space": space, "split": recipe["data"],
        "training": recipe["distill"], "seed": request.recipe.seeds[0],
    }  # fmt: skip


def _executor(request: Request, out: Path) -> Executor[Unit, dict[str, float]]:
    from edgekit.training.nets import accelerator

    device = accelerator(request.accelerator)
    settings = Settings(request.recipe, request.data, out, request.accelerator, request.cache_dir)
    if request.ray:
        return RayExecutor(partial(do_unit, settings), request.ray, request.jobs)
    cores = os.cpu_count() or 1
    jobs = request.jobs or (cores if device.type == "cpu" else 1)
    threads = max(1, cores // jobs)
    return LocalExecutor(partial(do_unit, replace(settings, threads=threads)), jobs, out / "workers.log", threads)
