"""``mlplat lint``."""

from __future__ import annotations

import argparse

from mlplat import compiler
from mlplat.argo import limits
from mlplat.cli.load import load
from mlplat.errors import Diagnostic, MlplatError


def run(given: argparse.Namespace) -> int:
    """Print every diagnostic of every file, and the sizes of what compiles."""
    failed = False
    for file in given.files:
        documents, diagnostics = _check(file)
        for diagnostic in diagnostics:
            print(f"{file}: {diagnostic}" if diagnostic.source is None else diagnostic)
        failed = failed or any(diagnostic.severity == "error" for diagnostic in diagnostics)
        for document in documents:
            _print_budget(file, document)
    return 2 if failed else 0


def _check(file: str) -> tuple[list[dict[str, object]], list[Diagnostic]]:
    try:
        loaded = load(file)
        if loaded.spec is None:
            documents = [dict(document) for document in loaded.documents]
            return documents, limits.check(documents)
        program = compiler.compile(loaded.spec, compiler.Options(require_arguments=False))
    except MlplatError as error:
        return [], list(error.diagnostics)
    return list(program.documents), list(program.warnings)


def _print_budget(file: str, document: dict[str, object]) -> None:
    found = limits.size(document)
    largest = limits.LARGEST_CONFIG_MAP if document.get("kind") == "ConfigMap" else limits.LARGEST_WORKFLOW
    print(f"{file}: {document.get('kind')}: {found:,} of {largest:,} bytes ({found / largest:.1%})")
