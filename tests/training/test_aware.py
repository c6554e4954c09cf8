"""Quantization-aware training: it mends what int8 has lost, keeps zeros, and goes on after a kill to the same bytes."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgekit.conversion.convert import float_logits
from edgekit.conversion.gate import drift_of
from edgekit.recipes.recipe import AugmentRecipe, DistillRecipe, FitRecipe, QuantizeRecipe
from edgekit.runtimes import torch as torch_runtime
from edgekit.tflite.model import read_tflite
from edgekit.tflite.reader import read_file
from edgekit.tflite.rewrite import NewTensor, rewritten
from edgekit.training.aware import Diverged, aware_file, train_aware
from edgekit.training.fit import Training
from small_student import discs

TRAINING = Training(0, torch.device("cpu"))
RECIPE = DistillRecipe(fit=FitRecipe(batch_size=16), augment=AugmentRecipe(noise_std=0))
AWARE = QuantizeRecipe(aware_epochs=3, aware_learning_rate=0.003)
IMAGES = discs(128, 32, seed=1)[0]


def harmed(student: Any) -> bytes:
    """The int8 file with the range of its last convolution 24 times as wide as its values, in as wide steps."""
    content = student.converted.models["int8"].flatbuffer
    file = read_file(content)
    rows = [row for row, op in enumerate(file.operators) if op.code == "CONV_2D"]
    wide = [index for op in file.operators[rows[-1] : -1] for index in op.outputs]
    bias = file.tensors[file.operators[-1].inputs[2]]
    new = {index: NewTensor(file.tensors[index].scales * np.float32(24)) for index in wide}
    steps = np.round(bias.data.view(np.int32) / 24).astype(np.int32)
    return rewritten(content, {**new, bias.index: NewTensor(bias.scales * np.float32(24), data=steps)})


def trained(student: Any, int8: bytes, training: Training = TRAINING, aware: QuantizeRecipe = AWARE) -> bytes:
    floats = student.converted.models["float32"].flatbuffer
    return aware_file(int8, train_aware(int8, floats, student.module, IMAGES, RECIPE, aware, training))


def drift(student: Any, int8: bytes) -> float:
    reference = torch_runtime.run(student.module, student.images)
    return drift_of(float_logits(read_tflite(int8), student.images), reference).deviations


def test_a_range_that_is_far_too_wide_is_learnt_anew(student: Any) -> None:
    before = harmed(student)
    after = trained(student, before, aware=replace(AWARE, aware_epochs=10, aware_learning_rate=0.003))
    assert drift(student, after) < 0.6 * drift(student, before)


def test_pruned_weights_stay_zero(student: Any) -> None:
    before, after = (read_file(one) for one in (harmed(student), trained(student, harmed(student))))
    for op in before.operators:
        if op.code == "CONV_2D":
            zero, now = (file.tensors[op.inputs[1]].data.view(np.int8) == 0 for file in (before, after))
            assert zero.mean() > 0.2
            assert now[zero].mean() > 0.95  # those that were rounded to zero may grow, those that were pruned may not
    kept = [m.weight == 0 for m in student.module if isinstance(m, torch.nn.Conv2d)]
    file = [after.tensors[op.inputs[1]] for op in after.operators if op.code == "CONV_2D"]
    for mask, tensor in zip(kept, file, strict=True):
        assert not tensor.data.view(np.int8).reshape(tensor.shape)[mask.numpy().transpose(0, 2, 3, 1)].any()


def test_a_training_that_is_stopped_goes_on_to_the_same_file(student: Any, tmp_path: Path) -> None:
    before = harmed(student)
    whole = trained(student, before)
    part = replace(TRAINING, checkpoint=tmp_path / "checkpoint")
    trained(student, before, replace(part, until=2))
    assert (tmp_path / "checkpoint").exists()
    assert trained(student, before, part) == whole
    assert trained(student, before, replace(TRAINING, seed=1)) != whole


def test_the_float_network_is_left_as_it_was(student: Any) -> None:
    state = copy.deepcopy(student.module.state_dict())
    trained(student, harmed(student))
    assert all(torch.equal(value, state[name]) for name, value in student.module.state_dict().items())


def test_a_loss_that_is_no_number_ends_it_with_the_epoch(student: Any, tmp_path: Path) -> None:
    int8, floats = (student.converted.models[name].flatbuffer for name in ("int8", "float32"))
    broken = copy.deepcopy(student.module)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    training = replace(TRAINING, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(Diverged, match="its loss is nan in epoch 1"):
        train_aware(int8, floats, broken, IMAGES, RECIPE, AWARE, training)
    assert not list(tmp_path.iterdir())
