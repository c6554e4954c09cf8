"""Where TFLM has no wheel, a build goes on by edgekit's own compiled C, and what was not measured is not claimed."""

import subprocess
import sys
from pathlib import Path

from edgekit.report.card import load_card
from smoke_build import Smoke

WITHOUT_TFLM = "import sys; sys.modules['tflite_micro'] = None; from edgekit.__main__ import main; main()"


def test_a_model_is_built_and_scored_by_compiled_c_to_the_same_figures(smoke: Smoke, tmp_path: Path) -> None:
    out = smoke.copy(tmp_path)
    for stage in (out / ".stages").glob("convert-*"):  # its gate, too, is passed without TFLM
        stage.unlink()
    words = [sys.executable, "-P", "-c", WITHOUT_TFLM, "build-model", *smoke.words, "--out", str(out)]
    done = subprocess.run(words, env=smoke.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "TFLM is not installed" in done.stderr
    said = " ".join(done.stdout.split())
    assert "TFLM arena not measured" in said
    assert "desktop, edgekit's compiled C" in said
    mine, theirs = load_card(out), load_card(smoke.out)
    assert (mine.metrics.test.runtime, theirs.metrics.test.runtime) == ("compiled", "tflm")
    assert mine.metrics.test.confusion == theirs.metrics.test.confusion
    assert mine.model.arena_bytes == 0
    assert "of TFLM arena" not in (out / "card.md").read_text()
    assert "kTflmArenaBytes = 16384;" in (out / "model_data.h").read_text()
    assert (out / "student_int8.tflite").read_bytes() == (smoke.out / "student_int8.tflite").read_bytes()
