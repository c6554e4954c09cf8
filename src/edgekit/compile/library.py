"""A compiled model as a small C library that builds by itself: CMakeLists.txt, an example and a README around it.

In: `Compiled`. Out: texts by path below the library's folder.
"""

from typing import Any

from edgekit.compile.codegen import rendered
from edgekit.compile.compiled import Compiled
from edgekit.compile.interface import End, ends_of


def library_files(compiled: Compiled) -> dict[str, str]:
    """Header, source, example, CMakeLists.txt and README.md."""
    name = compiled.options.name
    ends = ends_of(compiled.graph)
    inputs, outputs = ([end for end in ends if end.is_input is wanted] for wanted in (True, False))
    words: dict[str, Any] = {
        "name": name,
        "upper": name.upper(),
        "sha256": compiled.graph.sha256.hex(),
        "inputs": inputs,
        "outputs": outputs,
        "has_state": bool(compiled.graph.states),
        "described": _described,
        "ram": f"{compiled.program.ram_bytes:,}",
        "shared": f"{compiled.shared_ram_bytes:,}",
        "arena": f"{compiled.plan.arena_bytes:,}",
        "bytes_are": "the grey or colour values of an image from 0 to 255, row by row, channels last"
        if all(end.takes_pixels for end in inputs)
        else f"the values of {'all inputs, one input after another' if len(inputs) > 1 else 'the input'}",
    }
    return {
        **compiled.files,
        "example/main.c": rendered("example.c.jinja", **words),
        "CMakeLists.txt": rendered("CMakeLists.txt.jinja", **words),
        "README.md": rendered("README.md.jinja", **words),
    }


def _described(end: End) -> str:
    tensor, quantization = end.tensor, end.tensor.quantization
    shape = " x ".join(map(str, tensor.shape[1:] or tensor.shape))
    kind = tensor.type.lower()
    return f"{shape} {kind}, real value = {quantization.scale:.9g} * (q - ({quantization.zero_point}))"
