"""``mlplat lint``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from mlplat import compiler
from mlplat.argo import limits
from mlplat.argo.starting import started
from mlplat.cli.load import load
from mlplat.errors import Diagnostic, MlplatError

_ONLY_HERE = "MLP501"


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
            return documents, [*limits.check(documents), *_structure(documents)]
        program = compiler.compile(loaded.spec, compiler.Options(require_arguments=False))
    except MlplatError as error:
        print(getattr(error, "text", ""), end="", file=sys.stderr)
        return [], list(error.diagnostics)
    return list(program.documents), list(program.warnings)


def _structure(documents: list[dict[str, object]]) -> list[Diagnostic]:
    """Tell what is wrong with how a Workflow is built; what only this machine's engine refuses is a warning."""
    from mlplat import local
    from mlplat.cli.run import named

    runnable = started(documents)
    if [document.get("kind") for document in runnable].count("Workflow") != 1:
        return []
    try:
        return local.inspect(named(runnable, "lint"))
    except MlplatError as error:
        return [
            replace(diagnostic, severity="warning") if diagnostic.code == _ONLY_HERE else diagnostic
            for diagnostic in error.diagnostics
        ]


def _print_budget(file: str, document: dict[str, object]) -> None:
    found = limits.size(document)
    largest = limits.LARGEST_CONFIG_MAP if document.get("kind") == "ConfigMap" else limits.LARGEST_WORKFLOW
    print(f"{file}: {document.get('kind')}: {found:,} of {largest:,} bytes ({found / largest:.1%})")
