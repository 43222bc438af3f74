"""Converts the settings of a task's pod to template fields or a pod spec patch.

Constants go into the template. Runtime values (a Secret's name from a task, a limit from
a parameter) go into a ``podSpecPatch``; values that are missing at run time are left out of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo import values
from mlplat.compiler.documents import (
    Document,
    GraphValue,
    Text,
    TextIfValue,
    Variable,
    graph_values,
    is_static,
)
from mlplat.compiler.placeholders import Hole, has_holes, holes, parse, parse_text
from mlplat.compiler.scope import REGION_PREFIX
from mlplat.compiler.strings import WORKSPACE
from mlplat.ir.model import ComponentInput, Constant, Container, ParameterSource, Passthrough, TaskOutput

WORKSPACE_VOLUME = "kfp-workspace"
"""The volume of the pipeline's workspace, a PVC that the Workflow creates."""

_WORKSPACE_LABEL = "mlplat.dev/workspace"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - it is the place where programs look for shared memory

_WITHOUT_DATA = frozenset({"emptyDir", "ephemeral"})
"""Kinds of volumes that are empty when the pod starts."""

_Config = Mapping[str, Any]


@dataclass(slots=True)
class PodSettings:
    """The settings of a pod.

    Attributes:
        fields: fields of the template.
        container: fields of its container.
        patch: fields of the pod that a template does not have, or that are runtime values; entries of lists that
            contain a :class:`GraphValue` without a value are left out.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)
    patch: dict[str, Document] = field(default_factory=dict)

    def add(self, where: str, entry: Document) -> None:
        """Add an entry to a list of the pod or, where it is ``env`` or ``volumeMounts``, of its container."""
        is_container = where in ("env", "volumeMounts")
        if is_static(entry):
            (self.container if is_container else self.fields).setdefault(where, []).append(entry)
        else:
            at = self.main() if is_container else self.patch
            at.setdefault(where, []).append(entry)

    def main(self) -> dict[str, Document]:
        """Return the container's part of the patch."""
        main: dict[str, Document] = self.patch.setdefault("containers", [{"name": "main"}])[0]
        return main


def pod(container: Container, *, workspace: bool) -> PodSettings:
    """Read a container's settings.

    Args:
        container: the container.
        workspace: whether it mounts the pipeline's workspace.

    Returns:
        The pod.
    """
    config, settings = container.kubernetes, PodSettings()
    for name, value in container.env:
        settings.add("env", {"name": name, "value": _env_text(value)})
    _variables(config, settings)
    _volumes(config, settings)
    if workspace:
        settings.add("volumeMounts", {"name": WORKSPACE_VOLUME, "mountPath": WORKSPACE})
    _placement(config, settings)
    metadata = {part: dict(config.get("podMetadata", {}).get(part, {})) for part in ("labels", "annotations")}
    if any(metadata.values()):
        settings.fields["metadata"] = {part: texts for part, texts in metadata.items() if texts}
    if "activeDeadlineSeconds" in config:
        settings.fields["activeDeadlineSeconds"] = int(config["activeDeadlineSeconds"])
    if "imagePullPolicy" in config:
        settings.container["imagePullPolicy"] = config["imagePullPolicy"]
    if security := config.get("securityContext"):
        settings.container["securityContext"] = {
            name: value if isinstance(value, bool) else int(value) for name, value in security.items()
        }
    _resources(container, settings)
    for secret in config.get("imagePullSecret", ()):
        name = _name(secret, "secretName")
        settings.patch.setdefault("imagePullSecrets", []).append({"name": name})
    return settings


def on_one_node(template: dict[str, Any], affinity: Mapping[str, Any]) -> dict[str, Any]:
    """Run the pods of a template on the node of the other pods of the run that mount the workspace.

    Args:
        template: the template.
        affinity: affinity of all pods of the run, which Argo does not merge into that of a template.

    Returns:
        The template with a label and the affinity to it.
    """
    found = copy.deepcopy({**template, "affinity": template.get("affinity") or dict(affinity)})
    found.setdefault("metadata", {}).setdefault("labels", {})[_WORKSPACE_LABEL] = "true"
    same = {_WORKSPACE_LABEL: "true", "workflows.argoproj.io/workflow": "{{workflow.name}}"}
    term = {"labelSelector": {"matchLabels": same}, "topologyKey": "kubernetes.io/hostname"}
    found["affinity"].setdefault("podAffinity", {}).setdefault(_REQUIRED, []).append(term)
    return found


