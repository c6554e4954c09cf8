"""Draws one chest radiograph, frontal view, with or without an opacity.

In: a random generator and whether there is pneumonia. Out: uint8 [128, 128]. The picture is a sum of soft shapes in
body coordinates: x to the right of the film, y down, the chest within about [-1, 1] of each.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
Plane = NDArray[np.float32]


def draw(rng: np.random.Generator, pneumonia: bool) -> NDArray[np.uint8]:
    """One film, uint8 [SIZE, SIZE]. Both classes get the same nuisances; only `pneumonia` gets an opacity."""
    chest = _Chest.of(rng)
    x, y = _body_coordinates(rng)
    left, right = _lung(chest, x, y, -1), _lung(chest, x, y, 1)
    lungs = np.maximum(left, right)
    film = _soft_tissue(chest, x, y) * (0.62 - chest.air * lungs)
    film += _bones(chest, x, y, lungs) + _mediastinum(chest, x, y) + _below_diaphragm(chest, x, y)
    film += _vessels(rng, chest, x, y, lungs)
    if pneumonia:
        film += _opacity(rng, chest, x, y, left, right)
    film += _distractors(rng, chest, x, y, lungs)
    return _exposed(rng, film)


@dataclass(frozen=True, slots=True)
class _Chest:
    """One body: sizes in body coordinates."""

    width: float
    air: float
    bone: float
    heart: float
    heart_x: float
    apex: float
    base: float
    lung_width: float
    ribs: int
    rib_slope: float
    vessel: float

    @staticmethod
    def of(rng: np.random.Generator) -> "_Chest":
        return _Chest(
            width=rng.uniform(0.84, 1.0),
            air=rng.uniform(0.30, 0.42),
            bone=rng.uniform(0.05, 0.10),
            heart=rng.uniform(0.30, 0.44),
            heart_x=rng.uniform(0.08, 0.20),
            apex=rng.uniform(-0.78, -0.66),
            base=rng.uniform(0.42, 0.60),
            lung_width=rng.uniform(0.30, 0.38),
            ribs=int(rng.integers(8, 11)),
            rib_slope=rng.uniform(0.15, 0.40),
            vessel=rng.uniform(0.04, 0.10),
        )


@cache
def _grid() -> tuple[Plane, Plane]:
    axis = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1).astype(np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return x, y


def _body_coordinates(rng: np.random.Generator) -> tuple[Plane, Plane]:
    """The film's pixels in body coordinates: the patient stands turned, off centre, nearer or farther."""
    x, y = _grid()
    angle = np.radians(rng.normal(0, 3.5))
    zoom, stretch = rng.uniform(0.88, 1.12), rng.uniform(0.94, 1.06)
    x, y = x - rng.normal(0, 0.04), y - rng.normal(0, 0.04)
    turned_x = (x * np.cos(angle) + y * np.sin(angle)) * zoom * stretch
    turned_y = (-x * np.sin(angle) + y * np.cos(angle)) * zoom / stretch
    return turned_x.astype(np.float32), turned_y.astype(np.float32)


def _step(distance: Plane, softness: float) -> Plane:
    """1 where distance is negative, 0 where positive, with a soft edge."""
    return 1 / (1 + np.exp(np.clip(distance / softness, -30, 30)))


def _bump(distance: Plane, width: float) -> Plane:
    return np.exp(-((distance / width) ** 2))


def _ellipse(x: Plane, y: Plane, x0: float, y0: float, rx: float, ry: float, softness: float) -> Plane:
    return _step(np.hypot((x - x0) / rx, (y - y0) / ry) - 1, softness)


def _noise(rng: np.random.Generator, cells: int) -> Plane:
    """Smooth noise of about `cells` blobs a side, mean 0, deviation about 1."""
    grid = Image.fromarray(rng.normal(size=(cells + 2, cells + 2)).astype(np.float32))
    return np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def _soft_tissue(chest: _Chest, x: Plane, y: Plane) -> Plane:
    trunk = _step(np.abs(x) - chest.width * (1 - 0.06 * np.cos(2.2 * y)), 0.025)
    neck = 0.26 + 0.62 * np.clip((y + 1.02) / 0.34, 0, 1) ** 0.6  # shoulders fall away from the neck
    return trunk * _step(np.abs(x) - neck * 1.1, 0.03)


