"""What a network that is trained as int8 is made of: grids of activations, weights in whole numbers.

In: tensors of an int8 .tflite and of the float one. Out: torch modules; `fake_quantized` says what they model.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.tflite.records import FileOperator, FileTensor
from edgekit.tflite.rewrite import NewTensor

_TO_TORCH = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}
_PACE = 10.0  # of the logarithm of a scale, beside weights in units of the greatest
_BIAS_STEPS = 16.0  # the unit of a bias, in steps of the output


def rounded(x: Tensor) -> Tensor:
    """To whole numbers, halves away from zero; its gradient is 1."""
    return x + (torch.sign(x) * torch.floor(x.abs() + 0.5) - x).detach()


class Range(nn.Module):
    """An int8 tensor's scale and zero point, and how values get onto its grid.

    Args:
        learned: training may change the scale.
        relu: values are at least 0.
    """

    first_scale: Tensor

    def __init__(self, tensor: FileTensor, learned: bool, relu: bool) -> None:
        super().__init__()
        self.register_buffer("first_scale", torch.tensor(tensor.scales[0]))
        self.logarithm = nn.Parameter(torch.zeros(()), requires_grad=learned)  # of the scale over the first one
        self.zero_point = int(tensor.zero_points[0])
        self.least = max(-128, self.zero_point) if relu else -128

    @property
    def scale(self) -> Tensor:
        """float32, as the file will have it."""
        return self.first_scale * torch.exp(_PACE * self.logarithm)

    def forward(self, steps: Tensor, scale: Tensor) -> Tensor:
        """Values (in steps of `scale`, whole or not, from zero) onto the grid."""
        found: Tensor = self.clamped(rounded(steps)) * scale
        return found

    def clamped(self, steps: Tensor) -> Tensor:
        """Steps within what int8 holds."""
        return steps.clamp(self.least - self.zero_point, 127 - self.zero_point)


class Weighted(nn.Module):
    """The weights and the bias of a convolution or a linear layer.

    Both are kept in units that one learning rate suits: of a row's greatest weight, and of 128 steps of the output.
    """

    units: Tensor
    kept: Tensor
    bias_unit: Tensor

    def __init__(self, op: FileOperator, weights: NDArray[np.float32], bias: NDArray[np.float32], step: float) -> None:
        """`weights`: as the float file has them; `step`: the output's scale."""
        super().__init__()
        self.code = op.code
        values = torch.tensor(weights.transpose(_TO_TORCH[op.code]))  # (rows, ...)
        units = self._greatest(values)
        self.register_buffer("units", torch.where(units > 0, units, torch.ones_like(units)))
        self.register_buffer("kept", (values != 0).float())  # pruned weights stay pruned
        self.register_buffer("bias_unit", torch.tensor(np.float32(_BIAS_STEPS * step)))
        self.values = nn.Parameter(values / self.units)
        self.bias = nn.Parameter(torch.tensor(bias) / self.bias_unit)

    @staticmethod
    def _greatest(values: Tensor) -> Tensor:
        found: Tensor = values.detach().abs().amax(dim=tuple(range(1, values.ndim)), keepdim=True)
        return found

    def whole(self, entry_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (rows, ...) and biases (rows) in whole numbers, and the weights' scales (rows, ...)."""
        reals = self.values * self.units * self.kept
        greatest = self._greatest(reals)
        scales = torch.where(greatest > 0, greatest, self.units) / 127
        biases = self.bias * self.bias_unit / (entry_scale.detach() * scales.flatten())
        return rounded(reals / scales), rounded(biases), scales

    def stored(self, entry_scale: Tensor) -> tuple[NewTensor, NewTensor]:
        """Weights and biases as the file has them."""
        weights, biases, scales = (one.detach().cpu() for one in self.whole(entry_scale))
        rows = scales.flatten().numpy()
        back = np.argsort(_TO_TORCH[self.code])
        products = (np.float64(entry_scale.item()) * rows.astype(np.float64)).astype(np.float32)
        steps = biases.double().clamp(-(2.0**31), 2.0**31 - 1).numpy()
        return (
            NewTensor(rows, data=weights.numpy().astype(np.int8).transpose(back)),
            NewTensor(products, data=steps.astype(np.int32)),
        )
