"""Every figure in the README was written by a command from the card."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.files import write_json
from edgekit.report.card import Card
from edgekit.values.codec import to_document

ROOT = Path(__file__).parents[2]


def readme_figures(*options: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "tools" / "readme_figures"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not (ROOT / "models/chest_xray/card.json").exists(), reason="models/chest_xray has no card yet")
def test_the_readme_shows_the_card_of_the_model_that_is_shipped() -> None:
    done = readme_figures("--check")
    assert done.returncode == 0, done.stderr


def test_figures_are_written_once_and_a_changed_card_is_noticed(card: Card, folder: Path) -> None:
    readme, path = folder / "README.md", folder / "card.json"
    readme.write_text("# before\n<!-- figures -->\nSTALE\n<!-- /figures -->\nafter\n")
    both = ("--readme", readme, "--card", path)
    assert readme_figures("--check", *both).returncode == 1
    assert readme_figures(*both).returncode == 0
    text = readme.read_text()
    assert f"{card.metrics.test.auc:.3f}" in text
    assert "STALE" not in text
    assert text.startswith("# before\n")
    assert text.endswith("\nafter\n")
    assert readme_figures("--check", *both).returncode == 0

    write_json(path, to_document(dataclasses.replace(card, agreement_int8_float32=0.5)))
    done = readme_figures("--check", *both)
    assert done.returncode == 1
    assert "Run tools/readme_figures." in done.stderr
    assert readme.read_text() == text


def test_a_readme_without_the_marks_and_a_missing_card_are_said_plainly(folder: Path) -> None:
    (folder / "README.md").write_text("no marks")
    done = readme_figures("--readme", folder / "README.md", "--card", folder / "card.json")
    assert (done.returncode, "no place for the figures" in done.stderr) == (1, True)
    (folder / "README.md").write_text("<!-- figures -->\n<!-- /figures -->")
    done = readme_figures("--readme", folder / "README.md", "--card", folder / "none.json")
    assert (done.returncode, "There is no card" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


BENCHMARK = {
    "core": "a core",
    "compiler": "a compiler",
    "flags": ["-O2"],
    "clock_mhz": 240,
    "flash_modes": {"slow": "slow flash", "fast": "fast flash"},
    "models": {
        "student": {
            "sha256": "0123456789abcdef",
            "macs": 8_630_000,
            "contenders": {
                "aot esp32 speed": {
                    "instructions_per_mac": 1.234, "estimated_ms": {"slow": 31.04, "fast": 30.0}, "band": [-0.05, 0.23],
                    "ram_bytes": 30_000, "code_bytes": 9_000, "constant_bytes": 237_640, "exact": True,
                },
                "aot esp32 speed, two cores": {
                    "instructions_per_mac": 0.7, "estimated_ms": {"slow": 17.2, "fast": 17.0}, "band": [-0.05, 0.23],
                    "ram_bytes": 30_000, "code_bytes": 9_100, "constant_bytes": 237_640, "exact": True,
                },
                "TFLM + ESP-NN": {
                    "instructions_per_mac": 32.1, "estimated_ms": {"slow": 397.3, "fast": 395.9}, "band": [-0.05, 0.23],
                    "published_ms": 474.2, "esp32_compiler_ms": 302.6, "ram_bytes": 101_000, "code_bytes": 4_000,
                    "constant_bytes": 36_000, "exact": False,
                },
                "nobody": {"refused": "it does not like the model"},
            },
        }
    },
}  # fmt: skip


def test_the_compilers_benchmark_is_written_between_its_own_marks(card: Card, folder: Path) -> None:
    readme, path = folder / "README.md", folder / "benchmark.json"
    marks = ("figures", "headline", "benchmark")
    readme.write_text("".join(f"<!-- {mark} -->\nOLD\n<!-- /{mark} -->\n" for mark in marks) + "after\n")
    both = ("--readme", readme, "--card", folder / "card.json", "--benchmark", path)
    missing = readme_figures(*both)
    assert (missing.returncode, "is not a benchmark" in missing.stderr) == (1, True)
    path.write_text(json.dumps(BENCHMARK))
    assert readme_figures(*both).returncode == 0
    text = readme.read_text()
    assert "| flash, code and constants, bytes | 246,640 | 40,000 |" in text
    assert "| estimated time of an image, one core, ms | 31.0 | 302.6 |" in text
    assert "| the same, two cores | 17.2 | - |" in text
    assert "(-5 to +23 %), never timed on a chip" in text
    assert "it would be 397.3 ms" in text
    assert "| student | 31.0 | 17.2 | 397.3 | - | 474.2 |" in text
    assert "| output bytes equal to TFLM's | all | not all |" in text
    assert "| aot esp32 speed | 31.0 | 30.0 | - | 1.23 | 30,000 | 246,640 |" in text
    assert "| TFLM + ESP-NN | 397.3 | 395.9 | 474.2 | 32.10 | 101,000 | 40,000 |" in text
    assert "| nobody | - | - | - | - | - | - |" in text
    assert "All but TFLM + ESP-NN on student give the output bytes of TFLM" in text
    assert "nobody does not take student: it does not like the model" in text
    assert "a core" in text
    assert "OLD" not in text
    assert readme_figures("--check", *both).returncode == 0


def test_what_chose_the_recipe_is_written_between_its_own_marks(card: Card, folder: Path) -> None:
    readme, path = folder / "README.md", folder / "across_sources.jsonl"
    readme.write_text("<!-- figures -->\n<!-- /figures -->\n<!-- sources -->\nOLD\n<!-- /sources -->\nafter\n")
    given = ("--readme", readme, "--card", folder / "card.json", "--sources", path)
    missing = readme_figures(*given)
    assert (missing.returncode, "is not a list of runs" in missing.stderr) == (1, True)
    assert "Traceback" not in missing.stderr
    run = {
        "recipe": "esp32", "set": ["a=1", "b=2"], "seed": 3, "made_on": "cpu (abacus)", "auc": {"one": {}, "two": {}},
        "mean_auc": {"student": {"clean": 0.98764, "stretched": 0.5}},
    }  # fmt: skip
    path.write_text(json.dumps(run) + "\n")
    assert readme_figures(*given).returncode == 0
    text = readme.read_text()
    assert "| `a=1 b=2` | 0.988 | 0.500 |" in text
    assert "2 runs of `tools/across_sources --recipe esp32 --seed 3`" in text
    assert "cpu (abacus)" in text
    assert "OLD" not in text
    assert readme_figures("--check", *given).returncode == 0


def test_the_front_of_a_search_stands_beside_what_the_recipes_own_student_reaches(card: Card, folder: Path) -> None:
    readme = folder / "README.md"
    readme.write_text("<!-- figures -->\n<!-- /figures -->\n<!-- search -->\nOLD\n<!-- /search -->\nafter\n")
    given = ("--readme", readme, "--card", folder / "card.json", "--search", folder)
    missing = readme_figures(*given)
    assert (missing.returncode, "is not the report of a search" in missing.stderr) == (1, True)
    columns = ["student", "AUC", "RAM, bytes", "flash, bytes", "estimated ms", "epochs", "seeds", "shape"]
    table = {"kind": "table", "caption": "The best", "columns": columns}
    spread = {"value": 0.97, "text": "0.9700", "detail": "0.96 to 0.98"}
    table["rows"] = [["3", spread, 1, 2, 3.0, 60, 3, "vgg 32"], ["4", 0.98366, 14548, 24865, 14.256, 60, 3, "vgg 48"]]
    facts = {"kind": "facts", "items": {"the recipe's own student": "vgg 64: 23.4 ms"}}
    page = {"lead": ["10 were trained.", "Judged."], "footer": ["Made by `edgekit search`."]}
    page["sections"] = [{"parts": [table]}, {"parts": [facts]}]
    (folder / "report.json").write_text(json.dumps(page))
    runs = [
        {"set": ["a=1"], "seed": seed, "mean_auc": {"student": {"clean": 0.99, "altered": 0.97 + seed / 100}}}
        for seed in range(2)
    ]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, runs)))
    done = readme_figures(*given)
    assert done.returncode == 0, done.stderr
    text = readme.read_text()
    assert "| vgg 32 | 0.9700 (0.96 to 0.98) | 3 | 60 | 1 | 2 | 3.0 |" in text
    assert "| vgg 48 | 0.9837 | 3 | 60 | 14,548 | 24,865 | 14.3 |" in text
    assert "10 were trained. Judged.\n\nMade by `edgekit search`." in text
    assert "own student (vgg 64: 23.4 ms) reaches 0.9800 (`--seed 0 --set a=1`), 0.9850 (`--seed 1 --set a=1`)" in text
    assert "OLD" not in text
    assert readme_figures("--check", *given).returncode == 0


def test_recipes_of_the_sets_that_come_along_have_a_row_each(folder: Path) -> None:
    readme, path = folder / "README.md", folder / "sets.jsonl"
    readme.write_text("<!-- figures -->\n<!-- /figures -->\n<!-- sets -->\nOLD\n<!-- /sets -->")
    given = ("--readme", readme, "--card", folder / "card.json", "--sets", path)
    path.write_text("{}")
    done = readme_figures(*given)
    assert (done.returncode, "sets.jsonl is not a list of builds" in done.stderr) == (1, True)
    one = {
        "command": "edgekit build-model --recipe a", "classes": 7, "channels": 3, "height": 16, "width": 24,
        "bytes": 12345, "accuracy": {"mean": 0.98765, "sd": 0.0123, "values": [1, 1, 1]}, "made_on": "an abacus",
        "board": {"images": 50, "identical": 49},
    }  # fmt: skip
    alone = one | {"channels": 1, "accuracy": {"mean": 0.4, "sd": 0, "values": [0.4]}}
    path.write_text(f"{json.dumps(one)}\n{json.dumps(alone)}\n")
    assert readme_figures(*given).returncode == 0
    text = readme.read_text()
    assert "| `--recipe a` | 7 | 16x24 RGB | 0.988 ± 0.012 (3 seeds) | 12,345 | 49 of 50 |" in text
    assert "| 16x24 grey | 0.400 |" in text
    assert "OLD" not in text
    assert readme_figures("--check", *given).returncode == 0


def test_the_sets_that_come_along_keep_their_aims() -> None:
    lines = (ROOT / "models/built_in_sets.jsonl").read_text().splitlines()
    digits, shapes, grey = map(json.loads, lines)
    assert (digits["classes"], digits["channels"], digits["height"], digits["width"]) == (10, 1, 16, 16)
    assert min(digits["accuracy"]["values"]) >= 0.97
    assert digits["bytes"] <= 20_000
    assert (shapes["classes"], shapes["channels"]) == (5, 3)
    assert min(shapes["accuracy"]["values"]) >= 0.95
    assert (grey["channels"], grey["accuracy"]["mean"] < 0.65) == (
        1,
        True,
    )  # two pairs of classes differ by colour alone
    for one in (digits, shapes):
        assert len(one["accuracy"]["values"]) == 3
        assert one["board"]["identical"] == one["board"]["images"] >= 50
    assert digits["board"]["images"] == digits["test_images"]


def test_what_was_compared_is_a_table_of_the_card_beside_it(card: Card, folder: Path) -> None:
    (folder / "README.md").write_text("<!-- figures -->\n<!-- /figures -->")
    (folder / "card.md").write_text("OLD")
    both = ("--readme", folder / "README.md", "--card", folder / "card.json")
    assert readme_figures(*both).returncode == 0
    without = (folder / "card.md").read_text()
    assert without.startswith(f"# {card.name}")
    assert "Options compared" not in without
    tried = [
        {"option": "a", "value": "0", "on": "x", "auc": 0.9812},
        {"option": "a", "value": "1", "on": "x", "auc": 0.99, "auc_stretched": 0.5, "chosen": True, "under": "seed 1"},
    ]
    experiments = {"schema_version": 1, "command": "tools/one", "about": ["Why."], "tried": tried}
    (folder / "experiments.json").write_text(json.dumps(experiments))
    assert readme_figures("--check", *both).returncode == 1
    assert readme_figures(*both).returncode == 0
    text = (folder / "card.md").read_text()
    assert "| a | 0 | x | 0.981 | – |  |" in text
    assert "| a | **1** | x | 0.990 | 0.500 | seed 1 |" in text
    assert text.index("Why.") < text.index("How to make it again")
    assert readme_figures("--check", *both).returncode == 0

    (folder / "experiments.json").write_text('{"about": ["Looked at once."]}')
    assert readme_figures(*both).returncode == 0
    text = (folder / "card.md").read_text()
    assert "Looked at once." in text
    assert "Options compared" not in text

    (folder / "experiments.json").write_text(json.dumps(experiments | {"tried": [{"option": "a"}]}))
    done = readme_figures(*both)
    assert (done.returncode, "experiments.json is not a list of experiments" in done.stderr) == (1, True)
    assert "tried[0].value is missing" in done.stderr