def _env_text(text: str) -> Document:
    return Variable(parse_text(text)) if has_holes(text) else values.container_text(text)


def sources(container: Container) -> Iterator[ParameterSource]:
    """Yield the values that the settings of a container read from the enclosing graph."""
    for given in graph_values(pod(container, workspace=False).patch):
        yield given.source


def keyed(container: Container, settings: PodSettings) -> tuple[list[Document], dict[str, Document]]:
    """Return the settings of a pod that can change the result of its task: variables, volumes, mounts, accelerator.

    CPU, memory, scheduling and labels don't change the result.

    Args:
        container: the container.
        settings: the pod.

    Returns:
        The settings as written, and the runtime values in them, in the image and in the command, except those from the
        task's own inputs.
    """
    main = settings.patch.get("containers", [{}])[0]
    volumes = (*settings.fields.get("volumes", ()), *settings.patch.get("volumes", ()))
    written = [
        [one for one in settings.container.get("env", ()) if "valueFrom" in one],
        main.get("env", []),
        [one for one in volumes if not _WITHOUT_DATA.intersection(one)],
        [*settings.container.get("volumeMounts", ()), *main.get("volumeMounts", ())],
        [container.resources.accelerator_type, container.resources.accelerator_count],
    ]
    if any("fieldRef" in one["valueFrom"] for one in written[0]):
        written.append([settings.fields.get("metadata", {})])
    texts = (
        container.image,
        *dict(container.env).values(),
        *container.command,
        *container.args,
        *written[4],
    )
    run = dict.fromkeys(hole for text in texts for hole in holes(parse(text)) if _is_of_the_run(hole))
    dynamic = [*map(Text, run), *dict.fromkeys(graph_values(written))]
    return [one for one in written if any(one)], {str(number): one for number, one in enumerate(dynamic)}


def _is_of_the_run(hole: Hole) -> bool:
    match hole.path:
        case ("inputs", "parameters", name):
            return name.startswith(REGION_PREFIX)
        case (word,):
            return word != "workspace_path"
    return False


def _source(document: _Config) -> ParameterSource:
    selector = document.get("parameterExpressionSelector", "")
    if "taskOutputParameter" in document:
        output = document["taskOutputParameter"]
        return TaskOutput(output["producerTask"], output["outputParameterKey"], selector)
    if "componentInputParameter" in document:
        return ComponentInput(document["componentInputParameter"], selector)
    return Constant(document.get("runtimeValue", {}).get("constant", document.get("constant", "")))


def _name(document: _Config, plain: str) -> Document:
    """Return a name from the newer field, which may be any source, or else from the older, which is a string."""
    source = _source(document[f"{plain}Parameter"]) if f"{plain}Parameter" in document else None
    if source is None or isinstance(source, Constant):
        return source.value if source is not None else document.get(plain, "")
    return GraphValue(source)


def _variables(config: _Config, settings: PodSettings) -> None:
    kinds = (
        ("secretAsEnv", "secretName", "secretKey", "secretKeyRef"),
        ("configMapAsEnv", "configMapName", "configMapKey", "configMapKeyRef"),
    )
    for setting, name, key, reference in kinds:
        for given in config.get(setting, ()):
            for pair in given["keyToEnv"]:
                selector = {"name": _name(given, name), "key": pair[key]}
                if "optional" in given:
                    selector["optional"] = given["optional"]
                settings.add("env", {"name": pair["envVar"], "valueFrom": {reference: selector}})
    for given in config.get("fieldPathAsEnv", ()):
        settings.add(
            "env", {"name": given["name"], "valueFrom": {"fieldRef": {"fieldPath": given["fieldPath"]}}}
        )


