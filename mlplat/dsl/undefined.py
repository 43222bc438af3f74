"""Finds names that a component's function uses, but that are not defined when it runs as a task."""

from __future__ import annotations

import ast
import builtins
import symtable
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat import dsl
from mlplat.dsl.component import BaseComponent
from mlplat.errors import Diagnostic, Source, suggestion
from mlplat.ir.model import PythonFunction

CODE = "MLP154"
_OF_MODULES = ("__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__", "__file__")
_STARS: Mapping[str, list[str]] = {
    "kfp.dsl": dsl.__all__,
    "mlplat.dsl": dsl.__all__,
    "typing": typing.__all__,
}
_FUTURE = "from __future__ import annotations\n"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A name that is not defined.

    Attributes:
        line: of its first use in the source.
        name: the name.
    """

    line: int
    name: str


def undefined(source: str) -> list[Use]:
    """Find the names that a module's functions use and that neither the module nor Python defines.

    Annotations are ignored, because they need not be evaluated. The result is empty if names may be defined
    dynamically, in a source that this Python cannot parse, that imports everything from an unknown module, or that
    calls ``exec`` or ``globals``.

    Args:
        source: the source code of a module.

    Returns:
        The names by line, each once.
    """
    try:
        tree = ast.parse(source)
        # So that annotations have scopes of their own, which are no part of the functions'.
        top = symtable.symtable(_FUTURE + source, "component", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    loads: dict[str, list[int]] = {}
    names = {*dir(builtins), *_OF_MODULES}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                loads.setdefault(name, []).append(node.lineno)
            case ast.ImportFrom(module=module, names=[ast.alias(name="*")]):
                if module is None or module not in _STARS:
                    return []
                names.update(_STARS[module])
            case ast.Try():
                names.update(_guarded(node))
    if "exec" in loads or "globals" in loads:
        return []
    names.update(_bound(top))
    found: dict[str, int] = {}
    for name, line in _globals(top):
        if name not in names:
            lines = [one for one in loads.get(name, ()) if one >= line] or loads.get(name) or [line]
            found[name] = min(found.get(name, lines[0]), *lines)
    return sorted(Use(line, name) for name, line in found.items())


def _guarded(node: ast.Try) -> Iterator[str]:
    """Yield the names that may be undefined: they are used where ``except NameError`` handles that."""
    caught = {name.id for handler in node.handlers if handler.type for name in _names(handler.type)}
    if "NameError" in caught:
        for statement in node.body:
            yield from (name.id for name in _names(statement))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name))


def _bound(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that a module's own code binds, also with ``global`` in a function."""
    is_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        binds = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
        if binds and (is_top or symbol.is_declared_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _bound(child)


def _globals(table: symtable.SymbolTable) -> Iterator[tuple[str, int]]:
    """Yield the global names that scopes read, with the first lines of the scopes."""
    is_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (is_top or symbol.is_global()):
            yield symbol.get_name(), max(table.get_lineno() - 1, 0)
    for child in table.get_children():
        yield from _globals(child)


def warnings(function: PythonFunction, source: Source | None = None) -> Iterator[Diagnostic]:
    """Warn of the names that a function uses and that are not defined when it runs as a task.

    Args:
        function: the function.
        source: file of the pipeline that it was read from, for a function that no program has defined.
    """
    origin = function.origin
    around = _around(origin.function) if origin else {}
    for use in undefined(function.source):
        place = source
        if origin:
            line = origin.line + max(use.line - origin.before - 1, 0)
            place = Source(origin.function.__code__.co_filename, line)
        message = f"'{use.name}' is not defined when this function runs: only its own source code is sent to the task"
        hint = _hint(use.name, around, origin.function.__module__ if origin else "")
        yield Diagnostic(CODE, function.name, message, hint, place, severity="warning")


def _around(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the names that a function can use in its file: globals, and names of enclosing functions."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return {**function.__globals__, **{name: _content(cell) for name, cell in cells}}


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _hint(name: str, around: Mapping[str, Any], module: str) -> str:
    if name not in around:
        return suggestion(name, dir(builtins)) or "define it, or import it, inside the function"
    value = around[name]
    if isinstance(value, types.ModuleType):
        alias = "" if value.__name__ == name else f" as {name}"
        return f"add to the function: import {value.__name__}{alias}"
    if isinstance(value, BaseComponent):
        return f"a component cannot call another one: call '{name}' in the pipeline, and pass its output"
    home = getattr(value, "__module__", None)
    is_named = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType))
    if is_named and home != module:
        alias = "" if value.__name__ == name else f" as {name}"
        return f"add to the function: from {home} import {value.__name__}{alias}"
    if isinstance(value, types.FunctionType):
        return f"define it inside the function, or include it: @dsl.component(additional_funcs=[{name}])"
    if isinstance(value, type):
        return "define the class inside the function"
    return "define it inside the function, or make it a parameter and pass it in the pipeline"
