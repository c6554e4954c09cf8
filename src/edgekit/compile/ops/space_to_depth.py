"""SPACE_TO_DEPTH: blocks of an image into its channels."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator


def lower(reader: OpReader) -> Move:
    """A block's rows lie one after another among the channels."""
    x, y = reader.operand(0), reader.result()
    height, width, channels = reader.image(x)
    block = int(reader.option("BlockSize"))
    if block < 1 or height % block or width % block:
        raise reader.error(f"blocks of {block} do not fit {list(x.shape)}")
    rows, columns, row = height // block, width // block, width * channels
    reader.expect(y, (1, rows, columns, channels * block * block))
    axes = [Axis(rows, block * row), Axis(columns, block * channels), Axis(block, row), Axis(block * channels, 1)]
    return move(reader, x, y, axes)


OPERATOR = movement_operator("SPACE_TO_DEPTH", "AddSpaceToDepth", lower, "SpaceToDepthOptions", takes_16x8=False)
