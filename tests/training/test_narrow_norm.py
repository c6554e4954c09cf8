"""A BatchNorm of few channels is torch's own, on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from edgekit.training import narrow_norm
from edgekit.training.narrow_norm import NarrowNorm


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def norms(channels: int) -> tuple[NarrowNorm, nn.BatchNorm2d]:
    ours, theirs = NarrowNorm(channels), nn.BatchNorm2d(channels)
    with torch.no_grad():
        for norm in (ours, theirs):
            norm.weight.copy_(torch.linspace(0.5, 2, channels))
            norm.bias.copy_(torch.linspace(-1, 1, channels))
    return ours, theirs


@pytest.mark.parametrize("channels", [1, 8, 15, 16, 40])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_outputs_gradients_and_running_statistics_are_torchs(channels: int, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    found = []
    batches = [torch.randn(16, channels, 12, 12) * 2 + 1 for _ in range(3)]
    for norm in norms(channels):
        for batch in batches:
            x = batch.contiguous(memory_format=layout).requires_grad_()
            norm.zero_grad()
            y = norm(x)
            (y * torch.linspace(0, 1, 12)).square().sum().backward()
        assert y.is_contiguous(memory_format=layout)
        found.append([y, x.grad, norm.weight.grad, norm.bias.grad, *norm.state_dict().values(), norm.eval()(x)])
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert torch.get_num_threads() == 2


def test_its_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    norm = NarrowNorm(3).double()
    x = torch.randn(4, 3, 5, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (x,))


def test_one_thread_is_used_where_channels_are_few_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []
    alone = narrow_norm._one_thread

    @contextmanager
    def counted() -> Iterator[None]:
        with alone():
            entered.append(torch.get_num_threads())
            yield

    monkeypatch.setattr(narrow_norm, "_one_thread", counted)
    for norm in (NarrowNorm(16), NarrowNorm(8).eval(), NarrowNorm(8, affine=False), NarrowNorm(8, momentum=None)):
        norm(torch.randn(2, norm.num_features, 4, 4, requires_grad=True)).sum().backward()
    assert entered == []
    y = NarrowNorm(8)(torch.randn(2, 8, 4, 4))
    assert entered == [1]
    y.sum().backward()
    assert entered == [1, 1]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("shape", [(4, 8, 5), (1, 8, 1, 1)])
def test_what_torch_refuses_is_refused(shape: tuple[int, ...]) -> None:
    for norm in norms(8):
        with pytest.raises(ValueError, match=r"expected 4D input|Expected more than 1 value per channel"):
            norm(torch.randn(shape))