def _volumes(config: _Config, settings: PodSettings) -> None:
    count = 0

    def mount(path: str, volume: dict[str, Document], name: str = "", **more: Any) -> None:
        nonlocal count
        count += 1
        name = name or f"volume-{count}"
        mounted: dict[str, Document] = {"name": name, "mountPath": path, **more}
        value = next(graph_values(volume), None)
        if value is not None:
            mounted = {**mounted, "name": TextIfValue(name, value)}
        if name not in (known.get("name") for known in settings.fields.get("volumes", ())):
            settings.add("volumes", {"name": name, **volume})
        settings.add("volumeMounts", mounted)

    for value in config.get("secretAsVolume", ()):
        secret = {"secretName": _name(value, "secretName")}
        mount(value["mountPath"], {"secret": {**secret, **_optional(value)}})
    for value in config.get("configMapAsVolume", ()):
        config_map = {"name": _name(value, "configMapName")}
        mount(value["mountPath"], {"configMap": {**config_map, **_optional(value)}})
    for value in config.get("pvcMount", ()):
        source = _source(value.get("pvcNameParameter", value))
        claim = source.value if isinstance(source, Constant) else GraphValue(source)
        sub_path = {"subPath": value["subPath"]} if value.get("subPath") else {}
        mount(value["mountPath"], {"persistentVolumeClaim": {"claimName": claim}}, **sub_path)
    for value in config.get("emptyDirMounts", ()):
        limits = {name: value[name] for name in ("medium", "sizeLimit") if value.get(name)}
        mount(value["mountPath"], {"emptyDir": limits}, value.get("volumeName", ""))
    if memory := config.get("enabledSharedMemory"):
        size = {"sizeLimit": memory["size"]} if memory.get("size") else {}
        mount(
            _SHARED_MEMORY,
            {"emptyDir": {"medium": "Memory", **size}},
            memory.get("volumeName", "shared-memory"),
        )
    for value in config.get("genericEphemeralVolume", ()):
        mount(value["mountPath"], {"ephemeral": {"volumeClaimTemplate": _claim(value)}}, value["volumeName"])


def _optional(config: _Config) -> dict[str, bool]:
    return {"optional": config["optional"]} if "optional" in config else {}


def _claim(config: _Config) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": list(config.get("accessModes", ("ReadWriteOnce",))),
        "resources": {"requests": {"storage": config.get("size", "")}},
    }
    if config.get("storageClassName"):
        spec["storageClassName"] = config["storageClassName"]
    metadata = {part: dict(texts) for part, texts in config.get("metadata", {}).items() if texts}
    return {**({"metadata": metadata} if metadata else {}), "spec": spec}


def _placement(config: _Config, settings: PodSettings) -> None:
    selector = config.get("nodeSelector", {})
    if selector.get("labels"):
        settings.fields["nodeSelector"] = dict(selector["labels"])
    if "nodeSelectorJson" in selector:
        settings.patch["nodeSelector"] = _json(selector["nodeSelectorJson"])
    tolerations: list[Document] = [_toleration(given) for given in config.get("tolerations", ())]
    if tolerations and is_static(tolerations):
        settings.fields["tolerations"] = tolerations
    elif tolerations:
        settings.patch["tolerations"] = tolerations
    if affinity := _affinity(config):
        settings.fields["affinity"] = affinity
    for given in config.get("nodeAffinity", ()):
        if "nodeAffinityJson" in given:
            settings.patch["affinity"] = {"nodeAffinity": _json(given["nodeAffinityJson"])}


def _json(document: _Config) -> Document:
    source = _source(document)
    return source.value if isinstance(source, Constant) else GraphValue(source, is_json=True)


def _toleration(config: _Config) -> Document:
    if "tolerationJson" in config:
        return _json(config["tolerationJson"])
    toleration = {name: config[name] for name in ("key", "operator", "value", "effect") if config.get(name)}
    if "tolerationSeconds" in config:
        toleration["tolerationSeconds"] = int(config["tolerationSeconds"])
    return toleration


