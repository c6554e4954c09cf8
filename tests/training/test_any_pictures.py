"""Every network takes grey and RGB images of any shape and gives a logit for each class."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from drawn_classes import COLOURS, PATTERNS, disc, pattern
from edgekit.errors import EdgekitError
from edgekit.files import packed
from edgekit.pipeline.evaluate import load_student
from edgekit.recipes.recipe import AugmentRecipe, DistillRecipe, FitRecipe, PruneRecipe, TeachRecipe
from edgekit.training import teach
from edgekit.training.distill import distill
from edgekit.training.ensemble import soft_targets
from edgekit.training.fit import Training, predict
from edgekit.training.nets import freeze_student, student_net, teacher_net, thaw_student
from edgekit.training.prune import prune
from edgekit.training.same_view import SameView
from edgekit.values.codec import to_json
from edgekit.values.images import ImageSet
from edgekit.values.networks import Kind, StudentSpec, TeacherLogits
from edgekit.values.task import Task

CPU = torch.device("cpu")
RGB = Task(tuple(COLOURS), channels=3)
GREY = Task(PATTERNS)
SIZE = (32, 48)
FIT = FitRecipe(epochs=5, batch_size=16, learning_rate=5e-3)
STUDENT_FIT = FitRecipe(epochs=8, batch_size=16, learning_rate=1e-2)
VIEWS = AugmentRecipe(translate=0.02, brightness=0.05, contrast=0.1, gamma=0.1)


def pictures(task: Task, count: int, seed: int) -> ImageSet:
    """So many of each class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count * len(task.labels)) % len(task.labels)
    draw = pattern if task == GREY else disc
    images = np.stack([draw(task.labels[label], SIZE, rng).reshape(*SIZE, task.channels) for label in labels])
    names = tuple(f"{seed}-{row}" for row in range(len(labels)))
    return ImageSet(images, labels, names, names)


@pytest.mark.parametrize("task", [GREY, RGB], ids=["grey", "RGB"])
@pytest.mark.parametrize("name", ["resnet_tiny", "vgg_slim", "resnet18", "mobilenet_v2"])
def test_every_kind_of_teacher_takes_them(task: Task, name: str) -> None:
    net = teacher_net(name, task, "none", "fine-tuned", None).eval()
    with torch.inference_mode():
        assert net(torch.rand(2, task.channels, *SIZE)).shape == (2, 3)


def test_a_backbone_sees_red_green_and_blue_apart() -> None:
    torch.manual_seed(0)
    net = teacher_net("resnet18", RGB, "none", "fine-tuned", None).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert not torch.allclose(net(x), net(x.flip(1)))


def test_a_student_takes_them() -> None:
    assert student_net(StudentSpec((*SIZE, 3), 3, (4, 8), (1, 2)))(torch.rand(2, 3, *SIZE)).shape == (2, 3)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_student_of_every_kind_is_read_again_as_it_was_saved(kind: Kind, tmp_path: Path) -> None:
    spec = StudentSpec((*SIZE, 3), 3, (4, 8), (1, 2), kind, 2, 3)
    net = student_net(spec).eval()
    saved = freeze_student(net, spec)
    (tmp_path / "student.npz").write_bytes(packed({**to_json(spec), **saved.weights}))
    again = load_student(tmp_path / "student.npz")
    assert again.spec == spec
    x = torch.rand(2, 3, *SIZE)
    with torch.inference_mode():
        assert torch.equal(thaw_student(again)(x), net(x))


@pytest.mark.parametrize("name", ["student", "resnet_tiny", "vgg_slim", "resnet18"])
def test_of_no_images_there_are_no_logits_of_each_class(name: str) -> None:
    spec = StudentSpec((*SIZE, 3), 3, (4, 8), (1, 2))
    net = student_net(spec) if name == "student" else teacher_net(name, RGB, "none", "fine-tuned", None)
    assert predict(net, np.zeros((0, *SIZE, 3), np.uint8), CPU).shape == (0, 3)


def test_images_too_small_for_a_teacher_are_named_by_height_and_width() -> None:
    recipe = TeachRecipe(networks=("alexnet",), input_size=(32, 40))
    with pytest.raises(EdgekitError, match="alexnet does not take images of 32x40 pixels"):
        teach.untrained_member(pictures(RGB, 2, 0), RGB, recipe, 0, Training(0, CPU))


def test_a_class_that_a_teacher_would_not_see_is_named_with_the_tasks_own_words() -> None:
    train = pictures(RGB, 2, 0)
    groups = tuple("one" if label == 1 else name for label, name in zip(train.labels, train.ids, strict=True))
    one_group = ImageSet(train.images, train.labels, train.ids, groups)
    recipe = TeachRecipe(networks=("vgg_slim", "vgg_slim"), input_size=32, fit=FIT)
    with pytest.raises(
        EdgekitError, match=r"Without the groups that teacher 0 leaves out, no training image is left of green"
    ) as caught:
        teach.train_member(one_group, RGB, recipe, 0, Training(0, CPU))
    assert "more groups," in caught.value.hint


@pytest.mark.parametrize("task", [GREY, RGB], ids=["grey", "RGB"])
def test_the_head_of_a_frozen_trunk_learns_three_classes(task: Task) -> None:
    train, val = pictures(task, 16, 1), pictures(task, 8, 2)
    fit = FitRecipe(epochs=20, batch_size=16)
    recipe = TeachRecipe(("resnet18",), trunk="frozen", input_size=SIZE, views=1, fit=fit, augment=VIEWS)
    taught = teach.train_member(train, task, recipe, 0, Training(0, CPU), held_out={"val": val})
    assert (taught.logits["val"].argmax(1) == val.labels).mean() > 0.7


@pytest.mark.parametrize("task", [GREY, RGB], ids=["grey", "RGB"])
@pytest.mark.parametrize("same_view", [False, True])
def test_three_classes_go_from_teachers_to_a_pruned_student(task: Task, same_view: bool) -> None:
    train, val = pictures(task, 32, 1), pictures(task, 16, 2)
    recipe = TeachRecipe(networks=("vgg_slim", "vgg_slim"), input_size=SIZE, fit=FIT, augment=VIEWS)
    members = [teach.train_member(train, task, recipe, i, Training(0, CPU), held_out={"val": val}) for i in (0, 1)]
    soft = soft_targets(np.stack([member.logits["train"] for member in members]), train, recipe)
    assert soft.shape == (len(train), 3)
    assert members[0].logits["val"].shape == (len(val), 3)
    weights = [{name: value.numpy() for name, value in member.net.state_dict().items()} for member in members]
    teacher = SameView(recipe, task, train, train, weights, CPU) if same_view else TeacherLogits(soft, train.ids)
    spec = StudentSpec((*SIZE, task.channels), 3, (8, 16), (1, 1))
    how = DistillRecipe(alpha=0.5, beta=0.5, same_view=same_view, fit=STUDENT_FIT, augment=VIEWS)
    student = distill(train, teacher, spec, how, Training(0, CPU))
    pruned, curve = prune(student, train, val, teacher, PruneRecipe(alphas=(2.0, 15.0)), how, Training(0, CPU))
    logits = predict(thaw_student(pruned), val.images, CPU)
    assert (logits.argmax(1) == val.labels).mean() > 0.7  # of three: by chance 0.33
    assert curve[:, 2].max() > 0.7
