"""``mlplat compile``."""

from __future__ import annotations

from pathlib import Path

from mlplat import compiler
from mlplat.cli import output
from mlplat.cli.grammar import Args
from mlplat.compiler import package
from mlplat.runs import settings
from mlplat.runs.arguments import Arguments
from mlplat.runs.compiling import compiled_file


def run(args: Args) -> int:
    """Write the manifest, or the IR, of a pipeline."""
    compiling = options(args, require_arguments=args.kind == "CronWorkflow")
    arguments = Arguments(args.parameter, args.parameter_file)
    text = compiled_file(args.file, args.to, compiling, arguments, output.warn)
    if args.output == "-":
        output.document(text)
    else:
        package.write(Path(args.output), text)
    return 0


def options(args: Args, *, require_arguments: bool) -> compiler.Options:
    """Return the compiler's options from a command line, without the arguments of the pipeline."""
    return compiler.Options(
        name=args.name,
        kind=getattr(args, "kind", "Workflow"),
        schedule=_schedule(args) if getattr(args, "schedule", ()) else None,
        cache=not args.no_cache,
        image=args.image,
        namespace=args.namespace,
        service_account=args.service_account,
        claim_service_account=args.claim_service_account,
        fuse=args.fuse or "",
        kfp_runtime=args.kfp_runtime,
        artifact_store=args.artifact_store or "",
        import_sources=settings.import_sources(args.import_sources),
        workflow_defaults=settings.workflow_defaults(args.workflow_defaults),
        require_arguments=require_arguments,
    )


def _schedule(args: Args) -> compiler.Schedule:
    return compiler.Schedule(
        schedules=tuple(args.schedule),
        timezone=args.timezone,
        concurrency_policy=args.concurrency_policy,
        starting_deadline_seconds=args.starting_deadline_seconds,
        successful_jobs_history_limit=args.successful_jobs_history_limit,
        failed_jobs_history_limit=args.failed_jobs_history_limit,
    )
