"""A teacher beside its student judges the very views that the student sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_student import discs

from edgekit.artifacts import StudentSpec, XraySet
from edgekit.build.augment import augment
from edgekit.build.distill import distill
from edgekit.build.ensemble import combine, folds_of
from edgekit.build.nets import teacher_net, to_numpy
from edgekit.build.same_view import SameView
from edgekit.recipes import AugmentRecipe, DistillRecipe, FitRecipe, TeachRecipe

CPU = torch.device("cpu")
VIEWS = AugmentRecipe(shear_deg=5, crop=0.7, blur=0.3, erase=0.5)
SMALL, LABELS = discs(40, 16, seed=4)
LARGE = SMALL.repeat(2, 1).repeat(2, 2)
IDS = tuple(f"i{row}" for row in range(40))
PATIENTS = tuple(f"p{row // 2}" for row in range(40))
ORDER = np.random.default_rng(0).permutation(40)
NETWORKS = ("compact", "vgg_slim", "compact")


def members() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [teacher_net(name, "none", "fine-tuned", None).eval() for name in NETWORKS]


def same_view(**changes: object) -> SameView:
    recipe = TeachRecipe(networks=NETWORKS, input_size=32, **changes)  # type: ignore[arg-type]
    shuffled = XraySet(LARGE, LABELS, IDS, PATIENTS).take(ORDER)  # in an order of their own
    weights = [{name: value.numpy() for name, value in net.state_dict().items()} for net in members()]
    return SameView(recipe, shuffled, IDS, weights, VIEWS, CPU)


def expected(rows: torch.Tensor, seed: int) -> np.ndarray:
    """What every member says of the views that the seed draws: [members, B, 2]."""
    views = augment(torch.as_tensor(LARGE[rows.numpy()]).unsqueeze(1), VIEWS, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return np.stack([to_numpy(net(views)) for net in members()])


@pytest.mark.parametrize("how", ["mean", "vote"])
def test_an_ensemble_that_saw_every_patient_judges_by_all_members(how: str) -> None:
    teacher = same_view(cross_fit=False, combine=how)
    rows = torch.tensor([7, 3, 39, 3])
    teacher.look(rows, torch.Generator().manual_seed(11))
    assert np.allclose(teacher.judged, combine(expected(rows, 11), how), atol=1e-5)


def test_a_cross_fitted_ensemble_judges_by_the_member_that_never_saw_the_patient() -> None:
    teacher = same_view(cross_fit=True)
    rows = torch.arange(40)
    teacher.look(rows, torch.Generator().manual_seed(5))
    shuffled = [PATIENTS[row] for row in ORDER]
    folds = np.empty(40, np.int64)
    folds[ORDER] = folds_of(LABELS[ORDER], tuple(shuffled), 3)
    assert set(folds) == {0, 1, 2}
    assert np.allclose(teacher.judged, expected(rows, 5)[folds, np.arange(40)], atol=1e-5)


def test_looking_leaves_the_students_draws_as_they_are() -> None:
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    same_view().look(torch.arange(6), generator)
    assert torch.equal(generator.get_state(), before)


def test_an_image_that_the_teacher_has_not_is_named() -> None:
    few = XraySet(LARGE[:39], LABELS[:39], IDS[:39], PATIENTS[:39])
    with pytest.raises(KeyError, match="i39"):
        SameView(TeachRecipe(networks=()), few, IDS, [], VIEWS, CPU)


def test_a_student_beside_its_teacher_is_the_same_after_a_kill(tmp_path: Path) -> None:
    train = XraySet(SMALL, LABELS, IDS, PATIENTS)
    recipe = DistillRecipe(same_view=True, fit=FitRecipe(epochs=3, batch_size=8), augment=VIEWS)

    def student(checkpoint: Path | None = None, kill_at: int = 0) -> dict[str, np.ndarray]:
        def on_epoch(done: int, loss: float) -> None:
            if done == kill_at:
                raise KeyboardInterrupt

        spec = StudentSpec(16, (4, 8), (1, 1))
        return dict(
            distill(
                train, same_view(), spec, recipe, seed=0, accelerator=CPU, checkpoint=checkpoint, on_epoch=on_epoch
            ).weights
        )

    with pytest.raises(KeyboardInterrupt):
        student(tmp_path / "kept", kill_at=2)
    resumed, whole = student(tmp_path / "kept"), student()
    assert all(np.array_equal(resumed[name], value) for name, value in whole.items())


def test_a_student_follows_what_its_teacher_says_of_the_views() -> None:
    train = XraySet(SMALL, LABELS, IDS, PATIENTS)
    recipe = DistillRecipe(
        alpha=1, beta=0, temperature=1, same_view=True, augment=AugmentRecipe(rotate_deg=0, translate=0, scale=0),
        fit=FitRecipe(epochs=60, batch_size=8, learning_rate=0.02),
    )  # fmt: skip
    from edgekit.build.fit import predict
    from edgekit.build.nets import thaw_student

    teacher = same_view()
    wrong = torch.tensor([[-2.0, 2.0], [2.0, -2.0]])[torch.as_tensor(LABELS)]  # the other class, surely

    def lie(rows: torch.Tensor, generator: torch.Generator) -> None:
        teacher.judged = wrong[rows]

    teacher.look = lie  # type: ignore[method-assign]
    student = distill(train, teacher, StudentSpec(16, (8, 8), (1, 1)), recipe, seed=0, accelerator=CPU)
    says = predict(thaw_student(student), SMALL, CPU).argmax(1)
    assert (says != LABELS).mean() > 0.8
