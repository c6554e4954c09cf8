"""`--target esp32` shares output channels between two cores; here two threads stand for them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.convolutions.by_channel import ByChannel
from edgekit.compile.convolutions.by_tile import ByTile
from edgekit.compile.convolutions.mac16_dense import Mac16Dense
from edgekit.compile.convolutions.mac16_depthwise import Mac16Depthwise
from edgekit.compile.convolutions.mac16_pointwise import Mac16Pointwise
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.reader import read_graph
from edgekit.testing import native_c
from edgekit.testing.builder import reweighted
from edgekit.testing.random_models import random_inputs, random_model
from edgekit.testing.random_operators import Random

STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"
TWO_CORES = "-DEDGEKIT_TWO_CORES=1"
PAIR = """
#include <pthread.h>
typedef struct { void (*work)(const void *, int32_t); const void *job; } m0_share;
static void *m0_other(void *what) {
  const m0_share *share = what;
  share->work(share->job, 1);
  return NULL;
}
void m0_pair(void (*work)(const void *, int32_t), const void *job) {
  pthread_t thread;
  m0_share share = {work, job};
  pthread_create(&thread, NULL, m0_other, &share);
  work(job, 0);
  pthread_join(thread, NULL);
}
"""


def pruned(weights: np.ndarray) -> np.ndarray:
    return weights * (np.abs(weights.astype(int)) > 30)


def mobile() -> bytes:
    r = Random(1)
    entry = r.activation((1, 9, 9, 24))
    x = r.conv(r.conv(entry, depthwise=True, three=True), out=33, pointwise=True)
    return r.b.finish([entry], [r.dense(r.mean(r.conv(x, out=16, pointwise=True), keep=False), out=37)])


@pytest.mark.parametrize("name", ["shipped", "pruned", "random", "mobile"])
def test_two_threads_give_tflms_bytes_without_a_race(name: str, tmp_path: Path) -> None:
    drawn = {"random": lambda: random_model(70_001), "mobile": mobile}
    content = drawn[name]() if name in drawn else STUDENT.read_bytes()
    if name == "pruned":
        content = reweighted(content, pruned)
    graph = read_graph(content)
    compiled = compile_model(content, CompileOptions("m0", target="esp32"))
    assert any(
        isinstance(op, Convolution)
        and isinstance(op.kernel, ByChannel | ByTile | Mac16Pointwise)
        and op.kernel.parts == 2
        for op in compiled.graph.ops
    )
    if name == "mobile":
        kernels = {type(op.kernel) for op in compiled.graph.ops if isinstance(op, Convolution)}
        assert kernels >= {Mac16Depthwise, Mac16Pointwise, Mac16Dense}
    files = {**compiled.files, "m0.c": compiled.files["m0.c"] + PAIR}
    program = native_c.build([files], tmp_path, flags=("-O1", "-fsanitize=thread", "-pthread", TWO_CORES))
    inputs = random_inputs(1, graph.input.size)
    (mine,) = native_c.run(program, [(0, inputs)], [graph.output.size])
    assert np.array_equal(mine, native_c.tflm(content, inputs))


def test_the_thread_sanitizer_would_see_shares_that_meet(tmp_path: Path) -> None:
    content = STUDENT.read_bytes()
    compiled = compile_model(content, CompileOptions("m0", target="esp32"))
    wrong = compiled.files["m0.c"].replace("job->room + part *", "job->room + 0 * part *")
    assert wrong != compiled.files["m0.c"]
    files = {**compiled.files, "m0.c": wrong + PAIR}
    program = native_c.build([files], tmp_path, flags=("-O1", "-fsanitize=thread", "-pthread", TWO_CORES))
    inputs = random_inputs(1, 96 * 96)[:1]
    done = subprocess.run([program], input=b"0 1\n" + inputs.tobytes(), capture_output=True, check=False)
    assert b"data race" in done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_shared_c_compiles_without_a_warning_and_declares_what_the_user_defines(
    compiler: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (apt-get install {compiler})")
    compiled = compile_model(STUDENT.read_bytes(), CompileOptions("pet", target="esp32"))
    for file, text in compiled.files.items():
        (tmp_path / file).write_text(text)
    command = [compiler, *native_c.FLAGS, "-pedantic", "-O2", TWO_CORES, "-c", "pet.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    symbols = subprocess.run(["nm", "-u", "pet.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "pet_pair" in symbols
