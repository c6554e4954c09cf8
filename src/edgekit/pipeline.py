"""build_model: the walk of a radiograph through the house, one line a stage. The only writer of artefacts.

In: a recipe and a data set. Out: a folder with the model in every format, its C array, its card and its recipe.
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.artifacts import EvalReport, Student, TeacherLogits, TfliteModel, Threshold, XraySet, XraySplits
from edgekit.build.ensemble import combine, soft_targets
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.files import key_of, sha256_of, write_arrays, write_bytes, write_json, write_text
from edgekit.recipes import Recipe, to_dict
from edgekit.report.card import Card, CardThreshold, InputFacts, Metrics, ModelFacts, OutputFacts, card_json
from edgekit.report.card_page import card_markdown
from edgekit.report.metrics import agreement, choose_threshold, evaluate, rule_in_words, spread
from edgekit.report.tables import StageRow
from edgekit.stages import Arrays, Stages
from edgekit.tflite import count, read_tflite

_TRAINING = ("build/nets.py", "build/augment.py", "build/fit.py")
_CONVERSION = ("build/convert.py", "build/runtimes.py", "interpreters.py", "tflite.py", "preprocess.py")
_VARIANTS = ("float32", "float16", "dynamic", "int8")


@dataclass(frozen=True, slots=True)
class Options:
    """What concerns this machine and not the model.

    Attributes:
        fresh: forget finished stages.
        strict: stop at the first image that cannot be read.
        weights_dir: a folder of torchvision's weight files.
        accelerator: `auto`, `cpu`, `cuda` or `mps`.
        cache_dir: where decoded images are kept; None for the user's cache.
        command: what the user typed, for the card.
        on_stage: told each stage's name and whether it was cached.
        on_epoch: told a stage's epochs done, epochs in all and mean loss.
        on_warning: told of skipped images and the like.
    """

    fresh: bool = False
    strict: bool = False
    weights_dir: Path | None = None
    accelerator: str = "auto"
    cache_dir: Path | None = None
    command: str = "edgekit build-model"
    on_stage: Callable[[str, bool], None] = lambda name, cached: None
    on_epoch: Callable[[int, int, float], None] = lambda done, total, loss: None
    on_warning: Callable[[str], None] = print


def build_model(recipe: Recipe, data: str, out: Path, options: Options = Options()) -> Card:
    """Builds a model by the recipe on the data set, into the folder `out`, and returns its card.

    Raises:
        EdgekitError: bad data, a gate that stopped, a model over its budget, a full disk; says what to do.
    """
    return _Walk(recipe, data, out, options).card()


@dataclass(slots=True)
class _Seed:
    """One student, from its training to its int8 file."""

    distilled: Student
    pruned: Student
    models: Mapping[str, TfliteModel]
    onnx: bytes
    threshold: Threshold
    validation: EvalReport
    test: EvalReport
    test_margins: NDArray[Any]
    key: str


@dataclass(slots=True)
class _Walk:
    recipe: Recipe
    data: str
    out: Path
    options: Options
    made_on: set[str] = field(default_factory=set)
    data_keys: dict[int, str] = field(default_factory=dict)  # by image size

    def card(self) -> Card:
        spec = self.recipe.student.spec()
        stages = Stages(self.out / ".stages", fresh=self.options.fresh, on_stage=self.options.on_stage)
        splits = self._splits(spec.input_size)
        teacher, teacher_facts = self._teach(stages)
        plain = self._plain(stages, splits) if self.recipe.distill.plain_too and teacher else None
        seeds = [self._seed(stages, splits, teacher, teacher_facts.get("key", ""), seed) for seed in self.recipe.seeds]
        first = seeds[0]
        rows = self._rows(stages, splits, teacher, teacher_facts, plain, first)
        card = self._card(stages, splits, seeds, rows)
        self._write(first, card)
        return card

    def _splits(self, size: int) -> XraySplits:
        splits = load_splits(
            self.data, size, self.recipe.data,
            cache_dir=self.options.cache_dir, strict=self.options.strict, on_warning=self.options.on_warning,
        )  # fmt: skip
        self.data_keys[size] = _content(splits.train, splits.val, splits.test)
        return splits

    # --- teach ---

    def _teach(self, stages: Stages) -> tuple[TeacherLogits | None, dict[str, Any]]:
        """The ensemble's logits for every image, and its validation and test logits and size for the table."""
        recipe = self.recipe.teach
        if not self.recipe.distill.teacher or not recipe.networks:
            return None, {}
        splits = self._splits(recipe.input_size)
        members, keys = [], []
        for member in range(len(recipe.networks)):
            arrays, key = stages.run(
                f"teach-{member}",
                {
                    "data": self._data_key(splits),
                    "teach": {name: value for name, value in to_dict(recipe).items() if name != "combine"},
                    "prune": self._teacher_prune(),
                    "member": member,
                },
                (*_TRAINING, "build/teach.py", "build/ensemble.py", "build/backbones.py", "build/prune.py"),
                lambda checkpoint, member=member: self._train_member(splits, member, checkpoint),  # type: ignore[misc]
            )
            members.append(arrays)
            keys.append(key)
            self._note(arrays)
        train = soft_targets(np.stack([m["train"] for m in members]), splits.train, recipe)
        val, test = (combine(np.stack([m[name] for m in members]), recipe.combine) for name in ("val", "test"))
        facts = {"val": val, "test": test, "bytes": int(sum(m["parameters"] for m in members)) * 4}
        facts["key"] = {"members": keys, "combine": recipe.combine}
        return TeacherLogits(train, splits.train.ids), facts

    def _teacher_prune(self) -> Any:
        return to_dict(self.recipe.prune) if self.recipe.teach.prune else None

    def _train_member(self, splits: XraySplits, member: int, checkpoint: Path) -> Arrays:
        from edgekit.build import nets, prune, teach

        accelerator = nets.accelerator(self.options.accelerator)
        recipe = self.recipe.teach
        net = teach.train_member(
            splits.train, recipe, member, accelerator=accelerator, weights_dir=self.options.weights_dir,
            checkpoint=checkpoint, on_epoch=self._epochs(recipe.fit.epochs),
        )  # fmt: skip
        if recipe.prune:
            prune.prune_network(net, splits.val.images, splits.val.labels, self.recipe.prune, accelerator)
        logits = {
            name: teach.member_logits(net, part.images, accelerator)
            for name, part in (("train", splits.train), ("val", splits.val), ("test", splits.test))
        }
        return {
            **logits,
            "parameters": np.array(nets.parameter_count(net)),
            "made_on": np.array(nets.accelerator_name(accelerator)),
        }

    # --- distill, prune, convert: one seed ---

    def _distill(
        self, stages: Stages, name: str, splits: XraySplits, teacher: TeacherLogits | None, above: Any, seed: int
    ) -> tuple[Student, str]:
        recipe, spec = self.recipe.distill, self.recipe.student.spec()

        def make(checkpoint: Path) -> Arrays:
            from edgekit.build import distill, nets

            accelerator = nets.accelerator(self.options.accelerator)
            student = distill.distill(
                splits.train, teacher, spec, recipe, seed=seed, accelerator=accelerator,
                checkpoint=checkpoint, on_epoch=self._epochs(recipe.fit.epochs),
            )  # fmt: skip
            return {**student.weights, "made_on": np.array(nets.accelerator_name(accelerator))}

        used = ("fit", "augment") if teacher is None else ("fit", "augment", "alpha", "beta", "temperature")
        inputs = {
            "data": self._data_key(splits), "teacher": above, "seed": seed,
            "student": to_dict(spec), "distill": {name: to_dict(recipe)[name] for name in used},
        }  # fmt: skip
        arrays, key = stages.run(name, inputs, (*_TRAINING, "build/ensemble.py", "build/distill.py"), make)
        return Student(spec, self._note(arrays)), key

    def _plain(self, stages: Stages, splits: XraySplits) -> Student:
        return self._distill(stages, "student-plain", splits, None, None, self.recipe.seeds[0])[0]

    def _seed(self, stages: Stages, splits: XraySplits, teacher: TeacherLogits | None, above: Any, seed: int) -> _Seed:
        distilled, distilled_key = self._distill(stages, f"distill-{seed}", splits, teacher, above, seed)
        pruned, pruned_key = self._prune(stages, splits, teacher, distilled, distilled_key, seed)
        converted, key = self._convert(stages, splits, pruned, pruned_key, seed)
        models = {name: read_tflite(converted[name].tobytes()) for name in _VARIANTS}
        margins = self._margins(stages, splits, models["int8"], key, f"int8-{seed}")
        output = models["int8"].output_q
        threshold = choose_threshold(
            margins["val"], splits.val.labels, self.recipe.threshold, output.scale if output else None
        )

        def report(part: str, labels: NDArray[np.int64]) -> EvalReport:
            return evaluate(
                margins[part], labels, threshold, runtime="tflm", model_sha256=models["int8"].sha256, data=splits.info
            )

        return _Seed(
            distilled, pruned, models, converted["onnx"].tobytes(), threshold,
            report("val", splits.val.labels),
            report("test", splits.test.labels),
            margins["test"], key,
        )  # fmt: skip

    def _prune(
        self, stages: Stages, splits: XraySplits, teacher: TeacherLogits | None, student: Student, above: str, seed: int
    ) -> tuple[Student, str]:
        recipe = self.recipe.prune

        def make(checkpoint: Path) -> Arrays:
            from edgekit.build import nets, prune

            accelerator = nets.accelerator(self.options.accelerator)
            pruned, points = prune.prune(
                student, splits.train, splits.val, teacher, recipe, self.recipe.distill,
                seed=seed, accelerator=accelerator, on_epoch=self._epochs(recipe.fine_tune_epochs),
            )  # fmt: skip
            curve = np.array([(p.alpha, p.zeroed, p.balanced_accuracy) for p in points])
            return {**pruned.weights, "curve": curve, "made_on": np.array(nets.accelerator_name(accelerator))}

        inputs = {"student": above, "prune": to_dict(recipe)}
        arrays, key = stages.run(f"prune-{seed}", inputs, (*_TRAINING, "build/distill.py", "build/prune.py"), make)
        weights = {name: value for name, value in self._note(arrays).items() if name != "curve"}
        return Student(student.spec, weights), key

    def _convert(
        self, stages: Stages, splits: XraySplits, student: Student, above: str, seed: int
    ) -> tuple[Arrays, str]:
        def make(checkpoint: Path) -> Arrays:
            from edgekit.build import convert, nets

            converted = convert.convert(
                nets.thaw_student(student), student.spec.input_size, splits.calibration.images,
                self.recipe.convert, splits.val.images[:: max(1, len(splits.val) // 256)],
            )  # fmt: skip
            files = {name: model.flatbuffer for name, model in converted.models.items()}
            return {name: np.frombuffer(file, np.uint8) for name, file in {**files, "onnx": converted.onnx}.items()}

        calibration = _content(splits.calibration)
        inputs = {"student": above, "convert": to_dict(self.recipe.convert), "calibration": calibration}
        return stages.run(f"convert-{seed}", inputs, _CONVERSION, make)

    # --- evaluation ---

    def _margins(self, stages: Stages, splits: XraySplits, model: TfliteModel, above: str, name: str) -> Arrays:
        """Margins of one file on validation and test: int8 through TFLM, the others through LiteRT."""

        def make(checkpoint: Path) -> Arrays:
            from edgekit.device.desktop import run

            runtime = "tflm" if model.variant == "int8" else "litert"
            return {
                part: _margin(run(model, images, runtime))
                for part, images in (("val", splits.val.images), ("test", splits.test.images))
            }

        return stages.run(f"score-{name}", {"model": above, "variant": model.variant}, ("device/desktop.py",), make)[0]

    def _rows(
        self, stages: Stages, splits: XraySplits, teacher: TeacherLogits | None, facts: dict[str, Any],
        plain: Student | None, first: _Seed,
    ) -> tuple[StageRow, ...]:  # fmt: skip
        """The table of all stages, each at its own threshold from validation."""
        base = len(first.models["float32"].flatbuffer)
        rows: list[StageRow] = []
        before: tuple[NDArray[Any], Threshold] | None = None

        def add(name: str, margins: Arrays, runtime: str, size: int, sha256: str) -> None:
            nonlocal before
            model_scale = first.models["int8"].output_q
            scale = model_scale.scale if name == "int8" and model_scale else None
            threshold = choose_threshold(margins["val"], splits.val.labels, self.recipe.threshold, scale)
            report = evaluate(
                margins["test"], splits.test.labels, threshold, runtime=runtime, model_sha256=sha256, data=splits.info
            )
            same = agreement(margins["test"], before[0], threshold, before[1]) if before is not None else None
            rows.append(StageRow(name, report, size, base / size, same))
            before = (margins["test"], threshold)

        if teacher is not None:
            margins = {name: _margin(facts[name]) for name in ("val", "test")}
            add("teacher", margins, "torch", facts["bytes"], "")
        for name, student in (("student (plain)", plain), ("distilled", first.distilled), ("pruned", first.pruned)):
            if student is not None:
                add(name, self._student_margins(stages, splits, student, name), "torch", base, "")
        for variant in ("float16", "dynamic", "int8"):
            model = first.models[variant]
            label = f"int8-{self.recipe.seeds[0]}" if variant == "int8" else variant
            runtime = "tflm" if variant == "int8" else "litert"
            margins_of = self._margins(stages, splits, model, first.key, label)
            add(variant, margins_of, runtime, len(model.flatbuffer), model.sha256)
        return tuple(rows)

    def _student_margins(self, stages: Stages, splits: XraySplits, student: Student, name: str) -> Arrays:
        def make(checkpoint: Path) -> Arrays:
            from edgekit.build import nets
            from edgekit.build.runtimes import run_torch

            net = nets.thaw_student(student)
            return {
                "val": _margin(run_torch(net, splits.val.images)),
                "test": _margin(run_torch(net, splits.test.images)),
            }

        weights = sha256_of(*(np.ascontiguousarray(value).tobytes() for value in student.weights.values()))
        inputs = {"weights": weights, "data": self._data_key(splits)}
        return stages.run(f"score-{name.split(maxsplit=1)[0]}", inputs, ("build/nets.py", "build/runtimes.py"), make)[0]

    # --- embed and write ---

    def _card(self, stages: Stages, splits: XraySplits, seeds: list[_Seed], rows: tuple[StageRow, ...]) -> Card:
        from edgekit.build.embed import check_budget

        first = seeds[0]
        model = first.models["int8"]
        if model.input_q is None or model.output_q is None:
            raise EdgekitError("The int8 model has no quantised input and output.", "Run again with --fresh.")
        arena = int(
            stages.run("arena", {"model": model.sha256}, ("device/desktop.py",), lambda _: _arena(model))[0]["bytes"]
        )
        check_budget(model, arena, self.recipe.embed)
        float_margins = self._margins(stages, splits, first.models["float32"], first.key, "float32")["test"]
        height, width, channels = model.input_shape
        counts = count(model.flatbuffer)
        nonzero = sum(
            int(np.count_nonzero(v)) for k, v in first.pruned.weights.items() if k.endswith(("weight", "bias"))
        )
        return Card(
            name=f"{splits.info.name} student ({self.recipe.name} recipe)",
            model=ModelFacts(
                "student_int8.tflite", model.sha256, len(model.flatbuffer), counts.parameters, nonzero, counts.macs,
                arena, model.ops,
            ),
            input=InputFacts(height, width, channels, model.input_q.scale, model.input_q.zero_point),
            output=OutputFacts(model.output_q.scale, model.output_q.zero_point),
            threshold=CardThreshold(
                first.threshold.probability, first.threshold.margin_q, rule_in_words(self.recipe.threshold)
            ),
            metrics=Metrics(first.validation, first.test),
            seeds=spread([seed.test for seed in seeds]),
            agreement_int8_float32=agreement(first.test_margins, float_margins),
            stages=rows,
            data=splits.info,
            recipe=to_dict(self.recipe),
            command=self.options.command,
            versions=_versions(),
            made_on=f"{platform.system()} {platform.machine()}, trained on {', '.join(sorted(self.made_on))}",
        )  # fmt: skip

    def _write(self, first: _Seed, card: Card) -> None:
        from edgekit.build.embed import embed

        for name, model in first.models.items():
            write_bytes(self.out / f"student_{name}.tflite", model.flatbuffer)
        write_bytes(self.out / "student.onnx", first.onnx)
        write_student(self.out / "student.npz", first.pruned)
        for file, text in embed(first.models["int8"], first.threshold, card.model.arena_bytes).items():
            write_text(self.out / file, text)
        write_json(self.out / "recipe.json", to_dict(self.recipe))
        write_json(self.out / "card.json", card_json(card))
        write_text(self.out / "card.md", card_markdown(card))

    # --- small things ---

    def _data_key(self, splits: XraySplits) -> str:
        return self.data_keys[splits.train.images.shape[1]]

    def _note(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        self.made_on.add(str(arrays["made_on"]))
        return {name: value for name, value in arrays.items() if name != "made_on"}

    def _epochs(self, total: int) -> Callable[[int, float], None]:
        return lambda done, loss: self.options.on_epoch(done, total, loss)


def _content(*parts: XraySet) -> str:
    """A key of the very pixels: it follows a change in how images are read or split as well as one of the data."""
    keys = []
    for part in parts:
        names = "\0".join((*part.ids, *part.patients)).encode()
        keys.append(sha256_of(part.images.tobytes(), part.labels.tobytes(), names))
    return key_of(keys)


def write_student(path: Path, student: Student) -> None:
    """Saves a student's weights and spec for `evaluation.load_student`."""
    write_arrays(path, {**to_dict(student.spec), **student.weights})


def _margin(logits: NDArray[Any]) -> NDArray[Any]:
    wide = logits.astype(np.int64 if logits.dtype.kind in "iu" else np.float64)
    margin: NDArray[Any] = wide[:, 1] - wide[:, 0]
    return margin


def _arena(model: TfliteModel) -> Arrays:
    from edgekit.device.desktop import arena_bytes

    return {"bytes": np.array(arena_bytes(model))}


def _versions() -> dict[str, str]:
    found = {}
    for package in (
        "edgekit",
        "torch",
        "torchvision",
        "tensorflow",
        "onnx2tf",
        "onnx",
        "tflite-micro",
        "ai-edge-litert",
        "numpy",
    ):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), **found}
