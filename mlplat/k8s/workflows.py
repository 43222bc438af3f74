"""Workflows on a cluster: submit, read, stop."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from mlplat.argo.parameters import with_strings
from mlplat.argo.status import FINISHED, unpacked
from mlplat.errors import ClusterError, Diagnostic, nearest
from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError
from mlplat.k8s.resources import CONFIG_MAPS, WORKFLOWS, Resource

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mlplat.k8s.client import Client

Json = dict[str, Any]

_SUGGESTED = 10
_LOOK_UP = 0.5
"""Seconds between two moments at which the waiting thread handles signals that the kernel gave to another thread."""


def submit(
    documents: Sequence[Mapping[str, Any]],
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Json:
    """Create a Workflow and the ConfigMaps that it reads.

    The ConfigMaps belong to the Workflow: the cluster deletes them with it. When the Workflow is refused, they are
    deleted at once. After Ctrl-C, nothing remains on the cluster.

    Args:
        documents: one Workflow, and any number of ConfigMaps.
        namespace: where; by default, the Workflow's own, else that of the context.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The Workflow as the cluster stored it.

    Raises:
        ClusterError: there are other documents, or the cluster refused or cannot be reached.
        KeyboardInterrupt: it was raised in this thread; what was created has been deleted.
    """
    workflow, config_maps = workflow_and_config_maps(documents)
    client = connect(namespace or workflow["metadata"].get("namespace"), context, kubeconfig)
    with _undone_on_failure(client) as create:
        names = [create(config_map)["metadata"]["name"] for config_map in config_maps]
        created = create(with_strings(workflow))
        owner = {
            "apiVersion": created["apiVersion"],
            "kind": created["kind"],
            "name": created["metadata"]["name"],
            "uid": created["metadata"]["uid"],
        }
        for name in names:
            client.patch(CONFIG_MAPS, name, {"metadata": {"ownerReferences": [owner]}})
    return created


def read(
    name: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Json:
    """Read a Workflow with its status.

    Args:
        name: of the Workflow.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The Workflow; its nodes are unpacked.

    Raises:
        ClusterError: it does not exist, or the cluster refused or cannot be reached.
    """
    return read_from(connect(namespace, context, kubeconfig), name)


def read_from(client: Client, name: str) -> Json:
    """Read a Workflow with its status; see :func:`read`."""
    return dict(unpacked(get(client, name)))


def get(client: Client, name: str) -> Json:
    """Read a Workflow as the API server has it, whose nodes may be packed.

    Raises:
        ClusterError: it does not exist (with the nearest name that does), or the cluster refused or cannot be reached.
    """
    try:
        return client.get(WORKFLOWS, name)
    except RefusedError as error:
        if error.status != 404 or error.diagnostics[0].code != "MLP808":
            raise
        raise error.with_hint(_nearest(client, name)) from None


def _nearest(client: Client, name: str) -> str:
    """Return a hint with the names of Workflows that are similar to a name, or the newest ones."""
    try:
        names = _by_age(client)[:_SUGGESTED]
    except ClusterError:
        return ""
    return (
        nearest(name, names)
        if names
        else f"namespace {client.namespace} has no Workflows; choose another with -n"
    )


def _by_age(client: Client, labels: str = "") -> list[str]:
    """Return the names of Workflows, the newest first."""
    listed = [item["metadata"] for item in client.list_metadata(WORKFLOWS, labels=labels).items]
    listed.sort(key=lambda metadata: str(metadata.get("creationTimestamp") or ""), reverse=True)
    return [metadata["name"] for metadata in listed]


def newest(
    *,
    limit: int | None = None,
    selector: str = "",
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Iterator[Json]:
    """Read the Workflows of a namespace, whoever submitted them.

    A list of whole Workflows may have hundreds of megabytes. So their names are listed first, and each is read by
    itself.

    Args:
        limit: the largest number of Workflows; None for all.
        selector: only those with these labels, such as ``team=blue``.
        namespace: of the Workflows; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Yields:
        Each with its status, the newest first. Its nodes may be packed: see :func:`mlplat.argo.status.unpacked`.

    Raises:
        ClusterError: the cluster refused or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig)
    for name in _by_age(client, selector)[:limit]:
        yield from _existing(client, name)


