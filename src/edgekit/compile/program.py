"""A compiled model as a report shows it, and as an interpreter runs it.

In: `Compiled`, or what `edgekit profile --json` printed. Out: a `Program`: the arena over its steps, and its layers;
a `TfliteModel`; TFLM's arena to compare with.
"""

import json
from dataclasses import replace
from pathlib import Path

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.layers import layers_of
from edgekit.compile.options import Compiled
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.report.charts_board import Block
from edgekit.report.pages.sections import Layer, Program
from edgekit.runtimes.desktop import arena_bytes_apart
from edgekit.tflite.model import read_int8_model


def program_of(compiled: Compiled) -> Program:
    """What the plan and the layers say."""
    plan = compiled.plan
    return Program(
        plan.arena_bytes,
        compiled.graph.input.size + compiled.graph.output.size,
        tuple(
            Block(span.offset, span.size, span.first, span.last, "scratch" if span.scratch else "activation")
            for span in plan.spans
        ),
        tuple(Layer(layer.op, layer.macs, layer.bytes, layer.weight_bytes) for layer in layers_of(compiled)),
    )


def profiled_program(flatbuffer: bytes, path: Path) -> Program:
    """The program that was profiled, with what each layer cost.

    Args:
        path: what `edgekit profile --json` printed of this model.

    Raises:
        EdgekitError: no profile, that of another model or compiler, or a model that cannot be compiled.
    """
    again = "Make it anew: edgekit profile MODEL --port PORT --json > FILE."
    try:
        profile = json.loads(path.read_text(encoding="utf-8"))
        sha256, options = profile["model_sha256"], CompileOptions(**profile["options"])
        costs = [(layer["name"], layer["instructions"], layer["us"]) for layer in profile["layers"]]
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", again) from error
    except (ValueError, KeyError, TypeError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise EdgekitError(f"{path} is no profile.", again) from error
    if sha256 != sha256_of(flatbuffer):
        raise EdgekitError(f"{path} is the profile of the model {sha256[:12]}, not of this one.", again)
    compiled = compile_model(flatbuffer, options)
    if [name for name, _, _ in costs] != [layer.name for layer in layers_of(compiled)]:
        raise EdgekitError(f"{path} is the profile of another version's program.", again)
    program = program_of(compiled)
    layers = [
        replace(layer, instructions=instructions, us=us)
        for layer, (_, instructions, us) in zip(program.layers, costs, strict=True)
    ]
    return replace(program, layers=tuple(layers))


def tflm_arena_bytes(content: bytes) -> int | None:
    """TFLM's arena for the same model; None where its interpreter does not run it."""
    try:
        return arena_bytes_apart(read_int8_model(content))
    except EdgekitError:
        return None
