"""An int8 model beside its float model: a trained student, one whose ranges are spoiled, and one with branches."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.analysis.analyze import analyze
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.runtimes import litert, tflm
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import real_values
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished
from edgekit.values.analysis import Analysis

pytest.importorskip("ai_edge_litert")
DATA = "phantom:0:60"
PERFECT = 120  # dB; a float32 is as coarse


@pytest.fixture(scope="module")
def build(student: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As build-model leaves it: the small student as int8, as floats, as ONNX."""
    folder = tmp_path_factory.mktemp("build")
    for variant in ("int8", "float32"):
        (folder / f"student_{variant}.tflite").write_bytes(student.converted.models[variant].flatbuffer)
    (folder / "student.onnx").write_bytes(student.converted.onnx)
    np.savez(folder / "discs.npz", x=student.images[:40], y=np.arange(40) % 2)  # as it was calibrated on
    return folder


def spoiled(build: Path, folder: Path, factor: float) -> Analysis:
    """The student with the range of its first convolution, and of the pool behind it, made wider by a factor; the next
    convolution's biases, which are in units of that range, with it."""
    content, classes = (build / "student_int8.tflite").read_bytes(), schema(writes=True)
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    bias = graph.tensors[graph.operators[2].inputs[2]]
    for tensor in (*(graph.tensors[graph.operators[row].outputs[0]] for row in (0, 1)), bias):
        tensor.quantization.scale = [float(np.float32(one * factor)) for one in tensor.quantization.scale]
    stored = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
    model.buffers[bias.buffer].data = np.frombuffer(np.round(stored / factor).astype(np.int32).tobytes(), np.uint8)
    (folder / "spoiled.tflite").write_bytes(finished(model, len(content)))
    return analyze(folder / "spoiled.tflite", str(build / "discs.npz"), floats=build / "student_float32.tflite")


def test_layers_as_they_run_are_those_of_the_whole_model_on_tflm(build: Path) -> None:
    found = analyze(build, DATA)
    int8, floats = (read_tflite(build / f"student_{variant}.tflite") for variant in ("int8", "float32"))
    assert [one.op for one in found.layers] == ["input", *int8.ops]
    images = load_splits(DATA, (32, 32), DataRecipe()).val.images
    assert found.images == len(images)
    wanted = litert.run(floats, images).astype(np.float64)
    apart = real_values(tflm.run(int8, images), int8.output_specs) - wanted
    assert found.output_db == pytest.approx(10 * math.log10((wanted**2).sum() / (apart**2).sum()), abs=1e-3)
    assert found.layers[-1].snr_db == pytest.approx(found.output_db, abs=1e-3)
    assert found.runtime == "tflm"
    assert (found.domain, found.synthetic) == ("Research demonstration, not a medical device.", True)


def test_what_loses_nothing_has_no_part_and_the_parts_make_up_the_whole(build: Path) -> None:
    found = analyze(build, str(build / "discs.npz"), images=8)
    assert found.images == 8
    for one in found.layers:
        assert (one.own_db >= PERFECT) == (one.op in ("input", "MAX_POOL_2D")), one
        assert (one.weights_db is not None) == (one.op in ("CONV_2D", "FULLY_CONNECTED"))
        assert one.weights_db is None or one.weights_db > one.own_db
    assert sum(one.share for one in found.layers) == pytest.approx(1)
    noise = sum(10 ** (-one.output_db / 10) for one in found.layers)
    assert -10 * math.log10(noise) == pytest.approx(found.output_db, abs=2)


def test_a_range_that_is_too_wide_shows_at_its_layer(build: Path, tmp_path: Path) -> None:
    good, found = analyze(build, str(build / "discs.npz")), spoiled(build, tmp_path, 16)
    assert found.output_db < good.output_db - 3
    assert max(found.layers, key=lambda one: one.share).position == 0
    assert found.layers[1].range_used == pytest.approx(good.layers[1].range_used / 16, rel=1e-4)
    assert found.layers[1].own_db < good.layers[1].own_db - 12
    assert found.layers[1].weights_db == good.layers[1].weights_db


