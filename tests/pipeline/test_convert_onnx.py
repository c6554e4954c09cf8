"""`edgekit compile MODEL.onnx`: through the conversion room, with images that set the int8 ranges."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import CompileOptions, compile_model
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.runtimes.tflm import run as run_tflm
from edgekit.tflite.model import read_int8_model

torch = pytest.importorskip("torch")
pytest.importorskip("onnx2tf")


def exported(path: Path, inputs: int = 1, shape: tuple[int, ...] = (1, 3, 24, 32)) -> torch.nn.Module:
    """A small network of RGB images of 24 x 32; or one of several inputs."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 4),
    )  # fmt: skip

    class Two(torch.nn.Module):
        def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return one + other

    network = layers.eval() if inputs == 1 else Two()
    names = [f"pixels{number}" for number in range(inputs)]
    torch.onnx.export(network, (torch.rand(shape),) * inputs, path, dynamo=False, input_names=names)
    return network


def test_an_onnx_model_becomes_c_whose_tflite_answers_as_it_does(tmp_path: Path) -> None:
    network = exported(tmp_path / "net.onnx")
    words = ["compile", str(tmp_path / "net.onnx"), "--out", str(tmp_path / "out"), "--name", "net"]
    done = CliRunner().invoke(cli, [*words, "--calibrate", "shapes:0:240", "--input-range", "-1,1"])
    assert done.exit_code == 0, done.exception
    content = (tmp_path / "out/net.tflite").read_bytes()
    assert compile_model(content, CompileOptions("net")).files["net.c"] == (tmp_path / "out/net.c").read_text()
    model = read_int8_model(content)
    images = load_splits("shapes:0:240", (24, 32), DataRecipe(channels=3)).train.images[:8]
    real = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
    assert model.output_q is not None
    mine = (run_tflm(model, images).astype(np.float64) - model.output_q.zero_point) * model.output_q.scale
    wanted = network(real).detach().numpy()
    assert np.abs(mine - wanted).max() < 0.1 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("inputs", "shape", "message"),
    [(2, (1, 3, 24, 32), "takes 2 inputs"), (1, (1, 8), "shapes \\[1, 8\\]")],
)
def test_what_is_no_single_image_is_refused_with_how_to_convert_it(
    inputs: int, shape: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    if len(shape) == 2:
        torch.onnx.export(torch.nn.Linear(8, 2), (torch.rand(shape),), tmp_path / "net.onnx", dynamo=False)
    else:
        exported(tmp_path / "net.onnx", inputs, shape)
    with pytest.raises(EdgekitError, match=message) as refusal:
        CliRunner().invoke(
            cli, ["compile", str(tmp_path / "net.onnx"), "--out", str(tmp_path / "o"), "--calibrate", "shapes"],
            catch_exceptions=False,
        )  # fmt: skip
    assert "onnx2tf -i" in refusal.value.hint


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (b"\x08\x08\x12\x07pytorch", [], "must see images"),
        (b"\x08\x08\x12\x99pytorch", ["--calibrate", "shapes"], "cannot be read as ONNX"),
        (b"something", ["--calibrate", "shapes"], "is not an ONNX model"),
    ],
)
def test_onnx_without_images_damaged_onnx_and_other_files_are_refused(
    content: bytes, words: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(EdgekitError, match=message):
        CliRunner().invoke(
            cli, ["compile", str(tmp_path / "net.onnx"), "--out", str(tmp_path / "o"), *words], catch_exceptions=False
        )
