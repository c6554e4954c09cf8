"""DEPTH_TO_SPACE: an image's channels into blocks, as in a pixel shuffle."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator


def lower(reader: OpReader) -> Move:
    """A block's rows lie one after another among the channels."""
    x, y = reader.operand(0), reader.result()
    height, width, depth = reader.image(x)
    block = int(reader.option("BlockSize"))
    if block < 1 or depth % (block * block):
        raise reader.error(f"{depth} channels are not those of blocks of {block}")
    piece = depth // block
    reader.expect(y, (1, height * block, width * block, piece // block))
    axes = [Axis(height, width * depth), Axis(block, piece), Axis(width, depth), Axis(piece, 1)]
    return move(reader, x, y, axes)


OPERATOR = movement_operator("DEPTH_TO_SPACE", "AddDepthToSpace", lower, "DepthToSpaceOptions", takes_16x8=False)
