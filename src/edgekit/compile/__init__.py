"""int8 .tflite -> plain integer C whose outputs are those of TensorFlow Lite Micro, byte for byte.

    reader (decode, lowering) -> graph -> fuse -> plan -> kernels -> emit

numpy only, besides the flatbuffer schema in tflite-micro's wheel.
"""

import re

from edgekit.compile import kernels
from edgekit.compile.emit import emit
from edgekit.compile.fuse import fuse
from edgekit.compile.plan import plan
from edgekit.compile.reader import read_graph, supported_ops
from edgekit.errors import EdgekitError

__all__ = ["compile_model", "supported_ops"]


def compile_model(content: bytes, name: str = "model") -> dict[str, str]:
    """Compiles a model to C99 without heap, and without library functions besides memcpy.

    Args:
        content: an int8 .tflite.
        name: C identifier, the prefix of everything that the header declares.

    Returns:
        `{name}.h` and `{name}.c` with their text. The header says how to call `{name}_invoke`.

    Raises:
        EdgekitError: the model cannot be compiled; the message names the operator or tensor.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name):
        raise EdgekitError(f"{name!r} is not a C identifier.", "Use a letter, then letters, digits and underscores.")
    graph = fuse(read_graph(content))
    return emit(graph, plan(graph, kernels), name)
