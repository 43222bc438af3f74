"""Check files of pipelines and manifests, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlplat import compiler
from mlplat.argo import limits
from mlplat.argo import lint as argo
from mlplat.argo.starting import started
from mlplat.argo.structure import malformed_document
from mlplat.errors import Diagnostic, MlplatError, Source
from mlplat.manifest.lines import Lines
from mlplat.runs import folders
from mlplat.runs.documents import with_name
from mlplat.runs.load import Loaded, load_all
from mlplat.runs.programs import Module

_ONLY_LOCAL = "MLP501"
_BROKEN = "MLP525"
_DATA = ("ConfigMap", "Secret")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """The size of a document, and its limit.

    Attributes:
        kind: of the document.
        size: in bytes.
        limit: in bytes.
    """

    kind: str
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A pipeline or a file that was checked.

    Attributes:
        place: the file or module, with the name of the pipeline if there are several.
        diagnostics: errors and warnings.
        budgets: sizes of its documents; empty if it cannot be compiled.
        traceback: traceback of a program that raised.
    """

    place: str
    diagnostics: Sequence[Diagnostic]
    budgets: Sequence[Budget] = ()
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Return whether there is an error."""
        return any(one.severity == "error" for one in self.diagnostics)


def check(places: Sequence[str]) -> Iterator[Checked]:
    """Check each pipeline and each document of some files; a template may be in another one of them.

    Args:
        places: files and modules, and folders with files.

    Yields:
        What was found in each. A folder without a pipeline or a Workflow is an error, as a file without one is.
    """
    loaded: dict[str, list[Loaded]] = {}
    unreadable: dict[str, Checked] = {}
    places = list(dict.fromkeys(file for place in places for file in _files(place)))
    for place in places:
        if _is_folder(place):
            unreadable[place] = Checked(place, [_empty(place)])
            continue
        try:
            loaded[place] = load_all(place)
        except MlplatError as error:
            unreadable[place] = Checked(place, error.diagnostics, traceback=str(getattr(error, "text", "")))
    beside = [document for found in loaded.values() for one in found for document in one.documents]
    for place in places:
        if place in unreadable:
            yield unreadable[place]
        for one in loaded.get(place, ()):
            name = f"{place}:{one.name}" if one.name else place
            documents, diagnostics = _checked(place, one, beside)
            yield Checked(name, diagnostics, [_budget(document) for document in documents])


def _files(place: str) -> list[str]:
    """Return the files of a folder; of a file, a module or a folder without files to check, itself."""
    if not _is_folder(place):
        return [place]
    return folders.files(Path(place)) or [place]


def _is_folder(place: str) -> bool:
    return not isinstance(place, Module) and Path(place).is_dir()


def _empty(folder: str) -> Diagnostic:
    hint = "it needs a .py file with @dsl.pipeline, or IR YAML or Argo YAML (.yaml, .yml, .json)"
    return Diagnostic("MLP207", "", "the folder has no pipeline and no Workflow", hint, Source(folder))


def _checked(
    file: str, loaded: Loaded, related: Sequence[Document]
) -> tuple[Sequence[Document], list[Diagnostic]]:
    if loaded.spec is None:
        return _checked_manifest(file, loaded, related)
    try:
        program = compiler.compile(loaded.spec, compiler.Options(require_arguments=False))
    except MlplatError as error:
        return [], [*loaded.warnings, *error.diagnostics]
    return program.documents, [*loaded.warnings, *program.warnings]


def _checked_manifest(
    file: str, loaded: Loaded, related: Sequence[Document]
) -> tuple[Sequence[Document], list[Diagnostic]]:
    lines = Lines(loaded.text) if loaded.text else None
    found = list(loaded.warnings)
    for number, document in enumerate(loaded.documents):
        for diagnostic in argo.problems(document, related):
            line = lines.line(number, diagnostic.path) if lines else 0
            found.append(replace(diagnostic, source=Source(file, line)) if line else diagnostic)
    found = sorted(found, key=Diagnostic.order)
    if any(diagnostic.code == _BROKEN for diagnostic in found):
        return [], found
    documents = [dict(document) for document in loaded.documents]
    return documents, [*found, *limits.check(documents), *_unsupported_locally(documents, related)]


def _unsupported_locally(documents: Sequence[Document], related: Sequence[Document]) -> Iterator[Diagnostic]:
    """Warn of what the local engine does not support."""
    from mlplat import engine

    runnable = started(documents)
    if [document.get("kind") for document in runnable].count("Workflow") != 1:
        return
    others = [
        one
        for one in related
        if one not in documents and one.get("kind") != "Workflow" and not any(malformed_document(one))
    ]
    try:
        yield from engine.inspect(with_name([*runnable, *others], "lint"))
    except MlplatError as error:
        for diagnostic in error.diagnostics:
            if diagnostic.code == _ONLY_LOCAL:
                yield replace(diagnostic, severity="warning")


def _budget(document: Document) -> Budget:
    limit = limits.LARGEST_CONFIG_MAP if document.get("kind") in _DATA else limits.LARGEST_WORKFLOW
    return Budget(str(document.get("kind")), limits.size(document), limit)
