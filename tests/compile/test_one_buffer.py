"""The compiled C called with one buffer of inputs and one of outputs gives TFLM's values."""

import numpy as np
import pytest

from edgekit.compile.reference import compiled_infer
from edgekit.device.selftest import golden_inputs
from edgekit.runtimes import tflm
from edgekit.testing.random_networks import network_of_all
from edgekit.tflite.model import read_tflite
from tensor_models import added, mixed, wide


@pytest.mark.parametrize("network", [added, wide, mixed, lambda: network_of_all(3), lambda: network_of_all(4, True)])
def test_the_values_are_tflms(network) -> None:  # type: ignore[no-untyped-def]
    model = read_tflite(network())
    inputs = golden_inputs(model)
    infer = compiled_infer(model)
    assert np.array_equal(np.stack([infer(one[np.newaxis]) for one in inputs]), tflm.run(model, inputs))
