"""``mlplat run``, ``retry``, ``rerun``, ``attach``, ``stop`` and ``terminate``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from mlplat.cli import places
from mlplat.cli.compile import options
from mlplat.cli.follow import conclude_run
from mlplat.cli.grammar import Given
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import prepare, settings
from mlplat.runs.arguments import Arguments, check_name
from mlplat.runs.documents import joined
from mlplat.runs.load import load
from mlplat.runs.run import How

Document = Mapping[str, Any]

_SUBMITTED = "submitted {0.name} to namespace {0.namespace}"
_RETRYING = "retrying {0.name} in namespace {0.namespace}"


def run(given: Given) -> int:
    """Run a pipeline or a Workflow, and print the report."""
    from mlplat.runs.machine import Machine

    check_name(given.name)
    if given.resume:
        _check_options_of_resume(given)
    place = places.place(given)
    before = place.read(given.resume) if given.resume else None
    loaded = load(given.file)
    _print(loaded.warnings)
    arguments = Arguments(given.parameter, given.parameter_file)
    compiling = options(given, require_arguments=True)
    if before is None:
        ready = prepare.new(loaded, compiling, arguments)
    else:
        ready = prepare.resumed(place, before, loaded, compiling, arguments)
    on_machine = isinstance(place, Machine)
    _print(prepare.relative_paths(ready.workflow) if on_machine else ready.warnings)
    _print(prepare.passwords(ready.workflow))
    documents = joined(ready.documents, _secrets(given))
    if before is not None and isinstance(place, Machine):
        return conclude_run(partial(place.resume, documents, before), place, given)
    return conclude_run(partial(place.submit, documents), place, given, "" if on_machine else _SUBMITTED)


def retry(given: Given) -> int:
    """Continue a run from the tasks that failed."""
    place = places.place(given)
    values = Arguments(given.parameter, given.parameter_file).values(None)
    start = partial(place.retry, given.run, values, given.task, _secrets(given))
    return conclude_run(start, place, given, _RETRYING if given.engine == "argo" else "")


def rerun(given: Given) -> int:
    """Run the manifest of a run again, under a new name; cached results are taken as ever."""
    check_name(given.name)
    place = places.place(given)
    ready = prepare.rerun(
        place,
        given.run,
        Arguments(given.parameter, given.parameter_file),
        name=given.name,
        namespace=given.namespace,
        no_cache=given.no_cache,
    )
    start = partial(place.submit, joined(ready.documents, _secrets(given)))
    return conclude_run(start, place, given, _SUBMITTED if given.engine == "argo" else "")


def attach(given: Given) -> int:
    """Show a run until it ends, and print the report."""
    place = places.place(given)
    return conclude_run(partial(place.attach, given.run), place, given)


def stop(given: Given) -> int:
    """End a run; its exit handlers still run."""
    return _end(given, "Stop", "stopping")


def terminate(given: Given) -> int:
    """End a run at once; its exit handlers do not run."""
    return _end(given, "Terminate", "terminating")


def _end(given: Given, how: How, doing: str) -> int:
    places.place(given).end(given.run, how)
    again = places.as_typed(given, given.run, given.namespace)
    print(f"{doing} {given.run}; to follow it: mlplat attach {again}", file=sys.stderr)
    return 0


def _print(warnings: Iterable[Diagnostic]) -> None:
    for warning in warnings:
        print(warning, file=sys.stderr)


def _check_options_of_resume(given: Given) -> None:
    if given.engine == "argo":
        message = "--resume applies only to local runs"
        hint = f"mlplat retry {shlex.quote(given.resume)} --engine argo"
    elif given.name:
        message = f"--name {given.name} has no effect"
        hint = "remove --name: a resumed run keeps its name"
    else:
        return
    raise ArgumentError(Diagnostic("MLP418", f"--resume {given.resume}", message, hint))


def _secrets(given: Given) -> list[dict[str, Any]]:
    """Return the Secrets and ConfigMaps of the file that a command line names."""
    if not given.secrets:
        return []
    if given.engine == "argo":
        message = "it applies only to local runs"
        hint = f"create the Secrets on the cluster: kubectl apply -f {shlex.quote(given.secrets)}"
        raise ArgumentError(Diagnostic("MLP418", f"--secrets {given.secrets}", message, hint))
    return settings.secrets(given.secrets)
