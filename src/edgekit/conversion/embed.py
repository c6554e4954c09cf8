"""An int8 .tflite as C++ source, and the question whether it fits the board.

In: a model, its decision threshold, the measured TFLM arena. Out: `model_data.h` and `model_data.cc` as text, or a
`Budget`. The same model gives the same bytes of source.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import EmbedRecipe
from edgekit.runtimes.interpreters import TFLM_OPS
from edgekit.values.evaluation import Threshold
from edgekit.values.model import Quantization, TfliteModel
from edgekit.values.networks import StudentSpec

# What the application takes of flash beside the model. An estimate on the safe side, not measured: an empty ESP-IDF
# application is about 180 KB, TFLM's interpreter 85 to 115 KB, and ours links drivers and kernels as well.
FIRMWARE_FLASH_BYTES = 450_000

_HEADER = """\
// Made by edgekit from a .tflite. Do not edit: `edgekit build-model` writes it again.
#ifndef EDGEKIT_MODEL_MODEL_DATA_H_
#define EDGEKIT_MODEL_MODEL_DATA_H_

#include <stddef.h>
#include <stdint.h>

// clang-format off
namespace edgekit {{
namespace generated {{

// The .tflite, {bytes} bytes, aligned to 16 as its flatbuffer asks.
extern const uint8_t kModelData[];
constexpr size_t kModelBytes = {bytes};

// SHA-256 of the .tflite: {sha256}
constexpr uint8_t kModelSha256[32] = {{
{sha256_rows}}};

// One grey image, int8 = pixel + zero point. real = scale * (q - zero point); scales also as IEEE-754 bits.
constexpr uint16_t kInputHeight = {height};
constexpr uint16_t kInputWidth = {width};
constexpr uint16_t kInputChannels = {channels};
constexpr float kInputScale = {input_scale};
constexpr uint32_t kInputScaleBits = {input_scale_bits};
constexpr int16_t kInputZeroPoint = {input_zero_point};

// Two logits: normal, pneumonia.
constexpr uint16_t kOutputs = 2;
constexpr float kOutputScale = {output_scale};
constexpr uint32_t kOutputScaleBits = {output_scale_bits};
constexpr int16_t kOutputZeroPoint = {output_zero_point};

// Pneumonia where output[1] - output[0] >= kMarginQ (int8 units): a probability of {probability} on validation.
constexpr int16_t kMarginQ = {margin_q};
constexpr float kThresholdProbability = {threshold};

// TFLM's arena as measured on a 64-bit computer with TFLM's plain kernels. An ESP32's records are smaller (4-byte
// pointers); kernels of its own may want scratch space on top, which no one has measured on a board yet.
constexpr size_t kTflmArenaBytes = {arena_bytes};

// The operators, for `tflite::MicroMutableOpResolver<kOpCount>`.
constexpr int kOpCount = {op_count};
#define EDGEKIT_MODEL_OPS(X) {op_macro}

// Registers them; returns the resolver's status of the first that fails (kTfLiteOk is 0).
template <typename Resolver>
auto AddOps(Resolver& resolver) {{
  auto status = resolver.{first_op}();
{other_ops}  return status;
}}

}}  // namespace generated
}}  // namespace edgekit
// clang-format on

#endif  // EDGEKIT_MODEL_MODEL_DATA_H_
"""

_SOURCE = """\
// Made by edgekit from a .tflite. Do not edit: `edgekit build-model` writes it again.
// SHA-256 of the .tflite: {sha256}
#include "{header}"

