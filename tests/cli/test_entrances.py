"""README's first and third entrance, command by command as README writes them, to the emulated board."""

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn_classes import COLOURS, PATTERNS, pattern, write_colours
from edgekit.testing.networks import small
from elsewhere_models import dense, labelled
from smoke_build import REPOSITORY, Said

SHORT = (
    "--recipe", "smoke", *(f"--set={change}" for change in (
        "teach.fit.epochs=2", "distill.fit.epochs=6", "teach.fit.batch_size=16", "distill.fit.batch_size=16",
        "distill.fit.learning_rate=0.01", "distill.plain_too=false", "prune.alphas=4",
        "convert.agreement=0.5", "convert.int8_drift=2", "convert.dynamic_drift=1",
    )),
)  # fmt: skip


def entrance(title: str) -> list[str]:
    """The commands of edgekit below that heading of README, without their comments."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = text.split(f"**{title}**", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    lines = [re.split(r"\s+#|\s+&&", line)[0] for line in block.splitlines()]
    return [line for line in lines if line.startswith("edgekit ")]


@pytest.fixture
def typed(edgekit: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Said]]:
    """Runs the commands of an entrance in an empty folder, with a person's own names in the place of README's."""
    monkeypatch.chdir(tmp_path)

    def run(title: str, names: dict[str, str], further: dict[str, tuple[str, ...]]) -> list[Said]:
        said = []
        for line in entrance(title):
            _, command, *words = [names.get(word, word) for word in shlex.split(line)]
            said.append(edgekit(command, *words, *further.get(f"{command} {words[0]}", further.get(command, ()))))
            assert said[-1].code == 0, (line, said[-1])
        return said

    return run


def coloured_folder(folder: Path) -> None:
    """Three classes in RGB, wider than high; the folders say train and test."""
    for part, count in (("train", 30), ("test", 8)):
        write_colours(folder / part, count, (24, 40))


def listed_folder(folder: Path) -> None:
    """Three grey classes, higher than wide, that a labels.csv names; pictures of one plant share a group."""
    (folder / "pictures").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "group"])
        for number in range(90):
            label, path = PATTERNS[number % 3], f"pictures/{number}.jpg"
            Image.fromarray(pattern(label, (48, 32), rng)).save(folder / path)
            lines.writerow([path, label, f"plant {number // 6}"])


@pytest.mark.parametrize(
    ("data", "write", "size", "teacher", "labels"),
    [
        ("flowers", coloured_folder, (16, 32, 3), "32x64", sorted(COLOURS)),
        ("plants", listed_folder, (48, 32, 1), "48x32", sorted(PATTERNS)),
        ("digits", None, (16, 16, 1), "32", list("0123456789")),
    ],
    ids=["three in RGB", "labels.csv", "ten digits"],
)
def test_the_entrance_for_ones_own_pictures_leads_from_the_folder_to_the_board(
    typed: Callable[..., list[Said]], edgekit: Callable[..., Said], data: str, write: Callable[[Path], None] | None,
    size: tuple[int, int, int], teacher: str, labels: list[str],
) -> None:  # fmt: skip
    if write:
        write(Path(data))
    shape = (f"--set=student.input_size={size[0]}x{size[1]}", f"--set=teach.input_size={teacher}")
    further = {"data info": ("--json",), "build-model": (*SHORT, *shape), "eval-device": ("--limit", "12", "--json")}
    info, built, on_board = typed("Train on my pictures", {"FOLDER": data}, further)

    assert info.json["info"]["task"]["labels"] == labels  # type: ignore[index]
    card = json.loads(Path("build/mine/card.json").read_text())
    assert card["data"]["task"]["labels"] == labels
    assert [card["input"][side] for side in ("height", "width", "channels")] == list(size)
    assert "Its card is build/mine/card.md" in built.out
    found = on_board.json
    assert found["agreement"] == {"images": 12, "identical": 12, "differing": []}
    assert found["device"]["labels"] == labels  # type: ignore[index]
    assert found["device"]["board"] == "emulated"  # type: ignore[index]
    assert found["model_sha256"] == card["model"]["sha256"]
    said = edgekit("firmware", "--model", "build/mine", "--project", "my-board")
    assert said.code == 0, said.err
    assert all(
        f'"{label}"' in "".join(p.read_text() for p in Path("my-board").rglob("model_data.h")) for label in labels
    )


@pytest.mark.parametrize(
    ("content", "x", "labels"),
    [
        (labelled(small((24, 20, 1), 2), "nobody", "person"), None, "nobody person"),
        (small((20, 24, 3), 10), None, ""),
        (labelled(dense((1, 49, 10, 1), 3, softmax=True), "go", "no", "up"), (49, 10, 1), "go no up"),
        (small((640,), 640), (640,), ""),
        (labelled(dense((1, 1960), 4, softmax=True), "-", "?", "yes", "no"), (1960,), "- ? yes no"),
    ],
    ids=["a person in grey pictures", "RGB pictures", "words in a spectrogram", "an autoencoder", "words in a series"],
)
def test_the_entrance_for_a_model_made_elsewhere_leads_down_to_the_emulated_board(
    typed: Callable[..., list[Said]], edgekit: Callable[..., Said], content: bytes,
    x: tuple[int, ...] | None, labels: str,
) -> None:  # fmt: skip
    Path("theirs.tflite").write_bytes(content)
    rng = np.random.default_rng(0)
    if x is None:
        asked = "picture.png"
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(asked)
    else:
        asked = "inputs.npz"
        np.savez(asked, x=rng.normal(0, 3, (4, *x)))
    names = {"MODEL.tflite": "theirs.tflite", "PICTURE.png": asked}
    as_json = dict.fromkeys(("compile", "profile", "selftest", "predict", "init"), ("--json",))
    compiled, profiled, tested, predicted, first = typed("A model of my own, as C for any project", names, as_json)
    assert "model.h" in compiled.json["files"]  # type: ignore[operator]
    assert all(one["estimated_ms"] >= 0 for one in profiled.json["layers"])  # type: ignore[attr-defined]
    assert tested.json["passed"] is True
    answers = json.loads(predicted.out)
    assert len(answers) == (1 if x is None else 4)
    assert {one["label"] for one in answers} <= {*labels.split()} or not labels
    assert any("selftest" in command for command in first.json["commands"])  # type: ignore[attr-defined]
    on_board = edgekit("predict", "theirs.tflite", asked, "--port", "emulator", "--json")
    assert on_board.code == 0, on_board.err
    assert json.loads(on_board.out) == answers
    if x is not None:
        words = ("eval-device", "--port", "emulator", "--model", "theirs.tflite", "--data", asked, "--json")
        found = edgekit(*words)
        assert found.code == 0, found.err
        assert found.json["agreement"] == {"images": 4, "identical": 4, "differing": []}
