"""The networks: the student, small teachers trained from scratch, and torchvision's backbones.

Every network takes float [B, C, H, W] in [0, 1] and gives logits [B, classes].
"""

import platform
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import TeachRecipe
from edgekit.training.narrow_norm import NarrowNorm
from edgekit.values.networks import Block, Layer, Student, StudentSpec
from edgekit.values.task import Task


def student_net(spec: StudentSpec) -> nn.Sequential:
    """The student, untrained."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block in spec.blocks:
        inner = _layers(block.layers)
        layers |= inner if block.shortcut is None else {f"block{block.name}": _Shortcut(block)}
    layers["mean"] = nn.AvgPool2d(spec.blocks[-1].layers[-1].result)
    layers["flat"] = nn.Flatten()
    layers["head"] = nn.Linear(spec.features, spec.classes)
    return nn.Sequential(layers)


def _layers(layers: Iterable[Layer]) -> OrderedDict[str, nn.Module]:
    found: OrderedDict[str, nn.Module] = OrderedDict()
    for one in layers:
        if one.pool:
            found[f"pool{one.name}"] = nn.MaxPool2d(2)
            continue
        groups = one.inputs if one.depthwise else 1
        convolution = _Pointwise if one.kernel == 1 else nn.Conv2d
        found[f"conv{one.name}"] = convolution(
            one.inputs, one.outputs, one.kernel, one.stride, one.kernel // 2, groups=groups, bias=False
        )
        found[f"norm{one.name}"] = NarrowNorm(one.outputs)
        if one.relu:
            found[f"relu{one.name}"] = nn.ReLU(inplace=True)
    return found


class _Pointwise(nn.Conv2d):
    """A 1x1 convolution that takes its steps before it multiplies while it is trained: torch 2.14 on a CPU ends the
    process in the backward pass of one with a stride on a channels-last batch."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:  # an exported network has the convolution itself
            return super().forward(x)
        down, right = self.stride
        return functional.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


class _Shortcut(nn.Module):
    """A block whose input goes around its layers, too."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.body = nn.Sequential(_layers(block.layers))
        self.shortcut = nn.Sequential(_layers(block.shortcut or ()))
        self.relu = block.relu

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return torch.relu(total) if self.relu else total


def freeze_student(net: nn.Module, spec: StudentSpec) -> Student:
    """The student as values."""
    return Student(spec, {name: to_numpy(value) for name, value in net.state_dict().items()})


def thaw_student(student: Student) -> nn.Sequential:
    """The student as a network in evaluation mode. ValueError: its weights are not those of its spec."""
    with torch.device("meta"):  # shapes alone: what a damaged file claims may not fit the memory
        expected = {name: tuple(value.shape) for name, value in student_net(student.spec).state_dict().items()}
    found = {name: value.shape for name, value in student.weights.items()}
    if expected != found:
        name = next(one for one in {**expected, **found} if expected.get(one) != found.get(one))
        raise ValueError(f"{name} has the shape {found.get(name)}, not {expected.get(name)}")
    net = student_net(student.spec)
    net.load_state_dict({name: torch.as_tensor(np.array(value)) for name, value in student.weights.items()})
    return net.eval()


def to_numpy(value: Tensor) -> NDArray[np.float32]:
    """The tensor as float32 numpy, wherever it lies."""
    return value.detach().to("cpu", torch.float32).numpy().copy()


class _Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016), halving the image where stride is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def _resnet_tiny(task: Task, width: int) -> nn.Module:
    """A small residual network, trained from scratch. Width 16 on grey images: 0.7 M parameters, 36 M
    multiply-accumulates at 128x128, small enough for two cores."""
    stages: list[nn.Module] = [
        nn.Conv2d(task.channels, width, 5, 2, 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    ]
    inputs = width
    for factor, stride in ((1, 1), (2, 2), (4, 2), (8, 2)):
        stages.append(_Residual(inputs, width * factor, stride))
        inputs = width * factor
    stages += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(inputs, len(task.labels))]
    return nn.Sequential(*stages)


def _vgg_slim(task: Task) -> nn.Module:
    """The esp32 recipe's student at twice its width, for any image size: 0.12 M parameters, 19 M multiply-accumulates
    at 64x64."""
    spec = StudentSpec((64, 64, task.channels), len(task.labels), (16, 32, 48, 72), (1, 1, 2, 2))
    layers = _layers(layer for block in spec.blocks for layer in block.layers)
    layers |= {"mean": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "head": nn.Linear(72, len(task.labels))}
    return nn.Sequential(layers)


class Backbone(nn.Module):
    """A torchvision classifier, its input normalised as ImageNet was; a grey image becomes three equal channels.

    It is a trunk, which gives features, and a head, the last linear layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def features(self, x: Tensor) -> Tensor:
        """What the head is given, [B, F], for images [B, 1 or 3, H, W]."""
        found: Tensor = self.trunk((x.expand(-1, 3, -1, -1) - self.mean) / self.std)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))  # type: ignore[no-any-return]


_RESNET_TINY_WIDTHS: Mapping[str, int] = {"resnet_tiny": 16, "wide": 32}


def teacher_net(name: str, task: Task, weights: str, trunk: str, weights_dir: Path | None) -> nn.Module:
    """A network that answers the task.

    Args:
        name: `resnet_tiny`, `wide`, `vgg_slim`, or one of torchvision's.
        weights: `none` or `imagenet` (torchvision's download, or the file of the same name in weights_dir).
        trunk: `frozen` trains the head alone, as the paper did; `fine-tuned` trains everything.

    Raises:
        EdgekitError: the weights cannot be had; says which file to fetch.
    """
    if name in _RESNET_TINY_WIDTHS:
        return _resnet_tiny(task, _RESNET_TINY_WIDTHS[name])
    if name == "vgg_slim":
        return _vgg_slim(task)
    from edgekit.training.backbones import backbone  # torchvision takes seconds to import

    net = Backbone(*backbone(name, len(task.labels), weights, weights_dir))
    net.trunk.requires_grad_(trunk != "frozen")
    return net


def rebuilt_teacher(name: str, task: Task, recipe: TeachRecipe, state: Mapping[str, NDArray[Any]]) -> nn.Module:
    """A trained member of that recipe's ensemble in evaluation mode, from its state_dict alone."""
    net = teacher_net(name, task, "none", recipe.trunk, None)
    if isinstance(net, Backbone) and hasattr(net.trunk, "transform_input"):
        transform = recipe.weights == "imagenet"  # googlenet and inception_v3; no state_dict holds it
        net.trunk.transform_input = transform  # type: ignore[assignment]
    net.load_state_dict({key: torch.as_tensor(np.array(value)) for key, value in state.items()})
    return net.eval()


def accelerator(name: str = "auto") -> torch.device:
    """torch's device: `auto` takes CUDA, then Apple's, then the processor.

    Raises:
        EdgekitError: the one asked for is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()  # `meta` has a shape and no values
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise EdgekitError(f"Accelerator {name!r} is not available here: {reason}", "Use --accelerator cpu.") from error
    return torch.device(name)


def accelerator_name(device: torch.device) -> str:
    """What trained a model, in words: the GPU's name, or `cpu (x86_64)`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()})"
