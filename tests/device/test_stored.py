"""The model in a board's partition: taken where all of it holds, and nothing else, on the firmware as it runs here."""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_models import HEADER, LABELS, TASK, changed, client_of, content_of, flipped, started_with

from edgekit.compile import compile_model
from edgekit.device import firmware
from edgekit.device.connection import check_model, connected, device_json
from edgekit.device.evaluate import evaluate_on_device
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.protocol.codes import Backend, ErrorCode, ModelSource
from edgekit.device.protocol.messages import MAX_LABEL_BYTES
from edgekit.device.protocol.stored import FIRMWARE_FORMAT, FIRMWARE_MAGIC, FirmwareDescription, model_offset
from edgekit.device.protocol.tensors import Tensor
from edgekit.device.selftest import selftest
from edgekit.errors import EdgekitError
from edgekit.runtimes.tflm import TFLM
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite
from edgekit.tflite.reader import operator_code
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import DEFAULT_MODEL

ERASED = b"\xff" * 4096


@pytest.fixture(params=["native", "emulated"])
def program(request: pytest.FixtureRequest) -> Path:
    """The firmware on both boards of this computer."""
    return Path(request.getfixturevalue(request.param))


def outcome(program: Path, content: bytes | None, folder: Path) -> tuple[ModelSource, ErrorCode, int]:
    """Which model a board runs, why not the stored one, and the number that belongs to that."""
    with client_of(program, content, folder) as client:
        info = client.info
    assert info.model_error == ErrorCode.OK
    assert (info.margin_q == -23) is (info.source == ModelSource.STORED)
    return ModelSource(info.source), ErrorCode(info.stored_error), info.error_detail


BUILT_IN = (ModelSource.BUILT_IN, ErrorCode.OK, 0)


@pytest.mark.parametrize("content", [None, ERASED], ids=["no partition", "never written"])
def test_a_board_without_a_stored_model_runs_its_built_in_one(
    program: Path, content: bytes | None, tmp_path: Path
) -> None:
    assert outcome(program, content, tmp_path) == BUILT_IN


def test_a_stored_model_brings_its_labels_and_threshold_and_gives_its_bytes(
    program: Path, model: TfliteModel, xrays: ImageSet, tmp_path: Path
) -> None:
    inputs = (xrays.images[:3].astype(np.int16) - 128).astype(np.int8)
    with client_of(program, content_of(model).ljust(0x20000, b"\xff"), tmp_path) as client:
        assert client.info.source == ModelSource.STORED
        assert client.labels == TASK.labels
        assert (client.info.positive, client.info.margin_q) == (1, -23)
        assert client.info.input_range == (0.0, 1.0)
        check_model(client.info, model)
        outcomes = list(client.infer((str(row), image.tobytes()) for row, image in enumerate(inputs)))
    assert [one.outputs for one in outcomes] == [row.tobytes() for row in TFLM.run(model, inputs)]


def taking(**values: Any) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    """For `changed`: another input."""
    return lambda taken, given: (replace(taken, **values), given)


def giving(**values: Any) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    """For `changed`: another output."""
    return lambda taken, given: (taken, replace(given, **values))


