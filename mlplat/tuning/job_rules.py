"""Checks the ``batch/v1`` Job of a trial template: unknown fields, and the primary container.

The fields of Job and pod spec are Kubernetes 1.34's. Those of containers, volumes and tolerations are in Argo's schema.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo import schema
from mlplat.errors import Diagnostic, available, nearest
from mlplat.tuning.templates import PLACEHOLDER

API_VERSION = "batch/v1"

_JOB = ("apiVersion", "kind", "metadata", "spec", "status")
_JOB_SPEC = (
    "activeDeadlineSeconds",
    "backoffLimit",
    "backoffLimitPerIndex",
    "completionMode",
    "completions",
    "managedBy",
    "manualSelector",
    "maxFailedIndexes",
    "parallelism",
    "podFailurePolicy",
    "podReplacementPolicy",
    "selector",
    "successPolicy",
    "suspend",
    "template",
    "ttlSecondsAfterFinished",
)
_INTEGERS = ("activeDeadlineSeconds", "backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished")
_TEMPLATE = ("metadata", "spec")
_POD_SPEC = (
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "ephemeralContainers",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "hostname",
    "hostnameOverride",
    "imagePullSecrets",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
)
_LISTS = {
    "containers": "Container",
    "initContainers": "Container",
    "volumes": "Volume",
    "tolerations": "Toleration",
    "hostAliases": "HostAlias",
    "imagePullSecrets": "LocalObjectReference",
}
"""Lists of a pod spec, and the type of their items."""

_CODE = "MLP935"


def problems(job: Mapping[str, Any], primary_container: str, path: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with a Job.

    Args:
        job: the object, with its placeholders.
        primary_container: name of the container that reports the metrics; empty if it is missing.
        path: its place.
    """
    yield from _unknown(job, _JOB, path)
    spec = yield from _mapping(job, "spec", _JOB_SPEC, path)
    yield from _integers(spec or {}, f"{path}.spec")
    template = yield from _mapping(spec, "template", _TEMPLATE, f"{path}.spec")
    pod = yield from _mapping(template, "spec", _POD_SPEC, f"{path}.spec.template")
    if pod is None:
        return
    place = f"{path}.spec.template.spec"
    for name, kind in _LISTS.items():
        for number, item in enumerate(_list(pod.get(name))):
            yield from _item(kind, item, f"{place}.{name}[{number}]")
    containers = [one for one in _list(pod.get("containers")) if isinstance(one, Mapping)]
    names = [str(one.get("name")) for one in containers]
    if not names:
        yield Diagnostic(
            _CODE, f"{place}.containers", "the Job has no containers", "add the container of the trial"
        )
    elif primary_container and primary_container not in names:
        message = f"container '{primary_container}' not found in spec.trialTemplate.trialSpec"
        hint = nearest(primary_container, names)
        yield Diagnostic(_CODE, "spec.trialTemplate.primaryContainerName", message, hint)


def _mapping(
    around: Mapping[str, Any] | None, name: str, known: tuple[str, ...], path: str
) -> Generator[Diagnostic, None, Mapping[str, Any] | None]:
    """Yield the problems of a mapping in a mapping, and return it; None if it is missing."""
    if around is None:
        return None
    found = around.get(name)
    place = f"{path}.{name}"
    if not isinstance(found, Mapping):
        message = "the field is required" if found is None else "expected a mapping"
        yield Diagnostic(_CODE, place, message, available(known))
        return None
    yield from _unknown(found, known, place)
    return found


def _unknown(fields: Mapping[str, Any], known: tuple[str, ...], path: str) -> Iterator[Diagnostic]:
    for key in fields:
        if key not in known and not PLACEHOLDER.search(key):
            yield Diagnostic(_CODE, f"{path}.{key}", f"unknown field '{key}'", nearest(key, known))


def _integers(spec: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for name in _INTEGERS:
        value = spec.get(name)
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not is_integer and not PLACEHOLDER.search(str(value)):
            message = f"expected an integer, got {value!r}"
            yield Diagnostic(_CODE, f"{path}.{name}", message, "write a number without quotes")


def _item(kind: str, item: Any, path: str) -> Iterator[Diagnostic]:
    for problem in schema.fields_problems(kind, item, path):
        if not PLACEHOLDER.search(problem.message):
            yield replace(problem, code=_CODE)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
