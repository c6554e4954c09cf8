"""Runs compiled models on this computer: many in one translation unit, so that one compiler run serves hundreds."""

import math
import re
import subprocess
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite.reader import read_file

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED = ("-O0", *SANITIZERS)
_STATIC = re.compile(
    r"^static (?:(?:inline|EDGEKIT_\w+) )*(?:const )?(?:unsigned )?\w+ (\w+)[\[(]|^\} (\w+);",
    re.MULTILINE,
)
_MAIN = Path(__file__).with_name("native_main.c")


def build(
    files: list[dict[str, str]],
    folder: Path,
    compiler: str = "gcc",
    flags: tuple[str, ...] = SANITIZED,
    sharing: Container[int] = (),
) -> Path:
    """One program out of models named m0, m1, ...; every warning is an error.

    Args:
        sharing: the numbers of those whose inputs and outputs lie in the arena, as far as they take no floats.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts, entries = [], []
    for index, texts in enumerate(files):
        name = f"m{index}"
        for file, text in texts.items():
            (folder / file).write_text(text)
        source = texts[f"{name}.c"]
        # the static names of one source must not meet those of the next
        statics = {a or b for a, b in _STATIC.findall(source)}
        parts.append(re.sub(r"\b(" + "|".join(sorted(statics)) + r")\b", rf"{name}_\1", source) if statics else source)
        floats = _has_floats(texts[f"{name}.h"])
        shares = index in sharing and not floats
        parts.append(_call(name, texts[f"{name}.h"], shares))
        arena = f"{name.upper()}_{'FLOAT_' if floats else 'SHARED_' if shares else ''}ARENA_BYTES"
        entries.append(f"{{{name}_call, {name}_start, {name}_in, {name}_out, {arena}}}")
    parts += [f"#define ENTRIES {', '.join(entries)}", _MAIN.read_text()]
    (folder / "all.c").write_text("\n".join(parts))
    program = folder / f"program_{compiler}"
    run = subprocess.run(
        [compiler, *FLAGS, *flags, "-o", str(program), "all.c"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert run.returncode == 0, run.stderr[:4000]
    return program


def _call(name: str, header: str, shares: bool) -> str:
    """C of a function that takes a model's inputs and outputs as arrays, and of their sizes, a zero behind them."""
    floats = "_float" if _has_floats(header) else ""
    text, arguments = f"static void {name}_call(void *const *in, void *const *out, void *arena) {{\n", []
    copies: dict[str, list[str]] = {"INPUT": [], "OUTPUT": []}
    for what, group in (("INPUT", "in"), ("OUTPUT", "out")):
        macros = re.findall(rf"#define ({name.upper()}_{what}(?:_\d+)?)_BYTES ", header)
        macros = [f"{one}{'_FLOAT' if f'{one}_FLOAT_BYTES' in header else ''}_BYTES" for one in macros]
        pointers = [f"{group}[{i}]" for i in range(len(macros))]
        if shares:
            there = [f"(void *)((char *)arena + {one.removesuffix('BYTES')}OFFSET)" for one in macros]
            copies[what] = [
                f"memcpy({', '.join((to, given) if what == 'INPUT' else (given, to))}, {one});"
                for to, given, one in zip(there, pointers, macros, strict=True)
            ]
            pointers = there
        members = ", ".join(pointers)
        struct = f"{name}{floats}_{what.lower()}s"
        if len(macros) > 1:
            text += f"  const {struct} all_{group} = {{{members}}};\n"
        arguments.append(f"&all_{group}" if len(macros) > 1 else members)
        text = f"static const size_t {name}_{group}[] = {{{', '.join(macros)}, 0}};\n{text}"
    reset = ""
    if f"}} {name}_state;" in header:
        arguments.append(f"&{name}_kept")
        text = f"static {name}_state {name}_kept;\n{text}"
        reset = f"{name}_reset(&{name}_kept);"
    lines = [*copies["INPUT"], f"{name}_invoke{floats}({', '.join(arguments)}, arena);", *copies["OUTPUT"]]
    call = text + "".join(f"  {line}\n" for line in lines) + "}\n"
    return f"{call}static void {name}_start(void) {{{reset}}}\n"


def _has_floats(header: str) -> bool:
    return "_FLOAT_ARENA_BYTES" in header


def run(program: Path, jobs: list[tuple[int, NDArray[np.int8]]], output_bytes: list[int]) -> list[NDArray[np.int8]]:
    """Outputs [count, bytes] for each (model's index, inputs [count, bytes]): the bytes of all, one after another."""
    stream = b"".join(b"%d %d\n" % (index, len(inputs)) + inputs.tobytes() for index, inputs in jobs)
    done = subprocess.run([str(program)], input=stream, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    return outputs_of(done.stdout, [(len(inputs), output_bytes[index]) for index, inputs in jobs])


def outputs_of(stream: bytes, shapes: Sequence[tuple[int, int]]) -> list[NDArray[np.int8]]:
    """The int8 arrays of these shapes that follow each other in a stream, which holds nothing else."""
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    assert ends[-1] == len(stream)
    parts = np.split(np.frombuffer(stream, np.int8), ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def tflm(content: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """The same from TensorFlow Lite Micro's wheel."""
    from tflite_micro import runtime

    file = read_file(content, whole=True)
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=4_000_000)
    ends = [file.tensors[index] for index in file.inputs]
    sizes = [math.prod(end.shape) * np.dtype(end.type.lower()).itemsize for end in ends]
    results = []
    for row in inputs:
        for number, (end, part) in enumerate(zip(ends, np.split(row, np.cumsum(sizes)[:-1]), strict=True)):
            interpreter.set_input(part.view(end.type.lower()).reshape(end.shape), number)
        interpreter.invoke()
        outputs = b"".join(interpreter.get_output(number).tobytes() for number in range(len(file.outputs)))
        results.append(np.frombuffer(outputs, np.int8))
    return np.array(results)
