"""Nodes that the controller compressed, with each algorithm of Argo 4.1."""

from __future__ import annotations

import base64
import gzip
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mlplat.argo.status import packed, packing, unpacked
from mlplat.errors import ClusterError

brotli = pytest.importorskip("brotli")
zstandard = pytest.importorskip("zstandard")


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def _zstd(content: bytes) -> bytes:
    return bytes(zstandard.ZstdCompressor().compress(content))


def _brotli(content: bytes) -> bytes:
    return bytes(brotli.compress(content, quality=1))


ALGORITHMS = [_gzip, _zstd, _brotli]
Compress = Callable[[bytes], bytes]


def compressed(data: bytes) -> dict[str, Any]:
    return {"status": {"phase": "Running", "compressedNodes": base64.b64encode(data).decode()}}


@pytest.mark.parametrize("compress", ALGORITHMS)
def test_nodes_of_every_algorithm_are_read(compress: Compress) -> None:
    workflow = compressed(compress(b'{"w": {"id": "w"}}'))
    assert unpacked(workflow) == {"status": {"phase": "Running", "nodes": {"w": {"id": "w"}}}}


def test_what_is_packed_here_is_read_again() -> None:
    nodes = {"w": {"id": "w", "message": "Größe \U0001f600"}}
    assert unpacked({"status": {"compressedNodes": packed(nodes)}})["status"]["nodes"] == nodes


@pytest.mark.parametrize("workflow", [{}, {"status": {}}, {"status": {"nodes": {"w": {}}}}])
def test_plain_ones_are_left_as_they_are(workflow: dict[str, Any]) -> None:
    assert unpacked(workflow) is workflow


@pytest.mark.parametrize("text", ["???", "aGVsbG8=", "", "é"])
def test_what_is_not_compressed_is_refused(text: str) -> None:
    workflow = {"status": {"compressedNodes": text or " "}}
    with pytest.raises(
        ClusterError, match=r"MLP821.*cannot be read.*\n.*WORKFLOW_COMPRESSION_ALGORITHM=gzip"
    ):
        unpacked(workflow)


@pytest.mark.parametrize("compress", ALGORITHMS)
@pytest.mark.parametrize("cut", [1, 3, 9])
def test_what_is_cut_off_is_refused(compress: Compress, cut: int) -> None:
    data = compress(b'{"w": {"id": "' + bytes(range(48, 58)) * 50 + b'"}}')
    with pytest.raises(ClusterError, match="cannot be read"):
        unpacked(compressed(data[: len(data) // cut - 8]))


@pytest.mark.parametrize("compress", ALGORITHMS)
def test_what_is_too_large_is_refused(compress: Compress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST", 1 << 20)
    data = compress(b'{"w": "' + b" " * (1 << 20) + b'"}')
    with pytest.raises(ClusterError, match="larger than 1 MiB"):
        unpacked(compressed(data))


@pytest.mark.parametrize("compress", ALGORITHMS)
def test_what_is_nested_too_deep_is_refused(compress: Compress) -> None:
    with pytest.raises(ClusterError, match="nested"):
        unpacked(compressed(compress(b'{"w": ' + b"[" * 5000 + b"]" * 5000 + b"}")))


@pytest.mark.parametrize(("compress", "package"), [(_zstd, "zstandard"), (_brotli, "brotli")])
def test_a_package_that_is_missing_is_named(
    compress: Compress, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = compress(b"{}")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ClusterError, match=rf"{package} is not installed\n.*pip install 'mlplat\[argo\]'"):
        unpacked(compressed(data))
