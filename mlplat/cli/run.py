"""``mlplat run``: compile, run on an engine, record, tell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from mlplat import compiler
from mlplat.addresses import without_passwords
from mlplat.argo import lint
from mlplat.argo.starting import started
from mlplat.argo.structure import malformed_documents, wrong_names
from mlplat.cli import engines
from mlplat.cli.compile import options
from mlplat.cli.report import conclude
from mlplat.compiler.emit import PIPELINE_ANNOTATION
from mlplat.errors import ArgumentError, Diagnostic, ManifestError
from mlplat.ir.model import PipelineSpec
from mlplat.runs import arguments
from mlplat.runs.binding import bound_values, parameters_of, with_arguments, with_kept_arguments
from mlplat.runs.documents import joined, large_values, named, workflow_of
from mlplat.runs.load import Loaded, load

Document = Mapping[str, Any]


def run(given: argparse.Namespace) -> int:
    """Run a pipeline or a Workflow, and print what came of it."""
    arguments.check_name(given.name)
    if given.resume:
        _check_options_of_resume(given)
    before = engines.run_before(given.resume) if given.resume else None
    found = _documents(given, load(given.file), before)
    documents = named(found, given.resume or given.name, given.namespace)
    workflow = workflow_of(documents)
    if before is not None:
        documents = joined(_given_beside(given.resume, before), documents)
        _check_resumable(given.resume, before, workflow)
    _warn_of_relative_paths(given, workflow)
    _warn_of_passwords(workflow)
    return conclude(engines.execute(given, documents, before), given)


def _check_options_of_resume(given: argparse.Namespace) -> None:
    if given.engine == "argo":
        message, hint = (
            "--resume is for runs on this machine",
            f"mlplat retry {quote(given.resume)} --engine argo",
        )
    elif given.name:
        message = f"--name {given.name} has no effect"
        hint = "leave out --name: a resumed run keeps its name"
    else:
        return
    raise ArgumentError(Diagnostic("MLP418", f"--resume {given.resume}", message, hint))


def _check_resumable(name: str, before: Document, workflow: Document) -> None:
    was, is_now = (
        (one["metadata"].get("annotations") or {}).get(PIPELINE_ANNOTATION) for one in (before, workflow)
    )
    if was != is_now:
        message = f"it was a run of {was or 'a Workflow'}, but the file has {is_now or 'a Workflow'}"
        raise ArgumentError(Diagnostic("MLP414", name, message, "give the file of that pipeline"))
    if before["status"].get("phase") == "Succeeded":
        hint = f"to run it again: mlplat rerun {name}, or leave out --resume"
        raise ArgumentError(Diagnostic("MLP412", name, "it has succeeded: there is nothing to resume", hint))


def _documents(given: argparse.Namespace, loaded: Loaded, before: Document | None) -> list[dict[str, Any]]:
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    if loaded.spec is not None:
        kept = _kept(given.resume, before, loaded.spec) if before is not None else {}
        program = compiler.compile(loaded.spec, options(given, loaded.spec, kept))
        if given.engine == "argo":
            for warning in program.warnings:
                print(warning, file=sys.stderr)
        return list(program.documents)
    if wrong := _refused(loaded.documents):
        raise ManifestError(wrong)
    documents = started(loaded.documents)
    values = arguments.read(given.parameter, given.parameter_file, None)
    return [
        _bound(document, before, values) if document.get("kind") == "Workflow" else document
        for document in documents
    ]


def _refused(documents: Sequence[Document]) -> list[Diagnostic]:
    """Return what is malformed; where nothing is, the names that Kubernetes refuses, and then what Argo refuses."""
    return (
        list(malformed_documents(documents))
        or [one for document in documents for one in wrong_names(document)]
        or [
            one
            for document in documents
            for one in lint.problems(document, documents)
            if one.severity == "error"
        ]
    )


def _kept(name: str, before: Document, spec: PipelineSpec) -> dict[str, Any]:
    """Return the values that a run's parameters have, as far as the pipeline still takes them."""
    parameters = spec.root.input_parameters
    values = bound_values(before, engines.beside(name), parameters)
    return {key: value for key, value in values.items() if key in parameters}


def _bound(workflow: Document, before: Document | None, values: Document) -> dict[str, Any]:
    if before is None:
        return with_arguments(workflow, values)
    return with_kept_arguments(workflow, before, values)


def _given_beside(name: str, before: Document) -> list[dict[str, Any]]:
    """Return the Secrets and ConfigMaps that were given to a run of this machine: not that of its large values."""
    own = large_values(before)
    return [
        one
        for one in engines.beside(name)
        if one.get("kind") == "Secret" or (one.get("kind") == "ConfigMap" and one["metadata"]["name"] != own)
    ]


def _warn_of_relative_paths(given: argparse.Namespace, workflow: Document) -> None:
    if given.engine != "local":
        return
    for parameter in parameters_of(workflow):
        text = str(parameter.get("value") or "")
        if _is_file_of_this_folder(text):
            hint = f"a task runs in a folder of its own; give {quote(str(Path(text).absolute()))}"
            message = f"{parameter['name']}={text} is a file in this folder"
            print(Diagnostic("MLP410", "", message, hint, severity="warning"), file=sys.stderr)


def _warn_of_passwords(workflow: Document) -> None:
    for parameter in parameters_of(workflow):
        text = str(parameter.get("value") or "")
        if without_passwords(text) != text:
            message = (
                f"parameter '{parameter['name']}' has an address with a password, which the Workflow shows"
            )
            hint = "let the task read it from a Secret: kubernetes.use_secret_as_env(...)"
            print(Diagnostic("MLP419", "", message, hint, severity="warning"), file=sys.stderr)


def _is_file_of_this_folder(text: str) -> bool:
    try:
        return bool(text) and not Path(text).is_absolute() and Path(text).is_file()
    except (OSError, ValueError):
        return False
