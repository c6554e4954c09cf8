"""reproduce: plan, do what is not done yet, read what was found. The only writer beside the units' own cache.

In: a `Request`. Out: a folder with finished units, and a `Reproduction`: what was done, and a `Work` to read it with.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import Executor, Progress, execute
from edgekit.extras import TO_BUILD, need
from edgekit.files import clear_unfinished, failures_of, print_warning, read_regular, write_json
from edgekit.pipeline.cache import only_one
from edgekit.reproduction.paper import NETWORKS
from edgekit.reproduction.plan import PARTS, Budget, Unit, budget_named, plan
from edgekit.reproduction.work import STAGES, Settings, Work, do_unit
from edgekit.values.codec import from_json, parsed, to_json

_IDENTITY, _LOG = "reproduction.json", "units.jsonl"


@dataclass(frozen=True, slots=True)
class Request:
    """What to reproduce, and what to do it with.

    Attributes:
        settings: of the work itself. Here `weights` may be empty for the budget's own; `weights_dir`, a folder of
            torchvision's files, implies `imagenet`; and `threads` follow from the workers.
        workers: processes side by side; 0 for one a core, or a single one where a GPU does the work.
        ray: the address of a cluster, `local`, or empty for processes of this machine.
        report_only: read what is finished and do no more.
    """

    settings: Settings
    seeds: tuple[int, ...] = (0, 1, 2)
    parts: tuple[str, ...] = PARTS
    workers: int = 0
    ray: str = ""
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
    """

    request: Request
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
    if not request.report_only:
        need((*TO_BUILD, *(["ray"] if request.ray else [])), "the paper is not run again")
    asked, out = request.settings, request.settings.folder
    budget = budget_named(asked.budget)
    units = plan(budget, request.seeds, request.parts)
    if asked.weights_dir and asked.weights == "none":
        raise EdgekitError("--weights none and --weights-dir contradict each other.", "Give one of them.")
    settings = dataclasses.replace(
        asked, folder=out.absolute(), weights_dir=asked.weights_dir and asked.weights_dir.absolute(),
        weights="imagenet" if asked.weights_dir else asked.weights or budget.weights,
    )  # fmt: skip
    if request.report_only and not (out / _IDENTITY).exists():
        raise EdgekitError(
            f"{out} holds no reproduction, so there is nothing to report.",
            "Name the folder of one with --out, or begin it here: without --report-only.",
        )
    # every size is decoded now, once, and lies in the cache for the workers
    loaded = {
        size: load_splits(
            asked.data, size, budget.recipe.data, cache_dir=asked.cache_dir, on_warning=request.on_warning
        )
        for size in sorted({budget.size(what) for what in ("student", *budget.sizes)})
    }
    info = loaded[budget.size("student")].info
    if not info.task.positive:
        raise EdgekitError(
            f"The paper tells two classes apart, one of which is looked for; {info.name} has {len(info.task.labels)}: "
            f"{', '.join(info.task.labels)}.",
            "Give --data with two classes, or use edgekit build-model.",
        )
    _claim(out, {
        "edgekit": __version__, "data": info.name, "fingerprint": info.fingerprint, "weights": settings.weights,
        "budget": to_json(budget),
    })  # fmt: skip
    reader = Work(settings, make=False, on_warning=request.on_warning, loaded=loaded)
    missing = tuple(unit for unit in units if reader.made(reader.do, unit) is None)
    problems: dict[Unit, str] = {}
    if missing and not request.report_only:
        networks = dict.fromkeys(unit.what for unit in missing if unit.what in NETWORKS)
        if settings.weights == "imagenet" and networks:
            from edgekit.training.backbones import check_weights

            check_weights(networks, settings.weights_dir)
        with only_one(out, "reproduce"):
            clear_unfinished(out / STAGES)  # of workers that were killed
            problems = _execute(request, settings, budget, missing)
    left = missing if request.report_only else tuple(problems)
    return Reproduction(request, reader, units, len(missing) - len(left), left, problems, _read_log(out / _LOG))


def _execute(request: Request, settings: Settings, budget: Budget, missing: Sequence[Unit]) -> dict[Unit, str]:
    """Does the missing units and logs those that are done; the problems of those that failed."""
    log = request.settings.folder / _LOG
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


def _claim(out: Path, identity: Mapping[str, Any]) -> None:
    """Makes the folder this run's, or makes sure that it is."""
    path = out / _IDENTITY
    with failures_of(out):
        (out / STAGES).mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_json(path, identity)
        return
    try:
        kept = parsed(read_regular(path))
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


def _read_log(path: Path) -> tuple[UnitCost, ...]:
    with failures_of(path):
        lines = read_regular(path).splitlines() if path.exists() else []
    found: list[UnitCost] = []
    for line in lines:
        with suppress(ValueError):  # the last line of a run that was killed
            found.append(from_json(UnitCost, parsed(line), "a line of the log"))
    return tuple(found)
