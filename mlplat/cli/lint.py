"""``mlplat lint``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlplat import compiler
from mlplat.argo import limits
from mlplat.argo import lint as argo
from mlplat.argo.starting import started
from mlplat.argo.structure import malformed_document
from mlplat.cli.commands import Given
from mlplat.errors import Diagnostic, MlplatError, Source
from mlplat.manifest import Lines
from mlplat.runs.load import Loaded, load_all

_ONLY_HERE = "MLP501"
_BROKEN = "MLP525"
_DATA = ("ConfigMap", "Secret")
Document = Mapping[str, Any]


def run(given: Given) -> int:
    """Print every diagnostic of every file, and the sizes of what compiles."""
    loaded = {file: _load(file) for file in given.files}
    beside = [document for held, _ in loaded.values() for one in held for document in one.documents]
    failed = False
    for file, (held, unreadable) in loaded.items():
        failed = _print(file, unreadable) or failed
        for one in held:
            place = f"{file}:{one.name}" if one.name else file
            documents, diagnostics = _check(file, one, beside)
            failed = _print(place, diagnostics) or failed
            for document in documents:
                _print_budget(place, document)
    return 2 if failed else 0


def _print(place: str, diagnostics: Sequence[Diagnostic]) -> bool:
    """Print diagnostics, and tell whether there is an error among them."""
    for diagnostic in diagnostics:
        print(f"{place}: {diagnostic}" if diagnostic.source is None else diagnostic)
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def _load(file: str) -> tuple[list[Loaded], Sequence[Diagnostic]]:
    try:
        return load_all(file), ()
    except MlplatError as error:
        print(getattr(error, "text", ""), end="", file=sys.stderr)
        return [], error.diagnostics


def _check(
    file: str, loaded: Loaded, beside: Sequence[Document]
) -> tuple[Sequence[Document], list[Diagnostic]]:
    if loaded.spec is None:
        return _check_manifest(file, loaded, beside)
    try:
        program = compiler.compile(loaded.spec, compiler.Options(require_arguments=False))
    except MlplatError as error:
        return [], [*loaded.warnings, *error.diagnostics]
    return program.documents, [*loaded.warnings, *program.warnings]


def _check_manifest(
    file: str, loaded: Loaded, beside: Sequence[Document]
) -> tuple[Sequence[Document], list[Diagnostic]]:
    lines = Lines(loaded.text) if loaded.text else None
    found = list(loaded.warnings)
    for number, document in enumerate(loaded.documents):
        for diagnostic in argo.problems(document, beside):
            line = lines.line(number, diagnostic.path) if lines else 0
            found.append(replace(diagnostic, source=Source(file, line)) if line else diagnostic)
    found = sorted(found, key=Diagnostic.order)
    if any(diagnostic.code == _BROKEN for diagnostic in found):
        return [], found
    documents = [dict(document) for document in loaded.documents]
    return documents, [*found, *limits.check(documents), *_only_here(documents, beside)]


def _only_here(documents: Sequence[Document], beside: Sequence[Document]) -> Iterator[Diagnostic]:
    """Tell what this machine's engine does not do, as warnings."""
    from mlplat import engine
    from mlplat.runs.documents import named

    runnable = started(documents)
    if [document.get("kind") for document in runnable].count("Workflow") != 1:
        return
    others = [
        one
        for one in beside
        if one not in documents and one.get("kind") != "Workflow" and not any(malformed_document(one))
    ]
    try:
        yield from engine.inspect(named([*runnable, *others], "lint"))
    except MlplatError as error:
        for diagnostic in error.diagnostics:
            if diagnostic.code == _ONLY_HERE:
                yield replace(diagnostic, severity="warning")


def _print_budget(file: str, document: Document) -> None:
    found = limits.size(document)
    largest = limits.LARGEST_CONFIG_MAP if document.get("kind") in _DATA else limits.LARGEST_WORKFLOW
    print(f"{file}: {document.get('kind')}: {found:,} of {largest:,} bytes ({found / largest:.1%})")