// clang-format off
namespace edgekit {{
namespace generated {{

alignas(16) const uint8_t kModelData[kModelBytes] = {{
{rows}}};

}}  // namespace generated
}}  // namespace edgekit
// clang-format on
"""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One limit of the board: `used_bytes` of `limit_bytes`."""

    name: str
    used_bytes: int
    limit_bytes: int

    @property
    def over_bytes(self) -> int:
        """How many bytes too many; 0 where it fits."""
        return max(0, self.used_bytes - self.limit_bytes)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a model takes of the board: the .tflite, the application's flash with it, TFLM's arena in RAM."""

    model: BudgetLine
    flash: BudgetLine
    arena: BudgetLine


def embed(model: TfliteModel, threshold: Threshold, arena_bytes: int, folder: str = "") -> dict[str, str]:
    """The model as C++17 that needs neither edgekit's firmware nor TFLM's headers.

    Args:
        arena_bytes: as `device.desktop.arena_bytes` measured it.
        folder: how the source includes its header, e.g. `model/` for `#include "model/model_data.h"`.

    Returns:
        File name -> text: `model_data.h`, `model_data.cc`.

    Raises:
        EdgekitError: not an int8 model, no int8 threshold, or an operator that the firmware does not register.
    """
    if model.input_q is None or model.output_q is None:
        raise EdgekitError(f"A {model.variant} model does not go on a board.", "Embed the int8 file.")
    if threshold.margin_q is None:
        raise EdgekitError(
            "The model has no int8 threshold (margin_q).",
            "Choose it on validation with the int8 model; `edgekit build-model` does.",
        )
    methods = _resolver_methods(model)
    height, width, channels = model.input_shape
    header = _HEADER.format(
        bytes=len(model.flatbuffer),
        sha256=model.sha256,
        sha256_rows=_rows(bytes.fromhex(model.sha256)),
        height=height,
        width=width,
        channels=channels,
        **_quantization("input", model.input_q),
        **_quantization("output", model.output_q),
        probability=f"{threshold.probability:.6g}",
        threshold=_float(threshold.probability),
        margin_q=threshold.margin_q,
        arena_bytes=arena_bytes,
        op_count=len(methods),
        op_macro=" ".join(f"X({method.removeprefix('Add')})" for method in methods),
        first_op=methods[0],
        other_ops="".join(f"  if (static_cast<int>(status) == 0) status = resolver.{m}();\n" for m in methods[1:]),
    )
    source = _SOURCE.format(sha256=model.sha256, header=f"{folder}model_data.h", rows=_rows(model.flatbuffer))
    return {"model_data.h": header, "model_data.cc": source}


def check_budget(model: TfliteModel, arena_bytes: int, recipe: EmbedRecipe) -> Budget:
    """Weighs a model against what the board leaves to it.

    Raises:
        EdgekitError: one or more limits are exceeded; names each with the bytes over and what to do.
    """
    model_bytes = len(model.flatbuffer)
    budget = Budget(
        model=BudgetLine("model", model_bytes, recipe.model_bytes),
        flash=BudgetLine("flash", model_bytes + FIRMWARE_FLASH_BYTES, recipe.flash_bytes),
        arena=BudgetLine("arena", arena_bytes, recipe.arena_bytes),
    )
    _refuse_excess((budget.model, budget.flash, budget.arena), "takes")
    return budget


def check_spec(spec: StudentSpec, recipe: EmbedRecipe) -> None:
    """Weighs a student before hours are spent on it, by what its shape alone takes: int8 kernels and 4-byte biases,
    and the input and output of the operator that holds most. The file and the arena will be somewhat larger.

    Raises:
        EdgekitError: even that is too much; names each limit with the bytes over and what to do.
    """
    inputs, side = 1, spec.input_size
    weights, tensors = 4 * 2, 0
    for channels, depth in zip(spec.channels, spec.depths, strict=True):
        for _ in range(depth):
            weights += 9 * inputs * channels + 4 * channels
            tensors = max(tensors, side * side * (inputs + channels))
            inputs = channels
        tensors = max(tensors, side * side * inputs * 5 // 4)  # the pool's
        side //= 2
    weights += 2 * inputs
    lines = BudgetLine("model", weights, recipe.model_bytes), BudgetLine("arena", tensors, recipe.arena_bytes)
    _refuse_excess(lines, "takes at least")


def _refuse_excess(lines: Sequence[BudgetLine], takes: str) -> None:
    advice = {
        "model": "take fewer channels in the last stages (--set student.channels=8,16,32,48)",
        "flash": "take fewer channels, or a larger application partition and --set embed.flash_bytes=...",
        "arena": "take a smaller image (--set student.input_size=80) or fewer channels in the first stage",
    }
    over = [line for line in lines if line.over_bytes]
    if over:
        excess = "; ".join(
            f"{line.name} {takes} {line.used_bytes:,} bytes, {line.over_bytes:,} over the limit of {line.limit_bytes:,}"
            for line in over
        )
        raise EdgekitError(
            f"The model does not fit the board: {excess}.",
            f"To fit, {'; '.join(advice[line.name] for line in over)}. If your board has the room, raise "
            f"{', '.join(f'embed.{line.name}_bytes' for line in over)}.",
        )


def _resolver_methods(model: TfliteModel) -> tuple[str, ...]:
    ops = tuple(dict.fromkeys(model.ops))
    unknown = [op for op in ops if op not in TFLM_OPS]
    if unknown or not ops:
        raise EdgekitError(
            f"The model uses {', '.join(unknown) or 'no operator'}, which the firmware does not run.",
            f"Build a network whose operators are among: {', '.join(TFLM_OPS)}.",
        )
    return tuple(TFLM_OPS[op] for op in ops)


def _quantization(side: str, q: Quantization) -> dict[str, str]:
    bits = struct.unpack("<I", struct.pack("<f", q.scale))[0]
    return {
        f"{side}_scale": _float(q.scale),
        f"{side}_scale_bits": f"0x{bits:08x}",
        f"{side}_zero_point": str(q.zero_point),
    }


def _float(value: float) -> str:
    text = f"{value:.9g}"  # nine digits bring a float32 back exactly
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _rows(content: bytes) -> str:
    rows = (content[start : start + 16] for start in range(0, len(content), 16))
    return "".join("    " + " ".join(f"0x{byte:02x}," for byte in row) + "\n" for row in rows)
