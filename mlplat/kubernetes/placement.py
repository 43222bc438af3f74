"""Which nodes a task's pod may run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from mlplat.dsl import validation
from mlplat.dsl.task import PipelineTask
from mlplat.dsl.validation import Requirement
from mlplat.kubernetes.settings import Document, added, pod_of, setter, value

Documents = Annotated[
    Any,
    Requirement(
        "a dict, a list of dicts or a runtime value",
        lambda one: (
            validation.is_runtime_value(one)
            or validation.fits(one, Mapping[Any, Any] | Sequence[Mapping[Any, Any]])
        ),
    ),
]

Weight = Annotated[int, Requirement("an integer from 1 to 100", lambda weight: 1 <= weight <= 100)]


@setter
def add_node_selector(task: PipelineTask, label_key: str, label_value: str) -> PipelineTask:
    """Run on nodes with a label.

    Args:
        task: the task.
        label_key: the label.
        label_value: its value.

    Returns:
        The task.
    """
    selector = pod_of(task, "add_node_selector").setdefault("nodeSelector", {})
    selector.setdefault("labels", {})[label_key] = label_value
    return task


@setter
def add_node_selector_json(task: PipelineTask, node_selector_json: Document) -> PipelineTask:
    """Run on nodes with the labels of a dict; it may be a runtime value."""
    selector = pod_of(task, "add_node_selector_json").setdefault("nodeSelector", {})
    selector["nodeSelectorJson"] = value(node_selector_json)
    return task


@setter
def add_toleration(
    task: PipelineTask,
    key: str | None = None,
    operator: Literal["Equal", "Exists"] | None = None,
    value: str | None = None,
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None,
    toleration_seconds: int | None = None,
) -> PipelineTask:
    """Tolerate a taint of nodes.

    Args:
        task: the task.
        key: the taint's key; any when None.
        operator: ``Equal`` or ``Exists``; ``Equal`` when None.
        value: the taint's value.
        effect: ``NoSchedule``, ``PreferNoSchedule`` or ``NoExecute``; any when None.
        toleration_seconds: how long the pod may stay when a ``NoExecute`` taint is added.

    Returns:
        The task.
    """
    given = {
        "key": key,
        "operator": operator,
        "value": value,
        "effect": effect,
        "tolerationSeconds": None if toleration_seconds is None else str(toleration_seconds),
    }
    entry = {name: one for name, one in given.items() if one is not None}
    return added(task, "add_toleration", "tolerations", entry)


@setter
def add_toleration_json(task: PipelineTask, toleration_json: Documents) -> PipelineTask:
    """Add a toleration, or a list of them, as Kubernetes writes it; it may be a runtime value."""
    return added(task, "add_toleration_json", "tolerations", {"tolerationJson": value(toleration_json)})


@setter
def add_node_affinity(
    task: PipelineTask,
    match_expressions: Sequence[Mapping[str, Any]] | None = None,
    match_fields: Sequence[Mapping[str, Any]] | None = None,
    weight: Weight | None = None,
) -> PipelineTask:
    """Run on nodes whose labels or fields meet requirements.

    Args:
        task: the task.
        match_expressions: requirements on labels: dicts of ``key``, ``operator`` and ``values``.
        match_fields: requirements on fields, likewise.
        weight: 1 to 100 to prefer such nodes; None to require them.

    Returns:
        The task.
    """
    given = {
        "matchExpressions": [dict(one) for one in match_expressions or ()],
        "matchFields": [dict(one) for one in match_fields or ()],
        "weight": weight,
    }
    entry = {name: one for name, one in given.items() if one not in ([], None)}
    return added(task, "add_node_affinity", "nodeAffinity", entry)


@setter
def add_node_affinity_json(task: PipelineTask, node_affinity_json: Document) -> PipelineTask:
    """Set a node affinity as Kubernetes writes it; it may be a runtime value."""
    return added(
        task, "add_node_affinity_json", "nodeAffinity", {"nodeAffinityJson": value(node_affinity_json)}
    )
