"""What the stages of a build depend on: all the code that shapes them, and no other."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.pipeline.cache import StageCache
from edgekit.pipeline.stages import BuildStages, Options
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import QuantizeRecipe
from edgekit.report.card import load_card
from smoke_build import REPOSITORY, Smoke

FIRST_REMADE = """
import sys
from pathlib import Path
from edgekit.pipeline.build_model import build_model
from edgekit.pipeline.stages import Options
from edgekit.recipes.reading import recipe_named

def on_stage(name, cached):
    if not cached:
        print(name)
        sys.exit()

data, out, cache, *changes = sys.argv[1:]
build_model(recipe_named("smoke", changes), data, Path(out), Options(cache_dir=Path(cache), on_stage=on_stage))
print("none")
"""


@pytest.fixture
def first_remade(smoke: Smoke, tmp_path: Path) -> Callable[[], str]:
    """Builds again from the finished stages, by a copy of the package in which a test may change files."""
    shutil.copytree(REPOSITORY / "src", tmp_path / "src")
    out = smoke.copy(tmp_path)

    def build() -> str:
        done = subprocess.run(
            [sys.executable, "-c", FIRST_REMADE, smoke.data, str(out), str(smoke.cache / "edgekit"), *smoke.changes],
            env=os.environ | {"PYTHONPATH": str(tmp_path / "src"), "OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    return build


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("training/backbones.py", "teach-0"),  # of teach itself
        ("training/nets.py", "teach-0"),
        ("values/networks.py", "teach-0"),  # through others
        ("training/same_view.py", "student-plain"),
        ("conversion/convert.py", "convert-0"),  # imported by the stage's function alone
        ("device/flash.py", "none"),
        ("report/render.py", "none"),
        ("cli/main.py", "none"),
    ],
)
def test_a_change_remakes_what_reaches_the_module_by_imports_and_nothing_before(
    first_remade: Callable[[], str], tmp_path: Path, file: str, stage: str
) -> None:
    path = tmp_path / "src" / "edgekit" / file
    path.write_text(path.read_text() + "\nANOTHER = 1\n")
    assert first_remade() == stage


def test_another_comment_or_docstring_remakes_nothing(first_remade: Callable[[], str], tmp_path: Path) -> None:
    for path in (tmp_path / "src" / "edgekit" / "training").glob("*.py"):
        path.write_text('"""Other words."""\n\n# more of them\n' + path.read_text().split('"""', 2)[2])
    assert first_remade() == "none"


def test_a_change_of_the_stages_own_function_remakes_it(first_remade: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "src" / "edgekit" / "pipeline" / "stages.py"
    old = path.read_text()
    new = old.replace('return {**pruned.weights, "curve": curve,', 'return {**pruned.weights, "curve": +curve,')
    assert new != old
    path.write_text(new)
    assert first_remade() == "prune-0"


def test_a_change_of_a_method_that_the_stage_calls_remakes_it(first_remade: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "src" / "edgekit" / "pipeline" / "stages.py"
    old = path.read_text()
    new = old.replace("return teacher and teacher.logits", "return teacher.logits if teacher else None")
    assert new != old
    path.write_text(new)
    assert first_remade() == "student-plain"


def test_pictures_that_may_not_be_mirrored_are_trained_on_as_by_a_recipe_without_mirror_images(tmp_path: Path) -> None:
    made: list[tuple[str, bool]] = []

    def trained(*changes: str) -> None:
        recipe = recipe_named("smoke", ["teach.networks=vgg_slim", "distill.fit.epochs=1", *changes])
        cache = StageCache(tmp_path / "stages", on_stage=lambda name, cached: made.append((name, cached)))
        stages = BuildStages(recipe, "phantom:0:40", cache, Options(cache_dir=tmp_path / "data"))
        stages.distill("student", stages.teach(), seed=0)

    trained("data.mirror=no")
    trained("teach.augment.flip=0", "distill.augment.flip=0")
    assert made == [("teach-0", False), ("student", False), ("teach-0", True), ("student", True)]
    trained()
    assert made[4:] == [("teach-0", False), ("student", False)]


def test_other_ranges_and_biases_are_a_conversion_anew_and_no_training(smoke: Smoke, tmp_path: Path) -> None:
    before = (smoke.out / "student_int8.tflite").read_bytes(), (smoke.out / "student.npz").read_bytes()
    changes = (*smoke.changes, "quantize.calibration=mse", "quantize.bias_correction=true")
    process = replace(smoke, changes=changes).start(out := smoke.copy(tmp_path))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert (out / "student_int8.tflite").read_bytes() != before[0]
    assert (out / "student.npz").read_bytes() == before[1]
    assert load_card(out).recipe.quantize == QuantizeRecipe("mse", bias_correction=True)
