"""Runs a container or script template: everything between a node that is due and its outputs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import posixpath
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlplat.argo import stores
from mlplat.argo.stores import has_location
from mlplat.engine import claims, files, remote
from mlplat.engine.artifacts import ArtifactError, ArtifactMissingError, ArtifactStore, copy, make_room
from mlplat.engine.containers import ContainerError, Pod, environment, expand, patched, patched_volumes
from mlplat.engine.logs import attempts, begin_attempt
from mlplat.engine.process import GRACE, LONGEST_ARGUMENT, SCRIPT, Command, Executor, Exit, Running, Stoppable
from mlplat.engine.volumes import Volumes, is_mounted
from mlplat.runtime.contract import TERMINATION_LOG, TERMINATION_VARIABLE

LARGEST_PARAMETER = 1_572_864
"""Bytes of an output parameter: etcd's default limit of a request, where Argo keeps what a task gives."""


@dataclass(frozen=True, slots=True)
class Task:
    """One try of one task.

    Attributes:
        id: the node's id.
        template: the template, filled and its paths marked by the executor.
        pod: what Kubernetes would know of its pod.
        volumes: volumes of the workflow.
        patches: ``podSpecPatch`` of the workflow.
        capture: whether something refers to ``outputs.result``.
        prefix: where outputs without a key go in the artifact folder.
    """

    id: str
    template: Mapping[str, Any]
    pod: Pod
    volumes: Sequence[Mapping[str, Any]]
    patches: Sequence[str]
    capture: bool
    prefix: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended.

    Attributes:
        phase: ``Succeeded``, ``Failed`` or ``Error``.
        message: why, in Argo's words.
        outputs: the node's outputs.
    """

    phase: str
    message: str
    outputs: dict[str, Any]


class _Stages:
    """What a task does, one after the other: its inputs are copied, its command runs, its outputs are copied."""

    def __init__(self) -> None:
        self._command: Running | None = None
        self._given_up = threading.Event()
        self._insisting: asyncio.TimerHandle | None = None

    async def copy(self, function: Callable[[], None]) -> None:
        """Call a function that copies files, in a thread.

        Raises:
            GivenUpError: the task was stopped before all was copied.
        """
        return await asyncio.to_thread(files.until, self._given_up, function)

    def runs(self, command: Running) -> None:
        """Take the command that was started; it is stopped where the task was."""
        self._command = command
        if self._given_up.is_set():
            command.stop()

    def stop(self, grace: float = GRACE) -> None:
        """End the task: inputs are not copied any further, and outputs not after the seconds that the command has."""
        if self._command is None or grace <= 0:
            self._given_up.set()
        elif self._insisting is None:
            self._insisting = asyncio.get_running_loop().call_later(grace, self._given_up.set)
        if self._command is not None:
            self._command.stop(grace)

    def close(self) -> None:
        """Forget the timer."""
        if self._insisting is not None:
            self._insisting.cancel()


class PodRunner:
    """Runs tasks in folders of their own.

    Args:
        executor: runs their commands.
        store: where artifacts are.
        volumes: makes their volumes.
        folder: below which each task has its folder.
        logs: where their logs go.
        environments: where what they install is kept for later tasks and runs.
    """

    def __init__(
        self,
        executor: Executor,
        store: ArtifactStore,
        volumes: Volumes,
        folder: Path,
        logs: Path,
        environments: Path,
    ) -> None:
        self._executor = executor
        self._store = store
        self._volumes = volumes
        self._folder = folder
        self._logs = logs
        self._environments = environments
        self._cleaning: set[asyncio.Future[Any]] = set()

    async def run(self, task: Task, started: Callable[[Stoppable], None]) -> Outcome:
        """Run a task from its inputs to its outputs.

        Args:
            task: the task.
            started: is given what can be stopped.

        Returns:
            How it ended. As on Argo, what a task that failed has written is in the store too.
        """
        if task.template.get("resource"):
            return self._apply(task)
        folder = self._folder / task.id
        root = folder / "root"
        stages = _Stages()
        started(stages)
        try:
            return await self._run(task, folder, root, stages)
        finally:
            stages.close()
            self._volumes.unmount(root)

    async def _run(self, task: Task, folder: Path, root: Path, stages: _Stages) -> Outcome:
        try:
            command = await self._prepare(task, folder, root, stages)
        except (ArtifactError, ContainerError, OSError, UnicodeError) as error:
            return Outcome("Error", f"init: Error (exit code 64): {error}", {})
        running = await self._executor.start(command)
        stages.runs(running)
        ended = await running.wait()
        outcome = await self._finish(task, command, ended, stages)
        if outcome.phase == "Succeeded":
            cleaning = asyncio.ensure_future(asyncio.to_thread(shutil.rmtree, folder, True))
            self._cleaning.add(cleaning)
            cleaning.add_done_callback(self._cleaning.discard)
        return outcome

    def _apply(self, task: Task) -> Outcome:
        """Do what a resource template says; its outputs are those that need no answer of a cluster."""
        declared = (task.template.get("outputs") or {}).get("parameters") or ()
        try:
            claims.apply(task.template["resource"], self._volumes)
        except (ContainerError, OSError) as error:
            return Outcome("Failed", f"main: Error (exit code 64): {error}", {"exitCode": "64"})
        outputs: dict[str, Any] = {"exitCode": "0"}
        if declared:
            outputs["parameters"] = [dict(one) for one in declared]
        return Outcome("Succeeded", "", outputs)

    async def close(self) -> None:
        """Wait until the folders of tasks that succeeded are removed."""
        await asyncio.gather(*self._cleaning)

    async def _prepare(self, task: Task, folder: Path, root: Path, stages: _Stages) -> Command:
        template = task.template
        self._renew(folder, root)
        patches = [*task.patches, *([template["podSpecPatch"]] if template.get("podSpecPatch") else [])]
        container = patched(template.get("container") or template["script"], patches)
        given = environment(container, task.pod)
        mounts = self._volumes.mount(
            root,
            container.get("volumeMounts") or (),
            patched_volumes([*(template.get("volumes") or ()), *task.volumes], patches),
            task.pod,
            given,
        )
        for artifact in (template.get("inputs") or {}).get("artifacts") or ():
            await self._load(artifact, root, task.pod, stages)
        place = self._executor.place
        variables = {key: place(value, root) for key, value in given.items()}
        arguments = [*(container.get("command") or ()), *(container.get("args") or ())]
        expanded = [place(expand(str(one), variables), root) for one in arguments]
        if template.get("script") and template["script"].get("source"):
            expanded.append(self._file(SCRIPT, place(template["script"]["source"], root).encode(), root))
        log = self._logs / f"{task.id}.log"
        begin_attempt(log)
        reason = self._reason_file(root)
        variables.setdefault(TERMINATION_VARIABLE, place(self._executor.path(reason), root))
        return Command(
            arguments=self._short(expanded, root),
            environment=variables,
            root=root,
            directory=place(container["workingDir"], root) if container.get("workingDir") else "",
            log=log,
            capture=task.capture,
            image=container.get("image", ""),
            pull=container.get("imagePullPolicy", ""),
            user=_user(container.get("securityContext") or {}),
            own_program=bool(container.get("command")),
            mounts=mounts,
            outputs=_output_paths(template),
            reason=reason,
            name=task.id,
            environments=self._environments,
        )

    def _renew(self, folder: Path, root: Path) -> None:
        if folder.exists():
            self._executor.end_leftover(folder)
            shutil.rmtree(folder)
        root.mkdir(parents=True)

    def _file(self, path: str, content: bytes, root: Path) -> str:
        """Write a file for the command, and return what it is called for it."""
        file = root / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755)
        return self._executor.place(self._executor.path(path), root)

    def _short(self, arguments: Sequence[str], root: Path) -> list[str]:
        """Put arguments into files that are longer than the kernel takes."""
        return [
            f"@{self._file(f'/argo/argo_arg_{index - 1}.txt', data, root)}"
            if index and len(data := os.fsencode(argument)) >= LONGEST_ARGUMENT
            else argument
            for index, argument in enumerate(arguments)
        ]

    async def _load(self, artifact: Mapping[str, Any], root: Path, pod: Pod, stages: _Stages) -> None:
        if not has_location(artifact):
            if artifact.get("optional"):
                return
            raise ArtifactError(f"required artifact '{artifact['name']}' not supplied")
        target = root / artifact["path"].strip("/")
        archive = artifact.get("archive") or {}
        unpack = False if "none" in archive else True if "tar" in archive else None
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            await stages.copy(partial(self._fetch, artifact, target, unpack, pod))
        except ArtifactMissingError as error:
            if not artifact.get("optional"):
                why = error if remote.is_remote(artifact) else "The specified key does not exist."
                raise ArtifactError(f"artifact {artifact['name']} failed to load: {why}") from error
            target.mkdir(parents=True, exist_ok=True)
            return
        except FileExistsError:
            place = f"/mainctrfs{artifact['path'].rstrip('/')}"
            raise ArtifactError(f"rename {place}.tmp {place}: file exists") from None
        if artifact.get("mode") is not None:
            _change_mode(target, int(artifact["mode"]), bool(artifact.get("recurseMode")))

    def _fetch(self, artifact: Mapping[str, Any], target: Path, unpack: bool | None, pod: Pod) -> None:
        if artifact.get("raw") is not None:
            make_room(target)
            target.write_text(artifact["raw"].get("data", ""), encoding="utf-8")
            return
        if not remote.is_remote(artifact):
            self._store.get(artifact_key(artifact), target, unpack=unpack)
            return
        if unpack is False:
            make_room(target)
            remote.fetch(artifact, target, pod.secrets)
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            fetched = Path(folder) / "artifact"
            remote.fetch(artifact, fetched, pod.secrets)
            copy(fetched, target, unpack=unpack)

    async def _finish(self, task: Task, command: Command, ended: Exit, stages: _Stages) -> Outcome:
        outputs: dict[str, Any] = {}
        problems: list[str] = []
        declared = task.template.get("outputs") or {}
        mounts = _mounts(task.template)
        found = {path: self._executor.output(path, command) for path in command.outputs}
        parameters, problem = await asyncio.to_thread(
            _read_parameters, declared.get("parameters") or (), found, mounts
        )
        if parameters:
            outputs["parameters"] = parameters
        if problem:
            problems.append(problem)
        if ended.result is not None:
            outputs["result"] = ended.result
        artifacts, problem = await self._save(
            declared.get("artifacts") or (), found, command.root, task.prefix, mounts, stages
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

    def _reason_file(self, root: Path) -> str:
        """Make the file in which a command may say why it failed, and return its path in the container."""
        path = "/mlplat/termination-log" if self._executor.uses_images else TERMINATION_LOG
        file = root / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o666)
        return path

    async def with_log(self, outcome: Outcome, task: Task) -> Outcome:
        """Keep what a task wrote to its log as an artifact, as Argo does where logs are archived.

        Args:
            outcome: how the task ended.
            task: the task.

        Returns:
            The outcome with one more artifact; as it was for a task that did not start.
        """
        log = self._logs / f"{task.id}.log"
        if not log.exists() or "exitCode" not in outcome.outputs:
            return outcome
        folder = self._folder / f"{task.id}.log"
        folder.mkdir(exist_ok=True)
        file, key = folder / "main.log", f"{task.prefix}/main.log"
        try:
            with file.open("wb") as copied:
                copied.writelines(attempts(log)[-1].pieces())
            await asyncio.to_thread(self._store.put, file, key, pack=False, move=True)
        except (ArtifactError, OSError) as error:
            return Outcome("Error", f"wait: Error (exit code 64): {error}", outcome.outputs)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        artifacts = [*outcome.outputs.get("artifacts", ()), {"name": "main-logs", **stores.location(key)}]
        return Outcome(outcome.phase, outcome.message, {**outcome.outputs, "artifacts": artifacts})

    async def _save(
        self,
        declared: Sequence[Mapping[str, Any]],
        found: Mapping[str, Path | None],
        root: Path,
        prefix: str,
        mounts: Sequence[str],
        stages: _Stages,
    ) -> tuple[list[dict[str, Any]], str]:
        saved: list[dict[str, Any]] = []
        problems: list[str] = []
        for artifact in declared:
            if not artifact.get("path"):
                continue
            source = found[artifact["path"]]
            if source is None or not source.exists():
                if not artifact.get("optional"):
                    problems.append(_missing_artifact(artifact["path"], mounts))
                continue
            pack = "none" not in (artifact.get("archive") or {})
            located = _with_key(artifact, prefix, pack)
            try:
                key, move = artifact_key(located), _is_for_nobody_else(artifact["path"], source, root, found)
                await stages.copy(partial(self._store.put, source.resolve(), key, pack=pack, move=move))
            except (ArtifactError, OSError) as error:
                problems.append(f"failed to save {artifact['name']}: {error}")
                continue
            saved.append({**located, "path": posixpath.normpath(located["path"])})
        return saved, "".join(f"{problem}; " for problem in problems)


_LONGEST_REASON = 4096


def _termination(file: Path | None) -> str:
    """Return the reason that a container left: as much of its end as the kubelet takes."""
    if file is None or not file.is_file():
        return ""
    with file.open("rb") as written:
        written.seek(max(0, file.stat().st_size - _LONGEST_REASON))
        return written.read(_LONGEST_REASON).decode("utf-8", "replace")


def _is_for_nobody_else(path: str, source: Path, root: Path, outputs: Iterable[str]) -> bool:
    """Tell whether an output may be moved away: it lies in the task's own folder, and no other output with it."""
    others = [other for other in outputs if other != path]
    return source.resolve() == root.resolve() / path.strip("/") and not any(
        is_mounted(path, [other]) or is_mounted(other, [path]) for other in others
    )


