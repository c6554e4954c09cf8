"""Models of several inputs, of several outputs, and of 16- and 32-bit ends, as tests need them."""

from edgekit.testing.random_operators import Random


def added(shape: tuple[int, ...] = (1, 6, 5, 3)) -> bytes:
    """The sum of two int8 inputs."""
    r = Random(1)
    first, second = r.activation(shape, 0.04, -2), r.activation(shape, 0.05, 3)
    return r.b.finish([first, second], [r.add(first, second)])


def wide() -> bytes:
    """A 16x8 network of a convolution, a mean and a fully connected layer: from an image of int16 to five int16."""
    r = Random(6, wide=True)
    x = r.activation((1, 8, 6, 1), 2**-12)
    return r.b.finish([x], [r.dense(r.mean(r.conv(x, out=3, three=True)), 5)])


def mixed() -> bytes:
    """Three int8 and five int16, which begin at byte 4; three int8 shares of the ones, the others as five int32."""
    r = Random(3)
    few, many = r.activation((1, 3), 0.05, 4), r.b.tensor((1, 5), "INT16", scales=[0.001], zero_points=[0])
    short = r.activation((1, 5), 0.1, 0)
    r.b.op("QUANTIZE", [many], short)
    long = r.b.tensor((1, 5), "INT32", scales=[0.0003], zero_points=[0])
    r.b.op("QUANTIZE", [short], long)
    return r.b.finish([few, many], [r.softmax(few), long])
