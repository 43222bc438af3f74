"""Rules for leaf templates and metrics, from ``workflow/validate`` of Argo 4.0.7."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat import manifest
from mlplat.argo.depends import in_order
from mlplat.argo.names import FIELD, LONGEST_TEMPLATE
from mlplat.errors import Diagnostic, ManifestError, nearest

CODE = "MLP537"

_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TAG = re.compile(r"{{.+?}}")
_WITHOUT_MANIFEST = ("delete", "get")

Part = Mapping[str, Any]


def leaf_rules(template: Part, kind: str, defaults: Part, path: str) -> Iterator[Diagnostic]:
    """Check the container, script or other leaf of a template (``validateLeaf``).

    Args:
        template: the template.
        kind: of the template.
        defaults: the ``templateDefaults`` of its Workflow.
        path: its place.
    """
    if template.get("parallelism") is not None and kind not in ("dag", "steps"):
        message = f"a {kind} template cannot have parallelism"
        hint = "set it on the steps or dag template that calls it, or on the Workflow"
        yield Diagnostic(CODE, f"{path}.parallelism", message, hint)
    if kind in ("container", "script") and not any(
        one.get("image") for one in (template[kind], defaults.get(kind) or {})
    ):
        hint = "for example image: python:3.11"
        yield Diagnostic(CODE, f"{path}.{kind}.image", f"the {kind} has no image", hint)
    if kind == "container":
        yield from _mounts(template, path)
    elif kind == "containerSet":
        yield from _container_set(template, f"{path}.containerSet")
    elif kind == "resource":
        yield from _resource(template, f"{path}.resource")
    for number, metric in enumerate((template.get("metrics") or {}).get("prometheus") or ()):
        yield from _metric(metric, f"{path}.metrics.prometheus[{number}]")


def _mounts(template: Part, path: str) -> Iterator[Diagnostic]:
    mounts = (template["container"].get("volumeMounts") or (), "container.volumeMounts", "mountPath")
    artifacts = ((template.get("inputs") or {}).get("artifacts") or (), "inputs.artifacts", "path")
    yield from _once(path, mounts, artifacts)


def _once(path: str, *lists: tuple[Any, str, str]) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each path that is used twice."""
    taken: dict[str, str] = {}
    for items, field, key in lists:
        for number, item in enumerate(items):
            where = item.get(key)
            if where and where in taken:
                message = f"the path {where} is already used by '{taken[where]}'"
                yield Diagnostic(CODE, f"{path}.{field}[{number}].{key}", message, "choose another path")
            elif where:
                taken[where] = item["name"]


def _container_set(template: Part, path: str) -> Iterator[Diagnostic]:
    containers = template["containerSet"].get("containers") or ()
    if not containers:
        yield Diagnostic(CODE, path, "the container set has no containers", "add a container")
    names: list[str] = []
    for number, container in enumerate(containers):
        place = f"{path}.containers[{number}].name"
        name = container["name"]
        if name in names:
            yield Diagnostic("MLP526", place, f"the container name '{name}' is used twice", "rename one")
        elif not FIELD.fullmatch(name):
            hint = f"use letters, digits and - (not first), at most {LONGEST_TEMPLATE}"
            yield Diagnostic("MLP527", place, f"'{name}' is not a valid container name", hint)
        names.append(name)
    waits = {one["name"]: tuple(one.get("dependencies") or ()) for one in containers}
    for name, others in waits.items():
        for other in others:
            if other not in waits:
                message = f"'{name}' depends on the container '{other}', which does not exist"
                hint = nearest(other, [one for one in names if one != name])
                yield Diagnostic("MLP513", f"{path}.containers.{name}", message, hint)
    _, stuck = in_order(waits)
    if stuck:
        message = f"the containers {', '.join(stuck)} depend on each other in a cycle"
        yield Diagnostic("MLP516", path, message, "remove one of the dependencies")
    yield from _once(path, (template["containerSet"].get("volumeMounts") or (), "volumeMounts", "mountPath"))
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    passes = inputs.get("artifacts") or outputs.get("parameters") or outputs.get("artifacts")
    if passes and "main" not in names:
        hint = "rename the container that reads and writes them to main"
        yield Diagnostic(CODE, path, "inputs and outputs need a container named main", hint)


def _resource(template: Part, path: str) -> Iterator[Diagnostic]:
    resource = template["resource"]
    if resource.get("action") in _WITHOUT_MANIFEST:
        return
    text, source = resource.get("manifest") or "", resource.get("manifestFrom")
    if text and source is not None:
        yield Diagnostic(CODE, path, "the resource has both manifest and manifestFrom", "remove one")
    elif not text and source is None:
        hint = "write the resource in manifest, or read it with manifestFrom"
        yield Diagnostic(CODE, path, "the resource has no manifest", hint)
    artifacts = [one["name"] for one in (template.get("inputs") or {}).get("artifacts") or ()]
    wanted = ((source or {}).get("artifact") or {}).get("name")
    if wanted and wanted not in artifacts:
        message = f"the template has no input artifact '{wanted}'"
        yield Diagnostic(CODE, f"{path}.manifestFrom.artifact", message, nearest(wanted, artifacts))
    if text:
        try:
            manifest.value(_TAG.sub("placeholder", text))
        except ManifestError as error:
            message = f"the manifest is not YAML: {error.diagnostics[0].message}"
            yield Diagnostic(CODE, f"{path}.manifest", message, error.diagnostics[0].hint)


def _metric(metric: Part, path: str) -> Iterator[Diagnostic]:
    name = metric["name"]
    hint = "use letters, digits and _; the first character is not a digit"
    if not _METRIC.fullmatch(name):
        yield Diagnostic("MLP527", f"{path}.name", f"'{name}' is not a valid metric name", hint)
    for number, label in enumerate(metric.get("labels") or ()):
        if not _METRIC.fullmatch(label["key"]):
            message = f"'{label['key']}' is not a valid label name"
            yield Diagnostic("MLP527", f"{path}.labels[{number}].key", message, hint)
    gauge = metric.get("gauge") or {}
    if gauge.get("realtime") and "resourcesDuration." in gauge["value"]:
        message = "resourcesDuration is not available in real time, only when the pod has ended"
        yield Diagnostic(CODE, f"{path}.gauge.value", message, "set realtime: false")
