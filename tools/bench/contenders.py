"""Who runs: edgekit's C for any core and for the ESP32's, bakeNN's C and TFLM's interpreter, each with and
without ESP-NN.

In: a model and where the peers' sources lie. Out: what `board.run` takes. A peer that cannot take a model says why.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import flatbuffers
from board import HERE, Source, compiled
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.boards.board import ESP32
from edgekit.boards.emulators import Emulator
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.c_array import c_array
from edgekit.device.counted import core_of
from edgekit.errors import EdgekitError
from edgekit.values.model import TfliteModel

ARENA_BYTES = 120_000  # TFLM takes what it needs of it and says how much
CXX_HEADERS = "/usr/include/c++/12"
CXX_MACHINE_HEADERS = "/usr/include/x86_64-linux-gnu/c++/12"
_KERNELS = ("add", "conv", "depthwise_conv", "fully_connected", "pad", "pooling", "reduce", "reshape", "softmax")
_ESP_KERNELS = ("add", "conv", "depthwise_conv", "fully_connected", "pooling", "softmax")


@dataclass(frozen=True, slots=True)
class Contender:
    """What to build and the core to run it on. `io_apart`: input and output lie outside of the working memory that it
    names."""

    sources: tuple[Source, ...]
    objects: tuple[Path, ...] = ()
    generated: Mapping[str, str] | None = None
    io_apart: bool = True
    core: Emulator = ESP32.emulator
    two_cores: bool = False


Make = Callable[[TfliteModel], Contender]


def contenders(tflm: Path | None, esp_nn: Path | None) -> dict[str, Make]:
    """By name, in the order of the table."""
    made: dict[str, Make] = {
        "aot size": lambda model: _aot(model, CompileOptions(optimize="size", target="generic")),
        "aot speed": lambda model: _aot(model, CompileOptions(optimize="speed", target="generic")),
        "aot esp32": lambda model: _aot(model, CompileOptions(optimize="size", target="esp32")),
        "aot esp32 speed": lambda model: _aot(model, CompileOptions(optimize="speed", target="esp32")),
        "aot esp32 speed, two cores": lambda model: replace(
            _aot(model, CompileOptions(optimize="speed", target="esp32")), two_cores=True
        ),
        "bakeNN": lambda model: _bakenn(model, "portable"),
        "bakeNN optimized": lambda model: _bakenn(model, "optimized"),
        "bakeNN + ESP-NN": lambda model: _bakenn(model, "ESP-NN"),
    }
    if tflm is not None:
        made["TFLM"] = lambda model: _tflm(model, tflm, None)
        if esp_nn is not None:
            made["TFLM + ESP-NN"] = lambda model: _tflm(model, tflm, esp_nn)
    return made


def _aot(model: TfliteModel, options: CompileOptions) -> Contender:
    compiled_ = compile_model(model.flatbuffer, options)
    return Contender((Source(HERE / "aot.c"),), generated=compiled_.files, core=core_of(options))


def _bakenn(model: TfliteModel, kernels: Literal["portable", "optimized", "ESP-NN"]) -> Contender:
    """`ESP-NN`: as bakeNN brings it and chooses it for a classic ESP32; layers that it does not choose it for are
    optimized ones of its own."""
    sys.modules.setdefault("tflite", schema)  # bakeNN asks for PyPI's `tflite`: the same generated schema
    import bakenn

    policy = bakenn.KernelPolicy.PORTABLE if kernels == "portable" else bakenn.KernelPolicy.STATIC_PRIORITY
    esp_nn = kernels == "ESP-NN"
    with tempfile.TemporaryDirectory() as name:
        try:
            bakenn.compile_tflite(
                with_flat_ends(model.flatbuffer), name, name="peer",
                backend_options=bakenn.CBackendOptions(kernel_policy=policy, enable_esp_nn=esp_nn),
                target=bakenn.ESP32 if esp_nn else None,
            )  # fmt: skip
        except bakenn.BakeNNError as error:
            raise EdgekitError(f"bakeNN refuses the model: {error}") from error
        # all in one folder: ESP-NN includes its headers by their names
        texts = {path.name: path.read_text() for path in Path(name).rglob("*.[ch]")}
    if esp_nn and not any(file.startswith("esp_nn_") and file.endswith(".c") for file in texts):
        raise EdgekitError("bakeNN chooses none of ESP-NN's kernels for the model.", "See plain bakeNN.")
    return Contender((Source(HERE / "bakenn.c"),), generated=texts)


def with_flat_ends(content: bytes) -> bytes:
    """The model with a RESHAPE before every fully connected layer whose input has more than two dimensions, because
    bakeNN wants a row there; with its shapes for one image alone, options on every RESHAPE, and ADD in the version that
    says the same of int8, which it wants, too. The arithmetic stays the same."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for tensor in model.subgraphs[0].tensors:
        tensor.shapeSignature = None
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)  # files of old have the second alone
        if code.builtinCode == schema.BuiltinOperator.ADD:
            code.version = min(code.version, 2)
    graph = model.subgraphs[0]
    ops: list[Any] = []
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        source = graph.tensors[op.inputs[0]]
        if code.builtinCode == schema.BuiltinOperator.RESHAPE and op.builtinOptions is None:
            op.builtinOptionsType, op.builtinOptions = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
            op.builtinOptions.newShape = list(graph.tensors[op.outputs[0]].shape)
        if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED and len(source.shape) > 2:
            reshape, flat, shape = schema.OperatorCodeT(), schema.TensorT(), schema.TensorT()
            reshape.builtinCode = reshape.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
            reshape.version = 1
            row = [1, graph.tensors[op.inputs[1]].shape[1]]
            flat.name, flat.shape, flat.type, flat.quantization = "flat", row, source.type, source.quantization
            data = schema.BufferT()
            data.data = [byte for size in row for byte in int(size).to_bytes(4, "little")]
            shape.name, shape.shape, shape.type, shape.buffer = "row", [2], schema.TensorType.INT32, len(model.buffers)
            shape.quantization = schema.QuantizationParametersT()
            model.buffers.append(data)
            graph.tensors += [flat, shape]
            step = schema.OperatorT()
            step.opcodeIndex = len(model.operatorCodes)
            model.operatorCodes.append(reshape)
            step.inputs, step.outputs = [op.inputs[0], len(graph.tensors) - 1], [len(graph.tensors) - 2]
            step.builtinOptionsType, step.builtinOptions = (
                schema.BuiltinOptions.ReshapeOptions,
                schema.ReshapeOptionsT(),
            )
            step.builtinOptions.newShape = row
            op.inputs = [len(graph.tensors) - 2, *op.inputs[1:]]
            ops.append(step)
        ops.append(op)
    graph.operators = ops
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tflm(model: TfliteModel, tflm: Path, esp_nn: Path | None) -> Contender:
    if not (tflm / "tensorflow/lite/micro/micro_interpreter.h").is_file():
        raise EdgekitError(
            f"{tflm} holds no tensorflow/lite/micro.", "Name a checkout of espressif/esp-tflite-micro (1.3.8)."
        )
    if not Path(CXX_HEADERS).is_dir():
        raise EdgekitError(f"{CXX_HEADERS} is missing.", "On Debian: apt-get install libstdc++-12-dev")
    options = _tflm_options(tflm)
    objects = compiled([Source(path, options) for path in _tflm_sources(tflm, esp_nn is not None)])
    if esp_nn is not None:
        folder, defines = tflm / "tensorflow/lite/micro/kernels/esp_nn", ("-DESP_NN=1", "-DCONFIG_NN_OPTIMIZED=1")
        include = (f"-I{esp_nn}/include", f"-I{esp_nn}/src/common")
        kernels = [Source(folder / f"{name}.cc", (*options, *defines, *include)) for name in _ESP_KERNELS]
        portable = sorted(p for p in (esp_nn / "src").rglob("*.c") if p.stem.endswith(("_ansi", "_opt")))
        objects += compiled([*kernels, *(Source(path, (*defines, *include)) for path in portable)])
    generated = {f"model/{name}": text for name, text in c_array(model, 1, 0, folder="model/").items()}
    own = (
        Source(HERE / "tflm.cc", (*options, f"-DBENCH_ARENA_BYTES={ARENA_BYTES}")),
        Source(HERE / "glue.cc", options),
    )
    return Contender(own, tuple(objects), generated, io_apart=False)


