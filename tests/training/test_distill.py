"""The distillation loss is its formula, and a teacher's opinion is joined by id."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import AugmentRecipe, DistillRecipe, FitRecipe
from edgekit.training.distill import distill, distillation_loss
from edgekit.training.fit import Training
from edgekit.training.nets import student_net
from edgekit.values.images import ImageSet
from edgekit.values.networks import StudentSpec, TeacherLogits
from edgekit.values.task import CHEST_XRAY
from small_student import discs

CPU = torch.device("cpu")
IMAGES, LABELS = discs(24, 16, seed=9)
IDS = tuple(f"i{row}" for row in range(24))
TRAIN = ImageSet(IMAGES, LABELS, IDS, IDS)
RNG = np.random.default_rng(0)
TEACHER = RNG.normal(0, 3, (24, 2)).astype(np.float32)
SHUFFLED = RNG.permutation(24)
LOGITS = TeacherLogits(TEACHER[SHUFFLED], tuple(IDS[row] for row in SHUFFLED))  # in an order of their own


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(("alpha", "beta", "temperature"), [(0.9, 0.1, 3.0), (0, 1, 1), (1, 0, 5), (0.4, 0.7, 0.5)])
def test_the_loss_is_alpha_t_squared_times_the_teachers_and_beta_times_the_labels_cross_entropy(
    alpha: float, beta: float, temperature: float, balanced: bool
) -> None:
    recipe = DistillRecipe(alpha=alpha, beta=beta, temperature=temperature, fit=FitRecipe(balanced=balanced))
    rows = np.array([3, 17, 4, 8, 20, 1])
    student = RNG.normal(0, 2, (6, 2))
    weight = 24 / (2 * np.bincount(LABELS)) if balanced else np.ones(2)
    share = weight[LABELS[rows]] / weight[LABELS[rows]].sum()
    hard = -np.log(softmax(student)[np.arange(6), LABELS[rows]])
    soft = -(softmax(TEACHER[rows] / temperature) * np.log(softmax(student / temperature))).sum(1)
    expected = alpha * temperature**2 * (share @ soft) + beta * (share @ hard)
    loss_of = distillation_loss(TRAIN, LOGITS, recipe, CPU)
    found = loss_of(torch.as_tensor(student, dtype=torch.float32), torch.as_tensor(rows))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_without_a_teacher_it_is_cross_entropy_with_the_labels() -> None:
    recipe = DistillRecipe(fit=FitRecipe(balanced=False, label_smoothing=0.2))
    student = RNG.normal(0, 2, (24, 2))
    goal = np.eye(2)[LABELS] * 0.8 + 0.1
    expected = -(goal * np.log(softmax(student))).sum(1).mean()
    loss_of = distillation_loss(TRAIN, None, recipe, CPU)
    found = loss_of(torch.as_tensor(student, dtype=torch.float32), torch.arange(24))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_student_follows_its_teacher_even_where_the_labels_say_otherwise() -> None:
    wrong = TeacherLogits(np.stack([4 * LABELS - 2, 2 - 4 * LABELS], 1).astype(np.float32), IDS)
    recipe = DistillRecipe(
        alpha=1, beta=0, temperature=1, augment=AugmentRecipe(rotate_deg=0, translate=0, scale=0),
        fit=FitRecipe(epochs=60, batch_size=8, learning_rate=0.02),
    )  # fmt: skip
    student = distill(TRAIN, wrong, StudentSpec((16, 16, 1), 2, (8, 8), (1, 1)), recipe, Training(0, CPU))
    from edgekit.training.fit import predict
    from edgekit.training.nets import thaw_student

    says = predict(thaw_student(student), IMAGES, CPU).argmax(1)
    assert (says != LABELS).mean() > 0.8


def test_an_image_that_the_teacher_never_saw_is_named() -> None:
    with pytest.raises(KeyError, match="i23"):
        distillation_loss(TRAIN, TeacherLogits(TEACHER[:23], IDS[:23]), DistillRecipe(), CPU)


@pytest.mark.parametrize(("name", "least", "most"), [("esp32", 25_000, 34_000), ("paper", 20_000, 34_000)])
def test_students_for_the_board_have_about_thirty_thousand_parameters(name: str, least: int, most: int) -> None:
    net = student_net(recipe_named(name).student.spec(CHEST_XRAY))
    assert least <= sum(p.numel() for p in net.parameters()) <= most
