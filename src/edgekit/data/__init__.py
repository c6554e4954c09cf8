"""The data room: images from a folder, a download or a drawing board, split by patient.

In: a `--data` word and an image size. Out: `ImageSplits`, `DataInfo`, or (in `edgekit.data.audit`) an
`Audit`.
"""

from edgekit.data.sources import data_info, load_splits

__all__ = ["data_info", "load_splits"]
