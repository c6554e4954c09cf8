"""What the paper printed, to stand beside what is found here.

"Combining deep learning model compression techniques": tables I to IV. Accuracies and pruned shares in [0, 1].
"""

from collections.abc import Mapping
from dataclasses import dataclass

TITLES = {
    "alexnet": "AlexNet", "densenet121": "DenseNet121", "resnet18": "ResNet18", "vgg19": "VGG19",
    "googlenet": "GoogLeNet", "inception_v3": "Inception V3",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Teacher:
    """A row of Table I; share and alpha are None for the ensembles."""

    accuracy: float
    pruned_accuracy: float
    zeroed: float | None = None
    alpha: float | None = None


TABLE_1: Mapping[str, Teacher] = {
    "vgg19": Teacher(0.9135, 0.9135, 0.8735, 1),
    "alexnet": Teacher(0.9247, 0.9295, 0.9115, 1),
    "googlenet": Teacher(0.9263, 0.9279, 0.2475, 6),
    "densenet121": Teacher(0.9311, 0.9327, 0.2363, 6),
    "resnet18": Teacher(0.9439, 0.9487, 0.3943, 4),
    "vote": Teacher(0.9455, 0.9503),
    "mean": Teacher(0.9471, 0.9503),
}


@dataclass(frozen=True, slots=True)
class Scores:
    """A row of Table II."""

    accuracy: float
    precision: float
    recall: float
    f1: float


TABLE_2: Mapping[str, Scores] = {
    "teacher": Scores(0.9471, 0.954, 0.934, 0.942),
    "conventional": Scores(0.8622, 0.893, 0.822, 0.841),
    "distilled": Scores(0.8990, 0.913, 0.874, 0.881),
    "pruned": Scores(0.9038, 0.915, 0.881, 0.894),  # 4.01 % of the weights
}
STUDENT_ZEROED = 0.0401


@dataclass(frozen=True, slots=True)
class Quantized:
    """A row of Table III."""

    accuracy: float
    f1: float
    kilobytes: float
    ratio: float


TABLE_3: Mapping[str, Quantized] = {
    "float32": Quantized(0.9038, 0.894, 127.41, 1.0),
    "dynamic": Quantized(0.9022, 0.891, 39.23, 3.24),
    "float16": Quantized(0.9038, 0.893, 67.82, 1.87),
    "int8": Quantized(0.9086, 0.899, 40.70, 3.13),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A row of Table IV: what, whose figure it is, accuracy, and the size as printed."""

    title: str
    source: str
    accuracy: float
    size: str


TABLE_4: Mapping[str, Compared] = {
    "conventional": Compared("Student, conventional", "the paper", 0.8622, "127 KB"),
    "int8": Compared("Student, compressed", "the paper", 0.9086, "40 KB"),
    "densenet121": Compared("DenseNet121", "Chouhan 2020", 0.9262, "27 MB"),
    "inception_v3": Compared("Inception V3", "Kermany 2018", 0.9280, "93 MB"),
    "alexnet": Compared("AlexNet", "Chouhan 2020", 0.9286, "217 MB"),
    "googlenet": Compared("GoogLeNet", "Chouhan 2020", 0.9312, "21 MB"),
    "resnet18": Compared("ResNet18", "Chouhan 2020", 0.9423, "43 MB"),
    "mean-pruned": Compared("The paper's teacher", "the paper", 0.9503, "841 MB"),
    "chouhan": Compared("Ensemble of five", "Chouhan 2020", 0.9639, "401 MB"),
}
