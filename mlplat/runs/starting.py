"""Prepares the start of a run: of a file, of the manifest of an earlier run, or of a run that continues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any

from mlplat import compiler
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import prepare, settings
from mlplat.runs.arguments import Arguments, check_name
from mlplat.runs.documents import joined
from mlplat.runs.load import load
from mlplat.runs.machine import Machine
from mlplat.runs.run import Run

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster

Start = Callable[[], Run]
"""Starts a run."""

Warn = Callable[[Diagnostic], None]
"""Called with each warning before the run starts."""


def of_file(
    place: Machine | Cluster,
    file: str,
    options: compiler.Options,
    arguments: Arguments,
    warn: Warn,
    *,
    resume: str | None = None,
    secrets: str = "",
) -> Start:
    """Prepare a run of a file, or resume one with its current content.

    Args:
        place: where to run.
        file: a path, or a module; with ``:name`` for one of several pipelines.
        options: of the compiler; the name is that of the run.
        arguments: of the pipeline.
        warn: see :data:`Warn`.
        resume: run of this machine to resume.
        secrets: file of Secrets and ConfigMaps for tasks on this machine; empty for none.

    Raises:
        ArgumentError: an argument or option is wrong, or the run to resume does not exist or has succeeded.
        MlplatError: the file cannot be read or compiled, or Argo would refuse it.
    """
    check_name(options.name)
    if resume:
        _check_resume(place, resume, options.name)
    before = place.read(resume) if resume else None
    loaded = load(file)
    _each(warn, loaded.warnings)
    if before is None:
        ready = prepare.new(loaded, options, arguments)
    else:
        ready = prepare.resumed(place, before, loaded, options, arguments)
    is_local = isinstance(place, Machine)
    _each(warn, prepare.relative_paths(ready.workflow) if is_local else ready.warnings)
    _each(warn, prepare.passwords(ready.workflow))
    documents = joined(ready.documents, _secrets(place, secrets))
    if before is not None and isinstance(place, Machine):
        return partial(place.resume, documents, before)
    return partial(place.submit, documents)


def of_run(
    place: Machine | Cluster,
    run: str,
    arguments: Arguments,
    *,
    name: str = "",
    namespace: str = "",
    no_cache: bool = False,
    secrets: str = "",
) -> Start:
    """Prepare a new run of the manifest of an earlier one.

    Args:
        place: where the earlier run is, and where to run.
        run: its name.
        arguments: the others keep their values.
        name: of the new run; generated when empty.
        namespace: of the new run; that of the earlier one when empty.
        no_cache: run every task, without cached results.
        secrets: as for :func:`of_file`.

    Raises:
        ArgumentError: the run does not exist, or an argument is wrong.
        ClusterError: the cluster refused or cannot be reached.
    """
    check_name(name)
    ready = prepare.rerun(place, run, arguments, name=name, namespace=namespace, no_cache=no_cache)
    return partial(place.submit, joined(ready.documents, _secrets(place, secrets)))


def of_failed(
    place: Machine | Cluster, run: str, arguments: Arguments, *, tasks: Iterable[str] = (), secrets: str = ""
) -> Start:
    """Prepare to continue a run from its failed tasks.

    Args:
        place: where the run is.
        run: its name.
        arguments: the others keep their values.
        tasks: that run again although they succeeded.
        secrets: as for :func:`of_file`.

    Raises:
        ArgumentError: an argument is wrong.
    """
    return partial(place.retry, run, arguments.values(None), tuple(tasks), _secrets(place, secrets))


def _each(warn: Warn, warnings: Iterable[Diagnostic]) -> None:
    for warning in warnings:
        warn(warning)


def _check_resume(place: Machine | Cluster, run: str, name: str) -> None:
    if not isinstance(place, Machine):
        message, hint = "--resume applies only to local runs", f"mlplat retry {quote(run)} --engine argo"
    elif name:
        message, hint = f"--name {name} has no effect", "remove --name: a resumed run keeps its name"
    else:
        return
    raise ArgumentError(Diagnostic("MLP418", f"--resume {run}", message, hint))


def _secrets(place: Machine | Cluster, file: str) -> list[dict[str, Any]]:
    """Return the Secrets and ConfigMaps of a file."""
    if file and not isinstance(place, Machine):
        hint = f"create the Secrets on the cluster: kubectl apply -f {quote(file)}"
        raise ArgumentError(Diagnostic("MLP418", f"--secrets {file}", "it applies only to local runs", hint))
    return settings.secrets(file) if file else []
