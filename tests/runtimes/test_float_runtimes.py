from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import EdgekitError
from edgekit.runtimes import onnx, torch
from small_student import SmallStudent


def test_onnx_and_torch_give_the_same_logits(student: SmallStudent, tmp_path: Path) -> None:
    file = tmp_path / "student.onnx"
    file.write_bytes(student.converted.onnx)
    seen: list[int] = []
    exported, own = onnx.run(file, student.images), torch.run(student.module, student.images, seen.append)
    assert exported.shape == own.shape == (64, 2)
    assert exported.dtype == own.dtype == np.float32
    np.testing.assert_allclose(exported, own, atol=1e-4)
    assert sum(seen) == 64


def test_running_torch_leaves_the_network_as_it_was(student: SmallStudent) -> None:
    before = {name: value.clone() for name, value in student.module.state_dict().items()}
    student.module.train()
    torch.run(student.module, student.images)
    assert student.module.training
    student.module.eval()
    assert all((value == before[name]).all() for name, value in student.module.state_dict().items())


def test_bad_onnx_files_and_images_are_named(student: SmallStudent, tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"none\.onnx cannot be read"):
        onnx.run(tmp_path / "none.onnx", student.images)
    (tmp_path / "cut.onnx").write_bytes(student.converted.onnx[:500])
    with pytest.raises(EdgekitError, match=r"cut\.onnx is not an intact ONNX model"):
        onnx.run(tmp_path / "cut.onnx", student.images)
    with pytest.raises(EdgekitError, match="images are 16 x 16"):
        onnx.run(student.converted.onnx, student.images[:, :16, :16])


def test_images_become_channels_first_whatever_their_channels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    assert np.array_equal(torch.to_nchw(images).numpy(), images.transpose(0, 3, 1, 2))
    grey = np.ascontiguousarray(images[..., :1])
    assert torch.to_nchw(grey).stride() == (20, 20, 5, 1)  # as an array [N, 1, H, W] would lie
    assert torch.to_unit(torch.to_nchw(images)).numpy() == pytest.approx(images.transpose(0, 3, 1, 2) / 255, abs=1e-7)