def artifact_key(artifact: Mapping[str, Any]) -> str:
    """Return the key of an artifact.

    Raises:
        ArtifactError: it has none.
    """
    if key := stores.key_of(artifact):
        return key
    raise ArtifactError(f"artifact {artifact['name']!r} has no key")


def _with_key(artifact: Mapping[str, Any], prefix: str, pack: bool) -> dict[str, Any]:
    if has_location(artifact):
        return dict(artifact)
    file = f"{artifact['name']}.tgz" if pack else posixpath.basename(artifact["path"].rstrip("/"))
    return {**artifact, **stores.location(f"{prefix}/{file}")}


def _output_paths(template: Mapping[str, Any]) -> list[str]:
    outputs = template.get("outputs") or {}
    paths = [one["path"] for one in outputs.get("artifacts") or () if one.get("path")]
    return paths + [
        one["valueFrom"]["path"]
        for one in outputs.get("parameters") or ()
        if (one.get("valueFrom") or {}).get("path")
    ]


def _user(context: Mapping[str, Any]) -> str:
    ids = (context.get("runAsUser"), context.get("runAsGroup"))
    return "" if ids[0] is None else ":".join(str(one) for one in ids if one is not None)


def _mounts(template: Mapping[str, Any]) -> list[str]:
    container = template.get("container") or template.get("script") or {}
    return [mount["mountPath"].rstrip("/") for mount in container.get("volumeMounts") or ()]


def _missing_artifact(path: str, mounts: Sequence[str]) -> str:
    """Return what Argo's executor says: it looks at a volume itself, and at a copy of other files."""
    if is_mounted(path, mounts):
        return f"{path} no such file or directory"
    return f"open /var/run/argo/outputs/artifacts{path.rstrip('/')}.tgz: no such file or directory"


def _read_parameters(
    declared: Sequence[Mapping[str, Any]], found: Mapping[str, Path | None], mounts: Sequence[str]
) -> tuple[list[dict[str, Any]], str]:
    parameters = [dict(one) for one in declared]
    for one in parameters:
        source = one.get("valueFrom") or {}
        if not source.get("path"):
            continue
        try:
            text = _read(found[source["path"]])
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
    """Return why what lies at an output's path is not read, where Argo would wait for ever or fail later."""
    if isinstance(error, files.NotAFileError):
        return f"{path} is not a regular file"
    return (
        f"{path} holds more than {LARGEST_PARAMETER:,} bytes, the most that etcd stores of an object; "
        "make it an artifact"
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _change_mode(path: Path, mode: int, recursive: bool) -> None:
    path.chmod(mode)
    if recursive and path.is_dir():
        for below in path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                below.chmod(mode)
