"""Resolves the variables, arguments, volume mounts and patches of a task's container.

The rules are those of Kubernetes (references in ``command``, ``args`` and ``env``: kubernetes.io, "Define dependent
environment variables"; downward API: "Expose Pod Information to containers").
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplat import manifest
from mlplat.argo.gotext import any_string
from mlplat.argo.structure import wrong_sub_path
from mlplat.errors import ManifestError
from mlplat.runtime.contract import TERMINATION_LOG

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
_FIELD = re.compile(r"metadata\.(annotations|labels)\['(.+)'\]$")


class ContainerError(ValueError):
    """A container cannot be created."""


@dataclass(frozen=True, slots=True)
class PodInfo:
    """The metadata and references of a task's pod.

    Attributes:
        name: its name.
        namespace: its namespace.
        uid: its uid.
        service_account: its service account.
        annotations: its annotations.
        labels: its labels.
        config_maps: data of ConfigMaps by name.
        secrets: data of Secrets by name.
    """

    name: str
    namespace: str
    uid: str = ""
    service_account: str = "default"
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def field(self, path: str) -> str:
        """Return the value of a field of the downward API.

        Args:
            path: such as ``metadata.name`` or ``metadata.annotations['key']``.

        Returns:
            Its value; empty for a missing annotation or label.

        Raises:
            ContainerError: the field is not supported.
        """
        if match := _FIELD.match(path):
            kind, key = match.groups()
            return (self.annotations if kind == "annotations" else self.labels).get(key, "")
        known = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "metadata.uid": self.uid,
            "spec.serviceAccountName": self.service_account,
            "spec.nodeName": "localhost",
            "status.hostIP": "127.0.0.1",
            "status.podIP": "127.0.0.1",
            "metadata.annotations": _lines(self.annotations),
            "metadata.labels": _lines(self.labels),
        }
        if path not in known:
            raise ContainerError(f"unsupported fieldPath: {path}")
        return known[path]


def _lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(values.items()))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` by a variable; ``$$`` is a dollar sign, an unknown name is unchanged.

    Args:
        text: an argument or a variable's value.
        variables: the container's variables.

    Returns:
        The text that the program gets.
    """
    if "$" not in text:
        return text

    def replacement(match: re.Match[str]) -> str:
        if match.group(1) == "$":
            return "$"
        return variables.get(match.group(2), match.group())

    return _REFERENCE.sub(replacement, text)


