"""A teacher's logits, and a student as numpy arrays: a host without torch can read both."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """The ensemble's logits, float32 [N, classes], by id."""

    logits: NDArray[np.float32]
    ids: tuple[str, ...]

    def of(self, ids: tuple[str, ...]) -> NDArray[np.float32]:
        """Logits [len(ids), classes] in the order of `ids`. KeyError names the id that has none."""
        rows = {name: row for row, name in enumerate(self.ids)}
        return self.logits[[rows[name] for name in ids]]


@dataclass(frozen=True, slots=True)
class StudentSpec:
    """The shape of a student: stages of 3x3 convolutions, each stage ended by a 2x2 max-pool, then mean and linear."""

    input_shape: tuple[int, int, int]  # (height, width, channels) of its image
    classes: int  # how many logits it gives
    channels: tuple[int, ...]  # output channels of each stage
    depths: tuple[int, ...]  # convolutions in each stage, as many as channels


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student: its spec and its parameters under torch's state_dict names, float32."""

    spec: StudentSpec
    weights: Mapping[str, NDArray[np.float32]]
