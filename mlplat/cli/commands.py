"""The commands, with their options. What a command runs is imported when it runs."""

from __future__ import annotations

import os

import click

from mlplat.cli.grammar import SETTINGS, CliCommand, CommandGroup, Word, argument, option, with_help
from mlplat.errors import MlplatError

_LISTS = ("runs", "tasks", "parameters", "artifacts", "lineage", "metrics")


def _runs(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the runs of this machine whose names a shell can complete.

    A shell inserts them unquoted, and ``.mlplat`` may come from an untrusted repository, so only valid names are
    returned.
    """
    from mlplat.argo.names import RESOURCE
    from mlplat.runs.state import home, known_runs

    try:
        names = known_runs(home())
    except MlplatError:
        return []
    return [name for name in names if name.startswith(incomplete) and RESOURCE.fullmatch(name)]


def _parameters(summary: str) -> tuple[click.Option, click.Option]:
    return (
        option("-p --parameter NAME=VALUE", summary, multiple=True),
        option("-f --parameter-file FILE", "YAML or JSON file of parameters", multiple=True),
    )


def _where(summary: str) -> tuple[click.Option, ...]:
    return (option("--engine local|argo", summary), _NAMESPACE, *_CLUSTER)


_RUN = argument("run", "RUN", shell_complete=_runs)
_FILE = argument("file", "[FILE]", type=click.Path())
_MODULE = option(
    "-m --module MODULE",
    "module to use instead of a file, as python -m finds it: team.pipe, or team.pipe:pipeline",
    multiple=True,
)
_NAMESPACE = option("-n --namespace NAME", "namespace on the cluster")
_NAMESPACE_OF_RUN = option(
    "-n --namespace NAME",
    "namespace on the cluster; for local runs, the value of {{workflow.namespace}} and the scope of cache and locks",
)
_CLUSTER = (
    option("--context NAME", "context of the kubeconfig", default=None),
    option("--kubeconfig FILE", "kubeconfig file", default=None),
)
_OUTPUT = option("-o --output text|json", "output format")
_NO_CACHE = option("--no-cache", "run every task, without the cache")

_COMPILING = (
    *_parameters("pipeline parameter"),
    _NO_CACHE,
    option("--image IMAGE", "container image of components without one", default="python:3.11"),
    _NAMESPACE_OF_RUN,
    option("--service-account NAME", "service account of the pods"),
    option(
        "--claim-service-account NAME",
        "service account of the tasks that create and delete PVCs; by default that of the pods",
    ),
    option(
        "--artifact-store hdfs",
        "kind of the cluster's artifact repository, if it needs absolute paths",
        default=None,
    ),
    option(
        "--import-sources FILE", "YAML file that maps URI prefixes of importers to Argo artifact locations"
    ),
    option(
        "--fuse off|auto",
        "tasks that share a pod: none, or every sequence of tasks; by default those named in the program",
        default=None,
    ),
    option(
        "--kfp-runtime own|pip",
        "how to run Python functions: with mlplat's runtime, or with the command of KFP's SDK, which installs that SDK",
    ),
    option("--workflow-defaults FILE", "YAML file with defaults for fields of Argo's WorkflowSpec"),
)
_RUNNING = (
    option("--engine local|argo", "where to run"),
    option(
        "-j --jobs N",
        "number of tasks to run in parallel on this machine; by default the number of cores",
        default=os.cpu_count() or 1,
        show_default=False,
    ),
    option(
        "--executor process|podman|docker",
        "how to run tasks on this machine: as processes, or in containers of their images",
    ),
    option(
        "--executor-options TEXT",
        "further options of podman create or docker create, such as '--gpus all --network none'",
    ),
    option("--secrets FILE", "YAML file of Secrets and ConfigMaps that tasks on this machine read"),
    _OUTPUT,
    option("--report", "write RUN.html, a page of the run, when it has ended"),
    *_CLUSTER,
)
_SCHEDULING = (
    option("--kind Workflow|WorkflowTemplate|CronWorkflow", "kind of Argo resource"),
    option(
        "--schedule CRON",
        "when a CronWorkflow starts a run, such as '0 3 * * *'; can be repeated",
        multiple=True,
    ),
    option("--timezone NAME", "time zone of the schedules, such as Europe/Berlin"),
    option("--concurrency-policy Allow|Forbid|Replace", "what to do when the previous run has not ended"),
    option("--starting-deadline-seconds N", "how late a missed run may still start"),
    option("--successful-jobs-history-limit N", "number of successful runs to keep"),
    option("--failed-jobs-history-limit N", "number of failed runs to keep"),
    option("--name NAME", "name of the resource"),
)

mlplat = CommandGroup(
    "mlplat",
    help="Run pipelines on Argo Workflows, and on this machine.",
    context_settings=SETTINGS,
    params=[],
)
click.version_option(package_name="mlplat", message="%(prog)s %(version)s", help="print the version")(mlplat)
with_help(mlplat)

for _each in (
    CliCommand(
        "run",
        "run:run",
        "run a pipeline, on this machine or on a cluster\n\n"
        "FILE is FILE.py, FILE.py:pipeline, IR YAML, or Argo YAML.",
        _FILE,
        _MODULE,
        *_COMPILING,
        option("--name NAME", "name of the run"),
        option(
            "--resume RUN",
            "run of this machine to resume, after it was interrupted or failed",
            default=None,
            shell_complete=_runs,
        ),
        *_RUNNING,
    ),
    CliCommand(
        "retry",
        "run:retry",
        "retry a run from its failed tasks",
        _RUN,
        *_parameters("another value of a parameter, for the tasks that still run"),
        option(
            "--task TASK",
            "run this task and all tasks after it again, even if it succeeded; can be repeated",
            multiple=True,
        ),
        _NAMESPACE,
        *_RUNNING,
    ),
    CliCommand(
        "rerun",
        "run:rerun",
        "run the manifest of a run again, as a new run",
        _RUN,
        *_parameters("another value of a parameter; the others keep theirs"),
        _NO_CACHE,
        option("--name NAME", "name of the new run"),
        _NAMESPACE_OF_RUN,
        *_RUNNING,
    ),
    CliCommand(
        "attach",
        "run:attach",
        "follow a run until it ends, whoever started it",
        _RUN,
        *_where("where it runs"),
        _OUTPUT,
    ),
    CliCommand("stop", "run:stop", "end a run; its exit handlers still run", _RUN, *_where("where it runs")),
    CliCommand(
        "terminate",
        "run:terminate",
        "end a run at once; its exit handlers do not run",
        _RUN,
        *_where("where it runs"),
    ),
    CliCommand(
        "compile",
        "compile:run",
        "write the manifest of a pipeline\n\n"
        "FILE is FILE.py, FILE.py:pipeline, or IR YAML; with --to hera, also Argo YAML.",
        _FILE,
        _MODULE,
        *_COMPILING,
        option("-o --output FILE", "file to write; - is standard output", default="-"),
        option("--to argo|ir|hera", "what to write"),
        *_SCHEDULING,
    ),
    CliCommand(
        "lint",
        "lint:run",
        "check pipelines and manifests, without a cluster\n\n"
        "FILE is Python, IR YAML or Argo YAML, or a folder with such files.",
        argument("files", "FILE...", nargs=-1, required=False, type=click.Path()),
        _MODULE,
    ),
    CliCommand(
        "get",
        "record:get",
        "list runs, tasks, parameters, artifacts, lineage or metrics\n\n"
        f"WHAT is one of {', '.join(_LISTS)}; all but runs and artifacts need RUN.",
        argument("what", "WHAT", type=Word(_LISTS)),
        argument("run", "[RUN]", shell_complete=_runs),
        _OUTPUT,
        option("--limit N", "maximum number of rows", default=20),
        option(
            "--columns NAMES",
            "columns of runs, such as name,phase,parameter.rate,metric.accuracy",
            default=None,
        ),
        option(
            "--filter CONDITION",
            "list runs that fulfil a condition, such as 'metric.accuracy>=0.9'; can be repeated",
            multiple=True,
        ),
        option("--sort COLUMN", "column to sort runs by; COLUMN:desc for the largest first"),
        *_where("what to read: the record of this machine, or the current Workflows of a cluster"),
    ),
    CliCommand(
        "logs",
        "logs:logs",
        "print the logs of a run's tasks\n\nTASK is the path, name, display name or id of a task.",
        _RUN,
        argument("task", "[TASK]"),
        option("-f --follow", "print lines as they are written, until the run ends"),
        option("--raw", "print control characters as they are, on a terminal too"),
        *_where("where it ran"),
    ),
    CliCommand(
        "report",
        "reports:report",
        "write a run as one HTML file",
        _RUN,
        option("-o --output FILE", "file to write, or - for standard output; by default RUN.html"),
        *_where("what to read: the record of this machine, or a cluster"),
    ),
    CliCommand(
        "compare",
        "reports:compare",
        "show what differs between runs",
        argument("runs", "RUN RUN...", nargs=-1, shell_complete=_runs),
        _OUTPUT,
        option("--html FILE", "write an HTML file instead"),
        *_where("what to read: the record of this machine, or a cluster"),
    ),
    CliCommand(
        "record",
        "record:record",
        "record Workflows of a cluster, whoever submitted them",
        argument("runs", "[RUN]...", nargs=-1),
        option("--all", "record every Workflow of the namespace"),
        option("-l --selector LABELS", "record Workflows with these labels, such as team=blue"),
        _NAMESPACE,
        *_CLUSTER,
    ),
    CliCommand(
        "cache",
        "record:cache",
        "delete all cached results",
        argument("action", "clear", type=Word(("clear",))),
        option("--engine local|argo", "cache of this machine, or of the cluster"),
        _NAMESPACE,
        option(
            "--controller-namespace NAME",
            "namespace of Argo's controller, which keeps the caches",
            default="argo",
        ),
        *_CLUSTER,
    ),
    CliCommand(
        "doctor",
        "doctor:run",
        "check what is missing on this machine or on a cluster",
        option("--executor process|podman|docker", "how to run tasks on this machine"),
        option("--service-account NAME", "service account of the pods; by default that of the namespace"),
        *_where("what to check"),
    ),
):
    mlplat.add_command(_each)
