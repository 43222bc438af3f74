"""``mlplat run``: compile, run on an engine, record, tell."""

from __future__ import annotations

import argparse
import json
import os
import random
import string
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mlplat import compiler
from mlplat.argo import names
from mlplat.cli import arguments, show
from mlplat.cli.compile import options
from mlplat.cli.load import Loaded, load
from mlplat.cli.parser import home
from mlplat.cli.progress import following
from mlplat.errors import ArgumentError, Diagnostic, EngineError, ManifestError, nearest

_SUFFIX = string.ascii_lowercase + string.digits
_LAST_LINES = 20
INTERRUPTED = 130
_CACHE_REFUSED = "could not save to config map cache"
Document = Mapping[str, Any]


def run(given: argparse.Namespace) -> int:
    """Run a pipeline or a Workflow, and print what came of it."""
    before = _run_before(home(), given.resume) if given.resume else None
    documents = named(_documents(given, load(given.file), before), given.resume or given.name)
    workflow = workflow_of(documents)
    _warn_of_relative_paths(given, workflow)
    on_cluster = given.engine == "argo"
    finished = _on_cluster(given, documents) if on_cluster else _here(given, documents, before)
    if given.output == "json":
        print(json.dumps(finished, indent=2, ensure_ascii=False))
    else:
        print(report(finished, given))
    if finished["status"].get("message", "").startswith("Stopped with strategy"):
        return INTERRUPTED
    return 0 if finished["status"]["phase"] == "Succeeded" else 1


def _documents(given: argparse.Namespace, loaded: Loaded, before: Document | None) -> list[dict[str, Any]]:
    earlier = {
        parameter["name"]: str(parameter["value"])
        for parameter in (before or {}).get("spec", {}).get("arguments", {}).get("parameters", ())
        if parameter.get("value") is not None
    }
    if loaded.spec is not None:
        parameters = loaded.spec.root.input_parameters
        typed = {
            name: arguments.typed(text, parameters[name].type)
            for name, text in earlier.items()
            if name in parameters
        }
        program = compiler.compile(loaded.spec, options(given, loaded.spec, typed))
        if given.engine == "argo":
            for warning in program.warnings:
                print(warning, file=sys.stderr)
        return list(program.documents)
    documents = [dict(document) for document in loaded.documents]
    values = {**earlier, **arguments.read(given.parameter, given.parameter_file, None)}
    return [
        _with_arguments(document, values) if document.get("kind") == "Workflow" else document
        for document in documents
    ]


