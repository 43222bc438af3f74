"""Checks this machine or a cluster for what runs need, with remedies."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlplat import k8s
from mlplat.errors import EngineError
from mlplat.k8s.namespaces import Controller, Hidden, Namespace, RepositorySettings
from mlplat.runs.cluster import Cluster

_OLDEST = (4, 0)
_VERSION = re.compile(r":v?(\d+)\.(\d+)")
_OUR_ACCOUNT = "mlplat-task"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: name of the check.
        ok: whether it passed; None if that is unknown, or the finding is only information.
        detail: the result.
        remedy: what to do if it failed.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def check_cluster(cluster: Cluster, account: str) -> Iterator[Finding]:
    """Check a cluster and a namespace, without changing them.

    Args:
        cluster: the cluster.
        account: service account of the pods.

    Yields:
        The findings; also for what may not be read.

    Raises:
        ClusterError: there is no kubeconfig, or the cluster cannot be reached or refuses the login.
    """
    access = k8s.check_access(**cluster.options)
    facts = k8s.inspect_namespace(account, **cluster.options)
    yield Finding(
        "Kubernetes", True, f"{access.server_version} at {access.host}, namespace {access.namespace}"
    )
    yield _definitions(access.crds, facts)
    yield _version(facts.controller)
    missing = ", ".join(access.missing_rights)
    yield Finding(
        "your permissions",
        not missing,
        f"missing: {missing}" if missing else f"run, follow and read logs in namespace {access.namespace}",
        f"ask for a Role with these verbs in namespace {access.namespace}",
    )
    yield from namespace_findings(facts, access.namespace, account)


def check_machine(home: Path, executor: str) -> Iterator[Finding]:
    """Check this machine for what runs need, without changing it.

    Args:
        home: folder of this machine's state.
        executor: ``process``, ``podman`` or ``docker``.

    Yields:
        The findings.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "Python", sys.version_info >= (3, 11), f"{version} at {sys.executable}", "use Python 3.11 or newer"
    )
    for module, extra, purpose in (
        ("sqlalchemy", "local", "run history"),
        ("alembic", "local", "run history"),
        ("rich", "local", "progress display"),
    ):
        there = importlib.util.find_spec(module) is not None
        remedy = f"pip install 'mlplat[{extra}]'"
        yield Finding(module, there, f"{'installed' if there else 'missing'} ({purpose})", remedy)
    for module, extra in (("kubernetes", "argo"), ("hera", "argo")):
        there = importlib.util.find_spec(module) is not None
        detail = "installed" if there else f"not installed; for --engine argo: pip install 'mlplat[{extra}]'"
        yield Finding(module, None, detail)
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    yield Finding(
        "python3", None, f"{shutil.which('python3', path=folders) or sys.executable} (runs the tasks)"
    )
    if executor != "process":
        yield _executor(executor)
    yield _state(home)
    yield Finding("cores", None, f"{os.cpu_count()}; the default of --jobs")


def _state(folder: Path) -> Finding:
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    writable = os.access(nearest, os.W_OK)
    free = shutil.disk_usage(nearest).free
    detail = f"{folder}, {free / 1e9:.1f} GB free{'' if writable else ', not writable'}"
    return Finding(
        "state",
        writable and free > 1e8,
        detail,
        "set MLPLAT_HOME to a writable folder on a disk with free space",
    )


def _executor(name: str) -> Finding:
    from mlplat import engine

    try:
        engine.ImageExecutor(name)
    except EngineError as error:
        (found,) = error.diagnostics
        return Finding(name, False, found.message, found.hint)
    return Finding(name, True, "responds")


def namespace_findings(facts: Namespace, namespace: str, account: str) -> Iterator[Finding]:
    """Yield the findings about what Workflows need in a namespace.

    Args:
        facts: the facts.
        namespace: the namespace.
        account: service account of the pods.
    """
    yield _account(facts, namespace, account)
    yield _reports(facts, namespace, account)
    yield from _repository(facts.repository, namespace)
    yield _caches(facts)


