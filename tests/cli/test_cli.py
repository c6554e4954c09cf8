"""The command line: quick to show its help, and every bad input ends in one message, a code and no artefact."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from edgekit.data.drawn import phantom_catalogue
from edgekit.data.preprocess import to_pixels
from edgekit.values.task import CHEST_XRAY
from smoke_build import Said, Smoke

Edgekit = Callable[..., Said]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn films as files in the release's layout: 20 for training and 5 for the test of each class, small."""
    root = tmp_path_factory.mktemp("films")
    catalogue = phantom_catalogue(7, 40)
    image_of = catalogue.open_images()
    for row, name in enumerate(catalogue.ids):
        path = root / Path(name).with_suffix(".jpeg")
        path.parent.mkdir(parents=True, exist_ok=True)
        with image_of(row) as image:
            Image.fromarray(to_pixels(image, (64, 64))[..., 0]).save(path)
    return root


@pytest.fixture
def xrays(films: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(films, tmp_path / "xrays"))


def images(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / kind).iterdir())


def spoil(xrays: Path) -> list[str]:
    """A text called .jpeg, a truncated one, and one whose name looks like rich's markup; their names."""
    text, cut, corrupt = images(xrays, "test/NORMAL")[:3]
    text.write_text("no image")
    cut.write_bytes(cut.read_bytes()[:700])
    corrupt.write_bytes(b"\xff\xd8\xff" + bytes(2000))
    marked = corrupt.rename(corrupt.with_name("[red]7.jpeg"))
    return [text.name, cut.name, marked.name]


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from edgekit.cli.main import main
sys.argv = ["edgekit", *sys.argv[1:]]
main()
print("heavy:", *sorted({"torch", "tensorflow", "numpy", "PIL", "rich", "onnx"} & set(sys.modules)))
"""
    source = str(Path(__file__).parents[2] / "src")
    for words in (["--help"], ["build-model", "--help"], ["evaluate", "-h"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            env={"PYTHONPATH": source}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "heavy:", done.stdout
        assert "edgekit" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--recipe", "nope"], ["no recipe 'nope'", "esp32, paper, demo, smoke"]),
        (["--set", "distil.temperature=3"], ["no recipe field 'distil.temperature'", "distill.temperature"]),
        (["--set", "distill.fit.epoch=3"], ["no recipe field", "distill.fit.epochs"]),
        (["--set", "distill.temperature=warm"], ["distill.temperature takes a number, not 'warm'"]),
        (["--set", "distill.fit.epochs=2.5"], ["takes a whole number, not 2.5"]),
        (["--set", "distill.plain_too=1"], ["takes true or false"]),
        (["--set", "distill.temperature=1000"], ["out of range", "between 0.1 and 100"]),
        (["--set", "distill.temperature=nan"], ["distill.temperature"]),
        (["--set", "teach.networks=resnet999"], ["teach.networks cannot be 'resnet999'", "resnet18"]),
        (["--set", "distill.temperature"], ["has no '='"]),
        (["--set", "distill=3"], ["group of fields", "distill.temperature"]),
        (["--set", "seeds="], ["seeds is empty"]),
        (["--set", "seeds=0,1,0"], ["seeds names the same value twice"]),
        (["--set", "seeds=-1"], ["out of range", "between 0 and 2,147,483,647"]),
        (["--set", "nonsense=1"], ["no recipe field 'nonsense'", "edgekit recipe"]),
        (["--recipe", "/nowhere/recipe.json"], ["/nowhere/recipe.json cannot be read"]),
        (["--set", "student.channels="], ["student.channels is empty"]),
        (["--set", "student.channels=4,8,16"], ["3 stages and student.depths 2"]),
        (["--set", "student.input_size=30"], ["cannot be halved"]),
        (["--data", "/nowhere/xrays"], ["no folder /nowhere/xrays", "Data are a folder, or phantom"]),
        (["--data", "phantom:0:3"], ["too small"]),
        (["--data", "phantom:0:40", "--accelerator", "warp"], ["Accelerator 'warp' is not available", "cpu"]),
        (["--data", "phantom:0:40", "--accelerator", "meta"], ["Accelerator 'meta' is not available"]),
        (
            ["--data", "phantom:0:40", "--set", "teach.networks=alexnet", "--set", "teach.input_size=32"],
            ["alexnet does not take images of 32 pixels", "teach.input_size=224"],
        ),
        (
            ["--data", "phantom:0:40", "--set=teach.networks=resnet18", "--set=teach.weights=imagenet",
             "--weights-dir", "/nowhere"],
            ["/nowhere/resnet18-f37072fd.pth does not exist", "SHA-256 begins with f37072fd", "--weights-dir"],
        ),
    ],
)  # fmt: skip
def test_words_that_make_no_sense_are_answered_and_build_nothing(
    edgekit: Edgekit, tmp_path: Path, words: list[str], says: list[str]
) -> None:
    edgekit("build-model", "--recipe", "smoke", "--out", tmp_path / "out", *words).assert_refused(*says)
    assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} <= {".lock"}


def test_an_accelerator_that_is_not_there_is_said(edgekit: Edgekit, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    words = ("build-model", "--recipe", "smoke", "--data", "phantom:0:40", "--out", tmp_path / "out")
    edgekit(*words, "--accelerator", "cuda").assert_refused("'cuda' is not available here", "--accelerator cpu")


@pytest.mark.parametrize(
    ("spoiled", "says"),
    [
        (lambda root: [path.unlink() for path in images(root, "train/NORMAL")], ["train/NORMAL", "has no images"]),
        (lambda root: [shutil.rmtree(root / part / "NORMAL") for part in ("train", "test")], ["only one class"]),
        (lambda root: [shutil.rmtree(root / part) for part in ("train", "test")], ["no class folders"]),
        (lambda root: shutil.rmtree(root / "train"), ["no train folder"]),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused_by_every_command(
    edgekit: Edgekit, smoke: Smoke, xrays: Path, tmp_path: Path, spoiled: Callable[[Path], object], says: list[str]
) -> None:
    spoiled(xrays)
    edgekit("build-model", "--recipe", "smoke", "--data", xrays, "--out", tmp_path / "out").assert_refused(*says)
    edgekit("evaluate", smoke.out, "--data", xrays).assert_refused(*says)
    edgekit("data", "info", xrays).assert_refused(*says)
    assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} <= {".lock"}


def test_images_that_cannot_be_read_are_named_and_skipped_or_stop_a_strict_run(
    edgekit: Edgekit, smoke: Smoke, xrays: Path, tmp_path: Path
) -> None:
    names = spoil(xrays)
    said = edgekit("evaluate", smoke.out, "--data", xrays, "--json")
    assert said.code == 0
    assert said.err.startswith("warning: 3 images cannot be read and are skipped: ")
    assert all(name in said.err for name in names)
    assert said.json["n"] == 7
    assert "3 unreadable images were skipped" in said.json["notes"]  # type: ignore[operator]
    edgekit("evaluate", smoke.out, "--data", xrays, "--strict").assert_refused("3 images cannot be read", *names)
    strict = ("build-model", "--recipe", "smoke", "--data", xrays, "--out", tmp_path / "out", "--strict")
    edgekit(*strict).assert_refused("3 images cannot be read", *names)
    assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} <= {".lock"}
    info = edgekit("data", "info", xrays, "--json")
    assert sorted(Path(name).name for name in info.json["unreadable"]) == sorted(names)  # type: ignore[attr-defined]
    assert all(name in edgekit("data", "info", xrays).out.replace("\n", "") for name in names)


def test_training_images_in_the_test_set_are_named(edgekit: Edgekit, smoke: Smoke, xrays: Path) -> None:
    leaked = images(xrays, "train/PNEUMONIA")[3]
    shutil.copy(leaked, xrays / "test" / "PNEUMONIA" / "another-name.jpeg")
    said = edgekit("evaluate", smoke.out, "--data", xrays, "--json")
    assert said.code == 0
    assert "warning: 1 training images stand byte for byte in the test set" in said.err
    assert f"train/PNEUMONIA/{leaked.name}" in said.err
    info = edgekit("data", "info", xrays, "--json").json
    assert info["byte_identical"]["across"] == {"train/test": 1}  # type: ignore[index]


def test_a_data_set_with_markup_in_its_name_is_shown_as_it_is(edgekit: Edgekit, smoke: Smoke, xrays: Path) -> None:
    named = xrays.rename(xrays.with_name("[bold]set"))
    info = edgekit("data", "info", named).out
    assert "[bold]set" in info
    assert "Audit of 50 images" in info
    assert "Evaluation, [bold]set" in edgekit("evaluate", smoke.out, "--data", named).out


def test_two_patients_of_a_class_are_too_few_for_teachers_that_leave_some_out(
    edgekit: Edgekit, xrays: Path, tmp_path: Path
) -> None:
    for name in CHEST_XRAY.labels:
        for path in images(xrays, f"train/{name}")[2:]:
            path.unlink()
    words = ("build-model", "--recipe", "smoke", "--data", xrays, "--out", tmp_path / "out")
    edgekit(*words).assert_refused("no training image is left of NORMAL, PNEUMONIA", "teach.cross_fit=false")


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_an_out_folder_that_cannot_be_written_is_said_before_anything_is_trained(
    edgekit: Edgekit, tmp_path: Path, fresh: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("in the way")
    words = ("build-model", "--recipe", "smoke", "--data", "phantom:0:40", "--out", tmp_path / "file" / "out")
    said = edgekit(*words, *fresh)
    said.assert_refused("cannot be written", str(tmp_path / "file"), "--out")
    assert "teach-0" not in said.err
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    ("file", "spoiled", "says"),
    [
        ("none.tflite", None, ["There is no model at"]),
        ("card.md", None, ["is not a .tflite, .onnx or .npz file"]),
        ("student_int8.tflite", lambda content: content[:1000], ["SHA-256"]),
        ("student_float32.tflite", lambda content: content[:1000], ["student_float32.tflite"]),
        ("student.onnx", lambda content: content[:1000], ["student.onnx is not an intact ONNX model"]),
        ("student.npz", lambda content: content[:1000], ["student.npz is not a student"]),
        ("student.npz", lambda content: b"text", ["student.npz is not a student"]),
        ("card.json", lambda content: content[:1000], ["card.json is not a valid card"]),
        ("card.json", lambda content: content.replace(b'"teach": {', b'"teach": 3, "x": {'), ["teach", "not 3"]),
    ],
)
def test_a_model_that_is_missing_damaged_or_another_is_named(
    edgekit: Edgekit, smoke: Smoke, tmp_path: Path, file: str, spoiled: Callable[[bytes], bytes] | None, says: list[str]
) -> None:
    path = smoke.copy(tmp_path) / file
    if spoiled is not None:
        path.write_bytes(spoiled(path.read_bytes()))
    model = path.parent if file == "card.json" else path
    edgekit("evaluate", model, "--data", smoke.data).assert_refused(*says)


def test_a_package_that_is_not_installed_is_named_with_how_to_get_it(smoke: Smoke) -> None:
    """On a host of the base installation."""
    code = "import sys; sys.modules['torch'] = None; from edgekit.cli.main import main; sys.argv[0] = 'edgekit'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", str(smoke.out / "student.npz"), "--data", smoke.data],
        env=smoke.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    root, said = Path(__file__).parents[2], Said(done.returncode, done.stdout, done.stderr)
    said.assert_refused("PyTorch is not installed.", f'pip install -c "{root}/tools/constraints.txt" "{root}[train]"')


def test_json_on_stdout_is_json_alone(edgekit: Edgekit, smoke: Smoke, tmp_path: Path) -> None:
    said = edgekit("build-model", *smoke.words, "--out", smoke.copy(tmp_path), "--json")
    assert said.code == 0
    card = json.loads(said.out)
    assert card["model"]["sha256"] == json.loads((smoke.out / "card.json").read_text())["model"]["sha256"]
    assert "cached" in said.err


def test_a_recipe_is_shown_field_by_field_with_what_each_takes(edgekit: Edgekit) -> None:
    said = edgekit("recipe", "paper", "--set", "distill.temperature=4.5")
    assert said.code == 0
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.startswith("distill.")}
    assert rows["distill.temperature"][:3] == ["4.5", "a", "number"]
    assert edgekit("recipe", "paper", "--json").json["distill"]["fit"]["epochs"] == 25  # type: ignore[index]
    edgekit("recipe", "nope").assert_refused("no recipe 'nope'", "esp32, paper, demo, smoke")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("evaluate", "x.tflite", "--runtime", "warp"), ("'warp'", "tflm", "edgekit evaluate --help")),
        (("evaluate",), ("Missing argument 'MODEL'", "edgekit evaluate --help")),
        (("data", "inform"), ("No such command 'inform'", "edgekit data --help")),
        (("compile", "x.tflite", "--out", "x", "--max-ram", "-1"), ("-1", "--max-ram", "edgekit compile --help")),
    ],
)
def test_a_wrong_option_is_an_error_like_any_other_that_ends_with_2(
    edgekit: Edgekit, words: tuple[str, ...], says: tuple[str, ...]
) -> None:
    said = edgekit(*words)
    assert said.code == 2
    message, hint = said.err.splitlines()
    assert message.startswith("error: ")
    assert hint.startswith("  ")
    assert all(word in said.err for word in says)


def test_a_report_of_another_form_is_refused_before_anything_is_done(edgekit: Edgekit, tmp_path: Path) -> None:
    words = ("compile", "/nowhere/x.tflite", "--out", tmp_path / "out", "--report", "plan.pdf")
    edgekit(*words).assert_refused("plan.pdf", ".html")


def test_no_command_shows_the_help_and_only_tasks_speak_of_medicine(edgekit: Edgekit) -> None:
    assert "Commands:" in edgekit().err
    assert "medical" not in edgekit("--help").out + edgekit("compile", "--help").out
    assert "not a medical device" in edgekit("reproduce", "--help").out
