"""MLPerf Tiny's runner, as its documentation describes it, drives the firmware."""

from collections.abc import Iterator

import pytest
from mlperf_client import BYTES_PER_COMMAND, MlperfClient

from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.link import open_link
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.quantize import to_int8
from edgekit.values.images import ImageSet
from edgekit.values.model import TfliteModel


@pytest.fixture
def runner(board: str) -> Iterator[MlperfClient]:
    link = open_link(board)
    yield MlperfClient(link)
    link.close()


@pytest.fixture(params=["native", "emulated"])
def either(request: pytest.FixtureRequest) -> Iterator[MlperfClient]:
    """The runner on a fresh native board, and on an emulated one."""
    with firmware.running(request.getfixturevalue(request.param)) as port:
        link = open_link(port)
        yield MlperfClient(link)
        link.close()


def real(model: TfliteModel, logits: object) -> list[float]:
    q = model.output_q
    assert q is not None
    return [(value - q.zero_point) * q.scale for value in logits.tolist()]  # type: ignore[attr-defined]


def test_the_board_introduces_itself_to_the_runner(runner: MlperfClient, model: TfliteModel) -> None:
    assert runner.greet() == "edgekit"
    assert runner.profile() == {"profile": "ULPMark for tinyML Firmware V0.0.1", "model": model.sha256[:12]}
    (lap,) = runner.command("timestamp")
    assert int(lap.removeprefix("m-lap-us-")) > 0


def test_results_are_the_models_in_three_decimals(either: MlperfClient, model: TfliteModel, xrays: ImageSet) -> None:
    either.greet()
    for row in range(4):
        either.load(xrays.images[row].tobytes())
        timed = either.infer(runs=2, warm_ups=1)
        expected = real(model, tflm.run(model, xrays.images[row : row + 1])[0])
        assert timed.results == pytest.approx(expected, abs=0.00051)
        assert either.results() == timed.results
        assert timed.us_per_run > 0


def test_the_lines_of_an_inference_come_in_the_documented_order(runner: MlperfClient, xrays: ImageSet) -> None:
    runner.greet()
    runner.load(xrays.images[0].tobytes())
    lines = [line.split("-us-")[0].split("-[")[0] for line in runner.command("infer 3 2")]
    assert lines == [
        "m-warmup-start-2",
        "m-warmup-done",
        "m-infer-start-3",
        "m-lap",
        "m-lap",
        "m-infer-done",
        "m-results",
    ]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("what", "Unknown command: what"),
        ("db", "requires a subcommand"),
        ("db load", "requires the # of bytes"),
        ("db load 77", "This model takes 1024 bytes"),
        ("db load 4294968320", "requires the # of bytes"),
        ("db abc", "number of hex digits"),
        ("infer 0", "iterations must be >0"),
        ("infer 1 x", "warmup must be >=0"),
        ("infer 1 1", "No input loaded"),
        ("results", "No results"),
        ("db " + "0" * 90, "too long"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_in_text(runner: MlperfClient, command: str, refusal: str) -> None:
    runner.greet()
    with pytest.raises(EdgekitError, match=refusal):
        runner.command(command)
    assert runner.greet() == "edgekit"


def test_an_image_that_lost_bytes_is_not_run(runner: MlperfClient, xrays: ImageSet) -> None:
    runner.greet()
    runner.command("db load 1024")
    runner.command(f"db {xrays.images[0].tobytes()[:31].hex()}")
    with pytest.raises(EdgekitError, match="No input loaded"):
        runner.infer()


def test_text_and_frames_take_turns_on_one_line(runner: MlperfClient, model: TfliteModel, xrays: ImageSet) -> None:
    image = xrays.images[:1]
    runner.greet()
    runner.load(image[0].tobytes())
    text = runner.infer().results
    client = Client(runner.link)
    (outcome,) = client.infer([("a", to_int8(image[0]).tobytes())])
    assert outcome.outputs == tflm.run(model, image)[0].tobytes()
    runner.load(image[0].tobytes())
    assert runner.infer().results == text


def even_and_odd(images: ImageSet) -> list[tuple[str, bytes]]:
    """Two images for frames: each of the board's buffers is written."""
    return [(str(row), to_int8(images.images[row]).tobytes()) for row in (1, 2)]


def test_an_image_that_frames_overwrote_is_not_run_as_the_texts(either: MlperfClient, xrays: ImageSet) -> None:
    either.greet()
    either.load(xrays.images[0].tobytes())
    before = either.infer().results
    list(Client(either.link).infer(even_and_odd(xrays)))
    with pytest.raises(EdgekitError, match="No input loaded"):
        either.infer(runs=1, warm_ups=0)
    assert either.results() == before  # of the last image that ran as text


def test_half_an_image_as_text_and_half_in_frames_make_none(
    either: MlperfClient, model: TfliteModel, xrays: ImageSet
) -> None:
    pixels = xrays.images[0].tobytes()
    parts = [pixels[at : at + BYTES_PER_COMMAND] for at in range(0, len(pixels), BYTES_PER_COMMAND)]
    either.greet()
    either.command(f"db load {len(pixels)}")
    for part in parts[:20]:
        either.command(f"db {part.hex()}")
    outcomes = list(Client(either.link).infer(even_and_odd(xrays)))
    assert [o.outputs for o in outcomes] == [row.tobytes() for row in tflm.run(model, xrays.images[1:3])]
    with pytest.raises(EdgekitError, match="No input loaded"):
        either.command(f"db {parts[20].hex()}")
    with pytest.raises(EdgekitError, match="No input loaded"):
        either.infer()


def test_printable_noise_is_not_answered_before_a_runner_has_asked_for_the_name(runner: MlperfClient) -> None:
    runner.link.read(0.5)  # the greeting
    runner.link.write(b"infer 1% what% db load 1024%")
    assert runner.link.read(0.3) == b""
