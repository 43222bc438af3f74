"""Compressed nodes: the content of ``status.compressedNodes`` of a large Workflow."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlplat.canonical import read_json
from mlplat.errors import ClusterError, Diagnostic

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""First bytes of gzip (RFC 1952) and zstd (RFC 8878); brotli (RFC 7932) has none."""

LARGEST = 256 << 20
"""Maximum size of unpacked nodes, in bytes: anyone who may create Workflows can write them."""

_PIECE = 16 << 20
"""Output of one step of brotli, in bytes; brotli treats the limit as a hint."""

_PLACE = "status.compressedNodes"


def unpacked(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a Workflow with plain ``status.nodes``.

    Above 1 MiB, Argo writes JSON, compressed and in base64, to ``status.compressedNodes`` (``workflow/packer`` of Argo
    4.0.7). It compresses with gzip, and from 4.1 on with gzip, zstd or brotli. If its controller has a database, the
    nodes may be there instead (``status.offloadNodeStatusVersion``).

    Args:
        workflow: a Workflow as the API server returns it.

    Returns:
        The same Workflow if it has plain nodes or none, else a copy that has plain nodes.

    Raises:
        ClusterError: the nodes are in Argo's database, a decompressor is not installed, or the nodes cannot be read.
    """
    status = workflow.get("status") or {}
    if status.get("nodes"):
        return workflow
    if status.get("offloadNodeStatusVersion"):
        message = (
            "Argo keeps the nodes of this Workflow in its own database (nodeStatusOffLoad), "
            "which only the Argo Server can read"
        )
        hint = (
            "get the Workflow with `argo get NAME -o json --argo-server HOST:PORT`, "
            "or turn nodeStatusOffLoad off in the workflow-controller-configmap"
        )
        raise ClusterError(Diagnostic("MLP820", "status.nodes", message, hint))
    packed = status.get("compressedNodes")
    if not packed:
        return workflow
    others = {key: value for key, value in status.items() if key != "compressedNodes"}
    return {**workflow, "status": {**others, "nodes": _nodes(packed)}}


def packed(nodes: Mapping[str, Any]) -> str:
    """Return nodes as every version of Argo reads them from ``status.compressedNodes``."""
    return base64.b64encode(gzip.compress(json.dumps(nodes, ensure_ascii=False).encode())).decode()


def _nodes(packed: str) -> Any:
    try:
        data = base64.b64decode(packed, validate=True)
        name, unpack = _algorithm(data)
        return read_json(unpack(data).decode())
    except ModuleNotFoundError as error:
        message = f"the nodes are compressed with {name}, and the package {error.name} is not installed"
        raise ClusterError(Diagnostic("MLP821", _PLACE, message, "pip install 'mlplat[argo]'")) from None
    except ValueError as error:
        hint = (
            "set WORKFLOW_COMPRESSION_ALGORITHM=gzip on the workflow controller, and run the Workflow again"
        )
        message = f"the compressed nodes cannot be read: {error}"
        raise ClusterError(Diagnostic("MLP821", _PLACE, message, hint)) from error


def _algorithm(data: bytes) -> tuple[str, Callable[[bytes], bytes]]:
    """Return the compression algorithm of data, as Argo 4.1 detects it: neither gzip nor zstd means brotli."""
    if data.startswith(_GZIP):
        return "gzip", _gunzip
    return ("zstd", _unzstd) if data.startswith(_ZSTD) else ("brotli", _unbrotli)


def _gunzip(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpacker.decompress(data, LARGEST + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return _whole([found], ended=unpacker.eof)


def _unzstd(data: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            found = reader.read(LARGEST + 1)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    return _whole([found], ended=True)  # a cut frame gives less, which is not JSON


def _unbrotli(data: bytes) -> bytes:
    import brotli

    unpacker = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        while not unpacker.is_finished() and size <= LARGEST:
            parts.append(unpacker.process(data if not parts else b"", output_buffer_limit=_PIECE))
            if not parts[-1]:
                break
            size += len(parts[-1])
    except brotli.error as error:
        raise ValueError(f"they are not gzip, zstd or brotli ({error})") from error
    return _whole(parts, ended=unpacker.is_finished())


def _whole(parts: Sequence[bytes], *, ended: bool) -> bytes:
    if not ended or sum(map(len, parts)) > LARGEST:
        raise ValueError(f"they are cut off, or larger than {LARGEST >> 20} MiB")
    return b"".join(parts)
