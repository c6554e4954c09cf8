"""Random views: nothing where nothing is asked for, and the same for the same seed."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgekit.recipes.recipe import AugmentRecipe
from edgekit.training.augment import augment

NOTHING = AugmentRecipe(
    flip=0, rotate_deg=0, translate=0, scale=0, aspect=0, shear_deg=0, crop=1, brightness=0, contrast=0, gamma=0,
    blur=0, noise_std=0, erase=0,
)  # fmt: skip
EVERYTHING = AugmentRecipe(
    aspect=0.5, shear_deg=10, crop=0.5, brightness=1, contrast=1, gamma=2, blur=0.5, noise_std=1, erase=0.5
)
_SMOOTH = np.random.default_rng(2).integers(80, 176, (8, 3, 6, 6), dtype=np.uint8)
COLOURS = torch.as_tensor(_SMOOTH.repeat(4, 2).repeat(4, 3))
PIXELS = torch.as_tensor(np.random.default_rng(0).integers(0, 256, (16, 1, 24, 24), dtype=np.uint8))


def view(recipe: AugmentRecipe, seed: int = 0, pixels: torch.Tensor = PIXELS) -> torch.Tensor:
    return augment(pixels, recipe, torch.Generator().manual_seed(seed))


def only(**values: float) -> AugmentRecipe:
    return dataclasses.replace(NOTHING, **values)


@pytest.mark.parametrize("size", [24, 31, 64, 96, 224])
def test_a_recipe_of_nothing_gives_pixel_over_255(size: int) -> None:
    pixels = torch.as_tensor(np.random.default_rng(1).integers(0, 256, (2, 1, size, size), dtype=np.uint8))
    assert (view(NOTHING, pixels=pixels) - pixels / 255).abs().max() < 1e-4


def test_the_same_seed_gives_the_same_views_and_another_seed_others() -> None:
    assert torch.equal(view(EVERYTHING, 3), view(EVERYTHING, 3))
    assert not torch.equal(view(EVERYTHING, 3), view(EVERYTHING, 4))
    alike = PIXELS[:1].expand(16, -1, -1, -1)
    views = view(EVERYTHING, 3, alike)
    assert len({bytes(one.numpy().tobytes()) for one in views}) == 16  # each image has draws of its own


@pytest.mark.parametrize("seed", range(5))
def test_every_view_stays_between_black_and_white_and_is_a_number(seed: int) -> None:
    extremes = torch.cat([torch.zeros_like(PIXELS[:4]), torch.full_like(PIXELS[:4], 255), PIXELS])
    found = view(EVERYTHING, seed, extremes)
    assert torch.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.shape == extremes.shape


def test_flip_mirrors_left_and_right_alone() -> None:
    mirrored = PIXELS.flip(3) / 255
    assert (view(only(flip=1)) - mirrored).abs().max() < 1e-4
    half = view(only(flip=0.5), pixels=PIXELS[:1].expand(400, -1, -1, -1))
    turned = (half - mirrored[:1]).abs().amax((1, 2, 3)) < 1e-4
    assert 160 < int(turned.sum()) < 240


def test_aspect_multiplies_width_over_height_and_keeps_the_area() -> None:
    pixels = torch.zeros(300, 1, 64, 64, dtype=torch.uint8)
    pixels[:, :, 22:42, 22:42] = 200
    views = view(only(aspect=1), pixels=pixels) * 255 / 200
    width, height = views[:, 0, 32].sum(1), views[:, 0, :, 32].sum(1)
    ratio = width / height
    assert 0.48 < ratio.min() < 0.6
    assert 1.7 < ratio.max() < 2.05
    assert 120 < int((ratio > 1).sum()) < 180
    assert torch.allclose(width * height, torch.full((300,), 400.0), rtol=0.02)


def test_brightness_adds_and_contrast_stretches_around_the_mean() -> None:
    grey = torch.full((64, 1, 8, 8), 128, dtype=torch.uint8)
    added = view(only(brightness=0.2), pixels=grey)[:, 0, 0, 0] - 128 / 255
    assert added.abs().max() <= 0.2 + 1e-6
    assert added.min() < -0.1 < 0.1 < added.max()
    assert (view(only(contrast=0.9), pixels=grey) - 128 / 255).abs().max() < 1e-5


def test_a_shift_moves_by_at_most_its_share_of_the_side() -> None:
    dot = torch.zeros((200, 1, 33, 33), dtype=torch.uint8)
    dot[:, :, 16, 16] = 255
    found = view(only(translate=0.25), pixels=dot)[:, 0]
    weight = found.sum((1, 2))
    columns = (found.sum(1) * torch.arange(33)).sum(1) / weight - 16
    assert 6 < columns.abs().max() <= 0.25 * 33 + 0.51


def test_a_crop_keeps_at_least_its_share_of_the_area() -> None:
    ramp = torch.arange(0, 256, 4, dtype=torch.uint8).expand(300, 1, 64, 64)
    seen = view(only(crop=0.5), pixels=ramp)
    width = seen[:, 0, 0, -1] - seen[:, 0, 0, 0]
    whole = 252 / 255
    assert width.max() > 0.95 * whole
    assert 0.55 * whole < width.min() < 0.75 * whole  # sqrt(0.5 * 3/4) = 0.61 of the side at the least


def test_the_same_seed_draws_the_same_view_of_a_larger_image() -> None:
    rows, columns = np.mgrid[:96, :96] / 96
    waves = [127 + 60 * np.sin(5 * rows + shift) + 60 * np.cos(4 * columns - shift) for shift in range(16)]
    large = torch.as_tensor(np.array(waves)).unsqueeze(1)
    small = torch.nn.functional.avg_pool2d(large, 3)
    recipe = dataclasses.replace(EVERYTHING, noise_std=0, blur=0)
    seen = [view(recipe, 7, pixels.round().to(torch.uint8)) for pixels in (large, small)]
    difference = (torch.nn.functional.avg_pool2d(seen[0], 3) - seen[1]).abs()
    assert difference.median() < 0.01
    assert difference.mean() < 0.03  # but for pixels on the edge of what was erased


def test_a_turned_disc_stays_a_disc_in_an_image_that_is_no_square() -> None:
    for height, width in ((32, 64), (80, 40)):
        y, x = np.mgrid[:height, :width] + 0.5
        disc = np.uint8(255) * (np.hypot(y - height / 2, x - width / 2) < 12)
        pixels = torch.as_tensor(disc).expand(8, 1, -1, -1)
        turned = view(only(rotate_deg=180), pixels=pixels)
        assert (turned - pixels / 255).abs().mean() < 0.015  # its edge


def test_the_view_of_another_size_is_the_same_view_stretched() -> None:
    square = functional.interpolate(COLOURS / 255, (96, 96), mode="bilinear", align_corners=False).mul(255).byte()
    wide = functional.interpolate(COLOURS / 255, (48, 96), mode="bilinear", align_corners=False).mul(255).byte()
    recipe = only(rotate_deg=40, shear_deg=20, translate=0.1, scale=0.3)
    seen = augment(square, recipe, torch.Generator().manual_seed(0), (48, 96))
    stretched = functional.interpolate(view(recipe, pixels=wide), (96, 96), mode="bilinear", align_corners=False)
    assert (seen - stretched).abs().mean() < 0.02
    assert (seen - view(recipe, pixels=square)).abs().mean() > 0.04  # which turns the square


def test_three_channels_are_altered_alike() -> None:
    before = COLOURS / 255
    brighter = view(only(brightness=0.1), pixels=COLOURS) - before
    assert brighter.abs().amax() > 0.01
    assert (brighter - brighter.mean((1, 2, 3), keepdim=True)).abs().max() < 1e-4  # one step for the whole image
    less = view(dataclasses.replace(NOTHING, contrast=0.5), pixels=COLOURS)
    mean = before.mean((1, 2, 3), keepdim=True)
    factor = (less - mean) / (before - mean)
    usable = (before - mean).abs() > 0.1
    for one, of in zip(factor, usable, strict=True):
        assert one[of].max() - one[of].min() < 1e-2  # the same for red, green and blue: no hue of its own
    grey = COLOURS[:, :1].expand(-1, 3, -1, -1)
    seen = view(dataclasses.replace(EVERYTHING, noise_std=0), pixels=grey)
    assert (seen - seen[:, :1]).abs().max() < 1e-6  # a grey picture in colours stays grey
