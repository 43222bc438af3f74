"""The interface of executors, which run the commands of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlplat.engine.volumes import Mount

LONGEST_ARGUMENT = 131_072
"""Maximum size of one argument on Linux, in bytes; Argo puts longer ones into a file and passes ``@file``."""

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

SCRIPT = "/argo/staging/script"
"""Path of a script template's source in its container."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run.

    Attributes:
        arguments: program and arguments; references such as ``$(NAME)`` are expanded.
        environment: the container's own variables.
        root: the folder with the files at the container's paths.
        directory: ``workingDir`` of the container, empty for none.
        log: where standard output and error go.
        capture: whether to keep the end of standard output.
        image: the container's image.
        pull: when the image is pulled, as in ``imagePullPolicy``.
        user: number of the user, and behind a colon of the group, that it runs as; empty for the image's.
        own_program: whether the first argument is the program; otherwise all are arguments of the image's entrypoint.
        mounts: mounts by path of the container.
        outputs: paths of the container that are read when it has ended.
        reason: path of the container's termination message.
        name: the node's id.
        cache: folder for data that later tasks and runs reuse, such as environments with packages.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    root: Path
    directory: str
    log: Path
    capture: bool
    image: str = ""
    pull: str = ""
    user: str = ""
    own_program: bool = True
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    reason: str = ""
    name: str = ""
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended.

    Attributes:
        code: its exit code as Argo reports it: 143 after SIGTERM, 137 after another signal,
            64 if it couldn't be started.
        message: why it couldn't be started.
        result: the end of its standard output, if captured.
    """

    code: int
    message: str = ""
    result: str | None = None


class Stoppable(Protocol):
    """Something that runs and can be stopped."""

    def stop(self, grace: float = GRACE) -> None:
        """Send SIGTERM, and SIGKILL after a number of seconds."""


class Running(Stoppable, Protocol):
    """A command that runs."""

    async def wait(self) -> Exit:
        """Wait until it has ended."""


class Executor(Protocol):
    """Runs commands.

    Attributes:
        name: its name on the command line.
        uses_images: whether commands run in their images.
        remover: the program that removes the containers of commands; empty where they are processes.
    """

    name: str
    uses_images: bool
    remover: str

    def rewrite(self, template: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Return a template with the paths of this executor."""

    def path(self, path: str) -> str:
        """Return a path of the container for the command, before :meth:`place`."""

    def place(self, text: str, root: Path) -> str:
        """Return a rewritten text for one task."""

    def output(self, path: str, command: Command) -> Path | None:
        """Return the file or folder at a path of the container after it has ended; None if it cannot be read."""

    async def start(self, command: Command) -> Running:
        """Start a command."""

    async def close(self) -> None:
        """Release resources that later commands of a run could use; called in the event loop of the run, at its end."""

    def end_leftover(self, folder: Path) -> None:
        """End the process or container of a task whose engine was killed."""
