"""Reads ``Workflow.status``, for the terminal, the record, retries and pages.

The shape of the status is that of Argo 4.0.7 (``WorkflowStatus`` and ``NodeStatus`` in ``workflow_types.go``). The
local engine writes the same. All functions are pure.
"""

from __future__ import annotations

from mlplat.argo.status.edges import edges
from mlplat.argo.status.failures import failures, message_of
from mlplat.argo.status.fused import nodes_of
from mlplat.argo.status.nodes import (
    FAILED,
    FINISHED,
    FULFILLED,
    GROUPS,
    LISTS,
    MARKS,
    WAITING,
    AnyNode,
    Node,
    Nodes,
    fnv32a,
    generated_pod_name,
    is_attempt,
    is_cached,
    is_hook,
    moment,
    pod_name,
)
from mlplat.argo.status.packing import packed, unpacked
from mlplat.argo.status.passed import (
    ArtifactValue,
    Direction,
    Passed,
    Scalar,
    Templates,
    decoded,
    integer,
    is_artifact,
    metric_text,
    metrics,
    passed,
    spelled,
)
from mlplat.argo.status.tree import (
    Role,
    around,
    attempts,
    depths,
    loop_index,
    parents,
    role,
    was_started,
)

__all__ = [
    "FAILED",
    "FINISHED",
    "FULFILLED",
    "GROUPS",
    "LISTS",
    "MARKS",
    "WAITING",
    "AnyNode",
    "ArtifactValue",
    "Direction",
    "Node",
    "Nodes",
    "Passed",
    "Role",
    "Scalar",
    "Templates",
    "around",
    "attempts",
    "decoded",
    "depths",
    "edges",
    "failures",
    "fnv32a",
    "generated_pod_name",
    "integer",
    "is_artifact",
    "is_attempt",
    "is_cached",
    "is_hook",
    "loop_index",
    "message_of",
    "metric_text",
    "metrics",
    "moment",
    "nodes_of",
    "packed",
    "parents",
    "passed",
    "pod_name",
    "role",
    "spelled",
    "unpacked",
    "was_started",
]
