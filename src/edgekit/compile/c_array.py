"""An int8 .tflite as a C++ array with all that a program must know to run it and to read its answer.

In: a model, its task, its threshold, TFLM's arena as measured. Out: `model_data.h` and `model_data.cc` as text, for
whoever builds a program of their own around TFLM, and for edgekit's firmware. The same model gives the same bytes.
"""

import struct

from edgekit.compile.ops import OPERATORS
from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold
from edgekit.values.model import Quantization, TfliteModel
from edgekit.values.task import Task

_HEADER = """\
// Made by edgekit from a .tflite. Do not edit: edgekit writes it again.
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
inline constexpr uint8_t kModelSha256[32] = {{
{sha256_rows}}};

// One image, int8 = pixel + zero point. real = scale * (q - zero point); scales also as IEEE-754 bits.
constexpr uint16_t kInputHeight = {height};
constexpr uint16_t kInputWidth = {width};
constexpr uint16_t kInputChannels = {channels};
{input_q}
// One logit for each answer; the output scale also in billionths, for programs without floating point.
constexpr uint16_t kOutputs = {outputs};
{output_q}constexpr uint32_t kOutputScaleBillionths = {output_billionths};
{labels}
// Where kPositive is not negative, output[kPositive] - the other output >= kMarginQ (int8 units) says that answer: a
// probability of {probability} on validation. Elsewhere the greatest output is the answer.
constexpr int16_t kPositive = {positive};
constexpr int16_t kMarginQ = {margin_q};
constexpr float kThresholdProbability = {threshold};

// TFLM's arena as measured on a 64-bit computer with TFLM's portable kernels. An ESP32's records are smaller (4-byte
// pointers); kernels of its own may want scratch space on top, which no one has measured on a board yet.
constexpr size_t kTflmArenaBytes = {arena_bytes};

// The operators, for `tflite::MicroMutableOpResolver<kOpCount>`: no more than the model has, for each one costs flash.
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
// Made by edgekit from a .tflite. Do not edit: edgekit writes it again.
// SHA-256 of the .tflite: {sha256}
#include "{folder}model_data.h"

// clang-format off
namespace edgekit {{
namespace generated {{

alignas(16) const uint8_t kModelData[kModelBytes] = {{
{rows}}};

}}  // namespace generated
}}  // namespace edgekit
// clang-format on
"""


def c_array(
    model: TfliteModel, outputs: int, arena_bytes: int, *,
    task: Task | None = None, threshold: Threshold | None = None, folder: str = "",
) -> dict[str, str]:  # fmt: skip
    """The model as C++17 that needs neither edgekit's firmware nor TFLM's headers.

    Args:
        outputs: how many values the model gives.
        arena_bytes: as `runtimes.tflm.arena_bytes` measured it.
        task: what the model is asked; None leaves out the labels.
        threshold: where the positive one of two answers begins; None lets the greater output decide.
        folder: how the source includes its header, e.g. `model/` for `#include "model/model_data.h"`.

    Returns:
        File name -> text: `model_data.h`, `model_data.cc`.

    Raises:
        EdgekitError: not an int8 model, a threshold without its int8 margin, an operator that the firmware lacks.
    """
    if model.input_q is None or model.output_q is None:
        raise EdgekitError(f"A {model.variant} model cannot run on a board.", "Give the int8 .tflite.")
    if threshold is not None and threshold.margin_q is None:
        raise EdgekitError(
            "The model has no int8 threshold (margin_q).",
            "Choose it on validation with the int8 model; `edgekit build-model` does.",
        )
    methods = _resolver_methods(model)
    height, width, channels = model.input_shape
    binary = outputs == 2 and threshold is not None
    header = _HEADER.format(
        bytes=len(model.flatbuffer),
        sha256=model.sha256,
        sha256_rows=_rows(bytes.fromhex(model.sha256)),
        height=height,
        width=width,
        channels=channels,
        outputs=outputs,
        input_q=_quantization("Input", model.input_q),
        output_q=_quantization("Output", model.output_q),
        output_billionths=round(model.output_q.scale * 1e9),
        labels=_labels(task),
        positive=(task.positive_index if task and task.positive else 1) if binary else -1,
        probability=f"{threshold.probability:.6g}" if threshold else "0.5",
        threshold=_float(threshold.probability if threshold else 0.5),
        margin_q=threshold.margin_q if threshold else 0,
        arena_bytes=arena_bytes,
        op_count=len(methods),
        op_macro=" ".join(f"X({method.removeprefix('Add')})" for method in methods),
        first_op=methods[0],
        other_ops="".join(f"  if (static_cast<int>(status) == 0) status = resolver.{m}();\n" for m in methods[1:]),
    )
    return {
        "model_data.h": header,
        "model_data.cc": _SOURCE.format(sha256=model.sha256, folder=folder, rows=_rows(model.flatbuffer)),
    }


def _resolver_methods(model: TfliteModel) -> tuple[str, ...]:
    ops = tuple(dict.fromkeys(model.ops))
    unknown = [op for op in ops if op not in OPERATORS]
    if unknown or not ops:
        raise EdgekitError(
            f"The model uses {', '.join(unknown) or 'no operator'}, which the firmware does not run.",
            f"Build a network whose operators are among: {', '.join(OPERATORS)}.",
        )
    return tuple(OPERATORS[op].resolver_method for op in ops)


def _quantization(side: str, q: Quantization) -> str:
    (bits,) = struct.unpack("<I", struct.pack("<f", q.scale))
    return (
        f"constexpr float k{side}Scale = {_float(q.scale)};\n"
        f"constexpr uint32_t k{side}ScaleBits = 0x{bits:08x};\n"
        f"constexpr int16_t k{side}ZeroPoint = {q.zero_point};\n"
    )


def _labels(task: Task | None) -> str:
    if task is None:
        return ""
    return f"inline constexpr const char* kLabels[kOutputs] = {{{', '.join(map(_c_string, task.labels))}}};\n"


def _c_string(text: str) -> str:
    """Every byte that is not plain ASCII as an octal escape, the question mark of trigraphs among them."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{escaped}"'


def _float(value: float) -> str:
    text = f"{value:.9g}"  # nine digits bring a float32 back exactly
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _rows(content: bytes) -> str:
    rows = (content[start : start + 16] for start in range(0, len(content), 16))
    return "".join("    " + " ".join(f"0x{byte:02x}," for byte in row) + "\n" for row in rows)
