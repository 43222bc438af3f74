"""Makes the documents of a run from a file or from an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Protocol

from mlplat import compiler
from mlplat.addresses import without_passwords
from mlplat.argo.starting import started
from mlplat.compiler.emit import PIPELINE_ANNOTATION
from mlplat.errors import ArgumentError, Diagnostic, ManifestError
from mlplat.ir.model import PipelineSpec
from mlplat.runs import again, arguments
from mlplat.runs.binding import bound_values, parameters_of, with_arguments, with_kept_arguments
from mlplat.runs.documents import joined, large_values, with_name, workflow_of
from mlplat.runs.load import Loaded

Document = Mapping[str, Any]


class Place(Protocol):
    """The place of runs: :class:`mlplat.runs.machine.Machine` or :class:`mlplat.runs.cluster.Cluster`."""

    def read(self, name: str) -> dict[str, Any]:
        """Return the Workflow of a run with its status."""

    def documents(self, workflow: Document) -> list[dict[str, Any]]:
        """Return the documents that a run was made from, without its Workflow."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is ready to start.

    Attributes:
        documents: the Workflow, with a name, and the documents it refers to.
        warnings: warnings about the run.
    """

    documents: list[dict[str, Any]]
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def workflow(self) -> Document:
        """The Workflow among the documents."""
        return workflow_of(self.documents)


def compiled(
    spec: PipelineSpec,
    options: compiler.Options,
    passed: arguments.Arguments,
    earlier: Mapping[str, Any] | None = None,
    run: str = "",
) -> compiler.Program:
    """Compile a pipeline with arguments.

    Args:
        spec: the pipeline.
        options: the compiler's options, without the arguments.
        passed: the arguments.
        earlier: values of an earlier run, for parameters without new ones.
        run: name of the earlier run.

    Raises:
        ArgumentError: an argument is wrong.
        MlplatError: the pipeline cannot be compiled.
    """
    values = passed.values(spec.root.input_parameters)
    earlier = {name: value for name, value in (earlier or {}).items() if name not in values}
    arguments.check_kept(earlier, spec.root.input_parameters, run)
    return compiler.compile(spec, replace(options, arguments={**earlier, **values}))


def new(loaded: Loaded, options: compiler.Options, passed: arguments.Arguments) -> Prepared:
    """Prepare a new run.

    Args:
        loaded: a pipeline, or documents for Argo.
        options: of the compiler; the name and the namespace are those of the run.
        passed: the arguments.

    Raises:
        ArgumentError: an argument is wrong.
        MlplatError: the pipeline cannot be compiled, or Argo would refuse the documents.
    """
    if loaded.spec is not None:
        program = compiled(loaded.spec, options, passed)
        return Prepared(
            with_name(program.documents, options.name, options.namespace), tuple(program.warnings)
        )
    values = passed.values(None)
    documents = [
        with_arguments(one, values) if one.get("kind") == "Workflow" else one for one in _startable(loaded)
    ]
    return Prepared(with_name(documents, options.name, options.namespace))


def resumed(
    place: Place, before: Document, loaded: Loaded, options: compiler.Options, passed: arguments.Arguments
) -> Prepared:
    """Prepare to resume a run with the current program; it keeps its name, and its values unless new ones are set.

    Args:
        place: this machine or the cluster.
        before: the run.
        loaded: a pipeline, or documents for Argo.
        options: as for :func:`new`.
        passed: the arguments.

    Raises:
        ArgumentError: the run has succeeded, or is one of another pipeline, or an argument is wrong.
        MlplatError: as for :func:`new`.
    """
    name, beside = before["metadata"]["name"], place.documents(before)
    warnings: tuple[Diagnostic, ...] = ()
    documents: Sequence[Document]
    if loaded.spec is not None:
        parameters = loaded.spec.root.input_parameters
        values = bound_values(before, beside, parameters)
        kept = {key: value for key, value in values.items() if key in parameters}
        program = compiled(loaded.spec, options, passed, kept, name)
        documents, warnings = program.documents, tuple(program.warnings)
    else:
        others = passed.values(None)
        documents = [
            with_kept_arguments(one, before, others) if one.get("kind") == "Workflow" else one
            for one in _startable(loaded)
        ]
    own = large_values(before)
    kept_documents = [
        one
        for one in beside
        if one.get("kind") == "Secret" or (one.get("kind") == "ConfigMap" and one["metadata"]["name"] != own)
    ]
    ready = Prepared(joined(kept_documents, with_name(documents, name, options.namespace)), warnings)
    _check_resumable(before, ready.workflow)
    return ready


def rerun(
    place: Place, run: str, passed: arguments.Arguments, *, name: str, namespace: str, no_cache: bool
) -> Prepared:
    """Prepare a new run of the manifest of an earlier one.

    Args:
        place: this machine or the cluster.
        run: its name.
        passed: arguments; the others keep their values.
        name: of the new run; generated when empty.
        namespace: of the new run; that of the earlier one when empty.
        no_cache: run every task, without cached results.

    Raises:
        ArgumentError: there is no such run or parameter.
        ClusterError: the cluster refused or cannot be reached.
    """
    values = passed.values(None)
    before = place.read(run)
    workflow = again.rerun(with_arguments(before, values), no_cache=no_cache)
    return Prepared(with_name([*place.documents(before), workflow], name, namespace))


def relative_paths(workflow: Document) -> Iterator[Diagnostic]:
    """Warn about parameters with a relative path of a file, because tasks don't run in the working directory."""
    for parameter in parameters_of(workflow):
        text = str(parameter.get("value") or "")
        if _is_file_of_this_folder(text):
            hint = f"each task runs in its own folder; use {quote(str(Path(text).absolute()))}"
            message = f"{parameter['name']}={text} is a file in this folder"
            yield Diagnostic("MLP410", "", message, hint, severity="warning")


