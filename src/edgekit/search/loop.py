"""The loop of a search: begin what may begin, wait, note what has ended.

In: a request, a study and an executor. Out: the study's trials, and why it ended.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgekit.errors import EdgekitError
from edgekit.executor.units import TRIES, Executor, UnitResult
from edgekit.files import check_room, read_kept_arrays
from edgekit.search.cost import COSTS, cost_of, said
from edgekit.search.halving import Reached, next_up, ranked
from edgekit.search.request import Progress, Request
from edgekit.search.space import candidate_of, choices_for
from edgekit.search.study import State, Study, Trial
from edgekit.search.work import CHECKPOINTS, TeacherUnit, Unit, Work, teacher_path
from edgekit.values.task import Task

_FRUITLESS = 300  # refused or met before, one after another: then nothing new is looked for
_FAILED = 5  # students, if not one was ever trained: then something else is wrong than the student
_NEW_UNTIL = 0.6  # of the hours: new students are begun


@dataclass(slots=True)
class Loop:
    """Begin what may begin, wait, note what has ended."""

    request: Request
    task: Task
    folds: int
    study: Study
    executor: Executor[Work, dict[str, float]]
    trials: dict[int, Trial] = field(default_factory=dict)
    waiting: list[Unit] = field(default_factory=list)
    running: list[Work] = field(default_factory=list)
    tries: dict[Work, int] = field(default_factory=dict)
    taught: set[int] = field(default_factory=set)  # folds whose teacher there is
    began: float = field(default_factory=time.monotonic)
    exhausted: bool = False

    def run(self) -> str:
        """Until nothing more is to do; why that is."""
        self.trials = {one.number: one for one in self.study.trials()}
        if max(self.request.recipe.search.distill_weights) > 0:
            self.taught = {fold for fold in range(self.folds) if self._has_teacher(fold)}
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
            unit = self._next()
            if unit is None:
                if self.waiting or not self._begin():  # they wait for teachers that are being trained
                    return
                continue
            self.running.append(unit)
            self.tries[unit] = self.tries.get(unit, 0) + 1
            self.executor.start(unit)
            self._tell()

    def _next(self) -> Work | None:
        """The first that waits for nothing. A teacher is trained when the first student wants it."""
        for unit in self.waiting:
            if not unit.candidate.distill_weight or unit.fold in self.taught:
                self.waiting.remove(unit)
                return unit
            teacher = TeacherUnit(unit.fold)
            if teacher not in self.running:
                return teacher
        return None

    def _has_teacher(self, fold: int) -> bool:
        return read_kept_arrays(teacher_path(self.request.out, fold), self.request.on_warning) is not None

    def _begin(self) -> bool:
        """Begins the trial that is due, and says whether there was one."""
        recipe = self.request.recipe
        rungs = len(recipe.search.rungs)
        begun = [{one.root for one in self.trials.values() if one.rung == rung and one.candidate is not None
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
        finalists = self._finalists(reached)
        for seed in recipe.seeds:  # each once before one has them all: the time may end before
            for root in finalists:
                there = (one for one in self.trials.values() if one.root == root and one.rung == rungs)
                if all(one.seed != seed for one in there):
                    return self._go_on(root, rungs, seed)
        return False

    def _begin_new(self) -> bool:
        """A student that meets the budget and was not met before; False where none is found any more."""
        met = {one.candidate for one in self.trials.values() if one.candidate is not None}
        for _ in range(_FRUITLESS):
            own = None if self.trials else choices_for(self.request.recipe.student, self.request.recipe.search)
            number, chosen = self.study.ask(own)
            candidate, budget, seed = candidate_of(chosen), self.request.budget, self.request.recipe.seeds[0]
            if candidate is None:
                cost, excess = None, {}
            else:
                cost = cost_of(candidate.student.spec(self.task), self.request.options, budget)
                excess = budget.excess(cost)
            if cost is not None and candidate is not None and candidate not in met and budget.met_by(cost):
                self.study.accept(number, candidate, cost, excess, seed)
                self._add(Trial(number, number, 0, seed, "running", candidate, cost, {}))
                return True
            why: State = "repeated" if candidate in met else "refused"
            self.study.refuse(number, why, candidate, cost, excess)
            self.trials[number] = Trial(number, number, 0, 0, why, candidate, cost, {})
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
        assert one.candidate is not None
        self.waiting += [
            Unit(one.number, one.root, fold, one.seed, epochs, one.candidate)
            for fold in range(self.folds)
            if fold not in one.folds
        ]
        if len(one.folds) == self.folds:  # killed between the last fold and the trial's end
            self._done(one)

    def _take(self, result: UnitResult[Work, dict[str, float]]) -> None:
        unit = result.item
        self.running.remove(unit)
        for warning in result.warnings:
            self.request.on_warning(f"{unit}: {warning}")
        if result.value is None:
            check_room(self.request.out)  # a full disk is nobody's fault, and no student will do better
        if isinstance(unit, TeacherUnit):
            self._take_teacher(unit, result)
        else:
            self._take_student(unit, result)

    def _take_teacher(self, unit: TeacherUnit, result: UnitResult[Work, dict[str, float]]) -> None:
        if result.value is not None:
            self.taught.add(unit.fold)
            self._tell(f"{unit}: AUC {sum(result.value.values()) / len(result.value):.4f}")
        elif result.died and self.tries[unit] < TRIES:
            self._tell(f"{unit}: {result.problem}; it is tried again")
        else:
            raise EdgekitError(
                f"{unit} cannot be trained: {result.problem}",
                "Mend what it names (teach.* of the recipe), or search without: --set search.distill_weights=0.",
            )

    def _take_student(self, unit: Unit, result: UnitResult[Work, dict[str, float]]) -> None:
        trial = self.trials[unit.number]
        if trial.state != "running":  # another fold of it has failed meanwhile
            return
        if result.value is None:
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
