"""search: ask for students, refuse what exceeds the budget, train on those that do best, and remember it all.

In: a `Request`. Out: a folder with the study and `Found`. It can be stopped at any moment: the same request goes on.

Neither validation nor test images are read: students are judged on training images from elsewhere than those that they
learn from (`training.across_sources`).
"""

import os
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.data.sources import load_training
from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import Executor
from edgekit.extras import need
from edgekit.files import failures_of
from edgekit.pipeline.cache import only_one
from edgekit.recipes.build import Recipe
from edgekit.search.cost import cost_of
from edgekit.search.loop import Loop
from edgekit.search.possible import check_possible
from edgekit.search.request import Found, Request
from edgekit.search.space import choices_of
from edgekit.search.study import Study
from edgekit.search.work import CHECKPOINTS, TEACHERS, Settings, Work, do_unit
from edgekit.values.codec import to_json
from edgekit.values.images import DataInfo


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
    if _teaches(recipe) and not recipe.teach.networks:
        raise EdgekitError(
            f"search.distill_weights={max(recipe.search.distill_weights):g} asks for a teacher, and there is none.",
            "Give it one, --set teach.networks=vgg_slim, or search on labels alone: --set search.distill_weights=0.",
        )
    with failures_of(out):
        for name in (CHECKPOINTS, TEACHERS):
            (out / name).mkdir(parents=True, exist_ok=True)
    sizes = {(size, size) for size in recipe.search.input_sizes} | ({recipe.teach.size} if _teaches(recipe) else set())
    for size in sorted(sizes):  # each is decoded now, once, and lies in the cache for the workers
        train, info = load_training(
            request.data, size, recipe.data, cache_dir=request.cache_dir, on_warning=request.on_warning
        )
    from edgekit.training.across_sources import folds_elsewhere

    folds = folds_elsewhere(train, info.task, recipe.search.folds)
    check_possible(request, info.task)
    with only_one(out, "search"):
        choices, seed = choices_of(recipe.search), recipe.seeds[0]
        with (
            closing(Study(out, _identity(request, info), choices, request.budget, request.sampler, seed)) as study,
            closing(_executor(request, out)) as executor,
        ):
            ended = Loop(request, info.task, len(folds.folds), study, executor).run()
            own = cost_of(recipe.student.spec(info.task), request.options)
            trials, importances = tuple(study.trials()), study.importances()
    return Found(request, info, folds.how, len(folds.folds), trials, importances, own, ended)


def _identity(request: Request, info: DataInfo) -> dict[str, Any]:
    """What all trials of a study have in common."""
    recipe = to_json(request.recipe)
    # who changes the number of finalists goes on with the same study
    space = {name: value for name, value in recipe["search"].items() if name != "finalists"}
    return {
        "edgekit": __version__, "data": info.name, "fingerprint": info.fingerprint, "budget": to_json(request.budget),
        "options": to_json(request.options), "sampler": request.sampler, "space": space, "split": recipe["data"],
        "training": recipe["distill"], "seed": request.recipe.seeds[0],
        "teacher": recipe["teach"] if _teaches(request.recipe) else None,
        "pruning": recipe["prune"] if max(request.recipe.search.prune_alphas) > 0 else None,
    }  # fmt: skip


def _teaches(recipe: Recipe) -> bool:
    return max(recipe.search.distill_weights) > 0


def _executor(request: Request, out: Path) -> Executor[Work, dict[str, float]]:
    from edgekit.training.nets import accelerator

    device = accelerator(request.accelerator)
    settings = Settings(request.recipe, request.data, out, request.accelerator, request.cache_dir)
    if request.ray:
        return RayExecutor(partial(do_unit, settings), request.ray, request.jobs)
    cores = os.cpu_count() or 1
    jobs = request.jobs or (cores if device.type == "cpu" else 1)
    threads = max(1, cores // jobs)
    return LocalExecutor(partial(do_unit, replace(settings, threads=threads)), jobs, out / "workers.log", threads)
