"""What Workflows of a namespace need: a service account, its permissions, an artifact repository.

Each fact is looked up by itself, so that one who may read some of them is told those. What may not be read is a
:class:`Hidden`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError
from mlplat.k8s.resources import CONFIG_MAPS, DEPLOYMENTS, SECRETS, SERVICE_ACCOUNTS, WORKFLOWS

if TYPE_CHECKING:
    import os

    from mlplat.k8s.client import Client
    from mlplat.k8s.resources import Resource

_REPOSITORIES = "artifact-repositories"
_DEFAULT = "workflows.argoproj.io/default-artifact-repository"
_CONFIGURATION = "workflow-controller-configmap"
_CONTROLLER = "app=workflow-controller"
_KINDS = (
    "workflows",
    "workflowtemplates",
    "clusterworkflowtemplates",
    "cronworkflows",
    "workflowtaskresults",
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A fact that cannot be read without a permission.

    Attributes:
        right: the missing permission, such as ``get configmaps in namespace argo``.
    """

    right: str


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """The artifact repository that a namespace's Workflows use.

    Attributes:
        place: where it is configured, such as ``ConfigMap artifact-repositories``.
        kind: ``s3``, ``gcs``, ``azure``, ``oss``, ``hdfs`` or ``artifactory``; empty if none is configured.
        secrets: whether each key of a Secret exists, by ``name/key``.
        problem: why Argo cannot use it; empty when it can.
    """

    place: str
    kind: str
    secrets: Mapping[str, bool | Hidden]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Controller:
    """Argo's controller, according to its Deployment.

    Attributes:
        namespace: where it runs.
        account: its service account.
        image: of its container.
    """

    namespace: str
    account: str
    image: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """Facts about a namespace.

    Attributes:
        account: whether the service account exists.
        reports: missing permissions of its pods, such as ``create workflowtaskresults``.
        repository: the artifact repository; None when there is none.
        controller: Argo's controller; None when no Deployment of it exists.
        caches: missing permissions of the controller for caches; None without a controller.
        missing_kinds: Argo's kinds that the cluster does not have.
    """

    account: bool | Hidden
    reports: tuple[str, ...] | Hidden
    repository: RepositorySettings | Hidden | None
    controller: Controller | Hidden | None
    caches: tuple[str, ...] | Hidden | None
    missing_kinds: tuple[str, ...]


def inspect_namespace(
    account: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Namespace:
    """Check what Workflows of a namespace need, without changing it.

    Args:
        account: service account of the pods.
        namespace: of the Workflows; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The facts.

    Raises:
        ClusterError: the cluster cannot be reached or refuses the login.
    """
    client = connect(namespace, context, kubeconfig)
    controller = _controller(client)
    own = controller.namespace if isinstance(controller, Controller) else "argo"
    account_object = _read(client, SERVICE_ACCOUNTS, client.namespace, account)
    needed = (
        ("argoproj.io", "workflowtaskresults", "create"),
        ("argoproj.io", "workflowtaskresults", "patch"),
    )
    kept = tuple(("", "configmaps", verb) for verb in ("create", "get", "update"))
    return Namespace(
        account=account_object if isinstance(account_object, Hidden) else account_object is not None,
        reports=_missing(client, client.namespace, client.namespace, account, needed),
        repository=_repository(client, own),
        controller=controller,
        caches=_missing(client, own, own, controller.account, kept)
        if isinstance(controller, Controller)
        else None,
        missing_kinds=_missing_kinds(client),
    )


def _read(client: Client, resource: Resource, namespace: str, name: str) -> dict[str, Any] | Hidden | None:
    try:
        return client.get(resource, name, namespace=namespace)
    except RefusedError as error:
        if error.status == 403:
            return Hidden(f"get {resource.plural} in namespace {namespace}")
        if error.status == 404:
            return None
        raise


def _missing(
    client: Client, where: str, of: str, account: str, needed: tuple[tuple[str, str, str], ...]
) -> tuple[str, ...] | Hidden:
    """Return what a service account of namespace ``of`` may not do in namespace ``where``."""
    missing = []
    for group, resource, verb in needed:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": where},
            "spec": {
                "user": f"system:serviceaccount:{of}:{account}",
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{of}", "system:authenticated"],
                "resourceAttributes": {
                    "namespace": where,
                    "group": group,
                    "resource": resource,
                    "verb": verb,
                },
            },
        }
        try:
            answer = client.create(review)
        except RefusedError as error:
            if error.status in {403, 404}:
                return Hidden(f"create localsubjectaccessreviews in namespace {where}")
            raise
        if not answer["status"].get("allowed"):
            missing.append(f"{verb} {resource}")
    return tuple(missing)


