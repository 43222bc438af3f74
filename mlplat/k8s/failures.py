"""Errors of the Kubernetes API, as diagnostics that say what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from mlplat.errors import ClusterError, Diagnostic

_UNDECLARED = re.compile(r"(\.\S+): field not declared in schema")
"""The answer of server-side apply to an unknown field; its status is 500."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API, in the terms of its access rules.

    Attributes:
        verb: ``get``, ``list``, ``watch``, ``create``, ``patch`` or ``delete``.
        group: API group; empty for the core group.
        resource: plural name, with the subresource after a slash, such as ``pods/log``.
        namespace: of the objects; empty for cluster-scoped objects and for all namespaces.
        name: of the object; empty for requests without one.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource} {self.name}".rstrip()
        return f"{self.verb} {what}" + (f" in namespace {self.namespace}" if self.namespace else "")


class RefusedError(ClusterError):
    """The API server refused a request.

    Args:
        request: the refused request.
        status: HTTP status.
        text: body of the answer.
        hint: what to do, instead of the hint for the answer.
        retry_after: seconds after which the server asks to repeat the request; None when it does not.
    """

    def __init__(
        self, request: Request, status: int, text: str, hint: str = "", *, retry_after: float | None = None
    ) -> None:
        self.request = request
        self.status = status
        self.text = text
        self.retry_after = retry_after
        found = _diagnostics(request, status, text)
        super().__init__([replace(one, hint=hint) for one in found] if hint else found)

    def with_hint(self, hint: str) -> RefusedError:
        """Return the same error with another hint; an empty one changes nothing."""
        return RefusedError(self.request, self.status, self.text, hint, retry_after=self.retry_after)


class UnreachableError(ClusterError):
    """The API server cannot be reached, or the connection broke.

    Args:
        host: URL of the API server.
        reason: the error of the network.
    """

    def __init__(self, host: str, reason: str) -> None:
        hint = (
            "check that the cluster is running, and the address of its server: kubectl config view --minify"
        )
        if "certificate" in reason.lower() or "ssl" in reason.lower():
            hint = "check certificate-authority-data of the cluster in your kubeconfig"
        super().__init__(Diagnostic("MLP802", "", f"{host} cannot be reached: {reason}", hint))


class CancelledError(ClusterError):
    """The program cancelled the request; see :class:`~mlplat.k8s.cancellation.Cancellation`."""

    def __init__(self) -> None:
        super().__init__(Diagnostic("MLP825", "", "the request was cancelled"))


def _diagnostics(request: Request, status: int, text: str) -> list[Diagnostic]:
    answer = _status_object(text)
    message = answer.get("message") or text.strip() or f"HTTP status {status}"
    details = answer.get("details") or {}
    if undeclared := _UNDECLARED.findall(message):
        hint = f"check the spelling; `kubectl explain {request.resource}` lists the fields"
        return [Diagnostic("MLP807", field, "field not declared in schema", hint) for field in undeclared]
    if status == 401:
        return [
            Diagnostic(
                "MLP803",
                "",
                f"you are not logged in to the cluster ({message})",
                "log in again, then try `kubectl auth whoami`",
            )
        ]
    if status == 403:
        return [_forbidden(request, message)]
    if status == 404:
        return [_not_found(request, details, message)]
    if status == 409:
        return _conflicts(request, answer, message)
    if status in {400, 413, 422}:
        return _invalid(request, details, message)
    hint = (
        "the API server is overloaded or failing; try again later" if status >= 500 or status == 429 else ""
    )
    return [Diagnostic("MLP800", "", f"could not {request}: {message}", hint)]


def _status_object(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _forbidden(request: Request, message: str) -> Diagnostic:
    where = f"a Role in namespace {request.namespace}" if request.namespace else "a ClusterRole"
    hint = (
        f"ask for {where} with apiGroups: ['{request.group}'], resources: ['{request.resource}'], "
        f"verbs: ['{request.verb}']"
    )
    return Diagnostic("MLP804", "", f"you are not allowed to {request}: {message}", hint)


def _not_found(request: Request, details: dict[str, Any], message: str) -> Diagnostic:
    if details.get("kind") == "namespaces":
        namespace = details.get("name") or request.namespace
        hint = f"choose another with --namespace, or create it: kubectl create namespace {namespace}"
        return Diagnostic("MLP808", "", f"namespace {namespace} not found", hint)
    if not details.get("name") and request.group == "argoproj.io":
        hint = "install Argo Workflows 4.0 or later, or choose another cluster with --context"
        return Diagnostic("MLP805", "", "Argo's CRDs are not installed on the cluster", hint)
    hint = (
        f"`kubectl get {request.resource} -n {request.namespace}` lists what exists" if request.name else ""
    )
    return Diagnostic("MLP808", "", f"could not {request}: {message}", hint)


def _conflicts(request: Request, answer: dict[str, Any], message: str) -> list[Diagnostic]:
    details = answer.get("details") or {}
    if answer.get("reason") == "AlreadyExists":
        name = details.get("name") or request.name
        hint = f"choose another name, or `kubectl delete {request.resource} {name} -n {request.namespace}`"
        return [Diagnostic("MLP806", "", message, hint)]
    owned = [cause for cause in details.get("causes") or () if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        hint = "remove the field from the object, or apply with force"
        return [
            Diagnostic("MLP824", cause.get("field") or "", cause.get("message") or message, hint)
            for cause in owned
        ]
    return [
        Diagnostic(
            "MLP806", "", f"could not {request}: {message}", "it was changed in the meantime; try again"
        )
    ]


def _invalid(request: Request, details: dict[str, Any], message: str) -> list[Diagnostic]:
    causes = [cause for cause in details.get("causes") or () if cause.get("field") not in {None, "", "<nil>"}]
    if not causes:
        return [Diagnostic("MLP807", "", f"could not {request}: {message}")]
    hint = "run `mlplat lint` for details"
    return [
        Diagnostic("MLP807", cause["field"], cause.get("message") or message, hint if number == 0 else "")
        for number, cause in enumerate(causes)
    ]
