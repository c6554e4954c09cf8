"""LiteRT, which is TensorFlow Lite under its new name: it also runs float16 and dynamic-range files.

In: a .tflite. Out: its outputs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.extras import not_installed
from edgekit.runtimes.runtime import Infer, Progress, Runtime, native_stderr, run_each, to_tensors
from edgekit.values.model import TfliteModel


def run(model: TfliteModel, images: NDArray[Any], progress: Progress | None = None) -> NDArray[Any]:
    """See `Run`."""
    return run_each(infer_of(model), to_tensors(model, images), progress)


def infer_of(model: TfliteModel, reference_kernels: bool = False) -> Infer:
    """The model in an interpreter: with XNNPACK's kernels, or TensorFlow Lite's reference ones.

    Raises:
        EdgekitError: ai-edge-litert is not installed, or does not take the file.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise not_installed("ai_edge_litert") from error
    kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    with native_stderr():  # it announces its delegate
        try:
            interpreter = Interpreter(
                model_content=model.flatbuffer, experimental_op_resolver_type=kernels, num_threads=1
            )
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _refused(model, error) from error
    entry, end = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        try:
            interpreter.set_tensor(entry, tensor.reshape(model.tensor_shape))
            interpreter.invoke()
            return np.asarray(interpreter.get_tensor(end)).reshape(-1)
        except (RuntimeError, ValueError) as error:
            raise _refused(model, error) from error

    return infer


LITERT = Runtime("litert", ".tflite", run, open=infer_of)


def _refused(model: TfliteModel, error: Exception) -> EdgekitError:
    return EdgekitError(f"LiteRT cannot run {model.name}: {in_a_line(error)}", "Build it again with edgekit.")