def _controller(client: Client) -> Controller | Hidden | None:
    for namespace in ("", "argo", client.namespace):
        try:
            listed = client.list(DEPLOYMENTS, namespace=namespace, labels=_CONTROLLER)
        except RefusedError as error:
            if error.status != 403:
                raise
            continue
        for deployment in listed.items:
            spec = deployment["spec"]["template"]["spec"]
            return Controller(
                deployment["metadata"]["namespace"],
                spec.get("serviceAccountName") or "default",
                str(spec["containers"][0]["image"]),
            )
        if not namespace:
            return None
    return Hidden("list deployments of all namespaces")


def _missing_kinds(client: Client) -> tuple[str, ...]:
    try:
        served = {resource.plural for resource in client.resources(WORKFLOWS.api_version)}
    except RefusedError as error:
        if error.status == 403:
            return ()
        if error.status == 404:
            return _KINDS
        raise
    return tuple(kind for kind in _KINDS if kind not in served)


def _repository(client: Client, controller_namespace: str) -> RepositorySettings | Hidden | None:
    """Find the repository as Argo does: ``Resolve`` of ``workflow/artifactrepositories`` in Argo 4.0.7."""
    own = _read(client, CONFIG_MAPS, client.namespace, _REPOSITORIES)
    problem = ""
    if isinstance(own, dict):
        key = (own["metadata"].get("annotations") or {}).get(_DEFAULT, "")
        text = (own.get("data") or {}).get(key)
        if text is not None:
            return _described(client, f"ConfigMap {_REPOSITORIES}, {key}", text)
        problem = (
            f"its annotation {_DEFAULT} names {key!r}, which does not exist"
            if key
            else (f"it has no annotation {_DEFAULT}")
        )
    configuration = _read(client, CONFIG_MAPS, controller_namespace, _CONFIGURATION)
    if isinstance(configuration, dict):
        data = configuration.get("data") or {}
        whole = _mapping(data.get("config"))
        text = data.get("artifactRepository") or yaml.safe_dump(whole.get("artifactRepository") or {})
        if _mapping(text):
            return _described(client, f"ConfigMap {_CONFIGURATION} of namespace {controller_namespace}", text)
    if problem:
        return RepositorySettings(f"ConfigMap {_REPOSITORIES}", "", {}, problem)
    return next((one for one in (own, configuration) if isinstance(one, Hidden)), None)


def _described(client: Client, place: str, text: str) -> RepositorySettings:
    repository = _mapping(text)
    kinds = [kind for kind, value in repository.items() if isinstance(value, dict)]
    if not kinds:
        return RepositorySettings(place, "", {}, "no storage is configured, such as s3")
    read: dict[str, dict[str, Any] | Hidden | None] = {}
    secrets: dict[str, bool | Hidden] = {}
    for name, key in _selectors(repository[kinds[0]]):
        if name not in read:
            read[name] = _read(client, SECRETS, client.namespace, name)
        found = read[name]
        secrets[f"{name}/{key}"] = (
            found if isinstance(found, Hidden) else key in ((found or {}).get("data") or {})
        )
    return RepositorySettings(place, kinds[0], secrets)


def _selectors(location: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field, value in location.items():
        if field.endswith("Secret") and isinstance(value, dict) and value.get("name"):
            yield str(value["name"]), str(value.get("key", ""))


def _mapping(text: object) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text) if isinstance(text, str) else None
    except (yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
