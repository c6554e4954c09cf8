"""Before every build by PlatformIO: a checkout whose lib/model is empty gets the model that comes with edgekit.

A model that `edgekit firmware --model FILE` wrote there stays. The tests of the application need none.
"""

import os
import subprocess
import sys
from pathlib import Path

Import("env")  # noqa: F821

firmware = Path(env.subst("$PROJECT_DIR"))  # noqa: F821
root = firmware.parent
if not (firmware / "lib/model/src/model/model.json").is_file() and "PIOTEST_RUNNING_NAME" not in env:  # noqa: F821
    model = root / "models/chest_xray/student_int8.tflite"
    python = root / ".venv/bin/python"  # of tools/check and tools/demo; else the one that runs PlatformIO
    python = python if python.is_file() else Path(sys.executable)
    command = [str(python), "-P", "-m", "edgekit", "firmware", "--model", str(model)]
    # an empty part would be the working directory
    path = os.pathsep.join(filter(None, [str(root / "src"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, env={**os.environ, "EDGEKIT_FIRMWARE": str(firmware), "PYTHONPATH": path}, check=False
    )
    if done.returncode:
        sys.stderr.write("firmware/lib/model holds no model. Write one: edgekit firmware (pip install edgekit)\n")
        env.Exit(1)  # noqa: F821
