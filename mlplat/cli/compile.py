"""``mlplat compile``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplat import compiler, ir, manifest
from mlplat.argo import hera, names
from mlplat.cli import output
from mlplat.cli.grammar import Given
from mlplat.compiler import package
from mlplat.errors import ArgumentError, Diagnostic, ManifestError
from mlplat.runs import settings
from mlplat.runs.arguments import Arguments, check_name
from mlplat.runs.load import load
from mlplat.runs.prepare import compiled

_LONGEST = names.LONGEST_WORKFLOW - names.GENERATED_SUFFIX - 1
"""Characters of a name from which the cluster makes that of a run."""


def run(given: Given) -> int:
    """Write the manifest, or the IR, of a pipeline."""
    longest = names.LONGEST_CRON_WORKFLOW if given.kind == "CronWorkflow" else _LONGEST
    check_name(given.name, longest)
    loaded = load(given.file)
    if loaded.spec is None and given.to != "hera":
        raise ManifestError(
            Diagnostic("MLP205", "", f"{given.file} is a manifest already", "run it: mlplat run")
        )
    if loaded.spec is None or given.to == "ir":
        _check_is_no_resource(given)
    documents: Sequence[Mapping[str, Any]] = loaded.documents
    if given.to == "ir" and loaded.spec is not None:
        documents = ir.write(loaded.spec)
    elif loaded.spec is not None:
        arguments = Arguments(given.parameter, given.parameter_file)
        compiling = options(given, require_arguments=given.kind == "CronWorkflow")
        program = compiled(loaded.spec, compiling, arguments)
        documents = list(program.documents)
        for warning in (*loaded.warnings, *program.warnings):
            print(warning, file=sys.stderr)
    _write(given.output, hera.program(documents) if given.to == "hera" else manifest.dump(documents))
    return 0


def _check_is_no_resource(given: Given) -> None:
    """Refuse options of the resource that a pipeline becomes where it becomes none."""
    what = "IR YAML has no such setting" if given.to == "ir" else "the file is a manifest already"
    wrong = [f"--schedule {given.schedule[0]}"] if given.schedule else []
    wrong += [f"--kind {given.kind}"] if given.kind != "Workflow" else []
    if wrong:
        hint = "remove it, or compile the pipeline to a manifest: --to argo"
        raise ArgumentError(Diagnostic("MLP418", one, f"it has no effect: {what}", hint) for one in wrong)


def options(given: Given, *, require_arguments: bool) -> compiler.Options:
    """Return the compiler's options of a command line, but for the arguments of the pipeline."""
    schedule = getattr(given, "schedule", ())
    if schedule and given.kind != "CronWorkflow":
        message = f"--schedule requires a CronWorkflow, but the kind is {given.kind}"
        raise ArgumentError(Diagnostic("MLP377", "", message, "add --kind CronWorkflow"))
    return compiler.Options(
        name=given.name,
        kind=getattr(given, "kind", "Workflow"),
        schedule=_schedule(given) if schedule else None,
        cache=not given.no_cache,
        image=given.image,
        namespace=given.namespace,
        service_account=given.service_account,
        claim_service_account=given.claim_service_account,
        fuse=given.fuse or "",
        kfp_runtime=given.kfp_runtime,
        artifact_store=given.artifact_store or "",
        import_sources=settings.import_sources(given.import_sources) if given.import_sources else (),
        workflow_defaults=settings.workflow_defaults(given.workflow_defaults)
        if given.workflow_defaults
        else {},
        require_arguments=require_arguments,
    )


def _schedule(given: Given) -> compiler.Schedule:
    return compiler.Schedule(
        schedules=tuple(given.schedule),
        timezone=given.timezone,
        concurrency_policy=given.concurrency_policy,
        starting_deadline_seconds=given.starting_deadline_seconds,
        successful_jobs_history_limit=given.successful_jobs_history_limit,
        failed_jobs_history_limit=given.failed_jobs_history_limit,
    )


def _write(place: str, text: str) -> None:
    if place == "-":
        output.document(text)
    else:
        package.write(Path(place), text)
