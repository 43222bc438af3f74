"""What runs inside a task's container, and its text.

The modules of this package import the standard library only. :func:`text` joins them into one program, which stands
in a Workflow once, packed, and reaches the containers as the variable :data:`VARIABLE`; :data:`COMMAND` starts it.
"""

from __future__ import annotations

import ast
import base64
import functools
import re
import zlib
from pathlib import Path

from mlplat.runtime.task import START, VARIABLE

_MODULES = ("artifacts", "task")
_OWN_IMPORT = re.compile(r"^from mlplat\.runtime\.\w+ import .*\n", re.MULTILINE)
_HEADER = (
    "# mlplat: reads a task's inputs, calls its function, writes its outputs. Its arguments: SOURCE CALL"
)

COMMAND = ("python3", "-c", START)

__all__ = ["COMMAND", "VARIABLE", "code_of", "module_text", "packed", "text"]


@functools.cache
def text() -> str:
    """Return the runtime as the text of one Python file.

    Returns:
        The modules one after another, without docstrings and the imports between them: each pod carries it.
    """
    return "\n\n".join((_HEADER, *map(module_text, _MODULES))) + "\n"


@functools.cache
def module_text(name: str) -> str:
    """Return the text of a module of this package as it travels."""
    return code_of((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))


def packed(text: str) -> str:
    """Return a text as a variable of a container carries it: compressed, in base64."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def code_of(source: str) -> str:
    """Return the text of a module as it travels: without docstrings and imports of this package."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            docstring, following = node.body[:2]
            for line in range(docstring.lineno - 1, _first_line(following) - 1):
                lines[line] = ""
    return _OWN_IMPORT.sub("", "".join(lines)).strip()


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
