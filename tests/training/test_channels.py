"""Channels: which go together, which go first, and the student without them, which answers as if they were unread."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.training.channels import (
    channels_of,
    check_fractions,
    groups_of,
    kept_channels,
    narrowed,
    parameters_of,
)
from edgekit.training.nets import freeze_student, student_net, thaw_student
from edgekit.values.networks import Kind, Student, StudentSpec

KINDS = get_args(Kind)


def a_spec(kind: Kind) -> StudentSpec:
    return StudentSpec((32, 48, 3), 5, (8, 12), (2, 2), kind, expansion=2)


def a_student(spec: StudentSpec) -> Student:
    """Every scale, bias and measured statistic is drawn: none is 0 or 1, which would hide a mix-up."""
    torch.manual_seed(0)
    net = student_net(spec)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.ndim == 1:
                value.copy_(torch.rand_like(value) + 0.5)
    return freeze_student(net, spec)


def answers(student: Student, images: torch.Tensor) -> NDArray[np.float32]:
    with torch.no_grad():
        return thaw_student(student)(images).numpy()


def drawn_scores(spec: StudentSpec) -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(1)
    return {name: rng.random(group.width) for name, group in groups_of(spec).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_narrower_student_answers_as_the_whole_one_whose_layers_do_not_read_those_channels(kind: Kind) -> None:
    spec = a_spec(kind)
    student, kept = a_student(spec), kept_channels(drawn_scores(spec), 0.3)
    unread = {name: value.copy() for name, value in student.weights.items()}
    for name, group in groups_of(spec).items():
        gone = np.setdiff1d(np.arange(group.width), kept[name])
        for parameter, value in unread.items():
            if any(f".conv{reader}.weight" in f".{parameter}" for reader in group.readers):
                value[:, gone] = 0
        if group.head:
            unread["head.weight"][:, gone] = 0
    narrow = narrowed(student, kept)
    images = torch.rand(4, 3, 32, 48)
    np.testing.assert_allclose(answers(narrow, images), answers(Student(spec, unread), images), rtol=2e-4, atol=2e-5)
    assert not np.allclose(answers(narrow, images), answers(student, images), rtol=1e-2)
    assert parameters_of(narrow) < parameters_of(student)
    assert channels_of(narrow.spec) == sum(map(len, kept.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_narrower_student_can_be_narrowed_again(kind: Kind) -> None:
    once = narrowed(a_student(a_spec(kind)), kept_channels(drawn_scores(a_spec(kind)), 0.2))
    twice = narrowed(once, kept_channels(drawn_scores(once.spec), 0.3))
    assert answers(twice, torch.rand(1, 3, 32, 48)).shape == (1, 5)
    assert channels_of(twice.spec) < channels_of(once.spec)
    whole = narrowed(once, {name: np.arange(group.width) for name, group in groups_of(once.spec).items()})
    assert whole.spec == once.spec


@pytest.mark.parametrize(("kind", "together"), [
    ("vgg", {"1_1": 8, "1_2": 8, "2_1": 12, "2_2": 12}),
    ("separable", {"stem": 8, "1_1_pointwise": 8, "1_2_pointwise": 8, "2_1_pointwise": 12, "2_2_pointwise": 12}),
    ("residual", {"stem": 8, "1_1_a": 8, "1_1_b": 8, "1_2_a": 8, "2_1_a": 12, "2_1_b": 12, "2_2_a": 12}),
    ("inverted", {"stem": 8, "1_1_expand": 16, "1_1_project": 8, "1_2_expand": 16, "2_1_expand": 16,
                  "2_1_project": 12, "2_2_expand": 24}),
])  # fmt: skip
def test_what_is_added_around_a_shortcut_goes_together(kind: Kind, together: dict[str, int]) -> None:
    assert {name: group.width for name, group in groups_of(a_spec(kind)).items()} == together


def test_the_channels_of_least_score_go_four_at_a_time_and_four_of_each_group_stay() -> None:
    scores = {
        "a": np.array([0.1, 9, 0.2, 9, 9, 0.3, 0.4, 9, 9, 9]),  # two beyond a multiple of four go first
        "b": np.array([1.0, 1, 1, 1, 5, 5, 5, 5]),
        "c": np.array([0.0, 0, 0]),
    }
    kept = kept_channels(scores, 0.09)  # 2 of 21
    assert {name: rows.tolist() for name, rows in kept.items()} == {
        "a": [1, 3, 4, 5, 6, 7, 8, 9], "b": list(range(8)), "c": [0, 1, 2],
    }  # fmt: skip
    assert kept_channels(scores, 0.28)["b"].tolist() == [4, 5, 6, 7]
    assert [len(rows) for rows in kept_channels(scores, 1.0).values()] == [4, 4, 3]


def test_a_fraction_that_leaves_nothing_of_a_layer_is_refused_with_what_may_go() -> None:
    spec = StudentSpec((16, 16, 1), 2, (4, 8), (1, 1))
    check_fractions(spec, (0.1, 0.33))
    with pytest.raises(
        EdgekitError, match=r"prune\.fractions has 0\.5, and at most 0\.33 of the student's 12 channels"
    ):
        check_fractions(spec, (0.1, 0.5))


@pytest.mark.parametrize("widths", [(4,), (4, 4, 4), (4, 0)])
def test_widths_that_are_not_those_of_its_layers_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="width"):
        replace(StudentSpec((16, 16, 1), 2, (4, 8), (1, 1)), widths=widths).blocks  # noqa: B018


def test_a_shortcut_must_be_as_wide_as_what_it_goes_around() -> None:
    spec = StudentSpec((16, 16, 1), 2, (8,), (2,), "residual")
    assert replace(spec, widths=(4, 4, 8, 8, 4, 8)).features == 8
    with pytest.raises(ValueError, match="differ in width"):
        replace(spec, widths=(4, 4, 8, 8, 4, 4)).blocks  # noqa: B018
