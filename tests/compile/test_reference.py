"""What speaks for TFLM where it has no wheel: compiled C with the same bytes, LiteRT, or a line on what to get."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.compile import compile_model
from edgekit.compile import reference as room
from edgekit.compile.reference import COMPILED, reference
from edgekit.device.evaluate import evaluate_on_desktop
from edgekit.errors import EdgekitError
from edgekit.pipeline.evaluate import evaluate
from edgekit.pipeline.loading import load_model
from edgekit.pipeline.predict import predict
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.tflm import TFLM
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite
from edgekit.values.images import ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import DEFAULT_MODEL

VECTORS = Path(__file__).parents[1] / "vectors/student"
WITHOUT_TFLM = "import sys; sys.modules.update(dict.fromkeys({absent!r})); import edgekit.__main__ as m; m.main()"


@pytest.fixture
def model() -> TfliteModel:
    return read_tflite(VECTORS / "int8.tflite")


@pytest.fixture
def no_tflm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite_micro", None)  # as where it is not installed
    room._say.cache_clear()


def test_where_tflm_is_it_speaks(model: TfliteModel, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference(model) is TFLM
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_tflm")
def test_without_tflm_compiled_c_speaks_and_that_is_said(
    model: TfliteModel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reference(model) is COMPILED
    assert "edgekit's own compiled C speaks in its place" in " ".join(capsys.readouterr().err.split())


def test_compiled_c_gives_the_bytes_of_tflm(model: TfliteModel) -> None:
    for one in (model, read_tflite(DEFAULT_MODEL)):
        inputs = np.random.default_rng(0).integers(-128, 128, (20, *one.input_shape), dtype=np.int8)
        np.testing.assert_array_equal(COMPILED.run(one, inputs), TFLM.run(one, inputs))


@pytest.mark.usefixtures("no_tflm")
def test_without_a_c_compiler_litert_speaks_and_without_that_a_line_says_what_to_install(
    model: TfliteModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert reference(model) is LITERT
    assert "LiteRT, whose bytes may differ" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(EdgekitError, match="Install a C compiler") as raised:
        reference(model)
    assert "ai-edge-litert" in raised.value.hint
    with pytest.raises(EdgekitError, match="No C compiler is on the PATH"):
        COMPILED.run(model, np.zeros((1, *model.input_shape), np.int8))


@pytest.mark.usefixtures("no_tflm")
def test_a_model_that_does_not_compile_is_run_by_litert() -> None:
    r = Random(1)
    x = r.activation((1, 4, 4, 2))
    y = r.b.tensor((1, 3), scales=[16 / 256], zero_points=[127])
    r.b.op("LOG_SOFTMAX", [r.dense(r.reshape(x), 3)], y)
    assert reference(read_tflite(r.b.finish([x], [y]))) is LITERT


def test_the_reports_name_who_spoke(model: TfliteModel, no_tflm: None, tmp_path: Path) -> None:
    assert evaluate(DEFAULT_MODEL, "phantom:0:40").runtime == "compiled"
    images = np.random.default_rng(0).integers(0, 256, (2, *model.input_shape), dtype=np.uint8)
    run = evaluate_on_desktop(model, ImageSet(images, np.zeros(2, np.int64), ("a", "b"), ("a", "b")))
    assert run.device["backend"] == "compiled"
    assert load_model(VECTORS / "int8.tflite").arena_bytes == 0  # nobody measured TFLM's
    assert "kTflmArenaBytes = 16384;" in load_model(VECTORS / "int8.tflite").sources().files["model_data.h"]
    np.savez(tmp_path / "x.npz", x=images)
    assert len(predict(VECTORS / "int8.tflite", tmp_path / "x.npz")) == 2


def test_a_model_of_floats_is_refused_by_compiled_c() -> None:
    with pytest.raises(EdgekitError, match="Compiled C runs quantised models"):
        COMPILED.run(read_tflite(VECTORS / "float32.tflite"), np.zeros((1, 32, 32, 1), np.float32))


def test_a_damaged_library_in_the_cache_is_named(
    model: TfliteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = room._library(compile_model(model.flatbuffer))
    made.write_bytes(b"half")
    with pytest.raises(EdgekitError, match=f"{made.name} cannot be loaded"):
        COMPILED.run(model, np.zeros((1, *model.input_shape), np.int8))


@pytest.mark.parametrize("words", [("predict", str(DEFAULT_MODEL), "film.png"), ("inspect", str(DEFAULT_MODEL))])
def test_commands_work_with_the_package_that_only_reads_files(tmp_path: Path, words: tuple[str, ...]) -> None:
    if "tflite" not in metadata.packages_distributions():  # tests/tflite has the same name
        pytest.skip("the package tflite is not installed")
    Image.new("L", (64, 64), 90).save(tmp_path / "film.png")
    program = WITHOUT_TFLM.format(absent=("tflite_micro", "ai_edge_litert", "torch", "tensorflow"))
    there, done = (
        subprocess.run([sys.executable, "-P", *way, *words], cwd=tmp_path, capture_output=True, check=True)
        for way in (("-m", "edgekit"), ("-c", program))
    )
    if words[0] == "predict":
        assert done.stdout == there.stdout
        assert b"compiled C" in done.stderr
    assert done.stdout.splitlines()[:3] == there.stdout.splitlines()[:3]


def test_a_library_that_another_run_has_made_and_opened_meanwhile_is_used(
    model: TfliteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows replaces no file that is open."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    moved = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if not other_was_faster:
            raise PermissionError(13, "Access is denied", str(target))
        moved(path, target)
        raise PermissionError(13, "Access is denied", str(target))

    monkeypatch.setattr(Path, "replace", replace)
    other_was_faster, images = False, np.zeros((1, *model.input_shape), np.int8)
    with pytest.raises(PermissionError):
        COMPILED.run(model, images)
    other_was_faster = True
    np.testing.assert_array_equal(COMPILED.run(model, images), TFLM.run(model, images))
