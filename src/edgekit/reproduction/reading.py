"""Reads what the units found: from the cache to `Results`.

In: a `Reproduction`. Out: every system, sweep and curve whose units were made; what was not is left out.
"""

import gzip
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import choose_threshold
from edgekit.metrics.scores import score
from edgekit.pipeline.cache import Arrays
from edgekit.pipeline.measure import runtime_of
from edgekit.reproduction.paper import CHOUHAN_ENSEMBLE, NETWORKS, PAPER_ENSEMBLE
from edgekit.reproduction.plan import Unit, sweep
from edgekit.reproduction.results import ARGMAX, Cost, Distillation, PruningSweep, Results, Scored, System
from edgekit.reproduction.run import Reproduction
from edgekit.reproduction.work import HELD_OUT, Found
from edgekit.training.ensemble import combine
from edgekit.values.model import VARIANTS, Quantization

# the networks, how they are combined, and whether each is pruned first
_SYSTEMS = {
    **{f"{name}{'-pruned' * pruned}": ((name,), "mean", pruned) for name in NETWORKS for pruned in (False, True)},
    "mean": (PAPER_ENSEMBLE, "mean", False), "vote": (PAPER_ENSEMBLE, "vote", False),
    "mean-pruned": (PAPER_ENSEMBLE, "mean", True), "vote-pruned": (PAPER_ENSEMBLE, "vote", True),
    # Chouhan's five vote
    "chouhan": (CHOUHAN_ENSEMBLE, "vote", False), "chouhan-mean": (CHOUHAN_ENSEMBLE, "mean", False),
}  # fmt: skip


def results_of(done: Reproduction) -> Results:
    """Reads every unit that was made."""
    reader = _Reader(done)
    return Results(
        info=reader.splits.info,
        labels=reader.splits.test.labels,
        systems={**reader.networks(), **reader.students(), **reader.files()},
        prunings=reader.prunings(),
        histories=reader.histories(),
        distillations=reader.distillations(),
        costs=reader.costs(),
        audit=done.work.made(done.work.audit),
    )


