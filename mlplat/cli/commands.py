"""The grammar of the command line. What a command runs is imported when it runs."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import click

from mlplat.errors import Diagnostic, MlplatError, available, suggestion

DEFAULT_IMAGE = "python:3.11"
EXECUTORS = ("process", "podman", "docker")
LISTS = ("runs", "tasks", "parameters", "artifacts", "lineage", "metrics")

Given = SimpleNamespace
"""What a command line gives, by the names of options and arguments."""

_COUNT = re.compile(r"0*[1-9][0-9]{0,8}")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True}


class _MistakeError(click.UsageError):
    """A mistake in a command line, with what to write instead."""

    def __init__(self, message: str, hint: str, context: click.Context | None) -> None:
        super().__init__(message, context)
        self.hint = hint


def diagnostic(error: click.UsageError) -> Diagnostic:
    """Return what is wrong with a command line, and what to write instead."""
    help_page = f"{error.ctx.command_path if error.ctx else 'mlplat'} --help"
    message, hint = error.format_message().rstrip("."), ""
    if isinstance(error, _MistakeError):
        hint = error.hint
    elif isinstance(error, click.NoSuchOption):
        parameters = error.ctx.command.get_params(error.ctx) if error.ctx else ()
        known = [name for one in parameters for name in one.opts if name.startswith("--")]
        message, hint = f"unknown option {error.option_name}", suggestion(error.option_name, known)
    elif isinstance(error, click.MissingParameter):
        message = f"missing argument {_name(error.param)}"
    return Diagnostic("MLP001", "", f"{message[:1].lower()}{message[1:]}", f"{hint} {help_page}".lstrip())


def _name(param: click.Parameter | None) -> str:
    return param.opts[-1] if isinstance(param, click.Option) else getattr(param, "human_readable_name", "")


class _Group(click.Group):
    """All commands, in the order in which they are declared."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first, or say which one may be meant."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise _MistakeError(f"unknown command '{args[0]}'", suggestion(args[0], list(self.commands)), ctx)
        return super().resolve_command(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help``, described as the other options are."""
        return _described(super().get_help_option(ctx))


class _Command(click.Command):
    """A command that calls a function of a module of this package.

    Args:
        name: of the command.
        function: ``MODULE:FUNCTION``; it takes what was given and returns the exit code.
        summary: what the command does, a short phrase; then, after an empty line, what its arguments are.
        params: its options and arguments.
    """

    def __init__(self, name: str, function: str, summary: str, *params: click.Parameter) -> None:
        settings: dict[str, Any] = {**_CONTEXT, "allow_extra_args": True}
        short = summary.partition("\n")[0]
        super().__init__(name, settings, self._call, list(params), summary, short_help=short)
        self._function = function

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse options, which may stand anywhere, and arguments; refuse what is left."""
        try:
            left = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if left and not ctx.resilient_parsing:
            whole = " ".join((ctx.params.get("file") or "", *left))
            is_file = os.path.exists(whole)  # noqa: PTH110 - pathlib takes longer to import than this module
            hint = f"quote the name of the file: {_quoted(whole)};" if is_file else ""
            raise _MistakeError(f"unexpected argument: {' '.join(left)}", hint, ctx)
        if "module" in ctx.params and not ctx.resilient_parsing:
            _put_modules_with_files(ctx)
        return left

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help``, described as the other options are."""
        return _described(super().get_help_option(ctx))

    def _call(self, **given: Any) -> int:
        module, _, function = self._function.partition(":")
        code: int = getattr(importlib.import_module(f"mlplat.cli.{module}"), function)(Given(**given))
        return code


def _described(option: click.Option | None) -> click.Option | None:
    if option is not None:
        option.help = "show this help"
    return option


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _put_modules_with_files(ctx: click.Context) -> None:
    """Let what ``-m`` names stand where files stand."""
    from mlplat.runs.programs import Module

    modules = [Module.of(name) for name in ctx.params["module"]]
    if "files" in ctx.params:
        ctx.params["files"] = places = [*ctx.params["files"], *modules]
    else:
        places = [*filter(None, [ctx.params["file"]]), *modules]
        ctx.params["file"] = places[0] if places else None
        if len(places) > 1:
            raise _MistakeError("expected one file or one module", "", ctx)
    if not places:
        raise _MistakeError("missing FILE or -m MODULE", "", ctx)


class _Word(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word, or say which one may be meant."""
        if value in self.choices:
            return str(value)
        hint = suggestion(str(value), list(self.choices)) or f"{available(self.choices)};"
        raise _MistakeError(f"unknown value '{value}' for {_name(param)}", hint, ctx)


class _Count(click.ParamType[int]):
    """A positive integer."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the integer."""
        digits = str(value)
        if _COUNT.fullmatch(digits):
            return int(digits)
        raise _MistakeError(f"'{value}' for {_name(param)} is not a positive integer", "", ctx)


def _runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the runs of this machine whose names a shell can complete.

    A shell inserts them as they are, and ``.mlplat`` may have come with a repository: only proper names are returned.
    """
    del ctx, param
    from mlplat.argo.names import RESOURCE
    from mlplat.runs.state import home

    try:
        names = sorted(folder.name for folder in (home() / "runs").glob("*"))
    except MlplatError:
        return []
    return [name for name in names if name.startswith(incomplete) and RESOURCE.fullmatch(name)]


def _argument(name: str, **settings: Any) -> click.Argument:
    return click.Argument([name], **settings)


def _option(names: str, help: str, **settings: Any) -> click.Option:  # noqa: A002 - click's own name for it
    return click.Option(names.split(), help=help, **settings)


def _text(names: str, help: str, **settings: Any) -> click.Option:  # noqa: A002
    return _option(names, help, **{"default": "", "show_default": False, **settings})


def _word(names: str, help: str, words: Sequence[str], **settings: Any) -> click.Option:  # noqa: A002
    return _option(names, help, **{"type": _Word(words), "default": words[0], **settings})


def _flag(names: str, help: str) -> click.Option:  # noqa: A002
    return _option(names, help, is_flag=True)


_RUN = _argument("run", shell_complete=_runs, metavar="RUN")
_FILE = _argument("file", required=False, metavar="[FILE]", type=click.Path())
_MODULE = _option(
    "-m --module",
    "module to use instead of a file, as python -m finds it: team.pipe, or team.pipe:pipeline",
    multiple=True,
    metavar="MODULE",
)
_NAMESPACE = _text("-n --namespace", "namespace on the cluster", metavar="NAME")
_NAMESPACE_OF_RUN = _text(
    "-n --namespace",
    "namespace on the cluster; for local runs, the value of {{workflow.namespace}} and the scope of cache and locks",
    metavar="NAME",
)
_CLUSTER = (
    _text("--context", "context of the kubeconfig", default=None, metavar="NAME"),
    _text("--kubeconfig", "kubeconfig file", default=None, metavar="FILE"),
)
_ENGINES = ("local", "argo")
_OUTPUT = _word("-o --output", "output format", ("text", "json"))
_NO_CACHE = _flag("--no-cache", "run every task, without the cache")
_NAME = _text("--name", "name of the run", metavar="NAME")


def _parameters(summary: str) -> tuple[click.Option, click.Option]:
    return (
        _option("-p --parameter", summary, multiple=True, metavar="NAME=VALUE"),
        _option("-f --parameter-file", "YAML or JSON file of parameters", multiple=True, metavar="FILE"),
    )


def _where(summary: str) -> tuple[click.Option, ...]:
    return (_word("--engine", summary, _ENGINES), _NAMESPACE, *_CLUSTER)


_COMPILING = (
    *_parameters("pipeline parameter"),
    _NO_CACHE,
    _option("--image", "container image of components without one", default=DEFAULT_IMAGE, metavar="IMAGE"),
    _NAMESPACE_OF_RUN,
    _text("--service-account", "service account of the pods", metavar="NAME"),
    _text(
        "--claim-service-account",
        "service account of the tasks that create and delete PVCs; by default that of the pods",
        metavar="NAME",
    ),
    _word(
        "--artifact-store",
        "kind of the cluster's artifact repository, if it needs absolute paths",
        ("hdfs",),
        default=None,
    ),
    _text(
        "--import-sources",
        "YAML file that maps URI prefixes of importers to Argo artifact locations",
        metavar="FILE",
    ),
    _word(
        "--fuse",
        "tasks that share a pod: none, or every sequence of tasks; by default those named in the program",
        ("off", "auto"),
        default=None,
    ),
    _word(
        "--kfp-runtime",
        "how to run Python functions: with mlplat's runtime, or with the command of KFP's SDK, which installs that SDK",
        ("own", "pip"),
    ),
    _text("--workflow-defaults", "YAML file with defaults for fields of Argo's WorkflowSpec", metavar="FILE"),
)
_RUNNING = (
    _word("--engine", "where to run", _ENGINES),
    _option(
        "-j --jobs",
        "number of tasks to run in parallel on this machine; by default the number of cores",
        type=_Count(),
        metavar="N",
        default=os.cpu_count() or 1,
        show_default=False,
    ),
    _word(
        "--executor",
        "how to run tasks on this machine: as processes, or in containers of their images",
        EXECUTORS,
    ),
    _text(
        "--executor-options",
        "further options of podman create or docker create, such as '--gpus all --network none'",
        metavar="TEXT",
    ),
    _text("--secrets", "YAML file of Secrets and ConfigMaps that tasks on this machine read", metavar="FILE"),
    _OUTPUT,
    _flag("--report", "write RUN.html, a page of the run, when it has ended"),
    *_CLUSTER,
)
_SCHEDULING = (
    _word("--kind", "kind of Argo resource", ("Workflow", "WorkflowTemplate", "CronWorkflow")),
    _option(
        "--schedule",
        "when a CronWorkflow starts a run, such as '0 3 * * *'; can be repeated",
        multiple=True,
        metavar="CRON",
    ),
    _text("--timezone", "time zone of the schedules, such as Europe/Berlin", metavar="NAME"),
    _word(
        "--concurrency-policy",
        "what to do when the previous run has not ended",
        ("Allow", "Forbid", "Replace"),
    ),
    _option(
        "--starting-deadline-seconds", "how late a missed run may still start", type=_Count(), metavar="N"
    ),
    _option(
        "--successful-jobs-history-limit", "number of successful runs to keep", type=_Count(), metavar="N"
    ),
    _option("--failed-jobs-history-limit", "number of failed runs to keep", type=_Count(), metavar="N"),
    _text("--name", "name of the resource", metavar="NAME"),
)

mlplat = _Group(
    "mlplat",
    help="Run pipelines on Argo Workflows, and on this machine.",
    context_settings=_CONTEXT,
    params=[],
)
click.version_option(package_name="mlplat", message="%(prog)s %(version)s", help="print the version")(mlplat)

for _each in (
    _Command(
        "run",
        "run:run",
        "run a pipeline, on this machine or on a cluster\n\n"
        "FILE is FILE.py, FILE.py:pipeline, IR YAML, or Argo YAML.",
        _FILE,
        _MODULE,
        *_COMPILING,
        _NAME,
        _text(
            "--resume",
            "run of this machine to resume, after it was interrupted or failed",
            default=None,
            metavar="RUN",
            shell_complete=_runs,
        ),
        *_RUNNING,
    ),
    _Command(
        "retry",
        "run:retry",
        "retry a run from its failed tasks",
        _RUN,
        *_parameters("another value of a parameter, for the tasks that still run"),
        _option(
            "--task",
            "run this task and all tasks after it again, even if it succeeded; can be repeated",
            multiple=True,
            metavar="TASK",
        ),
        _NAMESPACE,
        *_RUNNING,
    ),
    _Command(
        "rerun",
        "run:rerun",
        "run the manifest of a run again, as a new run",
        _RUN,
        *_parameters("another value of a parameter; the others keep theirs"),
        _NO_CACHE,
        _text("--name", "name of the new run", metavar="NAME"),
        _NAMESPACE_OF_RUN,
        *_RUNNING,
    ),
    _Command(
        "attach",
        "run:attach",
        "follow a run until it ends, whoever started it",
        _RUN,
        *_where("where it runs"),
        _OUTPUT,
    ),
    _Command("stop", "run:stop", "end a run; its exit handlers still run", _RUN, *_where("where it runs")),
    _Command(
        "terminate",
        "run:terminate",
        "end a run at once; its exit handlers do not run",
        _RUN,
        *_where("where it runs"),
    ),
    _Command(
        "compile",
        "compile:run",
        "write the manifest of a pipeline\n\n"
        "FILE is FILE.py, FILE.py:pipeline, or IR YAML; with --to hera, also Argo YAML.",
        _FILE,
        _MODULE,
        *_COMPILING,
        _option("-o --output", "file to write; - is standard output", default="-", metavar="FILE"),
        _word("--to", "what to write", ("argo", "ir", "hera")),
        *_SCHEDULING,
    ),
    _Command(
        "lint",
        "lint:run",
        "check pipelines and manifests, without a cluster\n\nFILE is Python, IR YAML or Argo YAML.",
        _argument("files", nargs=-1, metavar="FILE...", type=click.Path()),
        _MODULE,
    ),
    _Command(
        "get",
        "record:get",
        "list runs, tasks, parameters, artifacts, lineage or metrics\n\n"
        f"WHAT is one of {', '.join(LISTS)}; all but runs and artifacts need RUN.",
        _argument("what", type=_Word(LISTS), metavar="WHAT"),
        _argument("name", required=False, shell_complete=_runs, metavar="[RUN]"),
        _OUTPUT,
        _option("--limit", "maximum number of rows", type=_Count(), metavar="N", default=20),
        _text(
            "--columns", "columns of runs, such as name,phase,parameter.rate,metric.accuracy", metavar="NAMES"
        ),
        _option(
            "--filter",
            "list runs that fulfil a condition, such as 'metric.accuracy>=0.9'; can be repeated",
            multiple=True,
            metavar="CONDITION",
        ),
        _text("--sort", "column to sort runs by; COLUMN:desc for the largest first", metavar="COLUMN"),
        *_where("what to read: the record of this machine, or the current Workflows of a cluster"),
    ),
    _Command(
        "logs",
        "logs:logs",
        "print the logs of a run's tasks\n\nTASK is the path, name, display name or id of a task.",
        _argument("name", shell_complete=_runs, metavar="RUN"),
        _argument("task", required=False, metavar="[TASK]"),
        _flag("-f --follow", "print lines as they are written, until the run ends"),
        _flag("--raw", "print control characters as they are, on a terminal too"),
        *_where("where it ran"),
    ),
    _Command(
        "report",
        "reports:report",
        "write a run as one HTML file",
        _RUN,
        _text("-o --output", "file to write, or - for standard output; by default RUN.html", metavar="FILE"),
        *_where("where it ran: read from the record of this machine, or from a cluster"),
    ),
    _Command(
        "compare",
        "reports:compare",
        "show what differs between runs",
        _argument("runs", nargs=-1, required=True, shell_complete=_runs, metavar="RUN RUN..."),
        _OUTPUT,
        _text("--html", "write an HTML file instead", metavar="FILE"),
        *_where("where they ran: read from the record of this machine, or from a cluster"),
    ),
    _Command(
        "record",
        "record:record",
        "record Workflows of a cluster, whoever submitted them",
        _argument("runs", nargs=-1, metavar="[RUN]..."),
        _flag("--all", "record every Workflow of the namespace"),
        _text("-l --selector", "record Workflows with these labels, such as team=blue", metavar="LABELS"),
        _NAMESPACE,
        *_CLUSTER,
    ),
    _Command(
        "cache",
        "record:cache",
        "delete all cached results",
        _argument("action", type=_Word(("clear",)), metavar="clear"),
        _word("--engine", "cache of this machine, or of the cluster", _ENGINES),
        _NAMESPACE,
        _option(
            "--controller-namespace",
            "namespace of Argo's controller, which keeps the caches",
            default="argo",
            metavar="NAME",
        ),
        *_CLUSTER,
    ),
    _Command(
        "doctor",
        "doctor:run",
        "check what is missing on this machine or on a cluster",
        _word("--executor", "how to run tasks on this machine", EXECUTORS),
        _text(
            "--service-account",
            "service account of the pods; by default that of the namespace",
            metavar="NAME",
        ),
        *_where("what to check"),
    ),
):
    mlplat.add_command(_each)
