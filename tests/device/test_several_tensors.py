"""Models of several inputs or outputs and of 16- and 32-bit ends, from the firmware to the host and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlperf_client import MlperfClient

from edgekit.compile import compile_model
from edgekit.device import firmware
from edgekit.device.connection import check_model, connected, device_json
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.device.link import open_link
from edgekit.device.profile import profile_model
from edgekit.device.selftest import golden_inputs, selftest
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.model import read_int8_model
from edgekit.tflite.quantize import real_values
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import packed, unpacked
from tensor_models import added, mixed, wide

SHARED = Path(__file__).parents[3] / "shared/models"  # not in the repository


def sources_of(model: TfliteModel) -> ModelSources:
    return model_sources(model, compile_model(model.flatbuffer))


@pytest.mark.parametrize("board", ["native", "emulator"])
@pytest.mark.parametrize("network", [added, wide, mixed])
def test_the_selftest_passes_and_the_board_describes_every_input_and_output(
    network: Callable[[], bytes], board: str
) -> None:
    model = read_int8_model(network())
    with connected(board, model, lambda: sources_of(model)) as client:
        assert [check for check in selftest(client, model) if not check.passed] == []
        said = device_json(client.info)
    for key, specs in (("inputs", model.input_specs), ("outputs", model.output_specs)):
        assert said[key] == [
            {
                "shape": list(spec.shape), "type": spec.type.lower(), "scale": spec.q.scale,  # type: ignore[union-attr]
                "zero_point": spec.q.zero_point,  # type: ignore[union-attr]
            }
            for spec in specs
        ]  # fmt: skip


def test_an_answer_has_the_bytes_of_each_output_at_a_multiple_of_four() -> None:
    model = read_int8_model(mixed())
    values = golden_inputs(model)[-1]
    content = packed(model.input_specs, values)
    assert (len(content), content[3]) == (14, 0)  # three int8, one byte between, five int16
    with connected("native", model, lambda: sources_of(model)) as client:
        (outcome,) = client.infer([("one", content)])
    few, many = np.frombuffer(outcome.outputs, np.int8, 3), np.frombuffer(outcome.outputs, "<i4", 5, 4)
    expected = tflm.infer_of(model)(values[np.newaxis])
    assert [*few, *many] == expected.tolist()
    assert np.array_equal(unpacked(model.output_specs, outcome.outputs), expected)


def test_a_board_that_describes_other_tensors_of_the_same_model_is_told() -> None:
    model = read_int8_model(mixed())
    other = read_int8_model(wide())
    with connected("native", model, lambda: sources_of(model)) as client:
        said = client.info
    with pytest.raises(
        EdgekitError, match=r"takes 3 int8 and 5 int16 and gives 3 int8 and 5 int32; it takes 8 x 6 x 1"
    ):
        check_model(said, TfliteModel(b"", "integer", other.input_specs, other.output_specs, (), model.sha256))


@pytest.mark.parametrize(("network", "port"), [(mixed, "native"), (added, "emulator"), (wide, "emulator")])
def test_a_profile_has_tflms_outputs(network: Callable[[], bytes], port: str) -> None:
    program = profile_model(network(), port).program
    assert len(program.instructions or program.us or ()) == len(program.layers) > 0


@pytest.mark.parametrize(
    "name",
    [
        *("tfm_seanet_conv1", "tfm_kw_scrambled", "tfm_kw_scrambled_8bit", "tfm_simple_add", "tfm_seanet_tconv4"),
        *("tfm_person", "ml_kws_int8", "ml_ad01_int8", "ml_resnet_int8", "tfm_micro_speech"),
    ],
)
def test_models_of_others_pass_the_selftest_and_the_profile_on_the_emulated_board(name: str) -> None:
    if not (path := SHARED / f"{name}.tflite").is_file():
        pytest.skip(f"{path} is not here")
    model = read_int8_model(path)
    with connected("emulator", model, lambda: sources_of(model)) as client:
        assert [check for check in selftest(client, model) if not check.passed] == []
    assert profile_model(path, "emulator").program.instructions is not None


@pytest.mark.parametrize("network", [wide, mixed])
def test_the_text_mode_takes_the_bytes_of_all_inputs_and_prints_real_values_of_all_outputs(
    network: Callable[[], bytes],
) -> None:
    model = read_int8_model(network())
    values = golden_inputs(model)[-1]
    with firmware.running(firmware.build("native", sources_of(model))) as port:
        link = open_link(port)
        runner = MlperfClient(link)
        runner.greet()
        runner.load(packed(model.input_specs, values))
        results = runner.infer(runs=1, warm_ups=0).results
        link.close()
    real = real_values(tflm.infer_of(model)(values[np.newaxis])[np.newaxis], model.output_specs)[0]
    assert np.abs(real).max() > 0.1
    assert results == pytest.approx(real.tolist(), abs=0.00051)
