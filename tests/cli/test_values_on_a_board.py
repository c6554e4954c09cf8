"""`eval-device` of a model whose outputs are no classes: errors in real units, every byte, a page; no accuracy."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from elsewhere_models import dense
from smoke_build import Said


def test_an_autoencoder_shows_its_error_and_no_accuracy(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "auto.tflite").write_bytes(dense((1, 8), 8))
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(0, 1, (6, 8)))
    words = ("eval-device", "--port", "native", "--model", tmp_path / "auto.tflite", "--data", tmp_path / "d.npz")
    said = edgekit(*words, "--report", tmp_path / "r.html")
    assert said.code == 0, said.err
    page = (tmp_path / "r.html").read_text()
    for text in (said.out, page):
        assert "mean absolute error" in text
        assert "accuracy" not in text
    found = json.loads(edgekit(*words, "--json").out)
    assert found["agreement"] == {"images": 6, "identical": 6, "differing": []}
    assert found["mae"] > 0
    assert found["against"].startswith("the input")
    assert found["device"]["inputs"][0]["shape"] == [8]
