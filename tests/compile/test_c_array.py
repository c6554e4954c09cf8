"""A model as a C array: what a program that includes it reads is the model's, its task's and its threshold's."""

import dataclasses
import hashlib
import subprocess
from pathlib import Path

import pytest

from edgekit.compile.c_array import c_array
from edgekit.errors import EdgekitError
from edgekit.runtimes.tflm import arena_bytes
from edgekit.tflite.model import read_tflite
from edgekit.values.evaluation import Threshold
from edgekit.values.task import CHEST_XRAY, Task

VECTORS = Path(__file__).parents[1] / "vectors/student"
INT8 = read_tflite(VECTORS / "int8.tflite")
THRESHOLD = Threshold(probability=0.375, margin_q=-7)

MAIN = r"""
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "model/model_data.h"
using namespace edgekit::generated;

enum Status { kOk = 0, kError = 1 };
template <int N>
struct Resolver {  // stands for TFLM's, which is not on this machine: takes N operators, each once
  char names[N][24] = {};
  int count = 0;
  Status Take(const char* name) {
    if (count == N) return kError;
    strncpy(names[count++], name, 23);
    return kOk;
  }
  Status AddConv2D() { return Take("CONV_2D"); }
  Status AddMaxPool2D() { return Take("MAX_POOL_2D"); }
  Status AddAveragePool2D() { return Take("AVERAGE_POOL_2D"); }
  Status AddFullyConnected() { return Take("FULLY_CONNECTED"); }
};

int main() {
  fwrite(kModelData, 1, kModelBytes, stdout);
  uint32_t in_bits, out_bits;
  memcpy(&in_bits, &kInputScale, 4);
  memcpy(&out_bits, &kOutputScale, 4);
  for (uint8_t byte : kModelSha256) fprintf(stderr, "%02x", byte);
  fprintf(stderr, "\n%d %d %d %d %d %d %d %d %d %.9g %.9g %zu %d\n",
          int(reinterpret_cast<uintptr_t>(kModelData) % 16),
          kInputHeight, kInputWidth, kInputChannels, kOutputs, kInputZeroPoint, kOutputZeroPoint, kMarginQ,
          kPositive,
          double(kInputScale), double(kOutputScale), kTflmArenaBytes,
          in_bits == kInputScaleBits && out_bits == kOutputScaleBits);
  Resolver<kOpCount> all;
  Resolver<kOpCount - 1> too_few;
  fprintf(stderr, "%d %d", AddOps(all), AddOps(too_few));
  for (auto& name : all.names) fprintf(stderr, " %s", name);
  fprintf(stderr, "\n");
  for (const char* label : kLabels) fprintf(stderr, "%s ", label);
  fprintf(stderr, "\n");
#define NAME(op) fprintf(stderr, #op " ");
  EDGEKIT_MODEL_OPS(NAME)
}
"""


def test_the_compiled_array_is_the_file_and_the_constants_are_the_models(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name, text in c_array(
        INT8, 2, arena_bytes(INT8), task=CHEST_XRAY, threshold=THRESHOLD, folder="model/"
    ).items():
        (tmp_path / "model" / name).write_text(text)
    (tmp_path / "main.cc").write_text(MAIN)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", str(tmp_path)]
    sources = [str(tmp_path / "main.cc"), str(tmp_path / "model/model_data.cc")]
    subprocess.run(["g++", *flags, *sources, "-o", str(tmp_path / "main")], check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    sha256, numbers, resolver, labels, ops = done.stderr.decode().splitlines()
    assert done.stdout == INT8.flatbuffer
    assert sha256 == hashlib.sha256((VECTORS / "int8.tflite").read_bytes()).hexdigest()
    assert INT8.input_q is not None
    assert INT8.output_q is not None
    alignment, *dims, scale_in, scale_out, arena, bits_agree = numbers.split()
    assert (alignment, bits_agree) == ("0", "1")
    assert list(map(int, dims)) == [32, 32, 1, 2, -128, INT8.output_q.zero_point, -7, 1]
    assert labels.split() == list(CHEST_XRAY.labels)
    assert (float(scale_in), float(scale_out)) == pytest.approx((INT8.input_q.scale, INT8.output_q.scale), rel=1e-8)
    assert int(arena) == arena_bytes(INT8)
    assert resolver == "0 1 " + " ".join(dict.fromkeys(INT8.ops))
    assert ops.split() == ["Conv2D", "MaxPool2D", "AveragePool2D", "FullyConnected"]


def test_the_same_model_gives_the_same_source() -> None:
    again = read_tflite(VECTORS / "int8.tflite")
    assert c_array(INT8, 2, 4096, task=CHEST_XRAY) == c_array(again, 2, 4096, task=CHEST_XRAY)


def test_labels_of_any_text_reach_c_byte_for_byte(tmp_path: Path) -> None:
    labels = ('a "cat"', "back\\slash\\", "what??/", "Bär\n")
    for name, text in c_array(INT8, 4, 0, task=Task(labels)).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.cc").write_text(
        '#include <stdio.h>\n#include "model_data.h"\n'
        "using namespace edgekit::generated;\n"
        "int main() { for (auto label : kLabels) fwrite(label, 1, __builtin_strlen(label) + 1, stdout);"
        ' printf("%d", kPositive); }\n'
    )
    subprocess.run(["g++", "-std=c++17", "-trigraphs", tmp_path / "main.cc", "-o", tmp_path / "main"], check=True)
    said = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    assert said.decode() == "\0".join((*labels, "-1"))  # four answers: the greatest output decides


def test_of_two_answers_either_may_be_the_positive_one() -> None:
    task = Task(("SICK", "HEALTHY"), positive="SICK")
    assert "kPositive = 0;" in c_array(INT8, 2, 0, task=task, threshold=THRESHOLD)["model_data.h"]
    no_task = c_array(INT8, 2, 0, threshold=THRESHOLD)["model_data.h"]
    assert "kPositive = 1;" in no_task
    assert "kLabels" not in no_task
    assert "kPositive = -1;" in c_array(INT8, 2, 0)["model_data.h"]


def test_only_an_int8_model_with_an_int8_threshold_becomes_an_array() -> None:
    with pytest.raises(EdgekitError, match="A float16 model cannot run on a board"):
        c_array(read_tflite(VECTORS / "float16.tflite"), 2, 4096, threshold=THRESHOLD)
    with pytest.raises(EdgekitError, match="no int8 threshold"):
        c_array(INT8, 2, 4096, threshold=Threshold(probability=0.5))


def test_an_operator_that_the_firmware_lacks_is_named_at_build_time() -> None:
    foreign = dataclasses.replace(INT8, ops=(*INT8.ops, "RANDOM_UNIFORM"))
    with pytest.raises(EdgekitError, match="The model uses RANDOM_UNIFORM") as refusal:
        c_array(foreign, 2, 4096)
    assert "CONV_2D" in refusal.value.hint
