"""A network of several classes on RGB images that are no squares, through every format."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgekit.conversion.convert import Converted, convert, float_logits
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.runtimes import torch as torch_runtime
from edgekit.training.nets import student_net
from edgekit.values.networks import StudentSpec

SPEC = StudentSpec((24, 40, 3), 4, (6, 8), (1, 1))


def pictures(count: int, seed: int) -> NDArray[np.uint8]:
    """Each of one colour, in patches: uint8 [N, 24, 40, 3]."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 156, (count, 1, 1, 3)) + rng.integers(0, 100, (count, 6, 10, 3))
    return patches.astype(np.uint8).repeat(4, 1).repeat(4, 2)


IMAGES = pictures(48, 1)


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    net = student_net(SPEC)
    for _ in range(20):  # its norms get used to the images
        net(torch.as_tensor(pictures(32, 0).transpose(0, 3, 1, 2) / np.float32(255)))
    with torch.no_grad():
        net.head.weight.mul_(5)  # type: ignore[operator,union-attr]
    return net.eval()


@pytest.fixture(scope="module")
def converted(net: torch.nn.Module) -> Converted:
    return convert(net, SPEC.input_shape, pictures(64, 0), ConvertRecipe(agreement=0.85), IMAGES)


@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic", "int8"])
def test_every_format_takes_height_width_and_red_green_blue_in_the_networks_order(
    net: torch.nn.Module, converted: Converted, variant: str
) -> None:
    model, wanted = converted.models[variant], torch_runtime.run(net, IMAGES)
    assert model.input_shape == SPEC.input_shape
    found, swapped = float_logits(model, IMAGES), float_logits(model, IMAGES[..., ::-1].copy())  # blue for red
    spread = wanted.std(0).mean()
    assert found.shape == (len(IMAGES), SPEC.classes)
    assert np.abs(found - wanted).mean() < 0.1 * spread
    assert np.abs(swapped - wanted).mean() > 0.3 * spread
