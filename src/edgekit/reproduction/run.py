"""reproduce: plan, do what is not done yet, read what was found. The only writer beside the units' own cache.

In: a `Request`. Out: a folder with finished units, and a `Reproduction`: what was done, and a `Work` to read it with.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.data.sources import load_splits, print_warning
from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import Executor, Progress, execute
from edgekit.files import clear_unfinished, failures_of, write_json
from edgekit.pipeline.cache import CacheMiss, only_one
from edgekit.reproduction.budgets import NETWORKS, Budget, budget_named
from edgekit.reproduction.plan import PARTS, Unit, plan
from edgekit.reproduction.work import STAGES, Settings, Work, do_unit
from edgekit.values.codec import from_json, to_json

_IDENTITY, _LOG = "reproduction.json", "units.jsonl"


@dataclass(frozen=True, slots=True)
class Request:
    """What to reproduce, and what to do it with.

    Attributes:
        weights: `none`, `imagenet`, or empty for the budget's own.
        weights_dir: a folder of torchvision's files; implies `imagenet`.
        workers: processes side by side; 0 for one a core, or a single one where a GPU does the work.
        ray: the address of a cluster, `local`, or empty for processes of this machine.
        report_only: read what is finished and do no more.
    """

    budget: str
    data: str
    out: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    parts: tuple[str, ...] = PARTS
    weights: str = ""
    weights_dir: Path | None = None
    workers: int = 0
    ray: str = ""
    accelerator: str = "auto"
    cache_dir: Path | None = None
    report_only: bool = False
    command: str = "edgekit reproduce"
    on_progress: Callable[[Progress[Unit, None]], None] = lambda progress: None
    on_warning: Callable[[str], None] = print_warning


@dataclass(frozen=True, slots=True)
class UnitCost:
    """A unit that was made, as a line of the log: see `UnitResult`."""

    unit: str
    wall_s: float
    cpu_s: float
    where: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A reproduction, as far as it went.

    Attributes:
        units: all that were asked for.
        made: how many of them were made now.
        missing: those that are not made.
        problems: what went wrong, of those that failed.
        log: every unit that was ever made in this folder.
        weights: `none` or `imagenet`.
    """

    request: Request
    budget: Budget
    weights: str
    work: Work
    units: tuple[Unit, ...]
    made: int
    missing: tuple[Unit, ...]
    problems: Mapping[Unit, str]
    log: tuple[UnitCost, ...]


def reproduce(request: Request) -> Reproduction:
    """Does every unit that is not in the cache.

    Raises:
        EdgekitError: bad data, weights that cannot be had, a folder of another run, no such budget, part or cluster.
            A unit that fails raises nothing: see `Reproduction.problems`.
    """
    budget = budget_named(request.budget)
    units = plan(budget, request.seeds, request.parts)
    weights = "imagenet" if request.weights_dir else request.weights or budget.weights
    if request.weights_dir and request.weights == "none":
        raise EdgekitError("--weights none and --weights-dir contradict each other.", "Give one of them.")
    settings = Settings(
        budget.name, request.data, request.out.absolute(), weights,
        request.weights_dir.absolute() if request.weights_dir else None, request.accelerator, request.cache_dir,
    )  # fmt: skip
    sizes = {budget.size(what) for what in ("student", *budget.sizes)}
    # every size is decoded now, once, and lies in the cache for the workers
    loaded = {
        size: load_splits(
            request.data, size, budget.recipe.data, cache_dir=request.cache_dir, on_warning=request.on_warning
        )
        for size in sorted(sizes)
    }
    info = loaded[budget.size("student")].info
    _claim(request.out, {
        "edgekit": __version__, "data": info.name, "fingerprint": info.fingerprint, "weights": weights,
        "budget": to_json(budget),
    })  # fmt: skip
    reader = Work(settings, make=False, on_warning=request.on_warning, _loaded=loaded)
    missing = [unit for unit in units if not _is_made(reader, unit)]
    problems: dict[Unit, str] = {}
    if missing and not request.report_only:
        networks = [unit.what for unit in missing if unit.what in NETWORKS]
        if weights == "imagenet" and networks:
            from edgekit.training.backbones import check_weights

            check_weights(dict.fromkeys(networks), settings.weights_dir)
        with only_one(request.out, "reproduce"):
            clear_unfinished(request.out / STAGES)  # of workers that were killed
            problems = _execute(request, settings, budget, missing)
    left = tuple(missing) if request.report_only else tuple(problems)
    made = len(missing) - len(left)
    return Reproduction(request, budget, weights, reader, units, made, left, problems, _read_log(request.out))


def _execute(request: Request, settings: Settings, budget: Budget, missing: list[Unit]) -> dict[Unit, str]:
    """Does the missing units and logs those that are done; the problems of those that failed."""
    log = request.out / _LOG
    problems: dict[Unit, str] = {}
    with closing(_executor(request, settings, len(missing))) as executor:
        for progress in execute(executor, missing, lambda unit: unit.needs(budget)):
            one = progress.result
            if one is not None and one.problem and not progress.retry:
                problems[one.item] = one.problem
            elif one is not None and not one.problem:
                line = UnitCost(str(one.item), round(one.wall_s, 2), round(one.cpu_s, 2), one.where, one.warnings)
                with failures_of(log), log.open("a") as stream:
                    stream.write(json.dumps(to_json(line)) + "\n")
            request.on_progress(progress)
    return problems


def _executor(request: Request, settings: Settings, most: int) -> Executor[Unit, None]:
    from edgekit.training.nets import accelerator

    device = accelerator(settings.accelerator)
    if request.ray:
        return RayExecutor(partial(do_unit, settings), request.ray, request.workers)
    cores = os.cpu_count() or 1
    workers = max(1, min(request.workers or (cores if device.type == "cpu" else 1), most))
    threads = max(1, cores // workers)
    function = partial(do_unit, dataclasses.replace(settings, threads=threads))
    return LocalExecutor(function, workers, settings.folder / STAGES / "workers.log", threads)


def _is_made(reader: Work, unit: Unit) -> bool:
    try:
        reader.do(unit)
    except CacheMiss:
        return False
    return True


def _claim(out: Path, identity: Mapping[str, Any]) -> None:
    """Makes the folder this run's, or makes sure that it is."""
    path = out / _IDENTITY
    with failures_of(out):
        (out / STAGES).mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_json(path, identity)
        return
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise EdgekitError(f"{path} cannot be read: {error}.", "Name another folder with --out.") from error
    differences = [f"{name} is {old}, not {new}" for name, old, new in _differences(kept, identity)]
    if differences:
        more = f", and {len(differences) - 6} more" if len(differences) > 6 else ""
        raise EdgekitError(
            f"{out} holds another reproduction: {'; '.join(differences[:6])}{more}.",
            "Name another folder with --out, or run again as that one was; its finished units are kept.",
        )


def _differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = dict.fromkeys([*old, *new])
        return [d for name in names for d in _differences(old.get(name), new.get(name), f"{path}.{name}".lstrip("."))]
    return [] if old == new else [(path, old, new)]


def _read_log(out: Path) -> tuple[UnitCost, ...]:
    path = out / _LOG
    with failures_of(path):
        lines = path.read_text().splitlines() if path.exists() else []
    found: list[UnitCost] = []
    for line in lines:
        with suppress(ValueError):  # the last line of a run that was killed
            found.append(from_json(UnitCost, json.loads(line), "a line of the log"))
    return tuple(found)
