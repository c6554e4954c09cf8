"""The built-in recipes by name: `esp32`, `paper`, `demo`, `smoke`."""

import dataclasses
from collections.abc import Mapping

from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import (
    AugmentRecipe,
    ConvertRecipe,
    DataRecipe,
    DistillRecipe,
    FitRecipe,
    PruneRecipe,
    StudentRecipe,
    TeachRecipe,
    ThresholdRecipe,
)

# What was compared, on what and with which figures is a table of the model's card (models/chest_xray/card.md).
_STRONG = AugmentRecipe(
    rotate_deg=12.0,
    translate=0.1,
    scale=0.2,
    aspect=0.3,  # the shape of the film gives the class away
    brightness=0.2,
    contrast=0.5,
    gamma=0.6,
    blur=0.3,
    noise_std=0.04,
    erase=0.3,
)
ESP32 = Recipe(
    teach=TeachRecipe(
        networks=("vgg_slim",) * 5,  # as good as resnet_tiny at 128 pixels, with a sixth of its parameters
        input_size=64,
        fit=FitRecipe(epochs=60, learning_rate=5e-3, ema_decay=0.998),
        augment=_STRONG,
    ),
    # 64 pixels for fewer multiply-accumulates, 36 channels at the end for a better AUC on other sources
    student=StudentRecipe(input_size=64, channels=(8, 16, 24, 36), depths=(1, 1, 2, 2)),
    distill=DistillRecipe(
        alpha=0.5,
        beta=0.5,
        temperature=2.0,
        same_view=True,  # better on both sources than one logit for all views
        fit=FitRecipe(epochs=150, learning_rate=5e-3, ema_decay=0.998),
        augment=_STRONG,
    ),
    prune=PruneRecipe(fine_tune_epochs=5),
    threshold=ThresholdRecipe(rule="sensitivity", sensitivity=0.9),
)

_PAPER_AUGMENT = AugmentRecipe(
    flip=0.5,
    rotate_deg=0.0,
    translate=0.0,
    scale=0.0,
    crop=0.5,
    brightness=0.0,
    contrast=0.0,
    gamma=0.0,
    noise_std=0.0,
)
_PAPER_FIT = FitRecipe(
    epochs=25,
    batch_size=32,
    learning_rate=1e-3,
    schedule="step",
    optimizer="adam",
    weight_decay=1.25e-4,
    balanced=False,
)
PAPER = Recipe(
    name="paper",
    seeds=(0,),
    student=StudentRecipe(channels=(8, 16, 40, 64)),  # four convolutions; with these widths 30 k parameters, as theirs
    teach=TeachRecipe(
        networks=("alexnet", "densenet121", "resnet18", "vgg19", "googlenet"),
        weights="imagenet",
        trunk="frozen",
        cross_fit=False,
        prune=True,
        input_size=224,
        fit=dataclasses.replace(_PAPER_FIT, epochs=50),
        augment=dataclasses.replace(_PAPER_AUGMENT, noise_std=0.05),
    ),
    distill=DistillRecipe(alpha=0.9, beta=0.1, temperature=3.0, fit=_PAPER_FIT, augment=_PAPER_AUGMENT),
)

# A minute of one core; with fewer epochs or a greater alpha the student errs more than twice as often.
DEMO = Recipe(
    name="demo",
    seeds=(0,),
    teach=TeachRecipe(networks=("resnet_tiny",) * 2, input_size=64, fit=FitRecipe(epochs=16)),
    student=StudentRecipe(input_size=64),
    distill=DistillRecipe(alpha=0.5, beta=0.5, temperature=2.0, fit=FitRecipe(epochs=25, ema_decay=0.99)),
)

SMOKE = Recipe(
    name="smoke",
    seeds=(0,),
    data=DataRecipe(calibration_images=16),
    teach=TeachRecipe(networks=("resnet_tiny", "vgg_slim"), input_size=32, fit=FitRecipe(epochs=1, batch_size=32)),
    student=StudentRecipe(input_size=32, channels=(4, 8), depths=(1, 1)),
    distill=DistillRecipe(same_view=True, fit=FitRecipe(epochs=2, batch_size=32)),
    prune=PruneRecipe(alphas=(1.0, 4.0), fine_tune_epochs=1),
    convert=ConvertRecipe(int8_drift=2.0, dynamic_drift=1.0, agreement=0.5),  # a two-epoch network's logits hardly vary
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (ESP32, PAPER, DEMO, SMOKE)}
