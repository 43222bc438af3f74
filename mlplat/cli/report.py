"""Write the report of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat.addresses import without_user
from mlplat.argo import durations
from mlplat.argo.status import decoded, is_artifact, nodes_of
from mlplat.cli import output, places, show
from mlplat.cli.grammar import Given
from mlplat.runs import trees
from mlplat.runs.programs import as_typed
from mlplat.runs.state import home
from mlplat.runs.tasks import listed, path

INTERRUPTED = 130
_TOLD_FAILURES = 5
_CACHE_REFUSED = "could not save to config map cache"
_MAY_NOT_REPORT = "workflowtaskresults.argoproj.io is forbidden"
_NOT_GIVEN = re.compile(r'\b(secret|configmap) ".*" (with key ".*" )?not found')
if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine

Document = Mapping[str, Any]


def conclude(workflow: Document, place: Machine | Cluster, given: Given) -> int:
    """Print the report of a run, and return the exit code."""
    if given.output == "json":
        output.as_json(trees.without_absent(workflow))
    else:
        print(report(workflow, place, given))
    if getattr(given, "report", False):
        from mlplat.cli import reports

        reports.write(workflow, place)
    if workflow["status"].get("message", "").startswith("Stopped with strategy"):
        return INTERRUPTED
    return 0 if workflow["status"]["phase"] == "Succeeded" else 1


def report(workflow: Document, place: Machine | Cluster, given: Given) -> str:
    """Return the report of a run: tree, artifacts, failures with their last lines, and what to type next."""
    status, name = workflow["status"], workflow["metadata"]["name"]
    message = f"  {status['message']}" if status.get("message") else ""
    written = [f"{name}  {status['phase']}  {durations.short(show.seconds(status))}{message}"]
    written += show.lines(trees.tree(status.get("nodes", {}), name, trees.program(workflow)))
    written += _outputs(workflow, given)
    written += _artifacts(workflow, given)
    written += _failures(workflow, place, given)
    written += _warnings(workflow)
    written += _next(workflow, given)
    return "\n".join(written)


def _outputs(workflow: Document, given: Given) -> list[str]:
    """Return the outputs of the pipeline."""
    root = nodes_of(workflow).get(workflow["metadata"]["name"], {})
    shown = []
    for parameter in root.get("outputs", {}).get("parameters", ()) if root.get("type") == "DAG" else ():
        value = decoded(parameter.get("value"))
        text = _place(value.get("key"), value.get("uri"), given) if is_artifact(value) else trees.short(value)
        if value is not None:
            shown.append(f"  {parameter['name']}  {text}")
    return ["outputs", *shown] if shown else []


def _place(key: str | None, uri: str | None, given: Given) -> str:
    """Return where an artifact lies: a path of this machine, a key of the cluster's store, or its URI."""
    if not key:
        return without_user(uri or "")
    return near(home() / "artifacts" / key) if given.engine == "local" else key


def _artifacts(workflow: Document, given: Given) -> list[str]:
    found = [(node, value) for node, value in trees.artifacts(workflow) if value.key]
    if not found:
        return []
    places = [_place(value.key, value.uri, given) for _, value in found]
    shown = []
    for (node, value), place in zip(found, places, strict=True):
        size = [] if value.size is None else [_size(value.size)]
        task = path(workflow["metadata"]["name"], node["name"])
        words = [f"{task}.{value.own_name}", value.type, *size, place]
        shown.append("  " + "  ".join(words))
    return ["artifacts", *shown]


def _size(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"


def near(path: Path) -> str:
    """Write a path as it is shortest to type from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _failures(workflow: Document, place: Machine | Cluster, given: Given) -> list[str]:
    if workflow["status"]["phase"] == "Succeeded":
        return []
    from mlplat.runs.logs import last_lines

    written: list[str] = []
    failures, run = trees.failures(workflow), workflow["metadata"]["name"]
    for node in failures[:_TOLD_FAILURES]:
        task = path(run, node["name"])
        written.append(f"{task} failed: {node.get('message', '')}")
        written += [f"  | {line}" for line in last_lines(workflow, node, place)]
        if _CACHE_REFUSED in node.get("message", ""):
            written.append(
                "  hint: Argo's controller may not be allowed to write caches: "
                "kubectl apply -k kustomize/controller; or --no-cache"
            )
        if _MAY_NOT_REPORT in node.get("message", ""):
            written.append(
                "  hint: the service account of the pods is not allowed to report results: --service-account NAME; "
                f"mlplat doctor --engine argo -n {workflow['metadata']['namespace']} says what is missing"
            )
        if given.engine == "local" and _NOT_GIVEN.search(node.get("message", "")):
            again = f"mlplat retry {workflow['metadata']['name']} --secrets FILE"
            written.append(f"  hint: put it in a file of Secrets and ConfigMaps: {again}")
    if others := [path(run, node["name"]) for node in failures[_TOLD_FAILURES:]]:
        written.append(f"{len(others)} more failed: {listed(others)}")
    missing = trees.not_run(workflow)
    if missing:
        written.append(f"not run because of it: {listed(missing)}")
    return written


def _warnings(workflow: Document) -> list[str]:
    """Return warnings of the engine about what fails on a cluster."""
    conditions = workflow["status"].get("conditions") or ()
    return [f"warning: {one.get('message', '')}" for one in conditions if one.get("type") == "SpecWarning"]


def _next(workflow: Document, given: Given) -> list[str]:
    name = workflow["metadata"]["name"]
    if given.engine == "argo":
        run = places.as_typed(given, name, workflow["metadata"].get("namespace", ""))
        again = [] if workflow["status"]["phase"] == "Succeeded" else [f"to continue: mlplat retry {run}"]
        return [f"next: mlplat get tasks {run}; mlplat logs {run}", *again]
    written = [f"logs {near(home() / 'logs' / name)}", f"next: mlplat get tasks {name}; mlplat logs {name}"]
    if workflow["status"]["phase"] != "Succeeded":
        fixed = (
            f"; after a fix: mlplat run {as_typed(given.file)} --resume {name}"
            if hasattr(given, "file")
            else ""
        )
        written.append(f"to continue: mlplat retry {name}{fixed}")
    return written
