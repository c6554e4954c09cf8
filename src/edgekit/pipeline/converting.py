"""The stages of a build that make its files: the conversion, and quantization-aware training where int8 drifts.

In: a build's stages, a trained student. Out: `Files` that the gate lets pass. As in `measure`, what `make` closes over
is part of a stage's key with all its code, so it is given values and never the stages.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.reference import reference
from edgekit.pipeline.cache import Arrays
from edgekit.pipeline.stages import BuildStages, Files, Trained, content_key, suited
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.tflite.model import read_tflite
from edgekit.values.code import library_version
from edgekit.values.codec import to_json
from edgekit.values.model import VARIANTS
from edgekit.values.quantization import Int8Facts, QuantizationFacts, Taken

_TAKEN: tuple[Taken, Taken] = ("converted", "aware")
_OF_CONVERSION = ("activations", "calibration", "percentile", "bias_correction")


def convert_student(stages: BuildStages, trained: Trained, seed: int) -> Files:
    """The student as ONNX and as four .tflite files, checked against PyTorch on validation images.

    Raises:
        EdgekitError: a step drifts beyond the gate's limits, the int8 file after its remedies, too.
    """
    from edgekit.conversion.gate import Drift, check_drift

    recipe, limits = stages.recipe.quantize, stages.recipe.convert
    files, converted = _converted(stages, trained, seed)
    drift = Drift(converted.drift, converted.agreement)
    drifts = drift.deviations > recipe.aware_drift or not drift.within("int8", limits)
    if not (recipe.aware_epochs and drifts):
        check_drift("int8", drift, limits)
        if not recipe.aware_epochs and recipe.activations == "int8":
            return files
        why = f"It drifts no more than {recipe.aware_drift:g}." if recipe.aware_epochs else "The recipe asks for 16x8."
        return replace(files, quantization=QuantizationFacts(recipe.activations, "converted", why, converted))
    mended, aware, said = _aware(stages, trained, files, seed)
    taken: Taken = "converted"
    why = said
    if aware is not None:
        taken, why = chosen(converted, aware, limits)
    facts = QuantizationFacts(recipe.activations, taken, why, converted, aware)
    if taken == "converted" or aware is None:
        check_drift("int8", drift, limits)
        return replace(files, quantization=facts)
    check_drift("int8", Drift(aware.drift, aware.agreement), limits)
    return replace(mended, quantization=facts)


def chosen(converted: Int8Facts, aware: Int8Facts, limits: ConvertRecipe) -> tuple[Taken, str]:
    """`converted` or `aware`, and why: what is within the gate's limits, then the better on validation, then what
    drifts less."""
    from edgekit.conversion.gate import Drift

    within = [Drift(one.drift, one.agreement).within("int8", limits) for one in (converted, aware)]
    if within[0] != within[1]:
        return _TAKEN[within[1]], "It alone is within the gate's limits."
    if converted.balanced_accuracy != aware.balanced_accuracy:
        better = aware.balanced_accuracy > converted.balanced_accuracy
        return _TAKEN[better], "Its balanced accuracy on validation is the better."
    return _TAKEN[aware.drift < converted.drift], "Both are as good on validation, and it drifts less."


def _converted(stages: BuildStages, trained: Trained, seed: int) -> tuple[Files, Int8Facts]:
    student, splits = trained.student, stages.student_splits
    limits, quantize = stages.recipe.convert, stages.recipe.quantize
    runtime_of = reference  # closed over: a change of the compiler, whose C stands in for TFLM, converts nothing anew

    def make(checkpoint: Path) -> Arrays:
        from edgekit.conversion import convert
        from edgekit.training import nets, prune_network

        converted = convert.convert(
            nets.thaw_student(student), student.spec.input_shape, splits.calibration.images, limits,
            checked(splits.val.images), quantize, runtime_of, judge_int8=False,
        )  # fmt: skip
        int8, val = converted.drifts["int8"], splits.val
        logits = convert.float_logits(converted.models["int8"], val.images, runtime_of)
        facts = (int8.deviations, int8.agreement, prune_network.balanced_accuracy(logits, val.labels))
        files = {name: model.flatbuffer for name, model in converted.models.items()}
        flat = {name: np.frombuffer(file, np.uint8) for name, file in {**files, "onnx": converted.onnx}.items()}
        return {**flat, "facts": np.array(facts)}

    inputs = {
        "student": trained.key, "convert": to_json(limits), "calibration": content_key(splits.calibration),
        "quantize": {name: getattr(quantize, name) for name in _OF_CONVERSION},
        "programs": {name: library_version(name) for name in ("onnx2tf", "tensorflow", "tf_keras")},  # not imported
    }  # fmt: skip
    arrays, key = stages.cache.run(f"convert-{seed}", inputs, make)
    models = {name: read_tflite(arrays[name].tobytes()) for name in VARIANTS}
    return Files(models, arrays["onnx"].tobytes(), key), Int8Facts(*arrays["facts"].tolist())


def _aware(stages: BuildStages, trained: Trained, files: Files, seed: int) -> tuple[Files, Int8Facts | None, str]:
    """The files with the int8 one trained as such, and what it gives; None and why where it came to nothing."""
    student, splits, quantize = trained.student, stages.student_splits, stages.recipe.quantize
    recipe, on_epoch = suited(stages.recipe.distill, splits.info), stages.epochs(quantize.aware_epochs)
    accelerator_name, on_warning = stages.options.accelerator, stages.options.on_warning
    int8, floats, onnx, runtime_of = files.models["int8"], files.models["float32"], files.onnx, reference

    def make(checkpoint: Path) -> Arrays:
        from edgekit.conversion import convert, gate
        from edgekit.conversion.onnx import onnx_ops
        from edgekit.runtimes import torch
        from edgekit.tflite.strip import strip
        from edgekit.training import aware, fit, nets, prune_network

        accelerator = nets.accelerator(accelerator_name)
        made_on, net = np.array(nets.accelerator_name(accelerator)), nets.thaw_student(student)
        training = fit.Training(seed, accelerator, checkpoint, on_epoch=on_epoch, on_warning=on_warning)
        try:
            found = aware.train_aware(
                int8.flatbuffer, floats.flatbuffer, net, splits.train.images, recipe, quantize, training
            )
        except aware.Diverged as error:
            return {"said": np.array(str(error)), "made_on": made_on}
        model = read_tflite(strip(aware.aware_file(int8.flatbuffer, found)))
        gate.check_operators("int8", model, onnx_ops(onnx))
        images = checked(splits.val.images)
        drift = gate.drift_of(convert.float_logits(model, images, runtime_of), torch.run(net, images))
        logits = convert.float_logits(model, splits.val.images, runtime_of)
        facts = (drift.deviations, drift.agreement, prune_network.balanced_accuracy(logits, splits.val.labels))
        return {"int8": np.frombuffer(model.flatbuffer, np.uint8), "facts": np.array(facts), "made_on": made_on}

    inputs = {
        "files": files.key, "data": stages.data_key(splits), "seed": seed,
        "quantize": {name: value for name, value in to_json(quantize).items() if name != "aware_drift"},
        "distill": {name: to_json(recipe)[name] for name in ("fit", "augment")},
    }  # fmt: skip
    arrays, key = stages.cache.run(f"aware-{seed}", inputs, make)
    arrays = stages.noted(arrays)
    if "said" in arrays:
        said = f"Quantization-aware training came to nothing: {arrays['said']}."
        on_warning(f"{said} The int8 file stays as converted; lower quantize.aware_learning_rate.")
        return files, None, said
    models = {**files.models, "int8": read_tflite(arrays["int8"].tobytes())}
    return Files(models, files.onnx, key), Int8Facts(*arrays["facts"].tolist()), ""


def checked(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The validation images [N, H, W, C] that the gate looks at, about 256."""
    return images[:: max(1, len(images) // 256)]
