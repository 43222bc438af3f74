"""Runs one manifest on both engines, and compares the two records."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat import compiler, engine
from mlplat.ir import PipelineSpec
from mlplat.runs.cluster import Cluster
from mlplat.runs.documents import with_name
from mlplat.runs.load import load
from mlplat.runs.machine import Machine
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.versions import ML_IMAGE

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
TIMES = ("mlplat--steps",)
"""The output that tells how the steps of a fused task ended: their times differ."""
_EXCERPT = re.compile(r" \(\d+:\d+\)\n \|.*| in .{80}…$", re.DOTALL)
"""How Argo, and how this machine quotes the expression that a message is about."""


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
    beside: Sequence[Document] = (),
    cache: engine.Cache | None = None,
    executor: engine.Executor | str = "process",
) -> Both:
    """Run a manifest on the cluster of the kubeconfig and on this machine, under one name, as users run it.

    Args:
        documents: the manifest.
        name: of both runs.
        home: state of this machine, with the record of both runs.
        beside: what the cluster has and this machine has not, such as Secrets.
        cache: of this machine; that of the record when None.
        executor: how tasks run on this machine.
    """
    prepared = with_name(documents, name)
    with Cluster(home=home).submit(prepared) as there:
        for document in prepared:
            document["metadata"]["namespace"] = there.namespace
        here = Machine(home, executor=executor, cache=cache).submit([*beside, *prepared]).result()
        return Both(there.result(), here)


def retry_both(both: Both, home: Path, *tasks: str, **values: str) -> Both:
    """Retry both runs of a manifest, as users retry them.

    Args:
        both: the runs.
        home: as for :func:`run_both`.
        tasks: tasks that run again although they succeeded.
        values: other values of the parameters.
    """
    metadata = both.argo["metadata"]
    with Cluster(metadata["namespace"], home=home).retry(metadata["name"], values, tasks) as there:
        here = Machine(home).retry(metadata["name"], values, tasks).result()
        return Both(there.result(), here)


@dataclass(frozen=True, slots=True)
class Series:
    """What came of a pipeline's runs.

    Attributes:
        first: with its first values.
        cached: once more with them: what could be kept came from the cache.
        other: with other values; the first run where a pipeline has none.
    """

    first: Both
    cached: Both
    other: Both


class Engines:
    """Runs pipelines on both engines, each more than once: afresh, from the cache, and with other values.

    Args:
        namespace: where on the cluster.
        home: state of this machine, whose cache is empty as that of the cluster is.
    """

    def __init__(self, namespace: str, home: Path) -> None:
        self._namespace = namespace
        self._home = home

    def run(
        self,
        place: str | PipelineSpec,
        values: Mapping[str, Any] | None = None,
        *,
        other: Mapping[str, Any] | None = None,
        phase: str = "Succeeded",
        ignoring: Sequence[str] = (),
        left_out: Sequence[str] = (),
        again: Sequence[str] = (),
        beside: Sequence[Document] = (),
        **options: Any,
    ) -> Series:
        """Run a pipeline, and hold both engines to the same records.

        Args:
            place: the pipeline, or where it is: ``FILE.py:NAME``.
            values: of its parameters.
            other: values of a run that follows; those not named are as before.
            phase: how all runs end.
            ignoring: fields of artifacts' values that are not compared.
            left_out: outputs that are not compared.
            again: tasks that run a second time: they read what a task without a cache wrote.
            beside: what the cluster has and this machine has not, such as Secrets.
            options: of the compiler.
        """
        spec = load(place).spec if isinstance(place, str) else place
        assert spec is not None
        given = dict(values or {})
        name = f"e2e-{secrets.token_hex(4)}"

        def compared(values: Mapping[str, Any], suffix: str) -> Both:
            chosen = {
                "namespace": self._namespace,
                "service_account": "mlplat-task",
                "image": ML_IMAGE,
                **options,
            }
            documents = compiler.manifest(spec, compiler.Options(arguments=dict(values), **chosen))
            both = run_both(documents, f"{name}{suffix}", self._home, beside=beside)
            found = differences(both.here, both.argo, ignoring=ignoring, left_out=left_out)
            assert not found, found
            messages = {node["name"]: node.get("message") for node in both.argo["status"]["nodes"].values()}
            assert both.argo["status"]["phase"] == phase, messages
            return both

        first = compared(given, "")
        cached = compared(given, "-cached")
        kept = _kept(cached.argo)
        missed = {node["displayName"] for node in kept if not node["memoizationStatus"]["hit"]}
        assert missed == set(again)
        assert bool(kept) == bool(_kept(first.argo))
        return Series(first, cached, first if other is None else compared({**given, **other}, "-other"))

    def artifact(self, key: str) -> Path:
        """Return the file of an artifact of this machine."""
        return self._home / "artifacts" / key


def _kept(workflow: Mapping[str, Any]) -> list[Document]:
    """Return the nodes whose results a cache keeps: those that succeed."""
    nodes = workflow["status"]["nodes"].values()
    return [node for node in nodes if node.get("memoizationStatus") and node["phase"] == "Succeeded"]


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


def record(
    workflow: Mapping[str, Any], *, ignoring: Sequence[str] = (), left_out: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what is compared of a run: its phase, and per node what happened, without some outputs."""
    nodes = {
        key: {field: _plain(node[field], ignoring) for field in COMPARED if node.get(field)}
        | {"children": sorted(node.get("children", ())), "outbound": sorted(node.get("outboundNodes", ()))}
        for key, node in _of_any_order(workflow["status"]["nodes"]).items()
    }
    for node in nodes.values() if "fingerprint" in ignoring else ():  # keys of the cache are made of them
        if node.get("memoizationStatus"):
            node["memoizationStatus"] = {"hit": node["memoizationStatus"].get("hit")}
    for node in nodes.values() if left_out else ():
        outputs = node.get("outputs", {})
        parameters = outputs.get("parameters", ())
        outputs["parameters"] = [one for one in parameters if one["name"] not in left_out]
    return {"phase": workflow["status"]["phase"], "nodes": dict(sorted(nodes.items()))}


def differences(
    here: Mapping[str, Any],
    argo: Mapping[str, Any],
    *,
    ignoring: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> str:
    """Return where the records of a run on this machine and on the cluster differ; empty where they agree."""
    one, other = (record(run, ignoring=ignoring, left_out=left_out) for run in (here, argo))
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


def _of_any_order(nodes: Mapping[str, Document]) -> dict[str, Document]:
    """Return nodes without what depends on which of several tasks with one key of the cache comes first.

    These are the hit, and the place in the store of what they wrote.
    """
    keys = Counter(
        node["memoizationStatus"]["key"] for node in nodes.values() if node.get("memoizationStatus")
    )
    text = json.dumps(nodes)
    for node in nodes.values():
        key = node.get("memoizationStatus", {}).get("key")
        for artifact in node.get("outputs", {}).get("artifacts", ()) if keys[key] > 1 else ():
            text = text.replace(artifact["s3"]["key"], f"{artifact['name']} of {key}")
    found: dict[str, Document] = json.loads(text)
    for node in found.values():
        if keys[node.get("memoizationStatus", {}).get("key")] > 1:
            del node["memoizationStatus"]["hit"]
    return found


def _plain(value: Any, ignoring: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, ignoring) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, ignoring) for item in value]
    if isinstance(value, str):
        value = _EXCERPT.sub("", value)
    if isinstance(value, str) and value.startswith("{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            return value
        return {key: item for key, item in parsed.items() if key not in ignoring}
    return value