def _hidden(name: str, hidden: Hidden) -> Finding:
    return Finding(name, None, f"not checked: you are not allowed to {hidden.right}")


def _definitions(crds: str, facts: Namespace) -> Finding:
    missing = ", ".join(facts.missing_kinds)
    remedy = "install Argo Workflows 4.0 or later with its CRDs"
    if crds == "none" or missing:
        return Finding("Argo's resources", False, f"missing: {missing or 'workflows'}", remedy)
    return Finding("Argo's resources", True, f"{crds} definitions", remedy)


def _version(controller: Controller | Hidden | None) -> Finding:
    name = "Argo's controller"
    if isinstance(controller, Hidden):
        return _hidden(name, controller)
    if controller is None:
        return Finding(
            name, None, "no Deployment with the label app=workflow-controller; it may run elsewhere"
        )
    detail = f"{controller.image} in namespace {controller.namespace}"
    version = _VERSION.search(controller.image)
    if version is None:
        return Finding(name, None, f"{detail}; its tag has no version")
    is_new = (int(version[1]), int(version[2])) >= _OLDEST
    return Finding(name, is_new, detail, "install Argo Workflows 4.0 or later")


def _account(facts: Namespace, namespace: str, account: str) -> Finding:
    if isinstance(facts.account, Hidden):
        return _hidden("service account", facts.account)
    create = f"kubectl create serviceaccount -n {namespace} {account}"
    detail = account if facts.account else f"{account} does not exist: no pod can start"
    return Finding("service account", facts.account, detail, create)


def _reports(facts: Namespace, namespace: str, account: str) -> Finding:
    name = "permissions of the pods"
    if isinstance(facts.reports, Hidden):
        return _hidden(name, facts.reports)
    if not facts.reports:
        return Finding(name, True, f"{account} can report results (workflowtaskresults)")
    remedy = (
        f"kubectl create role -n {namespace} {_OUR_ACCOUNT} --verb=create,patch "
        "--resource=workflowtaskresults.argoproj.io\n"
        f"    kubectl create rolebinding -n {namespace} {_OUR_ACCOUNT}-{account} --role={_OUR_ACCOUNT} "
        f"--serviceaccount={namespace}:{account}\n"
        "    or use another account: --service-account NAME"
    )
    return Finding(
        name, False, f"{account} is not allowed to {', '.join(facts.reports)}: every task fails", remedy
    )


def _repository(repository: RepositorySettings | Hidden | None, namespace: str) -> Iterator[Finding]:
    name = "artifact repository"
    remedy = "configure one: see 'The artifact repository' in docs/cluster.md"
    if isinstance(repository, Hidden):
        yield _hidden(name, repository)
        return
    if repository is None:
        yield Finding(name, False, f"none for namespace {namespace}: tasks with artifacts fail", remedy)
        return
    if repository.problem:
        yield Finding(name, False, f"{repository.place}: {repository.problem}", remedy)
        return
    yield Finding(name, True, f"{repository.kind}, from {repository.place}")
    for secret, there in repository.secrets.items():
        if isinstance(there, Hidden):
            yield _hidden(f"Secret {secret}", there)
        else:
            secret_name, _, key = secret.partition("/")
            create = f"kubectl create secret generic -n {namespace} {secret_name} --from-literal={key}=…"
            detail = "exists" if there else "missing: the repository's credentials are read from it"
            yield Finding(f"Secret {secret}", there, detail, create)


def _caches(facts: Namespace) -> Finding:
    name = "cached results"
    if facts.caches is None:
        return Finding(name, None, "not checked: the controller was not found")
    if isinstance(facts.caches, Hidden):
        return _hidden(name, facts.caches)
    missing = ", ".join(facts.caches)
    detail = (
        f"Argo's controller is not allowed to {missing}" if missing else "Argo's controller can write them"
    )
    where = f" -n {facts.controller.namespace}" if isinstance(facts.controller, Controller) else ""
    remedy = (
        f"kubectl create role{where} mlplat-memoization --verb=create,get,update --resource=configmaps, and bind it to "
        "the controller's account; or run with --no-cache"
    )
    return Finding(name, not missing, detail, remedy)
