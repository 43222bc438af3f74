"""The command line's grammar; each command imports what it needs when it runs."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn

from mlplat.argo import stores
from mlplat.errors import available, suggestion
from mlplat.runs.programs import Module

DEFAULT_IMAGE = "python:3.11"
EXECUTORS = ("process", "podman", "docker")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self._refuse(message)

    def _refuse(self, message: str, hint: str = "") -> NoReturn:
        self.exit(2, f"error MLP001: {message}\n  hint: {f'{hint} ' if hint else ''}{self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(one) for one in action.choices]
            what = action.option_strings[-1] if action.option_strings else action.metavar or action.dest
            hint = suggestion(str(value), known) or f"{available(known)};"
            self._refuse(f"{what}: unknown value {value!r}", hint)


class _Command(_Parser):
    """A command's own parser: options may stand anywhere among its words."""

    _is_within = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse options first and words then, each of which is a call of this method, and refuse what is left."""
        if self._is_within:
            return super().parse_known_args(args, namespace)
        self._is_within = True
        try:
            found, left = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_within = False
        if left:
            self._refuse_words(left, getattr(found, "file", None) or "")
        self._place(found)
        return found, left

    def _place(self, found: Any) -> None:
        """Let what ``-m`` names stand where files stand."""
        modules = getattr(found, "module", None)
        if modules is None:
            return
        if hasattr(found, "files"):
            found.files = [*found.files, *modules]
            if not found.files:
                self._refuse("name a file, or a module with -m")
            return
        places = [*([found.file] if found.file else []), *modules]
        if len(places) != 1:
            self._refuse("name a file, or a module with -m" if not places else "name one file or one module")
        found.file = places[0]

    def _refuse_words(self, words: Sequence[str], file: str) -> NoReturn:
        option = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
        if not option:
            whole = " ".join((file, *words))
            hint = f"quote the name of the file: {quote(whole)};" if Path(whole).exists() else ""
            self._refuse(f"unexpected argument: {' '.join(words)}", hint)
        known = [one for one in self._option_string_actions if one.startswith("--")]
        self._refuse(f"unknown option {option}", suggestion(option, known))


def _later(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def command(given: argparse.Namespace) -> int:
        result: int = getattr(importlib.import_module(f"mlplat.cli.{module}"), function)(given)
        return result

    return command


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``mlplat``."""
    top = _Parser(
        prog="mlplat",
        description="Pipelines on plain Argo Workflows, and on this machine.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Command)
    _run(commands)
    _retry(commands)
    _rerun(commands)
    _attach(commands)
    _end(commands, "stop", "end a run; its exit handlers still run")
    _end(commands, "terminate", "end a run at once; its exit handlers do not run")
    _compile(commands)
    _lint(commands)
    _get(commands)
    _logs(commands)
    _record(commands)
    _cache(commands)
    _doctor(commands)
    return top


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import importlib.metadata

        print(f"mlplat {importlib.metadata.version('mlplat')}")
        parser.exit()


_Commands = "argparse._SubParsersAction[_Parser]"


def _command(commands: _Commands, name: str, module: str, function: str, summary: str) -> _Parser:  # type: ignore[valid-type]
    command: _Parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)  # type: ignore[attr-defined]
    command.set_defaults(command=_later(module, function), command_name=name)
    return command


def _place_options(command: _Parser, summary: str) -> None:
    command.add_argument("file", nargs="?", help=summary)
    _module_option(command)


def _module_option(command: _Parser) -> None:
    command.add_argument(
        "-m",
        "--module",
        action="append",
        default=[],
        type=Module.of,
        metavar="MODULE",
        help="a module instead of a file, as python -m finds it: team.pipe, or team.pipe:pipeline",
    )


