"""What the examples of a page need: which images, and what their answers hang on.

In: a set, a model's answers, and what asks the model again. Out: `Examples`.
"""

import numpy as np

from edgekit.data.progress import bar
from edgekit.metrics.decisions import decide
from edgekit.metrics.occlusion import Ask, occlusion
from edgekit.report.pages.examples import Examples, chosen
from edgekit.report.pages.sections import Answers
from edgekit.report.tables import runtime_name
from edgekit.values.images import ImageSet
from edgekit.values.task import Task


def examples_of(
    images: ImageSet, answers: Answers | None, task: Task | None, ask: Ask, runtime: str
) -> Examples | None:
    """Asks the model anew for every place of a few images, with a bar; None of what is no picture of a class.

    Args:
        images: in the order of the answers.
        ask: gives logits as `answers` has them.
        runtime: the name of what asks, as in a report.
    """
    if answers is None or task is None or images.images.dtype != np.uint8 or not task.channels:
        return None
    wrong, right = chosen(images.labels, answers, task)
    called = decide(answers.logits, task, answers.threshold)
    rows, maps = (*wrong, *right), np.zeros((len(wrong) + len(right), *images.size))
    with bar("What the answers of a few images hang on", len(rows)) as advance:
        for at, row in enumerate(rows):
            maps[at] = occlusion(ask, images.images[row], int(called[row]), answers.scale)
            advance(1)
    return Examples(wrong, right, maps, runtime_name(runtime))
