"""A model that the user names, compiled as the user asks: what `compile` and `export` have in common.

In: a path to a .tflite or an .onnx. Out: `CompiledModel`, its labels by its card, its own metadata or the user.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from edgekit.boards.toolchains import Sizes, sizes_of
from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.limits import check_flash, check_ram, check_time
from edgekit.files import read_bytes
from edgekit.pipeline.loading import labels_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks of the compiler.

    Attributes:
        options: but for the name and the labels.
        calibrate: of an .onnx: images such as it will see, as `--data` names them.
        input_range: what the network takes black and white for; None where the file says it.
        labels: names of the outputs of a model without a card, as `task_of` takes them.
        max_flash: bytes that code and constants may take together.
        max_ms: that a run may take on the board, as estimated.
    """

    options: CompileOptions = field(default_factory=CompileOptions)
    calibrate: str | None = None
    input_range: tuple[float, float] | None = None
    labels: str | None = None
    max_flash: int | None = None
    max_ms: float | None = None


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A compiled model, and what it was made of.

    Attributes:
        content: the .tflite that was compiled.
        converted: whether that was made here, of an .onnx.
        sizes: what the C weighs on an Xtensa core; None without the cross compiler.
    """

    path: Path
    compiled: Compiled
    content: bytes
    converted: bool
    sizes: Sizes | None


def compile_named(path: Path, asked: Asked, name: str) -> CompiledModel:
    """Compiles a model within its limits.

    Args:
        name: the C's prefix, as in `CompileOptions`.

    Raises:
        EdgekitError: the model cannot be read, converted or compiled, or exceeds `max_ram`, `max_flash` or `max_ms`;
            says which operator, tensor or layer it is about.
    """
    options = replace(asked.options, name=name)  # which is checked before anything is converted
    converted = _converted(path, asked)
    options = replace(options, labels=labels_of(path, asked.labels, converted))
    compiled = compile_model(converted or path, options)
    content = converted or read_bytes(path, "Name a .tflite file.")
    if options.max_ram is not None:
        check_ram(compiled, options.max_ram)
    sizes = sizes_of(compiled.files)
    if asked.max_flash is not None:
        check_flash(compiled, sizes, asked.max_flash)
    if asked.max_ms is not None:
        check_time(compiled, asked.max_ms)
    return CompiledModel(path, compiled, content, converted is not None, sizes)


def _converted(path: Path, asked: Asked) -> bytes | None:
    """The int8 .tflite of an .onnx; None of what is a .tflite."""
    if asked.calibrate is None and path.suffix != ".onnx":
        return None
    from edgekit.pipeline.convert_onnx import int8_of_onnx

    return int8_of_onnx(path, asked.calibrate, asked.input_range)