def _pipeline_options(command: _Parser) -> None:
    command.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a pipeline parameter"
    )
    command.add_argument(
        "-f",
        "--parameter-file",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML or JSON file of parameters",
    )
    command.add_argument("--no-cache", action="store_true", help="run every task, without the cache")
    command.add_argument(
        "--image",
        default=DEFAULT_IMAGE,
        help="container image of components that name none (default: %(default)s)",
    )
    command.add_argument(
        "-n",
        "--namespace",
        default="",
        help="namespace on the cluster; for local runs: {{workflow.namespace}}, and the scope of cache and locks",
    )
    command.add_argument("--service-account", default="", help="service account of the pods")
    command.add_argument(
        "--claim-service-account",
        default="",
        metavar="NAME",
        help="service account of the tasks that create and delete PVCs (default: the pods')",
    )

    command.add_argument(
        "--artifact-store",
        choices=(stores.HDFS,),
        default="",
        help="kind of the cluster's artifact repository, where that needs absolute paths",
    )
    command.add_argument(
        "--import-sources",
        metavar="FILE",
        help="YAML file that maps URI prefixes of importers to Argo artifact locations",
    )
    command.add_argument(
        "--fuse",
        choices=("off", "auto"),
        default="",
        help="tasks that share a pod: none, or every sequence of tasks (default: those named in the program)",
    )
    command.add_argument(
        "--kfp-runtime",
        choices=("own", "pip"),
        default="own",
        help="how to run Python functions: with our runtime, or with the command of KFP's SDK, which installs that SDK "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--workflow-defaults",
        metavar="FILE",
        help="YAML file with defaults for fields of Argo's WorkflowSpec",
    )


def _cluster_options(command: _Parser) -> None:
    command.add_argument("--context", default=None, help="context of the kubeconfig")
    command.add_argument("--kubeconfig", default=None, help="kubeconfig file")


def _run(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "run", "run", "run", "run a pipeline, here or on a cluster")
    _place_options(command, "FILE.py, FILE.py:pipeline, IR YAML, or Argo YAML")
    _pipeline_options(command)
    command.add_argument("--name", default="", help="name of the run")
    command.add_argument(
        "--resume", metavar="RUN", help="resume a run of this machine that was interrupted or failed"
    )
    _execution_options(command)


def _execution_options(command: _Parser) -> None:
    command.add_argument(
        "--engine", choices=("local", "argo"), default="local", help="where to run (default: %(default)s)"
    )
    command.add_argument(
        "-j",
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        help="number of tasks to run in parallel on this machine (default: number of cores)",
    )
    command.add_argument(
        "--executor",
        choices=EXECUTORS,
        default=EXECUTORS[0],
        help="how to run tasks on this machine: as processes, or in containers of their images (default: %(default)s)",
    )
    command.add_argument(
        "--executor-options",
        default="",
        metavar="TEXT",
        help="further options of podman create or docker create, such as '--gpus all --network none'",
    )
    command.add_argument(
        "--secrets",
        default="",
        metavar="FILE",
        help="YAML file of Secrets and ConfigMaps that tasks on this machine read",
    )
    command.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default="text",
        help="what to print (default: %(default)s)",
    )
    _cluster_options(command)


def _parameter_options(command: _Parser, summary: str) -> None:
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help=summary)
    command.add_argument(
        "-f",
        "--parameter-file",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML or JSON file of parameters",
    )


def _retry(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(
        commands,
        "retry",
        "run",
        "retry",
        "let a run go on from the tasks that failed, here or on a cluster",
    )
    command.add_argument("run", help="name of the run")
    _parameter_options(command, "another value of a parameter, for what runs from now on")
    command.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="TASK",
        help="run this task and all tasks after it again, even if it succeeded",
    )
    command.add_argument("-n", "--namespace", default="", help="namespace on the cluster")
    _execution_options(command)