def _tflm_options(tflm: Path) -> tuple[str, ...]:
    third = tflm / "third_party"
    system = (CXX_HEADERS, HERE / "shim", CXX_MACHINE_HEADERS, "/usr/lib/xtensa-lx106-elf/include")
    own = (tflm, third / "flatbuffers/include", third / "gemmlowp", third / "ruy", third / "kissfft")
    return (
        "-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_STRIP_ERROR_STRINGS", "-DTF_LITE_DISABLE_X86_NEON",
        *(word for path in system for word in ("-isystem", str(path))), *(f"-I{path}" for path in own),
    )  # fmt: skip


def _tflm_sources(tflm: Path, esp_nn: bool) -> list[Path]:
    """What an interpreter with int8 kernels needs; the linker drops the rest."""
    micro, lite = tflm / "tensorflow/lite/micro", tflm / "tensorflow/lite"
    apart = ("debug_log", "micro_time", "hexdump", "recording_micro_allocator")
    found = [
        path
        for folder in (micro, micro / "tflite_bridge", micro / "memory_planner", micro / "arena_allocator",
                       lite / "core/c", lite / "core/api", lite / "kernels", lite / "kernels/internal",
                       tflm / "tensorflow/compiler/mlir/lite/core/api", tflm / "tensorflow/compiler/mlir/lite/schema")
        for path in sorted(folder.glob("*.cc"))
        if path.stem not in apart and not path.stem.startswith(("test_", "fake_", "mock_")) and "_test" not in path.stem
    ]  # fmt: skip
    names = {f"{name}{end}" for name in _KERNELS for end in ("", "_common")} | {"kernel_util"}
    if esp_nn:
        names -= set(_ESP_KERNELS)
    return found + [path for path in sorted((micro / "kernels").glob("*.cc")) if path.stem in names]
