"""One name for C, CMake, Arduino, PlatformIO, ESP-IDF and Zephyr."""

from pathlib import Path

import pytest

from edgekit.compile import CompileOptions
from edgekit.errors import EdgekitError
from edgekit.export.names import library_name, name_of


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("pet", "pet"),
        ("My Pet-Net", "my_pet_net"),
        ("3D-Größe v2", "model_3d_grosse_v2"),
        ("Arduino Pet", "model_arduino_pet"),
        ("main", "main_model"),
        ("string", "string_model"),
        ("Math", "math_model"),
        ("__init__", "init"),
        ("a" * 70, "a" * 48),
        ("café.quant.int8", "cafe_quant_int8"),
        ("int", "int_model"),
    ],
)
def test_what_is_wanted_becomes_a_name_that_all_of_them_take(wanted: str, name: str) -> None:
    assert library_name(wanted) == name
    CompileOptions(name)  # takes it, too


@pytest.mark.parametrize("wanted", ["", "__", "模型", "-"])
def test_a_name_without_a_letter_that_c_takes_is_refused(wanted: str) -> None:
    with pytest.raises(EdgekitError, match="no letter or digit that C takes") as refusal:
        library_name(wanted)
    assert "--name" in refusal.value.hint


def test_a_model_is_called_as_its_file_or_as_its_folder_where_build_model_made_it() -> None:
    assert name_of(Path("models/Wake Word.tflite")) == "wake_word"
    assert name_of(Path("models/chest_xray/student_int8.tflite")) == "chest_xray"
