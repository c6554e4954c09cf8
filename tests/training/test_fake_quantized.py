"""The network that is trained as int8 computes what its file does; tests/conversion has students of every kind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgekit.errors import EdgekitError
from edgekit.runtimes import torch as torch_runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.tflite.model import read_tflite
from edgekit.tflite.reader import read_file
from edgekit.tflite.records import TfliteFile
from edgekit.tflite.rewrite import rewritten
from edgekit.training.fake_quantized import FakeQuantized
from edgekit.training.quantized_parts import rounded
from small_student import discs


@pytest.fixture(scope="module")
def pair(student: Any) -> tuple[TfliteFile, TfliteFile]:
    models = student.converted.models
    return read_file(models["int8"].flatbuffer), read_file(models["float32"].flatbuffer)


def test_halves_are_rounded_away_from_zero_and_the_gradient_is_one() -> None:
    x = torch.tensor([-2.5, -1.4, -0.5, 0.0, 0.5, 1.5, 2.4], requires_grad=True)
    y = rounded(x)
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert y.tolist() == [-3, -1, -1, 0, 1, 2, 2]
    assert x.grad is not None
    assert x.grad.tolist() == [1] * 7


def test_untrained_it_is_the_converters_file_to_the_weight_and_the_bias(pair: tuple[TfliteFile, TfliteFile]) -> None:
    int8, _ = pair
    again = read_file(rewritten(int8.content, FakeQuantized(*pair).tensors()))
    for one, other in zip(int8.tensors, again.tensors, strict=True):
        if one.type in ("INT8", "INT32"):
            kind = np.int8 if one.type == "INT8" else np.int32
            apart = np.abs(one.data.view(kind).astype(int) - other.data.view(kind))
            assert not apart.size or apart.max() <= 1
            assert np.allclose(one.scales, other.scales, rtol=1e-6)
            assert np.array_equal(one.zero_points, other.zero_points)


def test_its_outputs_are_the_bytes_of_its_file_whatever_training_does(pair: tuple[TfliteFile, TfliteFile]) -> None:
    images, net = discs(100, 32, seed=5)[0], FakeQuantized(*pair)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        model = read_tflite(rewritten(pair[0].content, net.tensors()))
        assert model.output_q is not None
        said = torch_runtime.run(net, images) / model.output_q.scale + model.output_q.zero_point
        apart = np.abs(np.round(said).astype(int) - TFLM.run(model, images))
        assert (apart == 0).mean() > 0.99
        assert apart.max() <= 1
        with torch.no_grad():
            for value in net.parameters():
                value.add_(0.03 * torch.randn(value.shape, generator=generator), alpha=float(value.requires_grad))


def test_weights_biases_and_scales_get_gradients_and_the_input_keeps_its_scale(
    pair: tuple[TfliteFile, TfliteFile],
) -> None:
    net = FakeQuantized(*pair)
    images = torch_runtime.to_unit(torch_runtime.to_nchw(discs(16, 32, seed=5)[0]))
    net(images).square().sum().backward()
    entry = f"ranges.{pair[0].inputs[0]}.logarithm"
    moved = {name: value.grad is not None and bool(value.grad.any()) for name, value in net.named_parameters()}
    assert moved.pop(entry) is False
    assert all(moved.values()), moved


def test_an_operator_that_no_student_has_is_refused_by_name(pair: tuple[TfliteFile, TfliteFile]) -> None:
    changed = [
        replace(file, operators=(replace(file.operators[0], code="LOGISTIC"), *file.operators[1:])) for file in pair
    ]
    with pytest.raises(EdgekitError, match=r"LOGISTIC \(operator 0\) .* cannot be trained") as caught:
        FakeQuantized(*changed)
    assert "quantize.aware_epochs=0" in caught.value.hint