class _Reader:
    def __init__(self, done: Reproduction) -> None:
        self.work = done.work
        self.seeds = done.request.seeds
        self.splits = self.work.splits("student")

    def by_seed(self, read: Callable[..., Found], *words: Any) -> dict[int, Found]:
        """What `read` reads of the words and each seed; without the seeds that were not made."""
        found = {seed: self.work.made(read, *words, seed) for seed in self.seeds}
        return {seed: one for seed, one in found.items() if one is not None}

    # --- systems ---

    def networks(self) -> dict[str, System]:
        """Each network, and the ensembles."""
        found: dict[str, System] = {}
        for name, (networks, how, pruned) in _SYSTEMS.items():
            scored = self._scored(self._ensemble, networks, how, pruned)
            taught = [self.work.made(self.work.taught, network, self.seeds[0]) for network in networks]
            times = [self.work.made(self.work.network_us, network, self.seeds[0]) for network in networks]
            if scored and all(taught):
                parameters = sum(int(one[0]["parameters"]) for one in taught if one)
                found[name] = System(scored, 4 * parameters, None if None in times else sum(filter(None, times)))
        return found

    def students(self) -> dict[str, System]:
        """`conventional`, `distilled` and `pruned`, which have the same parameters."""
        any_of = (self.work.made(self.work.student, how, self.seeds[0]) for how in ("conventional", "distilled"))
        weights = next((trained.student.weights for trained, _ in filter(None, any_of)), None)
        scored = {name: self._scored(self._student, name) for name in ("conventional", "distilled", "pruned")}
        if weights is None:
            return {}
        parameters = sum(int(v.size) for name, v in weights.items() if name.endswith(("weight", "bias")))
        return {name: System(one, 4 * parameters) for name, one in scored.items() if one}

    def files(self) -> dict[str, System]:
        """The student's .tflite files."""
        found: dict[str, System] = {}
        for variant in VARIANTS:
            made = self.by_seed(self.work.file_scores, variant)
            if made:
                first, _, image_us = next(iter(made.values()))
                runtime = runtime_of(first).name
                scored = {seed: self._score(part, runtime, model.output_q) for seed, (model, part, _) in made.items()}
                content = first.flatbuffer
                found[variant] = System(scored, len(content), image_us, len(gzip.compress(content, 9)))
        return found

    def _scored(self, logits: Callable[..., Arrays], *words: Any) -> dict[int, Scored]:
        return {seed: self._score(one) for seed, one in self.by_seed(logits, *words).items()}

    def _score(self, logits: Arrays, runtime: str = "torch", output: Quantization | None = None) -> Scored:
        scale = output.scale if output else None
        sensitivity = self.work.budget.recipe.threshold.kept_sensitivity
        chosen = choose_threshold(logits["val"], self.splits.val.labels, self.splits.info.task, sensitivity, scale)
        argmax, at_chosen = (
            score(
                logits["test"], self.splits.test.labels, threshold, runtime=runtime, model_sha256="",
                data=self.splits.info,
            )
            for threshold in (ARGMAX, chosen)
        )  # fmt: skip
        return Scored(logits["test"], argmax, at_chosen, scale or 1.0)

    def _ensemble(self, networks: tuple[str, ...], how: str, pruned: bool, seed: int) -> Arrays:
        """Logits of the networks as they were trained, or each at the alpha that its validation chose."""
        alphas = [self.work.chosen_alpha(network, seed) if pruned else np.inf for network in networks]
        members = [self.work.network_pruned(n, seed, alpha) for n, alpha in zip(networks, alphas, strict=True)]
        return {part: combine(np.stack([m[part] for m in members]), how) for part in HELD_OUT}

    def _student(self, name: str, seed: int) -> Arrays:
        if name == "pruned":
            return self.work.student_pruned(seed, self.work.chosen_alpha("student", seed))
        return self.work.student(name, seed)[1]

    # --- sweeps, curves, costs ---

    def prunings(self) -> dict[str, PruningSweep]:
        made = {name: tuple(self.by_seed(self.work.chosen_alpha, name)) for name in (*NETWORKS, "student")}
        return {name: self.work.pruning_sweep(name, seeds) for name, seeds in made.items() if seeds}

    def distillations(self) -> tuple[Distillation, ...]:
        """The points of the sweep over T and alpha/beta, over the same seeds: those that all of them have."""
        budget = self.work.budget
        own, swept = budget.recipe.distill, self.seeds[: budget.sweep_seeds]
        points = []
        for unit in (Unit("student", "distilled", self.seeds[0]), *sweep(budget, self.seeds[0])):
            read = partial(self.work.student, "distilled", temperature=unit.temperature, mix=unit.mix)
            made = {seed: logits for seed, (_, logits) in self.by_seed(read).items() if seed in swept}
            if made:
                points.append((unit.temperature or own.temperature, unit.mix or (own.alpha, own.beta), made))
        seeds = tuple(seed for seed in self.seeds if all(seed in made for _, _, made in points))
        if len(points) < 2 or not seeds:
            return ()
        return tuple(
            Distillation(temperature, mix, seeds, *(
                tuple(self.work.accuracies((made[seed] for seed in seeds), part)) for part in HELD_OUT
            ))
            for temperature, mix, made in points
        )  # fmt: skip

    def histories(self) -> dict[str, NDArray[np.float32]]:
        made = {name: self.by_seed(self._history, name) for name in (*NETWORKS, "conventional", "distilled")}
        return {name: np.stack(list(runs.values())) for name, runs in made.items() if runs}

    def _history(self, name: str, seed: int) -> NDArray[np.float32]:
        work = self.work
        return work.taught(name, seed)[0]["history"] if name in NETWORKS else work.student(name, seed)[0].history

    def costs(self) -> dict[str, Cost]:
        found = {}
        train, held_out = len(self.splits.train), len(self.splits.val) + len(self.splits.test)
        for network in NETWORKS:
            if taught := self.work.made(self.work.taught, network, self.seeds[0]):
                passes, trunk_s, head_s = (float(taught[0][name]) for name in ("trunk_passes", "trunk_s", "head_s"))
                one_pass_s = trunk_s * train / (passes * train + held_out)
                found[network] = Cost(int(passes), head_s / max(one_pass_s, 1e-9))
        return found
