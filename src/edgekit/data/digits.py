"""The handwritten digits that come with scikit-learn: 1,797 grey pictures of 8x8 pixels, ten classes, no download.

In: nothing. Out: a `Catalogue`.
"""

import numpy as np
from PIL import Image

from edgekit.data.catalogue import Catalogue, fingerprint_of
from edgekit.extras import not_installed
from edgekit.files import sha256_of
from edgekit.values.images import DataInfo
from edgekit.values.task import Task

DIGITS = Task(labels=tuple("0123456789"), noun="handwritten digit")
LICENCE = (
    'CC BY 4.0. E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, '
    "doi:10.24432/C50P49"
)
_WHITE = 16  # of the values as they are stored


def digits_catalogue() -> Catalogue:
    """Lists the pictures; none is mirrored in training.

    Raises:
        EdgekitError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise not_installed("sklearn", "there are no digits") from error
    found = load_digits()
    pixels = np.rint(found.images * (255 / _WHITE)).astype(np.uint8)
    entries = sorted(
        (f"{DIGITS.labels[label]}/{number:04d}.png", number, label)
        for number, label in enumerate(found.target.tolist())
    )
    ids, numbers, labels = zip(*entries, strict=True)
    digests = tuple(sha256_of(pixels[number].tobytes()) for number in numbers)
    return Catalogue(
        info=DataInfo(
            name="digits",
            fingerprint=fingerprint_of(ids, digests),
            synthetic=False,
            task=DIGITS,
            licence=LICENCE,
            notes=("who wrote a digit is not given: one hand may stand in train and in test",),
            mirror=False,
        ),
        ids=ids,
        labels=np.array(labels, np.int64),
        splits=("train",) * len(ids),
        groups=ids,
        digests=digests,
        open_images=lambda: lambda row: Image.fromarray(pixels[numbers[row]]),
    )
