import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.conversion import convert as walk
from edgekit.conversion import tflite
from edgekit.conversion.convert import convert, float_logits
from edgekit.conversion.gate import check_drift, check_operators, drift_of
from edgekit.conversion.onnx import export_onnx, onnx_ops
from edgekit.conversion.tflite import full_range, onnx_to_tflite
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.runtimes import torch as torch_runtime
from edgekit.tflite.model import read_tflite
from edgekit.values.model import Quantization
from small_student import SmallStudent, discs, small_net


def schema() -> Any:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

    return schema_py_generated


def edited(flatbuffer: bytes, edit: Callable[[Any], None]) -> bytes:
    """The file after `edit(model)`, written again."""
    import flatbuffers

    model = schema().ModelT.InitFromObj(schema().Model.GetRootAs(flatbuffer, 0))
    edit(model)
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def weights_of(model: Any, layer: int) -> Any:
    """The weight tensor of the n-th convolution of an unpacked model."""
    graph = model.subgraphs[0]
    convolutions = [o for o in graph.operators if isinstance(o.builtinOptions, schema().Conv2DOptionsT)]
    return graph.tensors[convolutions[layer].inputs[1]]


def test_every_step_of_the_conversion_stays_close_to_pytorch(student: SmallStudent) -> None:
    drifts, limits = student.converted.drifts, ConvertRecipe()
    assert list(drifts) == ["onnx", "float32", "float16", "dynamic", "int8"]
    assert all(drift.within(name, limits) for name, drift in drifts.items())
    far = {name: drift.deviations for name, drift in drifts.items()}
    assert far["float16"] > 0  # four measurements of four files, not four of one
    assert far["float32"] < far["float16"] < far["int8"]
    variants = {name: model.variant for name, model in student.converted.models.items()}
    assert variants == {name: name for name in ("float32", "float16", "dynamic", "int8")}


def test_the_int8_model_has_the_networks_operators_and_takes_pixel_minus_128(student: SmallStudent) -> None:
    int8 = student.converted.models["int8"]
    assert int8.ops == (*("CONV_2D", "MAX_POOL_2D") * 2, "AVERAGE_POOL_2D", "FULLY_CONNECTED")
    assert int8.input_q == Quantization(float(np.float32(1 / 255)), -128)
    assert int8.input_shape == (32, 32, 1)


def test_pruned_weights_are_zero_in_the_int8_file(student: SmallStudent) -> None:
    model = schema().ModelT.InitFromObj(schema().Model.GetRootAs(student.converted.models["int8"].flatbuffer, 0))
    for layer, conv in enumerate(module for module in student.module if isinstance(module, nn.Conv2d)):
        tensor = weights_of(model, layer)
        stored = model.buffers[tensor.buffer].data.view(np.int8).reshape(tensor.shape)  # [O, kh, kw, I]
        pruned = (conv.weight == 0).numpy().transpose(0, 2, 3, 1)
        assert pruned.mean() > 0.2
        assert (stored[pruned] == 0).all()
        assert (stored[~pruned] != 0).mean() > 0.9


def test_converting_twice_gives_the_same_bytes_quietly_and_without_network(
    student: SmallStudent, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setattr(tflite, "_NO_NETWORK", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        again = convert(student.module, (32, 32, 1), discs(32, 32, seed=2)[0], ConvertRecipe(), student.images)
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody knocked
            proxy.accept()
    assert capfd.readouterr() == ("", "")
    assert again.onnx == student.converted.onnx
    assert again.models == student.converted.models


def shuffle_second_weights(model: Any) -> None:
    buffer = model.buffers[weights_of(model, 1).buffer]
    buffer.data = np.random.default_rng(0).permutation(buffer.data)


def triple_one_channels_scale(model: Any) -> None:
    quantization = weights_of(model, 1).quantization
    quantization.scale = quantization.scale * np.where(np.arange(16) == np.argmax(quantization.scale), 3, 1).astype(
        "f4"
    )


def double_logits(model: Any) -> None:
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.operators[-1].inputs[1]].quantization
    quantization.scale = quantization.scale * np.float32(2)


@pytest.mark.parametrize("damage", [shuffle_second_weights, triple_one_channels_scale, double_logits])
def test_the_gate_stops_an_int8_file_with_damaged_numbers(
    student: SmallStudent, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Any], None]
) -> None:
    files = {name: model.flatbuffer for name, model in student.converted.models.items()}
    files["int8"] = edited(files["int8"], damage)
    monkeypatch.setattr(walk, "onnx_to_tflite", lambda onnx, calibration: files)
    with pytest.raises(EdgekitError, match=r"stopped at int8.*standard deviations.*limit is 0\.5") as caught:
        convert(student.module, (32, 32, 1), student.images, ConvertRecipe(), student.images)
    assert "--set convert.int8_drift=" in caught.value.hint


def test_the_gate_stops_an_int8_file_whose_argmax_is_still_right(student: SmallStudent) -> None:
    int8 = read_tflite(edited(student.converted.models["int8"].flatbuffer, double_logits))
    logits, reference = float_logits(int8, student.images), torch_runtime.run(student.module, student.images)
    assert (logits.argmax(1) == reference.argmax(1)).mean() > 0.95
    with pytest.raises(EdgekitError, match="stopped at int8"):
        check_drift("int8", drift_of(logits, reference), ConvertRecipe())


def test_the_gate_stops_a_step_that_changes_its_mind_within_the_drift_limit() -> None:
    reference = np.array([[0, 0.1], [0.1, 0], [-9, 9], [9, -9]], np.float32)
    with pytest.raises(EdgekitError, match=r"same class as PyTorch on 50\.0% of the check images"):
        check_drift("dynamic", drift_of(reference[:, ::-1] * [[1], [1], [-1], [-1]], reference), ConvertRecipe())


