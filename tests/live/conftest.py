"""The native firmware with a small model, and `edgekit watch` as a process beside it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.compile import compile_model
from edgekit.device import firmware
from edgekit.device.firmware import model_sources
from edgekit.tflite.model import read_tflite
from watching import INT8, Watching


@pytest.fixture(scope="session")
def native() -> Path:
    """The firmware with the small student, for this computer."""
    model = read_tflite(INT8)
    return firmware.build("native", model_sources(model, compile_model(model.flatbuffer)))


@pytest.fixture
def board(native: Path) -> Iterator[str]:
    """The port of a fresh native board."""
    with firmware.running(native) as port:
        yield port


@pytest.fixture
def watching() -> Iterator[Callable[..., Watching]]:
    """Starts watches, and ends those that a test leaves."""
    started: list[Watching] = []

    def start(*words: Any, **more: Any) -> Watching:
        started.append(Watching(*words, **more))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def draw() -> Callable[..., Path]:
    """Writes a picture of noise."""

    def drawn(path: Path, seed: int = 0, size: tuple[int, int] = (48, 40)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, size[::-1], np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return drawn
