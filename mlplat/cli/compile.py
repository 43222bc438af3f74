"""``mlplat compile``."""

from __future__ import annotations

from pathlib import Path

from mlplat import compiler
from mlplat.cli import output
from mlplat.cli.grammar import Given
from mlplat.compiler import package
from mlplat.runs import settings
from mlplat.runs.arguments import Arguments
from mlplat.runs.compiling import compiled_file


def run(given: Given) -> int:
    """Write the manifest, or the IR, of a pipeline."""
    compiling = options(given, require_arguments=given.kind == "CronWorkflow")
    arguments = Arguments(given.parameter, given.parameter_file)
    text = compiled_file(given.file, given.to, compiling, arguments, output.warn)
    if given.output == "-":
        output.document(text)
    else:
        package.write(Path(given.output), text)
    return 0


def options(given: Given, *, require_arguments: bool) -> compiler.Options:
    """Return the compiler's options of a command line, but for the arguments of the pipeline."""
    return compiler.Options(
        name=given.name,
        kind=getattr(given, "kind", "Workflow"),
        schedule=_schedule(given) if getattr(given, "schedule", ()) else None,
        cache=not given.no_cache,
        image=given.image,
        namespace=given.namespace,
        service_account=given.service_account,
        claim_service_account=given.claim_service_account,
        fuse=given.fuse or "",
        kfp_runtime=given.kfp_runtime,
        artifact_store=given.artifact_store or "",
        import_sources=settings.import_sources(given.import_sources),
        workflow_defaults=settings.workflow_defaults(given.workflow_defaults),
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