def test_one_image_beyond_the_calibrated_range_does_not_condemn_a_good_file() -> None:
    reference = np.random.default_rng(0).normal(0, 1, (256, 2)).astype(np.float32)
    reference[7] = (9, -9)
    saturated = reference.clip(-4, 4)
    assert drift_of(saturated, reference).deviations == 0
    with pytest.raises(EdgekitError, match="stopped at int8"):
        check_drift("int8", drift_of(reference.clip(-0.5, 0.5), reference), ConvertRecipe())


@pytest.mark.parametrize("logits", [np.nan, np.inf])
def test_logits_that_are_not_numbers_never_pass(logits: float) -> None:
    reference = np.random.default_rng(0).normal(0, 1, (1000, 2)).astype(np.float32)
    broken = reference.copy()
    broken[3, 1] = logits
    with pytest.raises(EdgekitError, match="stopped at float16"):
        check_drift("float16", drift_of(broken, reference), ConvertRecipe())


@pytest.mark.parametrize(
    ("ops", "extra"),
    [("PAD before the convolution", ("PAD",)), ("QUANTIZE at the end", ("QUANTIZE",)), ("TRANSPOSE", ("TRANSPOSE",))],
)
def test_the_gate_names_operators_that_the_network_has_not(
    student: SmallStudent, ops: str, extra: tuple[str, ...]
) -> None:
    int8 = student.converted.models["int8"]
    changed = dataclasses.replace(int8, ops=extra + int8.ops)
    with pytest.raises(EdgekitError, match=f"stopped at int8: its operators are {extra[0]}"):
        check_operators("int8", changed, onnx_ops(student.converted.onnx))


def test_the_gate_stops_a_float_file_in_the_place_of_int8(student: SmallStudent) -> None:
    with pytest.raises(EdgekitError, match="stopped at int8: the file is a dynamic model"):
        check_operators("int8", student.converted.models["dynamic"], onnx_ops(student.converted.onnx))


def test_the_gate_stops_an_input_that_is_not_pixel_minus_128(student: SmallStudent) -> None:
    int8 = student.converted.models["int8"]
    spec = dataclasses.replace(int8.input_specs[0], q=Quantization(2 / 255, -1))
    changed = dataclasses.replace(int8, input_specs=(spec,))
    with pytest.raises(EdgekitError, match="not as pixel - 128"):
        check_operators("int8", changed, onnx_ops(student.converted.onnx))


def test_calibration_reaches_both_ends_by_changing_two_pixels() -> None:
    images = discs(4, 16, seed=0)[0]
    stretched = full_range(images)
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert (stretched != images).sum() == 2


def test_a_failure_of_onnx2tf_is_shown_with_its_own_words() -> None:
    with pytest.raises(EdgekitError, match=r"(?s)onnx2tf \S+ failed \(exit code [1-9].*Error") as caught:
        onnx_to_tflite(b"no model at all", discs(2, 32, seed=0)[0])
    assert "tools/constraints.txt" in caught.value.hint


def test_a_temporary_folder_that_cannot_be_written_is_said(
    student: SmallStudent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(EdgekitError, match="cannot write its temporary files: No such file") as caught:
        convert(student.module, (32, 32, 1), student.images, ConvertRecipe(), student.images)
    assert "TMPDIR" in caught.value.hint


def test_ctrl_c_ends_the_conversion_at_once_and_leaves_nothing_behind(student: SmallStudent, tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(student.converted.onnx)
    np.save(tmp_path / "images.npy", student.images)
    script = (
        "import numpy as np; from pathlib import Path; from edgekit.conversion.tflite import onnx_to_tflite;"
        "print('started', flush=True);"
        "onnx_to_tflite(Path('student.onnx').read_bytes(), np.load('images.npy'))"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    source = str(Path(walk.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        deadline = time.monotonic() + 10
        while not any(temporary.glob("*/calibration.npy")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)  # onnx2tf is importing TensorFlow
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone in the foreground
        assert process.wait(timeout=10) == -signal.SIGINT
    assert list(temporary.iterdir()) == []
    assert is_gone(process.pid), "onnx2tf goes on"


def is_gone(group: int) -> bool:
    """Whether the process group ends within ten seconds: the child of a child is reaped by init, when it likes."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_network_that_says_the_same_of_every_image_is_refused_before_converting() -> None:
    net = small_net(32, (4,)).eval()
    with torch.no_grad():
        net[-1].weight.zero_()
    images = discs(8, 32, seed=0)[0]
    with pytest.raises(EdgekitError, match="same or no finite logits"):
        convert(net, (32, 32, 1), images, ConvertRecipe(), images)


def test_layers_that_no_board_runs_are_named() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.GELU(), nn.AvgPool2d(32), nn.Flatten()).eval()
    with pytest.raises(EdgekitError, match=r"uses .*Erf"):
        onnx_ops(export_onnx(net, (32, 32, 1)))


def test_images_of_another_size_are_refused(student: SmallStudent) -> None:
    small = discs(4, 16, seed=0)[0]
    with pytest.raises(EdgekitError, match=r"calibration images have the shape \(4, 16, 16, 1\)"):
        convert(student.module, (32, 32, 1), small, ConvertRecipe(), student.images)
    with pytest.raises(EdgekitError, match="check images"):
        convert(student.module, (32, 32, 1), student.images, ConvertRecipe(), student.images[:0])
