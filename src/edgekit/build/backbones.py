"""torchvision's ImageNet networks with a head of two logits.

Weights come from torchvision's own download, from a folder of the files that it would download, or not at all.
"""

import hashlib
import re
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from edgekit.errors import EdgekitError


def backbone(name: str, weights: str, trunk: str, weights_dir: Path | None) -> nn.Module:
    """A torchvision network that takes float [B, 3, H, W] and gives logits [B, 2]. See `nets.teacher_net`."""
    from torchvision import models

    pretrained = weights == "imagenet"
    options = {}
    if name in ("googlenet", "inception_v3"):  # their weights come from TensorFlow and want its range of pixels
        options = {"aux_logits": False, "init_weights": not pretrained, "transform_input": pretrained}
    net: nn.Module = models.get_model(name, weights=None, **options)
    if pretrained:
        state = _imagenet(models.get_model_weights(name).DEFAULT.url, weights_dir)
        auxiliary = ("aux1.", "aux2.", "AuxLogits.")  # heads that help ImageNet training alone
        net.load_state_dict({_renamed(k): value for k, value in state.items() if not k.startswith(auxiliary)})
    last_stage = _replace_head(net)
    if trunk == "frozen":
        for parameter in net.parameters():
            parameter.requires_grad = False
        for part in last_stage:
            for parameter in part.parameters():
                parameter.requires_grad = True
    return net


def _renamed(key: str) -> str:
    """DenseNet's published files are older than its modules' names: `denselayer1.norm.1` is now `denselayer1.norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)", r"\1", key)


def _replace_head(net: Any) -> list[nn.Module]:
    """Puts a linear layer of two outputs at the end; returns the modules that a frozen trunk still trains."""
    if hasattr(net, "fc"):  # resnet, googlenet, inception
        net.fc = nn.Linear(net.fc.in_features, 2)
        return [net.fc]
    classifier = net.classifier
    if isinstance(classifier, nn.Linear):  # densenet
        net.classifier = nn.Linear(classifier.in_features, 2)
        return [net.classifier]
    classifier[-1] = nn.Linear(classifier[-1].in_features, 2)  # alexnet, vgg, mobilenet
    return [classifier]


def _imagenet(url: str, weights_dir: Path | None) -> dict[str, torch.Tensor]:
    """The state dict of that address, whose file name ends in the first digits of its SHA-256."""
    file_name = url.rsplit("/", 1)[-1]
    wanted = file_name.rsplit("-", 1)[-1].split(".")[0]
    fetch = f"Fetch {url} on a machine with internet and pass its folder as --weights-dir, or --set teach.weights=none."
    if weights_dir is None:
        try:
            downloaded: dict[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
                url, map_location="cpu", check_hash=True, weights_only=True
            )
        except (URLError, OSError, HTTPException, RuntimeError) as error:
            raise EdgekitError(f"The ImageNet weights {file_name} cannot be downloaded: {error}.", fetch) from error
        return downloaded
    path = weights_dir / file_name
    if not path.is_file():
        raise EdgekitError(f"{path} does not exist (its SHA-256 begins with {wanted}).", fetch)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(wanted):
        raise EdgekitError(f"{path} is not the file expected: SHA-256 {found[:8]}..., not {wanted}...", fetch)
    state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
