"""Draws one chest radiograph, frontal view, with or without an opacity.

In: a random generator and whether there is pneumonia. Out: uint8 [128, 128]. The picture is a sum of soft shapes in
body coordinates: x to the right of the film, y down, the chest within about [-1, 1] of each.
"""

from dataclasses import dataclass
from functools import cache
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
# Chosen on the phantom's own validation images: a small network is good at it and not perfect.
OPACITY = (0.20, 0.44)
Plane = NDArray[np.float32]  # [SIZE, SIZE]


def draw(rng: np.random.Generator, pneumonia: bool) -> NDArray[np.uint8]:
    """One film, uint8 [SIZE, SIZE]. Both classes get the same nuisances; only `pneumonia` gets an opacity."""
    chest = _chest(rng)
    film = _soft_tissue(chest) - chest.air * chest.lungs
    film += _bones(chest) + _mediastinum(chest) + _abdomen(chest) + _vessels(rng, chest)
    if pneumonia:
        film += _opacity(rng, chest)
    film += _distractors(rng, chest)
    return _exposed(rng, film)


@dataclass(frozen=True, slots=True)
class _Chest:
    """One body on the film: its coordinates, its two lungs (0 to 1) and its sizes in body coordinates."""

    x: Plane
    y: Plane
    left: Plane  # of the film, which is the patient's right
    right: Plane
    lungs: Plane
    rim: Plane  # 1 on the chest wall beside the lungs
    width: float
    apex: float
    base: float
    heart: float
    air: float
    bone: float
    vessel: float


def _chest(rng: np.random.Generator) -> _Chest:
    x, y = _body_coordinates(rng)
    apex, base, heart = rng.uniform(-0.80, -0.68), rng.uniform(0.46, 0.64), rng.uniform(0.24, 0.38)
    lung_width = rng.uniform(0.60, 0.70)
    left, left_rim = _lung(-x, y, (apex, base - 0.05), lung_width, 0.0)
    right, right_rim = _lung(x, y, (apex, base + 0.03), lung_width, heart)
    return _Chest(
        x,
        y,
        left,
        right,
        np.maximum(left, right),
        np.maximum(left_rim, right_rim),
        width=lung_width + rng.uniform(0.10, 0.20),
        apex=apex,
        base=base,
        heart=heart,
        air=rng.uniform(0.26, 0.38),
        bone=rng.uniform(0.07, 0.13),
        vessel=rng.uniform(0.02, 0.06),
    )


