"""Runs some operators of a .tflite: any number of inputs and outputs, which no other runtime here takes.

In: a `Part`. Out: a function of its inputs' values.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.extras import not_installed
from edgekit.runtimes.runtime import native_stderr
from edgekit.tflite.part import Part

RunPart = Callable[[Sequence[NDArray[Any]]], list[NDArray[Any]]]
"""Values of each input, in the part's order and in its tensors' shapes -> those of each output."""
_ARENA_BYTES = 64 << 20  # pages that nobody writes to cost nothing


RuntimeOfParts = Literal["tflm", "litert", "litert fast"]


def open_part(part: Part, runtime: RuntimeOfParts) -> RunPart:
    """The part in an interpreter: TFLM's; LiteRT's with the reference kernels, whose int8 arithmetic is TFLM's but for
    a rounding here and there; or LiteRT's with its fast ones, for floats.

    Raises:
        EdgekitError: the interpreter is not installed, or does not take the part.
    """
    return _in_tflm(part) if runtime == "tflm" else _in_litert(part, runtime == "litert")


def _in_tflm(part: Part) -> RunPart:
    from tflite_micro import runtime

    with native_stderr() as said:
        try:
            interpreter = runtime.Interpreter.from_bytes(part.content, arena_size=_ARENA_BYTES)
        except RuntimeError as error:
            raise _refused("TFLM", said().strip() or error) from error

    def run(values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for position, value in enumerate(values):
            interpreter.set_input(value, position)
        interpreter.invoke()
        return [np.array(interpreter.get_output(position)) for position in range(len(part.outputs))]

    return run


def _in_litert(part: Part, reference: bool) -> RunPart:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise not_installed("ai_edge_litert") from error
    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    with native_stderr() as said:
        try:
            interpreter = Interpreter(model_content=part.content, experimental_op_resolver_type=kernels, num_threads=1)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _refused("LiteRT", said().strip() or error) from error
    entries, ends = ([one["index"] for one in details] for details in
                     (interpreter.get_input_details(), interpreter.get_output_details()))  # fmt: skip

    def run(values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for index, value in zip(entries, values, strict=True):
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return [np.array(interpreter.get_tensor(index)) for index in ends]

    return run


def _refused(runtime: str, why: object) -> EdgekitError:
    return EdgekitError(f"{runtime} cannot run a part of the model: {in_a_line(why)}", "Report this with the model.")
