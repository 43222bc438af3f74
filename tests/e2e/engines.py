"""Runs one manifest on both engines, and compares the two records."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat import k8s, local
from mlplat.cli.run import named
from tests.e2e.harness.cluster import Access

Document = dict[str, Any]
COMPARED = (
    *(
        "name",
        "displayName",
        "type",
        "templateName",
        "templateScope",
        "phase",
        "boundaryID",
        "message",
        "nodeFlag",
    ),
    *("memoizationStatus", "inputs", "outputs"),
)
CHANCE = ("digest", "fingerprint", "size")
"""Fields of an artifact's value that differ between two runs of a program that is not deterministic."""


@dataclass(frozen=True, slots=True)
class Both:
    """The same manifest's record on the cluster and on this machine."""

    argo: Document
    here: Document

    def node(self, display_name: str) -> Document:
        """The cluster's node of that name."""
        return find(self.argo, display_name)


def find(workflow: Mapping[str, Any], display_name: str) -> Document:
    """Return the only node with a display name."""
    (found,) = [node for node in workflow["status"]["nodes"].values() if node["displayName"] == display_name]
    return dict(found)


def output(workflow: Mapping[str, Any], task: str, name: str = "Output") -> Any:
    """Return the value of a task's output."""
    parameters = find(workflow, task)["outputs"]["parameters"]
    (text,) = [parameter["value"] for parameter in parameters if parameter["name"] == name]
    return json.loads(text)


def run_both(
    documents: Sequence[Document],
    name: str,
    home: Path,
    *,
    cache: local.Cache | None = None,
    beside: Sequence[Document] = (),
    executor: local.ImageExecutor | None = None,
) -> Both:
    """Run a manifest on the cluster of the kubeconfig and with the local engine, under one name.

    What the cluster has already, such as Secrets, is given to the local engine beside the manifest; tasks of this
    machine are processes but for an executor.
    """
    prepared = named(documents, name)
    submitted = k8s.submit(prepared)
    argo = k8s.follow(name, namespace=submitted["metadata"]["namespace"])
    namespace = submitted["metadata"]["namespace"]
    for document in prepared:
        document["metadata"]["namespace"] = namespace
    return Both(argo, local.run([*beside, *prepared], home=home, cache=cache, executor=executor))


def accepted(cluster: Access, env: Mapping[str, str], files: Sequence[Path]) -> str:
    """Check that Argo's linter and the API server, with Argo's full definitions, take manifests; nothing is created.

    Returns:
        What kubectl says of them, a line for each document.
    """

    def run(*words: str) -> str:
        done = subprocess.run(words, env=dict(env), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    names = list(map(str, files))
    run(str(cluster.argo), "lint", "--offline", "--strict", *names)
    given = [word for name in names for word in ("-f", name)]
    return run(str(cluster.kubectl), "create", "--dry-run=server", "-n", cluster.namespace, *given)


def record(workflow: Mapping[str, Any], *, ignoring: Sequence[str] = ()) -> dict[str, Any]:
    """Return what is compared of a run: its phase, and per node what happened."""
    nodes = {
        key: {field: _plain(node[field], ignoring) for field in COMPARED if node.get(field)}
        | {"children": sorted(node.get("children", ())), "outbound": sorted(node.get("outboundNodes", ()))}
        for key, node in workflow["status"]["nodes"].items()
    }
    return {"phase": workflow["status"]["phase"], "nodes": dict(sorted(nodes.items()))}


def differences(here: Mapping[str, Any], argo: Mapping[str, Any], *, ignoring: Sequence[str] = ()) -> str:
    """Return where the records of a run on this machine and on the cluster differ; empty where they agree."""
    one, other = record(here, ignoring=ignoring), record(argo, ignoring=ignoring)
    lines = [] if one["phase"] == other["phase"] else [f"{one['phase']} here, {other['phase']} there"]
    for key in sorted({*one["nodes"], *other["nodes"]}):
        before, after = one["nodes"].get(key, {}), other["nodes"].get(key, {})
        name = after.get("name") or before.get("name")
        lines += [
            f"{name} {field}:\n  here  {before.get(field)}\n  there {after.get(field)}"
            for field in sorted({*before, *after})
            if before.get(field) != after.get(field)
        ]
    return "\n".join(lines)


def _plain(value: Any, ignoring: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, ignoring) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, ignoring) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            return value
        return {key: item for key, item in parsed.items() if key not in ignoring}
    return value
