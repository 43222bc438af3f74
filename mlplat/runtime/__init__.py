"""The program that runs in a task's container, and its source.

The modules of this package import the standard library only. :func:`text` joins them into one program, which stands
in a Workflow once, packed, and reaches the containers as the variable :data:`VARIABLE`; :data:`COMMAND` starts it.
"""

from __future__ import annotations

import functools
import os
import re

from mlplat.runtime.contract import START, VARIABLE

MODULES = (
    "artifacts",
    "contract",
    "values",
    "files",
    "objects",
    "annotations",
    "inputs",
    "outputs",
    "loading",
    "call",
    "packages",
    "failures",
    "sequence",
    "main",
)
"""Modules of the program; each imports only those before it."""
_OWN_IMPORT = re.compile(r"^from mlplat\.runtime\.\w+ import (?:\([^)]*\)|.*)\n", re.MULTILINE)
_DOCSTRING = re.compile(
    r'^([ \t]*)"""(?:[^"\\]|\\.|"(?!""))*"""\n(?:[ \t]*\n)*(?=\1\S)', re.MULTILINE | re.DOTALL
)
"""A docstring with a statement behind it: the body that is left must not be empty."""
_HEADER = (
    "# mlplat: reads a task's inputs, calls its function, writes its outputs. Its arguments: SOURCE CALL"
)

COMMAND = ("python3", "-c", START)

__all__ = ["COMMAND", "MODULES", "VARIABLE", "code_of", "module_text", "packed", "text"]


@functools.cache
def text() -> str:
    """Return the runtime as the source of one Python file.

    Returns:
        The modules one after another, without docstrings and the imports between them: each pod carries it.
    """
    return "\n\n".join((_HEADER, *map(module_text, MODULES))) + "\n"


@functools.cache
def module_text(name: str) -> str:
    """Return the source of a module of this package as it is sent."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.py"), encoding="utf-8") as file:
        return code_of(file.read())


def packed(text: str) -> str:
    """Return a string as an environment variable carries it: compressed, in base64."""
    import base64
    import zlib

    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def code_of(source: str) -> str:
    """Return the source of a module as it is sent: without docstrings and imports of this package.

    Args:
        source: source of a module in which a line that starts with three quotes starts a docstring.
    """
    return _OWN_IMPORT.sub("", _DOCSTRING.sub("", source)).strip()
