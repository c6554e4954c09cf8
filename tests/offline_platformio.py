"""PlatformIO without its registry."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest


def need_platformio() -> None:
    """Skips the test where it is not installed."""
    for package in ("platformio", "SCons"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[dev]'")


def pio(project: Path, *arguments: str, core: Path | None = None, succeeds: bool = True) -> str:
    """What it says."""
    # a proxy that leads nowhere: whatever wants the registry fails
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env = {
        **os.environ,
        **nowhere,
        "PLATFORMIO_CORE_DIR": str(core or project / "platform/core"),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL": "9999",
        "CI": "true",
    }
    done = subprocess.run(
        [sys.executable, "-m", "platformio", *arguments],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == succeeds, said[-6000:]
    return said