def _affinity(config: _Config) -> dict[str, Any]:
    required: list[Any] = []
    preferred: list[Any] = []
    for item in config.get("nodeAffinity", ()):
        term = {name: list(item[name]) for name in ("matchExpressions", "matchFields") if item.get(name)}
        if term and "weight" in item:
            preferred.append({"weight": item["weight"], "preference": term})
        elif term:
            required.append(term)
    node: dict[str, Any] = {}
    if required:
        node[_REQUIRED] = {"nodeSelectorTerms": required}
    if preferred:
        node["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    affinity: dict[str, Any] = {"nodeAffinity": node} if node else {}
    for item in config.get("podAffinity", ()):
        term = _pod_affinity_term(item)
        kind = affinity.setdefault("podAntiAffinity" if item.get("anti") else "podAffinity", {})
        if "weight" in item:
            kind.setdefault("preferredDuringSchedulingIgnoredDuringExecution", []).append(
                {"weight": item["weight"], "podAffinityTerm": term}
            )
        else:
            kind.setdefault(_REQUIRED, []).append(term)
    return affinity


def _pod_affinity_term(config: _Config) -> dict[str, Any]:
    term: dict[str, Any] = {"topologyKey": config.get("topologyKey", "")}
    for selector, expressions, labels in (
        ("labelSelector", "matchPodExpressions", "matchPodLabels"),
        ("namespaceSelector", "matchNamespaceExpressions", "matchNamespaceLabels"),
    ):
        affinity = {
            name: value
            for name, value in (
                ("matchExpressions", list(config.get(expressions, ()))),
                ("matchLabels", dict(config.get(labels, {}))),
            )
            if value
        }
        if affinity:
            term[selector] = affinity
    if config.get("namespaces"):
        term["namespaces"] = list(config["namespaces"])
    return term


def _resources(container: Container, settings: PodSettings) -> None:
    wanted = container.resources
    requests = {"cpu": wanted.cpu_request, "memory": wanted.memory_request}
    limits = {"cpu": wanted.cpu_limit, "memory": wanted.memory_limit}
    if wanted.accelerator_type:
        limits[wanted.accelerator_type] = wanted.accelerator_count or "1"
    fixed: dict[str, dict[str, str]] = {}
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for name, amount in amounts.items():
            if not amount:
                continue
            if not has_holes(name) and not has_holes(amount):
                fixed.setdefault(kind, {})[name] = amount
            else:
                patched = settings.main().setdefault("resources", {}).setdefault(kind, {})
                key = Text(parse_text(name)) if has_holes(name) else name
                patched[key] = Text(parse_text(amount), optional=True)
    if fixed:
        settings.container["resources"] = fixed


_PASSED = {
    "RESOURCES": (("resources", "resources"),),
    "ENV": (("env", "env"),),
    "KUBERNETES_AFFINITY": (("affinity", "affinity"),),
    "KUBERNETES_TOLERATIONS": (("tolerations", "tolerations"),),
    "KUBERNETES_NODE_SELECTOR": (("nodeSelector", "nodeSelector"),),
    "KUBERNETES_VOLUMES": (("volumes", "volumes"), ("volumeMounts", "volumeMounts")),
}
"""Fields of a pod and its container by field of KFP's ``TaskConfig``, and their names there."""


def task_config(settings: PodSettings, passthroughs: Iterable[Passthrough]) -> dict[str, Document]:
    """Remove the settings from a pod that its function passes on to another workload.

    Args:
        settings: the pod; settings that don't apply to the task itself are removed.
        passthroughs: which settings, and whether they apply to the task as well.

    Returns:
        KFP's ``TaskConfig`` as a document.
    """
    config: dict[str, Document] = {}
    for passthrough in passthroughs:
        for field_name, name in _PASSED.get(passthrough.field, ()):
            places = [settings.fields, settings.container, settings.patch]
            if "containers" in settings.patch:
                places.append(settings.patch["containers"][0])
            for place in places:
                if field_name not in place:
                    continue
                value = place[field_name] if passthrough.apply_to_task else place.pop(field_name)
                config[name] = [*config.get(name, ()), *value] if isinstance(value, list) else value
    return config
