"""Reads descriptions of components from docstrings, as KFP's SDK does with ``docstring_parser``."""

from __future__ import annotations

import inspect
import re

_ARGUMENTS = ("Args", "Arguments", "Parameters", "Params")
_OTHERS = ("Raises", "Exceptions", "Except", "Attributes", "Example", "Examples", "Yields")
_TITLE = re.compile(rf"({'|'.join((*_ARGUMENTS, 'Returns', 'Return', *_OTHERS))}):\s*\Z")
_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)\Z", re.DOTALL)
_FIELD = re.compile(r":\w+.*:")
_PARAM_FIELD = re.compile(r"^:param\s+(?:[^:\n]*\s)?(\w+):[ \t]*(.*(?:\n(?![:]).*)*)", re.MULTILINE)
_NUMPY_TITLE = re.compile(r"^(\w[\w ]*)\n-{3,}[ \t]*$", re.MULTILINE)
_NUMPY_ENTRY = re.compile(r"^(\w+)(?:[ \t]*:.*)?\n((?:[ \t]+.*(?:\n|\Z)|\n)+)", re.MULTILINE)


def summary(docstring: str | None) -> str:
    """Return the text before the sections of a docstring."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    until = next((number for number, line in enumerate(lines) if _starts_sections(lines, number)), len(lines))
    first, rest = "".join(lines[:1][:until]), "\n".join(lines[1:until])
    return f"{first}\n{rest.strip()}".strip()


def arguments(docstring: str | None) -> dict[str, str]:
    """Return the descriptions of arguments, by name.

    Args:
        docstring: a function's docstring, in the style of Google, Sphinx (``:param name:``) or NumPy.

    Returns:
        The descriptions, dedented.
    """
    return _described(docstring, _ARGUMENTS) or _sphinx(docstring) or _numpy(docstring)


def outputs(docstring: str | None) -> dict[str, str]:
    """Return the descriptions of outputs, by name: the entries of a ``Returns:`` section in Google's style.

    Args:
        docstring: a function's docstring.
    """
    return _described(docstring, ("Returns", "Return"))


def _starts_sections(lines: list[str], number: int) -> bool:
    line, below = lines[number], "".join(lines[number + 1 : number + 2])
    title = _TITLE.match(line)
    is_title = title is not None and title[1] != "Return"
    return is_title or bool(_FIELD.match(line)) or bool(_NUMPY_TITLE.match(f"{line}\n{below}"))


def _described(docstring: str | None, sections: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in _entries(docstring, sections):
        if match := _ENTRY.match(entry):
            found[match[1].lstrip("*")] = match[2].strip()
    return found


def _entries(docstring: str | None, sections: tuple[str, ...]) -> list[str]:
    """Return the entries of a section: lines at its indent, with those that are indented further."""
    entries: list[str] = []
    current, indent = "", 0
    for line in inspect.cleandoc(docstring or "").splitlines():
        heading = _TITLE.match(line)
        if heading or (line and not line[0].isspace()):
            current, indent = (heading[1] if heading else ""), 0
            continue
        if current not in sections:
            continue
        width = len(line) - len(line.lstrip())
        indent = indent or width
        if line.strip() and width == indent:
            entries.append(line.strip())
        elif entries:
            entries[-1] += f"\n{line.rstrip()}"
    return [_dedented(entry) for entry in entries]


def _sphinx(docstring: str | None) -> dict[str, str]:
    text = inspect.cleandoc(docstring or "")
    return {match[1]: _dedented(match[2]) for match in _PARAM_FIELD.finditer(text)}


def _numpy(docstring: str | None) -> dict[str, str]:
    text = inspect.cleandoc(docstring or "")
    parts = _NUMPY_TITLE.split(text)
    bodies = [body for title, body in zip(parts[1::2], parts[2::2], strict=True) if title in _ARGUMENTS]
    return {match[1]: inspect.cleandoc(match[2]) for body in bodies for match in _NUMPY_ENTRY.finditer(body)}


def _dedented(entry: str) -> str:
    """Return a first line, and below it later ones without their common indent."""
    first, _, rest = entry.partition("\n")
    return f"{first}\n{inspect.cleandoc(rest)}".strip()
