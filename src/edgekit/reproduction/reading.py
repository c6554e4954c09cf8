"""Reads what the units found: from the cache to `Results`.

In: a `Reproduction`. Out: every system, sweep and curve whose units were made; what was not is left out.
"""

import gzip
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import accuracy, choose_threshold
from edgekit.metrics.scores import evaluate
from edgekit.pipeline.cache import Arrays, CacheMiss
from edgekit.pipeline.stages import VARIANTS, runtime_of
from edgekit.reproduction.budgets import CHOUHAN_ENSEMBLE, NETWORKS, PAPER_ENSEMBLE
from edgekit.reproduction.plan import Unit, sweep
from edgekit.reproduction.results import ARGMAX, Cost, Distillation, PruningSweep, Results, Scored, System
from edgekit.reproduction.run import Reproduction
from edgekit.reproduction.work import FileScores
from edgekit.training.ensemble import combine
from edgekit.values.model import Quantization


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


_Point = tuple[Mapping[str, NDArray[Any]], float]  # margins on val and test, and the share of zeroed weights


class _Reader:
    def __init__(self, done: Reproduction) -> None:
        self.done, self.work = done, done.work
        self.seeds = done.request.seeds
        self.splits = self.work.splits("student")

    @staticmethod
    def of(read: Callable[..., Any], *words: Any) -> Any:
        """What `read` reads; None where it was not made."""
        try:
            return read(*words)
        except CacheMiss:
            return None

    # --- systems ---

    def systems(self) -> dict[str, System]:
        found: dict[str, System] = {}

        def add(name: str, size: int | None, margins: Callable[..., Any], *words: Any, **more: Any) -> None:
            read = {seed: self.of(margins, *words, seed) for seed in self.seeds}
            scored = {seed: self._scored(one) for seed, one in read.items() if one is not None}
            if scored and size is not None:
                found[name] = System(scored, size, **more)

        for network in NETWORKS:
            size, latency = self._bytes(network), self._image_us(network)
            add(network, size, self._network, network, False, image_us=latency)
            add(f"{network}-pruned", size, self._network, network, True, image_us=latency)
        ensembles = (
            ("mean", PAPER_ENSEMBLE, "mean", False), ("vote", PAPER_ENSEMBLE, "vote", False),
            ("mean-pruned", PAPER_ENSEMBLE, "mean", True), ("vote-pruned", PAPER_ENSEMBLE, "vote", True),
            # Chouhan's five vote
            ("chouhan", CHOUHAN_ENSEMBLE, "vote", False), ("chouhan-mean", CHOUHAN_ENSEMBLE, "mean", False),
        )  # fmt: skip
        for name, networks, how, pruned in ensembles:
            sizes, slow = [self._bytes(n) for n in networks], [self._image_us(n) for n in networks]
            add(
                name, None if None in sizes else sum(s for s in sizes if s), self._ensemble, networks, how, pruned,
                image_us=None if None in slow else sum(s for s in slow if s),
            )  # fmt: skip
        size = self._student_bytes()
        for how in ("conventional", "distilled"):
            add(how, size, lambda how, seed: self.work.student(how, seed).margins, how)
        add("pruned", size, lambda seed: self.work.student_pruned(seed, self.work.chosen_alpha(seed)))
        for variant in VARIANTS:
            self._add_files(found, variant)
        return found

    def _add_files(self, found: dict[str, System], variant: str) -> None:
        read = {seed: self.of(self.work.file_scores, seed, variant) for seed in self.seeds}
        scores: dict[int, FileScores] = {seed: one for seed, one in read.items() if one is not None}
        if scores:
            first = next(iter(scores.values()))
            by_seed = {
                seed: self._scored(one.margins, runtime_of(variant), one.model.output_q) for seed, one in scores.items()
            }
            content = first.model.flatbuffer
            found[variant] = System(by_seed, len(content), first.image_us, len(gzip.compress(content, 9)))

    def _scored(
        self, margins: Mapping[str, NDArray[Any]], runtime: str = "torch", output: Quantization | None = None
    ) -> Scored:
        scale = output.scale if output else None
        sensitivity = self.work.budget.recipe.threshold.kept_sensitivity
        chosen = choose_threshold(margins["val"], self._positive("val"), sensitivity, scale)
        argmax, at_chosen = (
            evaluate(
                margins["test"], self.splits.test.labels, threshold, runtime=runtime, model_sha256="",
                data=self.splits.info,
            )
            for threshold in (ARGMAX, chosen)
        )  # fmt: skip
        return Scored(margins["test"], argmax, at_chosen, scale or 1.0)

    def _positive(self, part: str) -> NDArray[np.bool_]:
        return self.splits.info.task.is_positive(getattr(self.splits, part).labels)

    def _margins(self, logits: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {part: self.splits.info.task.margins(logits[part]) for part in ("val", "test")}

    def _network(self, network: str, pruned: bool, seed: int) -> dict[str, NDArray[Any]]:
        return self._margins(self._logits(network, pruned, seed))

    def _ensemble(self, networks: tuple[str, ...], how: str, pruned: bool, seed: int) -> dict[str, NDArray[Any]]:
        members = [self._logits(network, pruned, seed) for network in networks]
        return self._margins({part: combine(np.stack([m[part] for m in members]), how) for part in ("val", "test")})

    def _logits(self, network: str, pruned: bool, seed: int) -> Mapping[str, NDArray[Any]]:
        """Of a network as it was trained, or at the alpha that its validation chose."""
        alpha = self._network_sweep(network, (seed,)).choice(0, "val").alpha if pruned else np.inf
        if np.isinf(alpha):
            return self.work.taught(network, seed)[0]
        return self.work.network_pruned(network, seed, alpha)

    def _bytes(self, network: str) -> int | None:
        taught: tuple[Arrays, str] | None = self.of(self.work.taught, network, self.seeds[0])
        return None if taught is None else 4 * int(taught[0]["parameters"])

    def _image_us(self, network: str) -> float | None:
        found: float | None = self.of(self.work.network_us, network, self.seeds[0])
        return found

    def _student_bytes(self) -> int | None:
        for how in ("conventional", "distilled"):
            if (student := self.of(self.work.student, how, self.seeds[0])) is not None:
                weights = student.trained.student.weights
                return 4 * sum(int(v.size) for name, v in weights.items() if name.endswith(("weight", "bias")))
        return None

    # --- sweeps ---

    def prunings(self) -> dict[str, PruningSweep]:
        """By network, and of the `student`."""
        found = {}
        for name in (*NETWORKS, "student"):
            read = self._student_sweep if name == "student" else partial(self._network_sweep, name)
            seeds = [seed for seed in self.seeds if self.of(read, (seed,)) is not None]
            if seeds:
                found[name] = read(seeds)
        return found

    def _network_sweep(self, network: str, seeds: Sequence[int]) -> PruningSweep:
        alphas, work = self.work.budget.network_alphas, self.work
        points: dict[int, list[_Point]] = {}
        for seed in seeds:
            row = [work.network_pruned(network, seed, alpha) for alpha in alphas] + [work.taught(network, seed)[0]]
            points[seed] = [(self._margins(point), float(point.get("zeroed", 0))) for point in row]
        return self._sweep(alphas, points)

    def _student_sweep(self, seeds: Sequence[int]) -> PruningSweep:
        alphas, work = self.work.budget.recipe.prune.alphas, self.work
        points: dict[int, list[_Point]] = {}
        for seed in seeds:
            row = [work.student_pruned(seed, alpha) for alpha in alphas] + [work.student("distilled", seed).margins]
            points[seed] = [(point, float(point.get("zeroed", 0))) for point in row]
        return self._sweep(alphas, points)

    def _sweep(self, alphas: tuple[float, ...], points: Mapping[int, list[_Point]]) -> PruningSweep:
        def accuracies(part: str) -> NDArray[np.float64]:
            return np.array([[accuracy(m[part], self._positive(part)) for m, _ in row] for row in points.values()])

        return PruningSweep(
            (*alphas, np.inf),
            np.array([[zeroed for _, zeroed in row] for row in points.values()]),
            accuracies("val"),
            accuracies("test"),
            tuple(points),
        )

    def distillations(self) -> tuple[Distillation, ...]:
        own = self.work.budget.recipe.distill
        budget = self.work.budget
        points = []
        for unit in (Unit("student", "distilled", self.seeds[0]), *sweep(budget, self.seeds[0])):
            read = {
                seed: self.of(self.work.student, "distilled", seed, unit.temperature, unit.mix)
                for seed in self.seeds[: budget.sweep_seeds]
            }
            made = {seed: one.margins for seed, one in read.items() if one is not None}
            if made:
                points.append((unit.temperature or own.temperature, unit.mix or (own.alpha, own.beta), made))
        # points are compared over the same seeds: those that all of them have
        seeds = tuple(seed for seed in self.seeds if all(seed in made for _, _, made in points))
        if len(points) < 2 or not seeds:
            return ()
        return tuple(
            Distillation(temperature, mix, seeds, *(
                tuple(accuracy(made[seed][part], self._positive(part)) for seed in seeds)
                for part in ("val", "test")
            ))
            for temperature, mix, made in points
        )  # fmt: skip

    # --- curves and costs ---

    def histories(self) -> dict[str, NDArray[np.float32]]:
        """By network, `conventional` and `distilled`."""
        found = {}
        for name in (*NETWORKS, "conventional", "distilled"):
            read = self._network_history if name in NETWORKS else self._student_history
            runs = [history for seed in self.seeds if (history := self.of(read, name, seed)) is not None]
            if runs:
                found[name] = np.stack(runs)
        return found

    def _network_history(self, network: str, seed: int) -> NDArray[np.float32]:
        return self.work.taught(network, seed)[0]["history"]

    def _student_history(self, how: str, seed: int) -> NDArray[np.float32]:
        return self.work.student(how, seed).trained.history

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