def _lung(chest: _Chest, x: Plane, y: Plane, side: int) -> Plane:
    """One lung, 0 to 1. side -1 is the left of the film (the patient's right lung)."""
    u = x * side
    dome = chest.base + (0.05 if side > 0 else -0.04)
    floor = dome + 0.9 * (np.clip(u - 0.28, -0.3, 1)) ** 2
    height = np.clip((y - chest.apex) / (dome - chest.apex), 0, 1.4)
    outer = 0.20 + (chest.lung_width + 0.20) * np.sqrt(np.clip(height, 0, 1)) * (1 - 0.06 * height)
    inner = 0.13 + 0.05 * height
    if side > 0:  # the heart takes its room from the left lung
        inner = inner + chest.heart * 0.75 * _bump(y - 0.36, 0.34)
    edge = np.maximum(np.maximum(u - outer, inner - u), np.maximum(y - floor, chest.apex - y + 0.5 * (u - 0.28) ** 2))
    return _step(edge, 0.022)


def _bones(chest: _Chest, x: Plane, y: Plane, lungs: Plane) -> Plane:
    bones = np.zeros_like(x)
    u = np.abs(x)
    spacing = (chest.base - chest.apex + 0.25) / chest.ribs
    cage = _step(u - chest.width * 0.86, 0.02) * _step(0.10 - u, 0.02)
    for number in range(chest.ribs):
        top = chest.apex - 0.02 + number * spacing
        back = y - (top + chest.rib_slope * (u - 0.1) ** 1.0 * 0.9 - 0.35 * u * u + 0.02)
        front = y - (top + 0.20 - 0.55 * (u - 0.6) * (u > 0) - 0.1 * u * u)
        bones += cage * chest.bone * (_bump(back, spacing * 0.26) - 0.35 * _bump(back, spacing * 0.10))
        bones += cage * chest.bone * 0.45 * _bump(front, spacing * 0.24) * _step(0.30 - u, 0.05)
    spine = 0.16 * _bump(x, 0.085) * (1 + 0.18 * np.cos(y * 34)) * _step(-y - 1.2, 0.05)
    clavicle = y - (chest.apex + 0.10 - 0.22 * (u - 0.10) + 0.12 * np.sin(5 * u))
    collar = 1.5 * chest.bone * _bump(clavicle, 0.035) * _step(u - 0.72, 0.03) * _step(0.08 - u, 0.02)
    blade = 0.05 * _ellipse(u, y, 0.72, chest.apex + 0.42, 0.16, 0.34, 0.12)
    return bones * (0.45 + 0.55 * lungs) + spine + collar + blade


def _mediastinum(chest: _Chest, x: Plane, y: Plane) -> Plane:
    heart = _ellipse(x, y, chest.heart_x, 0.34, chest.heart, 0.32, 0.07)
    vessels = _step(np.abs(x - 0.01) - (0.12 + 0.04 * np.sin(3 * y + 1)), 0.025) * _step(y - 0.35, 0.1)
    arch = _ellipse(x, y, 0.13, -0.30, 0.10, 0.11, 0.12)
    trachea = _bump(x + 0.01, 0.045) * _step(y + 0.22, 0.05)
    return 0.17 * heart + 0.10 * vessels + 0.07 * arch - 0.10 * trachea


def _below_diaphragm(chest: _Chest, x: Plane, y: Plane) -> Plane:
    belly = 0.16 * _step(chest.base + 0.05 - y, 0.05)
    return belly - 0.14 * _ellipse(x, y, 0.34, chest.base + 0.22, 0.15, 0.08, 0.15)


def _vessels(rng: np.random.Generator, chest: _Chest, x: Plane, y: Plane, lungs: Plane) -> Plane:
    """Branching markings that fade from the hilum outwards."""
    near = np.exp(-np.hypot(np.abs(x) - 0.20, (y - 0.0) * 0.8) / 0.28)
    streaks = np.abs(_noise(rng, 20)) * 0.7 + np.abs(_noise(rng, 34)) * 0.5
    hilum = _bump(np.abs(x) - 0.21, 0.075) * _bump(y - 0.02, 0.17)
    return lungs * chest.vessel * (1.6 * near * streaks) + chest.vessel * 0.9 * hilum


