"""A model counted layer by layer on an emulated core."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.boards.board import ESP32
from edgekit.boards.costs import Counts
from edgekit.compile import CompileOptions
from edgekit.compile.options import Target
from edgekit.device.counted import Counted, count_model, count_two_cores
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_int8_model
from edgekit.values.program import TwoCores

MODEL = (Path(__file__).parents[1] / "vectors/student/int8.tflite").read_bytes()
STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"
DIO40, QIO80 = ESP32.costs.flash_modes


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-128, 128, shape, dtype=np.int8)


def count(target: Target = "generic", content: bytes = MODEL, runs: int = 2) -> Counted:
    inputs = noise(runs, *read_int8_model(content).tensor_shape)
    done = count_model(content, CompileOptions(target=target), inputs.reshape(runs, -1))
    infer = tflm.infer_of(read_int8_model(content))
    assert np.array_equal(done.outputs, np.stack([np.asarray(infer(one)).ravel() for one in inputs]))
    return done


def test_layers_sum_up_to_the_run_whose_outputs_are_tflms() -> None:
    done = count()
    layers = done.compiled.program.layers
    assert len(done.layers) == len(layers)
    assert all(counts.instructions > layer.macs for counts, layer in zip(done.layers, layers, strict=True))
    assert done.rest.instructions < done.total.instructions / 100
    assert done.total == Counts.total([*done.layers, done.rest])
    assert count().layers == done.layers  # the same in every run


def test_the_shipped_student_costs_what_was_found_on_an_emulated_esp32() -> None:
    """111, 43 to 44 ms there (firmware built by Espressif's compiler; another kernel may only be faster)."""
    generic, esp32 = (count(target, STUDENT.read_bytes(), 1).total for target in ("generic", "esp32"))
    assert 20 < 1000 * ESP32.costs.cycles(generic, DIO40) / ESP32.clock_hz < 112
    assert 10 < 1000 * ESP32.costs.cycles(esp32, DIO40) / ESP32.clock_hz < 45
    assert ESP32.costs.cycles(generic, QIO80) < ESP32.costs.cycles(generic, DIO40)


def test_several_inputs_and_outputs_and_a_layer_that_does_nothing() -> None:
    r = Random(5)
    x, y = r.activation((1, 4, 4, 2), 0.1, 0), r.activation((1, 4, 4, 2), 0.1, 0)
    both = r.add(x, y)
    content = r.b.finish([x, y], [both, r.dense(r.reshape(both, (1, 32)), 3)])
    done = count_model(content, CompileOptions(), noise(2, 64))
    assert done.outputs.shape == (2, 32 + 3)
    labels = [layer.op for layer in done.compiled.program.layers]
    assert done.layers[labels.index("RESHAPE")] == Counts() or "RESHAPE" not in labels
    assert done.layers[-1].instructions > 96


def test_weights_that_do_not_fit_the_cache_are_fetched_in_every_run() -> None:
    r = Random(3)
    x = r.activation((1, 1024), 0.1, 0)
    done = count(content=r.b.finish([x], [r.dense(x, 64)]))
    assert done.layers[0].data_misses >= 64 * 1024 / 32


def test_a_model_that_is_larger_than_the_boards_ram_is_refused() -> None:
    r = Random(3)
    x = r.activation((1, 300, 300, 1), 0.1, 0)
    with pytest.raises(EdgekitError, match=r"takes [\d,]+ bytes of RAM, and a classic ESP32 leaves 163,840"):
        count(content=r.b.finish([x], [r.add(x, r.add(x))]))


def test_weights_in_ram_are_not_fetched_and_still_lie_in_flash() -> None:
    content = STUDENT.read_bytes()
    inputs = noise(1, *read_int8_model(content).tensor_shape).reshape(1, -1)
    flash, ram = (
        count_model(content, CompileOptions(target="esp32", weights=weights), inputs) for weights in ("flash", "ram")
    )
    assert ram.total.data_misses < flash.total.data_misses / 10
    assert ram.sizes.constant_bytes == pytest.approx(flash.sizes.constant_bytes, rel=0.05)
    assert np.array_equal(ram.outputs, flash.outputs)


def pointwise(channels: int) -> bytes:
    """A model whose work is one convolution of so many output channels."""
    r = Random(3)
    entry = r.activation((1, 16, 16, 16))
    return r.b.finish([entry], [r.conv(entry, out=channels, pointwise=True)])


def on_one_and_two(content: bytes, target: Target = "esp32") -> tuple[Counted, TwoCores | None]:
    inputs = noise(2, *read_int8_model(content).tensor_shape).reshape(2, -1)
    alone = count_model(content, CompileOptions(target=target), inputs)
    return alone, count_two_cores(alone, inputs)


def test_two_cores_do_the_work_of_one_and_say_how_long_they_wait() -> None:
    alone, two = on_one_and_two(STUDENT.read_bytes())
    assert two is not None
    one = ESP32.costs.cycles(alone.total, DIO40)
    assert one / 2 < two.cycles < 0.6 * one
    busy = 2 * two.cycles - sum(two.waiting_cycles)
    assert busy == pytest.approx(one, rel=0.1)  # constants share two caches, code is read into both
    assert two.waiting_cycles[0] < two.waiting_cycles[1]  # the first does alone what is not shared
    assert two.total_ms == pytest.approx(1000 * two.cycles / ESP32.clock_hz, abs=1e-3)
    assert two.meetings > 1


def test_channels_that_cannot_be_halved_leave_a_core_waiting() -> None:
    (_, even), (_, odd) = on_one_and_two(pointwise(16)), on_one_and_two(pointwise(3))
    assert even is not None
    assert odd is not None
    assert sum(even.waiting) < 0.5 * sum(odd.waiting)
    assert sum(odd.waiting) > 0.2


@pytest.mark.parametrize(("target", "channels"), [("generic", 16), ("esp32", 1)])
def test_what_no_two_cores_share_has_no_time_of_theirs(target: Target, channels: int) -> None:
    assert on_one_and_two(pointwise(channels), target)[1] is None


def test_two_cores_that_give_other_outputs_are_told() -> None:
    inputs = noise(1, *read_int8_model(pointwise(16)).tensor_shape).reshape(1, -1)
    alone = count_model(pointwise(16), CompileOptions(target="esp32"), inputs)
    with pytest.raises(EdgekitError, match="Two cores give other outputs than one"):
        count_two_cores(replace(alone, outputs=alone.outputs + np.int8(1)), inputs)
