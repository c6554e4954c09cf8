"""Draws one picture of the `shapes` set: a disc, a square or a triangle on a textured ground, in RGB.

In: a random generator and a class number. Out: uint8 [64, 64, 3].

Brightness is drawn first, by a program that does not know the colour; then each pixel is coloured so that Pillow's
convert("L") gives that very brightness back. A red and a green disc drawn from one state of the generator are the same
grey picture, byte for byte: who tells them apart has seen their colours.
"""

import numpy as np
from numpy.typing import NDArray

LABELS = ("green disc", "green square", "red disc", "red square", "triangle")
EDGE = 64  # pixels
# How far R and B lie above the brightness; G follows from it. The triangle comes in each of the three.
COLOURS = {"red": (62.0, -28.0), "green": (-46.0, -30.0), "blue": (-24.0, 62.0)}
_DARKEST, _LIGHTEST = 62, 188  # between them every colour fits into 8 bits
_WEIGHTS = (19595, 38470, 7471)  # of R, G, B in Pillow's brightness, in 65536ths

Picture = NDArray[np.float64]


def draw(rng: np.random.Generator, label: int) -> NDArray[np.uint8]:
    """One picture of the class, uint8 [64, 64, 3]."""
    colour, _, shape = LABELS[label].rpartition(" ")
    hue = rng.choice([*COLOURS])  # drawn whatever the class, so that what follows is the same for each colour
    inside = _inside(rng, shape)
    brightness = _brightness(rng, inside)
    red, blue = (_field(rng, 4) * 9 + rng.uniform(-12, 12) for _ in range(2))  # of the ground
    jitter = rng.uniform(0.75, 1.0), rng.uniform(-8, 8), rng.uniform(-8, 8)
    of_shape = np.array(COLOURS[colour or hue]) * jitter[0] + jitter[1:]
    return _coloured(
        brightness,
        np.rint(red + inside * (of_shape[0] - red)).astype(np.int64),
        np.rint(blue + inside * (of_shape[1] - blue)).astype(np.int64),
    )


def _coloured(brightness: NDArray[np.int64], red: NDArray[np.int64], blue: NDArray[np.int64]) -> NDArray[np.uint8]:
    """RGB [H, W, 3] of which convert("L") is the brightness [H, W]; red and blue are how far R and B lie above it."""
    r, b = brightness + red, brightness + blue
    # The least G that reaches the brightness: one more adds 0.59, so none is passed over.
    g = -((_WEIGHTS[0] * r + _WEIGHTS[2] * b + 32768 - (brightness << 16)) // _WEIGHTS[1])
    return np.asarray(np.stack([r, g, b], axis=-1), np.uint8)


def _inside(rng: np.random.Generator, shape: str) -> Picture:
    """How much of each pixel the shape covers, 0 to 1, [64, 64]."""
    radius = rng.uniform(0.2, 0.34) * EDGE
    y0, x0 = rng.uniform(0.38, 0.62, 2) * EDGE
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:EDGE, :EDGE] + 0.5
    across, along = x - x0, y - y0
    if shape == "disc":
        distance = np.hypot(across, along) - 0.9 * radius
    else:  # a regular polygon: the farthest of its sides
        sides = 4 if shape == "square" else 3
        normals = angle + 2 * np.pi * np.arange(sides) / sides
        reach = radius * (0.8 if shape == "square" else 0.62)
        distance = np.max([across * np.cos(a) + along * np.sin(a) - reach for a in normals], axis=0)
    return np.asarray(np.clip(0.5 - distance, 0, 1))


def _brightness(rng: np.random.Generator, inside: Picture) -> NDArray[np.int64]:
    """A grey picture of the shape on its ground, [64, 64]."""
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE
    angle, waves, phase = rng.uniform(0, np.pi), rng.uniform(2, 9), rng.uniform(0, 2 * np.pi)
    stripes = np.sin(2 * np.pi * waves * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    ground = rng.uniform(105, 145) + rng.uniform(0, 14) * stripes
    ground += 10 * _field(rng, 4) + 8 * _field(rng, 12)
    contrast = rng.uniform(18, 40) * rng.choice([-1, 1])
    grey = ground + inside * contrast + rng.normal(0, 4, (EDGE, EDGE))
    return np.asarray(np.clip(np.rint(grey), _DARKEST, _LIGHTEST), np.int64)


def _field(rng: np.random.Generator, cells: int) -> Picture:
    """Smooth noise of so many cells a side, about -1 to 1, [64, 64]: bilinear between random values."""
    values = rng.uniform(-1, 1, (cells + 1, cells + 1))
    place = (np.arange(EDGE) + 0.5) / EDGE * cells
    low = place.astype(np.int64)
    part = place - low
    rows = values[low] * (1 - part)[:, None] + values[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)