FAULTS: dict[str, tuple[Any, ErrorCode, int | None]] = {
    "a flipped bit in the model": (lambda c: flipped(c, len(c) - 700, 6), ErrorCode.BAD_HASH, 0),
    "a flipped bit in its last byte": (lambda c: flipped(c, len(c) - 1, 7), ErrorCode.BAD_HASH, 0),
    "a flipped bit in an input": (lambda c: flipped(c, HEADER + 2, 5), ErrorCode.BAD_HASH, 0),
    "a flipped bit in a label": (lambda c: flipped(c, LABELS + 2, 5), ErrorCode.BAD_HASH, 0),
    "a flipped bit in the threshold": (lambda c: flipped(c, 10, 1), ErrorCode.BAD_HASH, 0),
    "a flipped bit in the hash": (lambda c: flipped(c, 25, 3), ErrorCode.BAD_HASH, 0),
    "a flipped bit in the checksum": (lambda c: flipped(c, HEADER - 1, 0), ErrorCode.BAD_HASH, 0),
    "half of it written": (lambda c: c[: len(c) // 2].ljust(len(c), b"\xff"), ErrorCode.BAD_HASH, 0),
    "only the header written": (lambda c: c[:HEADER].ljust(len(c), b"\xff"), ErrorCode.BAD_HASH, 0),
    "an older format": (lambda c: changed(c, format=1), ErrorCode.BAD_VERSION, 1),
    "a newer format": (lambda c: changed(c, format=3), ErrorCode.BAD_VERSION, 3),
    "other bytes": (lambda c: b"<!DOCTYPE html>" * 100, ErrorCode.NO_MODEL, 0),
    "a model that says to be longer than the partition": (
        lambda c: changed(c, model_bytes=0x170001), ErrorCode.BAD_LENGTH, None,
    ),
    "the longest of lengths": (lambda c: changed(c, model_bytes=0xFFFFFFFF), ErrorCode.BAD_LENGTH, None),
    "labels without end": (lambda c: changed(c, label_bytes=0xFFFFFFF0), ErrorCode.BAD_LENGTH, None),
    "more labels than a host asks for": (
        lambda c: changed(c, label_bytes=MAX_LABEL_BYTES + 1), ErrorCode.BAD_LENGTH, None,
    ),
    "another built-in model": (lambda c: changed(c, built_in_sha256=bytes(32)), ErrorCode.OTHER_FIRMWARE, 0),
    "another model": (lambda c: changed(c, tflite=b"another"), ErrorCode.BUILT_IN_ALONE, 0),
    "an input larger than the firmware's": (
        lambda c: changed(c, ends=taking(dimensions=(33, 32, 1, 0, 0))), ErrorCode.INPUT_TOO_LARGE, 1024,
    ),
    "an input of twice the bytes": (lambda c: changed(c, ends=taking(type=7)), ErrorCode.INPUT_TOO_LARGE, 1024),
    "more outputs than the firmware's": (
        lambda c: changed(c, ends=giving(dimensions=(3, 0, 0, 0, 0))), ErrorCode.OUTPUT_TOO_LARGE, 2,
    ),
    "one input more": (lambda c: changed(c, ends=lambda i, o: (i, i, o), inputs=2), ErrorCode.INPUT_TOO_LARGE, 1024),
    "more inputs than the protocol's": (lambda c: changed(c, inputs=4), ErrorCode.BAD_LENGTH, None),
    "another input of the same model": (
        lambda c: changed(c, ends=taking(dimensions=(31, 32, 1, 0, 0))), ErrorCode.BUILT_IN_ALONE, 0,
    ),
    "six dimensions": (lambda c: changed(c, ends=taking(rank=6)), ErrorCode.NO_MODEL, 0),
    "no dimension": (lambda c: changed(c, ends=taking(rank=0)), ErrorCode.NO_MODEL, 0),
    "an unknown type": (lambda c: changed(c, ends=giving(type=3)), ErrorCode.NO_MODEL, 0),
    "an empty input": (lambda c: changed(c, ends=taking(dimensions=(32, 0, 1, 0, 0))), ErrorCode.NO_MODEL, 0),
    "an input whose bytes wrap around": (
        lambda c: changed(c, ends=taking(rank=5, dimensions=(0x8000, 0x8000, 4, 1, 1))), ErrorCode.NO_MODEL, 0,
    ),
    "no outputs": (lambda c: changed(c, ends=lambda i, o: (i,), outputs=0), ErrorCode.NO_MODEL, 0),
    "no inputs": (lambda c: changed(c, ends=lambda i, o: (o,), inputs=0), ErrorCode.NO_MODEL, 0),
    "a positive answer that is none of them": (lambda c: changed(c, positive=2), ErrorCode.NO_MODEL, 0),
    "an unknown decision": (lambda c: changed(c, decision=3), ErrorCode.NO_MODEL, 0),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stored_model_with_a_fault_leaves_the_built_in_one_in_use(
    program: Path, model: TfliteModel, tmp_path: Path, fault: str
) -> None:
    make, code, detail = FAULTS[fault]
    content = make(content_of(model))
    source, found, number = outcome(program, content, tmp_path)
    assert (source, found) == (ModelSource.BUILT_IN, code)
    if detail is not None:
        assert number == detail


@pytest.mark.parametrize("size", [0, 7, 8, HEADER - 1, HEADER, HEADER + 5, LABELS, LABELS + 5])
def test_a_partition_that_ends_within_the_header_or_the_labels_is_not_read_beyond(
    native: Path, model: TfliteModel, tmp_path: Path, size: int
) -> None:
    source, code, detail = outcome(native, content_of(model)[:size], tmp_path)
    assert source == ModelSource.BUILT_IN
    if size:  # a file of no bytes is no partition
        assert (code, detail) == (ErrorCode.BAD_LENGTH, size)


def test_no_flipped_bit_anywhere_is_taken_for_a_model(native: Path, model: TfliteModel, tmp_path: Path) -> None:
    content, rng = content_of(model), random.Random(5)
    padding = range(LABELS + len(b"\0".join(label.encode() for label in TASK.labels)) + 1, len(content))
    unused = range(padding.start, model_offset(2, padding.start - LABELS))
    places = [*range(0, HEADER, 7), *rng.sample(range(HEADER, len(content)), 20)]
    for at in (place for place in places if place not in unused):
        source, code, _ = outcome(native, flipped(content, at, rng.randrange(8)), tmp_path)
        assert (source, code == ErrorCode.OK) == (ModelSource.BUILT_IN, False), at


def test_the_hash_is_right_for_every_length_of_the_last_block(native: Path, model: TfliteModel, tmp_path: Path) -> None:
    content, rng = content_of(model), random.Random(6)
    for size in (*range(50, 70), 119, 120, 127, 128, 129, 1000):
        # the hash holds, and only then is it seen that compiled C cannot run it
        other = changed(content, tflite=rng.randbytes(size))
        assert outcome(native, other, tmp_path)[1] == ErrorCode.BUILT_IN_ALONE, size


def test_the_description_in_a_firmware_says_what_it_runs(native: Path, model: TfliteModel) -> None:
    program = native.read_bytes()
    at = program.index(FIRMWARE_MAGIC + FIRMWARE_FORMAT.to_bytes(2, "little"))
    said = FirmwareDescription.unpack(program[at : at + FirmwareDescription.FIXED.size])
    assert (said.backend, said.input_bytes, said.output_bytes) == (Backend.AOT, 1024, 2)
    assert said.built_in_sha256.hex() == model.sha256
    codes = {code for code in range(256) if said.operators[code // 8] >> code % 8 & 1}
    assert codes == {operator_code(name) for name in model.ops}


def test_whoever_connects_is_told_that_a_stored_model_is_not_used(
    native: Path, model: TfliteModel, sources: ModelSources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with started_with(native, flipped(content_of(model), 2000), tmp_path) as port:
        with connected(port, model, lambda: sources) as client:
            checks = {check.name: check for check in selftest(client, model)}
            assert device_json(client.info)["model_source"] == "built-in"
        said = " ".join(capsys.readouterr().err.split())
    assert "The stored model is not, byte for byte, what was to be written." in said
    assert f"The board runs its built-in model {model.sha256[:12]}." in said
    assert "edgekit flash --model-only" in said
    assert not checks["model"].passed
    assert "byte for byte" in checks["model"].found
    assert all(check.passed for name, check in checks.items() if name != "model")


def test_a_self_test_names_the_stored_model_that_it_tested(native: Path, model: TfliteModel, tmp_path: Path) -> None:
    with client_of(native, content_of(model), tmp_path) as client:
        checks = {check.name: check for check in selftest(client, model)}
        assert device_json(client.info)["model_source"] == "stored"
    assert checks["model"].found == f"{model.sha256[:12]}, from its model partition"
    assert "a very loud one" in checks["answers"].found
    assert all(check.passed for check in checks.values())


def test_another_model_on_the_board_is_told_with_where_it_came_from(
    native: Path, model: TfliteModel, tmp_path: Path
) -> None:
    other = dataclasses.replace(model, sha256="ab" * 32)
    with client_of(native, content_of(model), tmp_path) as client, pytest.raises(EdgekitError) as stored:
        check_model(client.info, other)
    assert f"The board runs the stored model {model.sha256[:12]}" in stored.value.message
    with client_of(native, None, tmp_path) as client, pytest.raises(EdgekitError) as built_in:
        check_model(client.info, other)
    assert f"The board holds the model {model.sha256[:12]}" in built_in.value.message
    assert "--model-only" not in built_in.value.hint  # compiled C runs no other
    with pytest.raises(EdgekitError) as tflm:
        check_model(dataclasses.replace(client.info, backend=Backend.TFLM), other)
    assert "or edgekit flash --model-only" in tflm.value.hint


def test_an_evaluation_goes_on_only_where_the_model_comes_from_the_same_place(
    native: Path, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with client_of(native, content_of(model), tmp_path) as client, pytest.raises(KeyboardInterrupt):
        evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, at="here", progress=cut_off)
    with (
        client_of(native, None, tmp_path) as client,
        pytest.raises(EdgekitError, match="model source: state has stored, board says built-in"),
    ):
        evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, at="here", resume=True)
    with client_of(native, content_of(model), tmp_path) as client:
        run = evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, at="here", resume=True)
    assert run.resumed == 1
    assert run.device["model_source"] == "stored"


def test_a_firmware_with_another_built_in_model_does_not_run_what_was_stored_over_the_former(
    native: Path, model: TfliteModel, tmp_path: Path
) -> None:
    r = Random(3)
    x = r.activation((1, 4, 4, 1))
    (tmp_path / "other.tflite").write_bytes(r.b.finish([x], [r.dense(r.reshape(x), 2)]))
    other = read_tflite(tmp_path / "other.tflite")
    program = firmware.build("native", model_sources(other, compile_model(other.flatbuffer)))
    assert outcome(program, content_of(other, built_in=model), tmp_path)[1] == ErrorCode.OTHER_FIRMWARE
    assert outcome(program, content_of(other), tmp_path) == (ModelSource.STORED, ErrorCode.OK, 0)
    shipped = read_tflite(DEFAULT_MODEL)
    # larger than what this firmware was built for, and compiled C of another
    assert outcome(native, content_of(shipped, built_in=model), tmp_path)[1] == ErrorCode.INPUT_TOO_LARGE
