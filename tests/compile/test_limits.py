"""What a caller allows: the layer that matters is named."""

import re

import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.limits import check_time
from edgekit.errors import EdgekitError
from edgekit.values.shipped import DEFAULT_MODEL


def test_a_run_that_takes_too_long_is_refused_with_its_slowest_layer_and_what_to_do() -> None:
    compiled = compile_model(DEFAULT_MODEL, CompileOptions())
    estimate = compiled.estimate
    check_time(compiled, estimate.total_ms)
    with pytest.raises(EdgekitError, match=f"an estimated {estimate.total_ms:.1f} ms on a classic ESP32") as caught:
        check_time(compiled, estimate.total_ms - 1)
    assert "1.0 more than" in caught.value.message
    slowest = compiled.program.layers[estimate.cycles.index(max(estimate.cycles))]
    assert re.search(rf"The slowest layer is {re.escape(slowest.name)}: \d", caught.value.message)
    assert caught.value.hint.startswith("Compile with --target esp32, compile with --optimize speed, use fewer")
    with pytest.raises(EdgekitError) as caught:
        check_time(compile_model(DEFAULT_MODEL, CompileOptions(target="esp32", optimize="speed")), 1)
    assert caught.value.hint.startswith("Use fewer channels")
