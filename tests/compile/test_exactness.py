"""The compiled C beside TensorFlow Lite Micro, byte by byte, on models that reach into the corners."""

import hashlib
import math
import re
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import CompileOptions, compile_model, supported_ops
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ops.add import Add
from edgekit.compile.ops.max_pool_2d import MaxPool
from edgekit.compile.ops.pool import Pool
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import exactness, native_c
from edgekit.testing.exactness import Case
from edgekit.testing.random_models import random_inputs, random_model
from edgekit.testing.random_networks import any_network
from edgekit.testing.random_operators import Random

MODELS = 220


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """(seed, model, graph) of the random models that TFLM's arithmetic can hold."""
    found = exactness.cases(random_model, range(MODELS + 20))
    assert len(found) >= MODELS
    return found[:MODELS]


@pytest.fixture(scope="module")
def of_all_kinds(cases: list[Case]) -> list[Case]:
    """Some of these, and networks of all operators."""
    return cases[:12] + exactness.cases(any_network, range(740, 764))


def test_at_least_200_random_models_give_the_bytes_of_tflm(cases: list[Case], tmp_path: Path) -> None:
    # under the sanitizers; each half requantises in its own way
    halves = [(cases[::2], ()), (cases[1::2], ("-DEDGEKIT_HIGH_MULTIPLY=0",))]

    def different(number: int) -> list[int]:
        half, extra = halves[number]
        files = [compile_model(content, CompileOptions(f"m{i}")).files for i, (_, content, _) in enumerate(half)]
        return exactness.differing(half, files, tmp_path / str(number), flags=(*native_c.SANITIZED, *extra))

    assert len(cases) >= 200
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(different, (0, 1))) == [[], []]


def test_input_and_output_may_stand_anywhere(tmp_path: Path) -> None:
    """No operator at all; an output that is read on; views of the input and of the output; input read twice."""
    contents = []

    def network(*ends: str) -> None:
        r = Random(len(contents))
        tensors = {"x": r.activation((1, 6, 6, 2))}
        if "nothing" not in ends:
            tensors["view"] = r.reshape(tensors["x"])
            tensors["conv"] = r.conv(r.add(tensors["x"], r.reshape(tensors["view"], (1, 6, 6, 2))))
            tensors["sum"] = r.add(tensors["conv"])
            tensors["conv view"] = r.reshape(tensors["conv"])
            tensors["dense"] = r.dense(tensors["view"])
            tensors["last"] = r.softmax(tensors["conv view"])
        contents.append(r.b.finish([tensors["x"]], [tensors[ends[-1]]]))

    for end in ("view", "conv", "sum", "conv view", "dense", "last"):
        network(end)
    network("nothing", "x")
    graphs = [read_graph(content) for content in contents]
    program = native_c.build(
        [compile_model(content, CompileOptions(f"m{i}")).files for i, content in enumerate(contents)], tmp_path
    )
    jobs = [(i, random_inputs(i, graph.input.size)) for i, graph in enumerate(graphs)]
    outputs = native_c.run(program, jobs, [graph.output.size for graph in graphs])
    for (i, inputs), mine in zip(jobs, outputs, strict=True):
        assert np.array_equal(mine, native_c.tflm(contents[i], inputs)), i


