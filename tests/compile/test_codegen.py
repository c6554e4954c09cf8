"""Constants are values: what the compiler says of their sizes is what a C compiler makes of their text."""

import subprocess
from pathlib import Path

import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.codegen import Constant
from edgekit.compile.options import Optimize, Target
from edgekit.testing.builder import reweighted

STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"


def symbol_sizes(source: str, folder: Path) -> dict[str, int]:
    """Bytes of each symbol of a C text, as the C compiler lays it out."""
    (folder / "one.c").write_text(source)
    subprocess.run(["gcc", "-std=c99", "-w", "-O0", "-c", "one.c"], cwd=folder, check=True)
    listed = subprocess.run(["nm", "-S", "one.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return {words[3]: int(words[1], 16) for words in map(str.split, listed.splitlines()) if len(words) == 4}


@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("target", ["generic", "esp32"])
def test_the_sizes_of_a_programs_constants_are_those_of_the_object_file(
    target: Target, optimize: Optimize, tmp_path: Path
) -> None:
    content = reweighted(STUDENT.read_bytes(), lambda weights: weights // 16 * 16)  # few values: codebooks and lists
    compiled = compile_model(content, CompileOptions("m0", optimize, target))
    (tmp_path / "m0.h").write_text(compiled.files["m0.h"])
    found = symbol_sizes(compiled.files["m0.c"], tmp_path)
    constants = [constant for step in compiled.constants for constant in step]
    assert len(constants) >= 14
    assert {constant.name: constant.size_bytes for constant in constants} == {
        constant.name: found[constant.name] for constant in constants
    }


def test_the_least_integer_is_written_so_that_c_takes_it_for_an_int(tmp_path: Path) -> None:
    least = Constant("int32_t", "least", (-(2**31), 2**31 - 1))
    (tmp_path / "one.c").write_text(f"#include <stdint.h>\n{least.definition('')}")
    subprocess.run(["gcc", "-std=c99", "-pedantic", "-Wall", "-Werror", "-c", "one.c"], cwd=tmp_path, check=True)
    assert "INT32_MIN, 2147483647" in least.definition()
