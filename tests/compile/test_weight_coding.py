"""Weights that are pruned or clustered: compressed where it pays, and byte for byte what TFLM makes of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.convolutions.by_channel import ByChannel
from edgekit.compile.convolutions.by_tile import ByTile
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.convolutions.weight_coding import CODINGS, Coding, encode
from edgekit.compile.emit import emit
from edgekit.compile.ir import Graph
from edgekit.compile.kernel_selection import select_kernels
from edgekit.compile.options import Compress, Target
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import plan
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.builder import reweighted
from edgekit.testing.exactness import Case, differing
from edgekit.testing.random_models import network_of_threes, random_model

STUDENT = Path(__file__).parents[2] / "models/chest_xray/student_int8.tflite"
COMPRESS: tuple[Compress, Compress] = ("never", "auto")


def thinned(seed: int) -> bytes:
    """A random model whose weights are pruned, clustered, both or neither, with an empty channel now and then."""
    rng = np.random.default_rng(seed)

    def change(weights: np.ndarray) -> np.ndarray:
        if rng.random() < 0.5:
            values = rng.integers(-128, 128, int(rng.integers(1, 16)))
            weights = rng.choice(values, weights.shape)
        if rng.random() < 0.7:
            weights = np.where(rng.random(weights.shape) < rng.random(), weights, 0)
        if rng.random() < 0.2:
            weights[int(rng.integers(len(weights)))] = 0
        return weights

    draw = network_of_threes if seed % 3 else random_model
    return reweighted(draw(seed), change)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """(seed, model, graph) of thinned models that hold a convolution."""
    found = []
    for seed in range(60_000, 60_060):
        content = thinned(seed)
        try:
            graph = fuse_pool(read_graph(content))
        except EdgekitError:  # TFLM's arithmetic would overflow
            continue
        if any(isinstance(op, Convolution) and op.groups == 1 for op in graph.ops):
            found.append(Case(seed, content, graph))
    assert len(found) >= 25
    return found


def test_every_coding_gives_the_bytes_of_tflm_wherever_it_is_possible(cases: list[Case], tmp_path: Path) -> None:
    """Each convolution with a kernel drawn at random, in one part or two, whether it pays or not."""
    rng = np.random.default_rng(0)
    seen: Counter[str] = Counter()

    def drawn(op: Convolution) -> Convolution:
        parts = int(rng.integers(1, 3)) if op.result[2] > 1 else 1
        by_channel = [ByChannel(coding, parts) for coding in (*CODINGS, None)]
        kernels = [kernel for kernel in (*by_channel, *(ByTile(one, parts) for one in CODINGS)) if kernel.fits(op)]
        if not kernels:
            return op
        kernel = kernels[int(rng.integers(len(kernels)))]
        seen[replace(kernel, parts=1).describe(op)] += 1
        seen[f"{parts} parts"] += 1
        seen["pooled"] += op.pool != (1, 1)
        seen["strided"] += op.stride[1] > 1
        seen["dilated"] += op.dilation[1] > 1
        seen["empty channel"] += not op.weights.reshape(len(op.weights), -1).any(axis=1).all()
        return replace(op, kernel=kernel)

    files = []
    for number, (_, _, graph) in enumerate(cases):
        ops = tuple(drawn(op) if isinstance(op, Convolution) else op for op in graph.ops)
        drawn_graph = replace(graph, ops=ops)
        files.append(emit(drawn_graph, plan(drawn_graph), CompileOptions(f"m{number}")).files)
    assert differing(cases, files, tmp_path) == []
    assert len(seen) == 2 * len(CODINGS) + 1 + 6
    assert min(seen.values()) >= 1, seen


def by_part(graph: Graph) -> list[ByChannel | ByTile]:
    """The selected kernels that widen their weights channel by channel."""
    kernels = [op.kernel for op in graph.ops if isinstance(op, Convolution)]
    return [kernel for kernel in kernels if isinstance(kernel, ByChannel | ByTile)]


def pruned(weights: np.ndarray) -> np.ndarray:
    """As std / alpha prunes at alpha 1: two thirds of the shipped student's weights become zero."""
    return np.where(np.abs(weights.astype(int)) < weights.astype(float).std(), 0, weights)


