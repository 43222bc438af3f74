"""Runs one attempt of a task, from its filled template to its outputs."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat.argo import stores
from mlplat.engine.artifacts import ArtifactError, ArtifactStore
from mlplat.engine.containers import ContainerError, PodInfo, environment, expand, patched, patched_volumes
from mlplat.engine.executor import LONGEST_ARGUMENT, SCRIPT, Command, Executor, Stoppable
from mlplat.engine.fetching import Inputs
from mlplat.engine.logs import attempts, begin_attempt
from mlplat.engine.outputs import Outcome, Outputs, output_paths
from mlplat.engine.stages import Stages
from mlplat.engine.volumes import Volumes
from mlplat.runtime.contract import TERMINATION_LOG, TERMINATION_VARIABLE


@dataclass(frozen=True, slots=True)
class PodTask:
    """One attempt of one task.

    Attributes:
        id: the node's id.
        template: the template, filled and its paths marked by the executor.
        pod: metadata and references of its pod.
        volumes: volumes of the workflow.
        patches: ``podSpecPatch`` of the workflow.
        capture: whether ``outputs.result`` is used.
        prefix: prefix of the keys of outputs without a key.
    """

    id: str
    template: Mapping[str, Any]
    pod: PodInfo
    volumes: Sequence[Mapping[str, Any]]
    patches: Sequence[str]
    capture: bool
    prefix: str


class PodRunner:
    """Runs tasks in folders of their own.

    Args:
        executor: runs their commands.
        store: the artifact store.
        volumes: makes their volumes.
        folder: parent of the tasks' folders.
        logs: folder of their logs.
        cache: folder for data that later tasks and runs reuse.
    """

    def __init__(
        self,
        executor: Executor,
        store: ArtifactStore,
        volumes: Volumes,
        folder: Path,
        logs: Path,
        cache: Path,
    ) -> None:
        self._executor = executor
        self._store = store
        self._inputs = Inputs(store)
        self._outputs = Outputs(executor, store)
        self.volumes = volumes
        self._folder = folder
        self._logs = logs
        self._cache = cache
        self._cleaning: set[asyncio.Future[Any]] = set()

    async def run(self, task: PodTask, started: Callable[[Stoppable], None]) -> Outcome:
        """Run a task from its inputs to its outputs.

        Args:
            task: the task.
            started: called with the object that stops the task.

        Returns:
            The result. As on Argo, outputs of a failed task are in the store too.
        """
        folder = self._folder / task.id
        root = folder / "root"
        stages = Stages()
        started(stages)
        try:
            return await self._run(task, folder, root, stages)
        finally:
            stages.close()
            self.volumes.unmount(root)

    async def _run(self, task: PodTask, folder: Path, root: Path, stages: Stages) -> Outcome:
        try:
            command = await self._prepare(task, folder, root, stages)
        except (ArtifactError, ContainerError, OSError, UnicodeError) as error:
            return Outcome("Error", f"init: Error (exit code 64): {error}", {})
        running = await self._executor.start(command)
        stages.runs(running)
        ended = await running.wait()
        outcome = await self._outputs.collect(task.template, task.prefix, command, ended, stages)
        if outcome.phase == "Succeeded":
            cleaning = asyncio.ensure_future(asyncio.to_thread(shutil.rmtree, folder, True))
            self._cleaning.add(cleaning)
            cleaning.add_done_callback(self._cleaning.discard)
        return outcome

    async def close(self) -> None:
        """Wait until the folders of tasks that succeeded are removed."""
        await asyncio.gather(*self._cleaning)

    async def _prepare(self, task: PodTask, folder: Path, root: Path, stages: Stages) -> Command:
        template = task.template
        self._renew(folder, root)
        patches = [*task.patches, *([template["podSpecPatch"]] if template.get("podSpecPatch") else [])]
        container = patched(template.get("container") or template["script"], patches)
        given = environment(container, task.pod)
        mounts = self.volumes.mount(
            root,
            container.get("volumeMounts") or (),
            patched_volumes([*(template.get("volumes") or ()), *task.volumes], patches),
            task.pod,
            given,
        )
        for artifact in (template.get("inputs") or {}).get("artifacts") or ():
            await self._inputs.load(artifact, root, task.pod.secrets, stages)
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
            outputs=output_paths(template),
            reason=reason,
            name=task.id,
            cache=self._cache,
        )

    def _renew(self, folder: Path, root: Path) -> None:
        if folder.exists():
            self._executor.end_leftover(folder)
            shutil.rmtree(folder)
        root.mkdir(parents=True)

    def _file(self, path: str, content: bytes, root: Path) -> str:
        """Write a file for the command, and return its path for it."""
        file = root / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755)
        return self._executor.place(self._executor.path(path), root)

    def _short(self, arguments: Sequence[str], root: Path) -> list[str]:
        """Write arguments that are too long for the kernel to files."""
        return [
            f"@{self._file(f'/argo/argo_arg_{index - 1}.txt', data, root)}"
            if index and len(data := os.fsencode(argument)) >= LONGEST_ARGUMENT
            else argument
            for index, argument in enumerate(arguments)
        ]

    def _reason_file(self, root: Path) -> str:
        """Create the file of the termination message, and return its path in the container."""
        path = "/mlplat/termination-log" if self._executor.uses_images else TERMINATION_LOG
        file = root / path.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o666)
        return path

    async def with_log(self, outcome: Outcome, task: PodTask) -> Outcome:
        """Save the log of a task as an artifact, as Argo does with archived logs.

        Args:
            outcome: the result of the task.
            task: the task.

        Returns:
            The outcome with one more artifact; unchanged for a task that did not start.
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


def _user(context: Mapping[str, Any]) -> str:
    ids = (context.get("runAsUser"), context.get("runAsGroup"))
    return "" if ids[0] is None else ":".join(str(one) for one in ids if one is not None)
