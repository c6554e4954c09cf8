"""Operators that only move bytes, drawn at random onto a `Random`: shapes of any rank up to four."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random

MOVEMENTS = (
    "SLICE", "STRIDED_SLICE", "TRANSPOSE", "SPLIT", "SPLIT_V", "UNPACK", "GATHER", "MIRROR_PAD", "REVERSE_V2",
    "BROADCAST_TO", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "RESIZE_NEAREST_NEIGHBOR",
)  # fmt: skip


def drawn_movement(r: Random, x: int, code: str | None = None) -> int:
    """One of `MOVEMENTS`, or that which is named; where the activation's shape does not allow it, the activation."""
    drawing = _Drawing(r, x)
    return int(getattr(drawing, (code or r.pick(*r.known(MOVEMENTS))).lower())())


class _Drawing:
    """A method for each operator, which returns the index of its output."""

    def __init__(self, r: Random, x: int) -> None:
        self.r, self.x, self.shape = r, x, r.b.shape(x)

    def _ints(self, values: Any) -> int:
        array = np.array(values, np.int32)
        return self.r.b.tensor(array.shape, "INT32", array)

    def _like(self, shape: Sequence[int]) -> int:
        return self.r.activation([int(n) for n in shape], *self.r.b.quantization(self.x))

    def _made(self, code: str, shape: Sequence[int], *others: int, options: Any = None) -> int:
        y = self._like(shape)
        self.r.b.op(code, [self.x, *others], y, options)
        return y

    def _axis(self) -> int:
        """One that has more than one index, where there is one."""
        wide = [axis for axis, size in enumerate(self.shape) if size > 1]
        return int(self.r.pick(*(wide or range(len(self.shape)))))

    def _signed(self, axis: int) -> int:
        return axis - len(self.shape) if self.r.rng.random() < 0.3 else axis

    def slice(self) -> int:
        begins = [int(self.r.rng.integers(n)) if self.r.rng.random() < 0.6 else 0 for n in self.shape]
        sizes = [
            int(self.r.rng.integers(1, n - b + 1)) if self.r.rng.random() < 0.6 else n - b
            for n, b in zip(self.shape, begins, strict=True)
        ]
        return self._made("SLICE", sizes, self._ints(begins), self._ints(sizes))

    def strided_slice(self) -> int:
        begins, ends, strides, shape, masks = [], [], [], [], [0, 0, 0]
        for axis, size in enumerate(self.shape):
            stride = int(self.r.pick(1, 1, 1, 2, 3, -1, -2))
            begin, end = (int(n) for n in self.r.rng.integers(-size - 2, size + 3, 2))
            for mask in (0, 1):
                masks[mask] |= int(self.r.rng.random() < 0.4) << axis
            first = None if masks[0] >> axis & 1 else begin
            taken = range(size)[first : None if masks[1] >> axis & 1 else end : stride]
            if not taken:
                masks[0] |= 1 << axis
                masks[1] |= 1 << axis
                first, taken = None, range(size)[::stride]
            if stride > 0 and axis > 0 and (first or 0) < size and self.r.rng.random() < 0.15:
                masks[2] |= 1 << axis
            else:
                shape.append(len(taken))
            begins.append(begin)
            ends.append(end)
            strides.append(stride)
        options = schema.StridedSliceOptionsT(masks[0], masks[1], shrinkAxisMask=masks[2])
        if any(masks[0] >> axis & 1 and masks[2] >> axis & 1 for axis in range(len(self.shape))):
            begins = [0 if masks[0] >> axis & 1 else begin for axis, begin in enumerate(begins)]
        return self._made("STRIDED_SLICE", shape, *map(self._ints, (begins, ends, strides)), options=options)

    def transpose(self) -> int:
        order = [int(axis) for axis in self.r.rng.permutation(len(self.shape))]
        if order[0] != 0 and self.r.rng.random() < 0.5:
            order = [0, *(axis for axis in order if axis)]
        return self._made(
            "TRANSPOSE", [self.shape[axis] for axis in order], self._ints(order), options=schema.TransposeOptionsT()
        )

    def split(self) -> int:
        axis = self._axis()
        count = int(self.r.pick(*(n for n in range(1, min(self.shape[axis], 5) + 1) if self.shape[axis] % n == 0)))
        shape = [size // count if i == axis else size for i, size in enumerate(self.shape)]
        outputs = [self._like(shape) for _ in range(count)]
        inputs = [self._ints(self.r.pick([self._signed(axis)], self._signed(axis))), self.x]
        return self._several("SPLIT", inputs, outputs, schema.SplitOptionsT(count))

    def split_v(self) -> int:
        axis = self._axis()
        cuts = sorted({int(cut) for cut in self.r.rng.integers(1, max(2, self.shape[axis]), 2)} - {self.shape[axis]})
        ends = [*cuts, self.shape[axis]]
        sizes = [end - begin for begin, end in zip([0, *cuts], ends, strict=True)]
        outputs = [self._like([n if i == axis else size for i, size in enumerate(self.shape)]) for n in sizes]
        if self.r.rng.random() < 0.3:
            sizes[int(self.r.rng.integers(len(sizes)))] = -1
        inputs = [self.x, self._ints(sizes), self._ints([self._signed(axis)])]
        return self._several("SPLIT_V", inputs, outputs, schema.SplitVOptionsT(len(outputs)))

    def unpack(self) -> int:
        axis = self._axis()
        count = self.shape[axis]
        if len(self.shape) < 2 or count > 12:
            return self.x
        outputs = [self._like([size for i, size in enumerate(self.shape) if i != axis]) for _ in range(count)]
        return self._several("UNPACK", [self.x], outputs, schema.UnpackOptionsT(count, self._signed(axis)))

    def _several(self, code: str, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> int:
        """An operator of several outputs, of which two are joined again where they have one shape."""
        self.r.b.op(code, inputs, outputs, options)
        one, two = (int(n) for n in self.r.rng.integers(0, len(outputs), 2))
        if self.r.b.shape(outputs[one]) == self.r.b.shape(outputs[two]) and self.r.rng.random() < 0.5:
            return self.r.add(outputs[one], outputs[two])
        return outputs[one]

    def gather(self) -> int:
        axis = self._axis()
        shape = self.r.pick((), (1,), (3,), (4,), (2, 2), (5,))
        if len(self.shape) == 1 and not shape:
            shape = (1,)
        if len(self.shape) + len(shape) > 5:
            shape = (3,)
        batch = int(self.r.rng.integers(axis + 1)) if len(self.shape) < 4 else 0  # of one index each, or of several
        if batch:
            shape = (*self.shape[:batch], *shape[: 5 - len(self.shape)])
        indices = self.r.rng.integers(0, self.shape[axis], shape)
        if self.r.rng.random() < 0.3:
            indices = np.sort(indices.ravel()).reshape(shape)
        result = (*self.shape[:axis], *shape[batch:], *self.shape[axis + 1 :])
        options = schema.GatherOptionsT(self._signed(axis), batch)
        return self._made("GATHER", result, self._ints(indices), options=options)

    def mirror_pad(self) -> int:
        mode = int(self.r.pick(0, 1))
        amounts = [[int(self.r.rng.integers(0, min(size - 1 + mode, 3) + 1)) for _ in "ab"] for size in self.shape]
        amounts[0] = [0, 0]
        shape = [size + sum(pair) for size, pair in zip(self.shape, amounts, strict=True)]
        return self._made("MIRROR_PAD", shape, self._ints(amounts), options=schema.MirrorPadOptionsT(mode))

    def reverse_v2(self) -> int:
        return self._made("REVERSE_V2", self.shape, self._ints([self._axis()]), options=schema.ReverseV2OptionsT())

    def broadcast_to(self) -> int:
        shape = [int(self.r.pick(1, 2, 3)) if size == 1 and axis else size for axis, size in enumerate(self.shape)]
        return self._made("BROADCAST_TO", shape, self._ints(shape), options=schema.BroadcastToOptionsT())

    def space_to_depth(self) -> int:
        block = int(self.r.pick(1, 2, 3))
        if len(self.shape) != 4 or self.shape[1] % block or self.shape[2] % block:
            return self.x
        _, height, width, channels = self.shape
        shape = (1, height // block, width // block, channels * block * block)
        return self._made("SPACE_TO_DEPTH", shape, options=schema.SpaceToDepthOptionsT(block))

    def depth_to_space(self) -> int:
        block = int(self.r.pick(1, 2, 2, 3))
        if len(self.shape) != 4 or self.shape[3] % (block * block):
            return self.x
        _, height, width, channels = self.shape
        shape = (1, height * block, width * block, channels // (block * block))
        return self._made("DEPTH_TO_SPACE", shape, options=schema.DepthToSpaceOptionsT(block))

    def resize_nearest_neighbor(self) -> int:
        if len(self.shape) != 4:
            return self.x
        rows, columns = (int(n) for n in self.r.rng.integers(1, 14, 2))
        if self.r.rng.random() < 0.4:
            rows, columns = self.shape[1] * 2, self.shape[2] * 2
        corners = self.r.rng.random() < 0.4
        options = schema.ResizeNearestNeighborOptionsT(corners, bool(self.r.rng.random() < 0.4))
        shape = (1, rows, columns, self.shape[3])
        return self._made("RESIZE_NEAREST_NEIGHBOR", shape, self._ints([rows, columns]), options=options)
