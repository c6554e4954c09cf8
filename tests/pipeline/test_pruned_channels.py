"""A build whose student loses whole channels: a smaller file that says so, and the very same answers as compiled C."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.compile.reader import read_graph
from edgekit.pipeline.evaluate import load_student
from edgekit.report.card import load_card
from edgekit.testing.exactness import Case, differing_in_any_mode
from edgekit.training.channels import parameters_of
from smoke_build import Said, Smoke

TAYLOR = ("--set=prune.method=taylor", "--set=prune.fractions=0.3", "--set=prune.tolerance=0.5",
          "--set=prune.fine_tune_epochs=2", "--set=convert.int8_drift=2", "--set=convert.agreement=0.5")  # fmt: skip


def test_a_student_without_channels_is_smaller_says_so_and_is_the_same_as_compiled_c(
    smoke: Smoke, edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    out = smoke.copy(tmp_path)
    said = edgekit("build-model", *smoke.words, *TAYLOR, "--set=student.channels=8,16", "--out", out)
    assert said.code == 0, said.err
    card, student = load_card(out), load_student(out / "student.npz")
    assert student.spec.channels == (8, 16)
    assert sum(student.spec.widths) == 16
    assert (card.model.channels, card.model.pruned_channels) == (24, 8)
    assert "24, of which pruning took 8" in (out / "card.md").read_text(encoding="utf-8")
    assert "the sweep over channels" in (out / "report.html").read_text(encoding="utf-8")
    rows = {row.name: row for row in card.stages}
    weights = 8 * 9 + 8 * 16 * 9 + 16 * 2 + 8 + 16 + 2  # kernels and biases
    assert rows["distilled"].bytes - rows["pruned"].bytes == 4 * (weights - parameters_of(student)) > 0
    content = (out / "student_int8.tflite").read_bytes()
    assert differing_in_any_mode([Case(0, content, read_graph(content))], tmp_path / "c") == []
    evaluated = edgekit("evaluate", out / "student.npz", "--data", smoke.data, "--json")
    assert evaluated.code == 0, evaluated.err
    again = edgekit("build-model", *smoke.words, *TAYLOR, "--set=student.channels=8,16", "--out", out)
    assert all(line.endswith("cached") for line in again.err.splitlines() if line.startswith(("prune", "convert")))
    assert (out / "student_int8.tflite").read_bytes() == content


@pytest.mark.parametrize(("change", "said"), [
    ("prune.fractions=0.2,0.9", "prune.fractions has 0.9, and at most 0.33 of the student's 12 channels may go"),
    ("prune.fractions=1.5", "prune.fractions"),
    ("prune.method=random", "magnitude"),
])  # fmt: skip
def test_what_cannot_be_pruned_is_refused_before_anything_is_trained(
    edgekit: Callable[..., Said], tmp_path: Path, change: str, said: str
) -> None:
    words = ("build-model", "--recipe", "smoke", "--data", "phantom:0:60", "--out", tmp_path / "out")
    refused = edgekit(*words, "--set=student.channels=4,8", "--set=prune.method=batch_norm", f"--set={change}")
    refused.assert_refused(said)
    assert "teach-0" not in refused.err