def _existing(client: Client, name: str) -> Iterator[Json]:
    """Read a Workflow if it has not been deleted since it was listed."""
    try:
        yield client.get(WORKFLOWS, name)
    except RefusedError as error:
        if error.status != 404:
            raise


def with_uids(
    uids: Collection[str],
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Iterator[Json]:
    """Read some Workflows of a namespace; which of them exist, one list tells.

    Args:
        uids: their ``metadata.uid``.
        namespace: of the Workflows; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Yields:
        Each that exists, as :func:`newest` does.

    Raises:
        ClusterError: the cluster refused or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig)
    for item in client.list_metadata(WORKFLOWS).items:
        if item["metadata"]["uid"] in uids:
            yield from _existing(client, item["metadata"]["name"])


def terminate(
    name: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> None:
    """End a Workflow at once; its exit handlers do not run.

    Args:
        name: of the Workflow.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Raises:
        ClusterError: it does not exist, has already ended, or the cluster refused or cannot be reached.
    """
    _shut_down(connect(namespace, context, kubeconfig), name, "Terminate")


def stop(
    name: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> None:
    """End a Workflow; its exit handlers still run.

    Args:
        name: of the Workflow.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Raises:
        ClusterError: it does not exist, has already ended, or the cluster refused or cannot be reached.
    """
    _shut_down(connect(namespace, context, kubeconfig), name, "Stop")


def _shut_down(client: Client, name: str, how: str) -> None:
    workflow = get(client, name)
    phase = (workflow.get("status") or {}).get("phase")
    if phase in FINISHED:
        hint = f"see its tasks: mlplat get tasks {name} --engine argo -n {client.namespace}"
        raise ClusterError(Diagnostic("MLP810", "", f"{name} has ended already ({phase})", hint))
    client.patch(WORKFLOWS, name, {"spec": {"shutdown": how}})


def workflow_and_config_maps(
    documents: Sequence[Mapping[str, Any]],
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return the Workflow of the documents, and their ConfigMaps.

    Raises:
        ClusterError: there is not exactly one Workflow, or there are other documents.
    """
    workflows = [document for document in documents if document.get("kind") == "Workflow"]
    config_maps = [document for document in documents if document.get("kind") == "ConfigMap"]
    others = [document for document in documents if document.get("kind") not in {"Workflow", "ConfigMap"}]
    wrong = [
        Diagnostic(
            "MLP811",
            f"{document.get('kind')}/{(document.get('metadata') or {}).get('name', '')}",
            "only a Workflow and its ConfigMaps can be submitted",
            "create it with kubectl apply -f FILE, and remove it from this file",
        )
        for document in others
    ]
    if len(workflows) != 1:
        wrong.append(Diagnostic("MLP811", "", f"expected one Workflow, got {len(workflows)}"))
    if wrong:
        raise ClusterError(wrong)
    return workflows[0], config_maps


@contextmanager
def _undone_on_failure(client: Client) -> Iterator[Callable[[Mapping[str, Any]], Json]]:
    """Yield a function that creates objects; if the block fails or is interrupted, they are deleted again."""
    done: list[tuple[Resource, str]] = []

    def create(document: Mapping[str, Any]) -> Json:
        body = {**document, "metadata": {**document["metadata"], "namespace": client.namespace}}
        resource = client.resource(document["apiVersion"], document["kind"])
        stored, interrupt = _uninterrupted(lambda: client.create(body))
        done.append((resource, stored["metadata"]["name"]))
        if interrupt:
            raise interrupt
        return stored

    try:
        yield create
    except BaseException:
        for resource, name in reversed(done):
            with suppress(ClusterError):
                client.delete(resource, name)
        raise


def _uninterrupted(create: Callable[[], Json]) -> tuple[Json, KeyboardInterrupt | None]:
    """Wait for an answer, also after Ctrl-C: without it nobody knows whether there is something to delete.

    Returns:
        The answer, and the interrupt that came meanwhile.

    Raises:
        KeyboardInterrupt: the second one.
    """
    answer: Future[Json] = Future()

    def target() -> None:
        try:
            answer.set_result(create())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            answer.set_exception(error)

    Thread(target=target, name="mlplat-create", daemon=True).start()
    interrupt: KeyboardInterrupt | None = None
    while not answer.done():
        try:
            wait([answer], _LOOK_UP)
        except KeyboardInterrupt as error:
            if interrupt:
                raise
            interrupt = error
    return answer.result(), interrupt
