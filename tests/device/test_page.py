"""The report of an evaluation: what a board is, what it said, and where it differs."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import browser
from dom import Node, parse
from edgekit.cli.device import eval_device_command
from edgekit.compile import compile_model
from edgekit.compile.program import profiled_program
from edgekit.device.evaluate import evaluate_on_desktop
from edgekit.errors import EdgekitError
from edgekit.metrics.scores import score_predictions
from edgekit.report.document import Page
from edgekit.report.pages.device import board_parts, device_page
from edgekit.report.render_html import html
from edgekit.values.codec import to_json
from edgekit.values.device_run import Agreement, DeviceRun, LinkCounts, agreement
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from terminal import printed

INT8 = Path(__file__).parents[1] / "vectors/student/int8.tflite"
ARGUMENTS = ["--model", str(INT8), "--data", "phantom:3:80", "--limit", "12"]


@pytest.fixture
def profile_file(model: TfliteModel, tmp_path: Path) -> Path:
    """What `edgekit profile --json` prints, of a board that needs 1,000 instructions for the first layer, ..."""
    compiled = compile_model(model.flatbuffer)
    layers = [
        {"name": layer.name, "instructions": 1000 * (step + 1), "us": None}
        for step, layer in enumerate(compiled.program.layers)
    ]
    path = tmp_path / "profile.json"
    options = to_json(compiled.options)
    path.write_text(json.dumps({"model_sha256": model.sha256, "options": options, "layers": layers}))
    return path


def drawings(tree: Node) -> list[str]:
    return [svg.attributes["aria-label"] for svg in tree.all("svg")]


def test_a_board_gets_the_same_report_in_three_forms(board: str, profile_file: Path, tmp_path: Path) -> None:
    answers: dict[str, Any] = {}
    for name in ("report.html", "report.md", "report.json"):
        words = [*ARGUMENTS, "--port", board, "--report", str(tmp_path / name), "--profile", str(profile_file)]
        done = CliRunner().invoke(eval_device_command, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        answers = json.loads(done.stdout)
    tree = parse((tmp_path / "report.html").read_text())
    markdown, plain = (tmp_path / "report.md").read_text(), json.loads((tmp_path / "report.json").read_text())
    assert {name: plain[name] for name in ("n", "accuracy", "confusion", "agreement", "device")} == {
        name: answers[name] for name in ("n", "accuracy", "confusion", "agreement", "device")
    }
    facts = {item.all("dt")[0].words(): item.all("dd")[0].words() for item in tree.all("div") if item.all("dt")}
    assert answers["device"]["build_id"] in facts["device"]
    assert facts["agreement"] == "12 of 12 images give the desktop's bytes"
    assert re.fullmatch(r"0 retries, [\d,]+ bytes", facts["link"])
    c = answers["confusion"]
    galleries = [[picture.attributes["alt"] for picture in one.all("img")] for one in tree.all("ul") if one.all("img")]
    examples = [alt for of in galleries for alt in of if "occlusion map" in alt]
    assert sum(map(len, galleries)) - len(examples) == c["fp"] + c["fn"] > 0
    assert len(examples) >= 4
    assert f"{c['tn']:,} called NORMAL, {c['fp']:,} called PNEUMONIA" in "".join(drawings(tree))
    for told in (
        "Histogram of µs over 12 images",
        "Memory plan of an arena",
        "instructions. 0 CONV_2D + MAX_POOL_2D: 1,000",
    ):
        assert told in "".join(drawings(tree))
        assert told in markdown
        assert told in json.dumps(plain["page"], ensure_ascii=False)
    (warning,) = [node.words() for node in tree.all("p") if node.attributes.get("class") == "warning"]
    assert warning.startswith("Not a real board")
    assert warning in markdown
    assert "synthetic phantoms" in tree.all("header")[0].words()
    assert "Apache-2.0, drawn by edgekit" in markdown


def test_a_report_or_profile_that_cannot_be_is_refused_before_any_image_is_sent(
    model: TfliteModel, tmp_path: Path
) -> None:
    page, none = str(tmp_path / "page.html"), str(tmp_path / "none.json")
    for words, named in (
        (["--report", "page.pdf"], r"page\.pdf"),
        (["--report", page, "--profile", none], r"none\.json"),
    ):
        with pytest.raises(EdgekitError, match=named):
            CliRunner().invoke(eval_device_command, [*ARGUMENTS, "--port", "/dev/none", *words], catch_exceptions=False)


def test_the_profile_of_another_model_or_program_is_refused(model: TfliteModel, profile_file: Path) -> None:
    program = profiled_program(model.flatbuffer, profile_file)
    assert list((program.instructions or ())[:2]) == [1000, 2000]
    plain = json.loads(profile_file.read_text())
    for change, named in (
        ({"model_sha256": "ab" * 32}, "is the profile of the model abababababab"),
        ({"layers": plain["layers"][1:]}, "another version's program"),
        ({"layers": None}, "is not a profile"),
        ({"options": {"none": 1}}, "is not a profile"),
    ):
        profile_file.write_text(json.dumps({**plain, **change}))
        with pytest.raises(EdgekitError, match=named) as caught:
            profiled_program(model.flatbuffer, profile_file)
        assert "edgekit profile" in caught.value.hint
    profile_file.write_text("no JSON")
    with pytest.raises(EdgekitError, match="is not a profile"):
        profiled_program(model.flatbuffer, profile_file)


@pytest.fixture
def differing(model: TfliteModel, xrays: ImageSet, data_info: DataInfo) -> Page:
    """Of a real board that gives other bytes than the desktop on 30 of 100 images, and no times."""
    host = evaluate_on_desktop(model, xrays)
    wrong = [
        dataclasses.replace(one, logits=(one.logits[0], one.logits[1] - 1) if row < 30 else one.logits, invoke_us=None)
        for row, one in enumerate(host.predictions)
    ]
    device = {**host.device, "board": "real", "chip": "ESP32-D0WD", "backend": "tflm-esp-nn"}
    run = dataclasses.replace(host, predictions=tuple(wrong), device=device)
    scored = score_predictions(wrong, Threshold(0.5, 1), runtime=run.runtime, model_sha256="", data=data_info)
    compared = agreement(run.predictions, host.predictions)
    return device_page(run, compared, scored, xrays, data_info, model, Threshold(0.5, 1), command="edgekit eval-device")


def test_images_that_differ_are_the_first_thing_said_and_are_named(differing: Page, xrays: ImageSet) -> None:
    tree = parse(html(differing))
    warnings = [node.words() for node in tree.all("p") if node.attributes.get("class") == "warning"]
    assert warnings == ["30 of 100 answers have other bytes than the desktop gives."]
    words = tree.all("main")[0].words()
    assert all(name in words for name in xrays.ids[:20])
    assert "and 10 more" in words
    assert "70 of 100 images give the desktop's bytes" in words
    assert not any("Histogram of µs" in told or "instructions" in told for told in drawings(tree))


@pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")
def test_the_page_of_a_board_is_readable(differing: Page, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(html(differing))
    with browser.tab(tmp_path / "profile") as tab:
        tab.assert_readable(tmp_path / "page.html")


def test_one_class_alone_has_a_page_without_a_roc_curve(
    model: TfliteModel, xrays: ImageSet, data_info: DataInfo
) -> None:
    sick = xrays.take(np.flatnonzero(xrays.labels == 1))
    run = evaluate_on_desktop(model, sick)
    scored = score_predictions(run.predictions, Threshold(0.5, 1), runtime="tflm", model_sha256="", data=data_info)
    compared = agreement(run.predictions, run.predictions)
    page = device_page(run, compared, scored, sick, data_info, model, Threshold(0.5, 1), command="edgekit eval-device")
    tree = parse(html(page))
    assert not any("ROC" in told for told in drawings(tree))
    assert any("Reliability" in told for told in drawings(tree))
    assert "nan" not in tree.all("main")[0].words().lower()


def test_the_first_images_that_differ_are_named_and_the_rest_are_counted() -> None:
    names = tuple(f"test/{number}.png" for number in range(25))
    board = {"board": "emulated", "chip": "xtensa de212", "backend": "aot", "arena_bytes": 9000}
    board |= {"model_sha256": "ab" * 32, "model_source": "stored"}
    run = DeviceRun((Prediction("a", 1, (0, 9), 100),), board, LinkCounts(), 1.0)
    said = printed(board_parts(run, Agreement(30, 5, names)), 80)
    assert "abababababab, from its model partition" in said
    assert "test/19.png" in said
    assert "test/20.png" not in said
    assert "and 5 more" in said
    assert "not a real board" in said
    assert run.runtime == "emulated xtensa de212"
