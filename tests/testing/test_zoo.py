"""tools/compile_zoo: a folder of models, compiled and compared with TFLM."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.compile import compile_model
from edgekit.testing import zoo
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "sound.tflite").write_bytes(random_model(4))
    (folder / "not.tflite").write_bytes(b"no model")
    r = Random(1)
    x = r.activation((1, 1, 1, 513))  # of equal values: TFLM ends its process
    (folder / "ends_tflm.tflite").write_bytes(r.b.finish([x], [r.softmax(r.reshape(x, (1, 513)))]))
    return folder


def test_the_tool_says_of_every_file_what_became_of_it(folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "tools/compile_zoo", folder, "--inputs", "2", "--json", tmp_path / "found.json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = {one["name"]: one for one in json.loads((tmp_path / "found.json").read_text())}
    assert found["sound.tflite"]["compared"] == 6
    assert found["sound.tflite"]["ram_bytes"] == compile_model(random_model(4)).shared_ram_bytes
    assert found["sound.tflite"]["tflm_bytes"] > found["sound.tflite"]["ram_bytes"]
    assert "not a .tflite file" in found["not.tflite"]["obstacles"]
    assert found["ends_tflm.tflite"]["compared"] == 0
    for words_of_it in ("exact on 6", "refused", "TFLM does not run it", "2 of 3 compile"):
        assert words_of_it in done.stdout
    none = subprocess.run([*words[:3], "--only", "nothing"], capture_output=True, text=True, check=False)
    assert none.returncode == 2


def test_a_model_that_is_not_exact_is_named_with_the_ways_that_are_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(content: bytes, options: Any) -> Any:
        compiled = compile_model(content, options)
        source = f"{options.name}.c"
        wrong = compiled.files | {source: compiled.files[source].rstrip()[:-1] + "  output[0] ^= 1;\n}\n"}
        return replace(compiled, files=wrong) if options.optimize == "speed" else compiled

    monkeypatch.setattr(zoo, "compile_model", spoilt)
    found = zoo.examined(folder / "sound.tflite", count=2)
    assert found.differing == ("speed for generic", "speed for esp32")
