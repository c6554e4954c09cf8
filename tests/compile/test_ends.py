"""What the caller gives and takes: several inputs and outputs, and what the header says of them."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.errors import EdgekitError
from edgekit.testing import exactness, native_c
from edgekit.testing.random_models import network_of_ends
from edgekit.testing.random_operators import Random

SHIPPED = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"


def test_models_of_several_inputs_and_outputs_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = exactness.cases(network_of_ends, range(45))
    assert sum(len(case.graph.inputs) > 1 for case in models) > 20
    assert sum(len(case.graph.outputs) > 1 for case in models) > 20
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def two_in_two_out() -> bytes:
    r = Random(1)
    image, other = r.activation((1, 4, 6, 2), 0.5, 3), r.activation((1, 4, 6, 2), 0.25, -7)
    r.b.tensors[other].name = "serving_default_*/other#:0"
    return r.b.finish([image, other], [r.add(image, other), r.dense(r.reshape(image), 3)])


def test_the_header_names_every_end_with_its_shape_scale_and_zero_point(tmp_path: Path) -> None:
    compiled = compile_model(two_in_two_out(), CompileOptions("pet"))
    header = compiled.files["pet.h"]
    macros = dict(re.findall(r"#define PET_(\w+) (.+)", header))
    for what, tensors in (("INPUT", compiled.graph.inputs), ("OUTPUT", compiled.graph.outputs)):
        for number, tensor in enumerate(tensors):
            assert int(macros[f"{what}_{number}_BYTES"]) == tensor.size
            assert macros[f"{what}_{number}_SHAPE"] == f"{{{', '.join(map(str, tensor.shape))}}}"
            assert np.float32(macros[f"{what}_{number}_SCALE"]) == np.float32(tensor.quantization.scale)
            assert macros[f"{what}_{number}_ZERO_POINT"] == f"({tensor.quantization.zero_point})"
    assert [macros[f"INPUT_0_{side}"] for side in ("HEIGHT", "WIDTH", "CHANNELS")] == ["4", "6", "2"]
    assert "/* serving_default__/other_:0 */" in header
    (tmp_path / "pet.h").write_text(header)
    (tmp_path / "user.cc").write_text(
        '#include "pet.h"\nstatic const int shape[] = PET_OUTPUT_1_SHAPE;\n'
        "int use(const int8_t* a, const int8_t* b, int8_t* c, int8_t* d, void* arena) {\n"
        "  const pet_inputs inputs = {a, b};\n  const pet_outputs outputs = {c, d};\n"
        "  pet_invoke(&inputs, &outputs, arena);\n  return shape[1];\n}\n"
    )
    subprocess.run(["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "user.cc"], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (([], [2]), "has no input"),
        (([0, 1], []), "has no output"),
        (([0, 0], [2]), "input 1 is another input"),
        (([0, 1], [2, 9]), "output 1 names tensor 9"),
        (([0, 1], [3, 2]), "No operator computes the model's output 0"),
    ],
)
def test_ends_that_are_not_there_are_refused_by_number(ends: tuple[list[int], list[int]], words: str) -> None:
    r = Random(1)
    x, y = r.activation((1, 2, 2, 1)), r.activation((1, 2, 2, 1))
    r.add(x, y)
    r.activation((1, 4))
    with pytest.raises(EdgekitError, match=words):
        compile_model(r.b.finish(*ends))


def test_the_header_carries_the_labels_and_a_program_prints_them(tmp_path: Path) -> None:
    r = Random(1)
    x = r.activation((1, 4))
    labels = ("Grün", 'a "quoted" \\ ??/ one', "3rd */ one")
    files = compile_model(r.b.finish([x], [r.dense(x, 3)]), CompileOptions("pet", labels=labels)).files
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "pet.h"\n'
        'int main(void) { for (int i = 0; i < PET_LABELS; ++i) printf("%s\\n", pet_labels[i]); return 0; }\n'
    )
    subprocess.run(["gcc", *native_c.FLAGS, "main.c", "pet.c", "-o", "main"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    assert said.decode().splitlines() == list(labels)


@pytest.mark.parametrize(("labels", "words"), [(("a", "b"), "2 labels"), (("a", "b", "c\0"), "zero in it")])
def test_labels_that_do_not_fit_are_refused(labels: tuple[str, ...], words: str) -> None:
    r = Random(1)
    x = r.activation((1, 4))
    with pytest.raises(EdgekitError, match=words):
        compile_model(r.b.finish([x], [r.dense(x, 3)]), CompileOptions("pet", labels=labels))


def test_the_command_takes_labels_from_the_card_or_from_the_user(tmp_path: Path) -> None:
    def labels_in(*words: object) -> list[str]:
        done = CliRunner().invoke(cli, ["compile", *map(str, words), "--out", str(tmp_path / "out")])
        assert done.exit_code == 0, done.exception
        return re.findall(r'"([^"]*)"', (tmp_path / "out/model.c").read_text().partition("model_labels[] =")[2])

    assert labels_in(SHIPPED) == ["NORMAL", "PNEUMONIA"]
    (tmp_path / "alone.tflite").write_bytes(SHIPPED.read_bytes())
    assert labels_in(tmp_path / "alone.tflite") == []
    assert labels_in(tmp_path / "alone.tflite", "--labels", "no,yes") == ["no", "yes"]
