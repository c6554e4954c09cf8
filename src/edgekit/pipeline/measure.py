"""The stages of a build that measure what its others made: logits on val and test, the arena, what the data set holds.

In: a build's stages, and what they made. Out: the measured values, from the cache or made now. What `make` closes over
is part of a stage's key with all its code, so it is given values and never the stages.
"""

import json
from pathlib import Path

import numpy as np

from edgekit.compile.reference import reference
from edgekit.data.audit import Audit, audit
from edgekit.files import sha256_of
from edgekit.pipeline.cache import Arrays
from edgekit.pipeline.evaluate import asking
from edgekit.pipeline.examples import examples_of
from edgekit.pipeline.stages import HELD_OUT, BuildStages, Files
from edgekit.report.pages.examples import Examples
from edgekit.report.pages.sections import Answers
from edgekit.report.tables import runtime_name
from edgekit.runtimes import tflm
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.runtime import Runtime
from edgekit.values.codec import from_json, to_json
from edgekit.values.model import TfliteModel
from edgekit.values.networks import Student


def logits_of_file(stages: BuildStages, files: Files, variant: str, name: str) -> Arrays:
    """Logits of one .tflite on val and test, by `runtime_of`."""
    model, splits = files.models[variant], stages.student_splits

    def make(checkpoint: Path) -> Arrays:
        run = runtime_of(model).run
        return {part: run(model, getattr(splits, part).images) for part in HELD_OUT}

    inputs = {"model": files.key, "variant": model.variant, "runtime": runtime_of(model).name}
    return stages.cache.run(f"score-{name}", inputs, make)[0]


def logits_of_student(stages: BuildStages, student: Student, name: str) -> Arrays:
    """Logits of a student on val and test through torch."""
    splits = stages.student_splits

    def make(checkpoint: Path) -> Arrays:
        from edgekit.runtimes import torch
        from edgekit.training import nets

        net = nets.thaw_student(student)
        return {part: torch.run(net, getattr(splits, part).images) for part in HELD_OUT}

    weights = sha256_of(*(np.ascontiguousarray(value).tobytes() for value in student.weights.values()))
    inputs = {"weights": weights, "data": stages.data_key(splits)}
    return stages.cache.run(f"score-{name}", inputs, make)[0]


def arena_of(stages: BuildStages, model: TfliteModel) -> int:
    """The TFLM arena that the int8 model needs, measured on this machine; 0 where TFLM is not here."""
    if not tflm.installed():
        return 0

    def make(checkpoint: Path) -> Arrays:
        return {"bytes": np.array(tflm.arena_bytes(model))}

    return int(stages.cache.run("arena", {"model": model.sha256}, make)[0]["bytes"])


def audit_data(stages: BuildStages) -> Audit:
    """What the data set holds, every image looked at."""
    data, cache_dir = stages.data, stages.options.cache_dir

    def make(checkpoint: Path) -> Arrays:
        found = audit(data, cache_dir=cache_dir, on_warning=lambda message: None)
        return {"json": np.array(json.dumps(to_json(found)))}

    inputs = {"data": data, "fingerprint": stages.student_splits.info.fingerprint}
    arrays, _ = stages.cache.run("audit", inputs, make)
    return from_json(Audit, json.loads(str(arrays["json"])), "an audit")


def examples_for(stages: BuildStages, files: Files, answers: Answers) -> Examples:
    """Right and wrong answers of the int8 model on test, and what they hang on."""
    model, splits = files.models["int8"], stages.student_splits
    test, task, by, threshold = splits.test, splits.info.task, reference(model), answers.threshold

    def make(checkpoint: Path) -> Arrays:
        found = examples_of(test, answers, task, asking(model, by, threshold), by.name)
        assert found is not None
        return {"wrong": np.array(found.wrong, int), "right": np.array(found.right, int), "maps": found.maps}

    inputs = {"model": files.key, "runtime": by.name, "threshold": threshold and to_json(threshold)}
    kept, _ = stages.cache.run("examples", inputs, make)
    return Examples(tuple(kept["wrong"].tolist()), tuple(kept["right"].tolist()), kept["maps"], runtime_name(by.name))


def runtime_of(model: TfliteModel) -> Runtime:
    """What scores a file: the board's interpreter, or what speaks for it, where it can."""
    return reference(model) if model.variant == "int8" else LITERT