def test_a_range_that_is_too_narrow_shows_as_clipped(build: Path, tmp_path: Path) -> None:
    found = spoiled(build, tmp_path, 1 / 8)
    assert found.layers[1].clipped > 0.01
    assert found.layers[1].range_used > 4
    assert found.layers[1].share > 0.9
    assert found.drift > 1


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A residual network of RGB pictures as ONNX, and as onnx2tf makes it int8."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx2tf")
    from edgekit.pipeline.convert_onnx import tflites_of_onnx

    torch.manual_seed(1)

    class Residual(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.enter = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.deep = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.flat = torch.nn.Conv2d(8, 8, 1)
            self.pool, self.leave = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Linear(8, 5)

        def forward(self, pictures: Any) -> Any:
            entered = torch.relu(self.enter(pictures))
            added = torch.relu(entered + self.flat(torch.relu(self.deep(entered))))
            return self.leave(torch.flatten(self.pool(added), 1))

    folder = tmp_path_factory.mktemp("branches")
    torch.onnx.export(Residual().eval(), (torch.rand(1, 3, 24, 24),), folder / "net.onnx", dynamo=False)
    made = tflites_of_onnx((folder / "net.onnx").read_bytes(), "net.onnx", "shapes:0:120")
    for variant in ("int8", "float32"):
        (folder / f"net_{variant}.tflite").write_bytes(made[variant])
    return folder


def test_branches_that_join_again_are_followed(branches: Path) -> None:
    found = analyze(branches / "net_int8.tflite", "shapes:0:120", floats=branches / "net_float32.tflite", images=12)
    assert {"ADD", "DEPTHWISE_CONV_2D"} <= {one.op for one in found.layers}
    noise = sum(10 ** (-one.output_db / 10) for one in found.layers)
    assert -10 * math.log10(noise) == pytest.approx(found.output_db, abs=3)
    assert next(one for one in found.layers if one.op == "ADD").weights_db is None


def test_an_onnx_model_is_the_float_model_that_onnx2tf_makes_of_it(branches: Path) -> None:
    by_onnx = analyze(branches / "net_int8.tflite", "shapes:0:120", floats=branches / "net.onnx", images=3)
    by_float = analyze(branches / "net_int8.tflite", "shapes:0:120", floats=branches / "net_float32.tflite", images=3)
    assert replace(by_onnx, float_sha256="") == replace(by_float, float_sha256="")


def test_without_tflm_litert_runs_the_int8_layers_and_is_named(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = analyze(build, DATA, images=6)
    monkeypatch.setattr("edgekit.runtimes.tflm.installed", lambda: False)
    found = analyze(build, DATA, images=6)
    assert found.runtime == "litert"
    assert [one.snr_db for one in found.layers] == pytest.approx([one.snr_db for one in good.layers], abs=1)


Spoil = Callable[[Path, Path], tuple[Path, Path | None]]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (lambda build, _: (build / "student_float32.tflite", None), "is a float32 model, not int8"),
        (lambda build, _: (build, build / "student_int8.tflite"), "is not a float32 model but int8"),
        (lambda build, _: (build, Path("models/chest_xray/card.json")), "card.json"),
        (lambda build, _: (Path("models/chest_xray"), None), "No float model is beside"),
        (
            lambda build, _: (Path("models/chest_xray"), build / "student_float32.tflite"),
            "layer 0 is CONV_2D of 1 x 32 x 32 x 8 in it, and CONV_2D of 1 x 64 x 64 x 8 in the int8 model",
        ),
        (lambda build, folder: (build, folder / "absent.tflite"), "absent.tflite"),
    ],
)
def test_what_is_no_pair_of_models_is_named(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Spoil, says: str
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    model, floats = files(build, tmp_path)
    with pytest.raises(EdgekitError) as caught:
        analyze(model, DATA, floats=floats)
    assert says in caught.value.message
    assert caught.value.hint
