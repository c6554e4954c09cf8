"""Which channels of a student go together, and the student without some of them. numpy alone.

In: a spec, a score for each channel, a student. Out: the channels to keep, and the narrower student. What is added up
around a shortcut has the same channels, and a depthwise convolution has those of its input: they go together, as a
`Group`, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.values.networks import Student, StudentSpec

_AT_ONCE = 4  # channels: the compiled C takes four at a time, so that three cost what four do
Kept = Mapping[str, NDArray[np.intp]]  # by group, the channels that stay, ascending


@dataclass(slots=True)
class Group:
    """Channels that stay or go in all of these layers.

    Attributes:
        writers: convolutions whose outputs they are, depthwise ones included.
        readers: convolutions that mix them.
    """

    width: int
    writers: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    head: bool = False  # whether the linear layer reads them


def groups_of(spec: StudentSpec) -> dict[str, Group]:
    """All groups, by the name of the first layer that writes them; an image's own channels are in none."""
    groups: dict[str, Group] = {}
    given = ""  # the group of a block's input; the image's channels at first
    for block in spec.blocks:
        last = max(row for row, layer in enumerate(block.layers) if layer.mixes)
        around = given if block.shortcut == () else ""  # which the block's outputs are added to
        current = given
        for row, layer in enumerate(block.layers):
            if layer.pool:
                continue
            if layer.mixes:
                if current:
                    groups[current].readers.append(layer.name)
                current = around if row == last and around else layer.name
                groups.setdefault(current, Group(layer.outputs))
            if current:
                groups[current].writers.append(layer.name)
        for layer in block.shortcut or ():
            if given:
                groups[given].readers.append(layer.name)
            groups[current].writers.append(layer.name)
        given = current
    groups[given].head = True
    return groups


def least_left(width: int) -> int:
    """How many of a group's channels stay at least."""
    return min(width, _AT_ONCE)


def check_fractions(spec: StudentSpec, fractions: tuple[float, ...]) -> None:
    """Refuses before training what would leave nothing of a layer.

    Raises:
        EdgekitError: a fraction of the channels that is more than may go.
    """
    widths = [group.width for group in groups_of(spec).values()]
    most = sum(width - least_left(width) for width in widths) / sum(widths)
    if max(fractions, default=0.0) > most:
        raise EdgekitError(
            f"prune.fractions has {max(fractions):g}, and at most {most:.2f} of the student's {sum(widths)} channels "
            f"may go: {_AT_ONCE} of each layer stay.",
            f"Give --set prune.fractions={0.5 * most:.2f},{most:.2f} or less, or a wider student.",
        )


def kept_channels(scores: Mapping[str, NDArray[np.float64]], fraction: float) -> dict[str, NDArray[np.intp]]:
    """Leaves out the channels of least score, until at least `fraction` of all are gone, or no more may go.

    They go four at a time, the least of a group's first, by the mean score of the four: so that every group is left
    with a multiple of four, its first four in what is beyond one.

    Args:
        scores: by group, [width].
    """
    order = {name: np.argsort(score, kind="stable") for name, score in scores.items()}
    left = {name: len(score) for name, score in scores.items()}
    total = sum(left.values())

    def next_of(name: str) -> tuple[float, str, int]:
        gone = len(scores[name]) - left[name]
        count = left[name] % _AT_ONCE or _AT_ONCE
        return float(scores[name][order[name][gone : gone + count]].mean()), name, count

    while total - sum(left.values()) < fraction * total - 1e-9:
        offered = [next_of(name) for name in left if left[name] > _AT_ONCE]
        if not offered:
            break
        _, name, count = min(offered)
        left[name] -= count
    return {name: np.sort(order[name][len(order[name]) - left[name] :]) for name in scores}


def narrowed(student: Student, kept: Kept) -> Student:
    """The student with those channels alone; what its others learned is dropped."""
    spec, weights = student.spec, dict(student.weights)
    for name, group in groups_of(spec).items():
        rows = kept[name]
        for writer in group.writers:
            for part in ("conv", "norm"):
                for parameter in [one for one in weights if f".{part}{writer}." in f".{one}" and weights[one].ndim]:
                    weights[parameter] = weights[parameter][rows]
        for reader in group.readers:
            (parameter,) = (one for one in weights if f".conv{reader}." in f".{one}")
            weights[parameter] = weights[parameter][:, rows]
        if group.head:
            weights["head.weight"] = weights["head.weight"][:, rows]
    layers = [layer for block in spec.blocks for layer in (*block.layers, *(block.shortcut or ())) if layer.mixes]
    outputs = {writer: len(kept[name]) for name, group in groups_of(spec).items() for writer in group.writers}
    return Student(replace(spec, widths=tuple(outputs[layer.name] for layer in layers)), weights)


def parameters_of(student: Student) -> int:
    """As its file has them: kernels, and a bias for each output, into which batch-norms go."""
    kernels = sum(value.size for value in student.weights.values() if value.ndim > 1)
    return kernels + sum(value.size for name, value in student.weights.items() if name.endswith(".bias"))


def channels_of(spec: StudentSpec) -> int:
    """The outputs of all layers that mix channels, those around a shortcut counted once."""
    return sum(group.width for group in groups_of(spec).values())
