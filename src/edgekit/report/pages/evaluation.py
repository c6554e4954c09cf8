"""An evaluation on this computer, as a page; and the sections that it has in common with one on a board.

In: figures, the images and what the model answered. Out: `Section`s, a `Page`.
"""

import numpy as np

from edgekit.report.document import Bullets, Code, Facts, Page, Section
from edgekit.report.pages.examples import Examples, examples_section
from edgekit.report.pages.sections import Answers, answers_figures, data_section, headline, mistakes
from edgekit.report.pages.threshold import threshold_section
from edgekit.report.tables import class_parts, errors_table, runtime_name, scores_table
from edgekit.values.evaluation import EvalReport, ValuesReport
from edgekit.values.images import ArraysInfo, DataInfo, ImageSet


def answered_sections(
    scored: EvalReport, images: ImageSet, info: DataInfo, answers: Answers, caption: str,
    examples: Examples | None = None,
) -> tuple[Section, ...]:  # fmt: skip
    """Figures, curves, the threshold, examples, the mistakes.

    Args:
        images: in the order of the answers.
        caption: of the table of figures: what was scored.
    """
    table = scores_table(caption, {f"{scored.n:,} images": scored})
    return (
        Section("Results", (table, *class_parts(scored)), results=True),
        Section("Answers", answers_figures(scored, images.labels, [answers]), results=True),
        *([threshold_section(images.labels, answers, info.task)] if info.task.positive else []),
        *([examples_section(images, answers, info, examples)] if examples else []),
        *([mistakes(images, answers, info)] if images.images.dtype == np.uint8 else []),
    )


def evaluation_page(
    scored: EvalReport | ValuesReport, images: ImageSet, info: DataInfo | ArraysInfo, answers: Answers | None, *,
    name: str, split: str, command: str, examples: Examples | None = None,
) -> Page:  # fmt: skip
    """The page of `edgekit evaluate`.

    Args:
        answers: None where the outputs are no classes.
        name: of the model's file.
        command: what the user typed.
    """
    taken = [("input", str(scored.input_range))] if scored.input_range else []
    facts = (("model", f"`{name}`"), ("SHA-256", f"`{scored.model_sha256}`"), *taken)
    ran = Facts((*facts, ("runtime", runtime_name(scored.runtime))), "The model that ran")
    noted = tuple(Bullets(scored.notes) for _ in scored.notes[:1])
    again = Section("How to make it again", (Code(command), ran))
    if isinstance(scored, EvalReport) and isinstance(info, DataInfo) and answers is not None:
        answered = answered_sections(scored, images, info, answers, "The model", examples)
        kind = "images" if info.task.channels else "inputs"
        return Page(
            title=f"{name} on {info.name}",
            lead=(f"{scored.n:,} {kind} of the part `{split}` ran through the model: {runtime_name(scored.runtime)}.",),
            sections=(*answered, data_section(info), again),
            synthetic=info.synthetic,
            domain=info.task.domain,
            highlights=headline(scored),
        )
    assert isinstance(scored, ValuesReport)
    return Page(
        title=f"{name} on {info.name}",
        lead=(f"{scored.n:,} inputs went through the model: {runtime_name(scored.runtime)}.",),
        sections=(Section("Results", (errors_table(scored), *noted), results=True), again),
    )
