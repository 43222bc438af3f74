"""Read ``Workflow.status``; the terminal, the record, a retry and every page read it here and nowhere else.

The shape of the status is that of Argo 4.0.7 (``WorkflowStatus`` and ``NodeStatus`` in ``workflow_types.go``). The
local engine writes the same. All functions are pure.
"""

from __future__ import annotations

from mlplat.argo.status.nodes import (
    FAILED,
    FINISHED,
    FULFILLED,
    GROUPS,
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

__all__ = [
    "FAILED",
    "FINISHED",
    "FULFILLED",
    "GROUPS",
    "Node",
    "Nodes",
    "fnv32a",
    "generated_pod_name",
    "is_attempt",
    "is_cached",
    "is_hook",
    "moment",
    "packed",
    "pod_name",
    "unpacked",
]
