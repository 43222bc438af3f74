"""``status.nodes`` of a Workflow that the controller packed because it grew too large."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

from mlplat.canonical import read_json
from mlplat.errors import ClusterError, Diagnostic

if TYPE_CHECKING:
    from collections.abc import Mapping


_ZSTD = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame (RFC 8878)."""

_LARGEST = 256 << 20
"""Bytes that nodes may have when they are unpacked: whoever may create Workflows may write them."""


def plain_status(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """Unpack the nodes of a Workflow.

    Above 1 MiB the controller writes ``status.compressedNodes`` (JSON, gzip, base64) in place of
    ``status.nodes`` (``workflow/packer`` of Argo 4.0.7); with a database configured it may keep them there
    (``offloadNodeStatusVersion``).

    Args:
        workflow: a Workflow as the API server gives it.

    Returns:
        The same Workflow when it has plain nodes or none, else one with plain nodes.

    Raises:
        ClusterError: the nodes are in the controller's database, or packed in a way that this version can't
            read.
    """
    status = workflow.get("status") or {}
    if status.get("nodes"):
        return workflow
    if status.get("offloadNodeStatusVersion"):
        raise ClusterError(
            Diagnostic(
                "MLP820",
                "status.nodes",
                "Argo keeps the nodes of this Workflow in its own database (nodeStatusOffLoad), "
                "where only the Argo Server reads them",
                "get it with `argo get NAME -o json --argo-server HOST:PORT`, "
                "or turn nodeStatusOffLoad off in the workflow-controller-configmap",
            )
        )
    packed = status.get("compressedNodes")
    if not packed:
        return workflow
    if (data := _decoded(packed)).startswith(_ZSTD):
        raise ClusterError(
            Diagnostic(
                "MLP821",
                "status.compressedNodes",
                "the nodes are packed with zstd, which Argo 4.1 writes when WORKFLOW_COMPRESSION_ALGORITHM asks for it",
                "set WORKFLOW_COMPRESSION_ALGORITHM=gzip on the workflow controller, and run it again",
            )
        )
    try:
        nodes = read_json(_unpacked(data).decode())
    except (zlib.error, ValueError) as error:
        raise ClusterError(
            Diagnostic(
                "MLP821",
                "status.compressedNodes",
                f"the nodes are packed in a way that can't be read: {error}",
                "mlplat reads gzip: set WORKFLOW_COMPRESSION_ALGORITHM=gzip on the workflow controller",
            )
        ) from error
    return {
        **workflow,
        "status": {
            **{key: value for key, value in status.items() if key != "compressedNodes"},
            "nodes": nodes,
        },
    }


def _unpacked(data: bytes) -> bytes:
    """Unpack gzip.

    Raises:
        ValueError: it is cut off, or more than :data:`_LARGEST`.
    """
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    found = unpacker.decompress(data, _LARGEST)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("they are cut off, or larger than 256 MiB")
    return found


def _decoded(packed: str) -> bytes:
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error:
        return b""
