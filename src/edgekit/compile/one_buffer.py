"""A compiled model as a function of two buffers: the bytes of all inputs, and those of all outputs.

In: a `Graph`. Out: a C header beside the model's own.
"""

from edgekit.compile.interface import End, ends_of
from edgekit.compile.ir import Graph
from edgekit.values.buffer import buffer_bytes, offsets


def one_buffer_header(graph: Graph, name: str = "model") -> str:
    """C99 and C++ of `{name}_call`, which takes an input and an output buffer, both aligned to 4 bytes, the state where
    the model keeps one, and the arena. How many bytes each takes, `{NAME}_CALL_INPUT_BYTES` and `..._OUTPUT_BYTES` say.
    """
    ends, upper = ends_of(graph), name.upper()
    groups = [[end for end in ends if end.is_input is wanted] for wanted in (True, False)]
    sizes = [[end.tensor.size_bytes for end in group] for group in groups]
    lines, arguments = [], []
    for group, each in zip(groups, sizes, strict=True):
        pointers = [_pointer(end, at) for end, at in zip(group, offsets(each), strict=True)]
        parameter = group[0].parameter
        if len(group) > 1:
            lines.append(f"  const {name}_{parameter} all_{parameter} = {{{', '.join(pointers)}}};")
            arguments.append(f"&all_{parameter}")
        else:
            arguments += pointers
    state = ("state, ", f"{name}_state *state, ") if graph.states else ("", "")
    bytes_of = [
        f"#define {upper}_CALL_{what}_BYTES {buffer_bytes(each)}"
        for what, each in zip(("INPUT", "OUTPUT"), sizes, strict=True)
    ]
    return "\n".join([
        "/* All inputs in one buffer, all outputs in another: each begins at a multiple of 4 bytes. */",
        f"#ifndef {upper}_CALL_H", f"#define {upper}_CALL_H", f'#include "{name}.h"', *bytes_of,
        f"static inline void {name}_call(const int8_t *input, int8_t *output, {state[1]}void *arena) {{",
        *lines, f"  {name}_invoke({', '.join(arguments)}, {state[0]}arena);", "}", "#endif", "",
    ])  # fmt: skip


def _pointer(end: End, at: int) -> str:
    group, const = ("input", "const ") if end.is_input else ("output", "")
    place = group if not at else f"{group} + {at}"
    return place if end.element == "int8_t" else f"({end.pointer})({const}void *)({place})"
