"""The pages of a task that is not of medicine: its own words, and none of the chest X-rays'."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.metrics.scores import score
from edgekit.report.card import Card
from edgekit.report.document import Gallery, Page, Prose, Section
from edgekit.report.pages.model import card_markdown
from edgekit.report.pages.sections import Answers, answers_figures, data_section, mistakes
from edgekit.report.render_html import html
from edgekit.report.render_markdown import markdown
from edgekit.report.tables import evaluation_parts
from edgekit.testing.networks import mobilenet
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.task import Task
from smoke_build import Said
from terminal import printed
from two_logits import logits_of

CATS = Task(labels=("Abyssinian", "DOG"), positive="Abyssinian", noun="photo")  # the positive label comes first
PETS = DataInfo("pets", "0" * 64, False, CATS)
OURS = re.compile(r"pneumonia|normal|x-ray|film|medical|diagnose|adults", re.IGNORECASE)
LOGITS, LABELS = logits_of([5, -5, 3, -2], 0), np.array([0, 1, 1, 0])  # a hit, a rejection, a false alarm, a miss


@pytest.fixture
def report() -> EvalReport:
    return score(LOGITS, LABELS, Threshold(0.5, 0), runtime="tflm", model_sha256="", data=PETS)


def test_an_evaluation_names_the_labels_of_its_task_by_what_they_are(report: EvalReport) -> None:
    text = printed(evaluation_parts(report))
    assert not OURS.search(text)
    assert text.rstrip().endswith("Runtime: desktop, tflm interpreter")
    head = next(line for line in text.splitlines() if "truth" in line)
    assert head.index("says DOG") < head.index("says Abyssinian")


def test_charts_speak_of_the_tasks_labels_and_pictures(report: EvalReport) -> None:
    roc, reliability, confusion = answers_figures(report, LABELS, [Answers("int8", LOGITS, report.threshold)])
    alts = roc.alt + reliability.alt + confusion.alt
    assert not OURS.search(alts)
    assert "the share of dog photos called Abyssinian" in roc.alt
    assert "finds 50.0% of the Abyssinian photos and calls 50.0% of the dog photos Abyssinian" in roc.alt
    assert "Of 2 DOG: 1 called DOG, 1 called Abyssinian." in confusion.alt


def test_mistakes_are_sorted_by_the_positive_label_wherever_it_stands() -> None:
    images = ImageSet(
        np.zeros((4, 8, 8, 1), np.uint8), LABELS, ("a.png", "b.png", "c.png", "d.png"), ("a", "b", "c", "d")
    )
    section = mistakes(images, Answers("int8", LOGITS, Threshold(0.5, 0)), PETS)
    assert section.title == "Misclassified photos"
    galleries = [part for part in section.parts if isinstance(part, Gallery)]
    assert [(one.caption, one.pictures[0].alt) for one in galleries] == [
        ("Dog, called Abyssinian: 1", "Photo c.png. Dog, called Abyssinian."),
        ("Abyssinian, called dog: 1", "Photo d.png. Abyssinian, called dog."),
    ]
    assert not OURS.search(html(Page("pets", (Section("s", section.parts),))).split("</style>")[1])


def test_a_card_of_the_task_says_its_limits_and_nothing_of_medicine(card: Card, report: EvalReport) -> None:
    other = dataclasses.replace(
        card, data=PETS, metrics=dataclasses.replace(card.metrics, test=report, validation=report), stages=(),
        command="edgekit build-model", name="pets student", disclaimer="", use="any",
        output=dataclasses.replace(card.output, classes=CATS.labels),
    )  # fmt: skip
    text = card_markdown(other)
    assert not OURS.search(text)
    assert "Tells Abyssinian from dog in photos of 96 x 96 grey pixels" in text
    assert "It calls some dog photos Abyssinian" in text
    assert "Abyssinian, where the int8 output of Abyssinian minus that of DOG is at least 4" in text
    ours = card_markdown(card)
    for words in (card.data.task.domain, *card.data.task.limits, "Tells pneumonia from normal in chest X-rays"):
        assert words in ours


def test_drawn_pictures_that_are_no_phantoms_are_called_synthetic_images() -> None:
    drawn = DataInfo("shapes", "0" * 64, True, Task(("cross", "disc", "ring")))
    figures = score(np.eye(3), np.arange(3), None, runtime="tflm", model_sha256="", data=drawn)
    page = Page(
        "shapes",
        (Section("s", (Prose("."),), results=True), data_section(dataclasses.replace(drawn, mirror=False))),
        synthetic=True,
    )
    text = printed(evaluation_parts(figures)) + html(page).split("</style>")[1] + markdown(page)
    assert "Evaluation, shapes, synthetic images" in text
    assert "the figures say nothing about real ones" in text
    assert "may be of another class: none in training" in text
    assert "mirror" not in markdown(Page("shapes", (data_section(drawn),)))
    assert not re.search(r"phantom|patient", text, re.IGNORECASE)


def test_nothing_that_compile_writes_or_says_of_any_model_is_of_medicine(
    edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    model = tmp_path / "sine.tflite"
    model.write_bytes(mobilenet())
    said = edgekit("compile", model, "--out", tmp_path / "c", "--report", tmp_path / "plan.html")
    as_json = edgekit("compile", model, "--out", tmp_path / "c", "--json")
    assert (said.code, as_json.code) == (0, 0), said.err
    written = [path.read_text() for path in (tmp_path / "c").rglob("*") if path.is_file()]
    page = (tmp_path / "plan.html").read_text().split("</style>")[-1]
    for text in (said.out, as_json.out, page, *written):
        assert not re.search(r"pneumonia|x-ray|medical|patient|phantom|research", text, re.IGNORECASE)
