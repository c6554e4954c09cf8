"""int8 .tflite files written directly with the schema, far faster than a converter and into every corner.

In: shapes, values and quantization, tensor by tensor, operator by operator. Out: the file's bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.tflite.schema import schema


def _writer() -> Any:
    return schema(writes=True)


@dataclass(slots=True)
class Builder:
    """Collects tensors and operators of one subgraph."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [_writer().BufferT()])
    ops: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    first: dict[str, tuple[Any, NDArray[np.int8]]] = field(default_factory=dict)  # of variables, by name
    versions: dict[str, int] = field(default_factory=dict)  # of operators, by name; 1 if not given

    def tensor(
        self,
        shape: Sequence[int],
        kind: str = "INT8",
        data: ArrayLike | None = None,
        scales: Sequence[float | np.floating[Any]] | NDArray[np.float32] = (),
        zero_points: Sequence[int] = (),
        axis: int = 0,
        variable: bool = False,
    ) -> int:
        """Adds a tensor, a constant where `data` is given, or one that outlives a run; returns its index."""
        index, buffer, quantization = len(self.tensors), 0, _writer().QuantizationParametersT()
        if len(scales):
            quantization.scale = [float(np.float32(s)) for s in scales]
            quantization.zeroPoint = [int(z) for z in zero_points]
            quantization.quantizedDimension = axis
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(_writer().BufferT(np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)))
        element = getattr(_writer().TensorType, kind)
        self.tensors.append(_writer().TensorT(list(shape), element, buffer, f"tensor_{index}", quantization, variable))
        return index

    def op(self, code: str, inputs: Sequence[int], output: int | Sequence[int], options: Any = None) -> None:
        """Adds any operator of the schema.

        Args:
            code: its name, such as `LEAKY_RELU`.
            output: the tensor that it writes, or all of them.
            options: its options as the schema's object, such as `schema.LeakyReluOptionsT(alpha=0.1)`.
        """
        number = getattr(_writer().BuiltinOperator, code)
        if number not in self.codes:
            self.codes.append(number)
        kind = 0 if options is None else getattr(_writer().BuiltinOptions, type(options).__name__.removesuffix("T"))
        outputs = [output] if isinstance(output, int) else list(output)
        self.ops.append(_writer().OperatorT(self.codes.index(number), list(inputs), outputs, kind, options))

    def variable(self, name: str) -> int:
        """A tensor that stands for a variable, by a VAR_HANDLE of its own."""
        handle = self.tensor([], "RESOURCE")
        self.op("VAR_HANDLE", [], handle, _writer().VarHandleOptionsT("", name))
        return handle

    def first_values(self, name: str, like: int, data: ArrayLike) -> None:
        """What a variable begins with: the subgraph of a CALL_ONCE assigns it. `like`: a tensor as it holds."""
        self.first[name] = (self.tensors[like], np.asarray(data, np.int8))

    def _called_once(self) -> list[Any]:
        """The subgraph that assigns first values, which a CALL_ONCE at the model's begin runs."""
        if not self.first:
            return []
        inner = Builder(buffers=self.buffers, codes=self.codes)  # which the whole file shares
        for name, (like, data) in self.first.items():
            handle, q = inner.variable(name), like.quantization
            constant = inner.tensor(like.shape, data=data, scales=q.scale, zero_points=q.zeroPoint)
            inner.op("ASSIGN_VARIABLE", [handle, constant], [])
        self.op("CALL_ONCE", [], [], _writer().CallOnceOptionsT(1))
        self.ops.insert(0, self.ops.pop())
        return [_writer().SubGraphT(inner.tensors, [], [], inner.ops)]

    def shape(self, index: int) -> tuple[int, ...]:
        """A tensor's dimensions."""
        return tuple(self.tensors[index].shape)

    def quantization(self, index: int) -> tuple[float, int]:
        """A tensor's first scale and zero point."""
        q = self.tensors[index].quantization
        return q.scale[0], q.zeroPoint[0]

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file, with these tensors as the model's ends."""
        others = self._called_once()
        graph = _writer().SubGraphT(self.tensors, list(inputs), list(outputs), self.ops)
        versions = {getattr(_writer().BuiltinOperator, name): version for name, version in self.versions.items()}
        codes = [
            _writer().OperatorCodeT(min(number, 127), builtinCode=number, version=versions.get(number, 1))
            for number in self.codes
        ]
        return packed(_writer().ModelT(3, codes, [graph, *others], buffers=self.buffers))


def packed(model: Any) -> bytes:
    """The file of a `schema.ModelT`."""
    import flatbuffers

    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
