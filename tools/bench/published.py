"""Models whose times on real chips others have published, by the SHA-256 of their .tflite.

In: a folder that holds some of them, under whatever names. Out: models; times in ms.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit import files
from edgekit.errors import EdgekitError

MEASURED = Path(__file__).with_name("esp32_measured") / "measured.csv"
REPORTED = MEASURED.with_name("reported.csv")
KERNELS = {"TFLM + ESP-NN": "esp-nn-optimized", "TFLM + ESP-NN's portable C": "ansi-c-reference"}  # by contender


@dataclass(frozen=True, slots=True)
class Public:
    """A model of another project, Apache licence 2.0. `file`: what measured.csv calls it; `path`: where it is from."""

    file: str
    sha256: str
    path: str


_TINY = "mlcommons/tiny: benchmark/training/"
PUBLIC: Mapping[str, Public] = {
    "person_detect": Public(
        "person_detect.tflite",
        "808cfdfc0cf3a6fa6f6fa26bfa379ea97c16d5db7334637766e39c3408502e9d",
        "tensorflow/tflite-micro: tensorflow/lite/micro/models/person_detect.tflite",
    ),
    "MLPerf ResNet": Public(
        "pretrainedResnet_quant.tflite",
        "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415",
        _TINY + "image_classification/trained_models/pretrainedResnet_quant.tflite",
    ),
    "kws": Public(
        "kws_ref_model.tflite",
        "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae",
        _TINY + "keyword_spotting/trained_models/kws_ref_model.tflite",
    ),
    "ad01": Public(
        "ad01_int8.tflite",
        "87cf24194ef93d1d9b11a591d805526b98008e351655d29883c825c9c106ba24",
        _TINY + "anomaly_detection/trained_models/ad01_int8.tflite",
    ),
}


def public_models(folder: Path) -> dict[str, bytes]:
    """Those of PUBLIC that lie in the folder or below. Raises EdgekitError: none does."""
    by_hash = {files.file_sha256(path): path for path in sorted(folder.rglob("*.tflite"))}
    found = {name: by_hash[public.sha256] for name, public in PUBLIC.items() if public.sha256 in by_hash}
    if not found:
        wanted = "; ".join(public.path for public in PUBLIC.values())
        raise EdgekitError(f"{folder} holds none of the models whose times were published.", f"Put there: {wanted}.")
    return {name: path.read_bytes() for name, path in found.items()}


def measured_ms() -> dict[tuple[str, str], float]:
    """Of the whole model on a chip at DIO 40 MHz, by file and kernels, the least of what was published."""
    times: dict[tuple[str, str], float] = {}
    with MEASURED.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["operator"] == "whole model":
                key = (row["model"], row["kernels"])
                times[key] = min(int(row["microseconds"]) / 1000, times.get(key, float("inf")))
    return times


def published_ms(name: str, contender: str) -> float | None:
    """What a chip took, where somebody has said."""
    if name not in PUBLIC or contender not in KERNELS:
        return None
    return measured_ms().get((PUBLIC[name].file, KERNELS[contender]))


def esp32_compiler_ms(name: str, contender: str) -> float | None:
    """What was estimated of the same as the ESP32's own compiler makes it, where somebody has counted that."""
    if contender != "TFLM + ESP-NN":
        return None
    with REPORTED.open(newline="") as file:
        found = [float(row["estimated"]) for row in csv.DictReader(file) if row["program"] == name]
    return found[0] if found else None
