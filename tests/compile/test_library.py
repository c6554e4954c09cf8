"""`edgekit compile`: the library as a stranger would build it, the printed plan, the budget."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.library import library_files
from edgekit.compile.program import drawing
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite

STUDENT = Path(__file__).parents[1] / "vectors/student/int8.tflite"
STRICT = "-Wall -Wextra -Wconversion -Wpedantic -Werror"
# clang's sanitizers want a run-time library of their own package; trapping on undefined behaviour needs none
SANITIZERS = {
    "gcc": "-fsanitize=address,undefined -fno-sanitize-recover=all",
    "clang": "-fsanitize=undefined -fsanitize-trap=undefined",
}


def compile_command(*words: object) -> str:
    done = CliRunner().invoke(cli, ["compile", *map(str, words)])
    if done.exception:
        raise done.exception
    return done.output


@pytest.mark.parametrize("compiler", SANITIZERS)
@pytest.mark.parametrize("pixels", [True, False])
def test_the_library_builds_with_cmake_and_its_example_prints_tflms_outputs(
    tmp_path: Path, compiler: str, pixels: bool
) -> None:
    for program in ("cmake", compiler):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install {program})")
    model = tmp_path / "model.tflite"
    model.write_bytes(STUDENT.read_bytes() if pixels else random_model(4))
    library = tmp_path / "library"
    name = "example" if pixels else "pet"
    compile_command(model, "--out", library, "--name", name)
    configure = ["cmake", "-S", library, "-B", tmp_path / "build", f"-DCMAKE_C_COMPILER={compiler}"]
    for command in (
        [*configure, f"-DCMAKE_C_FLAGS={STRICT} {SANITIZERS[compiler]}"],
        ["cmake", "--build", tmp_path / "build"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    graph = compile_model(model.read_bytes()).graph
    raw = np.random.default_rng(1).integers(0, 256, (3, graph.input.size), dtype=np.uint8)
    inputs = (raw.astype(np.int16) - 128).astype(np.int8) if pixels else raw.view(np.int8)
    paths = []
    for number, row in enumerate(raw):
        paths.append(tmp_path / f"{number}.raw")
        paths[-1].write_bytes(row.tobytes())
    example = tmp_path / f"build/{name}_example"
    said = subprocess.run([example, *paths], capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = native_c.tflm(model.read_bytes(), inputs)
    for line, path, outputs in zip(said, paths, wanted, strict=True):
        about, _, values = line.partition(": ")
        assert about == str(path)
        assert [int(word) for word in values.split() if "(" not in word] == outputs.tolist()

    (tmp_path / "short.raw").write_bytes(b"123")
    for bad, words in ((tmp_path / "short.raw", "has 3 bytes"), (tmp_path / "none.raw", "cannot be opened")):
        refused = subprocess.run([example, bad], capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert words in refused.stderr


def test_another_project_takes_the_library_in_with_add_subdirectory(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed (apt-get install cmake)")
    compile_command(STUDENT, "--out", tmp_path / "pet", "--name", "pet")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(user CXX C)\nadd_subdirectory(pet)\n"
        "add_executable(user user.cc)\ntarget_link_libraries(user pet)\n"
    )
    (tmp_path / "user.cc").write_text(
        '#include "pet.h"\nalignas(16) static unsigned char arena[PET_ARENA_BYTES];\n'
        "static int8_t in[PET_INPUT_BYTES], out[PET_OUTPUT_BYTES];\n"
        "int main() { pet_invoke(in, out, arena); return out[0] == out[1]; }\n"
    )
    for command in (["cmake", "-S", tmp_path, "-B", tmp_path / "b"], ["cmake", "--build", tmp_path / "b"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run([tmp_path / "b/user"], check=True)
    assert not (tmp_path / "b/pet/pet_example").exists()


def test_json_and_table_tell_the_same_plan(tmp_path: Path) -> None:
    said = json.loads(compile_command(STUDENT, "--out", tmp_path, "--json"))
    compiled = compile_model(STUDENT.read_bytes())
    layers = compiled.program.layers
    assert [layer["name"] for layer in said["layers"]] == [op.label for op in compiled.graph.ops]
    total = said["total"]
    assert total["macs"] == sum(layer.macs for layer in layers) > 0
    assert total["ram_bytes"] == compiled.program.ram_bytes == total["arena_bytes"] + 32 * 32 + 2
    assert max(layer.bytes for layer in layers) == total["arena_bytes"]
    assert max(span["offset"] + span["size"] for span in said["spans"]) <= total["arena_bytes"]
    assert said["tflm_arena_bytes"] > total["arena_bytes"]
    if total["code_bytes"] is not None:  # the cross compiler is here; gcc may take short constants into its code
        assert 0.9 * total["weight_bytes"] <= total["constant_bytes"] <= 1.1 * total["weight_bytes"] + 32
    assert sorted(said["files"]) == sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    table = compile_command(STUDENT, "--out", tmp_path)
    for layer in layers:
        assert f"{layer.bytes:,}" in table
        assert f"{layer.weight_bytes:,}" in table
    assert f"{said['tflm_arena_bytes']:,}" in table


def test_weights_of_a_layer_are_those_of_the_file() -> None:
    compiled = compile_model(STUDENT.read_bytes(), CompileOptions(compress="never"))
    for op, layer in zip(compiled.graph.ops, compiled.program.layers, strict=True):
        if layer.macs:
            assert layer.weight_bytes >= op.weights.size + 12 * len(op.weights)  # type: ignore[union-attr]
    assert read_tflite(STUDENT).input_shape == (32, 32, 1)


def test_the_drawing_shows_every_step_and_only_what_is_alive() -> None:
    compiled = compile_model(STUDENT.read_bytes())
    head, *lines = drawing(compiled.program, columns=40).splitlines()
    assert f"{compiled.plan.arena_bytes:,} bytes" in head
    assert len(lines) == len(compiled.graph.ops)
    for line, layer in zip(lines, compiled.program.layers, strict=True):
        cells = line[line.index("|") + 1 : -1]
        assert len(cells) == 40
        shown = (40 - cells.count(" ")) / 40 * compiled.plan.arena_bytes
        assert abs(shown - layer.bytes) <= 4 * compiled.plan.arena_bytes / 40


def test_a_model_over_budget_is_refused_with_the_layer_and_the_bytes_and_nothing_is_written(tmp_path: Path) -> None:
    compiled = compile_model(STUDENT.read_bytes(), CompileOptions(max_ram=0))  # with as little as there can be
    needed = compiled.program.ram_bytes
    peak = max(compiled.program.layers, key=lambda layer: layer.bytes)
    with pytest.raises(EdgekitError) as refusal:
        compile_command(STUDENT, "--out", tmp_path / "out", "--max-ram", needed - 7)
    assert peak.name in refusal.value.message
    assert " 7 more than" in refusal.value.message
    assert "--max-ram" in refusal.value.hint
    assert "--optimize" not in refusal.value.hint
    with pytest.raises(EdgekitError) as refusal:
        compile_command(STUDENT, "--out", tmp_path / "out", "--max-ram", 7, "--optimize", "speed", "--target", "esp32")
    assert refusal.value.hint.startswith("Compile with --target generic")  # the kernels for size were tried
    assert "--optimize" not in refusal.value.hint
    assert not (tmp_path / "out").exists()
    compile_command(STUDENT, "--out", tmp_path / "out", "--max-ram", needed)


def test_a_model_that_overflows_the_flash_is_refused_with_its_heaviest_layer(tmp_path: Path) -> None:
    if shutil.which("xtensa-lx106-elf-gcc") is None:
        pytest.skip("the cross compiler is not installed (apt-get install gcc-xtensa-lx106)")
    total = json.loads(compile_command(STUDENT, "--out", tmp_path, "--json"))["total"]
    needed = total["code_bytes"] + total["constant_bytes"]
    heaviest = max(compile_model(STUDENT.read_bytes()).program.layers, key=lambda layer: layer.weight_bytes)
    with pytest.raises(EdgekitError) as refusal:
        compile_command(STUDENT, "--out", tmp_path / "out", "--max-flash", needed - 1)
    assert heaviest.name in refusal.value.message
    assert " 1 more than" in refusal.value.message
    compile_command(STUDENT, "--out", tmp_path / "out", "--max-flash", needed)


def test_a_missing_file_and_a_float_model_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"none\.tflite does not exist"):
        compile_command(tmp_path / "none.tflite", "--out", tmp_path / "out")
    with pytest.raises(EdgekitError, match="FLOAT32") as refusal:
        compile_command(STUDENT.with_name("float32.tflite"), "--out", tmp_path / "out")
    assert "int8" in refusal.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["string", "stdint", "Math"])
def test_a_name_whose_header_would_hide_one_of_cs_own_is_refused(name: str) -> None:
    with pytest.raises(EdgekitError, match="header of C itself"):
        CompileOptions(name)


def test_a_name_that_looks_like_a_steps_takes_no_constants_from_it() -> None:
    content = STUDENT.read_bytes()
    assert compile_model(content, CompileOptions("net_2")).program.layers == compile_model(content).program.layers


def test_a_model_on_which_tflm_ends_its_process_compiles_without_tflms_arena(tmp_path: Path) -> None:
    r = Random(1)
    x = r.activation((1, 1, 1, 513))  # of equal values: the sum is beyond what TFLM's softmax holds
    (tmp_path / "wide.tflite").write_bytes(r.b.finish([x], [r.softmax(r.reshape(x, (1, 513)))]))
    said = json.loads(compile_command(tmp_path / "wide.tflite", "--out", tmp_path / "out", "--json"))
    assert said["tflm_arena_bytes"] is None
    assert said["total"]["output_bytes"] == 513


def test_a_target_of_which_only_the_portable_fallback_is_measured_says_so(tmp_path: Path) -> None:
    assert "portable fallback" in compile_command(STUDENT, "--out", tmp_path, "--target", "esp32")
    assert "portable fallback" not in compile_command(STUDENT, "--out", tmp_path)


def test_an_unknown_target_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["compile", str(STUDENT), "--out", str(tmp_path), "--target", "pdp11"])
    assert done.exit_code == 2
    assert "generic" in done.output


def test_a_model_without_an_arena_has_a_library_too(tmp_path: Path) -> None:
    r = Random(1)
    x = r.activation((1, 4, 4, 1))
    compiled = compile_model(r.b.finish([x], [r.reshape(x)]), CompileOptions("same"))
    for path, text in library_files(compiled).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    command = ["gcc", *native_c.FLAGS, "-I.", "same.c", "example/main.c", "-o", "example/same"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert "no arena" in drawing(compiled.program)


def test_the_page_of_a_plan_draws_the_arena_and_names_tflms(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    said = json.loads(compile_command(STUDENT, "--out", tmp_path / "out", "--json", "--report", page))
    text = page.read_text()
    assert text.count("<svg") == 3  # time, memory, flash
    for number in (said["tflm_arena_bytes"], said["total"]["ram_bytes"], said["layers"][0]["weight_bytes"]):
        assert f"{number:,}" in text
    with pytest.raises(EdgekitError, match="no ending"):
        compile_command(STUDENT, "--out", tmp_path / "never", "--report", tmp_path / "plan.docx")
    assert not (tmp_path / "never").exists()


def test_the_example_of_a_model_with_several_ends_reads_its_inputs_one_after_another(tmp_path: Path) -> None:
    r = Random(3)
    image, other = r.activation((1, 4, 4, 2), 1 / 255, -128), r.activation((1, 4, 4, 2), 0.1, 5)
    content = r.b.finish([image, other], [r.add(image, other), r.dense(r.reshape(other), 3)])
    for path, text in library_files(compile_model(content, CompileOptions("pair"))).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    command = ["gcc", *native_c.FLAGS, *native_c.SANITIZED, "-I.", "pair.c", "example/main.c", "-o", "pair"]
    subprocess.run(command, cwd=tmp_path, check=True)
    raw = np.random.default_rng(1).integers(0, 256, 64, dtype=np.uint8)
    (tmp_path / "two.raw").write_bytes(raw.tobytes())
    said = subprocess.run(["./pair", "two.raw"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    given = np.concatenate([(raw[:32].astype(np.int16) - 128).astype(np.int8), raw[32:].view(np.int8)])
    (wanted,) = native_c.tflm(content, given[None])
    assert [int(word) for word in said.partition(": ")[2].split() if "(" not in word] == wanted.tolist()
    (tmp_path / "two.raw").write_bytes(raw[:63].tobytes())
    refused = subprocess.run(["./pair", "two.raw"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "has 63 bytes; the model takes 64" in refused.stderr
