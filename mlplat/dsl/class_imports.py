"""Imports of the artifact classes that a function's annotations name, for the source that runs as a task.

If an import fails in the task, the artifact gets a class by its schema, like classes of the program itself.
"""

from __future__ import annotations

import ast
import contextlib
import types
from collections.abc import Callable, Iterator
from typing import Any

from mlplat.dsl import signatures
from mlplat.runtime.artifacts import ARTIFACT_CLASSES, is_artifact_class

_PLAIN = ("bool", "dict", "float", "int", "list", "str")
_OWN = ("builtins", "kfp", "mlplat", "typing")


def class_imports(func: Callable[..., Any], definition: ast.FunctionDef) -> str:
    """Return the imports of artifact classes from other modules than the function's own.

    Args:
        func: the function.
        definition: its definition.

    Returns:
        Python source; empty when the annotations name no such class.
    """
    is_inner = "<locals>" in func.__qualname__
    namespace = signatures.namespace_of(func) if is_inner else func.__globals__
    found = [
        line
        for annotation in _annotations(definition)
        for node in ast.walk(annotation)
        for line in _imports(node, namespace, func.__module__)
    ]
    if not found:
        return ""
    lines = "".join(f"    {line}\n" for line in dict.fromkeys(found))
    return f"try:\n{lines}except ImportError:\n    pass\n"


def _annotations(definition: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield the annotations of a function, quoted ones too."""
    every = definition.args
    arguments = (*every.posonlyargs, *every.args, *every.kwonlyargs)
    for annotation in (*(argument.annotation for argument in arguments), definition.returns):
        if annotation is None or (isinstance(annotation, ast.Name) and annotation.id in _PLAIN):
            continue
        yield annotation
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                with contextlib.suppress(SyntaxError):
                    yield ast.parse(node.value, mode="eval").body


def _imports(node: ast.AST, namespace: dict[str, Any], own: str) -> Iterator[str]:
    """Yield the imports that a name, or a chain of names, needs."""
    if isinstance(node, ast.Name):
        value: Any = namespace.get(node.id)
        if _is_custom(value, own) and "." not in value.__qualname__:
            alias = "" if node.id == value.__name__ else f" as {node.id}"
            yield f"from {value.__module__} import {value.__name__}{alias}"
    elif isinstance(node, ast.Attribute):
        name, *attributes = ast.unparse(node).split(".")
        modules: list[str] = []
        value = namespace.get(name)
        for attribute in attributes:
            if isinstance(value, types.ModuleType):
                modules.append(value.__name__)
            value = getattr(value, attribute, None)
        if _is_custom(value, own) and modules:
            yield f"import {modules[0]}" if modules[0] == name else f"import {modules[0]} as {name}"
            yield from (f"import {module}" for module in modules[1:])


def _is_custom(value: Any, own: str) -> bool:
    return (
        isinstance(value, type)
        and is_artifact_class(value)
        and value not in ARTIFACT_CLASSES.values()
        and value.__module__ not in (own, "__main__")
        and value.__module__.partition(".")[0] not in _OWN
    )
