"""Limits of Argo and Kubernetes that a manifest can run into, checked offline.

The maxima of lists are those of Argo 4's full CRDs; sizes are etcd's, Argo's and Kubernetes' own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo import ends
from mlplat.errors import Diagnostic
from mlplat.ir.argo_template import calls

LARGEST_WORKFLOW = 1024 * 1024
LARGEST_ANNOTATIONS = 256 * 1024
LARGEST_CONFIG_MAP = 1024 * 1024
LARGEST_ARGUMENT = 128 * 1024
MOST_TEMPLATES = 200
MOST_TASKS = 200
MOST_PARAMETERS = 500
DEEPEST = 99
"""Maximum depth of nested template calls: one less than ``maxStackDepth`` of Argo's controller."""


def size(document: Mapping[str, Any]) -> int:
    """Return the bytes of a document as the JSON that the API server stores."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def depth(spec: Mapping[str, Any]) -> int:
    """Return the depth of nested template calls, including the entrypoint.

    Args:
        spec: of a Workflow. A template that calls itself counts once, because its depth is known only at run time.
    """
    templates = {template.get("name", ""): template for template in spec.get("templates") or ()}
    depths: dict[str, int] = {}
    around: set[str] = set()
    stack = [str(spec.get("entrypoint", ""))]
    while stack:
        name = stack[-1]
        called = [
            one for call in calls(templates.get(name, {})) if (one := call.get("template", "")) in templates
        ]
        waiting = [one for one in called if one not in depths and one not in around]
        if name not in depths and waiting:
            around.add(name)
            stack += waiting
            continue
        depths.setdefault(name, 1 + max((depths.get(one, 0) for one in called), default=0))
        around.discard(name)
        stack.pop()
    return max(depths.values())


def check(documents: list[dict[str, Any]]) -> list[Diagnostic]:
    """Return a warning for each limit that a document exceeds.

    Args:
        documents: Workflows, WorkflowTemplates, ConfigMaps.

    Returns:
        Warnings; the local engine has no such limits.
    """
    return [problem for document in documents for problem in _check(document)]


def _warning(code: str, path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, path, message, hint, severity="warning")


def _check(document: dict[str, Any]) -> Iterator[Diagnostic]:
    kind = document.get("kind", "")
    if kind == "ConfigMap":
        if (found := size(document.get("data", {}))) > LARGEST_CONFIG_MAP:
            yield _warning(
                "MLP350",
                "data",
                f"the large values have {found:,} bytes; the limit of a ConfigMap is {LARGEST_CONFIG_MAP:,}",
                "put the data in a file or object store, and pass its URI",
            )
        return
    spec = document.get("spec", {})
    spec = spec.get("workflowSpec", spec)
    if (found := size(document)) > LARGEST_WORKFLOW * 9 // 10:
        yield _warning(
            "MLP351",
            "",
            f"the {kind} has {found:,} bytes; with its status, the limit is {LARGEST_WORKFLOW:,}",
            "split the pipeline, or use dsl.ParallelFor instead of many tasks",
        )
    annotations = (spec.get("podMetadata") or {}).get("annotations") or {}
    if (found := size(annotations)) > LARGEST_ANNOTATIONS:
        yield _warning(
            "MLP352",
            "spec.podMetadata.annotations",
            f"the annotations have {found:,} bytes; the limit of a pod is {LARGEST_ANNOTATIONS:,}",
            "move large functions to a package in the image",
        )
    templates = spec.get("templates") or []
    if len(templates) > MOST_TEMPLATES:
        yield _warning(
            "MLP353",
            "spec.templates",
            f"the Workflow has {len(templates)} templates; the limit of Argo's full CRDs is {MOST_TEMPLATES}",
            "call one component with different parameters instead of many, or install the minimal CRDs",
        )
    if (found := depth(spec)) > DEEPEST:
        yield _warning(
            "MLP358",
            "spec.templates",
            f"templates are nested {found} levels deep; the limit of Argo's controller is {DEEPEST}",
            "use fewer nested pipelines, branches and loops",
        )
    for name, late in ends.hanging(templates).items():
        yield _warning(
            "MLP359",
            f"spec.templates.{name}.dag",
            f"the workflow never finishes when the dependency of {', '.join(sorted(late))} comes from the cache: "
            "Argo cannot find its attempts",
            "add a dependency on a task without retryStrategy or memoize, such as one with when: false",
        )
    for number, template in enumerate(templates):
        path = f"spec.templates.{number} ({template.get('name', '')})"
        tasks = (template.get("dag") or {}).get("tasks") or []
        if len(tasks) > MOST_TASKS:
            yield _warning(
                "MLP354",
                f"{path}.dag.tasks",
                f"the DAG has {len(tasks)} tasks; the limit of Argo's full CRDs is {MOST_TASKS}",
                "group tasks into nested pipelines, use dsl.ParallelFor, or install the minimal CRDs",
            )
        parameters = (template.get("inputs") or {}).get("parameters") or []
        if len(parameters) > MOST_PARAMETERS:
            yield _warning(
                "MLP355",
                f"{path}.inputs.parameters",
                f"the template has {len(parameters)} parameters; the limit of Argo's full CRDs is {MOST_PARAMETERS}",
                "pass several values as one list or dict",
            )
        for position, argument in enumerate((template.get("container") or {}).get("args") or []):
            if (found := len(argument.encode())) > LARGEST_ARGUMENT:
                yield _warning(
                    "MLP356",
                    f"{path}.container.args.{position}",
                    f"the argument has {found:,} bytes; the limit of Linux is {LARGEST_ARGUMENT:,}",
                    "move a large function to a package in the image",
                )
