"""Runs the container of a task as a process of this machine.

Nothing is isolated: the process sees the machine's files and programs. The files of the container
(volumes, artifacts, script) are in the task's folder, and the paths in the template are
rewritten to this folder before parameters are substituted, so data is never rewritten.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from mlplat.engine.bytecode import Bytecode
from mlplat.engine.executor import Command, Exit, Running
from mlplat.engine.forks import Forks
from mlplat.engine.running import NotStarted, SpawnedProcess, Streams
from mlplat.engine.watchdog import end_process
from mlplat.runtime.contract import VARIABLE


class ProcessExecutor:
    """Runs each task as a process group of its own.

    Args:
        environment: variables of every process besides its template's; by default those of this process.
    """

    name = "process"
    uses_images = False
    remover = ""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        base = dict(os.environ if environment is None else environment)
        programs = str(Path(sys.executable).parent)
        base["PATH"] = os.pathsep.join(part for part in (programs, base.get("PATH", os.defpath)) if part)
        self._environment = base
        self._bytecodes: dict[Path, Bytecode] = {}
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Forks] = WeakKeyDictionary()
        self._mark = f"/.mlplat-{secrets.token_hex(16)}"

    def rewrite(self, template: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Mark the container's paths in the strings of a template.

        Args:
            template: the template in the manifest.
            paths: the paths of its container that this engine fills or reads.

        Returns:
            A copy in which those paths are marked in command, arguments, variables and script, and in the expressions
            of a patch.
        """
        known = [
            path.rstrip("/") for path in paths if path.startswith("/") and "{{" not in path and path != "/"
        ]
        if not known:
            return dict(template)
        pattern = _path_pattern(tuple(sorted(set(known), key=len, reverse=True)))

        def mark(text: Any) -> Any:
            return (
                pattern.sub(lambda match: self._mark + match.group(), text) if isinstance(text, str) else text
            )

        copied = dict(template)
        for kind in ("container", "script"):
            if kind in copied:
                copied[kind] = _map_texts(copied[kind], mark)
        if "{{" in str(copied.get("podSpecPatch") or ""):
            copied["podSpecPatch"] = mark(copied["podSpecPatch"])
        return copied

    def path(self, path: str) -> str:
        """Mark one path of the container."""
        return self._mark + path

    def place(self, text: str, root: Path) -> str:
        """Turn marked paths into paths below a task's folder."""
        return text.replace(self._mark, str(root))

    def output(self, path: str, command: Command) -> Path:
        """Return the file below the task's folder: links are followed, because the process could read them too."""
        return command.root / path.strip("/")

    async def start(self, command: Command) -> Running:
        """Start a process.

        Args:
            command: what to run.

        Returns:
            The process; if it couldn't be started, one that has already ended.
        """
        scratch = command.root / "tmp"
        environment = {**self._environment, "TMPDIR": str(scratch), **command.environment}
        environment.setdefault("PYTHONUNBUFFERED", "1")
        if command.cache is not None:
            environment.setdefault("MLPLAT_ENVIRONMENTS", str(command.cache / "environments"))
            if runtime := environment.get(VARIABLE):
                environment[VARIABLE] = self._bytecode(command.cache / "runtime").loader(runtime)
        directory = _starting_folder(command.directory, command.root)
        program = find_program(command.arguments[0], environment.get("PATH", ""), directory)
        if program is None:
            why = f'exec: "{command.arguments[0]}": executable file not found in $PATH'
            return NotStarted(Exit(64, f"failed to find name in PATH: {why}"), command.log)
        needed = [scratch, directory, *((command.root / path.strip("/")).parent for path in command.outputs)]
        try:
            for folder in needed:
                folder.mkdir(parents=True, exist_ok=True)
            with Streams(command) as streams:
                forked = await self._forks().start(program, command, environment, directory, streams)
                return forked or SpawnedProcess(program, command, environment, directory, streams)
        except (OSError, ValueError) as error:
            return NotStarted(Exit(64, f"failed to start command: {error}"), command.log)

    async def close(self) -> None:
        """Stop the servers that start the tasks of this run."""
        if forks := self._of_loops.pop(asyncio.get_running_loop(), None):
            forks.close()

    def _forks(self) -> Forks:
        loop = asyncio.get_running_loop()
        if loop not in self._of_loops:
            self._of_loops[loop] = Forks({"PYTHONUNBUFFERED": "1", **self._environment})
        return self._of_loops[loop]

    def _bytecode(self, folder: Path) -> Bytecode:
        if folder not in self._bytecodes:
            self._bytecodes[folder] = Bytecode(folder)
        return self._bytecodes[folder]

    def end_leftover(self, folder: Path) -> None:
        """End the process group that is noted in a task's folder."""
        end_process(folder)


@lru_cache(maxsize=256)
def _path_pattern(paths: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.\-/])(?:{'|'.join(map(re.escape, paths))})(?![\w\-]|\.\w)")


def _map_texts(container: Mapping[str, Any], change: Any) -> dict[str, Any]:
    changed = dict(container)
    for key in ("source", "workingDir"):
        if key in changed:
            changed[key] = change(changed[key])
    for key in ("command", "args"):
        if changed.get(key):
            changed[key] = [change(text) for text in changed[key]]
    if changed.get("env"):
        changed["env"] = [
            {**one, "value": change(one["value"])} if "value" in one else one for one in changed["env"]
        ]
    return changed


def _starting_folder(directory: str, root: Path) -> Path:
    """Return the working directory of a process: ``workingDir`` in the task's folder."""
    inside = posixpath.normpath(f"/{directory.removeprefix(str(root))}")
    return root / inside.strip("/")


def find_program(name: str, path: str, directory: Path) -> str | None:
    """Return the file of a program, or None; ``python3`` is at least this interpreter.

    Args:
        name: a name, or a path.
        path: folders to search for names.
        directory: base of relative paths.
    """
    found = shutil.which(str(directory / name) if "/" in name else name, path=path)
    return sys.executable if found is None and name in ("python", "python3") else found
