"""The closure of a module by imports, and the key that follows from it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import EdgekitError
from edgekit.metrics.classes import auc
from edgekit.values import code
from edgekit.values.code import closure, code_key, function_key
from edgekit.values.task import CHEST_XRAY


@pytest.mark.parametrize(
    ("module", "modules", "libraries"),
    [
        (
            "training.teach",
            {"training.backbones", "training.linear_probe", "values.networks"},
            {"torch", "torchvision"},
        ),
        ("training.distill", {"training.fit", "training.augment"}, {"torch"}),
        ("conversion.convert", {"runtimes.tflm", "tflite.model"}, {"onnx", "onnxruntime", "tflite_micro"}),
        ("runtimes.tflm", {"runtimes.runtime", "tflite.quantize"}, {"tflite_micro"}),
        ("data.preprocess", {"data", "errors"}, {"PIL", "numpy"}),
    ],
)
def test_a_closure_reaches_imports_inside_functions_and_stays_in_its_part_of_the_house(
    module: str, modules: set[str], libraries: set[str]
) -> None:
    found = closure([f"edgekit.{module}"])
    assert {f"edgekit.{name}" for name in modules} <= found.modules
    assert libraries <= found.libraries
    assert all(code.library_version(name) != "absent" for name in found.libraries)
    above = ("cli", "reproduction", "pipeline", "report", "device", "compile")
    assert not {name for name in found.modules if name.split(".")[1] in above}


def test_no_module_of_a_stage_is_imported_by_a_name_that_only_running_it_tells() -> None:
    entries = ["training.teach", "training.prune", "conversion.convert", "data.audit"]
    for name in closure([f"edgekit.{entry}" for entry in entries]).modules:
        path = code._path(name)
        assert path is not None
        assert not {"import_module", "iter_modules", "__import__"} & set(path.read_text().replace("(", " ").split())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in the place of edgekit."""
    files = {
        "one.py": "from edgekit.two import f\n\ndef g():\n    import numpy as np\n    from edgekit.deep import three\n",
        "two.py": "import os\n\ndef f(): pass\n",
        "deep/__init__.py": "",
        "deep/three.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from edgekit import aside\n",
        "aside.py": "",
        "__init__.py": "from edgekit import aside",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "_PACKAGE", tmp_path)
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (code_key, code._module, code._tree, code._digest, code._imports):
        cached.cache_clear()


def key_of_one() -> str:
    forget()
    return code_key("edgekit.one")


def test_a_closure_holds_packages_and_neither_the_standard_library_nor_what_only_types_need(package: Path) -> None:
    key_of_one()
    found = closure(["edgekit.one"])
    assert {name.removeprefix("edgekit.") for name in found.modules} == {"one", "two", "deep", "deep.three"}
    assert found.libraries == {"numpy"}


@pytest.mark.parametrize(
    ("file", "text", "same"),
    [
        ("deep/three.py", "X = 1", False),
        ("deep/__init__.py", "X = 1", False),
        ("aside.py", "X = 1", True),
        ("two.py", '"""Words."""\nimport os  # a comment\n\n\ndef f():\n    pass\n', True),
    ],
)
def test_a_key_follows_the_code_of_its_closure_alone(package: Path, file: str, text: str, same: bool) -> None:
    before = key_of_one()
    (package / file).write_text(text)
    assert (key_of_one() == before) == same


def test_a_key_follows_the_versions_of_libraries(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of_one()
    monkeypatch.setattr(code, "library_version", lambda name: "99")
    assert key_of_one() != before


LIMIT = 3


def limited(value: int) -> int:
    return min(value, LIMIT)


def test_a_functions_key_follows_the_functions_constants_and_imports_that_it_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make() -> int:
        return limited(2) + len(auc.__name__)

    def key() -> str:
        found = function_key(make)
        assert function_key(make) == found
        return found

    keys = [key()]
    monkeypatch.setitem(globals(), "LIMIT", 4)
    keys.append(key())
    monkeypatch.setattr(code, "_module", lambda name: ast.parse("import edgekit.errors" if "scores" in name else ""))
    keys.append(key())
    assert len(set(keys)) == 3


def test_a_functions_key_follows_the_class_of_what_it_closes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    task = CHEST_XRAY

    def make() -> int:
        return len(task.labels)

    before = function_key(make)
    monkeypatch.setattr(code, "_module", lambda name: ast.parse("X = 1" if name == "edgekit.values.task" else ""))
    after = function_key(make)
    monkeypatch.setattr(code, "_module", lambda name: ast.parse("X = 2" if name == "edgekit.values.task" else ""))
    assert len({before, after, function_key(make)}) == 3


def test_a_file_that_is_edited_while_it_runs_counts_from_the_next_run_on(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("def f():\n    return 1\n")
    space: dict[str, Any] = {"__name__": "one"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    before = function_key(space["f"])
    path.write_text("\n\n\ndef f():\n    return 2\n")
    assert function_key(space["f"]) == before
    forget()
    with pytest.raises(EdgekitError, match=r"one.py was edited while it ran"):
        function_key(space["f"])
