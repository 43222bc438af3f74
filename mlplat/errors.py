"""The exception tree, and the diagnostics that it carries.

A mistake in what the user wrote becomes a :class:`Diagnostic`; a step that finds several collects them and raises one
:class:`MlplatError` with all of them. The command line prints diagnostics without a traceback and exits with
:attr:`MlplatError.exit_code`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in the user's file.

    Attributes:
        file: path as the user gave it.
        line: line number, from 1; 0 for the whole file.
        column: column number, from 1; 0 for the whole line.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or warning about what the user wrote.

    Attributes:
        code: stable identifier, such as ``MLP101``; documented in ``docs/diagnostics.md``.
        path: where in the document or program, such as ``ml-pipeline.tasks.train.inputs.model``.
        message: what is wrong, a full sentence without the final full stop.
        hint: what to do; may be empty.
        source: the place in the user's file when it is known.
        severity: ``error`` stops the command, ``warning`` is only printed.
    """

    code: str
    path: str
    message: str
    hint: str = ""
    source: Source | None = None
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source else ""
        where = f"{self.path}: " if self.path else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.severity} {self.code}: {where}{self.message}{hint}"

    def order(self) -> tuple[str, int, str, str]:
        """Sort key: by place, then code, so that output is stable."""
        file, line = (self.source.file, self.source.line) if self.source else ("", 0)
        return (file, line, self.path, self.code)


class MlplatError(Exception):
    """Base class of mlplat's exceptions.

    Args:
        diagnostics: the errors; a string becomes one diagnostic with :attr:`default_code`.
        hint: what to do, for a string.
    """

    default_code = "MLP000"
    exit_code = 2

    def __init__(self, diagnostics: str | Diagnostic | Iterable[Diagnostic], hint: str = "") -> None:
        if isinstance(diagnostics, str):
            diagnostics = [Diagnostic(self.default_code, "", diagnostics, hint)]
        elif isinstance(diagnostics, Diagnostic):
            diagnostics = [diagnostics]
        self.diagnostics: tuple[Diagnostic, ...] = tuple(sorted(diagnostics, key=Diagnostic.order))
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


class AuthoringError(MlplatError):
    """A component or pipeline is invalid."""

    default_code = "MLP100"


class ManifestError(MlplatError):
    """A YAML or JSON document cannot be read, or is invalid."""

    default_code = "MLP200"


class CompileError(MlplatError):
    """A pipeline cannot be compiled."""

    default_code = "MLP300"


class ArgumentError(MlplatError):
    """An argument of a run is missing, unknown, repeated, or of the wrong type."""

    default_code = "MLP400"


class UnsupportedError(MlplatError):
    """A manifest uses a feature that this engine does not support."""

    default_code = "MLP500"


class EngineError(MlplatError):
    """The engine, not the user's task, could not continue: disk, permissions, lock, state."""

    default_code = "MLP600"
    exit_code = 1


class StoreError(MlplatError):
    """The metadata store cannot be opened, read or written."""

    default_code = "MLP700"


class ClusterError(MlplatError):
    """The Kubernetes API refused a request, or cannot be reached."""

    default_code = "MLP800"


_LISTED = 20


def nearest(name: str, names: Sequence[str]) -> str:
    """Return a hint with the closest known name, or all known names.

    Args:
        name: what the user wrote.
        names: the valid names.

    Returns:
        A sentence such as ``did you mean 'epochs'?``; empty if there are no names.
    """
    if found := suggestion(name, names):
        return found
    return available(names) if names else ""


def available(known: Iterable[str]) -> str:
    """Return a hint with the known names, or the first of many."""
    names = sorted(known)
    more = f", … ({len(names) - _LISTED} more)" if len(names) > _LISTED else ""
    return f"available: {', '.join(names[:_LISTED])}{more}"


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a hint with the closest known name, or an empty string."""
    close = closest(name, names)
    return f"did you mean '{close}'?" if close else ""


def closest(name: str, names: Sequence[str]) -> str:
    """Return the most similar known name, or an empty string."""
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""
