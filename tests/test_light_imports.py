"""A host that only talks to a board has neither torch nor tensorflow."""

import os
import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
IMPORT_ALL_BUT_HEAVY = """
import importlib, pkgutil, sys
import edgekit

def walk(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name not in ("edgekit.training", "edgekit.conversion", "edgekit.__main__"):
            imported = importlib.import_module(module.name)
            if module.ispkg:
                walk(imported)

walk(edgekit)
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
print(*(name for name in sys.modules if name.startswith("edgekit.")))
"""


def test_everything_outside_training_and_conversion_imports_without_torch_or_tensorflow() -> None:
    heavy = ["torch", "torchvision", "tensorflow", "tf_keras", "onnx", "onnxruntime", "onnx2tf", "sklearn", "scipy"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_BUT_HEAVY, *heavy],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, imported = done.stdout.splitlines()
    assert found == ""
    assert {"edgekit.report.card", "edgekit.metrics.scores", "edgekit.data.preprocess"} <= set(imported.split())


NOT_ON_WINDOWS = """
import builtins

LACKING = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
found = builtins.__import__

def as_on_windows(name, names=None, *rest, **more):
    if name in LACKING and (names or {}).get("__name__", "").startswith("edgekit"):
        raise ModuleNotFoundError(f"No module named {name!r}, imported by {names['__name__']}")
    return found(name, names, *rest, **more)

builtins.__import__ = as_on_windows
"""


def test_no_module_needs_what_python_lacks_on_windows() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOT_ON_WINDOWS + IMPORT_ALL_BUT_HEAVY],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "edgekit.testing.fuzz" in done.stdout.split()


def test_the_package_imports_nothing_before_the_command_line_can_take_a_ctrl_c() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; old = {*sys.modules}; import edgekit; print({*sys.modules} - old)"
    done = subprocess.run([sys.executable, "-P", "-S", "-c", code, SRC], capture_output=True, text=True, check=True)
    assert done.stdout == "{'edgekit'}\n"
