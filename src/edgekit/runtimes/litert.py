"""LiteRT, which is TensorFlow Lite under its new name: it also runs float16 and dynamic-range files.

In: a .tflite. Out: its outputs.
"""

from typing import Any

from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.extras import not_installed
from edgekit.runtimes.runtime import (
    Infer,
    Progress,
    Runtime,
    native_stderr,
    run_each,
    tensors_of,
    to_tensors,
    values_of,
)
from edgekit.tflite.reader import read_file
from edgekit.tflite.variables import variables_of
from edgekit.values.model import TfliteModel


def run(model: TfliteModel, images: NDArray[Any], progress: Progress | None = None) -> NDArray[Any]:
    """See `Run`."""
    return run_each(infer_of(model), to_tensors(model, images), progress)


def infer_of(model: TfliteModel, reference_kernels: bool = False) -> Infer:
    """The model in an interpreter: with XNNPACK's kernels, or TensorFlow Lite's reference ones.

    Raises:
        EdgekitError: ai-edge-litert is not installed, or does not take the file.
    """
    _check_variables(model)
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise not_installed("ai_edge_litert") from error
    kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO

    def make() -> Any:
        made = Interpreter(model_content=model.flatbuffer, experimental_op_resolver_type=kernels, num_threads=1)
        made.allocate_tensors()
        return made

    with native_stderr():  # it announces its delegate
        try:
            interpreter = make()
        except (RuntimeError, ValueError) as error:
            raise _refused(model, error) from error
    entries, ends = ([one["index"] for one in details] for details in
                     (interpreter.get_input_details(), interpreter.get_output_details()))  # fmt: skip

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        nonlocal interpreter
        try:
            if "VAR_HANDLE" in model.ops:  # whose values `reset_all_variables` leaves
                interpreter = make()
            elif model.state_bytes:
                interpreter.reset_all_variables()
            for entry, value in zip(entries, tensors_of(model, tensor), strict=True):
                interpreter.set_tensor(entry, value)
            interpreter.invoke()
            return values_of(model, [interpreter.get_tensor(end) for end in ends])
        except (RuntimeError, ValueError) as error:
            raise _refused(model, error) from error

    return infer


def _check_variables(model: TfliteModel) -> None:
    """Raises EdgekitError for a variable that is read before it is assigned: LiteRT leaves it as its memory was."""
    first_values = variables_of(read_file(model.flatbuffer)).first if "VAR_HANDLE" in model.ops else {}
    for name, first in first_values.items():
        if not first.data.size:
            raise EdgekitError(
                f"LiteRT does not say what variable {name!r} of {model.name} begins with: nothing assigns it first.",
                "Use --runtime tflm, where it begins with its zero point, or assign it in the subgraph of a CALL_ONCE.",
            )


LITERT = Runtime("litert", ".tflite", run, open=infer_of)


def _refused(model: TfliteModel, error: Exception) -> EdgekitError:
    return EdgekitError(f"LiteRT cannot run {model.name}: {in_a_line(error)}", "Build it again with edgekit.")
