"""A teacher beside its student judges the very views that the student sees."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.recipes.recipe import (
    AugmentRecipe,
    DistillRecipe,
    FitRecipe,
    TeachRecipe,
)
from edgekit.runtimes.torch import to_nchw
from edgekit.training.augment import augment
from edgekit.training.backbones import backbone
from edgekit.training.distill import distill, distillation_loss
from edgekit.training.ensemble import combine, folds_of
from edgekit.training.fit import Training
from edgekit.training.nets import (
    Backbone,
    rebuilt_teacher,
    teacher_net,
    to_numpy,
)
from edgekit.training.same_view import SameView
from edgekit.values.images import ImageSet
from edgekit.values.networks import StudentSpec
from edgekit.values.task import CHEST_XRAY
from small_student import discs

CPU = torch.device("cpu")
VIEWS = AugmentRecipe(shear_deg=5, crop=0.7, blur=0.3, erase=0.5)
SMALL, LABELS = discs(40, 16, seed=4)
LARGE = SMALL.repeat(2, 1).repeat(2, 2)
IDS = tuple(f"i{row}" for row in range(40))
PATIENTS = tuple(f"p{row // 2}" for row in range(40))
STUDENTS = ImageSet(SMALL, LABELS, IDS, PATIENTS)
ORDER = np.random.default_rng(0).permutation(40)
NETWORKS = ("resnet_tiny", "vgg_slim", "resnet_tiny")


def members() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [teacher_net(name, CHEST_XRAY, "none", "fine-tuned", None).eval() for name in NETWORKS]


def same_view(students: ImageSet = STUDENTS, **changes: object) -> SameView:
    recipe = TeachRecipe(networks=NETWORKS, input_size=32, **changes)  # type: ignore[arg-type]
    shuffled = ImageSet(LARGE, LABELS, IDS, PATIENTS).take(ORDER)  # in an order of their own
    weights = [{name: value.numpy() for name, value in net.state_dict().items()} for net in members()]
    return SameView(recipe, CHEST_XRAY, shuffled, students, weights, CPU)


def expected(rows: torch.Tensor, seed: int) -> np.ndarray:
    """What every member says of the views that the seed draws: [members, B, 2]."""
    views = augment(to_nchw(LARGE[rows.numpy()]), VIEWS, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return np.stack([to_numpy(net(views)) for net in members()])


@pytest.mark.parametrize("how", ["mean", "vote"])
def test_an_ensemble_that_saw_every_patient_judges_by_all_members(how: str) -> None:
    teacher = same_view(cross_fit=False, combine=how)
    rows = torch.tensor([7, 3, 39, 3])
    teacher.forward_views(rows, VIEWS, torch.Generator().manual_seed(11))
    assert np.allclose(teacher.logits, combine(expected(rows, 11), how), atol=1e-5)


@pytest.mark.parametrize("count", [40, 25])
def test_a_cross_fitted_ensemble_judges_by_the_member_that_never_saw_the_patient(count: int) -> None:
    teacher = same_view(STUDENTS.take(np.arange(count)), cross_fit=True)
    rows = torch.arange(count)
    teacher.forward_views(rows, VIEWS, torch.Generator().manual_seed(5))
    folds = np.empty(40, np.int64)
    folds[ORDER] = folds_of(LABELS[ORDER], tuple(PATIENTS[row] for row in ORDER), 3)
    assert set(folds[:count]) == {0, 1, 2}
    assert np.allclose(teacher.logits, expected(rows, 5)[folds[:count], np.arange(count)], atol=1e-5)


def test_a_wide_student_and_its_square_teacher_see_the_same_view() -> None:
    turned = AugmentRecipe(
        flip=0, rotate_deg=180, translate=0, scale=0, brightness=0, contrast=0, gamma=0, noise_std=0
    )  # fmt: skip
    wide = ImageSet(SMALL[:, :8], LABELS, IDS, PATIENTS)  # 8x16
    teacher, rows = same_view(wide, cross_fit=False), torch.arange(6)
    teacher.forward_views(rows, turned, torch.Generator().manual_seed(2))
    seen = augment(to_nchw(LARGE[:6]), turned, torch.Generator().manual_seed(2), wide.size)
    with torch.no_grad():
        assert np.allclose(teacher.logits, np.mean([to_numpy(net(seen)) for net in members()], 0), atol=1e-5)


def test_looking_leaves_the_students_draws_as_they_are() -> None:
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    same_view().forward_views(torch.arange(6), VIEWS, generator)
    assert torch.equal(generator.get_state(), before)


def test_the_loss_is_that_of_what_the_teacher_last_judged() -> None:
    teacher, rows = same_view(), torch.tensor([5, 8, 2])
    teacher.forward_views(rows, VIEWS, torch.Generator().manual_seed(3))
    student = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-1.0, 1.0]])
    recipe = DistillRecipe(alpha=1, beta=0, temperature=2, same_view=True, fit=FitRecipe(balanced=False))
    found = distillation_loss(STUDENTS, teacher, recipe, CPU)(student, rows)
    soft = torch.softmax(teacher.logits / 2, 1)
    assert float(found) == pytest.approx(float(-4 * (soft * torch.log_softmax(student / 2, 1)).sum(1).mean()), rel=1e-5)


def test_an_image_that_the_teacher_does_not_have_is_named() -> None:
    few = ImageSet(LARGE[:39], LABELS[:39], IDS[:39], PATIENTS[:39])
    with pytest.raises(KeyError, match="i39"):
        SameView(TeachRecipe(networks=()), CHEST_XRAY, few, STUDENTS, [], CPU)


def test_a_teacher_of_other_images_and_one_without_members_are_refused() -> None:
    with pytest.raises(ValueError, match="other images"):
        distillation_loss(STUDENTS, same_view(STUDENTS.take(np.arange(25))), DistillRecipe(), CPU)
    with pytest.raises(ValueError, match="zip"):
        SameView(TeachRecipe(networks=NETWORKS), CHEST_XRAY, STUDENTS, STUDENTS, [], CPU)


def test_a_student_beside_its_teacher_is_the_same_after_a_kill(tmp_path: Path) -> None:
    recipe = DistillRecipe(same_view=True, fit=FitRecipe(epochs=3, batch_size=8), augment=VIEWS)

    def weights(checkpoint: Path | None = None, kill_at: int = 0) -> dict[str, np.ndarray]:
        def on_epoch(done: int, loss: float) -> None:
            if done == kill_at:
                raise KeyboardInterrupt

        student = distill(
            STUDENTS, same_view(), StudentSpec((16, 16, 1), 2, (4, 8), (1, 1)), recipe,
            Training(0, CPU, checkpoint, on_epoch=on_epoch),
        )  # fmt: skip
        return dict(student.weights)

    with pytest.raises(KeyboardInterrupt):
        weights(tmp_path / "kept", kill_at=2)
    resumed, whole = weights(tmp_path / "kept"), weights()
    assert all(np.array_equal(resumed[name], value) for name, value in whole.items())


@pytest.mark.parametrize("weights", ["imagenet", "none"])
def test_a_rebuilt_teacher_has_the_trained_ones_weights_and_range_of_pixels(weights: str) -> None:
    torch.manual_seed(0)
    net = Backbone(*backbone("googlenet", 2, "none", None))
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    rebuilt = rebuilt_teacher("googlenet", CHEST_XRAY, TeachRecipe(networks=("googlenet",), weights=weights), state)
    assert isinstance(rebuilt, Backbone)
    assert rebuilt.trunk.transform_input == (weights == "imagenet")  # no state_dict holds it
    assert not rebuilt.training
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in rebuilt.state_dict().items())
