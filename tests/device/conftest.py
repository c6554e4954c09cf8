"""Boards of this computer with a small model on them."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import Compiled, compile_model
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.link import open_link
from edgekit.testing.fault_proxy import FaultProxy
from edgekit.tflite.model import read_tflite
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.task import CHEST_XRAY
from images_built import write_build

VECTORS = Path(__file__).parents[1] / "vectors/student"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What PlatformIO leaves, as far as flashing looks at it."""
    return write_build(tmp_path)


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firmware folder in which nothing was built yet."""
    folder = tmp_path / "firmware"
    folder.mkdir()
    (folder / "platformio.ini").write_text("[edgekit]\nproject = firmware\n")
    monkeypatch.setenv("EDGEKIT_FIRMWARE", str(folder))
    return folder


@pytest.fixture(scope="session")
def model() -> TfliteModel:
    """The small student: 32x32, 3.8 KB."""
    return read_tflite(VECTORS / "int8.tflite")


@pytest.fixture(scope="session")
def compiled(model: TfliteModel) -> Compiled:
    """It as C."""
    return compile_model(model.flatbuffer)


@pytest.fixture(scope="session")
def sources(model: TfliteModel, compiled: Compiled) -> ModelSources:
    """What firmware/lib/model holds for it."""
    return model_sources(model, compiled)


@pytest.fixture(scope="session")
def native(sources: ModelSources) -> Path:
    """The firmware for this computer, under the sanitizers."""
    return firmware.build("native", sources)


@pytest.fixture(scope="session")
def emulated(sources: ModelSources) -> Path:
    """The firmware for the emulated Xtensa."""
    return firmware.build("emulated", sources)


@pytest.fixture
def board(native: Path) -> Iterator[str]:
    """The port of a fresh native board."""
    with firmware.running(native) as port:
        yield port


@pytest.fixture
def client(board: str) -> Iterator[Client]:
    """A client that has not greeted yet."""
    link = open_link(board)
    yield Client(link)
    link.close()


@pytest.fixture
def through(board: str) -> Iterator[Callable[..., Client]]:
    """A client that reaches the board through a proxy with the given faults."""
    opened: list[Callable[[], None]] = []

    def connect(**faults: object) -> Client:
        proxy = FaultProxy(board, **faults)  # type: ignore[arg-type]
        link = open_link(proxy.port)
        opened.extend((link.close, proxy.close))
        client = Client(link)
        client.proxy = proxy  # type: ignore[attr-defined]
        return client

    yield connect
    for close in opened:
        close()


@pytest.fixture(scope="session")
def xrays() -> ImageSet:
    """100 drawn images of 32x32: discs on noise."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[0:32, 0:32]
    labels = np.arange(100) % 2
    images = rng.integers(0, 90, (100, 32, 32))
    for row, label in enumerate(labels):
        centre = rng.integers(8, 24, 2)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < rng.integers(9, 60)
        images[row] += inside * (120 + 40 * label)
    ids = tuple(f"test/{'NP'[label]}/{row:03d}.png" for row, label in zip(itertools.count(), labels, strict=False))
    return ImageSet(images.clip(0, 255).astype(np.uint8)[..., np.newaxis], labels.astype(np.int64), ids, ids)


@pytest.fixture(scope="session")
def data_info() -> DataInfo:
    """Its description."""
    return DataInfo("drawn discs", "0" * 64, True, CHEST_XRAY)
