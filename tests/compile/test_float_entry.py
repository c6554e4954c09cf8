"""A .tflite with float ends: the header offers its int8 model and, beside it, the floats of the file."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import exactness, native_c
from edgekit.testing.builder import float_ended
from edgekit.testing.random_models import network_of_ends, random_model
from edgekit.testing.random_operators import Random
from edgekit.testing.rows import bytes_of, random_rows
from edgekit.tflite.builder import Builder


def floats_before(b: Builder, inner: int) -> int:
    """A float input that is quantised into a tensor."""
    outer = b.tensor(b.shape(inner), "FLOAT32")
    b.op("QUANTIZE", [outer], inner)
    return outer


def floats_behind(b: Builder, inner: int) -> int:
    outer = b.tensor(b.shape(inner), "FLOAT32")
    b.op("DEQUANTIZE", [inner], outer)
    return outer


def network(seed: int) -> bytes:
    """One to three inputs and outputs, each of floats or int8; one output in both forms."""
    r = Random(seed)
    shape = (1, *(int(n) for n in r.rng.integers(1, 7, 2)), 2)
    inner = [r.activation(shape) for _ in range(int(r.pick(1, 2, 3)))]
    entries = [floats_before(r.b, x) if r.rng.random() < 0.7 else x for x in inner]
    x = inner[0]
    for other in inner[1:]:
        x = r.add(x, other)
    y = r.conv(x, three=seed % 2 == 0)
    exits = [floats_behind(r.b, y)]
    if seed % 3 == 0:
        exits.append(y)
    if seed % 4 == 0:
        exits.insert(0, r.dense(r.reshape(x), 3))
    return r.b.finish(entries, exits)


def test_floats_in_and_out_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = exactness.cases(network, range(20))
    models += exactness.cases(lambda seed: float_ended(random_model(seed)), range(100, 106))
    assert sum(any(case.graph.float_inputs) and not all(case.graph.float_inputs) for case in models) > 5
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def test_the_int8_entry_of_a_float_model_is_the_model_inside(tmp_path: Path) -> None:
    inside = random_model(4)
    first, second = (compile_model(content, CompileOptions("m0")) for content in (inside, float_ended(inside)))
    assert first.plan.arena_bytes == second.plan.arena_bytes
    body = re.search(r"void m0_invoke\(.*?\n\}\n", second.files["m0.c"], re.DOTALL)
    assert body is not None
    assert body[0] in first.files["m0.c"]
    assert "m0_invoke_float" not in first.files["m0.h"]


def test_what_is_beyond_the_range_is_clamped_and_nan_is_the_least(tmp_path: Path) -> None:
    b = Builder()
    x = b.tensor((1, 6), scales=[0.5], zero_points=[3])
    content = b.finish([floats_before(b, x)], [x])
    compiled = compile_model(content, CompileOptions("m0"))
    row = np.float32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e9])[None]
    program = native_c.build([compiled.files], tmp_path)
    (mine,) = native_c.run(program, [(0, row.view(np.int8))], [6])
    assert mine.tolist() == [[-128, 127, -128, 127, -128, 127]]


def test_an_output_of_floats_may_lie_where_the_input_is(tmp_path: Path) -> None:
    content = float_ended(random_model(4))
    compiled = compile_model(content, CompileOptions("m0"))
    apart = native_c.build([compiled.files], tmp_path / "apart")
    source = (
        compiled.files["m0.c"]
        + """
static void m0_together(const float *input, float *output, void *arena) {
  float room[(M0_INPUT_FLOAT_BYTES + M0_OUTPUT_FLOAT_BYTES) / sizeof(float)];
  memcpy(room, input, M0_INPUT_FLOAT_BYTES);
  m0_invoke_float(room, room, arena);
  memcpy(output, room, M0_OUTPUT_FLOAT_BYTES);
}
#define m0_invoke_float m0_together
"""
    )
    together = native_c.build([{**compiled.files, "m0.c": source}], tmp_path / "together")
    rows, sizes = random_rows(compiled.graph, 1), [bytes_of(compiled.graph)[1]]
    first, second = (native_c.run(program, [(0, rows)], sizes)[0] for program in (apart, together))
    assert np.array_equal(first, second)
    room = re.search(r"M0_FLOAT_ARENA_BYTES (\d+)", compiled.files["m0.h"])
    assert room is not None
    assert compiled.caller_ram_bytes == int(room[1]) + 4 * max(compiled.graph.input.size, compiled.graph.output.size)


def test_a_program_in_cpp_calls_both_entries(tmp_path: Path) -> None:
    header = compile_model(float_ended(random_model(4)), CompileOptions("pet")).files["pet.h"]
    (tmp_path / "pet.h").write_text(header)
    (tmp_path / "user.cc").write_text(
        '#include "pet.h"\nalignas(16) static unsigned char arena[PET_FLOAT_ARENA_BYTES];\n'
        "static int8_t q[PET_INPUT_BYTES + PET_OUTPUT_BYTES];\n"
        'static_assert(PET_FLOAT_ARENA_BYTES >= PET_ARENA_BYTES, "room");\n'
        "void use(const float* in, float* out) {\n  pet_invoke_float(in, out, arena);\n"
        "  pet_invoke(q, q + PET_INPUT_BYTES, arena);\n}\n"
    )
    subprocess.run(["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "user.cc"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("what", ["read twice", "an output, too", "not quantised", "another shape"])
def test_floats_that_do_more_than_stand_at_an_end_are_refused_by_name(what: str) -> None:
    r = Random(2)
    inner = r.activation((1, 4, 4, 2))
    entry = floats_before(r.b, inner)
    exits = [r.dense(r.reshape(inner), 2)]
    if what == "read twice":
        other = r.activation((1, 4, 4, 2))
        r.b.op("QUANTIZE", [entry], other)
    elif what == "an output, too":
        exits.append(entry)
    elif what == "not quantised":
        exits.append(r.b.tensor((1, 4, 4, 2), "FLOAT32"))
        r.b.op("RELU", [entry], exits[-1])
    else:
        r.b.tensors[entry].shape = [1, 2, 8, 2]
    with pytest.raises(EdgekitError, match="FLOAT32"):
        read_graph(r.b.finish([entry], exits))


def test_a_network_of_int8_ends_has_no_float_entry() -> None:
    assert not any("float" in text for text in compile_model(network_of_ends(3)).files.values())


def test_the_command_says_which_entry_takes_the_floats(tmp_path: Path) -> None:
    (tmp_path / "keras.tflite").write_bytes(float_ended(random_model(4)))
    words = ["compile", str(tmp_path / "keras.tflite"), "--out", str(tmp_path / "out"), "--name", "pet"]
    done = CliRunner().invoke(cli, words)
    assert "pet_invoke_float takes these" in " ".join(done.output.split())
    assert "pet_invoke_float" in (tmp_path / "out/README.md").read_text()
