"""Puts what comes with edgekit beside its Python into the wheel: the firmware's sources, the shipped models, the
licence that exports carry.

In: `firmware/`, `models/` and LICENSE of a checkout or an unpacked sdist. Out: the same below `edgekit/`, where
`edgekit.values.shipped` finds them. setuptools calls this (pyproject.toml); an editable installation, whose package
lies in the checkout, needs none of it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools.command.build_py import build_py

MODEL_FILES = ("card.json", "card.md", "recipe.json", "*.tflite")  # of each folder of models/ that has a card
ALSO = ("tools/build_wheel.py",)  # what the sdist needs to build the wheel


class BuildPy(build_py):  # type: ignore[misc]  # setuptools carries no types
    """setuptools' own, and the folders beside `src`."""

    def run(self) -> None:
        """Builds into an empty folder: a module that was removed since the last build must not come back."""
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib) / "edgekit", ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for source in beside():
                target = Path(self.build_lib) / "edgekit" / source
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """What the sdist holds of them."""
        return [*super().get_source_files(), *map(str, beside()), *ALSO]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What an installation holds of them."""
        there = [] if self.editable_mode else [str(Path(self.build_lib) / "edgekit" / source) for source in beside()]
        return [*super().get_outputs(include_bytecode), *there]


def beside() -> Iterator[Path]:
    """The files to carry, from the top level on."""
    yield Path("LICENSE")
    firmware = Path("firmware")
    lines = (firmware / "sources.txt").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    found = {path for pattern in patterns for path in firmware.glob(pattern) if path.is_file()}
    yield from sorted(path for path in found if "__pycache__" not in path.parts)
    for card in sorted(Path("models").glob("*/card.json")):
        yield from sorted({path for pattern in MODEL_FILES for path in card.parent.glob(pattern)})
