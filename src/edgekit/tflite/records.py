"""What the reader makes of a .tflite: frozen records of its tensors, operators and subgraphs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError


@dataclass(frozen=True, slots=True, eq=False)
class FileTensor:
    """A tensor as the file has it.

    Attributes:
        name: cut to 60 characters.
        type: its name in the schema, such as `INT8`.
        signature: the shape with -1 for what is left open; empty where nothing is.
        scales, zero_points, axis: its quantization, of any length; `axis` is the dimension that the scales belong to.
        special: why it is not a dense tensor of this file, for messages (`sparse`); empty where it is.
        data: its bytes; empty for what is computed.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    special: str
    data: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FileOperator:
    """An operator as the file has it.

    Attributes:
        code: its name in the schema, such as `CONV_2D`.
        inputs, outputs: indices of tensors; -1 for an input left out.
        options_kind: the schema's name of its options, such as `Conv2DOptions`; empty where it has none.
        options: their fields by the names of the schema's accessors (`StrideH`); enumerations by name.
        position: among the file's operators.
        custom: the name of one that is CUSTOM; cut to 60 characters.
    """

    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_kind: str
    options: Mapping[str, Any]
    position: int
    custom: str = ""

    @property
    def name(self) -> str:
        """For messages: its code, and the name of one that is CUSTOM."""
        return f"{self.code} {self.custom}".rstrip()


@dataclass(frozen=True, slots=True)
class TfliteFile:
    """A file's first subgraph, and mostly its only one.

    Attributes:
        name: what messages call the file.
        content: its bytes, without float or uint8 ends.
        other_ends: what it had before an int8 model or behind and was left out: `float`, `uint8`, both, or nothing.
        others: its further subgraphs.
    """

    name: str
    content: bytes
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    other_ends: str = ""
    others: tuple["TfliteFile", ...] = ()

    def ends(self) -> tuple[int, int]:
        """The tensors that are the only input and the only output. EdgekitError where there are more, or none."""
        for what, indices in (("input", self.inputs), ("output", self.outputs)):
            if len(indices) != 1:
                raise EdgekitError(
                    f"{self.name} has {len(indices)} {what}s, not one.",
                    "`edgekit compile` makes a C library of it. Runtimes and firmware carry one input and one output: "
                    "export a model that joins or splits them itself.",
                )
        return self.inputs[0], self.outputs[0]
