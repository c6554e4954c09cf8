"""What a result depends on besides its inputs: the code that makes it and the libraries that the code stands on.

In: a module of edgekit by name, or a function. Out: a key that changes with it, with every edgekit module that it
imports, through others and inside functions, too, and with the versions of the libraries that all of them import.
Comments and docstrings make no difference. Imports under `if TYPE_CHECKING` run nothing and do not count; neither does
`edgekit/__init__.py`, the public API, which loads lazily what a user asks for. A file is read once a process: what is
edited while a build runs counts from the next one on.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from edgekit.errors import EdgekitError
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
        code = {module: _digest(_module(module)) for module in self.modules}
        return key_of({"code": code, "libraries": {name: library_version(name) for name in self.libraries}})


@cache
def code_key(module: str) -> str:
    """The key of a module (`edgekit.data.preprocess`) and of what it imports."""
    return closure([module]).key


def function_key(function: Callable[..., object]) -> str:
    """The key of a function: of its own code, of the functions, classes and constants of its own module that it uses,
    of the methods that it calls on what it closes over, and of all that these import, wherever the import stands. The
    values that it closes over are not in it: they are inputs.

    Raises:
        EdgekitError: its file has been edited since it was imported.
    """
    parts: dict[str, str] = {}
    names: set[str] = set()
    ahead: list[tuple[Any, dict[str, type]]] = [(function, {})]  # a function, and the classes of what it is given
    while ahead:
        found, classes = ahead.pop()
        used = inspect.unwrap(found)
        if used.__qualname__ in parts:
            continue
        node = _definition(used)
        parts[used.__qualname__] = _digest(node)
        names |= _imports(node)
        cells = zip(used.__code__.co_freevars, used.__closure__ or (), strict=True)
        classes = {**classes, **{name: type(cell.cell_contents) for name, cell in cells}}
        names |= {one.__module__ for one in classes.values()} - {used.__module__}
        for name, attribute in _attributes(node):  # self.method()
            method = getattr(classes.get(name), attribute, None)
            if inspect.isfunction(method) and method.__module__ == used.__module__:
                ahead.append((method, {"self": classes[name]}))
        for name in _names(used.__code__) & used.__globals__.keys():
            value = used.__globals__[name]
            home = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            if home is None:
                parts[name] = repr(value)
            elif home != used.__module__:
                names.add(home)
            elif inspect.isclass(value):
                parts[value.__qualname__] = _digest(ast.parse(inspect.getsource(value)))
            elif inspect.isfunction(inspect.unwrap(value)):
                ahead.append((value, {}))
    return key_of([parts, closure(names).key])


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
            ahead += _imports(_module(name))
            ahead.append(name.rpartition(".")[0])  # a module's package runs, too
    return Closure(frozenset(modules), frozenset(libraries - sys.stdlib_module_names))


@cache
def library_version(library: str) -> str:
    """Of an installed library, by the name that it is imported by; `absent` where it is not installed."""
    try:
        return metadata.version(_DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        return "absent"


def _names(code: CodeType) -> set[str]:
    """The names that a function and those inside it look up."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _attributes(node: ast.AST) -> set[tuple[str, str]]:
    """What the code asks of its variables: (`self`, `_epochs`) of `self._epochs(3)`."""
    asked = (one for one in ast.walk(node) if isinstance(one, ast.Attribute))
    return {(one.value.id, one.attr) for one in asked if isinstance(one.value, ast.Name)}


def _definition(function: FunctionType) -> ast.AST:
    first = function.__code__.co_firstlineno  # of its decorators, if it has some
    path = function.__code__.co_filename
    for node in ast.walk(_tree(Path(path))):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            lines = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
            if min(lines) == first:
                return node
    raise EdgekitError(f"{path} was edited while it ran.", "Run the command again: finished stages are kept.")


@cache
def _module(name: str) -> ast.AST:
    path = _path(name)
    if path is None:
        raise ModuleNotFoundError(f"edgekit has no module {name}", name=name)
    return _tree(path)


def _path(name: str) -> Path | None:
    stem = _PACKAGE.joinpath(*name.split(".")[1:])
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


@cache
def _tree(path: Path) -> ast.AST:
    """The syntax of a file, without docstrings."""
    tree = ast.parse(path.read_bytes())
    for node in (tree, *_statements(tree)):
        match getattr(node, "body", None):
            case [ast.Expr(value=ast.Constant()), *_] as body:
                del body[0]
    return tree


@cache
def _digest(node: ast.AST) -> str:
    return sha256_of(ast.dump(node).encode())


@cache
def _imports(node: ast.AST) -> frozenset[str]:
    """The modules of edgekit and the libraries that the code imports, by their dotted names."""
    found: set[str] = set()
    for part in (node, *_statements(node, running=True)):
        if isinstance(part, ast.Import):
            found |= {alias.name for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            assert part.module, "edgekit imports nothing relatively"
            inner = {f"{part.module}.{alias.name}" for alias in part.names}
            modules = {name for name in inner if name.startswith("edgekit.") and _path(name)}
            found |= modules | ({part.module} if modules != inner else set())
    return frozenset(found)


def _statements(node: ast.AST, *, running: bool = False) -> Iterator[ast.AST]:
    """Every statement below, none of the many expressions; `running`: but what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            continue
        if not (running and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _statements(child, running=running)
