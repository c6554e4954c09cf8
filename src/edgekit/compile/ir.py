"""The graph between reader and emitter: frozen values, integers only, every shape and padding worked out.

Each file of ops/ has the node that its operator becomes; that of convolutions stands with their kernels. Scales are
gone except at the two ends of the model.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgekit.values.model import Quantization

ELEMENT_BYTES = {"INT8": 1, "UINT8": 1, "INT16": 2, "INT32": 4}
"""What an activation may consist of, by the schema's names."""

RANGES = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-(2**15), 2**15 - 1), "INT32": (-(2**31), 2**31 - 1)}
"""The least and the greatest value of each."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An activation.

    Attributes:
        index: position in the .tflite's tensor list; its identity.
        name: for messages; of what C takes it for, only letters, digits and a few marks get there.
        shape: all dimensions, batch first.
        type: one of `ELEMENT_BYTES`; UINT8 and INT32 stand at the model's ends.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    quantization: Quantization
    type: str = "INT8"

    @property
    def size(self) -> int:
        """Elements; of INT8 bytes as well."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return ELEMENT_BYTES[self.type]

    @property
    def size_bytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.element_bytes

    @property
    def offset(self) -> int:
        """What memory has more than q: 128 where INT8 lies as an unsigned byte."""
        return 128 if self.type == "INT8" else 0


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What outlives a run. `first`: its values before the first run; of INT8, memory has q + 128."""

    tensor: Tensor
    first: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Requantization:
    """int32 sums to int8: per channel multiplier / 2^31 * 2^shift, then the zero point, then the clamp."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Origin:
    """An operator of the .tflite: `CONV_2D`, the third in the file."""

    code: str
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A node of the graph.

    Attributes:
        origins: the file's operators that it stands for.
        inputs: the activations that it reads, in the order in which its C function takes them.
    """

    origins: tuple[Origin, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor

    @property
    def input(self) -> Tensor:
        """The first of the inputs; of most operators the only one."""
        return self.inputs[0]

    @property
    def label(self) -> str:
        """For messages: `CONV_2D (operator 2) + MAX_POOL_2D (operator 3)`."""
        return " + ".join(f"{origin.code} (operator {origin.position})" for origin in self.origins)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model: inputs and outputs in the file's order, operators in an order in which they can run.

    Attributes:
        states: what outlives a run.
        float_inputs, float_outputs: which of them the file has as floats, with these tensors behind them.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    sha256: bytes = field(repr=False)
    float_inputs: tuple[bool, ...]
    float_outputs: tuple[bool, ...]
    states: tuple[State, ...] = ()

    @property
    def input(self) -> Tensor:
        """The first of the inputs; of most models the only one."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first of the outputs; of most models the only one."""
        return self.outputs[0]

    @property
    def input_bytes(self) -> int:
        """Of all inputs."""
        return sum(tensor.size_bytes for tensor in self.inputs)

    @property
    def state_bytes(self) -> int:
        """Of all that outlives a run."""
        return sum(state.tensor.size_bytes for state in self.states)

    @property
    def output_bytes(self) -> int:
        """Of all outputs."""
        return sum(tensor.size_bytes for tensor in self.outputs)
