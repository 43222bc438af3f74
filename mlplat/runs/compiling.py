"""Compile a file: to Argo Workflows, to IR YAML, or to a program that uses hera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mlplat import compiler, ir, manifest
from mlplat.argo import hera, names
from mlplat.errors import ArgumentError, Diagnostic, ManifestError
from mlplat.runs.arguments import Arguments, check_name
from mlplat.runs.load import load
from mlplat.runs.prepare import compiled

Target = Literal["argo", "ir", "hera"]

_LONGEST = names.LONGEST_WORKFLOW - names.GENERATED_SUFFIX - 1
"""Characters of a name from which the cluster makes that of a run."""


def compiled_file(
    file: str,
    target: Target,
    options: compiler.Options,
    arguments: Arguments,
    warn: Callable[[Diagnostic], None],
) -> str:
    """Compile a file.

    Args:
        file: a path, or a module; with ``:name`` for one of several pipelines.
        target: what to write.
        options: of the compiler.
        arguments: of the pipeline.
        warn: called with each warning.

    Returns:
        The text of the manifest or program.

    Raises:
        ArgumentError: an argument is wrong, or an option has no effect.
        MlplatError: the file cannot be read or compiled, or is a manifest already.
    """
    check_name(options.name, names.LONGEST_CRON_WORKFLOW if options.kind == "CronWorkflow" else _LONGEST)
    loaded = load(file)
    if loaded.spec is None and target != "hera":
        message = f"{file} is a manifest already"
        raise ManifestError(Diagnostic("MLP205", "", message, "run it: mlplat run"))
    if loaded.spec is None or target == "ir":
        _check_is_no_resource(
            options, "IR YAML has no such setting" if target == "ir" else "the file is a manifest already"
        )
    _check_schedule(options)
    documents: Sequence[Mapping[str, Any]] = loaded.documents
    if loaded.spec is not None and target == "ir":
        documents = ir.write(loaded.spec)
    elif loaded.spec is not None:
        program = compiled(loaded.spec, options, arguments)
        documents = list(program.documents)
        for warning in (*loaded.warnings, *program.warnings):
            warn(warning)
    return hera.program(documents) if target == "hera" else manifest.dump(documents)


def _check_is_no_resource(options: compiler.Options, why: str) -> None:
    """Refuse options of the resource that a pipeline becomes where it becomes none."""
    wrong = [f"--schedule {options.schedule.schedules[0]}"] if options.schedule else []
    wrong += [f"--kind {options.kind}"] if options.kind != "Workflow" else []
    if wrong:
        hint = "remove it, or compile the pipeline to a manifest: --to argo"
        raise ArgumentError(Diagnostic("MLP418", one, f"it has no effect: {why}", hint) for one in wrong)


def _check_schedule(options: compiler.Options) -> None:
    if options.schedule and options.kind != "CronWorkflow":
        message = f"--schedule requires a CronWorkflow, but the kind is {options.kind}"
        raise ArgumentError(Diagnostic("MLP377", "", message, "add --kind CronWorkflow"))
