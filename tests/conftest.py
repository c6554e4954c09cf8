"""Fixtures that more than one room needs."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def xray_folder() -> Path:
    """The real X-rays: at EDGEKIT_XRAYS, or beside the repository."""
    folder = Path(os.environ.get("EDGEKIT_XRAYS", REPOSITORY.parent / "shared" / "data" / "chest_xray"))
    if not folder.is_dir():
        pytest.skip(f"the real X-rays are not at {folder}; set EDGEKIT_XRAYS to their folder")
    return folder
