"""Students of every kind of block, really converted: what they become, and what was said of them before training."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.options import Optimize
from edgekit.conversion.convert import Converted, convert
from edgekit.recipes.recipe import ConvertRecipe, DistillRecipe, FitRecipe, QuantizeRecipe
from edgekit.runtimes import torch as torch_runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.testing import exactness
from edgekit.tflite.model import read_tflite
from edgekit.tflite.strip import strip
from edgekit.tflite.untrained import untrained
from edgekit.training.aware import aware_file, train_aware
from edgekit.training.fit import Training
from edgekit.training.nets import student_net
from edgekit.values.networks import Kind, StudentSpec
from small_student import discs

SIZE = 32
# The stems' strides: the first has none of its convolutions padded, the others all kinds of padding. The second stage
# has a block whose shape stays.
SPECS = {
    kind: StudentSpec((SIZE, SIZE, 1), 2, (6, 8), (1, 2), kind, stride, 3)
    for kind, stride in zip(get_args(Kind), (2, 1, 2, 2), strict=True)
}


@dataclass(frozen=True)
class OfOneKind:
    spec: StudentSpec
    net: nn.Module
    converted: Converted

    @property
    def file(self) -> bytes:
        return self.converted.models["int8"].flatbuffer


@pytest.fixture(scope="module", params=get_args(Kind))
def student(request: pytest.FixtureRequest) -> OfOneKind:
    """Trained for a few seconds, then converted, past the gate."""
    spec = SPECS[request.param]
    torch.manual_seed(0)
    net = student_net(spec)
    images, labels = discs(256, SIZE, seed=1)
    x, y = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255)), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(100):
        rows = slice(step % 4 * 64, step % 4 * 64 + 64)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    calibration, checked = discs(32, SIZE, seed=2)[0], discs(64, SIZE, seed=3)[0]
    return OfOneKind(spec, net.eval(), convert(net, spec.input_shape, calibration, ConvertRecipe(), checked))


def test_a_student_of_every_kind_passes_the_gate_and_gives_the_bytes_of_tflm(
    student: OfOneKind, tmp_path: Path
) -> None:
    assert student.converted.drifts["int8"].within("int8", ConvertRecipe())
    models = exactness.cases(lambda seed: student.file, [0])
    assert len(models) == 1
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def test_a_pad_before_a_strided_convolution_is_no_step_of_the_program(student: OfOneKind) -> None:
    padded = student.spec.block != "vgg" or student.spec.stem_stride > 1
    assert ("PAD" in student.converted.models["int8"].ops) == padded
    steps = [type(op).__name__ for op in compile_model(student.file).graph.ops]
    assert "Pad" not in steps


@pytest.mark.parametrize("optimize", get_args(Optimize))
def test_an_untrained_student_costs_what_the_trained_one_does(student: OfOneKind, optimize: Optimize) -> None:
    options = CompileOptions(optimize=optimize, target="esp32")
    drawn, real = (compile_model(file, options) for file in (untrained(student.spec), student.file))
    assert [op.label for op in drawn.graph.ops] == [op.label for op in real.graph.ops]
    assert constant_bytes(drawn) == constant_bytes(real)
    assert drawn.caller_ram_bytes == real.caller_ram_bytes
    assert drawn.estimate.total_ms == pytest.approx(real.estimate.total_ms, rel=0.001)


def test_an_untrained_students_file_has_the_operators_of_the_converted_one(student: OfOneKind) -> None:
    drawn, real = read_tflite(untrained(student.spec)), student.converted.models["int8"]
    assert drawn.ops == real.ops
    assert drawn.input_q == real.input_q
    assert len(drawn.flatbuffer) == pytest.approx(len(real.flatbuffer), rel=0.03)


def test_a_student_that_is_trained_as_int8_gives_the_bytes_of_its_file(student: OfOneKind) -> None:
    floats, net = student.converted.models["float32"].flatbuffer, student.net
    recipe = DistillRecipe(fit=FitRecipe(batch_size=32))
    aware = QuantizeRecipe(aware_epochs=2, aware_learning_rate=0.01)
    trained = train_aware(
        student.file, floats, net, discs(128, SIZE, seed=1)[0], recipe, aware, Training(0, torch.device("cpu"))
    )
    model, images = read_tflite(strip(aware_file(student.file, trained))), discs(200, SIZE, seed=5)[0]
    assert model.flatbuffer != student.file
    assert model.ops == student.converted.models["int8"].ops
    assert model.output_q is not None
    said = torch_runtime.run(trained, images) / model.output_q.scale + model.output_q.zero_point
    given = TFLM.run(model, images).astype(int)
    apart = np.abs(np.round(said).astype(int) - given)
    assert given.std() > 5
    assert (apart == 0).mean() > 0.98
    assert (apart <= 1).mean() > 0.995


def constant_bytes(made: Compiled) -> int:
    return sum(one.size_bytes for each in made.constants for one in each)
