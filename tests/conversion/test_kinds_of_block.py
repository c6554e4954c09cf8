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
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.testing import exactness
from edgekit.tflite.model import read_tflite
from edgekit.tflite.untrained import untrained
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
    return OfOneKind(spec, convert(net, spec.input_shape, calibration, ConvertRecipe(), checked))


def test_a_student_of_every_kind_passes_the_gate_and_gives_the_bytes_of_tflm(
    student: OfOneKind, tmp_path: Path
) -> None:
    assert student.converted.drifts["int8"] < ConvertRecipe().int8_drift
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


def constant_bytes(made: Compiled) -> int:
    return sum(one.size_bytes for each in made.constants for one in each)