def _opacity(rng: np.random.Generator, chest: _Chest, x: Plane, y: Plane, left: Plane, right: Plane) -> Plane:
    """Pneumonia: a consolidated lobe, scattered patches, or an interstitial haze."""
    kind = rng.choice(3, p=(0.4, 0.35, 0.25))
    lung = left if rng.random() < 0.55 else right
    side = -1 if lung is left else 1
    strength = rng.uniform(0.07, 0.27)
    if kind == 0:
        y0 = rng.uniform(chest.apex + 0.35, chest.base - 0.05)
        x0 = side * rng.uniform(0.26, 0.52)
        lobe = _ellipse(x, y, x0, y0, rng.uniform(0.16, 0.32), rng.uniform(0.14, 0.30), 0.28)
        fissure = _step((y - y0) * rng.choice((-1, 1)) - 0.08 + 0.25 * (np.abs(x) - 0.3), 0.02)
        return strength * lung * lobe * (0.35 + 0.65 * fissure) * (1 + 0.15 * _noise(rng, 10))
    if kind == 1:
        patches = np.zeros_like(x)
        for _ in range(int(rng.integers(4, 11))):
            x0, y0 = rng.choice((-1, 1)) * rng.uniform(0.18, 0.55), rng.uniform(chest.apex + 0.3, chest.base)
            radius = rng.uniform(0.05, 0.12)
            patches = np.maximum(patches, rng.uniform(0.5, 1) * _bump(np.hypot(x - x0, y - y0), radius * 1.3))
        return strength * np.maximum(left, right) * patches * (1 + 0.2 * _noise(rng, 14))
    haze = 0.45 + 0.35 * _noise(rng, 4) + 0.5 * np.abs(_noise(rng, 26))
    return 0.6 * strength * np.maximum(left, right) * np.clip(haze, 0, 2)


def _distractors(rng: np.random.Generator, chest: _Chest, x: Plane, y: Plane, lungs: Plane) -> Plane:
    """What a healthy film may show too: uneven exposure, breast shadows, a broad thymus, leads, a side marker."""
    extra = rng.normal(0, 0.03) * x + rng.normal(0, 0.03) * y
    if rng.random() < 0.35:
        extra += rng.uniform(0.02, 0.08) * _ellipse(np.abs(x), y, 0.42, 0.42, 0.30, 0.26, 0.15)
    if rng.random() < 0.3:
        extra += rng.uniform(0.03, 0.10) * _ellipse(x, y, rng.uniform(-0.14, 0.14), -0.25, 0.24, 0.26, 0.15)
    if rng.random() < 0.5:
        extra += rng.uniform(0.02, 0.06) * lungs * np.clip(_noise(rng, 4), 0, 2)
    if rng.random() < 0.2:
        x0, bend = rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.5)
        extra += 0.16 * _bump(x - x0 - bend * y * y, 0.014)
    if rng.random() < 0.6:
        side = rng.choice((-1, 1))
        u, v = x - side * 0.86, y + 0.80
        extra += 0.45 * (_bump(u, 0.014) * (np.abs(v) < 0.05) + _bump(v - 0.05, 0.014) * (np.abs(u - 0.02) < 0.03))
    return extra


def _exposed(rng: np.random.Generator, film: Plane) -> NDArray[np.uint8]:
    """Exposure, contrast, blur and grain of the film."""
    film = (film - 0.5) * rng.uniform(0.85, 1.2) + 0.5 + rng.normal(0, 0.04)
    film = np.clip(film, 0, 1.2) ** rng.uniform(0.8, 1.3)
    film += rng.uniform(0.006, 0.022) * rng.normal(size=film.shape) + rng.uniform(0, 0.012) * _noise(rng, 48)
    return np.clip(film * 235 + 6, 0, 255).astype(np.uint8)
