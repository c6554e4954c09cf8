"""An int8 .tflite as a C++ array with all that a program must know to run it and to read its answer.

In: a model, its task, its threshold, TFLM's arena as measured. Out: `model_data.h` and `model_data.cc` as text, for
whoever builds a program of their own around TFLM, and for edgekit's firmware. The same model gives the same bytes.
"""

import struct
from collections.abc import Sequence

from edgekit.compile.codegen import c_string, float_literal, rendered
from edgekit.compile.description import describe
from edgekit.tflite.reader import type_code
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TensorSpec, TfliteModel
from edgekit.values.task import Task

UNMEASURED_ARENA_BYTES = 16_384  # where the firmware begins to try a model that nobody has run on TFLM


def c_array(
    model: TfliteModel, outputs: int, arena_bytes: int, *,
    task: Task | None = None, threshold: Threshold | None = None, folder: str = "",
) -> dict[str, str]:  # fmt: skip
    """The model as C++17 that needs neither edgekit's firmware nor TFLM's headers.

    Args:
        outputs, task, threshold: as in `describe`.
        arena_bytes: as `runtimes.tflm.arena_bytes` measured it; 0 where nobody did.
        folder: how the source includes its header, e.g. `model/` for `#include "model/model_data.h"`.

    Returns:
        File name -> text: `model_data.h`, `model_data.cc`.

    Raises:
        EdgekitError: as `describe`.
    """
    described = describe(model, outputs, task, threshold)
    values = {
        "model": model,
        "described": described,
        "sha256": bytes.fromhex(model.sha256),
        "labels": [c_string(label) for label in described.labels],
        # a literal ends before the next begins: a digit after an octal escape would be taken for a part of it
        "label_text": " ".join(c_string(label + "\0") for label in described.labels),
        "arena_bytes": arena_bytes or UNMEASURED_ARENA_BYTES,
        "op_macro": " ".join(f"X({method.removeprefix('Add')})" for method in described.methods),
        "folder": folder,
        "ends": [
            (name if len(specs) == 1 else f"{name}{number}", spec)
            for name, specs in (("Input", model.input_specs), ("Output", model.output_specs))
            for number, spec in enumerate(specs)
        ],
        "input_macro": _macro(model.input_specs),
        "output_macro": _macro(model.output_specs),
        "c_float": float_literal,
        "float_bits": _bits,
        "byte_rows": _rows,
    }
    return {name: rendered(f"{name}.jinja", **values) for name in ("model_data.h", "model_data.cc")}


def _macro(specs: Sequence[TensorSpec]) -> str:
    """`X(type, rank, zero point, scale bits, dimensions)` of each."""
    return " ".join(
        f"X({type_code(spec.type)}, {len(spec.shape)}, {spec.q.zero_point}, 0x{_bits(spec.q.scale)}, "
        f"{', '.join(map(str, spec.shape))})"
        for spec in specs
        if spec.q is not None
    )


def _bits(value: float) -> str:
    return struct.pack(">f", value).hex()


def _rows(content: bytes) -> str:
    rows = (content[start : start + 16] for start in range(0, len(content), 16))
    return "".join("    " + " ".join(f"0x{byte:02x}," for byte in row) + "\n" for row in rows)
