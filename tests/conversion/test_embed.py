import dataclasses
import hashlib
import subprocess
from pathlib import Path

import pytest

from edgekit.conversion.embed import check_budget, embed
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import EmbedRecipe
from edgekit.runtimes.desktop import arena_bytes
from edgekit.tflite.model import read_tflite
from edgekit.values.evaluation import Threshold

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
  fprintf(stderr, "\n%d %d %d %d %d %d %d %d %.9g %.9g %zu %d\n", int(reinterpret_cast<uintptr_t>(kModelData) % 16),
          kInputHeight, kInputWidth, kInputChannels, kOutputs, kInputZeroPoint, kOutputZeroPoint, kMarginQ,
          double(kInputScale), double(kOutputScale), kTflmArenaBytes,
          in_bits == kInputScaleBits && out_bits == kOutputScaleBits);
  Resolver<kOpCount> all;
  Resolver<kOpCount - 1> too_few;
  fprintf(stderr, "%d %d", AddOps(all), AddOps(too_few));
  for (auto& name : all.names) fprintf(stderr, " %s", name);
  fprintf(stderr, "\n");
#define NAME(op) fprintf(stderr, #op " ");
  EDGEKIT_MODEL_OPS(NAME)
}
"""


def test_the_compiled_array_is_the_file_and_the_constants_are_the_models(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name, text in embed(INT8, THRESHOLD, arena_bytes(INT8), folder="model/").items():
        (tmp_path / "model" / name).write_text(text)
    (tmp_path / "main.cc").write_text(MAIN)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", str(tmp_path)]
    sources = [str(tmp_path / "main.cc"), str(tmp_path / "model/model_data.cc")]
    subprocess.run(["g++", *flags, *sources, "-o", str(tmp_path / "main")], check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    sha256, numbers, resolver, ops = done.stderr.decode().splitlines()
    assert done.stdout == INT8.flatbuffer
    assert sha256 == hashlib.sha256((VECTORS / "int8.tflite").read_bytes()).hexdigest()
    assert INT8.input_q is not None
    assert INT8.output_q is not None
    alignment, *dims, scale_in, scale_out, arena, bits_agree = numbers.split()
    assert (alignment, bits_agree) == ("0", "1")
    assert list(map(int, dims)) == [32, 32, 1, 2, -128, INT8.output_q.zero_point, -7]
    assert (float(scale_in), float(scale_out)) == pytest.approx((INT8.input_q.scale, INT8.output_q.scale), rel=1e-8)
    assert int(arena) == arena_bytes(INT8)
    assert resolver == "0 1 " + " ".join(dict.fromkeys(INT8.ops))
    assert ops.split() == ["Conv2D", "MaxPool2D", "AveragePool2D", "FullyConnected"]


def test_the_same_model_gives_the_same_source() -> None:
    assert embed(INT8, THRESHOLD, 4096) == embed(read_tflite(VECTORS / "int8.tflite"), THRESHOLD, 4096)


def test_only_an_int8_model_with_an_int8_threshold_is_embedded() -> None:
    with pytest.raises(EdgekitError, match="A float16 model does not go on a board"):
        embed(read_tflite(VECTORS / "float16.tflite"), THRESHOLD, 4096)
    with pytest.raises(EdgekitError, match="no int8 threshold"):
        embed(INT8, Threshold(probability=0.5), 4096)


def test_an_operator_that_the_firmware_lacks_is_named_at_build_time() -> None:
    with pytest.raises(EdgekitError, match="The model uses LOGISTIC"):
        embed(dataclasses.replace(INT8, ops=(*INT8.ops, "LOGISTIC")), THRESHOLD, 4096)


def test_a_model_that_fits_gives_its_budget() -> None:
    budget = check_budget(INT8, 95_920, EmbedRecipe())
    assert (budget.model.used_bytes, budget.model.limit_bytes) == (len(INT8.flatbuffer), 40_700)
    assert (budget.arena.used_bytes, budget.arena.limit_bytes) == (95_920, 102_400)
    assert budget.flash.used_bytes > len(INT8.flatbuffer)


def test_each_limit_is_named_with_the_bytes_over_and_what_to_do() -> None:
    size = len(INT8.flatbuffer)
    with pytest.raises(EdgekitError, match=r"arena takes 102,401 bytes, 1 over the limit of 102,400\.\n") as caught:
        check_budget(INT8, 102_401, EmbedRecipe())
    assert "student.input_size" in caught.value.hint
    with pytest.raises(EdgekitError, match=rf"model takes {size:,} bytes, 10 over") as caught:
        check_budget(INT8, 4096, EmbedRecipe(model_bytes=size - 10))
    assert "student.channels" in caught.value.hint
    with pytest.raises(EdgekitError, match=r"model takes .*; flash takes .*; arena takes ") as caught:
        check_budget(INT8, 4096, EmbedRecipe(model_bytes=1024, flash_bytes=1024, arena_bytes=1024))
    assert "embed.model_bytes, embed.flash_bytes, embed.arena_bytes" in caught.value.hint
