"""The classes that read a .tflite's flatbuffer, generated from TensorFlow's schema.fbs: from the package that has them.

Out: a module with a class a table and an enumeration. tflite-micro has wheels for x86-64 Linux alone; elsewhere the
base of edgekit installs the package `tflite`, which reads and does not write.
"""

from functools import cache
from importlib import import_module
from typing import Any

from edgekit.errors import EdgekitError, install

_WRITING = "tflite_micro.tensorflow.lite.micro.python.schema_py_generated", "ai_edge_litert.schema_py_generated"


@cache
def schema(*, writes: bool = False) -> Any:
    """The module; it takes 0.3 s to load, and not every command reads a model.

    Args:
        writes: with the classes that put a file together, too.

    Raises:
        EdgekitError: no such package is installed.
    """
    for name in (*_WRITING, *(() if writes else ("tflite",))):
        try:
            found = import_module(name)
        except ImportError:
            continue
        if hasattr(found, "Model"):  # a folder of that name would be a package, too
            return found
    raise EdgekitError(
        f"No package here {'writes' if writes else 'reads'} .tflite files.", install("build" if writes else "")
    )
