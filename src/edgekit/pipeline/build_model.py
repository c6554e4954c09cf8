"""build_model: from images to C, one line a stage. The only writer of artefacts.

In: a recipe and a data set. Out: a folder with the model in every format, its C array, its card, report and recipe.
"""

from pathlib import Path

from edgekit.compile.c_array import c_array
from edgekit.extras import TO_BUILD, need
from edgekit.files import clear_unfinished, packed, write_bytes, write_json, write_text
from edgekit.pipeline.budget import check_budget, check_spec
from edgekit.pipeline.cache import StageCache, only_one
from edgekit.pipeline.converting import convert_student
from edgekit.pipeline.measure import arena_of
from edgekit.pipeline.stages import BuildStages, Options
from edgekit.pipeline.summary import SeedResult, card_of, evidence_of, seed_result, stage_results
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.report import render
from edgekit.report.card import Card
from edgekit.report.pages.model import Evidence, card_markdown, model_page
from edgekit.training.channels import check_fractions
from edgekit.values.codec import to_document, to_json


def build_model(recipe: Recipe | str, data: str, out: str | Path, options: Options | None = None) -> Card:
    """Builds a model by the recipe (or the one of that name) on the data set, into the folder `out`; returns its card.

    Raises:
        EdgekitError: packages that are not installed, bad data, a gate that stopped, a model over its budget, a full
            disk, another build in `out`; says what to do.
    """
    options, out = options or Options(), Path(out)
    recipe = recipe_named(recipe) if isinstance(recipe, str) else recipe
    need(TO_BUILD, "no model is built")
    with only_one(out, "build-model"):
        clear_unfinished(out / ".stages")
        for names in ("student*", "model_data*", "card*", "report*", "recipe*"):
            clear_unfinished(out, names)
        cache = StageCache(
            out / ".stages", fresh=options.fresh, on_stage=options.on_stage, on_warning=options.on_warning
        )
        first, card, evidence = _walk(BuildStages(recipe, data, cache, options))
        _write(out, first, card, evidence)
    return card


def _walk(stages: BuildStages) -> tuple[SeedResult, Card, Evidence]:
    recipe = stages.recipe
    spec = recipe.student.spec(stages.student_splits.info.task)
    check_spec(spec, recipe.embed)
    if recipe.prune.method != "magnitude":
        check_fractions(spec, recipe.prune.fractions)
    teacher = stages.teach()
    compare = recipe.distill.plain_too and teacher is not None
    conventional = stages.distill("student-plain", None, recipe.seeds[0]) if compare else None
    seeds: list[SeedResult] = []
    for seed in recipe.seeds:
        distilled = stages.distill(f"distill-{seed}", teacher, seed)
        pruned = stages.prune(teacher, distilled, seed)
        files = convert_student(stages, pruned, seed)
        seeds.append(seed_result(stages, distilled, pruned, files, seed))
    first = seeds[0]
    results = stage_results(stages, teacher, conventional, first)
    arena_bytes = arena_of(stages, first.files.models["int8"])
    check_budget(first.files.models["int8"], arena_bytes, recipe.embed)
    card = card_of(stages, seeds, results, arena_bytes)
    return first, card, evidence_of(stages, first, results)


def _write(out: Path, first: SeedResult, card: Card, evidence: Evidence) -> None:
    for name, model in first.files.models.items():
        write_bytes(out / f"student_{name}.tflite", model.flatbuffer)
    write_bytes(out / "student.onnx", first.files.onnx)
    student = first.pruned.student
    write_bytes(
        out / "student.npz", packed({**to_json(student.spec), **student.weights})
    )  # for `evaluate.load_student`
    task, threshold = card.data.task, card.cut()
    int8 = first.files.models["int8"]
    for file, text in c_array(int8, len(task.labels), card.model.arena_bytes, task=task, threshold=threshold).items():
        write_text(out / file, text)
    render.write(model_page(card, evidence), out / "report.html")
    write_json(out / "recipe.json", to_document(card.recipe))
    write_json(out / "card.json", to_document(card))
    write_text(out / "card.md", card_markdown(card))
