"""Models of many answers, in colours, of any shape, and of no image at all: from the firmware to the host and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mlperf_client import MlperfClient

from edgekit.compile import compile_model
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.connection import connected, device_json
from edgekit.device.evaluate import evaluate_on_desktop, evaluate_on_device
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.link import open_link
from edgekit.device.profile import profile_model
from edgekit.device.protocol.codes import Decision
from edgekit.device.protocol.messages import LABEL_BYTES_A_FRAME, MAX_LABEL_BYTES, chunks_of
from edgekit.device.selftest import golden_inputs, selftest
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.runtimes import tflm
from edgekit.testing.fault_proxy import FaultProxy
from edgekit.testing.networks import small
from edgekit.tflite.model import read_int8_model
from edgekit.values.device_run import agreement
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import InputRange, TfliteModel
from edgekit.values.task import Task

FLOWERS = Task(("dandelion", "Löwenzahn 2", "tulip"), channels=3)
DIGITS = Task(tuple("0123456789"))
LONG = Task(tuple(f"a class whose name is longer than most, number {number}" for number in range(10)))
COLOURED, GREY = ((20, 36, 3), 3), ((16, 16, 1), 10)


@cache
def model_of(shape: tuple[int, ...], outputs: int) -> TfliteModel:
    return read_int8_model(small(shape, outputs))


@cache
def sources_of(model: TfliteModel, task: Task | None = None, threshold: Threshold | None = None) -> ModelSources:
    return model_sources(model, compile_model(model.flatbuffer), task=task, threshold=threshold)


@contextmanager
def board_with(
    model: TfliteModel, task: Task | None = None, threshold: Threshold | None = None, on: str = "native"
) -> Iterator[Client]:
    with connected(on, model, lambda: sources_of(model, task, threshold)) as client:
        yield client


@pytest.mark.parametrize("board", ["native", "emulated"])
@pytest.mark.parametrize(
    ("shape", "outputs"),
    [COLOURED, GREY, ((640,), 640), ((49, 10), 12), ((3, 4, 5, 6, 2), 1)],
    ids=["colours, 3", "grey, 10", "vector to vector", "spectrogram, 12", "five dimensions, a number"],
)
def test_the_selftest_passes_for_a_model_of_any_shape(shape: tuple[int, ...], outputs: int, board: str) -> None:
    model = model_of(shape, outputs)
    with board_with(model, on="emulator" if board == "emulated" else board) as client:
        assert (client.info.input_tensors[0].shape, client.info.values, client.labels) == (shape, outputs, ())
        assert [check for check in selftest(client, model) if not check.passed] == []


def test_an_image_larger_than_any_buffer_of_the_line_travels_in_pieces_to_the_emulated_board() -> None:
    model = model_of((96, 96, 3), 10)
    inputs_q = golden_inputs(model)[-2:]
    with board_with(model, on="emulator") as client:
        assert chunks_of(client.info.input_bytes) == 116
        outcomes = list(client.infer((str(row), image_q.tobytes()) for row, image_q in enumerate(inputs_q)))
    expected = [tflm.infer_of(model)(image_q[np.newaxis]).tobytes() for image_q in inputs_q]
    assert [outcome.outputs for outcome in outcomes] == expected


def test_outputs_of_several_frames_come_whole_through_a_line_that_damages_them() -> None:
    model = model_of((640,), 640)
    inputs_q = golden_inputs(model)
    with firmware.running(firmware.build("native", sources_of(model))) as port:
        proxy = FaultProxy(port, damage=0.001, split=True, seed=5)
        client = Client(open_link(proxy.port))
        outcomes = list(client.infer((str(row), row_q.tobytes()) for row, row_q in enumerate(inputs_q)))
        client.link.close()
        proxy.close()
    assert {o.key: o.outputs for o in outcomes} == {
        str(row): tflm.infer_of(model)(row_q[np.newaxis]).tobytes() for row, row_q in enumerate(inputs_q)
    }
    assert client.counts.retries > 0


def test_labels_decision_channels_and_range_reach_the_host() -> None:
    with board_with(model_of(*COLOURED), FLOWERS) as client:
        said = device_json(client.info, client.labels)
    assert said["labels"] == list(FLOWERS.labels)
    assert (said["decision"], said["inputs"][0]["shape"], said["input_range"]) == (
        "argmax", [20, 36, 3], [0.0, 1.0],
    )  # fmt: skip
    sick = Task(("SICK", "HEALTHY"), positive="SICK")
    with board_with(model_of((16, 16, 1), 2), sick, Threshold(0.3, -9)) as client:
        info = client.info
        assert (client.labels, info.decision, info.positive, info.margin_q) == (
            sick.labels, Decision.THRESHOLD, 0, -9,
        )  # fmt: skip
    model = replace(model_of((16, 16, 1), 2), input_range=InputRange(-1, 1, "given"))
    with board_with(model) as client:
        assert (client.info.decision, client.info.input_range) == (Decision.NONE, (-1, 1))


def test_the_selftest_says_what_the_firmware_knows_of_its_answers() -> None:
    sick, cut = Task(("SICK", "HEALTHY"), positive="SICK"), Threshold(0.3, -9)
    for network, task, threshold, said in (
        (COLOURED, FLOWERS, None, "3 outputs (dandelion, Löwenzahn 2, tulip); the greatest output counts"),
        (COLOURED, None, None, "3 outputs; what they mean it does not say"),
        (((16, 16, 1), 2), sick, cut, "2 outputs (SICK, HEALTHY); output 0 where it is above the other by -9 or more"),
    ):
        model = model_of(*network)
        with board_with(model, task, threshold) as client:
            checks = {check.name: check for check in selftest(client, model)}
        assert checks["answers"].found == said


def test_firmware_with_other_labels_than_the_data_is_named_and_its_answers_count_as_the_datas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, renamed = model_of(*COLOURED), Task(("Dandelion", "löwenzahn 2", "rose"), channels=3)
    for task, warned in ((FLOWERS, False), (renamed, True)):
        info = DataInfo("drawn", "0" * 64, True, task)
        with board_with(model, FLOWERS) as client:
            evaluate_on_device(client, model, drawn(model, 3, 3), info, state_dir=tmp_path)
        said = " ".join(capsys.readouterr().err.split())
        assert ("firmware calls its answers dandelion, Löwenzahn 2, tulip; here they count as" in said) is warned


def test_a_model_that_takes_less_than_a_microsecond_passes_on_a_hosted_board() -> None:
    model = model_of((1,), 1)
    with board_with(model, on="emulator") as client:
        checks = {check.name: check for check in selftest(client, model)}
    assert "min 0" in checks["timing"].found
    assert checks["timing"].passed


def test_labels_longer_than_a_frame_come_in_pieces() -> None:
    with board_with(model_of(*GREY), LONG) as client:
        assert client.info.label_bytes > 2 * LABEL_BYTES_A_FRAME
        assert client.labels == LONG.labels


def test_the_text_mode_prints_as_many_results_as_there_are_outputs() -> None:
    model = model_of(*GREY)
    image_q = golden_inputs(model)[-1]
    assert model.output_q is not None
    with firmware.running(firmware.build("native", sources_of(model, DIGITS))) as port:
        link = open_link(port)
        runner = MlperfClient(link)
        runner.greet()
        runner.load((image_q.astype(np.int16) + 128).astype(np.uint8).tobytes())
        results = runner.infer(runs=1, warm_ups=0).results
        link.close()
    steps = tflm.infer_of(model)(image_q[np.newaxis]).astype(int) - model.output_q.zero_point
    assert results == pytest.approx((steps * model.output_q.scale).tolist(), abs=0.00051)


def drawn(model: TfliteModel, count: int, classes: int) -> ImageSet:
    images = np.random.default_rng(3).integers(0, 256, (count, *model.input_shape)).astype(np.uint8)
    ids = tuple(f"test/{row}.png" for row in range(count))
    return ImageSet(images, np.arange(count) % classes, ids, ids)


@pytest.mark.parametrize("port", ["native", "emulator"])
@pytest.mark.parametrize(("network", "task"), [(COLOURED, FLOWERS), (GREY, DIGITS)], ids=["three", "ten"])
def test_an_evaluation_of_many_classes_gives_the_desktops_bytes_and_goes_on_where_it_stopped(
    network: tuple[tuple[int, ...], int], task: Task, port: str, tmp_path: Path
) -> None:
    model = model_of(*network)
    images, info = drawn(model, 30, len(task.labels)), DataInfo("drawn", "0" * 64, True, task)
    host = evaluate_on_desktop(model, images)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with board_with(model, task, on=port) as client:
        with pytest.raises(KeyboardInterrupt):
            evaluate_on_device(client, model, images, info, state_dir=tmp_path, progress=stop)
        run = evaluate_on_device(client, model, images, info, state_dir=tmp_path, resume=True)
    same = agreement(run.predictions, host.predictions)
    assert (same.identical, same.images, run.resumed) == (30, 30, 1)
    assert run.device["labels"] == list(task.labels)
    assert {len(one.logits) for one in run.predictions} == {len(task.labels)}


def test_a_profile_of_a_coloured_model_names_its_layers(tmp_path: Path) -> None:
    found = profile_model(model_of(*COLOURED).flatbuffer, "native")
    assert found.program.us is not None
    assert len(found.program.us) == len(found.program.layers)
    assert [one["shape"] for key in ("inputs", "outputs") for one in found.device[key]] == [[20, 36, 3], [3]]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (Task(("a", "b")), "gives 3 outputs, and there are 2 labels: a, b"),
        (Task(("a", "b", "c"), channels=1), "takes 3 channels a pixel, and its task has 1"),
        (Task(("a", "b", "c\0d"), channels=3), "has a zero in it"),
        (Task(("a", "b", "c" * MAX_LABEL_BYTES), channels=3), "The 3 labels take 32,773 bytes; the protocol carries"),
    ],
    ids=["another number", "other channels", "a zero", "too long"],
)
def test_labels_that_do_not_fit_the_model_or_the_protocol_are_named_at_build_time(task: Task, names: str) -> None:
    with pytest.raises(EdgekitError, match=names) as caught:
        sources_of(model_of(*COLOURED), task)
    assert caught.value.hint


def test_what_the_protocol_cannot_carry_is_named_at_build_time() -> None:
    model, compiled = model_of((640,), 640), compile_model(model_of((640,), 640).flatbuffer)
    (taken,) = model.input_specs
    for shape, names in (((1,) * 6, "An input of 6 dimensions"), ((200_000,), "An input of 200000 int8")):
        with pytest.raises(EdgekitError, match=names):
            model_sources(replace(model, input_specs=(replace(taken, shape=shape),)), compiled)
    with pytest.raises(EdgekitError, match="has 4 inputs and 1 outputs, more than the protocol's 4"):
        model_sources(replace(model, input_specs=4 * (taken,)), compiled)


def test_golden_inputs_of_one_channel_stay_and_other_channels_differ() -> None:
    grey, coloured = (golden_inputs(model_of((8, 10, channels), 1)) for channels in (1, 3))
    assert sha256_of(grey.tobytes())[:12] == "221e32c79ef1"
    assert np.array_equal(coloured[..., 0], grey[..., 0])
    assert all((coloured[row, ..., 0] != coloured[row, ..., 1]).any() for row in range(1, len(coloured)))