def _rerun(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(
        commands, "rerun", "run", "rerun", "run the manifest of a run once more, with other parameters"
    )
    command.add_argument("run", help="name of the run")
    _parameter_options(command, "another value of a parameter; the others stay as they were")
    command.add_argument("--no-cache", action="store_true", help="run every task, without the cache")
    command.add_argument("--name", default="", help="name of the new run")
    command.add_argument(
        "-n",
        "--namespace",
        default="",
        help="namespace on the cluster; for local runs: {{workflow.namespace}}, and the scope of cache and locks",
    )
    _execution_options(command)


def _run_options(command: _Parser) -> None:
    command.add_argument("run", help="name of the run")
    _where_options(command, "where it runs")


def _where_options(command: _Parser, summary: str) -> None:
    command.add_argument(
        "--engine", choices=("local", "argo"), default="local", help=f"{summary} (default: %(default)s)"
    )
    command.add_argument("-n", "--namespace", default="", help="namespace on the cluster")
    _cluster_options(command)


def _attach(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "attach", "run", "attach", "follow a run to its end, whoever started it")
    _run_options(command)
    command.add_argument("-o", "--output", choices=("text", "json"), default="text", help="what to print")


def _end(commands: _Commands, name: str, summary: str) -> None:  # type: ignore[valid-type]
    _run_options(_command(commands, name, "run", name, summary))


def _record(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(
        commands, "record", "record", "record", "record Workflows of a cluster, whoever submitted them"
    )
    command.add_argument("runs", nargs="*", metavar="RUN", help="name of a Workflow")
    command.add_argument("--all", action="store_true", help="record every Workflow of the namespace")
    command.add_argument(
        "-l",
        "--selector",
        default="",
        metavar="LABELS",
        help="record Workflows with these labels, such as team=blue",
    )
    command.add_argument("-n", "--namespace", default="", help="namespace on the cluster")
    _cluster_options(command)


def _compile(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "compile", "compile", "run", "write the manifest of a pipeline")
    _place_options(command, "FILE.py, FILE.py:pipeline, or IR YAML; for --to hera Argo YAML too")
    _pipeline_options(command)
    command.add_argument(
        "-o", "--output", default="-", metavar="OUT", help="file to write (default: standard output)"
    )
    command.add_argument(
        "--to", choices=("argo", "ir", "hera"), default="argo", help="what to write (default: %(default)s)"
    )
    command.add_argument(
        "--kind",
        choices=("Workflow", "WorkflowTemplate", "CronWorkflow"),
        default="Workflow",
        help="kind of Argo resource (default: %(default)s)",
    )
    command.add_argument(
        "--schedule",
        action="append",
        default=[],
        metavar="CRON",
        help="when a CronWorkflow starts a run, such as '0 3 * * *'; may be given again",
    )
    command.add_argument("--timezone", default="", help="time zone of the schedules, such as Europe/Berlin")
    command.add_argument(
        "--concurrency-policy",
        choices=("Allow", "Forbid", "Replace"),
        default="Allow",
        help="what to do when the previous run has not ended (default: %(default)s)",
    )
    command.add_argument(
        "--starting-deadline-seconds", type=_count, help="how late a missed run may still start"
    )
    command.add_argument(
        "--successful-jobs-history-limit", type=_count, help="how many runs that succeeded are kept"
    )
    command.add_argument("--failed-jobs-history-limit", type=_count, help="how many failed runs are kept")
    command.add_argument("--name", default="", help="name of the resource")


def _lint(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(
        commands, "lint", "lint", "run", "tell what is wrong with pipelines and manifests, offline"
    )
    command.add_argument("files", nargs="*", metavar="FILE", help="Python, IR YAML or Argo YAML")
    _module_option(command)


_LISTED = ("runs", "tasks", "parameters", "artifacts", "lineage", "metrics")


def _get(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "get", "record", "get", "list runs, and what they had and gave")
    command.add_argument("what", choices=_LISTED, metavar=f"{{{','.join(_LISTED)}}}", help="what to list")
    command.add_argument("name", nargs="?", help="name of a run")
    command.add_argument("-o", "--output", choices=("text", "json"), default="text", help="what to print")
    command.add_argument("--limit", type=_count, default=20, help="how many at most (default: %(default)s)")
    command.add_argument(
        "--engine",
        choices=("local", "argo"),
        default="local",
        help="read the record of this machine, or the Workflows of a cluster as they are now (default: %(default)s)",
    )
    command.add_argument("-n", "--namespace", default="", help="namespace on the cluster")
    _cluster_options(command)


def _logs(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "logs", "logs", "logs", "print what the tasks of a run wrote")
    command.add_argument("name", help="name of the run")
    command.add_argument("task", nargs="?", help="name of one task")
    command.add_argument(
        "-f", "--follow", action="store_true", help="print what is written until the run ends"
    )
    command.add_argument(
        "--raw", action="store_true", help="print control characters as they are on a terminal too"
    )
    _where_options(command, "where it ran")


def _cache(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "cache", "record", "cache", "see to the cache of results")
    command.add_argument(
        "action", choices=("clear",), metavar="{clear}", help="clear: delete all cached results"
    )
    command.add_argument(
        "--engine", choices=("local", "argo"), default="local", help="whose (default: %(default)s)"
    )
    command.add_argument("-n", "--namespace", default="", help="namespace on the cluster")
    command.add_argument(
        "--controller-namespace",
        default="argo",
        help="where Argo's controller keeps caches (default: %(default)s)",
    )
    _cluster_options(command)


def _doctor(commands: _Commands) -> None:  # type: ignore[valid-type]
    command = _command(commands, "doctor", "doctor", "run", "tell what is missing on this machine or cluster")
    command.add_argument(
        "--executor",
        choices=EXECUTORS,
        default=EXECUTORS[0],
        help="how to run tasks on this machine (default: %(default)s)",
    )
    command.add_argument(
        "--service-account", default="", help="service account of the pods (default: the namespace's default)"
    )
    _where_options(command, "what to look at")
