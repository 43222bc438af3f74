"""Runs documents on an engine, shows the run while it goes on, and records it."""

from __future__ import annotations

import argparse
import shlex
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat import manifest
from mlplat.argo.status import AnyNode
from mlplat.argo.structure import malformed_documents
from mlplat.cli.parser import home
from mlplat.cli.progress import following
from mlplat.errors import ArgumentError, Diagnostic, EngineError, ManifestError, Source
from mlplat.runs.documents import joined, workflow_of
from mlplat.runs.load import read_text

if TYPE_CHECKING:
    from mlplat.argo.status import Node
    from mlplat.engine import Executor
    from mlplat.metadata import Run
    from mlplat.runs.cluster import Place

Document = Mapping[str, Any]


def execute(given: argparse.Namespace, documents: list[dict[str, Any]], before: Document | None) -> Document:
    """Run documents on the engine that was asked for.

    Args:
        given: the command line.
        documents: a Workflow, and what it refers to.
        before: an earlier run on this machine to go on with.

    Returns:
        The Workflow as it ended; it is in the record.
    """
    _check_executor(given)
    if given.secrets:
        documents = joined(documents, _secrets(given))
    return _on_cluster(given, documents) if given.engine == "argo" else here(given, documents, before)


def _secrets(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Read the file of Secrets and ConfigMaps."""
    if given.engine == "argo":
        message, hint = (
            "it is for runs on this machine",
            "create the Secrets on the cluster: kubectl apply -f",
        )
        raise ArgumentError(
            Diagnostic(
                "MLP418", f"--secrets {given.secrets}", message, f"{hint} {shlex.quote(given.secrets)}"
            )
        )
    documents = manifest.load(read_text(Path(given.secrets)), given.secrets)
    if any(one.get("kind") not in ("ConfigMap", "Secret") for one in documents):
        message, hint = "it holds more than Secrets and ConfigMaps", "put the Workflow into a file of its own"
        raise ManifestError(Diagnostic("MLP205", "", message, hint, Source(given.secrets)))
    if wrong := list(malformed_documents(documents)):
        raise ManifestError(wrong)
    return documents


def here(given: argparse.Namespace, documents: list[dict[str, Any]], before: Document | None) -> Document:
    """Run documents on this machine; see :func:`execute`."""
    from mlplat import engine, metadata
    from mlplat.engine import terminal

    executor = _executor(given)
    folder = made(home())
    if before is None:
        _check_is_new(workflow_of(documents)["metadata"]["name"])
    started = _begun(workflow_of(documents), before)
    documents = [*(document for document in documents if document.get("kind") != "Workflow"), started]
    name = started["metadata"]["name"]
    control = engine.Control(terminal.tell_stopping)
    with (
        metadata.open_store(folder / "mlplat.db") as store,
        engine.signals(control),
        following(started, name, quiet=given.output == "json") as show_node,
    ):
        recorded = False

        def observer(node: AnyNode) -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                store.record({**started, "status": {"phase": "Running", "startedAt": node["startedAt"]}})
            show_node(node)

        async def ask(node: Node) -> Mapping[str, str] | None:
            with show_node.paused():
                return await terminal.ask(node)

        finished = engine.run(
            documents,
            home=folder,
            jobs=given.jobs,
            executor=executor,
            cache=store.cache(),
            observer=observer,
            resume=before,
            ask=ask if terminal.is_interactive() else None,
            control=control,
        )
        store.record(finished)
        engine.mark_recorded(folder / "runs" / name)
    return finished


def _executor(given: argparse.Namespace) -> Executor:
    from mlplat import engine

    if given.executor == "process":
        return engine.ProcessExecutor()
    try:
        options = shlex.split(given.executor_options)
    except ValueError as error:
        message = f"--executor-options {given.executor_options}: {error}"
        hint = "close each quote, as in --executor-options '--env \"A=a b\"'"
        raise ArgumentError(Diagnostic("MLP416", "", message, hint)) from None
    return engine.ImageExecutor(given.executor, options)


def _check_executor(given: argparse.Namespace) -> None:
    if given.engine == "argo" and given.executor != "process":
        message, hint = "--executor is for runs on this machine", "leave it out: a cluster runs containers"
    elif given.executor == "process" and given.executor_options:
        message, hint = "--executor-options are for containers", "give --executor podman or docker too"
    else:
        return
    raise ArgumentError(Diagnostic("MLP416", "", message, hint))


def _check_is_new(name: str) -> None:
    from mlplat import engine

    before = engine.load(home() / "runs" / name)
    if before is None:
        return
    message = "a run of this name exists already"
    hint = (
        f"choose another --name; or mlplat retry {name} to continue it, mlplat rerun {name} to run it again"
    )
    if before["status"].get("phase") == "Running":
        message, hint = "a run of this name is still running", "choose another --name, or wait until it ends"
    raise ArgumentError(Diagnostic("MLP415", name, message, hint))


def made(folder: Path) -> Path:
    """Make the folder of this machine's state, and return it.

    Raises:
        EngineError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the state of this machine can't be kept in {folder}: {error.strerror}"
        hint = "set MLPLAT_HOME to a folder with room that you may write to"
        raise EngineError(Diagnostic("MLP601", "", message, hint)) from None
    return folder


def _begun(workflow: Document, before: Document | None) -> dict[str, Any]:
    """Give a Workflow the identity that an API server would, so that the record knows it from its first node on."""
    earlier = (before or {}).get("metadata", {})
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = {
        "uid": earlier.get("uid") or str(uuid.uuid4()),
        "creationTimestamp": earlier.get("creationTimestamp") or now,
    }
    return {**workflow, "metadata": {**workflow["metadata"], **identity}}


def run_before(name: str) -> dict[str, Any]:
    """Return the Workflow of a run of this machine, with its status.

    Raises:
        ArgumentError: it does not exist.
    """
    from mlplat.runs import machine

    return machine.find(name, home())


def check_is_of_machine(run: Run) -> None:
    """Refuse a run of a cluster where one of this machine is asked for.

    Raises:
        ArgumentError: with what to type instead.
    """
    if run.engine == "argo":
        hint = f"add --engine argo -n {run.namespace}"
        raise ArgumentError(Diagnostic("MLP409", "", f"{run.name} is a run on a cluster", hint))


def beside(name: str) -> list[dict[str, Any]]:
    """Return the documents that a run of this machine was made from, without its Workflow."""
    from mlplat import engine

    return engine.beside(home() / "runs" / name)


def where(given: argparse.Namespace) -> Place:
    """Return the place on a cluster that was asked for."""
    from mlplat.runs.cluster import Place

    return Place(given.namespace or None, given.context, given.kubeconfig)


def place(given: argparse.Namespace) -> dict[str, Any]:
    """Return where on the cluster, as the functions of :mod:`mlplat.k8s` take it."""
    return where(given).options


def as_typed(given: argparse.Namespace, run: str, namespace: str) -> str:
    """Return how a shell takes a run of the cluster that was asked for.

    Args:
        given: the command line.
        run: name of the run.
        namespace: where the run is; empty for that of the context.
    """
    options = (("-n", namespace), ("--context", given.context), ("--kubeconfig", given.kubeconfig))
    words = [word for option, value in options if value for word in (option, str(value))]
    return shlex.join([run, "--engine", "argo", *words])


def _on_cluster(given: argparse.Namespace, documents: list[dict[str, Any]]) -> Document:
    from mlplat import k8s

    submitted = k8s.submit(documents, **place(given))
    metadata = submitted["metadata"]
    print(f"submitted {metadata['name']} to namespace {metadata['namespace']}", file=sys.stderr)
    return follow(given, submitted)


def follow(given: argparse.Namespace, submitted: Document) -> Document:
    """Show a Workflow of the cluster until it ends, and keep the record of it up to date."""
    from mlplat import metadata
    from mlplat.runs import cluster

    name, namespace = submitted["metadata"]["name"], submitted["metadata"]["namespace"]
    with (
        metadata.open_store(made(home()) / "mlplat.db") as store,
        following(submitted, name, quiet=given.output == "json") as shown,
    ):
        try:
            return cluster.follow(submitted, where(given), store, observer=shown, notice=shown.notice)
        except KeyboardInterrupt:
            run = as_typed(given, name, namespace)
            shown.notice(f"the run continues; follow it: mlplat attach {run}; end it: mlplat stop {run}")
            raise
