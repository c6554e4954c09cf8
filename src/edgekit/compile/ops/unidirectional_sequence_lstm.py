"""UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell, both of which the state keeps."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.obstacles import FIXED_BATCH, Obstacle
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator

_INPUT, _RECURRENT, _BIAS = 1, 5, 12  # the first of four inputs each: input, forget, cell and output gate
_HIDDEN, _CELL, _INPUTS = 18, 19, 24
_LEFT_OUT = (*range(9, 12), 16, 17, *range(20, 24))  # peepholes, projection, layer normalisation
_GATE_SCALE, _FRACTION = 2.0**-12, 2.0**-15  # of what a gate takes and gives

Scaling = tuple[int, int]  # multiplier and shift


@dataclass(frozen=True, slots=True, eq=False)
class Lstm(Op):
    """An LSTM over `steps` of a sequence.

    Attributes:
        weights, recurrent: int8 [4 * units, inputs] and [4 * units, units].
        starts, recurrent_starts: int32 [4 * units]: the bias, less the zero points times the weights.
        scalings: of the sums of each gate, those of the input before those of the hidden state.
        hidden, cell: the states.
        forget, gain, out: scalings of old cell, new cell and hidden state.
        power: of two, the cell's scale; `clip`: the greatest value of the cell, or 0.
    """

    steps: int
    weights: NDArray[np.int8]
    recurrent: NDArray[np.int8]
    starts: NDArray[np.int64]
    recurrent_starts: NDArray[np.int64]
    scalings: tuple[Scaling, ...]
    hidden: Tensor
    cell: Tensor
    forget: Scaling
    gain: Scaling
    out: Scaling
    power: int
    clip: int

    @property
    def units(self) -> int:
        """Elements of hidden state and cell."""
        return self.recurrent.shape[1]


def lower(reader: OpReader) -> Lstm:
    """The scales as PrepareGateParametersInteger computes them."""
    x, y = reader.operand(0), reader.result()
    _check_form(reader, x)
    steps, inputs = x.size // x.shape[-1], x.shape[-1]
    units = y.shape[-1] if y.shape else 0
    reader.expect(y, (*x.shape[:-1], units))
    hidden, cell = reader.state(_HIDDEN, ("INT8",), units), reader.state(_CELL, ("INT16",), units)
    weights, starts, scalings = _gates(reader, _INPUT, x, inputs, units)
    recurrent, recurrent_starts, recurrent_scalings = _gates(reader, _RECURRENT, hidden, units, units)
    power = round(math.log2(cell.quantization.scale))
    if abs(math.log2(cell.quantization.scale) - power) > 1e-3 or not -25 <= power <= 0 or cell.quantization.zero_point:
        raise reader.error(f"its cell has scale {cell.quantization.scale:g}, not a power of two, or a zero point")
    reals = (_FRACTION, _FRACTION**2 / cell.quantization.scale, _FRACTION**2 / hidden.quantization.scale)
    forget, gain, out = (fixed_point.quantize_multiplier(real) for real in reals)
    for _, shift in (forget, gain, out):
        reader.check_sum(1 << 30, shift)
    clip = float(reader.option("CellClip")) / cell.quantization.scale
    return Lstm(
        reader.origins,
        (x,),
        y,
        steps,
        weights,
        recurrent,
        starts,
        recurrent_starts,
        (*scalings, *recurrent_scalings),
        hidden,
        cell,
        forget,
        gain,
        out,
        power,
        int(min(clip, 32767.0)) if clip > 0 else 0,
    )


def _check_form(reader: OpReader, x: Tensor) -> None:
    """Refuses what TFLM has not either: other forms of an LSTM, gates left out."""
    activation = reader.option("FusedActivationFunction")
    if len(reader.op.inputs) != _INPUTS or any(reader.given(position) for position in _LEFT_OUT):
        raise reader.error("an LSTM with peepholes, projection or layer normalisation is not supported")
    missing = [p for p in (*range(1, 9), *range(12, 16)) if not reader.given(p)]
    if missing:
        raise reader.error(f"inputs {missing} are missing, of which its gates are made", "Use a plain LSTM.")
    if activation != "TANH" or reader.option("DiagonalRecurrentTensors"):
        raise reader.error(f"its activation is {activation}, or its recurrent weights are diagonal", "Use tanh.")
    batch = x.shape[1 if reader.option("TimeMajor") else 0] if len(x.shape) == 3 else 0
    if batch > 1:
        what = f"{reader.label}: it needs a single sequence and has {batch} of them: {list(x.shape)}."
        raise Obstacle(what, FIXED_BATCH, "batch")
    if batch != 1:
        raise reader.error(f"it needs a single sequence [1, steps, inputs], not {list(x.shape)}")
    if not math.isfinite(reader.option("CellClip")):
        raise reader.error(f"its cell is clipped at {reader.option('CellClip')}")


def _gates(
    reader: OpReader, first: int, x: Tensor, inputs: int, units: int
) -> tuple[NDArray[np.int8], NDArray[np.int64], list[Scaling]]:
    """Weights, starts and scalings of four gates over one activation; that of the input has the biases."""
    weights, starts, scalings = [], [], []
    for gate in range(4):
        raw, values = reader.constant(first + gate, "INT8", np.int8)
        if values.shape != (units, inputs):
            raise reader.error(f"input {first + gate} has shape {list(values.shape)} instead of {[units, inputs]}")
        with np.errstate(over="ignore"):  # a product in single precision, as of a FULLY_CONNECTED
            product = float(np.float32(x.quantization.scale) * np.float32(reader.symmetric_scale(raw)))
        if not math.isfinite(product):
            raise reader.error("its scales are too large")
        scaling = fixed_point.quantize_multiplier(product / _GATE_SCALE)
        bias = np.zeros(units, np.int64)
        if first == _INPUT:
            bias = reader.constant(_BIAS + gate, "INT32", np.int32)[1].ravel().astype(np.int64)
        if bias.size != units:
            raise reader.error(f"input {_BIAS + gate} has {bias.size} values instead of {units}")
        sums = np.abs(values.astype(np.int64)).sum(axis=1) * 255 + np.abs(bias)
        reader.check_sum(int(sums.max()), scaling[1])
        weights.append(values)
        starts.append(bias - values.astype(np.int64).sum(axis=1) * (x.quantization.zero_point + 128))
        scalings.append(scaling)
        if np.abs(starts[-1]).max() + sums.max() >= 2**31:
            raise reader.error("its sums do not fit into 32 bits")
    return np.concatenate(weights), np.concatenate(starts), scalings


def emit(op: Lstm, site: Site) -> Kernel:
    """Unit after unit; the new hidden state stands in the output until all units have read the old one."""
    name, units, inputs = site.name, op.units, op.weights.shape[1]
    shift = op.power + 12
    scaled = f"cell * {3 << shift}" if shift >= 0 else f"(cell * 3 + {1 << (-shift - 1)}) >> {-shift}"
    forget, gain, out = (f"{multiplier}, {shift}" for multiplier, shift in (op.forget, op.gain, op.out))
    clip = f"\n      cell = cell < -{op.clip} ? -{op.clip} : cell > {op.clip} ? {op.clip} : cell;" if op.clip else ""
    hidden = f"to_byte(requantize(tanh16({scaled}) * logistic16(3 * gates[3]), {out}), "
    hidden += f"{op.hidden.quantization.zero_point + 128}, 0, 255)"
    function = f"""static void {name}(const uint8_t *input, uint8_t *output, uint8_t *hidden, uint8_t *state) {{
  int16_t *cells = (int16_t *)(void *)state;
  for (int32_t step = 0; step < {op.steps}; ++step, input += {inputs}, output += {units}) {{
    const int8_t *weights = {name}_weights, *recurrent = {name}_recurrent;
    for (int32_t unit = 0; unit < {units}; ++unit, weights += {inputs}, recurrent += {units}) {{
      int32_t gates[4];
      for (int32_t gate = 0; gate < 4; ++gate) {{
        int32_t sum = {name}_starts[gate * {units} + unit], again = {name}_starts[(gate + 4) * {units} + unit];
        for (int32_t c = 0; c < {inputs}; ++c) sum += weights[gate * {units * inputs} + c] * {site.read("input[c]")};
        for (int32_t c = 0; c < {units}; ++c) again += recurrent[gate * {units * units} + c] * hidden[c];
        sum = to_int16(requantize(sum, {name}_scalings[2 * gate], {name}_scalings[2 * gate + 1]));
        again = to_int16(requantize(again, {name}_scalings[2 * gate + 8], {name}_scalings[2 * gate + 9]));
        gates[gate] = to_int16(sum + again);
      }}
      const int32_t kept = to_int16(requantize(logistic16(3 * gates[1]) * cells[unit], {forget}));
      const int32_t gained = to_int16(requantize(logistic16(3 * gates[0]) * tanh16(3 * gates[2]), {gain}));
      int32_t cell = to_int16(kept + gained);{clip}
      cells[unit] = (int16_t)cell;
      {site.write("output[unit]", hidden)}
    }}
    for (int32_t unit = 0; unit < {units}; ++unit) hidden[unit] = {_as_kept(site)};
  }}
}}
"""
    constants = (
        Constant("int8_t", f"{name}_weights", op.weights.ravel().tolist()),
        Constant("int8_t", f"{name}_recurrent", op.recurrent.ravel().tolist()),
        Constant("int32_t", f"{name}_starts", [*op.starts.tolist(), *op.recurrent_starts.tolist()]),
        Constant("int32_t", f"{name}_scalings", [number for scaling in op.scalings for number in scaling]),
    )
    return Kernel(("requantize", "to_byte", "to_int16", "logistic16", "tanh16"), constants, function)


def _as_kept(site: Site) -> str:
    return "(uint8_t)(output[unit] ^ 0x80)" if site.output_flip else "output[unit]"


def inplace_offset(op: Lstm, _: Tensor) -> int:
    """Every step's output lies in front of its input."""
    return max((step + 1) * op.units - step * op.weights.shape[1] for step in range(op.steps))


OPERATOR = Operator(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "AddUnidirectionalSequenceLSTM",
    Lstm,
    lower,
    emit,
    options_kind="UnidirectionalSequenceLSTMOptions",
    c_prefix=lambda _: "lstm",
    rates=lambda op: Rates(output=500, passes=op.steps),
    macs=lambda op: op.steps * (op.weights.size + op.recurrent.size),
    inplace_offset=inplace_offset,
    states=lambda op: (op.hidden, op.cell),
)