def test_every_operator_is_tested_alone_or_drawn_by_the_random_models_like_every_corner(cases: list[Case]) -> None:
    seen: Counter[str] = Counter()
    for seed, content, graph in cases:
        last = graph.ops[-1] if graph.ops else None
        if isinstance(last, Convolution) and (last.requantization.low, last.requantization.high) == (-128, 127):
            outputs = native_c.tflm(content, random_inputs(seed, graph.input.size))
            seen["saturated below"] += (outputs == -128).any()  # nothing but the range of int8 stops them there
            seen["saturated above"] += (outputs == 127).any()
        for op in graph.ops:
            seen[op.label.split()[0]] += 1
            for tensor in (*op.inputs, op.output):
                seen[f"zero point {tensor.quantization.zero_point}"] += 1
            if isinstance(op, Convolution):
                seen["per tensor" if len(set(op.requantization.multipliers)) == 1 else "per channel"] += 1
                seen["multiplier above one"] += max(op.requantization.shifts) > 0
                seen["grouped"] += 1 < op.groups < op.image[2]
                seen["depth multiplier"] += op.groups == op.image[2] and op.result[2] > op.image[2]
                seen["dilated"] += op.dilation != (1, 1)
                seen["clamped below and above"] += op.requantization.low > -128 and op.requantization.high < 127
            if isinstance(op, Convolution | Pool):
                seen[f"stride {op.stride[0]}"] += 1
                seen["padded" if any(op.pad) else "not padded"] += 1
                seen["odd size"] += op.image[0] % 2
            if isinstance(op, Add):
                seen["broadcast"] += op.operands.shapes[0] != op.operands.shapes[1]
                seen["two activations"] += len(op.inputs) == 2
                seen["broadcast activation"] += len(op.inputs) == 2 and op.operands.shapes[0] != op.operands.shapes[1]
        seen["fused pool"] += any(
            isinstance(op, Convolution) and op.pool != (1, 1) for op in compile_model(content).graph.ops
        )
        read = [tensor.index for op in graph.ops for tensor in op.inputs]
        pooled = [op.input.index for op in graph.ops if isinstance(op, MaxPool) and op.window == op.stride]
        seen["pooled and read beside it"] += any(read.count(index) > 1 for index in pooled)
    corners = (
        "per tensor, per channel, multiplier above one, grouped, depth multiplier, dilated, stride 1, stride 2, "
        "clamped below and above, padded, not padded, odd size, zero point -128, zero point 127, broadcast, "
        "two activations, broadcast activation, fused pool, pooled and read beside it, saturated below, saturated above"
    )
    here, drawers = Path(__file__).parent, Path(native_c.__file__).parent
    files = [
        here / "test_constant_folding.py",
        *(here / "ops").glob("test_*.py"),
        *set(drawers.glob("random_*.py")) - {drawers / "random_operators.py"},
    ]
    texts = "".join(file.read_text() for file in files)
    tested_alone = {name for name in supported_ops() if f'"{name}"' in texts}
    drawn = set(supported_ops()) - tested_alone
    missing = [name for name in (*drawn, *corners.split(", ")) if seen[name] < 3]
    assert not missing


