"""A compiled model as a small C library for other people's projects: manifests, an example and a README around it.

In: `Compiled`. Out: texts by path below the library's folder.
"""

import json
import re
from importlib import resources

from edgekit.compile.codegen import filled, rendered
from edgekit.compile.compiled import Compiled
from edgekit.compile.ir import Tensor

_PIXEL_SCALE = 1 / 255  # an input of this scale takes pixels: q = pixel + zero point (edgekit.data.preprocess)


def library_files(compiled: Compiled) -> dict[str, str]:
    """Header, source, example, CMakeLists.txt, library.json (PlatformIO) and README.md."""
    name = compiled.options.name
    entry, end = compiled.graph.input, compiled.graph.output
    words = {
        "name": name,
        "upper": name.upper(),
        "sha256": compiled.graph.sha256.hex(),
        "input": _described(entry),
        "output": _described(end),
        "ram": f"{compiled.program.ram_bytes:,}",
        "arena": f"{compiled.plan.arena_bytes:,}",
        "bytes_are": "grey or colour values from 0 to 255" if _takes_pixels(entry) else "int8 values",
    }

    manifest = {
        "name": name,
        "version": "1.0.0",
        "description": f"A neural network as plain C, made by edgekit from {words['sha256'][:16]}.tflite",
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {"srcDir": ".", "includeDir": ".", "srcFilter": f"+<{name}.c>"},
        "examples": [{"name": "example", "base": "example", "files": ["main.c"]}],
    }
    return {
        **compiled.files,
        "example/main.c": _example(name, "example_pixel" if _takes_pixels(entry) else "example_raw"),
        "CMakeLists.txt": rendered("CMakeLists.txt.jinja", **words),
        "library.json": json.dumps(manifest, indent=2) + "\n",
        "README.md": rendered("README.md.jinja", **words),
    }


def _example(name: str, value: str) -> str:
    """c/example.c, which calls the model `net`; `value`: the file with the function that reads a byte."""
    folder = resources.files("edgekit.compile") / "c"
    read_byte = filled(value, {})
    text = (folder / "example.c").read_text(encoding="utf-8").replace("#include EXAMPLE_VALUE\n", read_byte)
    return re.sub(r"\b(net|NET)(?=[_.])", lambda found: name if found[1] == "net" else name.upper(), text)


def _takes_pixels(entry: Tensor) -> bool:
    return abs(entry.quantization.scale / _PIXEL_SCALE - 1) < 1e-3


def _described(tensor: Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape[1:] or tensor.shape))
    return f"{shape} int8, real value = {tensor.quantization.scale:.9g} * (q - ({tensor.quantization.zero_point}))"
