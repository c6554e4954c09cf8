"""The layout that README and pyproject promise: few modules at the top, packages that say what they hold, and nobody
who reaches into another's tests."""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, TESTS, TOOLS = ROOT / "src" / "edgekit", ROOT / "tests", ROOT / "tools"


def imported(path: Path) -> set[str]:
    """The first words of what a file imports: `edgekit`, `numpy`, `rehearsal`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def python_tools() -> Iterator[Path]:
    """The tools in Python, with and without an ending."""
    for path in sorted(TOOLS.rglob("*")):
        if path.suffix == ".py" or (path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env python")):
            yield path


def test_what_every_package_uses_alone_stands_beside_them() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", "__main__", "errors", "extras", "files"}


def test_every_module_says_what_it_is_for() -> None:
    files = [*PACKAGE.rglob("*.py"), *python_tools()]
    assert len(files) > 150
    silent = [path for path in files if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not [str(path.relative_to(ROOT)) for path in silent]


def test_every_package_of_tests_is_named_after_a_package_of_edgekit() -> None:
    mirrored = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    others = {"hardware", "native", "tools", "vectors"}  # a real board, the firmware's C++, tools/, data for all
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= mirrored | others


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest imports each by its name alone: the second would not be collected."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []


def test_shared_test_code_stands_at_the_top_of_tests_or_in_edgekit_testing() -> None:
    of_folder = {path.stem: path.parent for path in TESTS.glob("*/**/*.py")}
    for path in TESTS.rglob("*.py"):
        others = {name for name in imported(path) if name in of_folder and of_folder[name] != path.parent}
        assert not others, f"{path.relative_to(ROOT)} imports {others} of another folder's tests"


@pytest.mark.parametrize("path", python_tools(), ids=lambda path: path.name)
def test_tools_need_no_tests(path: Path) -> None:
    assert not imported(path) & {found.stem for found in TESTS.rglob("*.py")}
    assert '"tests' not in path.read_text()


def test_ruff_and_mypy_are_given_every_tool_in_python() -> None:
    # their names have no ending, so neither program finds them by itself
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    scripts = {str(path.relative_to(ROOT)) for path in python_tools() if path.suffix != ".py"}
    assert set(settings["ruff"]["extend-include"]) == scripts
    assert scripts <= set(settings["mypy"]["files"])


def test_what_another_program_prints_is_read_whatever_its_encoding() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {word.arg for word in node.keywords} if isinstance(node, ast.Call) else set()
            assert "text" not in names or "errors" in names, f"{path}:{node.lineno}"