def sub_path(mount: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    """Return the path in its volume that a mount refers to.

    Args:
        mount: an item of ``volumeMounts``.
        variables: the container's variables.

    Returns:
        A relative path; empty for the whole volume.

    Raises:
        ContainerError: it is outside of the volume, or refers to a missing variable.
    """
    path, expression = str(mount.get("subPath") or ""), str(mount.get("subPathExpr") or "")
    if path and expression:
        raise ContainerError(
            f"the volumeMount at {mount['mountPath']} has a subPath and a subPathExpr: leave one of them out"
        )
    for dollar, name in _REFERENCE.findall(expression):
        if dollar != "$" and name not in variables:
            raise ContainerError(f'missing value for "{name}" in subPathExpr {expression!r}')
    path = path or expand(expression, variables)
    if wrong := wrong_sub_path(path):
        field = "subPathExpr" if expression else "subPath"
        raise ContainerError(f"{field} {expression or path!r} of the mount at {mount['mountPath']} {wrong}")
    return path


def environment(container: Mapping[str, Any], pod: PodInfo) -> dict[str, str]:
    """Return a container's variables.

    Args:
        container: the container.
        pod: what its variables can refer to.

    Returns:
        Values by name; a value may refer to variables above it.

    Raises:
        ContainerError: the source of a variable does not exist.
    """
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for key, value in _all_keys(source, pod).items():
            variables[prefix + key] = value
    for one in container.get("env") or ():
        if one.get("valueFrom"):
            found = _value_from(one, pod)
            if found is not None:
                variables[one["name"]] = found
        else:
            variables[one["name"]] = expand(any_string(one.get("value")), variables)
    return variables


def _all_keys(source: Mapping[str, Any], pod: PodInfo) -> Mapping[str, str]:
    for kind, known in (("configMapRef", pod.config_maps), ("secretRef", pod.secrets)):
        reference = source.get(kind)
        if reference:
            if reference["name"] not in known and not reference.get("optional"):
                raise ContainerError(
                    f'{"configmap" if kind[0] == "c" else "secret"} "{reference["name"]}" not found'
                )
            return known.get(reference["name"], {})
    return {}


def _value_from(variable: Mapping[str, Any], pod: PodInfo) -> str | None:
    source = variable["valueFrom"]
    if source.get("fieldRef"):
        return pod.field(source["fieldRef"]["fieldPath"])
    for kind, known in (("configMapKeyRef", pod.config_maps), ("secretKeyRef", pod.secrets)):
        reference = source.get(kind)
        if reference:
            value = known.get(reference["name"], {}).get(reference["key"])
            if value is None and not reference.get("optional"):
                noun = "configmap" if kind[0] == "c" else "secret"
                raise ContainerError(f'{noun} "{reference["name"]}" with key "{reference["key"]}" not found')
            return value
    raise ContainerError(f"variable {variable['name']!r} has an unsupported source")


def patched(container: Mapping[str, Any], patches: Sequence[str]) -> dict[str, Any]:
    """Apply ``podSpecPatch`` to the main container.

    Args:
        container: the container.
        patches: patches of the workflow and of the template, as JSON or YAML text.

    Returns:
        The container; lists of named things are merged by name, other lists replaced, as strategic merge does.

    Raises:
        ContainerError: a patch isn't a mapping, or a mount has no path.
    """
    result = {**container, "name": "main"}
    for patch in map(_patch, patches):
        for one in _items(patch.get("containers"), "containers"):
            if one.get("name") == "main":
                result = _merge(result, one)
    for mount in _items(result.get("volumeMounts"), "volumeMounts"):
        for key in ("name", "mountPath"):
            if not isinstance(mount.get(key), str):
                raise ContainerError(f"a volumeMount has no {key}: {mount}")
    return result


def patched_volumes(volumes: Sequence[Mapping[str, Any]], patches: Sequence[str]) -> list[Mapping[str, Any]]:
    """Apply ``podSpecPatch`` to the pod's volumes.

    Args:
        volumes: the volumes of the template and of the workflow.
        patches: patches of the workflow and of the template, as JSON or YAML text.

    Returns:
        The volumes, merged by name.

    Raises:
        ContainerError: a patch isn't a mapping.
    """
    result = list(volumes)
    for patch in map(_patch, patches):
        result = _merge(result, patch.get("volumes") or [], "volumes")
    if unnamed := [one for one in result if not isinstance(one.get("name"), str)]:
        raise ContainerError(f"a volume has no name: {unnamed[0]}")
    return result


@functools.lru_cache(maxsize=64)
def _patch(text: str) -> Mapping[str, Any]:
    try:
        patch = manifest.value(text)
    except ManifestError as error:
        raise ContainerError(f"podSpecPatch: {error.diagnostics[0].message}") from None
    if not isinstance(patch, Mapping):
        raise ContainerError("podSpecPatch is not a mapping")
    return patch


def _items(value: Any, key: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list | None) or not all(isinstance(one, Mapping) for one in value or ()):
        raise ContainerError(f"podSpecPatch: {key} must be a list of mappings")
    return value or ()


_MERGE_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort", "volumes": "name"}


def _merge(base: Any, patch: Any, key: str = "") -> Any:
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        merged = dict(base)
        for name, value in patch.items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = _merge(merged.get(name), value, name)
        return merged
    if isinstance(base, list) and isinstance(patch, list) and key in _MERGE_KEYS:
        identity = _MERGE_KEYS[key]
        by_name = {item.get(identity): item for item in base}
        for item in _items(patch, key):
            by_name[item.get(identity)] = _merge(by_name.get(item.get(identity), {}), item)
        return list(by_name.values())
    return patch


def patched_paths(patch: str) -> list[str]:
    """Return the mount paths that ``podSpecPatch`` adds to the main container."""
    return [str(mount["mountPath"]) for mount in patched({}, [patch]).get("volumeMounts") or ()]


def container_paths(template: Mapping[str, Any]) -> list[str]:
    """Return the paths of a template's container that the engine fills or reads.

    Args:
        template: the template in the manifest.

    Returns:
        Mounts, input artifacts, output files, the script and the file for the reason of a failure.
    """
    container = template.get("container") or template.get("script") or {}
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    paths = [TERMINATION_LOG, *(mount["mountPath"] for mount in container.get("volumeMounts") or ())]
    paths += [one["path"] for one in (inputs.get("artifacts") or ()) if one.get("path")]
    paths += [one["path"] for one in (outputs.get("artifacts") or ()) if one.get("path")]
    paths += [
        one["valueFrom"]["path"]
        for one in outputs.get("parameters") or ()
        if (one.get("valueFrom") or {}).get("path")
    ]
    return paths