def _with_arguments(workflow: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    spec = workflow.get("spec", {})
    known = [parameter["name"] for parameter in spec.get("arguments", {}).get("parameters", ())]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ArgumentError(
            [
                Diagnostic(
                    "MLP401",
                    "",
                    f"the Workflow has no parameter '{name}'",
                    nearest(name, known) or "it takes none",
                )
                for name in unknown
            ]
        )
    parameters = [
        {**parameter, **({"value": _text(values[parameter["name"]])} if parameter["name"] in values else {})}
        for parameter in spec.get("arguments", {}).get("parameters", ())
    ]
    return (
        {**workflow, "spec": {**spec, "arguments": {**spec.get("arguments", {}), "parameters": parameters}}}
        if parameters
        else workflow
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def workflow_of(documents: Sequence[Document]) -> Document:
    """Return the Workflow among documents.

    Raises:
        ManifestError: there is none, or more than one.
    """
    workflows = [document for document in documents if document.get("kind") == "Workflow"]
    if len(workflows) != 1:
        message = f"there are {len(workflows)} Workflows in it; a run is one"
        raise ManifestError(
            Diagnostic("MLP205", "", message, "give a file with one Workflow, and what it refers to")
        )
    return workflows[0]


def named(documents: Sequence[Document], name: str) -> list[dict[str, Any]]:
    """Give the Workflow a name of its own, and its ConfigMap one that goes with it."""
    workflow = workflow_of(documents)
    metadata = dict(workflow.get("metadata", {}))
    generated = metadata.pop("generateName", None) or f"{metadata.get('name', 'run')}-"
    suffix = "".join(random.choices(_SUFFIX, k=names.GENERATED_SUFFIX))  # noqa: S311 - a name, no secret
    own = names.dns_label(name) if name else f"{generated}{suffix}"
    ordered = {"name": own, **{key: value for key, value in metadata.items() if key != "name"}}
    written = [dict(document) for document in documents if document is not workflow]
    spec = dict(workflow["spec"])
    for document in written:
        if document.get("kind") == "ConfigMap" and document["metadata"]["name"].endswith("-values"):
            before, after = document["metadata"]["name"], f"{own}-values"
            document["metadata"] = {**document["metadata"], "name": after}
            spec["volumes"] = [_renamed(volume, before, after) for volume in spec.get("volumes", ())]
    return [*written, {**workflow, "metadata": ordered, "spec": spec}]


def _renamed(volume: Document, before: str, after: str) -> dict[str, Any]:
    if volume.get("configMap", {}).get("name") == before:
        return {**volume, "configMap": {**volume["configMap"], "name": after}}
    return dict(volume)


def _warn_of_relative_paths(given: argparse.Namespace, workflow: Document) -> None:
    if given.engine != "local":
        return
    for parameter in workflow["spec"].get("arguments", {}).get("parameters", ()):
        text = str(parameter.get("value") or "")
        if _is_file_of_this_folder(text):
            hint = f"a task runs in a folder of its own; give {Path(text).absolute()}"
            message = f"{parameter['name']}={text} is a file in this folder"
            print(Diagnostic("MLP410", "", message, hint, severity="warning"), file=sys.stderr)


def _is_file_of_this_folder(text: str) -> bool:
    try:
        return bool(text) and not Path(text).is_absolute() and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _here(given: argparse.Namespace, documents: list[dict[str, Any]], before: Document | None) -> Document:
    from mlplat import local, metadata

    folder = _made(home())
    os.environ.setdefault("MLPLAT_ENVIRONMENTS", str(folder / "cache" / "environments"))
    started = _begun(workflow_of(documents), before)
    documents = [*(document for document in documents if document.get("kind") != "Workflow"), started]
    name = started["metadata"]["name"]
    with (
        metadata.open_store(folder / "mlplat.db") as store,
        following(started, name, quiet=given.output == "json") as show_node,
    ):
        recorded = False

        def observer(node: show.Node) -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                store.record({**started, "status": {"phase": "Running", "startedAt": node["startedAt"]}})
            show_node(node)

        finished = local.run(
            documents,
            home=folder,
            jobs=given.jobs,
            cache=store.cache(),
            observer=observer,
            resume=before,
        )
        store.record(finished)
    return finished


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the state of this machine can't be kept in {folder}: {error.strerror}"
        hint = "set MLPLAT_HOME to a folder with room that you may write to"
        raise EngineError(Diagnostic("MLP601", "", message, hint)) from None
    return folder


def _begun(workflow: Document, before: Document | None) -> dict[str, Any]:
    """Give a Workflow the identity that an API server would, so that the record knows it from its first node on."""
    earlier = (before or {}).get("metadata", {})
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = {
        "uid": earlier.get("uid") or str(uuid.uuid4()),
        "creationTimestamp": earlier.get("creationTimestamp") or now,
    }
    return {**workflow, "metadata": {**workflow["metadata"], **identity}}


def _run_before(folder: Path, name: str) -> dict[str, Any]:
    from mlplat import local

    before = local.load(folder / "runs" / name)
    if before is None:
        known = [path.name for path in (folder / "runs").glob("*")]
        hint = nearest(name, known) or "mlplat get runs lists what ran"
        raise ArgumentError(
            Diagnostic("MLP409", "", f"there is no run '{name}' on this machine to go on with", hint)
        )
    return before


def _on_cluster(given: argparse.Namespace, documents: list[dict[str, Any]]) -> Document:
    from mlplat import k8s

    where = {"namespace": given.namespace or None, "context": given.context, "kubeconfig": given.kubeconfig}
    submitted = k8s.submit(documents, **where)
    metadata = submitted["metadata"]
    print(f"submitted {metadata['name']} to namespace {metadata['namespace']}", file=sys.stderr)
    with following(submitted, metadata["name"], quiet=given.output == "json") as observer:
        try:
            finished = k8s.follow(
                metadata["name"], observer=observer, **{**where, "namespace": metadata["namespace"]}
            )
        except KeyboardInterrupt:
            print(
                f"it goes on; to stop it: argo terminate -n {metadata['namespace']} {metadata['name']}",
                file=sys.stderr,
            )
            raise
    _record(finished)
    return finished


def _record(workflow: Document) -> None:
    from mlplat import metadata

    with metadata.open_store(home() / "mlplat.db") as store:
        store.record(workflow)


def report(workflow: Document, given: argparse.Namespace) -> str:
    """Write what came of a run: tree, artifacts, failures with their last lines, and what to type next."""
    status, name = workflow["status"], workflow["metadata"]["name"]
    message = f"  {status['message']}" if status.get("message") else ""
    written = [f"{name}  {status['phase']}  {show.duration(show.seconds(status))}{message}"]
    written += show.lines(show.tree(status.get("nodes", {}), name, show.order(workflow)))
    written += _artifacts(workflow, given)
    written += _failures(workflow, given)
    written += _next(workflow, given)
    return "\n".join(written)


def _artifacts(workflow: Document, given: argparse.Namespace) -> list[str]:
    root = home() / "artifacts"
    found = [(node, value) for node, value in show.artifacts(workflow) if value.get("key")]
    if not found:
        return []
    places = [near(root / value["key"]) if given.engine == "local" else value["key"] for _, value in found]
    shown = [
        f"  {node['displayName']}.{value['name']}  {value['type']['schemaTitle']}"
        f"  {value.get('size', 0):,} bytes  {place}"
        for (node, value), place in zip(found, places, strict=True)
    ]
    return ["artifacts", *shown]


def near(path: Path) -> str:
    """Write a path as it is shortest to type from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _failures(workflow: Document, given: argparse.Namespace) -> list[str]:
    if workflow["status"]["phase"] == "Succeeded":
        return []
    written: list[str] = []
    for node in show.failures(workflow):
        written.append(f"{node['displayName']} failed: {node.get('message', '')}")
        written += [f"  | {line}" for line in _last_lines(workflow, node, given)]
        if _CACHE_REFUSED in node.get("message", ""):
            written.append(
                "  hint: Argo's controller may not keep caches yet: "
                "kubectl apply -k kustomize/controller; or --no-cache"
            )
    missing = show.not_run(workflow)
    if missing:
        written.append(f"not run because of it: {', '.join(missing)}")
    return written


def _last_lines(workflow: Document, node: show.Node, given: argparse.Namespace) -> list[str]:
    attempts = node.get("children", ()) if node.get("type") == "Retry" else ()
    last = attempts[-1] if attempts else node["id"]
    if given.engine == "local":
        file = home() / "logs" / workflow["metadata"]["name"] / f"{last}.log"
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    else:
        from mlplat import k8s
        from mlplat.errors import ClusterError

        try:
            lines = list(k8s.logs(workflow, last, context=given.context, kubeconfig=given.kubeconfig))
        except ClusterError as error:
            lines = [str(error)]
    return lines[-_LAST_LINES:]


def _next(workflow: Document, given: argparse.Namespace) -> list[str]:
    name = workflow["metadata"]["name"]
    if given.engine == "argo":
        namespace = workflow["metadata"].get("namespace", "")
        return [f"next: mlplat logs --engine argo -n {namespace} {name}"]
    written = [f"logs {near(home() / 'logs' / name)}", f"next: mlplat get tasks {name}; mlplat logs {name}"]
    if workflow["status"]["phase"] != "Succeeded":
        written.append(f"to go on from here: mlplat run {given.file} --resume {name}")
    return written
