"""The benchmark's instruments: its floats, its counter, what it does to a peer's model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tools/bench")]

import board  # noqa: E402
import contenders  # noqa: E402
import published  # noqa: E402
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema  # noqa: E402

from edgekit import files  # noqa: E402
from edgekit.compile import CompileOptions  # noqa: E402
from edgekit.device.profile import profile_json, profile_model  # noqa: E402
from edgekit.errors import EdgekitError  # noqa: E402
from edgekit.runtimes import tflm  # noqa: E402
from edgekit.testing import networks  # noqa: E402
from edgekit.tflite.model import read_int8_model, read_tflite  # noqa: E402
from edgekit.values.model import TfliteModel  # noqa: E402

STUDENT = ROOT / "tests/vectors/student/int8.tflite"


@pytest.fixture(autouse=True)
def emulator() -> None:
    if not board.available():
        pytest.skip("no cross compiler or no QEMU (see firmware/README.md)")


def noise(model: TfliteModel, count: int = 2) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(-128, 128, (count, int(np.prod(model.input_shape))), dtype=np.int8)


def golden(model: TfliteModel, images: np.ndarray) -> np.ndarray:
    return np.stack([tflm.infer_of(model)(image.reshape(1, *model.input_shape)) for image in images])


def test_soft_floats_are_those_of_this_computer(tmp_path: Path) -> None:
    program = tmp_path / "twin"
    source = ROOT / "tests/native/softfloat_twin.c"
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'tools/bench'}", "-lm"]
    subprocess.run(["gcc", str(source), *flags, "-o", str(program)], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_edgekit_and_bakenn_give_tflms_bytes_and_the_count_is_that_of_the_profile() -> None:
    model = read_tflite(STUDENT)
    images = noise(model)
    base = board.harness_bytes(images, 2)
    runs = {}
    for name in ("aot size", "aot esp32", "bakeNN", "bakeNN + ESP-NN"):
        made = contenders.contenders(None, None)[name](model)
        runs[name] = board.run(made.sources, made.objects, made.generated or {}, images, 2, base, made.core)
        assert np.array_equal(runs[name].outputs, golden(model, images)), name
    ours, counted = runs["aot size"], runs["aot size"].counts[0].instructions  # the profile runs the same image
    profile = profile_json(profile_model(STUDENT.read_bytes(), "emulator", CompileOptions(target="generic")))
    # layers that take turns call the profile's hook once a row
    assert abs(counted - profile["total"]["instructions"]) < 0.005 * counted
    assert ours.memory_bytes == profile["total"]["activation_bytes"]
    assert abs(ours.code_bytes - profile["total"]["code_bytes"]) < 600  # memcpy and the like
    assert runs["bakeNN"].counts[0].instructions > 2 * counted
    assert runs["bakeNN + ESP-NN"].counts[0].instructions < 0.7 * runs["bakeNN"].counts[0].instructions
    assert runs["aot esp32"].counts[0].multiplies < ours.counts[0].multiplies / 2  # MAC16 takes their place


def test_two_cores_take_the_time_of_the_longer_share() -> None:
    model = read_tflite(STUDENT)
    images, cycles = noise(model, 1), {}
    for name in ("aot esp32 speed", "aot esp32 speed, two cores"):
        made = contenders.contenders(None, None)[name](model)
        run = board.run(made.sources, made.objects, made.generated or {}, images, 2, None, made.core, made.two_cores)
        assert np.array_equal(run.outputs, golden(model, images)), name
        cycles[name] = run.counts[0].instructions
    (shares,) = run.shares
    assert all(share.instructions > 0.35 * cycles["aot esp32 speed"] for share in shares)
    assert cycles["aot esp32 speed, two cores"] < 0.7 * cycles["aot esp32 speed"]
    assert cycles["aot esp32 speed, two cores"] > shares[0].instructions  # and what is not shared


def test_a_run_repeats_to_the_last_count() -> None:
    model = read_tflite(STUDENT)
    images = np.repeat(noise(model, 1), 3, axis=0)
    made = contenders.contenders(None, None)["aot size"](model)
    run = board.run(made.sources, made.objects, made.generated or {}, images, 2, None)
    assert len(run.counts) == 3
    assert len(set(run.counts)) == 1


def test_a_contender_that_fails_or_crashes_is_an_error(tmp_path: Path) -> None:
    images = np.zeros((1, 4), np.int8)
    head = '#include "bench.h"\nint32_t bench_setup(void) { return '
    for number, text in enumerate(
        (
            head + "-7; }\nint32_t bench_run(const int8_t *i, int8_t *o) { return 0; }\n",
            head + "0; }\nint32_t bench_run(const int8_t *i, int8_t *o) { __builtin_trap(); }\n",
        )
    ):
        source = tmp_path / f"{number}.c"
        source.write_text(text)
        with pytest.raises(EdgekitError, match="status"):
            board.run([board.Source(source)], [], {}, images, 1, None)


def test_flat_ends_change_no_output() -> None:
    r = networks._Sketch(6, 6, 2)
    pooled = r.pooled(r.conv(r.input, 5))
    logits = r.logits(pooled, 3)
    r.b.ops = [op for op in r.b.ops if op.builtinOptionsType != schema.BuiltinOptions.ReshapeOptions]
    r.b.ops[-1].inputs[0] = pooled.index  # [1, 1, 1, 5] straight into the fully connected layer
    content = r.b.finish([r.input.index], [logits.index])
    flat = contenders.with_flat_ends(content)
    first, second = (read_int8_model(c) for c in (content, flat))
    assert "RESHAPE" in second.ops
    assert "RESHAPE" not in first.ops
    images = noise(first, 5)
    assert np.array_equal(golden(first, images), golden(second, images))


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_networks_use_their_range_and_are_the_same_everywhere(name: str) -> None:
    content = networks.NETWORKS[name]()
    assert content == networks.NETWORKS[name]()
    model = read_int8_model(content)
    images = np.stack([networks.image(model.input_shape, seed).ravel() for seed in range(3)])
    outputs = golden(model, images)
    assert len(np.unique(outputs)) > 12
    assert (np.abs(outputs.astype(int)) < 127).mean() > 0.7
    assert not np.array_equal(outputs[0], outputs[1])


def test_published_times_stand_beside_the_models_and_kernels_that_they_are_of(tmp_path: Path) -> None:
    assert published.published_ms("person_detect", "TFLM + ESP-NN") == pytest.approx(474.22)
    assert published.published_ms("MLPerf ResNet", "TFLM + ESP-NN") == pytest.approx(724.457)
    assert published.published_ms("person_detect", "aot size") is None
    assert published.published_ms("student", "TFLM + ESP-NN") is None
    (tmp_path / "student.tflite").write_bytes(STUDENT.read_bytes())
    with pytest.raises(EdgekitError, match="none of the models") as refusal:
        published.public_models(tmp_path)
    assert "kws_ref_model.tflite" in refusal.value.hint


def test_public_models_are_known_by_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = STUDENT.read_bytes()
    public = {"kws": published.Public("kws.tflite", files.sha256_of(content), "")}
    monkeypatch.setattr(published, "PUBLIC", public)
    (tmp_path / "under").mkdir()
    (tmp_path / "under/another_name.tflite").write_bytes(content)
    assert published.public_models(tmp_path) == {"kws": content}
