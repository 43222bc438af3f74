"""Kinds of objects, and their paths in the Kubernetes API."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API server serves it.

    Attributes:
        api_version: group and version, such as ``apps/v1``; the version alone for the core group.
        kind: such as ``Deployment``.
        plural: the name of the kind in paths and access rules, such as ``deployments``.
        namespaced: whether its objects are in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, of an object, or of a subresource.

        Args:
            namespace: of the objects; empty for all namespaces.
            name: of the object; empty for the collection.
            subresource: such as ``status``.
        """
        parts = ["namespaces", namespace] if namespace and self.namespaced else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join([root(self.api_version), *(quote(part, safe="") for part in parts)])


def root(api_version: str) -> str:
    """Return the path under which the kinds of a group and version are served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


WORKFLOWS = Resource("argoproj.io/v1alpha1", "Workflow", "workflows")
CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps")
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
EVENTS = Resource("v1", "Event", "events")
NAMESPACES = Resource("v1", "Namespace", "namespaces", namespaced=False)
PODS = Resource("v1", "Pod", "pods")
SECRETS = Resource("v1", "Secret", "secrets")
SERVICE_ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts")
OWN_RIGHTS = Resource(
    "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False
)
RIGHTS = Resource("authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews")

KNOWN = {
    (known.api_version, known.kind): known
    for known in (
        WORKFLOWS,
        CONFIG_MAPS,
        DEPLOYMENTS,
        EVENTS,
        NAMESPACES,
        PODS,
        SECRETS,
        SERVICE_ACCOUNTS,
        OWN_RIGHTS,
        RIGHTS,
    )
}
"""The kinds that need no discovery."""
