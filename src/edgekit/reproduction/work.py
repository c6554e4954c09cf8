"""The units of a reproduction as calls of `build-model`'s own stages, cached where those are.

In: settings that fit in a message. Out: what each unit found, made now or read from the cache; a reader that makes
nothing raises `CacheMiss`. Nothing here knows whether it runs in this process, in another or on a cluster.
"""

import dataclasses
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgekit.data.audit import Audit
from edgekit.errors import EdgekitError
from edgekit.metrics.decisions import accuracy
from edgekit.pipeline.cache import Arrays, CacheMiss, StageCache
from edgekit.pipeline.converting import convert_student
from edgekit.pipeline.measure import audit_data, logits_of_file, logits_of_student, runtime_of
from edgekit.pipeline.stages import BuildStages, Ensemble, Files, Options, Trained
from edgekit.recipes.build import Recipe
from edgekit.reproduction.paper import PAPER_ENSEMBLE
from edgekit.reproduction.plan import Unit, budget_named
from edgekit.reproduction.results import PruningSweep
from edgekit.training.ensemble import combine
from edgekit.training.magnitude import prune_weights, zeroed_share
from edgekit.values.images import ImageSplits, Size
from edgekit.values.model import TfliteModel
from edgekit.values.networks import TeacherLogits

STAGES = ".units"
HELD_OUT = ("val", "test")
_WARM_UP_RUNS, _TIMED_RUNS = 3, 30
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a worker must know, whether it is a process here or on another machine.

    Attributes:
        budget: its name.
        folder: the reproduction's folder; on a cluster, a path that every machine sees.
        weights: `none` or `imagenet`.
        threads: of each worker.
    """

    budget: str
    data: str
    folder: Path
    weights: str
    weights_dir: Path | None = None
    accelerator: str = "auto"
    cache_dir: Path | None = None
    threads: int = 1


class Work:
    """Does units, or reads what they found.

    Args:
        make: False only reads.
        on_warning: takes what is said of skipped images and smaller batches.
        loaded: the data by image size, as far as it was read before.
    """

    def __init__(
        self, settings: Settings, *, make: bool = True, on_warning: Callable[[str], None] = print,
        loaded: Mapping[Size, ImageSplits] | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.on_warning, self.budget = settings, on_warning, budget_named(settings.budget)
        warn = lambda message: self.on_warning(message)  # noqa: E731, PLW0108  # each unit brings its own
        self._cache = StageCache(settings.folder / STAGES, make=make, on_stage=lambda *_: None, on_warning=warn)
        self._options = Options(
            weights_dir=settings.weights_dir, accelerator=settings.accelerator, cache_dir=settings.cache_dir,
            on_warning=warn,
        )  # fmt: skip
        self._loaded = dict(loaded or {})
        self._student_stages = self._stages_for(self.budget.recipe)
        self._taught: dict[tuple[str, int], tuple[Arrays, str]] = {}
        self._net: dict[tuple[str, int], Any] = {}  # the last network that was put together

    def do(self, unit: Unit) -> Any:
        """The result of a unit."""
        do: Mapping[str, Callable[[], Any]] = {
            "teach": lambda: self.taught(unit.what, unit.seed),
            "prune_network": lambda: self.network_pruned(unit.what, unit.seed, unit.alpha or 0),
            "timing": lambda: self.network_us(unit.what, unit.seed),
            "student": lambda: self.student(unit.what, unit.seed, unit.temperature, unit.mix),
            "prune_student": lambda: self.student_pruned(unit.seed, unit.alpha or 0),
            "convert": lambda: self.files(unit.seed),
            "score": lambda: self.file_scores(unit.what, unit.seed),
            "audit": self.audit,
        }
        return do[unit.kind]()

    def made(self, read: Callable[..., Found], *words: Any) -> Found | None:
        """What `read` reads; None where it was not made."""
        try:
            return read(*words)
        except CacheMiss:
            return None

    # --- networks ---

    def taught(self, network: str, seed: int) -> tuple[Arrays, str]:
        """Logits on train, val and test, the history, the head; and the key."""
        if (network, seed) not in self._taught:  # a student asks for five of them each time
            recipe = dataclasses.replace(self.budget.recipe, teach=self.budget.teach(network, self.settings.weights))
            self._taught[network, seed] = self._stages_for(recipe).teach_member(0, seed, f"teach-{network}-{seed}")
        return self._taught[network, seed]

    def network_pruned(self, network: str, seed: int, alpha: float) -> Arrays:
        """Logits on val and test with weights under std/alpha zeroed (none at infinity), and the share `zeroed`."""
        arrays, above = self.taught(network, seed)
        if np.isinf(alpha):
            return {**arrays, "zeroed": np.array(0.0)}

        def make(checkpoint: Path) -> Arrays:
            from edgekit.training import nets, prune_network

            splits = self.splits(network)
            net = self._rebuilt(network, seed, arrays)
            accelerator = nets.accelerator(self.settings.accelerator)
            sets = {"val": splits.val, "test": splits.test}
            zeroed, logits = prune_network.logits_when_pruned(net, alpha, sets, accelerator, self.on_warning)
            return {**logits, "zeroed": np.array(zeroed)}

        return self._cache.run(f"prune-{network}-{seed}-{alpha:g}", {"network": above, "alpha": alpha}, make)[0]

    def network_us(self, network: str, seed: int) -> float:
        """The median processor time of one image through the network in torch on this desktop, in microseconds."""
        arrays, above = self.taught(network, seed)

        def make(checkpoint: Path) -> Arrays:
            from edgekit.runtimes import torch

            net, image = self._rebuilt(network, seed, arrays).cpu(), self.splits(network).val.images[:1]
            return {"us": np.array(_median_us(lambda: torch.run(net, image)))}

        return float(self._cache.run(f"time-{network}-{seed}", {"network": above}, make)[0]["us"])

    def teacher(self, seed: int) -> Ensemble:
        """The paper's ensemble by the mean of logits, as it was trained."""
        members, keys = zip(*(self.taught(network, seed) for network in PAPER_ENSEMBLE), strict=True)
        logits = {part: combine(np.stack([m[part] for m in members]), "mean") for part in ("train", *HELD_OUT)}
        return Ensemble(
            TeacherLogits(logits["train"], self.splits(PAPER_ENSEMBLE[0]).train.ids), logits,
            sum(int(m["parameters"]) for m in members) * 4, {"members": list(keys), "combine": "mean"},
        )  # fmt: skip

    def _rebuilt(self, network: str, seed: int, arrays: Arrays) -> Any:
        """The trained network: the trunk as it was drawn or downloaded, and the head from the cache."""
        if (network, seed) not in self._net:
            from edgekit.training import fit, nets, teach

            self._net.clear()  # two VGGs at once need not fit
            splits = self.splits(network)
            self._net[network, seed] = teach.rebuilt_member(
                splits.train, splits.info.task, self.budget.teach(network, self.settings.weights),
                {part: arrays[f"head.{part}"] for part in ("weight", "bias")},
                fit.Training(seed, nets.accelerator(self.settings.accelerator)), self.settings.weights_dir,
            )  # fmt: skip
        return self._net[network, seed]

    # --- students ---

    def student(
        self, how: str, seed: int, temperature: float | None = None, mix: tuple[float, float] | None = None
    ) -> tuple[Trained, Arrays]:
        """The student, `conventional` or `distilled`, at the recipe's own T and alpha/beta unless others are given; and
        its logits on val and test."""
        recipe = self.budget.recipe.distill
        alpha, beta = mix or (recipe.alpha, recipe.beta)
        changed = dataclasses.replace(recipe, temperature=temperature or recipe.temperature, alpha=alpha, beta=beta)
        stages = self._stages_for(dataclasses.replace(self.budget.recipe, distill=changed))
        teacher = self.teacher(seed) if how == "distilled" else None
        trained = stages.distill(f"student-{how}-{seed}", teacher, seed)
        return trained, logits_of_student(stages, trained.student, f"student-{how}-{seed}")

    def student_pruned(self, seed: int, alpha: float) -> Arrays:
        """Logits of the distilled student on val and test with weights under std/alpha zeroed (none at infinity); the
        share `zeroed`."""
        distilled, logits = self.student("distilled", seed)
        if np.isinf(alpha):
            return {**logits, "zeroed": np.array(0.0)}
        pruned = dataclasses.replace(distilled.student, weights=prune_weights(distilled.student.weights, alpha))
        logits = logits_of_student(self._student_stages, pruned, f"pruned-{seed}-{alpha:g}")
        return {**logits, "zeroed": np.array(zeroed_share(pruned.weights))}

    def files(self, seed: int) -> Files:
        """The student, distilled and pruned, in every format."""
        (distilled, _), alpha = self.student("distilled", seed), self.chosen_alpha("student", seed)
        pruned = dataclasses.replace(distilled.student, weights=prune_weights(distilled.student.weights, alpha))
        key = Trained(pruned, json.dumps([distilled.key, alpha]))
        return convert_student(self._student_stages, key, seed)

    def file_scores(self, variant: str, seed: int) -> tuple[TfliteModel, Arrays, float]:
        """One of the files, its logits on val and test (by `runtime_of`), and the median processor time of one image on
        this desktop in microseconds."""
        files = self.files(seed)
        model = files.models[variant]
        logits = logits_of_file(self._student_stages, files, variant, f"{variant}-{seed}")

        def make(checkpoint: Path) -> Arrays:
            from edgekit.runtimes.runtime import to_tensors

            by, tensor = runtime_of(model), to_tensors(model, self.splits("student").val.images[:1])[0]
            assert by.open is not None
            infer = by.open(model)
            return {"us": np.array(_median_us(lambda: infer(tensor)))}

        inputs = {"model": files.key, "variant": variant, "runtime": runtime_of(model).name}
        us = self._cache.run(f"time-{variant}-{seed}", inputs, make)[0]["us"]
        return model, logits, float(us)

    # --- pruning sweeps ---

    def pruning_sweep(self, name: str, seeds: tuple[int, ...]) -> PruningSweep:
        """Of a network or the `student`; not to prune at all (infinity) is the last of its points."""
        student = name == "student"
        alphas = (*(self.budget.recipe.prune.alphas if student else self.budget.network_alphas), np.inf)
        found = {key: np.empty((len(seeds), len(alphas))) for key in ("zeroed", *HELD_OUT)}
        pruned = self.student_pruned if student else partial(self.network_pruned, name)
        for row, seed in enumerate(seeds):
            points = [pruned(seed, alpha) for alpha in alphas]
            found["zeroed"][row] = [float(point["zeroed"]) for point in points]
            for part in HELD_OUT:
                found[part][row] = self.accuracies(points, part)
        return PruningSweep(alphas, **found, seeds=seeds)

    def chosen_alpha(self, name: str, seed: int) -> float:
        """The alpha that validation chooses for a network or the `student`: see `PruningSweep.choice`."""
        return self.pruning_sweep(name, (seed,)).choice(0, "val").alpha

    def accuracies(self, logits: Iterable[Arrays], part: str) -> list[float]:
        """On val or test, where the greater logit decides."""
        splits = self.splits("student")  # the labels are the same at every image size
        return [accuracy(one[part], getattr(splits, part).labels, splits.info.task) for one in logits]

    # --- data ---

    def splits(self, what: str) -> ImageSplits:
        """The data at the size of a network, or of the `student`."""
        return self._student_stages.splits(self.budget.size(what))

    def audit(self) -> Audit:
        """What `edgekit data info` says of the data."""
        return audit_data(self._student_stages)

    def _stages_for(self, recipe: Recipe) -> BuildStages:
        return BuildStages(recipe, self.settings.data, self._cache, self._options, watch=True, loaded=self._loaded)


def do_unit(settings: Settings, unit: Unit, warn: Callable[[str], None]) -> None:
    """Does one unit in this process, into the cache in `settings.folder`: what an executor's workers run.

    Raises:
        EdgekitError: this machine does not see the folder, or whatever the unit's own stages raise.
    """
    if not (settings.folder / STAGES).is_dir():
        raise EdgekitError(
            f"{socket.gethostname()} does not see {settings.folder}.",
            "A cluster needs --out and --data on a file system that all its machines share.",
        )
    work = _work_of(settings)
    work.on_warning = warn
    work.do(unit)


@lru_cache(maxsize=1)
def _work_of(settings: Settings) -> Work:
    """Kept between the units of one worker: images and trained networks are read once."""
    from edgekit.runtimes.torch import use_threads

    use_threads(settings.threads)
    return Work(settings)


def _median_us(call: Callable[[], object]) -> float:
    """Of processor time: other units run beside this one, so that a clock on the wall would time them too."""
    times = []
    for _ in range(_WARM_UP_RUNS + _TIMED_RUNS):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return float(np.median(times[_WARM_UP_RUNS:])) * 1e6
