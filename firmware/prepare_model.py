"""Before every build by PlatformIO: a project whose lib/model is empty gets the model that comes with edgekit.

A model that `edgekit firmware --model FILE` wrote there stays. The tests of the application need none. Settings of an
earlier build that win over sdkconfig.defaults are told.
"""

import os
import subprocess
import sys
from pathlib import Path

Import("env")  # noqa: F821

firmware = Path(env.subst("$PROJECT_DIR"))  # noqa: F821
root = firmware.parent
is_test = "PIOTEST_RUNNING_NAME" in env  # noqa: F821


def settings(*files: Path) -> dict[str, str]:
    """What sdkconfig files set, a later one over an earlier one."""
    lines = [line for file in files if file.is_file() for line in file.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_") and "=" in line)


def tell_older_settings(environment: str) -> None:
    """ESP-IDF reads sdkconfig.defaults only where no sdkconfig of the environment is there yet."""
    left = firmware / f"sdkconfig.{environment}"
    if not left.is_file():
        return
    further = [firmware / f"sdkconfig.{kind}" for kind in ("qio", "one_core") if f"_{kind}" in environment]
    has, wanted = settings(left), settings(firmware / "sdkconfig.defaults", *further)
    other = [name for name, value in wanted.items() if has.get(name, "n") != value]
    if other:
        sys.stderr.write(
            f"Warning: {left.name}, left by an earlier build or by menuconfig, wins over sdkconfig.defaults, from "
            f"which it differs in {', '.join(other)}. Unless you want that: remove {left}.\n"
        )


def write_model() -> None:
    """Gives lib/model the model that comes with edgekit."""
    model = root / "models/chest_xray/student_int8.tflite"  # of a checkout
    named = ["--model", str(model)] if model.is_file() else []  # else the one in edgekit's package
    own = (root / ".venv/bin/python", root / ".venv/Scripts/python.exe")  # of tools/setup.sh
    python = next(filter(Path.is_file, own), Path(sys.executable))  # else the one that runs PlatformIO
    command = [str(python), "-P", "-m", "edgekit", "firmware", *named]
    source = str(root / "src") if (root / "src/edgekit").is_dir() else ""
    # an empty part would be the working directory
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, env={**os.environ, "EDGEKIT_FIRMWARE": str(firmware), "PYTHONPATH": path}, check=False
    )
    if done.returncode:
        sys.stderr.write(
            f"firmware/lib/model holds no model, and {python} could not write one: see above. If it lacks packages, "
            f"run `edgekit firmware` in the environment that edgekit is installed in, then build again. To install it "
            f"beside PlatformIO: {python} -m pip install {f'-e {root}' if source else 'FILE.whl'}\n"
        )
        env.Exit(1)  # noqa: F821


if is_test:
    env.Append(CPPDEFINES=[("EDGEKIT_PROFILE", 0)])  # noqa: F821  # whatever lib/model holds
else:
    tell_older_settings(env.subst("$PIOENV"))  # noqa: F821
    if not (firmware / "lib/model/src/model/model.json").is_file():
        write_model()