@cache
def _grid() -> tuple[Plane, Plane]:
    axis = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1).astype(np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return x, y


def _body_coordinates(rng: np.random.Generator) -> tuple[Plane, Plane]:
    """The film's pixels in body coordinates: the patient stands turned, off centre, nearer or farther."""
    x, y = _grid()
    angle = radians(rng.normal(0, 3.5))
    zoom, stretch = rng.uniform(0.88, 1.10), rng.uniform(0.94, 1.06)
    x, y = x - rng.normal(0, 0.04), y - rng.normal(0, 0.04)
    return (x * cos(angle) + y * sin(angle)) * (zoom * stretch), (y * cos(angle) - x * sin(angle)) * (zoom / stretch)


def _inside(distance: Plane, softness: float) -> Plane:
    """1 where the distance is negative, 0 where it is positive, with a soft edge."""
    plane: Plane = 1 / (1 + np.exp(np.minimum(distance / softness, 30)))
    return plane


def _bump(distance: Plane, width: float) -> Plane:
    """1 where the distance is 0, falling off over `width`."""
    plane: Plane = np.exp(-((distance / width) ** 2))
    return plane


def _ellipse(x: Plane, y: Plane, radii: tuple[float, float], softness: float) -> Plane:
    """An ellipse about the origin of x and y."""
    distance: Plane = np.hypot(x / radii[0], y / radii[1]) - np.float32(1)
    return _inside(distance, softness)


def _noise(rng: np.random.Generator, cells: int) -> Plane:
    """Smooth noise of about `cells` blobs a side, mean 0, deviation about 0.7."""
    grid = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def _side(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _soft_tissue(chest: _Chest) -> Plane:
    u, y = np.abs(chest.x), chest.y
    trunk = _inside(u - chest.width * (1 + 0.10 * np.clip(-y, 0, 1)), 0.025)
    shoulder = -0.96 + 0.34 * np.clip(u - 0.24, 0, 1) ** np.float32(0.8)  # falls away from the neck
    below_shoulder = _inside(shoulder - y, 0.025)
    neck = _inside(u - 0.24, 0.03)
    arm = _inside(np.abs(u - chest.width - 0.22 - 0.10 * y) - 0.13, 0.025) * _inside(-0.62 - y, 0.05)
    return 0.58 * np.maximum(trunk * below_shoulder, neck) + 0.30 * arm * (1 - trunk)


def _lung(u: Plane, y: Plane, ends: tuple[float, float], width: float, heart: float) -> tuple[Plane, Plane]:
    """One lung and the chest wall beside it. u is the distance from the middle, on the lung's own side."""
    apex, base = ends
    height = np.clip((y - apex) / (base - apex), 0, 1.3)
    outer = 0.22 + (width - 0.22) * np.sqrt(height * (2 - height * 0.95) / 1.05)
    inner = 0.12 + 0.03 * height + heart * 0.9 * _bump(y - 0.34, 0.34)  # the heart takes its room from the lung
    floor = base + 0.75 * np.clip(u - 0.30, -0.25, 1) ** 2
    top = apex + 0.7 * (u - 0.30) ** 2
    edge = np.maximum(np.maximum(u - outer, inner - u), np.maximum(y - floor, top - y))
    rim = _bump(u - outer - 0.025, 0.03) * _inside(y - base - 0.3, 0.05) * _inside(apex - y, 0.05)
    return _inside(edge, 0.02), rim


def _bones(chest: _Chest) -> Plane:
    u, y = np.abs(chest.x), chest.y
    spacing = (chest.base - chest.apex + 0.3) / 9
    behind = y - chest.apex - 0.45 * u + 0.62 * (u - 0.25) ** 2  # ribs leave the spine, bend and go down
    before = y - chest.apex + 0.60 * u - 0.15  # and come back to the front, rising to the breastbone
    bones = np.zeros_like(y)
    for curve, strength in ((behind, 1.0), (before, 0.45)):
        off = ((curve / spacing + 0.5) % 1 - 0.5) * spacing
        bones += strength * (_bump(off, spacing * 0.30) - 0.35 * _bump(off, spacing * 0.12))  # two bright edges
    cage = np.maximum(chest.lungs, 0.35 * _inside(u - chest.width + 0.1, 0.02)) * _inside(chest.apex - y - 0.03, 0.03)
    spine = 0.16 * _bump(chest.x, 0.09) * (1 + 0.25 * np.cos(y * 36))
    collar = y - chest.apex - 0.12 + 0.30 * (u - 0.12) - 0.08 * np.sin(6 * u)
    clavicle = _inside(np.abs(collar) - 0.028, 0.012) * _inside(u - 0.78, 0.03) * _inside(0.07 - u, 0.02)
    blade = _ellipse(u - chest.width + 0.06, y - chest.apex - 0.38, (0.17, 0.30), 0.10)
    joint = _ellipse(u - chest.width - 0.04, y - chest.apex - 0.10, (0.10, 0.10), 0.12)
    plane: Plane = (
        chest.bone * (1.3 * bones * cage + 1.2 * chest.rim + 1.3 * clavicle + 0.6 * blade + 1.2 * joint) + spine
    )
    return plane


def _mediastinum(chest: _Chest) -> Plane:
    x, y = chest.x, chest.y
    heart = _ellipse(x - chest.heart * 0.42, y - 0.34, (chest.heart * 1.05, 0.32), 0.07)
    vessels = _inside(np.abs(x - 0.01) - 0.11 - 0.03 * np.sin(3 * y + 1), 0.03)
    arch = _ellipse(x - 0.12, y + 0.30, (0.10, 0.11), 0.12)
    trachea = _bump(x + 0.01, 0.045) * _inside(y + 0.25, 0.05)
    plane: Plane = 0.15 * heart + 0.09 * vessels + 0.08 * arch - 0.09 * trachea
    return plane


def _abdomen(chest: _Chest) -> Plane:
    bubble = _ellipse(chest.x - 0.34, chest.y - chest.base - 0.20, (0.15, 0.08), 0.15)
    plane: Plane = 0.15 * _inside(chest.base + 0.05 - chest.y, 0.06) - 0.12 * bubble
    return plane


def _vessels(rng: np.random.Generator, chest: _Chest) -> Plane:
    """Branching markings that fade from the hilum outwards."""
    u = np.abs(chest.x) - 0.20
    near = np.exp(-np.hypot(u, chest.y * 0.8) / 0.24)
    streaks = np.abs(_noise(rng, 26)) + np.abs(_noise(rng, 48))
    hilum = _bump(u, 0.08) * _bump(chest.y - 0.02, 0.17)
    plane: Plane = chest.vessel * (2.2 * chest.lungs * near * streaks + 1.6 * hilum)
    return plane


def _opacity(rng: np.random.Generator, chest: _Chest) -> Plane:
    """Pneumonia: a consolidated lobe, scattered patches, or an interstitial haze. Some are barely visible."""
    kind, strength = rng.random(), rng.uniform(*OPACITY)
    side = _side(rng)
    if kind < 0.4:
        y = chest.y - rng.uniform(chest.apex + 0.35, chest.base - 0.05)
        u = np.abs(chest.x) - rng.uniform(0.26, 0.50)
        lobe = _ellipse(u, y, (rng.uniform(0.18, 0.34), rng.uniform(0.16, 0.32)), 0.25)
        fissure = _inside(y * _side(rng) - 0.08 + 0.25 * u, 0.02)
        lung = chest.left if side < 0 else chest.right
        plane: Plane = strength * lung * lobe * (0.35 + 0.65 * fissure) * (1 + 0.2 * _noise(rng, 10))
        return plane
    if kind < 0.75:
        patches = np.zeros_like(chest.x)
        for _ in range(int(rng.integers(4, 11))):
            x = chest.x - (side if rng.random() < 0.6 else -side) * rng.uniform(0.18, 0.55)
            y = chest.y - rng.uniform(chest.apex + 0.3, chest.base)
            patches = np.maximum(patches, rng.uniform(0.5, 1) * _bump(np.hypot(x, y), rng.uniform(0.07, 0.16)))
        return strength * chest.lungs * patches * (1 + 0.3 * _noise(rng, 14))
    haze = 0.55 + 0.40 * _noise(rng, 4) + 0.35 * np.abs(_noise(rng, 44))
    plane = 0.7 * strength * chest.lungs * np.clip(haze, 0, 2)
    return plane


def _distractors(rng: np.random.Generator, chest: _Chest) -> Plane:
    """What a healthy film may show too: uneven exposure, breast shadows, a broad thymus, leads, a side marker."""
    x, y = chest.x, chest.y
    extra = rng.normal(0, 0.03) * x + rng.normal(0, 0.03) * y
    if rng.random() < 0.35:
        extra += rng.uniform(0.02, 0.08) * _ellipse(np.abs(x) - 0.42, y - 0.42, (0.30, 0.26), 0.15)
    if rng.random() < 0.3:
        extra += rng.uniform(0.03, 0.10) * _ellipse(x - rng.uniform(-0.14, 0.14), y + 0.25, (0.24, 0.26), 0.15)
    if rng.random() < 0.5:
        extra += rng.uniform(0.01, 0.05) * chest.lungs * np.clip(_noise(rng, 4), 0, 2)
    if rng.random() < 0.2:
        extra += 0.16 * _bump(x - rng.uniform(-0.6, 0.6) - rng.uniform(-0.5, 0.5) * y * y, 0.014)
    if rng.random() < 0.7:
        extra += 0.5 * _letter_r(x + rng.uniform(0.80, 0.92), y + rng.uniform(0.65, 0.90))
    return extra


def _letter_r(x: Plane, y: Plane) -> Plane:
    """The side marker on the patient's right."""
    bar = (np.abs(x) < 0.012) & (np.abs(y) < 0.06)
    bowl = np.abs(np.hypot(x - 0.012, y + 0.028) - 0.028) < 0.011
    leg = (np.abs(x - 0.012 - y * 0.6) < 0.012) & (y > 0) & (y < 0.06)
    plane: Plane = (bar | (bowl & (x > 0)) | leg).astype(np.float32)
    return plane


def _exposed(rng: np.random.Generator, film: Plane) -> NDArray[np.uint8]:
    """Exposure, contrast, blur and grain of the film."""
    film = (film - 0.5) * rng.uniform(0.85, 1.2) + (0.5 + rng.normal(0, 0.04))
    film = np.clip(film, 0, 1.2) ** np.float32(rng.uniform(0.8, 1.3))
    film = film + rng.uniform(0.006, 0.022) * rng.standard_normal(film.shape, dtype=np.float32)
    return np.clip(film * 235 + 6, 0, 255).astype(np.uint8)
