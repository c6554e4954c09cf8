"""Images from a folder, a download or a drawing program, split by patient.

In: a `--data` word and an image size. Out: `ImageSplits`, `DataInfo` (`sources`), an `Audit` (`audit`).
"""
