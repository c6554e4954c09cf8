from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.runtimes.float_networks import onnx_input_size, run_onnx, run_torch
from small_student import SmallStudent


def test_onnx_and_torch_give_the_same_logits(student: SmallStudent, tmp_path: Path) -> None:
    file = tmp_path / "student.onnx"
    file.write_bytes(student.converted.onnx)
    onnx, torch = run_onnx(file, student.images), run_torch(student.module, student.images)
    assert onnx.shape == torch.shape == (64, 2)
    assert onnx.dtype == torch.dtype == np.float32
    np.testing.assert_allclose(onnx, torch, atol=1e-4)
    assert onnx_input_size(file) == (32, 32)


def test_running_torch_leaves_the_network_as_it_was(student: SmallStudent) -> None:
    before = {name: value.clone() for name, value in student.module.state_dict().items()}
    student.module.train()
    run_torch(student.module, student.images)
    assert student.module.training
    student.module.eval()
    assert all((value == before[name]).all() for name, value in student.module.state_dict().items())


def test_bad_onnx_files_and_images_are_named(student: SmallStudent, tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"none\.onnx cannot be read"):
        run_onnx(tmp_path / "none.onnx", student.images)
    (tmp_path / "cut.onnx").write_bytes(student.converted.onnx[:500])
    with pytest.raises(EdgekitError, match=r"cut\.onnx is not an intact ONNX model"):
        run_onnx(tmp_path / "cut.onnx", student.images)
    with pytest.raises(EdgekitError, match="images are 16 x 16"):
        run_onnx(student.converted.onnx, student.images[:, :16, :16])
