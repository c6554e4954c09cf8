"""The networks that students are trained as."""

import torch

from edgekit.training.nets import student_net
from edgekit.values.networks import StudentSpec


def test_a_residual_student_learns_from_a_channels_last_batch() -> None:
    """A stride of a 1x1 convolution ends torch 2.14's process there."""
    torch.manual_seed(0)
    net = student_net(StudentSpec((48, 48, 1), 2, (8, 12), (1, 1), "residual"))
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = torch.rand(64, 1, 48, 48).contiguous(memory_format=torch.channels_last)
    for _ in range(10):
        net(batch).square().sum().backward()
    assert all(bool(one.grad.isfinite().all() and one.grad.any()) for one in net.parameters() if one.grad is not None)
    assert all(one.grad is not None for one in net.parameters())


def test_a_pointwise_convolution_with_a_stride_is_trained_as_it_is_exported() -> None:
    torch.manual_seed(0)
    net = student_net(StudentSpec((32, 32, 1), 2, (8, 12), (1, 1), "residual"))
    strided = [one for one in net.modules() if getattr(one, "kernel_size", 0) == (1, 1)]
    assert strided
    for layer in strided:
        assert isinstance(layer, torch.nn.Conv2d)
        assert layer.stride == (2, 2)
        x = torch.rand(3, layer.in_channels, 16, 16)
        torch.testing.assert_close(layer.train()(x), layer.eval()(x))
