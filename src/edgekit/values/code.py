"""What a result depends on besides its inputs: the code that makes it and the libraries that the code stands on.

In: a module of edgekit by name, or a function. Out: a key that changes with it, with every edgekit module that it
imports, through others and inside functions, too, and with the versions of the libraries that all of them import.
Comments and docstrings make no difference. Imports under `if TYPE_CHECKING` run nothing and do not count; neither does
`edgekit/__init__.py`, the public API, which loads lazily what a user asks for.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import CodeType
from typing import Any

from edgekit.files import key_of, sha256_of

_PACKAGE = Path(__file__).parents[1]
_DISTRIBUTIONS = {"PIL": "pillow", "serial": "pyserial"}  # whose names are not those of their modules


@dataclass(frozen=True, slots=True)
class Closure:
    """All modules of edgekit that some code imports, and the libraries below them, by their import names."""

    modules: frozenset[str]
    libraries: frozenset[str]

    @property
    def key(self) -> str:
        """Changes with the code of the modules and with the versions of the libraries."""
        code = {module: _module(module).digest for module in self.modules}
        return key_of({"code": code, "libraries": {name: library_version(name) for name in self.libraries}})


@dataclass(frozen=True, slots=True)
class _Source:
    digest: str
    imports: frozenset[str]  # dotted names, of modules of edgekit and of libraries


@cache
def code_key(module: str) -> str:
    """The key of a module (`edgekit.data.preprocess`) and of what it imports."""
    return closure([module]).key


def function_key(function: Callable[..., object]) -> str:
    """The key of a function: of its own code, of the functions and constants of its own module that it uses, and of
    all that these import, wherever the import stands. Of what it closes over, the classes are code, too; the values are
    not: they are inputs.
    """
    parts: dict[str, str] = {}
    names: set[str] = set()
    ahead: list[Any] = [function]
    while ahead:
        used = inspect.unwrap(ahead.pop())
        source = _source(textwrap.dedent(inspect.getsource(used)))
        parts[used.__qualname__] = source.digest
        names |= source.imports
        names |= {type(cell.cell_contents).__module__ for cell in used.__closure__ or ()} - {used.__module__}
        for name in _names(used.__code__) & used.__globals__.keys():
            value = used.__globals__[name]
            home = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            if home is None:
                parts[name] = repr(value)
            elif home != used.__module__:
                names.add(home)
            elif inspect.isfunction(inspect.unwrap(value)) and inspect.unwrap(value).__qualname__ not in parts:
                ahead.append(value)
    return key_of([parts, closure(names).key])


def _names(code: CodeType) -> set[str]:
    """The names that a function and those inside it look up."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def closure(names: Iterable[str]) -> Closure:
    """What is reached by imports from the modules of these names; they are in it."""
    modules: set[str] = set()
    libraries: set[str] = set()
    ahead = [*names]
    while ahead:
        name = ahead.pop()
        if not name.startswith("edgekit."):
            libraries |= {name.partition(".")[0]} - {"edgekit"}
        elif name not in modules:
            modules.add(name)
            ahead += _module(name).imports
            ahead.append(name.rpartition(".")[0])  # a module's package runs, too
    return Closure(frozenset(modules), frozenset(libraries - sys.stdlib_module_names))


@cache
def _module(name: str) -> _Source:
    path = _path(name)
    if path is None:
        raise ModuleNotFoundError(f"edgekit has no module {name}", name=name)
    return _source(path.read_text(encoding="utf-8"))


def _path(name: str) -> Path | None:
    stem = _PACKAGE.joinpath(*name.split(".")[1:])
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _source(text: str) -> _Source:
    tree = ast.parse(text)
    imports: set[str] = set()
    for node in _running(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "edgekit imports nothing relatively"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inner if name.startswith("edgekit.") and _path(name)}
            imports |= modules | ({node.module} if modules != inner else set())
    return _Source(sha256_of(ast.dump(tree).encode()), frozenset(imports))


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but what only a type checker reads. Takes docstrings out of the tree on its way."""
    body = getattr(tree, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _running(node)


@cache
def library_version(library: str) -> str:
    """Of an installed library, by the name that it is imported by; `absent` where it is not installed."""
    try:
        return metadata.version(_DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        return "absent"
