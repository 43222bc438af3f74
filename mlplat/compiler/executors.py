"""Templates of the tasks that run a container."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mlplat.argo import values
from mlplat.argo.names import dns_label
from mlplat.argo.values import LARGE, literal
from mlplat.compiler.flows import GROWING
from mlplat.compiler.program import Options
from mlplat.compiler.scope import expression
from mlplat.ir.model import Component, Container, PythonFunction, Resources, Retry
from mlplat.manifest import canonical_json

RUNTIME_FOLDER = "/mlplat/runtime"
INPUTS = "/mlplat/in"
OUTPUTS = "/mlplat/out"
LARGE_VALUES = "/mlplat/values"
PATH_PARAMETER = "task--path"
"""Input through which a task learns its place in the run, which is its artifacts' place in the store. No input of a
user's has two dashes in a row."""

CACHE_PREFIX = "mlplat-cache."
"""Begin of the names of caches. Argo keeps all caches in its controller's namespace, so the Workflow's is part of the
name, set off by dots, which no namespace has."""

_SHARD_DIGITS = 2
"""A cache is one ConfigMap, and a task whose result does not fit into it any more fails: so each component has 256."""

_NO_KEY = "no-artifact"


def needs_path(component: Component) -> bool:
    """Tell whether a component writes anything into the artifact store."""
    return bool(component.output_artifacts) or _may_grow(component)


def _may_grow(component: Component) -> bool:
    return any(output.type in GROWING for output in component.output_parameters.values())


def template(
    name: str,
    component: Component,
    container: Container,
    options: Options,
    *,
    cached: bool,
    cache_key: str,
    retry: Retry | None,
    stored: frozenset[str],
    has_large_values: bool,
) -> dict[str, Any]:
    """Write the template of a task.

    Args:
        name: the template's name.
        component: its interface.
        container: what runs.
        options: how to compile.
        cached: whether an earlier result may stand for a run.
        cache_key: stands for the inputs in the cache's key, unless empty.
        retry: when to try again.
        stored: inputs that may be a reference to a value in the artifact store.
        has_large_values: whether the Workflow has a ConfigMap of large values.

    Returns:
        An Argo template. The function's text is not in it yet: ``container.args`` starts with an empty one.
    """
    assert container.python is not None
    result: dict[str, Any] = {"name": name}
    inputs, outputs = _inputs(component, stored), _outputs(component)
    if inputs:
        result["inputs"] = inputs
    if outputs:
        result["outputs"] = outputs
    if cached:
        result["memoize"] = _memoize(name, component, container, cache_key, options, stored)
    if retry:
        result["retryStrategy"] = _retry(retry)
    result["container"] = _container(
        component, container, container.python, options, stored, has_large_values
    )
    return result


