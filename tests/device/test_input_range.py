"""The host's pixels on a board whose model was trained on -1 to 1, by frames and by text."""

from pathlib import Path

import numpy as np
import pytest
from mlperf_client import MlperfClient

from edgekit.compile import compile_model
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.evaluate import evaluate_on_device
from edgekit.device.firmware import model_sources
from edgekit.device.link import open_link
from edgekit.runtimes import tflm
from edgekit.testing.builder import requantized_input
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import with_input_range
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel


@pytest.fixture(scope="module")
def symmetric(model: TfliteModel) -> TfliteModel:
    """The small student with an input of -1 to 1."""
    return read_tflite(requantized_input(model.flatbuffer, 2 / 255, -1))


def test_frames_and_text_carry_black_as_minus_one(
    symmetric: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    images = xrays.take(np.arange(8))
    steps = np.clip(np.round((images.images / 127.5 - 1) / (2 / 255) - 1), -128, 127).astype(np.int8)
    run = tflm.infer_of(symmetric)
    expected = [tuple(run(one[np.newaxis]).tolist()) for one in steps]
    sources = model_sources(symmetric, compile_model(symmetric.flatbuffer))
    with firmware.running(firmware.build("native", sources)) as port:
        link = open_link(port)
        client = Client(link)
        client.hello()
        done = evaluate_on_device(client, symmetric, images, data_info, state_dir=tmp_path)
        runner = MlperfClient(link)
        runner.greet()
        texts = []
        for image in images.images:
            runner.load(image.tobytes())
            texts.append(runner.infer().results)
        link.close()
    assert [one.logits for one in done.predictions] == expected
    q = symmetric.output_q
    assert q is not None
    assert texts == [pytest.approx([(one - q.zero_point) * q.scale for one in row], abs=6e-4) for row in expected]


def test_what_was_done_with_another_range_is_not_gone_on_from(
    client: Client, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, progress=interrupt)
    other = with_input_range(model, (0, 0.9))
    assert evaluate_on_device(client, other, xrays, data_info, state_dir=tmp_path, resume=True).resumed == 0
    assert evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, resume=True).resumed == 1
