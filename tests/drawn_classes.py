"""Folders of drawn pictures with three classes, grey or coloured, of any shape: what a walk is tried on."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PATTERNS = ("columns", "dots", "rows")
COLOURS = {
    "blue": (60, 107, 255),
    "green": (34, 162, 40),
    "red": (232, 54, 80),
}  # of one brightness: in grey all are 110


def write_patterns(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """Grey pictures of a pattern, `count` of each below `folder`, a folder a class."""
    return _write(folder, PATTERNS, count, lambda label, rng: pattern(label, size, rng))


def write_colours(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """RGB pictures of a disc in a colour, `count` of each below `folder`, a folder a class."""
    return _write(folder, COLOURS, count, lambda label, rng: disc(label, size, rng))


def pattern(label: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light on dark, with noise: uint8 [height, width]."""
    y, x = np.mgrid[: size[0], : size[1]] * (8 * np.pi / min(size)) + rng.uniform(0, 2 * np.pi, (2, 1, 1))
    waves = {"columns": np.sin(x), "dots": np.sin(x) * np.sin(y), "rows": np.sin(y)}[label]
    return np.clip(120 + 80 * waves + rng.normal(0, 10, size), 0, 255).astype(np.uint8)


def disc(label: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A disc on grey noise: uint8 [height, width, 3]. The classes differ by its colour alone."""
    y, x = np.mgrid[: size[0], : size[1]]
    middle, radius = rng.uniform(0.4, 0.6, 2) * size, min(size) * rng.uniform(0.25, 0.35)
    inside = np.hypot(y - middle[0], x - middle[1]) < radius
    ground = rng.integers(60, 160, (*size, 1))
    return np.where(inside[..., np.newaxis], COLOURS[label], ground).astype(np.uint8)


def _write(folder: Path, labels, count: int, draw) -> Path:  # type: ignore[no-untyped-def]
    for label in labels:
        (folder / label).mkdir(parents=True)
        for number in range(count):
            rng = np.random.default_rng((number, len(label)))
            Image.fromarray(draw(label, rng)).save(folder / label / f"{number:04d}.png")
    return folder