def passwords(workflow: Document) -> Iterator[Diagnostic]:
    """Warn about parameters that contain a password."""
    for parameter in parameters_of(workflow):
        text = str(parameter.get("value") or "")
        if without_passwords(text) != text:
            message = (
                f"parameter '{parameter['name']}' contains a password, which is readable in the Workflow"
            )
            hint = "let the task read it from a Secret: kubernetes.use_secret_as_env(...)"
            yield Diagnostic("MLP419", "", message, hint, severity="warning")


def _startable(loaded: Loaded) -> Sequence[Document]:
    """Return the documents that the cluster would start a run with.

    Raises:
        ManifestError: Argo would refuse them.
    """
    if wrong := _refused(loaded.documents):
        raise ManifestError(wrong)
    return started(loaded.documents)


def _refused(documents: Sequence[Document]) -> list[Diagnostic]:
    """Return malformed values; if there are none, names that Kubernetes refuses, and then errors of Argo."""
    # A pipeline does not need them, and they load the expression languages.
    from mlplat.argo import lint
    from mlplat.argo.structure import malformed_documents, wrong_names

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


def _check_resumable(before: Document, workflow: Document) -> None:
    name = before["metadata"]["name"]
    was, is_now = (
        (one["metadata"].get("annotations") or {}).get(PIPELINE_ANNOTATION) for one in (before, workflow)
    )
    if was != is_now:
        message = f"it was a run of {was or 'a Workflow'}, but the file has {is_now or 'a Workflow'}"
        raise ArgumentError(Diagnostic("MLP414", name, message, "use the file of that pipeline"))
    if before["status"].get("phase") == "Succeeded":
        hint = f"to run it again: mlplat rerun {name}, or leave out --resume"
        raise ArgumentError(Diagnostic("MLP412", name, "it has succeeded: there is nothing to resume", hint))


def _is_file_of_this_folder(text: str) -> bool:
    try:
        return bool(text) and not Path(text).is_absolute() and Path(text).is_file()
    except (OSError, ValueError):
        return False
