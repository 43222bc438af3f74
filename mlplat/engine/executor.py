"""What runs the command of a task: the interface of executors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlplat.engine.volumes import Mount

LONGEST_ARGUMENT = 131_072
"""Bytes of one argument that a Linux kernel takes; Argo puts longer ones into a file and passes ``@file``."""

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

SCRIPT = "/argo/staging/script"
"""Path of a script template's source in its container."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run.

    Attributes:
        arguments: program and arguments; references such as ``$(NAME)`` are expanded.
        environment: the container's own variables.
        root: the folder that holds what lies at the container's paths.
        directory: ``workingDir`` of the container, empty for none.
        log: where standard output and error go.
        capture: whether the end of standard output is wanted.
        image: the container's image.
        pull: when the image is pulled, as in ``imagePullPolicy``.
        user: number of the user, and behind a colon of the group, that it runs as; empty for the image's.
        own_program: whether the first argument is the program; else all of them go to the image's own.
        mounts: for paths of the container what lies there, beside what is in the root.
        outputs: paths of the container that are read when it has ended.
        reason: path of the container at which it may say why it failed.
        name: the node's id.
        cache: folder for what later tasks and runs use again, such as environments with packages.
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
        code: its exit code as Argo reports it: 143 when it was asked to end and did, 137 when another signal ended it,
            64 when it couldn't be started.
        message: why it couldn't be started.
        result: the end of its standard output, when it was to be captured.
    """

    code: int
    message: str = ""
    result: str | None = None


class Stoppable(Protocol):
    """Something that runs and can be ended early."""

    def stop(self, grace: float = GRACE) -> None:
        """End it: ask first, insist after a number of seconds."""


class Running(Stoppable, Protocol):
    """A command that runs."""

    async def wait(self) -> Exit:
        """Wait until it has ended."""


class Executor(Protocol):
    """Runs commands in one way or another.

    Attributes:
        name: what it is called on the command line.
        uses_images: whether a command finds the files and the program of its image.
        remover: the program that removes the containers of commands; empty where they are processes.
    """

    name: str
    uses_images: bool
    remover: str

    def rewrite(self, template: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Return a template whose container finds its paths where this executor puts them."""

    def path(self, path: str) -> str:
        """Return what a path of the container is called for the command, before :meth:`place`."""

    def place(self, text: str, root: Path) -> str:
        """Return a rewritten text for one task."""

    def output(self, path: str, command: Command) -> Path | None:
        """Return the file or folder at a path of the container after it has ended; None for what is not to be read."""

    async def start(self, command: Command) -> Running:
        """Start a command."""

    async def close(self) -> None:
        """End what this executor keeps for later commands of a run; called in the event loop of the run, at its end."""

    def end_leftover(self, folder: Path) -> None:
        """End what an engine that was killed left running in a task's folder."""
