"""CONCATENATION and PACK, drawn at random onto a `Random`."""

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_movements import drawn_movement
from edgekit.testing.random_operators import Random

JOINS = ("CONCATENATION", "PACK")


def drawn_join(r: Random, x: int, code: str | None = None) -> int:
    """One of `JOINS`, or that which is named, of an activation, others of its shape or other sizes, and constants."""
    code = code or r.pick(*JOINS)
    shape = r.b.shape(x)
    axis = int(r.pick(*range(len(shape)))) if len(shape) < 4 else int(r.pick(1, 1, 2, 3))
    operands = [_operand(r, x, axis, resize=code == "CONCATENATION") for _ in range(int(r.pick(1, 2, 2, 3, 4)))]
    if r.rng.random() < 0.8:
        operands.insert(int(r.rng.integers(len(operands) + 1)), x)
    if all(r.b.buffers[r.b.tensors[operand].buffer].data is not None for operand in operands):
        operands.append(x)
    shapes = [r.b.shape(operand) for operand in operands]
    if code == "PACK":
        axis = int(r.rng.integers(0 if len(shape) < 4 else 1, len(shape) + 1))
        y = r.activation((*shape[:axis], len(operands), *shape[axis:]), *r.b.quantization(x))
        r.b.op(code, operands, y, schema.PackOptionsT(len(operands), r.pick(axis, axis - len(shape) - 1)))
        return y
    total = sum(one[axis] for one in shapes)
    y = r.activation((*shape[:axis], total, *shape[axis + 1 :]), *r.b.quantization(x))
    r.b.op(code, operands, y, schema.ConcatenationOptionsT(r.pick(axis, axis - len(shape))))
    return y


def _operand(r: Random, x: int, axis: int, resize: bool) -> int:
    """Something with the quantisation of x and its shape, but for that axis where it may be resized."""
    shape, quantization = list(r.b.shape(x)), r.b.quantization(x)
    if r.rng.random() < 0.25:
        if resize:
            shape[axis] = int(r.rng.integers(1, 5))
        return r.constant_of(shape, *quantization)
    other = r.pick("itself", "sum", "sum", "part", "quantize")
    if other == "itself":
        return x
    if other == "part" and resize:
        other_x = drawn_movement(r, x, "SLICE")
        if [n for a, n in enumerate(r.b.shape(other_x)) if a != axis] == [n for a, n in enumerate(shape) if a != axis]:
            return other_x
    y = r.activation(shape, *quantization)
    if other == "sum":
        r.b.op("ADD", [x, r.constant(x)], y, schema.AddOptionsT())
    else:
        r.b.op("QUANTIZE", [x], y)
    return y
