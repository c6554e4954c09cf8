"""Examples of right and wrong answers, each with what its answer hangs on.

In: images, answers, maps of `metrics.occlusion`. Out: which images are shown, a `Section`.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.metrics.decisions import decide, probabilities
from edgekit.metrics.occlusion import window_of
from edgekit.report.document import Bullets, Gallery, Part, Picture, Prose, Section, encoded
from edgekit.report.pages.sections import Answers
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.task import Task, capitalized, spoken

_SHOWN = 4  # right answers, and as many wrong ones: each takes some hundred runs of the model
_SEED = 0
_FOR, _AGAINST = (230, 120, 20), (40, 110, 230)  # orange and blue: told apart by who sees no red or no green
_LEAST = 0.5  # of the log odds that are drawn in full colour: smaller changes stay pale
_SIDE = 128  # of a picture, in pixels


@dataclass(frozen=True, slots=True)
class Examples:
    """Which images are shown, and what their answers hang on.

    Attributes:
        wrong, right: rows of the image set.
        maps: [K, H, W] of the wrong ones and then of the right ones, see `metrics.occlusion.occlusion`.
        runtime: what ran the model, in words.
    """

    wrong: tuple[int, ...]
    right: tuple[int, ...]
    maps: NDArray[np.float64]
    runtime: str


def chosen(labels: NDArray[np.int64], answers: Answers, task: Task) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The surest wrong answers of each class and right ones drawn at random from a fixed seed, as rows; where there are
    too many classes, of all classes together."""
    called = decide(answers.logits, task, answers.threshold)
    sure = probabilities(answers.logits, answers.scale)[np.arange(len(called)), called]
    rng, each = np.random.default_rng(_SEED), _of_each(task)
    groups = [labels == label for label in range(len(task.labels))] if each else [labels >= 0]
    wrong, right = list[int](), list[int]()
    for group in groups:
        failed, good = np.flatnonzero(group & (called != labels)), np.flatnonzero(group & (called == labels))
        wrong += failed[np.argsort(-sure[failed], kind="stable")][: each or _SHOWN].tolist()
        right += sorted(rng.choice(good, min(len(good), each or _SHOWN), replace=False).tolist())
    return tuple(wrong), tuple(right)


def examples_section(images: ImageSet, answers: Answers, info: DataInfo, examples: Examples) -> Section:
    """Each image as the model sees it and, beside it, with what its answer hangs on.

    Args:
        images: uint8 [N, H, W, C] in the order of the answers.
    """
    task, side = info.task, window_of(*images.size)
    called, shares = decide(answers.logits, task, answers.threshold), probabilities(answers.logits, answers.scale)
    rules = _rules(task)
    parts: list[Part] = [Prose(text) for text in _what_it_shows(task, images, side, examples.runtime)]
    first = len(examples.wrong)
    for rows, maps, rule in (
        (examples.wrong, examples.maps[:first], rules[0]), (examples.right, examples.maps[first:], rules[1]),
    ):  # fmt: skip
        pictures = tuple(
            _example(images, row, found, task, int(called[row]), float(shares[row, called[row]]))
            for row, found in zip(rows, maps, strict=True)
        )
        notes = (f"Licence and attribution: {info.licence or 'not known'}",)
        parts.append(Gallery(rule, pictures, notes, wide=True) if pictures else Bullets((f"{rule}: none.",)))
    return Section("Examples, and what their answers hang on", tuple(parts), results=True)


def _of_each(task: Task) -> int:
    """How many of each class; 0 where there are too many classes for that."""
    return _SHOWN // len(task.labels)


def _rules(task: Task) -> tuple[str, str]:
    """How the wrong and the right ones were chosen."""
    each = _of_each(task)
    many = f"of each class the {each}" if each > 1 else "of each class the one" if each else f"the {_SHOWN}"
    drawn = f"{each} of each class" if each else f"{_SHOWN}"
    return f"Wrong: {many} that the model was surest of", f"Right: {drawn}, drawn at random (seed {_SEED})"


def _what_it_shows(task: Task, images: ImageSet, side: int, runtime: str) -> tuple[str, ...]:
    height, width = images.size
    return (
        f"Beside each {task.noun}, {width} x {height} pixels as the model sees it, stands the same with an occlusion "
        f"map: a square of {side} x {side} pixels in the picture's mean colour was laid over one place after another, "
        f"and the model asked again ({runtime}). Orange places speak for the model's answer: covered, its log odds "
        "fall. Blue places speak against it. Full colour is the greatest change in the picture, but at least "
        f"{_LEAST}. "
        "p: the probability of the answer.",
        "A map shows what this one answer hangs on, and neither why nor whether that is the right place to look: the "
        "square itself is something that no picture holds, and what counts only together with other places stays pale.",
    )


def _example(images: ImageSet, row: int, found: NDArray[np.float64], task: Task, answer: int, share: float) -> Picture:
    truth = int(images.labels[row])
    said = spoken(task.labels[answer])
    verdict = f"called {said}"
    caption = (
        f"{capitalized(spoken(task.labels[truth]))}, {verdict}, p = {share:.3f}; covered, log odds {_change(found)}; "
        f"{PurePosixPath(images.ids[row]).stem}"
    )
    alt = (
        f"{capitalized(task.noun)} {images.ids[row]}, {spoken(task.labels[truth])}, {verdict}; beside it its occlusion "
        f"map: the answer hangs most on the {_place(found)}."
    )
    pixels = np.concatenate([_coloured(images.images[row]), _mapped(images.images[row], found)], axis=1)
    return Picture(encoded(_enlarged(pixels)), caption, alt)


def _coloured(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.array(np.broadcast_to(image, (*image.shape[:2], 3)), np.float64)


def _mapped(image: NDArray[np.uint8], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The image under its map."""
    opacity = (0.75 * np.abs(found) / max(float(np.abs(found).max()), _LEAST))[..., np.newaxis]
    colour = np.where(found[..., np.newaxis] > 0, _FOR, _AGAINST)
    return np.asarray(_coloured(image) * (1 - opacity) + colour * opacity, np.float64)


def _enlarged(pixels: NDArray[np.float64]) -> Image.Image:
    """Two squares side by side, each about `_SIDE` high; small images stay as coarse as they are."""
    shown = Image.fromarray(np.rint(pixels).astype(np.uint8))
    if shown.height > _SIDE:
        shown.thumbnail((2 * _SIDE, _SIDE))
        return shown
    times = max(1, _SIDE // shown.height)
    return shown.resize((shown.width * times, shown.height * times), Image.Resampling.NEAREST)


def _change(found: NDArray[np.float64]) -> str:
    least, most = (round(-float(end), 1) + 0.0 for end in (found.max(), found.min()))  # + 0.0: no -0.0
    return f"{least:+.1f} to {most:+.1f}"


def _place(found: NDArray[np.float64]) -> str:
    """Where a map is greatest, in words."""
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    third = (3 * int(row) // found.shape[0], 3 * int(column) // found.shape[1])
    words = ("upper ", "", "lower ")[third[0]], ("left", "middle", "right")[third[1]]
    return "middle" if third == (1, 1) else "".join(words)