def clustered(weights: np.ndarray) -> np.ndarray:
    """Sixteen values a layer, zero among them."""
    values = np.append(np.quantile(weights, np.linspace(0, 1, 15)).astype(int), 0)
    return values[np.abs(weights[..., None] - values).argmin(axis=-1)].astype(np.int8)


@pytest.mark.parametrize(
    ("change", "target", "kinds", "share"),
    [
        (pruned, "generic", {"list"}, 0.70),
        (pruned, "esp32", {"bytes", "mask"}, 0.52),
        (clustered, "generic", {"codebook of 16"}, 0.75),
        (clustered, "esp32", {"bytes", "codebook of 16"}, 0.60),
        (lambda weights: pruned(clustered(weights)), "esp32", {"bytes", "mask + codebook of 16"}, 0.40),
    ],
)
def test_pruning_and_clustering_the_shipped_student_show_in_flash_and_change_no_byte(
    change: Callable[[np.ndarray], np.ndarray], target: Target, kinds: set[str], share: float, tmp_path: Path
) -> None:
    """Bytes of weights, biases and scales; the first layer's 72 weights may stay uncompressed."""
    content = reweighted(STUDENT.read_bytes(), change)
    plain, small = (
        compile_model(content, CompileOptions("m0", target=target, compress=compress)) for compress in COMPRESS
    )
    before, after = (sum(layer.weight_bytes for layer in one.program.layers) for one in (plain, small))
    assert before > 26_000
    assert after < share * before
    assert {kernel.coding.title if kernel.coding else "list" for kernel in by_part(small.graph)} == kinds
    assert differing([Case(0, content, small.graph)], [small.files], tmp_path) == []


def test_models_compressed_where_it_pays_give_the_bytes_of_tflm(cases: list[Case], tmp_path: Path) -> None:
    some = cases[:12]
    compiled = [compile_model(content, CompileOptions(f"m{i}")) for i, (_, content, _) in enumerate(some)]
    assert sum(len(by_part(one.graph)) for one in compiled) >= 4
    assert differing(some, [one.files for one in compiled], tmp_path) == []


def test_weights_that_do_not_compress_stay_as_they_are() -> None:
    """The shipped student, a tenth of whose weights are zero: a bit a weight would cost more than it saves."""
    content = STUDENT.read_bytes()
    assert compile_model(content).files == compile_model(content, CompileOptions(compress="never")).files


def test_a_layer_with_a_single_position_is_not_widened_for_it() -> None:
    graph = fuse_pool(read_graph(reweighted(STUDENT.read_bytes(), lambda w: w // 64)))  # 4 values
    selected = [op.kernel for op in select_kernels(graph, CompileOptions()).ops if isinstance(op, Convolution)]
    # the first two have too few weights
    assert [isinstance(kernel, ByChannel) for kernel in selected[2:]] == [True] * 4 + [False]


@pytest.mark.parametrize("coding", CODINGS)
def test_the_size_of_a_coding_is_what_its_savings_promise(coding: Coding) -> None:
    weights = np.zeros((4, 40), np.int8)
    weights[:, ::4] = np.arange(1, 11)  # a quarter is not zero; 11 values in all
    coded = encode(weights, coding)
    assert coded is not None
    values = 10 if coding.masked else 40
    each = (40 // 8 if coding.masked else 0) + (values // 2 if coding.codebook else values)
    assert coded.starts == (0, each, 2 * each, 3 * each)
    assert coded.size_bytes == 4 * each + (11 - coding.masked if coding.codebook else 0)


def test_a_codebook_holds_sixteen_values_and_no_more() -> None:
    weights = np.arange(17, dtype=np.int8).reshape(1, 17)
    assert encode(weights, Coding(codebook=True)) is None
    assert encode(weights, Coding(masked=True, codebook=True)) is not None  # zero needs no code
