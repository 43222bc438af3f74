"""Collects the outputs of a task: its output parameters, its artifacts, and why it failed."""

from __future__ import annotations

import asyncio
import errno
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlplat.argo import stores
from mlplat.argo.stores import has_location
from mlplat.engine import files
from mlplat.engine.artifacts import ArtifactError, ArtifactStore, artifact_key
from mlplat.engine.executor import Command, Executor, Exit
from mlplat.engine.stages import Stages
from mlplat.engine.volumes import is_mounted

LARGEST_PARAMETER = 1_572_864
"""Bytes of an output parameter: etcd's default limit of a request, because Argo keeps outputs in etcd."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task.

    Attributes:
        phase: ``Succeeded``, ``Failed`` or ``Error``.
        message: the reason, as Argo words it.
        outputs: the node's outputs.
    """

    phase: str
    message: str
    outputs: dict[str, Any]


class Outputs:
    """Collects the outputs of tasks.

    Args:
        executor: the executor, which finds the outputs of its commands.
        store: where artifacts are saved.
    """

    def __init__(self, executor: Executor, store: ArtifactStore) -> None:
        self._executor = executor
        self._store = store

    async def collect(
        self, template: Mapping[str, Any], prefix: str, command: Command, ended: Exit, stages: Stages
    ) -> Outcome:
        """Read and save the outputs of a command that has ended.

        Args:
            template: the template, filled.
            prefix: prefix of the keys of outputs without a key.
            command: the command.
            ended: its exit.
            stages: the stages of the task, which can stop the copying.

        Returns:
            The result. As on Argo, outputs of a failed task are in the store too.
        """
        outputs: dict[str, Any] = {}
        problems: list[str] = []
        declared = template.get("outputs") or {}
        mounts = _mounts(template)
        written = {path: self._executor.output(path, command) for path in command.outputs}
        parameters, problem = await asyncio.to_thread(
            _read_parameters, declared.get("parameters") or (), written, mounts
        )
        if parameters:
            outputs["parameters"] = parameters
        if problem:
            problems.append(problem)
        if ended.result is not None:
            outputs["result"] = ended.result
        artifacts, problem = await self._save(
            declared.get("artifacts") or (), written, command.root, prefix, mounts, stages
        )
        if artifacts:
            outputs["artifacts"] = artifacts
        if problem:
            problems.append(problem)
        outputs["exitCode"] = str(ended.code)
        if ended.code != 0:
            message = f"main: Error (exit code {ended.code})"
            reason = ended.message or _termination(self._executor.output(command.reason, command))
            return Outcome("Failed", f"{message}: {reason}" if reason else message, outputs)
        if problems:
            return Outcome("Error", f"wait: Error (exit code 64): {problems[0]}", outputs)
        return Outcome("Succeeded", "", outputs)

    async def _save(
        self,
        declared: Sequence[Mapping[str, Any]],
        written: Mapping[str, Path | None],
        root: Path,
        prefix: str,
        mounts: Sequence[str],
        stages: Stages,
    ) -> tuple[list[dict[str, Any]], str]:
        saved: list[dict[str, Any]] = []
        problems: list[str] = []
        for artifact in declared:
            if not artifact.get("path"):
                continue
            source = written[artifact["path"]]
            if source is None or not source.exists():
                if not artifact.get("optional"):
                    problems.append(_missing_artifact(artifact["path"], mounts))
                continue
            pack = "none" not in (artifact.get("archive") or {})
            located = _with_key(artifact, prefix, pack)
            try:
                key, move = (
                    artifact_key(located),
                    _is_for_nobody_else(artifact["path"], source, root, written),
                )
                await stages.copy(partial(self._store.put, source.resolve(), key, pack=pack, move=move))
            except (ArtifactError, OSError) as error:
                problems.append(f"failed to save {artifact['name']}: {error}")
                continue
            saved.append({**located, "path": posixpath.normpath(located["path"])})
        return saved, "".join(f"{problem}; " for problem in problems)


_LONGEST_REASON = 4096


def _termination(file: Path | None) -> str:
    """Return the termination message of a container, cut as by the kubelet."""
    if file is None or not file.is_file():
        return ""
    with file.open("rb") as written:
        written.seek(max(0, file.stat().st_size - _LONGEST_REASON))
        return written.read(_LONGEST_REASON).decode("utf-8", "replace")


def _is_for_nobody_else(path: str, source: Path, root: Path, outputs: Iterable[str]) -> bool:
    """Return whether an output may be moved: it is in the task's own folder, and no other output with it."""
    others = [other for other in outputs if other != path]
    return source.resolve() == root.resolve() / path.strip("/") and not any(
        is_mounted(path, [other]) or is_mounted(other, [path]) for other in others
    )


def _with_key(artifact: Mapping[str, Any], prefix: str, pack: bool) -> dict[str, Any]:
    if has_location(artifact):
        return dict(artifact)
    file = f"{artifact['name']}.tgz" if pack else posixpath.basename(artifact["path"].rstrip("/"))
    return {**artifact, **stores.location(f"{prefix}/{file}")}


def output_paths(template: Mapping[str, Any]) -> list[str]:
    """Return the paths of a template's outputs in the container."""
    outputs = template.get("outputs") or {}
    paths = [one["path"] for one in outputs.get("artifacts") or () if one.get("path")]
    return paths + [
        one["valueFrom"]["path"]
        for one in outputs.get("parameters") or ()
        if (one.get("valueFrom") or {}).get("path")
    ]


def _mounts(template: Mapping[str, Any]) -> list[str]:
    container = template.get("container") or template.get("script") or {}
    return [mount["mountPath"].rstrip("/") for mount in container.get("volumeMounts") or ()]


def _missing_artifact(path: str, mounts: Sequence[str]) -> str:
    """Return the message of Argo's executor, which reads a volume itself, and a copy of other files."""
    if is_mounted(path, mounts):
        return f"{path} no such file or directory"
    return f"open /var/run/argo/outputs/artifacts{path.rstrip('/')}.tgz: no such file or directory"


def _read_parameters(
    declared: Sequence[Mapping[str, Any]], written: Mapping[str, Path | None], mounts: Sequence[str]
) -> tuple[list[dict[str, Any]], str]:
    parameters = [dict(one) for one in declared]
    for one in parameters:
        source = one.get("valueFrom") or {}
        if not source.get("path"):
            continue
        try:
            text = _read(written[source["path"]])
        except OSError as error:
            if isinstance(error, files.NotAFileError) or error.errno == errno.EFBIG:
                return (
                    parameters,
                    f"failed to save parameter {one['name']}: {_refusal(source['path'], error)}",
                )
            if source.get("default") is None:
                place = (
                    "/mainctrfs" if is_mounted(source["path"], mounts) else "/var/run/argo/outputs/parameters"
                )
                return parameters, f"open {place}{source['path']}: {_reason(error)}"
            text = source["default"]
        one["value"] = text.removesuffix("\n")
    return parameters, ""


def _read(file: Path | None) -> str:
    if file is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return files.read(file, LARGEST_PARAMETER).decode("utf-8", "replace")


def _refusal(path: str, error: OSError) -> str:
    """Return why the file at an output's path is not read; Argo would wait forever or fail later."""
    if isinstance(error, files.NotAFileError):
        return f"{path} is not a regular file"
    return f"{path} holds more than {LARGEST_PARAMETER:,} bytes, the limit of etcd; make it an artifact"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
