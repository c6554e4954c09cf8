"""A BatchNorm of few channels is torch's own, on one thread."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from edgekit.build.narrow_norm import NarrowNorm


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
    norm = NarrowNorm(3).double()
    x = torch.randn(4, 3, 5, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (x,))


def test_one_thread_is_used_where_channels_are_few_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, threads = torch.native_batch_norm, []

    def counted(*inputs: object) -> object:
        threads.append(torch.get_num_threads())
        return kernel(*inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(torch, "native_batch_norm", counted)
    NarrowNorm(8)(torch.randn(2, 8, 4, 4))
    NarrowNorm(16)(torch.randn(2, 16, 4, 4))
    NarrowNorm(8).eval()(torch.randn(2, 8, 4, 4))
    assert threads == [1]
    assert torch.get_num_threads() == 2
