"""A compiled model as a report shows it, and as an interpreter runs it.

In: `Compiled`, or what `edgekit profile --json` printed. Out: a `Program`: the arena over its steps, and its layers;
what a script is told of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit.boards.toolchains import Sizes
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.compiled import Compiled
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.values.codec import Invalid, from_document, from_json, to_json
from edgekit.values.program import Estimate, Program


@dataclass(frozen=True, slots=True)
class _ProfiledLayer:
    name: str
    instructions: int | None
    us: float | None
    cycles: int | None = None
    flash_misses: int | None = None


@dataclass(frozen=True, slots=True)
class _Profile:
    """What is read of a profile: which program was run, and what each layer cost."""

    model_sha256: str
    options: Mapping[str, Any]
    layers: tuple[_ProfiledLayer, ...]
    band: tuple[float, float] | None = None


def profiled_program(flatbuffer: bytes, path: Path) -> Program:
    """The program that was profiled, with what each layer cost.

    Args:
        path: what `edgekit profile --json` printed of this model.

    Raises:
        EdgekitError: no profile, that of another model or compiler, or a model that cannot be compiled.
    """
    again = "Make it anew: edgekit profile MODEL --port PORT --json > FILE."
    try:
        profile = from_document(_Profile, path, "a profile", lambda values: values)
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", again) from error
    except Invalid as error:
        raise EdgekitError(f"{path} is not a profile: {error}.", again) from error
    try:
        options = from_json(CompileOptions, profile.options, "options", unknown_fields=False)
    except Invalid as error:
        raise EdgekitError(f"{path} is not a profile: {error}.", again) from error
    except EdgekitError as error:  # of options that no compiler has
        raise EdgekitError(f"{path} is not a profile: {error.message}", again) from error
    if profile.model_sha256 != sha256_of(flatbuffer):
        raise EdgekitError(f"{path} is the profile of the model {profile.model_sha256[:12]}, not of this one.", again)
    compiled = compile_model(flatbuffer, options)
    program = compiled.program
    names = [layer.name for layer in profile.layers]
    if names != [layer.name for layer in program.layers]:
        raise EdgekitError(f"{path} is the profile of another version's program.", again)
    instructions = tuple(layer.instructions for layer in profile.layers if layer.instructions is not None)
    us = tuple(layer.us for layer in profile.layers if layer.us is not None)
    cycles = tuple(layer.cycles for layer in profile.layers if layer.cycles is not None)
    misses = tuple(layer.flash_misses for layer in profile.layers if layer.flash_misses is not None)
    estimate = None
    if profile.band is not None and len(cycles) == len(misses) == len(names):
        estimate = replace(compiled.estimate, band=profile.band, cycles=cycles, flash_misses=misses)
    return replace(
        program,
        estimate=estimate,
        instructions=instructions if len(instructions) == len(names) else None,
        us=us if len(us) == len(names) else None,
    )


def estimate_json(estimate: Estimate) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """An estimate as scripts read it: what holds for all of it, each layer's figures, and those of a run."""
    each = zip(estimate.cycles, estimate.layers_ms, estimate.flash_misses, strict=True)
    layers = [{"cycles": cycles, "estimated_ms": ms, "flash_misses": misses} for cycles, ms, misses in each]
    total = {
        "cycles": sum(estimate.cycles),
        "estimated_ms": estimate.total_ms,
        "flash_misses": sum(estimate.flash_misses),
    }
    return {"flash_mode": estimate.flash_mode, "band": list(estimate.band)}, layers, total


def program_json(compiled: Compiled, sizes: Sizes | None, tflm_arena_bytes: int | None) -> dict[str, Any]:
    """What `edgekit compile --json` prints of the program; `sizes` is None where no cross compiler is installed."""
    layers, plan = compiled.program.layers, compiled.plan
    about, each, run = estimate_json(compiled.estimate)
    return {
        **about,
        "options": to_json(compiled.options),
        "sha256": compiled.graph.sha256.hex(),
        "layers": [{**to_json(layer), **figures} for layer, figures in zip(layers, each, strict=True)],
        "total": {
            **run,
            "macs": sum(layer.macs for layer in layers),
            "arena_bytes": plan.arena_bytes,
            "input_bytes": compiled.graph.input_bytes,
            "output_bytes": compiled.graph.output_bytes,
            "ram_bytes": compiled.program.ram_bytes,
            "ram_constant_bytes": compiled.ram_constant_bytes,
            "shared_ram_bytes": compiled.shared_ram_bytes,
            "weight_bytes": sum(layer.weight_bytes for layer in layers),
            "code_bytes": sizes.code_bytes if sizes else None,
            "constant_bytes": sizes.constant_bytes if sizes else None,
            "compiler": sizes.compiler if sizes else None,
        },
        "notes": list(compiled.notes),
        "tflm_arena_bytes": tflm_arena_bytes,
        "spans": to_json(plan.spans),
    }


def drawing(program: Program, columns: int = 64) -> str:
    """The arena over time: a line a step, from its first byte to its last. `#` is an activation, `-` scratch rows,
    `=` where an activation overwrites one that has been read."""
    arena = program.arena_bytes
    if not arena:
        return "The model needs no arena."
    digits = len(str(len(program.layers) - 1))
    lines = [f"{'':{digits}} 0{f'{arena:,} bytes':>{columns + 1}}"]
    for step in range(len(program.layers)):
        cells = [" "] * columns
        for span in program.spans:
            if span.first <= step <= span.last:
                first = span.offset * columns // arena
                end = max(first + 1, -(-(span.offset + span.size) * columns // arena))
                for cell in range(first, end):
                    mark = "-" if span.scratch else "#"
                    cells[cell] = mark if cells[cell] == " " else "=" if "-" not in (mark, cells[cell]) else cells[cell]
        lines.append(f"{step:{digits}} |{''.join(cells)}|")
    return "\n".join(lines)
