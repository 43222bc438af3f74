"""Names of the pods that Argo makes for nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_PREFIX = 253 - 10 - 1
_FORMAT = "workflows.argoproj.io/pod-name-format"


def pod_name(workflow: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Compute the name of a node's pod.

    The rule is ``GeneratePodName`` of ``workflow/util/pod_name.go`` in Argo 4.0.7: the Workflow's name, the
    template's name and a hash of the node's name, unless an annotation of the Workflow asks for the older
    rule.

    Args:
        workflow: the Workflow.
        node: a node of its status.

    Returns:
        The name.
    """
    metadata = workflow["metadata"]
    if (metadata.get("annotations") or {}).get(_FORMAT) == "v1":
        return str(node["id"])
    name = metadata["name"]
    if node["name"] == name:
        return str(name)
    template = node.get("templateName") or (node.get("templateRef") or {}).get("template")
    prefix = f"{name}-{template}" if template else name
    return f"{prefix[:_LONGEST_PREFIX]}-{fnv32a(node['name'])}"


def fnv32a(text: str) -> int:
    """Hash text with FNV-1a, 32 bits (RFC 9923), as Go's ``hash/fnv`` does."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value
