"""A compiled model as a report shows it, and as an interpreter runs it.

In: `Compiled`, or what `edgekit profile --json` printed. Out: a `Program`: the arena over its steps, and its layers;
a `TfliteModel`; TFLM's arena to compare with.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgekit.boards.toolchains import Sizes
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.compiled import Compiled
from edgekit.compile.layers import layers_of, ram_bytes
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.runtimes.desktop import arena_bytes_apart
from edgekit.tflite.model import read_int8_model
from edgekit.values.program import Program


def program_of(compiled: Compiled) -> Program:
    """What the plan and the layers say."""
    plan = compiled.plan
    return Program(
        plan.arena_bytes,
        compiled.graph.input.size + compiled.graph.output.size,
        plan.spans,
        layers_of(compiled),
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
        names = [layer["name"] for layer in profile["layers"]]
        instructions, us = (tuple(layer[unit] for layer in profile["layers"]) for unit in ("instructions", "us"))
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", again) from error
    except (ValueError, KeyError, TypeError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise EdgekitError(f"{path} is not a profile.", again) from error
    if sha256 != sha256_of(flatbuffer):
        raise EdgekitError(f"{path} is the profile of the model {sha256[:12]}, not of this one.", again)
    compiled = compile_model(flatbuffer, options)
    program = program_of(compiled)
    if names != [layer.name for layer in program.layers]:
        raise EdgekitError(f"{path} is the profile of another version's program.", again)
    return replace(program, instructions=None if None in instructions else instructions, us=None if None in us else us)


def tflm_arena_bytes(content: bytes) -> int | None:
    """TFLM's arena for the same model; None where its interpreter does not run it."""
    try:
        return arena_bytes_apart(read_int8_model(content))
    except EdgekitError:
        return None


def program_json(compiled: Compiled, sizes: Sizes | None, tflm_arena_bytes: int | None) -> dict[str, Any]:
    """What `edgekit compile --json` prints of the program; `sizes` is None where no cross compiler is installed."""
    layers, plan = layers_of(compiled), compiled.plan
    return {
        "options": asdict(compiled.options),
        "sha256": compiled.graph.sha256.hex(),
        "layers": [asdict(layer) for layer in layers],
        "total": {
            "macs": sum(layer.macs for layer in layers),
            "arena_bytes": plan.arena_bytes,
            "input_bytes": compiled.graph.input.size,
            "output_bytes": compiled.graph.output.size,
            "ram_bytes": ram_bytes(compiled),
            "weight_bytes": sum(layer.weight_bytes for layer in layers),
            "code_bytes": sizes.code_bytes if sizes else None,
            "constant_bytes": sizes.constant_bytes if sizes else None,
            "compiler": sizes.compiler if sizes else None,
        },
        "tflm_arena_bytes": tflm_arena_bytes,
        "spans": [asdict(span) for span in plan.spans],
    }
