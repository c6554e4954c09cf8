"""Frozen trunks: few passes, the same function afterwards, half the batch where memory ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.recipes.recipe import AugmentRecipe, FitRecipe, TeachRecipe
from edgekit.training import teach
from edgekit.training.fit import History, Training, fit, predict
from edgekit.training.linear_probe import features
from edgekit.training.nets import Backbone
from edgekit.training.prune_network import logits_when_pruned
from edgekit.training.teach import rebuilt_member
from edgekit.values.images import ImageSet
from edgekit.values.task import CHEST_XRAY
from small_student import discs

CPU = torch.device("cpu")
RECIPE = TeachRecipe(
    networks=("resnet18",), trunk="frozen", input_size=32, views=2, fit=FitRecipe(epochs=8, batch_size=16)
)


def a_set(count: int, seed: int) -> ImageSet:
    images, labels = discs(count, 16, seed=seed)
    names = tuple(f"{seed}-{row}" for row in range(count))
    return ImageSet(images.repeat(2, 1).repeat(2, 2), labels, names, names)


TRAIN, VAL = a_set(48, 1), a_set(24, 2)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of a trunk was given."""
    counts: list[int] = []
    whole = Backbone.features

    def counted(net: Backbone, x: Tensor) -> Tensor:
        counts.append(len(x))
        return whole(net, x)

    monkeypatch.setattr(Backbone, "features", counted)
    return counts


def test_any_number_of_epochs_costs_two_passes_of_the_trunk(passed: list[int]) -> None:
    taught = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU), held_out={"val": VAL})
    probe, norms = 1, min(len(TRAIN), 128)  # the size is tried with one image; the norms are settled on a few
    assert sum(passed) == probe + norms + RECIPE.views * len(TRAIN) + len(VAL)
    assert taught.costs["trunk_passes"] == RECIPE.views < 3
    assert taught.history.shape == (8, 2, 2)


def test_the_network_says_what_its_head_said_on_the_features() -> None:
    taught = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU), held_out={"val": VAL})
    for name, part in (("train", TRAIN), ("val", VAL)):
        assert np.abs(predict(taught.net, part.images, CPU) - taught.logits[name]).max() < 1e-4
    accuracy = (taught.logits["val"].argmax(1) == VAL.labels).mean()
    assert taught.history[-1, 1, 1] == pytest.approx(accuracy)
    assert taught.history[-1, 0, 0] < taught.history[0, 0, 0]  # the head learns


def test_a_member_is_put_together_again_from_its_seed_and_its_head() -> None:
    taught = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(5, CPU), held_out={"val": VAL})
    assert isinstance(taught.net, Backbone)
    head = {name: p.detach().numpy() for name, p in taught.net.head.named_parameters()}
    again = rebuilt_member(TRAIN, CHEST_XRAY, RECIPE, head, Training(5, CPU))
    assert np.allclose(predict(again, VAL.images, CPU), taught.logits["val"], atol=1e-4)
    other = rebuilt_member(TRAIN, CHEST_XRAY, RECIPE, head, Training(6, CPU))
    assert not np.allclose(predict(other, VAL.images, CPU), taught.logits["val"], atol=1e-2)


def test_a_killed_head_finds_its_features_again(tmp_path: Path, passed: list[int]) -> None:
    checkpoint = tmp_path / "checkpoint"

    class Killed(Exception):
        pass

    def on_epoch(done: int, loss: float) -> None:
        if done == 2 and not resumed:
            raise Killed

    resumed = False
    with pytest.raises(Killed):
        teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU, checkpoint, on_epoch=on_epoch))
    resumed = True
    before = sum(passed)
    again = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU, checkpoint, on_epoch=on_epoch))
    assert sum(passed) - before == 1 + len(TRAIN)  # the size and the norms: the features were kept
    whole = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU))
    assert np.array_equal(again.logits["train"], whole.logits["train"])
    checkpoint.write_bytes(b"damaged")
    anew = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU, checkpoint, on_epoch=on_epoch))
    assert np.array_equal(anew.logits["train"], whole.logits["train"])


def test_a_pruned_network_is_given_back_as_it_was() -> None:
    taught = teach.train_member(TRAIN, CHEST_XRAY, RECIPE, 0, Training(0, CPU), held_out={"val": VAL})
    share, logits = logits_when_pruned(taught.net, 1.0, {"val": VAL}, CPU)
    assert 0.3 < share < 0.95
    assert not np.allclose(logits["val"], taught.logits["val"], atol=1e-3)
    assert np.allclose(predict(taught.net, VAL.images, CPU), taught.logits["val"], atol=1e-4)


class Greedy(nn.Module):
    """A network on an accelerator whose memory holds `most` images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.flat = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        flat: Tensor = self.flat(x)[:, :5]
        return flat


def test_where_memory_ends_the_batch_is_halved_and_the_features_are_the_same() -> None:
    said: list[str] = []
    head = nn.Linear(5, 2)
    whole, halved = (Backbone(Greedy(most), head) for most in (64, 7))
    expected = features(whole, TRAIN.images, CPU)
    found = features(halved, TRAIN.images, CPU, on_warning=said.append)
    assert np.array_equal(found, expected)
    assert [line.rpartition(" ")[2] for line in said] == ["32.", "16.", "8.", "4."]
    assert "memory does not hold a batch of 64" in said[0]
    said.clear()
    assert np.allclose(predict(halved, VAL.images, CPU, on_warning=said.append), predict(whole, VAL.images, CPU))
    assert len(said) == 6  # 256 images at once, and no more than 7


def test_the_history_of_a_resumed_training_has_every_epoch(tmp_path: Path) -> None:
    def trained(history: History, checkpoint: Path | None = None, kill_at: int = 0) -> None:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 2))
        labels = torch.as_tensor(TRAIN.labels)

        def on_epoch(done: int, loss: float) -> None:
            if done == kill_at:
                raise KeyboardInterrupt

        fit(
            net, TRAIN.images, lambda logits, rows: nn.functional.cross_entropy(logits, labels[rows]),
            FitRecipe(epochs=5, batch_size=16), AugmentRecipe(),
            Training(0, CPU, checkpoint, history, on_epoch),
        )  # fmt: skip

    def a_history() -> History:
        return History({"train": (TRAIN.images, TRAIN.labels), "val": (VAL.images, VAL.labels)})

    whole, resumed = a_history(), a_history()
    trained(whole)
    with pytest.raises(KeyboardInterrupt):
        trained(a_history(), tmp_path / "checkpoint", kill_at=3)
    trained(resumed, tmp_path / "checkpoint")
    assert np.array_equal(np.stack(whole.rows), np.stack(resumed.rows))
    assert np.stack(whole.rows).shape == (5, 2, 2)
