"""The names of the outputs that a file carries in a zip at its end, as TFLite Metadata writes them."""

import io
import zipfile
from pathlib import Path

import pytest

from edgekit.tflite.metadata import labels_within
from edgekit.tflite.model import read_tflite

INT8 = (Path(__file__).parents[1] / "vectors/student/int8.tflite").read_bytes()


def with_files(**files: str | bytes) -> bytes:
    """The model with a zip at its end; `__` in a name stands for a point."""
    stream = io.BytesIO(INT8)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def test_a_model_without_metadata_names_nothing() -> None:
    assert read_tflite(INT8).labels == ()


def test_the_labels_of_a_file_are_read_from_its_metadata() -> None:
    assert read_tflite(with_files(labels__txt="cat\r\ndog\n\n")).labels == ("cat", "dog")


def test_of_several_lists_the_one_that_fits_the_outputs_counts() -> None:
    content = with_files(labels_de__txt="Katze\nHund", labels__txt="one\ntwo\nthree", notes__txt="a\nb")
    assert read_tflite(content).labels == ("Katze", "Hund")


def test_equal_and_empty_names_get_the_number_of_their_output() -> None:
    assert labels_within(with_files(labels__txt="crane\n\ncrane"), 3) == ("crane (0)", "(1)", "crane (2)")


@pytest.mark.parametrize("labels", [b"\xff\xfe\n\xff", b"a\n" * (1 << 20), b"\n\n"])
def test_labels_that_are_none_name_nothing(labels: bytes) -> None:
    assert labels_within(with_files(labels__txt=labels), 2) == ()


def test_a_damaged_zip_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(with_files(labels__txt="cat\ndog"))
    content[len(INT8) : len(INT8) + 4] = b"none"
    assert labels_within(bytes(content), 2) == ()
    assert "is damaged: name them with --labels" in capsys.readouterr().err


def test_a_damaged_zip_leaves_the_model_as_it_is() -> None:
    content = bytearray(with_files(labels__txt="cat\ndog"))
    for at in range(len(INT8), len(content)):
        broken = bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        assert read_tflite(broken).labels in ((), ("cat", "dog"))
