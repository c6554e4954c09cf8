"""The whole walk by the smoke recipe: what it leaves, what it keeps, and that a kill or Ctrl-C changes nothing."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.metrics.scores import METRICS
from edgekit.pipeline.build_model import build_model
from edgekit.pipeline.evaluate import load_student
from edgekit.pipeline.stages import Options
from edgekit.recipes.reading import recipe_named
from edgekit.report.card import load_card
from edgekit.tflite.model import read_tflite
from edgekit.values.codec import to_document, to_json
from smoke_build import Said, Smoke, wait_for

ARTEFACTS = {
    "student_float32.tflite", "student_float16.tflite", "student_dynamic.tflite", "student_int8.tflite",
    "student.onnx", "student.npz", "model_data.h", "model_data.cc", "card.json", "card.md", "report.html",
    "recipe.json",
}  # fmt: skip
STAGES = ["teacher", "student (plain)", "distilled", "pruned", "float16", "dynamic", "int8"]
KEYS = ["n", *METRICS, "intervals", "confusion", "threshold", "runtime", "model_sha256"]


def litter(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".part" in path.name or path.suffix == ".checkpoint"]


def test_a_build_leaves_every_artefact_and_a_card_that_agrees_with_them(smoke: Smoke) -> None:
    assert {path.name for path in smoke.out.iterdir()} == {*ARTEFACTS, ".stages", ".lock"}
    assert litter(smoke.out) == []
    card = load_card(smoke.out)
    model = read_tflite(smoke.out / "student_int8.tflite")
    assert (card.model.sha256, card.model.bytes, card.model.ops) == (model.sha256, len(model.flatbuffer), model.ops)
    assert (card.input.height, card.input.width, card.input.channels) == model.input_shape == (32, 32, 1)
    assert card.input.zero_point == -128
    kernels = [value for value in load_student(smoke.out / "student.npz").weights.values() if value.ndim > 1]
    zeros = sum(int((value == 0).sum()) for value in kernels)
    assert 0 < zeros == card.model.parameters - card.model.nonzero_parameters
    assert card.recipe == recipe_named(str(smoke.out / "recipe.json")) == recipe_named("smoke", smoke.changes)
    assert [row.name for row in card.stages] == STAGES
    assert card.stages[-1].report == card.metrics.test
    assert all(row.agreement is not None for row in card.stages[1:])
    assert (card.metrics.test.n, card.metrics.test.runtime) == (30, "tflm")
    assert card.seeds["accuracy"].values == (card.metrics.test.accuracy,)
    assert card.data.synthetic
    assert "synthetic" in (smoke.out / "card.md").read_text()
    header, source = ((smoke.out / name).read_text() for name in ("model_data.h", "model_data.cc"))
    assert model.sha256 in source
    assert str(card.threshold.margin_q) in header
    assert str(card.model.arena_bytes) in header
    assert card.command.startswith("edgekit build-model --recipe smoke --set=teach.fit.epochs=12")


@pytest.mark.parametrize(
    ("file", "runtime", "row"),
    [
        ("student_int8.tflite", "tflm", "int8"),
        ("student_int8.tflite", "litert", "int8"),
        ("student_dynamic.tflite", "litert", "dynamic"),
        ("student.onnx", "onnx", "pruned"),
        ("student.npz", "torch", "pruned"),
    ],
)
def test_evaluate_gives_the_cards_figures_on_every_runtime(
    smoke: Smoke, edgekit: Callable[..., Said], file: str, runtime: str, row: str
) -> None:
    said = edgekit("evaluate", smoke.out / file, "--data", smoke.data, "--runtime", runtime, "--json")
    assert said.code == 0, said.err
    found = said.json
    assert set(KEYS) <= set(found)
    (expected,) = (r.report for r in load_card(smoke.out).stages if r.name == row)
    assert expected is not None
    if runtime == "tflm":
        assert found == {**to_document(expected), **{name: found[name] for name in ("input_range", "answers")}}
    assert found["n"] == 30
    assert found["runtime"] == runtime
    assert found["auc"] == pytest.approx(expected.auc, abs=0.03)  # another kernel may turn a tie or two of 225 pairs
    assert found["threshold"] == to_json(load_card(smoke.out).metrics.test)["threshold"]


def test_evaluate_shows_a_table_and_takes_a_folder_and_the_validation_split(
    smoke: Smoke, edgekit: Callable[..., Said]
) -> None:
    said = edgekit("evaluate", smoke.out, "--data", smoke.data, "--split", "val")
    assert said.code == 0
    assert "synthetic phantoms" in said.out
    assert f"{load_card(smoke.out).metrics.validation.auc:.3f}" in said.out


@pytest.mark.parametrize(
    ("file", "runtime", "fits"),
    [
        ("student_int8.tflite", "torch", "tflm or litert"),
        ("student.onnx", "tflm", "onnx"),
        ("student.npz", "litert", "torch"),
        ("student_float16.tflite", "tflm", "--runtime litert"),
    ],
)
def test_a_runtime_that_cannot_run_the_file_is_answered_with_one_that_can(
    smoke: Smoke, edgekit: Callable[..., Said], file: str, runtime: str, fits: str
) -> None:
    edgekit("evaluate", smoke.out / file, "--data", smoke.data, "--runtime", runtime).assert_refused(fits)


AGAIN = """
import sys
from edgekit.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
print("heavy:", *sorted({"torch", "tensorflow", "onnx", "onnxruntime"} & set(sys.modules)))
"""


def test_a_second_build_reuses_everything_and_loads_no_torch(smoke: Smoke, tmp_path: Path) -> None:
    out = smoke.copy(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (out / ".stages").iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, "build-model", *smoke.words, "--out", str(out)],
        env=smoke.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"
    stages = [line for line in done.stderr.splitlines() if line]
    assert len(stages) >= 14
    assert all(line.endswith("cached") for line in stages), done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in (out / ".stages").iterdir()}
    assert (out / "student_int8.tflite").read_bytes() == (smoke.out / "student_int8.tflite").read_bytes()


class Remade(Exception):
    pass


def first_remade(smoke: Smoke, out: Path, *changes: str, fresh: bool = False) -> str | None:
    """The first stage that the changes make anew; the build ends there."""

    def on_stage(name: str, cached: bool) -> None:
        if not cached:
            raise Remade(name)

    options = Options(fresh=fresh, cache_dir=smoke.cache / "edgekit", on_stage=on_stage)
    try:
        build_model(recipe_named("smoke", [*smoke.changes, *changes]), smoke.data, out, options)
    except Remade as remade:
        return str(remade)
    return None


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        ("data.split_seed=1", "teach-0"),
        ("teach.fit.epochs=13", "teach-0"),
        ("teach.augment.flip=0.4", "teach-0"),
        ("teach.combine=vote", "distill-0"),
        ("student.channels=4,12", "student-plain"),
        ("distill.fit.learning_rate=0.001", "student-plain"),
        ("distill.alpha=0.5", "distill-0"),
        ("distill.same_view=false", "teach-0"),
        ("distill.augment.aspect=0.1", "student-plain"),
        ("seeds=0,1", "distill-1"),
        ("seeds=1", "student-plain"),
        ("prune.alphas=1", "prune-0"),
        ("convert.int8_drift=1.9", "convert-0"),
        ("data.calibration_images=17", "convert-0"),
        ("distill.plain_too=false", None),
        ("embed.arena_bytes=102000", None),
    ],
)
def test_a_changed_field_remakes_what_follows_from_it_and_nothing_before(
    smoke: Smoke, tmp_path: Path, change: str, stage: str | None
) -> None:
    assert first_remade(smoke, smoke.copy(tmp_path), change) == stage


def test_fresh_forgets_every_stage_and_keeps_the_artefacts_until_there_are_new_ones(
    smoke: Smoke, tmp_path: Path
) -> None:
    out = smoke.copy(tmp_path)
    assert first_remade(smoke, out, fresh=True) == "teach-0"
    assert list((out / ".stages").iterdir()) == []
    assert load_card(out) == load_card(smoke.out)


def test_pixels_that_are_read_in_another_way_are_trained_on_anew(
    smoke: Smoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgekit.pipeline import stages

    def darker(*arguments: object, **options: object) -> object:
        splits = load_splits(*arguments, **options)
        splits.train.images[0, 0, 0, 0] ^= 1
        return splits

    load_splits = stages.load_splits
    monkeypatch.setattr(stages, "load_splits", darker)
    assert first_remade(smoke, smoke.copy(tmp_path)) == "teach-0"


def test_a_build_that_is_killed_and_then_stopped_goes_on_to_the_very_same_model(smoke: Smoke, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = smoke.start(out)
    wait_for("teach-0-*.checkpoint", out / ".stages", killed)
    killed.kill()
    killed.communicate(timeout=30)
    assert {path.name for path in out.iterdir()} == {".stages", ".lock"}
    assert not list(out.glob(".stages/teach-0-*.npz")), "the kill came too late to prove anything"

    stopped = smoke.start(out)
    wait_for("distill-0-*", out / ".stages", stopped)
    beside = smoke.start(out)
    said, error = beside.communicate(timeout=60)
    Said(beside.returncode, said, error).assert_refused("Another build-model is at work in", "--out")
    stopped.send_signal(signal.SIGINT)
    said, error = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    assert said == ""
    assert "Traceback" not in error
    assert error.splitlines()[-1].startswith("Stopped.")
    assert not [path for path in out.glob("*") if path.name not in (".stages", ".lock")]
    assert not [name for name in litter(out) if ".part" in name]

    finished = smoke.start(out)
    said, error = finished.communicate(timeout=240)
    assert finished.returncode == 0, error
    assert next(line for line in error.splitlines() if line.startswith("teach-0")).endswith("cached")
    assert litter(out) == []
    assert (out / "student_int8.tflite").read_bytes() == (smoke.out / "student_int8.tflite").read_bytes()
    one, other = (load_student(folder / "student.npz").weights for folder in (out, smoke.out))
    assert all(np.array_equal(one[name], other[name]) for name in other)
    assert load_card(out).metrics == load_card(smoke.out).metrics


def test_a_model_over_its_budget_is_refused_with_the_bytes_over_and_replaces_nothing(
    smoke: Smoke, edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    out = smoke.copy(tmp_path)
    before = {path.name: path.read_bytes() for path in out.glob("*.*") if path.is_file()}
    size, arena = len(before["student_int8.tflite"]), load_card(out).model.arena_bytes
    said = edgekit(
        "build-model",
        *smoke.words,
        "--out",
        out,
        "--set=embed.model_bytes=1024",
        f"--set=embed.arena_bytes={arena - 1}",
    )
    said.assert_refused(
        f"model takes {size:,} bytes, {size - 1024:,} over the limit of 1,024", "arena takes", " 1 over"
    )
    assert before == {path.name: path.read_bytes() for path in out.glob("*.*") if path.is_file()}


def test_a_student_that_cannot_fit_is_refused_before_anything_is_read_or_trained(
    edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    words = ("build-model", "--recipe", "smoke", "--out", tmp_path / "out", "--set=student.input_size=256")
    said = edgekit(*words, "--set=student.channels=64,96")
    # 256 x 256 x 64 of the first convolution and a quarter of that after its pool; 9 x 64 x 96 weights
    said.assert_refused("arena takes at least 5,242,880 bytes", "model takes at least 5", "student.channels")
    assert "teach-0" not in said.err
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == [".lock"]


def test_a_full_disk_under_the_build_is_said_and_leaves_nothing_half_written(
    smoke: Smoke, edgekit: Callable[..., Said], small_disk: Path
) -> None:
    """The first checkpoint of a teacher takes 7 MB, the disk has 1."""
    said = edgekit("build-model", *smoke.words, "--out", small_disk / "out")
    said.assert_refused("The disk is full", "Free some room")
    assert {path.name for path in (small_disk / "out").rglob("*")} == {".stages", ".lock"}


def test_the_recipe_beside_the_model_builds_it_again(smoke: Smoke, tmp_path: Path) -> None:
    recipe = recipe_named(str(smoke.out / "recipe.json"))

    def on_stage(name: str, cached: bool) -> None:
        assert cached, name

    options = Options(cache_dir=smoke.cache / "edgekit", on_stage=on_stage, command="again")
    card = build_model(recipe, smoke.data, smoke.copy(tmp_path), options)
    assert card.model == load_card(smoke.out).model
