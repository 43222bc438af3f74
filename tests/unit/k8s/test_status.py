"""Nodes that the controller packed."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import plain_status


def test_packed_nodes_are_unpacked() -> None:
    packed = base64.b64encode(gzip.compress(b'{"w": {"id": "w"}}', mtime=0)).decode()
    workflow = {"status": {"phase": "Running", "compressedNodes": packed}}

    assert plain_status(workflow) == {"status": {"phase": "Running", "nodes": {"w": {"id": "w"}}}}


@pytest.mark.parametrize("workflow", [{}, {"status": {}}, {"status": {"nodes": {"w": {}}}}])
def test_plain_ones_are_left_as_they_are(workflow: dict[str, Any]) -> None:
    assert plain_status(workflow) is workflow


@pytest.mark.parametrize(
    "packed", ["???", "aGVsbG8=", base64.b64encode(gzip.compress(b"{", mtime=0)).decode()]
)
def test_what_can_not_be_unpacked_is_refused(packed: str) -> None:
    with pytest.raises(ClusterError, match="packed in a way that can't be read"):
        plain_status({"status": {"compressedNodes": packed}})


@pytest.mark.parametrize(
    "content", [b'{"w": "' + b" " * (257 << 20) + b'"}', b'{"w": ' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_packed_nodes_that_are_too_large_or_too_deep_are_refused(content: bytes) -> None:
    packed = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    with pytest.raises(ClusterError, match="packed in a way that can't be read"):
        plain_status({"status": {"compressedNodes": packed}})


def test_what_argo_packs_with_zstd_is_told() -> None:
    packed = base64.b64encode(b"\x28\xb5\x2f\xfd rest").decode()
    with pytest.raises(ClusterError, match=r"packed with zstd.*\n.*WORKFLOW_COMPRESSION_ALGORITHM=gzip"):
        plain_status({"status": {"compressedNodes": packed}})
