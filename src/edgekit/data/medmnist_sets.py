"""The two-dimensional sets of MedMNIST v2 and MedMNIST+, as `medmnist.INFO` describes them: a row a set.

Names of classes are INFO's, but for three that list others behind a comma: "immature granulocytes" are myelocytes,
metamyelocytes and promyelocytes; "normal or benign" and "Collecting Duct or Connecting Tubule" have a comma there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.values.task import CHEST_XRAY, Task

EDGES = (28, 64, 128, 224)  # pixels a side
_KERMANY = "D. Kermany, K. Zhang, M. Goldbaum, doi:10.17632/rscbjbr9sj.3"
_LITS = 'P. Bilic et al., "LiTS" (2019), organs marked by X. Xu et al. (2019)'
_LIMITS = ("It must not be used to diagnose.", "Images of other origin than the data set's were not tried.")
_ORDER = "Its grades have an order, which neither training nor figures know of."
_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip
MULTI_LABEL = ("chestmnist",)
THREE_DIMENSIONAL = (
    "organmnist3d", "nodulemnist3d", "adrenalmnist3d", "fracturemnist3d", "vesselmnist3d", "synapsemnist3d",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Set:
    """One set: what is asked of it, the published MD5 of each file, whose images they are, under which licence."""

    task: Task
    md5: Mapping[int, str]  # by edge
    images_of: str
    licence: str = "CC BY 4.0"
    mirror: bool = True  # a mirrored left lung is a right one


def _task(noun: str, *labels: str, channels: int = 1, positive: str = "", limits: tuple[str, ...] = _LIMITS) -> Task:
    return Task(labels, channels, positive, noun, CHEST_XRAY.domain, limits)


def _md5(*sums: str) -> dict[int, str]:
    return dict(zip(EDGES, sums, strict=True))


SETS = {
    "pathmnist": Set(
        _task(
            "colon tissue image",
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
            channels=3,
        ),
        _md5(
            "a8b06965200029087d5bd730944a56c1",
            "55aa9c1e0525abe5a6b9d8343a507616",
            "ac42d08fb904d92c244187169d1fd1d9",
            "2c51a510bcdc9cf8ddb2af93af1eadec",
        ),
        'J. N. Kather et al., "NCT-CRC-HE-100K", PLOS Medicine 16(1) (2019)',
    ),
    "dermamnist": Set(
        _task(
            "dermatoscopic image",
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
            channels=3,
        ),
        _md5(
            "0744692d530f8e62ec473284d019b0c7",
            "b70a2f5635c6199aeaa28c31d7202e1f",
            "2defd784463fa5243564e855ed717de1",
            "8974907d8e169bef5f5b96bc506ae45d",
        ),
        'P. Tschandl, C. Rosendahl, H. Kittler, "HAM10000", Scientific Data 5 (2018)',
        licence="CC BY-NC 4.0",
    ),
    "octmnist": Set(
        _task("retinal OCT scan", "choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        _md5(
            "c68d92d5b585d8d81f7112f81e2d0842",
            "e229e9440236b774d9f0dfef9d07bdaf",
            "0a97e76651ace45c5d943ee3f65b63ae",
            "abc493b6d529d5de7569faaef2773ba3",
        ),
        _KERMANY,
    ),
    "pneumoniamnist": Set(
        CHEST_XRAY,
        _md5(
            "28209eda62fecd6e6a2d98b1501bb15f",
            "8f4eceb4ccffa70c672198ea285246c6",
            "05b46931834c231683c68f40c47b2971",
            "d6a3c71de1b945ea11211b03746c1fe1",
        ),
        _KERMANY,
    ),
    "retinamnist": Set(
        _task("retina photograph", *"01234", channels=3, limits=(*_LIMITS, _ORDER)),
        _md5(
            "bd4c0672f1bba3e3a89f0e4e876791e4",
            "afda852cc34dcda56f86ad2b2457dbcc",
            "e48e916a24454daf90583d4e6efb1a18",
            "eae7e3b6f3fcbda4ae613ebdcbe35348",
        ),
        "the DeepDRiD challenge (2020)",
    ),
    "breastmnist": Set(
        _task("breast ultrasound image", "malignant", "normal or benign", positive="malignant"),
        _md5(
            "750601b1f35ba3300ea97c75c52ff8f6",
            "742edef2a1fd1524b2efff4bd7ba9364",
            "363e4b3f8d712e9b5de15470a2aaadf1",
            "b56378a6eefa9fed602bb16d192d4c8b",
        ),
        "W. Al-Dhabyani et al., Data in Brief 28 (2020)",
    ),
    "bloodmnist": Set(
        _task(
            "blood cell image",
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
            channels=3,
        ),
        _md5(
            "7053d0359d879ad8a5505303e11de1dc",
            "2b94928a2ae4916078ca51e05b6b800b",
            "adace1e0ed228fccda1f39692059dd4c",
            "b718ff6835fcbdb22ba9eacccd7b2601",
        ),
        "A. Acevedo et al., Data in Brief 30 (2020)",
    ),
    "tissuemnist": Set(
        _task(
            "kidney cell image",
            "Collecting Duct or Connecting Tubule",
            "Distal Convoluted Tubule",
            "Glomerular endothelial cells",
            "Interstitial endothelial cells",
            "Leukocytes",
            "Podocytes",
            "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ),
        _md5(
            "ebe78ee8b05294063de985d821c1c34b",
            "123ece2eba09d0aa5d698fda57103344",
            "61b955355d7425a89687b06cca3ce0c2",
            "b077128c4a949f0a4eb01517f9037b9c",
        ),
        "BBBC051 of the Broad Bioimage Benchmark Collection, V. Ljosa et al., Nature Methods 9 (2012)",
    ),
    "organamnist": Set(
        _task("axial CT slice", *_ORGANS),
        _md5(
            "68e3f8846a6bd62f0c9bf841c0d9eacc",
            "2dcccc29b88e6da5a01161ef20cda288",
            "eeae80d0a227a8d099027e1b3cfd3b60",
            "50747347e05c87dd3aaf92c49f9f3170",
        ),
        _LITS,
        mirror=False,
    ),
    "organcmnist": Set(
        _task("coronal CT slice", *_ORGANS),
        _md5(
            "b9ceb9546e10131b32923c5bbeaea2b1",
            "3ce34a8724ea6f548e6db4744d03b6a9",
            "773c1f009daa3fe5d9a2a201b2a7ed94",
            "050f5e875dc056f6768abf94ec9995d1",
        ),
        _LITS,
        mirror=False,
    ),
    "organsmnist": Set(
        _task("sagittal CT slice", *_ORGANS),
        _md5(
            "9ab87b696fb54e2a387ebe992d6ed5f1",
            "53a6d115339d874c25e309a994ff46d3",
            "ded0c5fa01a95dc4978b956f613e9b8e",
            "b354719e553fbbb2513d5533f52a4cb1",
        ),
        _LITS,
        mirror=False,
    ),
}
