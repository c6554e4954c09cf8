"""Models that keep a state on the boards of this computer: each input is run from a fresh one."""

from pathlib import Path

import numpy as np
import pytest
from mlperf_client import MlperfClient

from edgekit.compile import CompileOptions, compile_model
from edgekit.device import firmware
from edgekit.device.connection import connected
from edgekit.device.counted import count_model
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.link import open_link
from edgekit.device.profile import profile_model
from edgekit.device.selftest import golden_inputs, selftest
from edgekit.tflite.model import read_int8_model
from edgekit.values.model import TfliteModel
from models_with_states import MODELS, afresh, one_after_the_other, wake_word

SHARED = Path(__file__).parents[3] / "shared/models"  # not in the repository
THERE = [
    *("tfm_dtln", "tfm_mnist_lstm_int8", "tfm_xt_micro_speech_lstm"),
    *("mww_v1_okay_nabu", "mww_v2_hey_jarvis", "mww_v2_okay_nabu", "mww_v2_vad"),
]


def sources_of(model: TfliteModel) -> ModelSources:
    return model_sources(model, compile_model(model.flatbuffer))


@pytest.mark.parametrize("port", ["native", "emulator"])
@pytest.mark.parametrize("content", MODELS.values(), ids=MODELS.keys())
def test_inputs_in_any_order_get_the_same_answers_on_a_board(content: bytes, port: str) -> None:
    model = read_int8_model(content)
    inputs_q = golden_inputs(model)
    expected = afresh(model.flatbuffer, inputs_q)
    assert not np.array_equal(one_after_the_other(model.flatbuffer, inputs_q), expected)  # a kept state would show
    orders = [range(len(inputs_q)), np.random.default_rng(1).permutation(len(inputs_q))]
    with connected(port, model, lambda: sources_of(model)) as client:
        answers = [
            {one.key: one.outputs for one in client.infer((str(row), inputs_q[row].tobytes()) for row in rows)}
            for rows in orders
        ]
        assert [check for check in selftest(client, model) if not check.passed] == []
    assert answers[0] == answers[1] == {str(row): outputs.tobytes() for row, outputs in enumerate(expected)}


@pytest.mark.parametrize("port", ["native", "emulator"])
@pytest.mark.parametrize("content", [MODELS["a variable with first values"], MODELS["LSTM"]], ids=["variable", "LSTM"])
def test_a_profile_names_the_layers_and_holds_the_bytes_against_tflms(content: bytes, port: str) -> None:
    found = profile_model(content, port)
    spent = found.program.us if port == "native" else found.program.instructions
    assert spent is not None
    assert len(spent) == len(found.program.layers)
    assert found.program.state_bytes == read_int8_model(content).state_bytes > 0


@pytest.mark.parametrize("target", ["generic", "esp32"])
def test_what_is_counted_begins_afresh_in_every_run(target: str) -> None:
    model = read_int8_model(wake_word())
    inputs_q = golden_inputs(model)[-3:]
    options = CompileOptions(target=target)  # type: ignore[arg-type]
    done = count_model(model.flatbuffer, options, inputs_q.reshape(3, -1))
    assert np.array_equal(done.outputs, afresh(model.flatbuffer, inputs_q))
    assert not np.array_equal(done.outputs, one_after_the_other(model.flatbuffer, inputs_q))


def test_the_text_mode_runs_an_input_from_a_fresh_state_each_time() -> None:
    model = read_int8_model(wake_word())
    image_q = golden_inputs(model)[-1]
    assert model.output_q is not None
    with firmware.running(firmware.build("native", sources_of(model))) as port:
        link = open_link(port)
        runner = MlperfClient(link)
        runner.greet()
        runner.load((image_q.astype(np.int16) + 128).astype(np.uint8).tobytes())
        results = runner.infer(runs=3, warm_ups=2).results
        link.close()
    steps = afresh(model.flatbuffer, image_q[np.newaxis])[0].astype(int) - model.output_q.zero_point
    assert results == pytest.approx((steps * model.output_q.scale).tolist(), abs=0.00051)


@pytest.mark.parametrize("name", THERE)
def test_models_of_others_with_a_state_pass_the_selftest_on_the_emulated_board(name: str) -> None:
    if not (path := SHARED / f"{name}.tflite").is_file():
        pytest.skip(f"{path} is not here")
    model = read_int8_model(path)
    with connected("emulator", model, lambda: sources_of(model)) as client:
        assert [check for check in selftest(client, model) if not check.passed] == []
