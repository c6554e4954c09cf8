"""`--target esp32` where its instructions run: QEMU's core dc233c, which has MAC16 and hardware loops."""

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.convolutions.by_channel import ByChannel
from edgekit.compile.convolutions.by_tile import ByTile
from edgekit.compile.convolutions.mac16_dense import Mac16Dense
from edgekit.compile.convolutions.mac16_depthwise import Mac16Depthwise
from edgekit.compile.convolutions.mac16_pointwise import Mac16Pointwise
from edgekit.compile.convolutions.protocol import Convolution, ConvolutionKernel
from edgekit.compile.options import Optimize
from edgekit.compile.reader import read_graph
from edgekit.testing import emulated_models
from edgekit.testing.builder import reweighted
from edgekit.testing.emulated_models import DC233C
from edgekit.testing.exactness import Case, cases
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random

STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"


def coarse(weights: np.ndarray) -> np.ndarray:
    """At most 16 values."""
    return weights // 16 * 16


def with_mac16(count: int, *kinds: type[ConvolutionKernel], optimize: Optimize = "speed") -> list[Case]:
    """The first models of which at least one operator uses MAC16, in a kernel of such a kind."""
    options = CompileOptions(target="esp32", optimize=optimize)
    models = (
        case
        for seed in range(70_000, 72_000)
        for case in cases(random_model, [seed])
        if any(
            isinstance(op, Convolution)
            and isinstance(op.kernel, kinds)
            and not (isinstance(op.kernel, ByChannel | ByTile) and op.kernel.coding is None)
            for op in compile_model(case.content, options).graph.ops
        )
    )
    return list(islice(models, count))


@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_random_models_give_tflms_bytes_with_mac16(optimize: Optimize) -> None:
    models = with_mac16(25, ByChannel, ByTile, Mac16Pointwise, Mac16Depthwise, Mac16Dense, optimize=optimize)
    assert len(models) == 25
    assert emulated_models.differing(models, replace(DC233C, optimize=optimize)) == []


def test_the_shipped_student_pruned_or_clustered_or_not_gives_tflms_bytes_with_mac16() -> None:
    plain = STUDENT.read_bytes()
    contents = (plain, reweighted(plain, lambda w: w * (abs(w) > 24)), reweighted(plain, coarse))
    models = [Case(seed, content, read_graph(content)) for seed, content in enumerate(contents)]
    assert emulated_models.differing(models, DC233C) == []


def test_channels_too_deep_for_a_loop_written_out_give_tflms_bytes_with_mac16() -> None:
    def content(depth: int) -> bytes:
        r = Random(depth)
        entry = r.activation((1, 3, 4, depth))
        return r.b.finish([entry], [r.conv(entry, out=9, pointwise=True)])

    models = [Case(depth, content(depth), read_graph(content(depth))) for depth in (72, 73, 90, 128)]
    for case in models:
        (op,) = compile_model(case.content, CompileOptions(target="esp32")).graph.ops
        assert isinstance(op, Convolution)
        assert isinstance(op.kernel, Mac16Pointwise)
    assert emulated_models.differing(models, DC233C) == []


@pytest.mark.parametrize(
    ("kind", "line", "without"),
    [
        (ByChannel, r"mula\.d[ad]\.h[hl]\.ldinc m0, %\[x\], m0, [^\\]*", "ldinc m0, %[x]"),
        (ByTile, r"mula\.d[ad]\.h[hl]\.ldinc m0, %\[x\], m0, [^\\]*", "ldinc m0, %[x]"),
        (Mac16Pointwise, r"mula\.dd\.hl\.ldinc m1, %\[x\], m1, m2", "ldinc m1, %[x]"),
        (Mac16Depthwise, r"mula\.ad\.ll %\[t4\], m2", ""),
        (Mac16Depthwise, r"mula\.ad\.lh %\[t2\], m2", ""),
        (Mac16Dense, r"mula\.da\.hh\.ldinc m1, %\[x\], m1, %\[high\]", "ldinc m1, %[x]"),
    ],
)
def test_a_product_left_out_would_be_seen(
    kind: type[ConvolutionKernel], line: str, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = with_mac16(12, kind)
    right = emulated_models.compile_model
    found = []

    def wrong(content: bytes, options: CompileOptions) -> Compiled:
        compiled = right(content, options)
        file = f"{options.name}.c"
        compiled.files[file], times = re.subn(line, without, compiled.files[file])
        found.append(times > 0)
        return compiled

    monkeypatch.setattr(emulated_models, "compile_model", wrong)
    assert emulated_models.differing(models, replace(DC233C, optimize="speed"))
    assert all(found)
