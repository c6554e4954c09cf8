"""Random views of a whole batch at once, on the accelerator.

In: uint8 [B, C, H, W]. Out: float32 [B, C, H, W] in [0, 1]. The draws come from a CPU generator, so the same seed
gives the same views on every accelerator (the noise apart).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from edgekit.recipes.recipe import AugmentRecipe
from edgekit.runtimes.torch import to_unit
from edgekit.values.images import Size


def augment(pixels: Tensor, recipe: AugmentRecipe, generator: torch.Generator, size: Size | None = None) -> Tensor:
    """One random view of each image; `size` is that of the images whose views these shall be, where it is another's:
    what is turned by an angle in a square is not what is turned by it in a wide image."""
    batch = pixels.shape[0]
    height, width = size or pixels.shape[2:]

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch).uniform_(low, high, generator=generator)

    def chosen(probability: float) -> Tensor:
        return torch.rand(batch, generator=generator) < probability

    x = to_unit(pixels)
    grid = _grid(_affine(recipe, height / width, uniform, chosen).to(x.device), *x.shape[2:])
    x = functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def per_image(values: Tensor) -> Tensor:
        return values.view(-1, 1, 1, 1).to(x.device)

    if recipe.blur:
        rows = chosen(recipe.blur).nonzero().squeeze(1).to(x.device)
        x = x.index_copy(0, rows, _blurred(x[rows]))
    if recipe.gamma:
        x = x.clamp(1e-4, 1) ** per_image(uniform(-recipe.gamma, recipe.gamma).exp())
    if recipe.contrast or recipe.brightness:
        mean = x.mean((1, 2, 3), keepdim=True)  # of all channels: contrast is also that between colours
        x = (x - mean) * per_image(uniform(1 - recipe.contrast, 1 + recipe.contrast)) + mean
        x = x + per_image(uniform(-recipe.brightness, recipe.brightness))
    if recipe.noise_std:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        noise = torch.randn(x.shape, generator=torch.Generator(x.device).manual_seed(seed), device=x.device)
        x = x + noise * per_image(uniform(0, recipe.noise_std))
    if recipe.erase:
        x = _erase(x, uniform, chosen(recipe.erase))
    return x.clamp_(0, 1)


def _affine(recipe: AugmentRecipe, proportion: float, uniform, chosen) -> Tensor:  # type: ignore[no-untyped-def]
    """[B, 2, 3], from output to input coordinates in [-1, 1], as affine_grid wants it. `proportion` is height over
    width: what x takes of y, or y of x, goes by pixels."""
    angle = uniform(-1, 1) * math.radians(recipe.rotate_deg)
    shear = torch.tan(uniform(-1, 1) * math.radians(recipe.shear_deg))
    zoom = uniform(1 - recipe.scale, 1 + recipe.scale)
    area, ratio = uniform(recipe.crop, 1), torch.exp(uniform(-1, 1) * math.log(4 / 3) * (recipe.crop < 1))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = torch.where(chosen(recipe.flip), -1.0, 1.0)
    shift_x = uniform(-1, 1) * (1 - width) + uniform(-2, 2) * recipe.translate
    shift_y = uniform(-1, 1) * (1 - height) + uniform(-2, 2) * recipe.translate
    if recipe.aspect:
        stretch = torch.exp(uniform(-0.5, 0.5) * math.log1p(recipe.aspect))
        width, height = width / stretch, height * stretch
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    rows = (
        torch.stack((cos * width * mirror, (shear * cos - sin) * width * proportion, shift_x), 1),
        torch.stack((sin * height * mirror / proportion, (shear * sin + cos) * height, shift_y), 1),
    )
    return torch.stack(rows, 1)


def _grid(affine: Tensor, height: int, width: int) -> Tensor:
    """affine_grid(align_corners=False) as a sum, [B, 2, 3] to [B, H, W, 2]; its matrix product takes thrice as long."""
    y = (torch.arange(height, device=affine.device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=affine.device) * 2 + 1) / width - 1
    across, down, shift = (part[:, None, None, :] for part in affine.unbind(2))  # each (B, 1, 1, 2)
    return across * x[:, None] + (down * y[:, None, None] + shift)


def _blurred(x: Tensor) -> Tensor:
    """The 3x3 binomial blur, a row and a column at a time."""
    x = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    x = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    return (x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]) / 16


def _erase(x: Tensor, uniform, chosen: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """Fills one rectangle of each chosen image with its mean (Zhong et al. 2020)."""
    height, width = x.shape[2:]
    rows, columns = torch.arange(height), torch.arange(width)
    centre_y, centre_x = uniform(0, height), uniform(0, width)
    half_y, half_x = uniform(0.05, 0.25) * height, uniform(0.05, 0.25) * width
    inside = ((rows[None, :, None] - centre_y[:, None, None]).abs() < half_y[:, None, None]) & (
        (columns[None, None, :] - centre_x[:, None, None]).abs() < half_x[:, None, None]
    )
    mask = (inside & chosen[:, None, None]).unsqueeze(1).to(x.device)
    return torch.where(mask, x.mean((2, 3), keepdim=True), x)
