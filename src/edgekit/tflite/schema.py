"""The classes that read a .tflite's flatbuffer, generated from TensorFlow's schema.fbs: from the package that has them.

Out: a module with a class a table and an enumeration. tflite-micro has wheels for x86-64 Linux alone; elsewhere the
base of edgekit installs the package `tflite`, which reads and does not write.
"""

from contextlib import suppress
from functools import cache
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.extras import install


@cache
def schema(*, writes: bool = False) -> Any:
    """The module; it takes 0.3 s to load, and not every command reads a model.

    Args:
        writes: with the classes that put a file together, too.

    Raises:
        EdgekitError: no such package is installed.
    """
    with suppress(ImportError):
        from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

        return schema_py_generated
    with suppress(ImportError):
        from ai_edge_litert import schema_py_generated as of_litert

        return of_litert
    with suppress(ImportError):
        import tflite

        if not writes and hasattr(tflite, "Model"):  # a folder of that name would be a package, too
            return tflite
    raise EdgekitError(
        f"No package here {'writes' if writes else 'reads'} .tflite files.", install("convert" if writes else "")
    )
