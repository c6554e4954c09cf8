"""A real ESP32 on a serial port: `EDGEKIT_PORT=/dev/ttyUSB0 pytest -m hardware`. Nobody has run this yet."""

import os
from pathlib import Path

import pytest

from edgekit.device.connection import connected
from edgekit.device.protocol.codes import BoardKind
from edgekit.device.selftest import selftest
from edgekit.pipeline.loading import load_model
from edgekit.values.shipped import DEFAULT_MODEL

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.skipif("EDGEKIT_PORT" not in os.environ, reason="needs a real ESP32: set EDGEKIT_PORT"),
]


def test_the_board_passes_the_selftest() -> None:
    loaded = load_model(Path(__file__).parents[2] / DEFAULT_MODEL)
    with connected(os.environ["EDGEKIT_PORT"], loaded.model, loaded.sources) as client:
        assert client.info.board == BoardKind.REAL
        assert [check for check in selftest(client, loaded.model) if not check.passed] == []