def _inputs(component: Component, stored: frozenset[str]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    artifacts: list[dict[str, Any]] = []
    for name, parameter in component.input_parameters.items():
        parameters.append({"name": name, **({"value": "null"} if parameter.optional else {})})
        if name in stored:
            text = f"inputs.parameters[{literal(name)}]"
            key = f"{values.is_large(text)} ? fromJSON({text})[{literal(LARGE)}].key ?? '{_NO_KEY}' : '{_NO_KEY}'"
            artifacts.append(_artifact(f"{name}--large", f"{INPUTS}/{name}--large", key))
    for name, artifact in component.input_artifacts.items():
        parameters.append({"name": name, **({"value": "null"} if artifact.optional else {})})
        key = f"fromJSON(inputs.parameters[{literal(name)}])?.key ?? '{_NO_KEY}'"
        artifacts.append(_artifact(name, f"{INPUTS}/{name}", key))
    if needs_path(component):
        parameters.append({"name": PATH_PARAMETER})
    return {key: value for key, value in (("parameters", parameters), ("artifacts", artifacts)) if value}


def _artifact(name: str, path: str, key: str) -> dict[str, Any]:
    return {"name": name, "path": path, "optional": True, "s3": {"key": expression(key)}}


def _outputs(component: Component) -> dict[str, Any]:
    names = [*component.output_parameters, *component.output_artifacts]
    if not names:
        return {}
    result: dict[str, Any] = {
        "parameters": [
            {"name": name, "valueFrom": {"path": f"{OUTPUTS}/values/{name}", "default": "null"}}
            for name in names
        ]
    }
    stored = [(name, f"{OUTPUTS}/artifacts/{name}", key_of(name)) for name in component.output_artifacts]
    if _may_grow(component):
        stored.append(("large-values", f"{OUTPUTS}/large", key_of("large-values")))
    if stored:
        result["artifacts"] = [
            {"name": name, "path": path, "optional": True, "archive": {"none": {}}, "s3": {"key": key}}
            for name, path, key in stored
        ]
    return result


def key_of(output: str) -> str:
    """Key of an output in the artifact store: the run, the task's place in it, the output."""
    return f"{{{{workflow.name}}}}/{{{{inputs.parameters.{PATH_PARAMETER}}}}}/{output}"


def _memoize(
    name: str,
    component: Component,
    container: Container,
    cache_key: str,
    options: Options,
    stored: frozenset[str],
) -> dict[str, Any]:
    python = container.python
    assert python is not None
    identity = [
        name if cache_key else "",
        container.image or options.image,
        [] if cache_key else [python.source, python.name, *python.packages],
        cache_key,
        dict(container.env),
        {output: spec.type.value for output, spec in component.output_parameters.items()},
        {output: spec.type.schema_title for output, spec in component.output_artifacts.items()},
    ]
    parts = [f"'{hashlib.sha256(canonical_json(identity).encode()).hexdigest()}'"]
    if not cache_key:
        parts += [_content(given, given in stored) for given in sorted(component.input_parameters)]
        parts += [
            f"string(fromJSON(inputs.parameters[{literal(given)}])?.fingerprint ?? '')"
            for given in sorted(component.input_artifacts)
        ]
    joined = " + '|' + ".join(parts)
    key = f"sprig.sha256sum({joined})"
    shard = expression(f"sprig.trunc({_SHARD_DIGITS}, {key})")
    cache = f"{CACHE_PREFIX}{{{{workflow.namespace}}}}.{dns_label(name)}.{shard}"
    return {"key": expression(key), "maxAge": options.cache_max_age, "cache": {"configMap": {"name": cache}}}


def _content(name: str, may_be_stored: bool) -> str:
    """Return the expression for what a parameter holds: its text, or the digest of the large value it refers to."""
    text = f"inputs.parameters[{literal(name)}]"
    if not may_be_stored:
        return text
    reference = f"fromJSON({text})[{literal(LARGE)}]"
    digest = (
        f"string({reference}.digest ?? {reference}.file) + '#' + string({reference}.index ?? '')"
        f" + toJson({reference}.fields ?? '')"
    )
    return f"({values.is_large(text)} ? {digest} : {text})"


def _retry(retry: Retry) -> dict[str, Any]:
    strategy: dict[str, Any] = {"limit": str(retry.limit), "retryPolicy": "Always"}
    if retry.backoff_duration:
        strategy["backoff"] = {
            "duration": f"{retry.backoff_duration:g}s",
            "factor": f"{retry.backoff_factor:g}",
            "cap": f"{retry.backoff_max_duration:g}s",
        }
    return strategy


def _container(
    component: Component,
    container: Container,
    python: PythonFunction,
    options: Options,
    stored: frozenset[str],
    has_large_values: bool,
) -> dict[str, Any]:
    mounts = [
        {"name": "mlplat-runtime", "mountPath": RUNTIME_FOLDER},
        {"name": "mlplat-outputs", "mountPath": OUTPUTS},
    ]
    if has_large_values:
        mounts.append({"name": "mlplat-values", "mountPath": LARGE_VALUES})
    result: dict[str, Any] = {
        "image": container.image or options.image,
        "command": ["python3", f"{RUNTIME_FOLDER}/runtime.py"],
        "args": ["", _call(component, python, stored, has_large_values)],
        "env": [
            {"name": values.EMPTY_VARIABLE, "value": ""},
            *({"name": name, "value": values.container_text(value)} for name, value in container.env),
        ],
    }
    resources = _resources(container.resources)
    if resources:
        result["resources"] = resources
    result["volumeMounts"] = mounts
    return result


def _call(
    component: Component, python: PythonFunction, stored: frozenset[str], has_large_values: bool
) -> str:
    """Write the runtime's CALL: JSON into which Argo pastes the inputs, themselves inert JSON."""
    tags: dict[str, str] = {}

    def pasted(name: str) -> str:
        marker = f"\x00{name}\x00"
        tags[json.dumps(marker)] = f"{{{{inputs.parameters.{name}}}}} "
        return marker

    parameters = {
        name: {
            "type": parameter.type.value,
            "value": pasted(name),
            **({"large": f"{INPUTS}/{name}--large"} if name in stored else {}),
        }
        for name, parameter in component.input_parameters.items()
    }
    artifacts = {
        name: {"path": f"{INPUTS}/{name}", "value": pasted(name)} for name in component.input_artifacts
    }
    output_artifacts = {
        name: {
            "schemaTitle": output.type.schema_title,
            "schemaVersion": output.type.schema_version,
            "key": f"\x01{name}",
        }
        for name, output in component.output_artifacts.items()
    }
    call: dict[str, Any] = {
        "function": python.name,
        "parameters": parameters,
        "artifacts": artifacts,
        "values": LARGE_VALUES if has_large_values else "",
        "output_parameters": {
            name: output.type.value for name, output in component.output_parameters.items()
        },
        "output_artifacts": output_artifacts,
        "large_key": "\x01large-values" if _may_grow(component) else "",
        "packages": list(python.packages),
        "pip_options": list(python.pip_options),
        "out": OUTPUTS,
    }
    call = {name: value for name, value in call.items() if value}
    text = values.inert(json.dumps(call))
    for name in (*component.output_artifacts, "large-values"):
        text = text.replace(json.dumps(f"\x01{name}"), json.dumps(key_of(name)))
    for marker, tag in tags.items():
        text = text.replace(marker, tag)
    return text


def _resources(resources: Resources) -> dict[str, Any]:
    requests = {"cpu": resources.cpu_request, "memory": resources.memory_request}
    limits = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    if resources.accelerator_type:
        limits[resources.accelerator_type] = resources.accelerator_count
    present = {
        kind: {name: amount for name, amount in amounts.items() if amount}
        for kind, amounts in (("requests", requests), ("limits", limits))
    }
    return {kind: amounts for kind, amounts in present.items() if amounts}
