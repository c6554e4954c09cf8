"""Reads what the units found: from the cache to `Results`.

In: a `Reproduction`. Out: every system, sweep and curve whose units were made; what was not is left out.
"""

import gzip
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import accuracy, choose_threshold
from edgekit.metrics.scores import score
from edgekit.pipeline.cache import Arrays, CacheMiss
from edgekit.pipeline.stages import VARIANTS, runtime_of
from edgekit.reproduction.budgets import CHOUHAN_ENSEMBLE, NETWORKS, PAPER_ENSEMBLE
from edgekit.reproduction.plan import Unit, sweep
from edgekit.reproduction.results import ARGMAX, Cost, Distillation, PruningSweep, Results, Scored, System
from edgekit.reproduction.run import Reproduction
from edgekit.training.ensemble import combine
from edgekit.values.model import Quantization

Found = TypeVar("Found")
_HELD_OUT = ("val", "test")


def results_of(done: Reproduction) -> Results:
    """Reads every unit that was made."""
    reader = _Reader(done)
    return Results(
        info=reader.splits.info,
        labels=reader.splits.test.labels,
        systems=reader.systems(),
        prunings=reader.prunings(),
        histories=reader.histories(),
        distillations=reader.distillations(),
        costs=reader.costs(),
        audit=reader.of(done.work.audit),
    )


_ENSEMBLES = (
    ("mean", PAPER_ENSEMBLE, "mean", False), ("vote", PAPER_ENSEMBLE, "vote", False),
    ("mean-pruned", PAPER_ENSEMBLE, "mean", True), ("vote-pruned", PAPER_ENSEMBLE, "vote", True),
    # Chouhan's five vote
    ("chouhan", CHOUHAN_ENSEMBLE, "vote", False), ("chouhan-mean", CHOUHAN_ENSEMBLE, "mean", False),
)  # fmt: skip


