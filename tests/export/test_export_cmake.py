"""The CMake package as a stranger's project takes it in, and installed; its bytes are TFLM's."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from exporting import RIGHT, STUDENT, Cmake, Export, run

from edgekit.testing import native_c
from edgekit.values.shipped import shipped

STRICT = "-Wall -Wextra -Wconversion -Wpedantic -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
# somebody's program in C++: pixels from stdin, output bytes to stdout
USER = """
#include <cstdio>
#include "pet.h"
#include "pet_io.h"
alignas(16) static unsigned char arena[PET_ARENA_BYTES];
static unsigned char pixels[PET_INPUT_BYTES];
static int8_t input[PET_INPUT_BYTES], output[PET_OUTPUT_BYTES];
int main() {
  while (std::fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
    pet_from_pixels(pixels, input);
    pet_invoke(input, output, arena);
    for (int8_t q : output) std::printf("%d ", q);
    std::printf("%s\\n", pet_labels[pet_answer(output)]);
  }
}
"""


@pytest.mark.parametrize("target", ["generic", "esp32"])
@pytest.mark.parametrize("way", ["add_subdirectory", "find_package"])
def test_somebodys_project_gets_tflms_bytes_and_the_answer_of_each_picture(
    tmp_path: Path, export: Export, cmake: Cmake, way: str, target: str
) -> None:
    library = export("cmake", "--target", target, "--library-version", "2.3.4")
    user = tmp_path / "user"
    user.mkdir()
    (user / "user.cc").write_text(USER)
    options: list[object] = []
    if way == "find_package":
        cmake(library, tmp_path / "built", f"-DCMAKE_C_FLAGS={STRICT}")
        run("cmake", "--install", tmp_path / "built", "--prefix", tmp_path / "installed")
        taken, options = "find_package(pet 2.3 REQUIRED)", [f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}"]
        library.rename(tmp_path / "gone")  # nothing of the build is needed any more
    else:
        taken = f"add_subdirectory({library} pet)"
    (user / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.13)\nproject(user C CXX)\n{taken}\nadd_executable(user user.cc)\n"
        "target_link_libraries(user PRIVATE pet::pet)\n"
    )
    cmake(user, tmp_path / "b", *options, f"-DCMAKE_C_FLAGS={STRICT}", f"-DCMAKE_CXX_FLAGS={STRICT}")
    pixels = np.random.default_rng(1).integers(0, 256, (5, 32 * 32), dtype=np.uint8)
    done = subprocess.run([tmp_path / "b/user"], input=pixels.tobytes(), capture_output=True, check=True)
    wanted = native_c.tflm(STUDENT.read_bytes(), (pixels.astype(np.int16) - 128).astype(np.int8))
    labels = ["small", "large"]
    assert done.stdout.decode().splitlines() == [f"{a} {b} {labels[int(b > a)]}" for a, b in wanted.tolist()]


def test_another_major_version_is_not_taken_for_the_one_that_is_asked_for(
    tmp_path: Path, export: Export, cmake: Cmake
) -> None:
    cmake(export("cmake", "--library-version", "2.0.0"), tmp_path / "built")
    run("cmake", "--install", tmp_path / "built", "--prefix", tmp_path / "installed")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(user C)\nfind_package(pet 1.0.0 REQUIRED)\n"
    )
    command = ["cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "2.0.0" in done.stderr


def test_the_example_answers_by_the_threshold_of_the_card_and_knows_wrong_bytes(
    tmp_path: Path, export: Export, cmake: Cmake
) -> None:
    library = export("cmake", model=shipped("models") / "chest_xray/student_int8.tflite")
    cmake(library, tmp_path / "b", f"-DCMAKE_C_FLAGS={STRICT}")
    example, header = tmp_path / "b/pet_classify", library / "examples/pet_example.h"
    said = run(example)
    assert said.startswith("Answer: PNEUMONIA\n")
    assert said.endswith(f"{RIGHT}\n")
    assert " >= 17 ? 1 : 0;" in (library / "include/pet_io.h").read_text()

    text = header.read_text()
    head, brace, values = text.rpartition("{")
    first = int(values.split(",")[0])
    header.write_text(head + brace + values.replace(str(first), str(first ^ 1), 1))
    run("cmake", "--build", tmp_path / "b")
    done = subprocess.run([example], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "THE BYTES ARE WRONG" in done.stdout