def test_a_wrong_rounding_would_be_seen(cases: list[Case], tmp_path: Path) -> None:
    some = cases[:60]
    files = [compile_model(content, CompileOptions(f"m{i}")).files for i, (_, content, _) in enumerate(some)]
    spoilt = [
        {name: text.replace("(mask >> 1) + (scaled < 0)", "(mask >> 1)") for name, text in file.items()}
        for file in files
    ]
    jobs = [(i, random_inputs(seed, graph.input.size)) for i, (seed, _, graph) in enumerate(some)]
    sizes = [graph.output.size for _, _, graph in some]
    right, wrong = (
        native_c.run(native_c.build(texts, tmp_path / name, flags=("-O0",)), jobs, sizes)
        for name, texts in (("right", files), ("wrong", spoilt))
    )
    assert any(not np.array_equal(a, b) for a, b in zip(right, wrong, strict=True))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_generated_code_compiles_without_a_warning(
    of_all_kinds: list[Case], tmp_path: Path, compiler: str, level: str
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (apt-get install {compiler})")
    files = [compile_model(content, CompileOptions(f"m{i}")).files for i, (_, content, _) in enumerate(of_all_kinds)]
    native_c.build(files, tmp_path, compiler, (level, "-pedantic"))  # asserts that the compiler is content


def test_generated_code_is_integer_only_and_calls_nothing_but_memcpy(of_all_kinds: list[Case], tmp_path: Path) -> None:
    names = []
    for number, (_, content, _) in enumerate(of_all_kinds):
        for name, text in compile_model(content, CompileOptions(f"only_{number}")).files.items():
            (tmp_path / name).write_text(text)
            assert not re.search(r"\b(float|double|malloc|free|static (?!const|inline|void|int32_t|EDGEKIT))\b", text)
        names.append(f"only_{number}.c")
    # gcc turns loops that fill memory into memset unless told not to
    flags = [*native_c.FLAGS, "-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    subprocess.run(["gcc", *flags, "-c", *names], cwd=tmp_path, check=True)
    for name in names:
        symbols = subprocess.run(
            ["nm", "-u", name.replace(".c", ".o")], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        assert set(symbols.stdout.split()) <= {"U", "memcpy"}


def test_header_tells_sizes_quantisation_and_hash_and_serves_cpp(tmp_path: Path) -> None:
    content = random_model(4)
    graph = read_graph(content)
    files = compile_model(content, CompileOptions("pet")).files
    assert sorted(files) == ["pet.c", "pet.h"]
    macros = dict(re.findall(r"#define PET_(\w+) (\S+)", files["pet.h"]))
    assert int(macros["INPUT_BYTES"]) == graph.input.size
    assert int(macros["OUTPUT_BYTES"]) == graph.output.size
    assert [int(macros[f"INPUT_{side}"]) for side in ("HEIGHT", "WIDTH", "CHANNELS")] == list(graph.input.shape[1:])
    assert int(macros["ARENA_BYTES"]) < 200_000
    for end, tensor in (("INPUT", graph.input), ("OUTPUT", graph.output)):
        assert math.isclose(float(macros[f"{end}_SCALE"]), tensor.quantization.scale, rel_tol=1e-8)
        assert int(macros[f"{end}_ZERO_POINT"].strip("()")) == tensor.quantization.zero_point
    digest = re.search(r"pet_sha256\[32\] = \{([^}]*)\}", files["pet.c"])
    assert digest is not None
    assert bytes(int(x) for x in digest[1].split(",")) == hashlib.sha256(content).digest()
    (tmp_path / "pet.h").write_text(files["pet.h"])
    (tmp_path / "user.cc").write_text('#include "pet.h"\nvoid use(void* a) { pet_invoke(nullptr, nullptr, a); }\n')
    subprocess.run(["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "user.cc"], cwd=tmp_path, check=True)


def test_compiling_twice_gives_the_same_text() -> None:
    content = random_model(11)
    assert compile_model(content).files == compile_model(content).files


def test_a_profiled_model_announces_every_operator_and_gives_the_same_bytes(tmp_path: Path) -> None:
    content = random_model(4)
    graph = read_graph(content)
    compiled = compile_model(content, CompileOptions("m0", profile=True))
    plain = compile_model(content, CompileOptions("m0"))
    assert "_step" not in "".join(plain.files.values())
    inputs = random_inputs(4, graph.input.size)
    hook = """
#include <stdio.h>
void m0_step(int32_t step) { fprintf(stderr, "%d of %d\\n", (int)step, M0_STEPS); }
"""
    announcing = {**compiled.files, "m0.c": compiled.files["m0.c"] + hook}
    outputs = []
    for name, files in (("plain", plain.files), ("announcing", announcing)):
        program = native_c.build([files], tmp_path / name)
        outputs.append(native_c.run(program, [(0, inputs)], [graph.output.size])[0])
    assert np.array_equal(*outputs)
    stream = b"0 1\n" + inputs[:1].tobytes()
    said = subprocess.run([str(program)], input=stream, capture_output=True, check=True).stderr.decode()
    steps = len(compiled.graph.ops)
    assert said.splitlines() == [f"{step} of {steps}" for step in range(steps + 1)]


@pytest.mark.parametrize("change", [{"optimize": "beauty"}, {"target": "pdp11"}])
def test_an_unknown_wish_is_answered_with_those_that_are_known(change: dict[str, str]) -> None:
    with pytest.raises(EdgekitError, match=next(iter(change.values()))) as refusal:
        CompileOptions(**change)  # type: ignore[arg-type]
    assert "Choose" in refusal.value.hint