class _Reader:
    def __init__(self, done: Reproduction) -> None:
        self.work = done.work
        self.seeds = done.request.seeds
        self.splits = self.work.splits("student")

    @staticmethod
    def of(read: Callable[..., Found], *words: Any) -> Found | None:
        """What `read` reads; None where it was not made."""
        try:
            return read(*words)
        except CacheMiss:
            return None

    def made(self, read: Callable[..., Found], *words: Any) -> dict[int, Found]:
        """What `read` reads of the words and each seed; without the seeds that were not made."""
        found = {seed: self.of(read, *words, seed) for seed in self.seeds}
        return {seed: one for seed, one in found.items() if one is not None}

    # --- systems ---

    def systems(self) -> dict[str, System]:
        found: dict[str, System] = {}
        alone = ((f"{name}{'-pruned' * pruned}", (name,), "mean", pruned) for name in NETWORKS for pruned in (0, 1))
        for name, networks, how, pruned in (*alone, *_ENSEMBLES):
            scored = self._scored(self._ensemble, networks, how, bool(pruned))
            sizes = [self.of(self._parameter_bytes, network) for network in networks]
            times = [self.of(self.work.network_us, network, self.seeds[0]) for network in networks]
            if scored and None not in sizes:
                image_us = None if None in times else sum(filter(None, times))
                found[name] = System(scored, sum(filter(None, sizes)), image_us)
        student_bytes = self._student_bytes()
        for name in ("conventional", "distilled", "pruned"):
            if student_bytes is not None and (scored := self._scored(self._student, name)):
                found[name] = System(scored, student_bytes)
        for variant in VARIANTS:
            files = self.made(self.work.file_scores, variant)
            if files:
                runtime, first = runtime_of(variant), next(iter(files.values()))
                scored = {seed: self._score(one.margins, runtime, one.model.output_q) for seed, one in files.items()}
                content = first.model.flatbuffer
                found[variant] = System(scored, len(content), first.image_us, len(gzip.compress(content, 9)))
        return found

    def _scored(self, margins: Callable[..., Arrays], *words: Any) -> dict[int, Scored]:
        return {seed: self._score(one) for seed, one in self.made(margins, *words).items()}

    def _score(self, margins: Arrays, runtime: str = "torch", output: Quantization | None = None) -> Scored:
        scale = output.scale if output else None
        sensitivity = self.work.budget.recipe.threshold.kept_sensitivity
        chosen = choose_threshold(margins["val"], self._positive("val"), sensitivity, scale)
        argmax, at_chosen = (
            score(
                margins["test"], self.splits.test.labels, threshold, runtime=runtime, model_sha256="",
                data=self.splits.info,
            )
            for threshold in (ARGMAX, chosen)
        )  # fmt: skip
        return Scored(margins["test"], argmax, at_chosen, scale or 1.0)

    def _positive(self, part: str) -> NDArray[np.bool_]:
        return self.splits.info.task.is_positive(getattr(self.splits, part).labels)

    def _accuracies(self, margins: Iterable[Arrays], part: str) -> list[float]:
        return [accuracy(one[part], self._positive(part)) for one in margins]

    def _margins(self, logits: Arrays) -> Arrays:
        return {part: self.splits.info.task.margins(logits[part]) for part in _HELD_OUT}

    def _ensemble(self, networks: tuple[str, ...], how: str, pruned: bool, seed: int) -> Arrays:
        """Margins of the networks as they were trained, or each at the alpha that its validation chose."""
        alphas = [self._sweep(n, (seed,)).choice(0, "val").alpha if pruned else np.inf for n in networks]
        members = [self.work.network_pruned(n, seed, alpha) for n, alpha in zip(networks, alphas, strict=True)]
        return self._margins({part: combine(np.stack([m[part] for m in members]), how) for part in _HELD_OUT})

    def _student(self, name: str, seed: int) -> Arrays:
        if name == "pruned":
            return self.work.student_pruned(seed, self.work.chosen_alpha(seed))
        return self.work.student(name, seed).margins

    def _parameter_bytes(self, network: str) -> int:
        return 4 * int(self.work.taught(network, self.seeds[0])[0]["parameters"])

    def _student_bytes(self) -> int | None:
        for how in ("conventional", "distilled"):
            if (student := self.of(self.work.student, how, self.seeds[0])) is not None:
                weights = student.trained.student.weights
                return 4 * sum(int(v.size) for name, v in weights.items() if name.endswith(("weight", "bias")))
        return None

    # --- sweeps ---

    def prunings(self) -> dict[str, PruningSweep]:
        """By network, and of the `student`."""
        made = {name: tuple(self.made(self._pruned, name)) for name in (*NETWORKS, "student")}
        return {name: self._sweep(name, seeds) for name, seeds in made.items() if seeds}

    def _alphas(self, name: str) -> tuple[float, ...]:
        budget = self.work.budget
        return (*(budget.recipe.prune.alphas if name == "student" else budget.network_alphas), np.inf)

    def _pruned(self, name: str, seed: int) -> list[Arrays]:
        """Margins and the share of `zeroed` weights, alpha by alpha."""
        if name == "student":
            return [self.work.student_pruned(seed, alpha) for alpha in self._alphas(name)]
        points = [self.work.network_pruned(name, seed, alpha) for alpha in self._alphas(name)]
        return [{**self._margins(point), "zeroed": point["zeroed"]} for point in points]

    def _sweep(self, name: str, seeds: tuple[int, ...]) -> PruningSweep:
        rows = [self._pruned(name, seed) for seed in seeds]
        zeroed = np.array([[float(point["zeroed"]) for point in row] for row in rows])
        val, test = (np.array([self._accuracies(row, part) for row in rows]) for part in _HELD_OUT)
        return PruningSweep(self._alphas(name), zeroed, val, test, seeds)

    def distillations(self) -> tuple[Distillation, ...]:
        budget = self.work.budget
        own, swept = budget.recipe.distill, self.seeds[: budget.sweep_seeds]
        points = []
        for unit in (Unit("student", "distilled", self.seeds[0]), *sweep(budget, self.seeds[0])):
            read = partial(self.work.student, "distilled", temperature=unit.temperature, mix=unit.mix)
            made = {seed: one.margins for seed, one in self.made(read).items() if seed in swept}
            if made:
                points.append((unit.temperature or own.temperature, unit.mix or (own.alpha, own.beta), made))
        # points are compared over the same seeds: those that all of them have
        seeds = tuple(seed for seed in self.seeds if all(seed in made for _, _, made in points))
        if len(points) < 2 or not seeds:
            return ()
        return tuple(
            Distillation(temperature, mix, seeds, *(
                tuple(self._accuracies((made[seed] for seed in seeds), part)) for part in _HELD_OUT
            ))
            for temperature, mix, made in points
        )  # fmt: skip

    # --- curves and costs ---

    def histories(self) -> dict[str, NDArray[np.float32]]:
        """By network, `conventional` and `distilled`."""
        made = {name: self.made(self._history, name) for name in (*NETWORKS, "conventional", "distilled")}
        return {name: np.stack(list(runs.values())) for name, runs in made.items() if runs}

    def _history(self, name: str, seed: int) -> NDArray[np.float32]:
        work = self.work
        return work.taught(name, seed)[0]["history"] if name in NETWORKS else work.student(name, seed).trained.history

    def costs(self) -> dict[str, Cost]:
        found = {}
        images = len(self.splits.train), len(self.splits.val) + len(self.splits.test)
        for network in NETWORKS:
            arrays = self.of(self.work.taught, network, self.seeds[0])
            if arrays is not None:
                passes = int(arrays[0]["trunk_passes"])
                one_pass_s = float(arrays[0]["trunk_s"]) * images[0] / (passes * images[0] + images[1])
                found[network] = Cost(passes, float(arrays[0]["head_s"]) / max(one_pass_s, 1e-9))
        return found
