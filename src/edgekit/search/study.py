"""What a search remembers: an Optuna study in one SQLite file, which Optuna's dashboard reads, too.

In: what is chosen among, and what trials reached. Out: `Trial`s. A trial is a student trained up to one rung with one
seed; who goes on to the next rung is a trial of its own, with the same choices. The one module that imports optuna.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edgekit.errors import EdgekitError, in_a_line
from edgekit.files import check_room
from edgekit.search.cost import COSTS, Budget, Cost
from edgekit.search.space import Candidate
from edgekit.values.codec import from_json, to_json

Sampler = Literal["tpe", "nsga2"]
State = Literal["running", "done", "failed", "refused", "repeated"]
FILE = "study.db"
_NAME = "edgekit search"
_IDENTITY = "identity"
_FIRST_AT_RANDOM = 12
_POPULATION = 16


@dataclass(frozen=True, slots=True)
class Trial:
    """One student up to one rung.

    Attributes:
        root: the number of its first rung's trial, which stands for the student.
        candidate: None where the choices make no student.
        folds: what it reached on each fold that is done, AUC by how the images are shown.
        problem: why it failed.
    """

    number: int
    root: int
    rung: int
    seed: int
    state: State
    candidate: Candidate | None
    cost: Cost | None
    folds: Mapping[int, Mapping[str, float]]
    problem: str = ""

    @property
    def auc(self) -> float:
        """The mean over the folds that are done and over how the images are shown."""
        each = [area for areas in self.folds.values() for area in areas.values()]
        return sum(each) / len(each)


class Study:
    """The study in `folder`, begun or gone on with.

    Args:
        identity: what every trial of a study has in common: JSON values.
        seed: of the sampler.

    Raises:
        EdgekitError: the file is none of Optuna's, of another version, or of another search.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], choices: Mapping[str, tuple[Any, ...]], budget: Budget,
        sampler: Sampler, seed: int,
    ) -> None:  # fmt: skip
        optuna = _optuna()
        path = folder / FILE
        self._folder, self._choices = folder, choices
        self._limits = [what for what in COSTS if getattr(budget, what) is not None]
        unreadable: tuple[type[Exception], ...] = (RuntimeError, ValueError, *_database_errors())
        with self._stored(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parts of it are announced as experimental
            try:
                self._storage = optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}")
                self._study = optuna.create_study(
                    storage=self._storage, study_name=_NAME, load_if_exists=True,
                    directions=["maximize", *["minimize"] * len(COSTS)],
                )  # fmt: skip
                kept = self._study.user_attrs.get(_IDENTITY)
                begun = len(self._study.trials)
                self._study.sampler = _sampler(optuna, sampler, seed + begun, self._over if self._limits else None)
            except unreadable as error:
                if isinstance(error, optuna.exceptions.StorageInternalError):
                    raise
                raise EdgekitError(
                    f"{path} is no study of this version of Optuna: {in_a_line(error)}.", "Name another folder: --out."
                ) from error
            self._optuna = optuna
            self._live: dict[int, Any] = {}
            if kept is None and begun == 0:
                self._study.set_user_attr(_IDENTITY, dict(identity))
                self._study.set_metric_names(["AUC", *COSTS])
            else:
                _check_same(path, kept or {}, identity)
            for one in self._study.get_trials(deepcopy=False):
                if one.state.name == "WAITING":  # killed before it began: it begins, and is found unweighed
                    self._study.ask()

    def close(self) -> None:
        """Lets go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[Trial]:
        """All of them."""
        with self._stored():
            return [self._read(one) for one in self._study.get_trials(deepcopy=False)]

    def ask(self, wanted: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Begins a trial: its number, and what the sampler chose, or what is wanted."""
        with self._stored():
            if wanted is not None:
                self._study.enqueue_trial(dict(wanted))
            trial = self._study.ask()
            self._live[trial.number] = trial
            return trial.number, {name: trial.suggest_categorical(name, each) for name, each in self._choices.items()}

    def accept(self, number: int, candidate: Candidate, cost: Cost, excess: Mapping[str, float], seed: int) -> None:
        """It will be trained up to the first rung."""
        self._note(number, self._words(number, 0, seed, candidate, cost, excess))

    def refuse(
        self, number: int, why: State, candidate: Candidate | None, cost: Cost | None, excess: Mapping[str, float]
    ) -> None:
        """It will not be trained: it exceeds the budget (`excess`), or was met before, or is no student."""
        words = self._words(number, 0, 0, candidate, cost, excess)
        self._note(number, {**words, "state": why})
        self._tell(number, state=self._optuna.trial.TrialState.PRUNED)

    def go_on(self, root: Trial, rung: int, seed: int) -> int:
        """Begins the trial of a student at another rung or with another seed; its number."""
        assert root.candidate is not None
        assert root.cost is not None
        with self._stored():
            params = self._study.get_trials(deepcopy=False)[root.number].params
        number, _ = self.ask(params)
        self._note(number, self._words(root.root, rung, seed, root.candidate, root.cost, {}))
        return number

    def fold_done(self, number: int, fold: int, areas: Mapping[str, float]) -> None:
        """One fold of it was scored."""
        self._note(number, {f"fold {fold}": dict(areas)})

    def done(self, trial: Trial) -> None:
        """All folds were scored."""
        assert trial.cost is not None
        self._tell(trial.number, [trial.auc, *(trial.cost.of(what) for what in COSTS)])

    def failed(self, number: int, problem: str) -> None:
        """It cannot be trained."""
        self._note(number, {"problem": problem})
        self._tell(number, state=self._optuna.trial.TrialState.FAIL)

    def importances(self) -> dict[str, dict[str, float]]:
        """By what is measured (`auc`, `ram`, ...), by choice: its share in what students differ by, by fANOVA on those
        of the first rung; empty where too few were trained, or all are alike."""
        with self._stored():
            first = [one for one in self._study.get_trials(deepcopy=False) if one.user_attrs.get("rung") == 0]
        done = [one for one in first if one.values is not None]
        found: dict[str, dict[str, float]] = {}
        if len(done) < _FIRST_AT_RANDOM:
            return found
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for column, what in enumerate(("auc", *COSTS)):
                if len({one.values[column] for one in done}) < 2:
                    continue
                alone = self._optuna.create_study()
                alone.add_trials([
                    self._optuna.trial.create_trial(
                        params=one.params, distributions=one.distributions, value=one.values[column]
                    ) for one in done
                ])  # fmt: skip
                evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=0)
                with_sense = [name for name, each in self._choices.items() if len(each) > 1]
                found[what] = self._optuna.importance.get_param_importances(
                    alone, evaluator=evaluator, params=with_sense
                )
        return found

    def _over(self, trial: Any) -> list[float]:
        """How far a trial is beyond each limit, for the sampler."""
        over = trial.user_attrs.get("over", {})
        return [float(over.get(what, 1.0)) for what in self._limits]

    def _words(
        self, root: int, rung: int, seed: int, candidate: Candidate | None, cost: Cost | None,
        excess: Mapping[str, float],
    ) -> dict[str, Any]:  # fmt: skip
        over = {what: excess.get(what, -0.0) for what in self._limits} if cost is not None else {}
        named = {"root": root, "rung": rung, "seed": seed, "over": over}
        return {**named, "candidate": candidate and to_json(candidate), "cost": cost and to_json(cost)}

    def _note(self, number: int, words: Mapping[str, Any]) -> None:
        with self._stored():
            for name, value in words.items():
                self._trial(number).set_user_attr(name, value)

    def _tell(self, number: int, values: list[float] | None = None, state: Any = None) -> None:
        with self._stored(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study.tell(self._trial(number), values, state=state)
            self._live.pop(number, None)

    def _trial(self, number: int) -> Any:
        """A trial that runs, of this process or of one that was killed."""
        if number not in self._live:
            trial_id = self._study.get_trials(deepcopy=False)[number]._trial_id
            self._live[number] = self._optuna.trial.Trial(self._study, trial_id)
        return self._live[number]

    def _read(self, one: Any) -> Trial:
        words, name = one.user_attrs, one.state.name
        states: dict[str, State] = {"COMPLETE": "done", "FAIL": "failed", "PRUNED": words.get("state", "refused")}
        candidate, cost = words.get("candidate"), words.get("cost")
        return Trial(
            one.number, words.get("root", one.number), words.get("rung", 0), words.get("seed", 0),
            states.get(name, "running"),
            None if candidate is None else from_json(Candidate, candidate, "a student"),
            None if cost is None else from_json(Cost, cost, "a cost"),
            {int(key.split()[1]): areas for key, areas in words.items() if key.startswith("fold ")},
            words.get("problem", ""),
        )  # fmt: skip

    @contextmanager
    def _stored(self) -> Iterator[None]:
        """What goes wrong with the file, said plainly."""
        try:
            yield
        except (_optuna().exceptions.StorageInternalError, *_database_errors()) as error:
            check_room(self._folder)
            raise EdgekitError(
                f"{self._folder / FILE} cannot be written: {in_a_line(error.__cause__ or error)}.",
                "Check that the folder is yours to write and on a disk of this machine, then run the command again.",
            ) from error


def _sampler(optuna: Any, name: Sampler, seed: int, over: Any) -> Any:
    if name not in get_args(Sampler):
        raise EdgekitError(f"There is no sampler {name!r}.", f"Choose {' or '.join(get_args(Sampler))}.")
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=_POPULATION, constraints_func=over)
    return optuna.samplers.TPESampler(
        seed=seed, multivariate=True, constant_liar=True, n_startup_trials=_FIRST_AT_RANDOM, constraints_func=over
    )


def _check_same(path: Path, kept: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    differing = [
        f"{name} is {in_a_line(kept.get(name), 60)}, not {in_a_line(value, 60)}"
        for name, value in identity.items()
        if kept.get(name) != value
    ]
    if differing:
        raise EdgekitError(
            f"{path} holds another search: {'; '.join(differing)}.",
            "Name another folder with --out, or search as that one was: it goes on where it stopped.",
        )


def _optuna() -> Any:
    import optuna

    logging.getLogger("optuna").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return optuna


def _database_errors() -> tuple[type[Exception], ...]:
    import sqlalchemy

    return (sqlalchemy.exc.SQLAlchemyError,)
