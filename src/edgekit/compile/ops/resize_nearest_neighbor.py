"""RESIZE_NEAREST_NEIGHBOR of an image."""

import math

import numpy as np

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator


def lower(reader: OpReader) -> Move:
    """The rows and columns that GetNearestNeighbor takes."""
    x, y = reader.operand(0), reader.result()
    height, width, channels = reader.image(x)
    rows, columns = reader.new_size(1)
    reader.expect(y, (1, rows, columns, channels))
    align_corners, half_pixel = bool(reader.option("AlignCorners")), bool(reader.option("HalfPixelCenters"))
    axes = []
    for size, wanted, step in ((height, rows, width * channels), (width, columns, channels)):
        nearest = (_nearest(i, size, wanted, align_corners, half_pixel) for i in range(wanted))
        axes.append(Axis(wanted, 0, tuple(index * step for index in nearest)))
    return move(reader, x, y, [*axes, Axis(channels, 1)])


def _nearest(index: int, size: int, wanted: int, align_corners: bool, half_pixel: bool) -> int:
    aligned = align_corners and wanted > 1
    scale = np.float32(size - 1) / np.float32(wanted - 1) if aligned else np.float32(size) / np.float32(wanted)
    place = float((np.float32(index) + np.float32(0.5 if half_pixel else 0)) * scale)
    return min(math.floor(place + 0.5) if align_corners else math.floor(place), size - 1)


OPERATOR = movement_operator(
    "RESIZE_NEAREST_NEIGHBOR", "AddResizeNearestNeighbor", lower, "ResizeNearestNeighborOptions"
)
