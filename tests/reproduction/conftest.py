"""One rehearsal of the whole paper, by the command line, for every test that reads its report."""

import os

import pytest
from filelock import FileLock
from rehearsal import Rehearsal


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # shared by the workers
    made = Rehearsal(base / "rehearsal" / "out", base / "rehearsal" / "cache")
    made.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(made.cache / "lock"):
        if not (made.out / "report.html").exists():
            done = made.run(made.out)
            assert done.returncode == 0, done.stdout + done.stderr
    return made
