"""Runs the container of a task in its image, with podman or docker.

As on Argo, inputs are copied into the container before it starts, and outputs are copied out of it when it has
ended; only volumes are shared. So it does not matter which user the image has, or on which machine the daemon runs
(but for volumes).
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import os
import posixpath
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from mlplat.engine.executor import GRACE, Command, Exit, Running
from mlplat.engine.running import RunningProcess, SpawnedProcess, Streams
from mlplat.engine.volumes import is_mounted
from mlplat.engine.watchdog import end_process, forget_container, note_container, noted_container
from mlplat.errors import Diagnostic, EngineError

PROGRAMS = ("podman", "docker")

_OF_THE_CLIENT = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TERM", "TZ", "LANG", "LANGUAGE"),
        *("SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "REGISTRY_AUTH_FILE", "NOTIFY_SOCKET"),
        *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "DBUS_SESSION_BUS_ADDRESS"),
        *("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"),
        *("DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER"),
        *("DOCKER_AUTH_CONFIG", "DOCKER_CUSTOM_HEADERS", "DOCKER_DEFAULT_PLATFORM", "DOCKER_BUILDKIT"),
        *("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "CONTAINER_PROXY"),
        *("STORAGE_DRIVER", "STORAGE_OPTS", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK"),
    )
)
_BEGINS_OF_THE_CLIENT = (
    *("LC_", "LD_", "XDG_", "OTEL_", "DOCKER_CLI_", "PODMAN_", "BUILDAH_", "CONTAINERS_", "_CONTAINERS_"),
)
"""Variables that podman and docker or their libraries read; proxies in lower case too."""

_PULL = {"Always": "always", "Never": "never", "IfNotPresent": "missing"}
_INITS = ("catatonit", "/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit")
_KILLED = 137
"""Exit code after a signal, as Argo reports it."""


class ImageExecutor:
    """Runs each task as a container of its image.

    Args:
        name: the program, one of :data:`PROGRAMS`.
        options: further options for ``podman create`` or ``docker create``.
        environment: variables of every container, in addition to those of its template.

    Raises:
        EngineError: the program is not installed, or does not respond.
    """

    uses_images = True

    def __init__(
        self, name: str, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._environment = dict(environment or {})
        self._options = (*(["--init"] if _has_init(name) else []), *options)
        self._program = self.remover = shutil.which(name) or ""
        if not self._program:
            hint = f"install {name}, or omit the option to run tasks as processes"
            raise EngineError(Diagnostic("MLP605", name, "it is not on PATH", hint))
        answer = subprocess.run([self._program, "ps", "--quiet"], capture_output=True, text=True, check=False)
        if answer.returncode:
            message = f"it does not respond: {_last_line(answer.stderr)}"
            raise EngineError(Diagnostic("MLP605", name, message, f"run: {name} ps"))

    def rewrite(self, template: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Return the template unchanged, because a container has its paths."""
        del paths
        return dict(template)

    def path(self, path: str) -> str:
        """Return a path of the container."""
        return path

    def place(self, text: str, root: Path) -> str:
        """Return the string unchanged."""
        del root
        return text

    def output(self, path: str, command: Command) -> Path | None:
        """Return the file or folder copied out of the container, or in a volume; None if a link leaves both."""
        file = command.root / path.strip("/")
        real = file.resolve()
        places = (command.root, *(mount.source for mount in command.mounts.values()))
        return file if any(real.is_relative_to(place.resolve()) for place in places) else None

    async def start(self, command: Command) -> Running:
        """Start a container.

        Args:
            command: what to run.

        Returns:
            The container; its image is pulled and the container created while the caller waits for it.
        """
        return _RunningContainer(self, command)

    async def close(self) -> None:
        """Do nothing, because containers share nothing."""

    def end_leftover(self, folder: Path) -> None:
        """Remove the container that is noted in a task's folder."""
        end_process(folder)
        if name := noted_container(folder):
            with contextlib.suppress(OSError):
                self._run(["rm", "--force", "--volumes", name])

    async def stop(self, container: str, grace: float) -> None:
        """Stop a container: SIGTERM, then SIGKILL after a number of seconds."""
        words = ["stop", "--time", str(int(grace))] if grace > 0 else ["kill"]
        await asyncio.to_thread(self._run, [*words, container])

    async def take(self, container: str, command: Command, *, failed: bool) -> None:
        """Copy the outputs of a container into its root, with its termination message."""
        for path in (*command.outputs, *([command.reason] if failed and command.reason else ())):
            if is_mounted(path, command.mounts):
                continue
            target = command.root / path.strip("/")
            if self.output(posixpath.dirname(path), command) is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            found = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
            follow = ["--follow-link"] if self.name == "docker" else []
            words = ["cp", *follow, f"{container}:{path.rstrip('/')}", str(found)]
            done = await asyncio.to_thread(self._run, words)
            if done.returncode == 0:
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
                found.replace(target)

    async def remove(self, container: str) -> None:
        """Remove a container, even if it is running."""
        await asyncio.to_thread(self._run, ["rm", "--force", "--volumes", container])

    def client(self, container: str, command: Command) -> RunningProcess:
        """Start the container of a command, and return the attached process.

        Raises:
            OSError: the program cannot be started.
        """
        attached = replace(command, arguments=[self._program, "start", "--attach", container])
        with Streams(attached) as streams:
            return SpawnedProcess(self._program, attached, dict(os.environ), command.root, streams)

    def making(self, container: str, command: Command) -> subprocess.Popen[bytes]:
        """Start to create a container; the messages of the program are on its standard error.

        Raises:
            OSError: the program cannot be started.
            ValueError: an argument or variable contains a null character.
        """
        variables = {**self._environment, **command.environment}
        known = replace(command, image=self._known(command.image), environment=variables)
        words, environment = created(container, known, self._options)
        return self._begun(words, environment, stdout=subprocess.DEVNULL)

    def filling(self, container: str, command: Command) -> subprocess.Popen[bytes] | None:
        """Start to copy the files in a command's root into its container; return None when there are no files.

        Raises:
            OSError: the program cannot be started, or a file not be read.
        """
        found = list(_entries(command.root, command.mounts))
        if not found:
            return None
        process = self._begun(["cp", "-", f"{container}:/"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin as archive:
            pack(found, command.root, archive)
        return process

    def _known(self, image: str) -> str:
        """Return an image's name as the program knows it: podman does not take short ones for those of Docker Hub."""
        if self.name != "podman" or self._run(["image", "exists", "--", image]).returncode == 0:
            return image
        return qualified(image)

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        with self._begun(words, stdout=subprocess.PIPE) as process:
            out, said = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, out, said)

    def _begun(
        self,
        words: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int,
    ) -> subprocess.Popen[bytes]:
        """Start the program, in a session of its own: it ends what it is asked to when a person stops the run."""
        return subprocess.Popen(
            [self._program, *words],
            env={**os.environ, **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def created(
    container: str, command: Command, options: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return the arguments with which podman and docker create the container of a command.

    Args:
        container: its name.
        command: its command.
        options: further options.

    Returns:
        The arguments of the program, and the variables that it needs. Values of variables, which may be secret, are
        not in the arguments, where other users of the machine would see them, except for names that the program itself
        reads.
    """
    words = ["create", "--name", container, "--security-opt", "label=disable"]
    passed: dict[str, str] = {}
    for name, value in command.environment.items():
        if _is_of_the_client(name):
            words += ["--env", f"{name}={value}"]
        else:
            words += ["--env", name]
            passed[name] = value
    for path, mount in command.mounts.items():
        access = ["readonly"] if mount.read_only else []
        words += ["--mount", _fields("type=bind", f"source={mount.source}", f"target={path}", *access)]
    if command.directory:
        words += ["--workdir", command.directory]
    if command.user:
        words += ["--user", command.user]
    if command.pull in _PULL:
        words += ["--pull", _PULL[command.pull]]
    arguments = list(command.arguments)
    if command.own_program:
        words += ["--entrypoint", arguments.pop(0)]
    return [*words, *options, "--", command.image, *arguments], passed


def _is_of_the_client(name: str) -> bool:
    return name.upper() in _OF_THE_CLIENT or name.startswith(_BEGINS_OF_THE_CLIENT)


def qualified(image: str) -> str:
    """Return an image's name with its registry, as Kubernetes reads it."""
    first, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if {".", ":"} & set(first) or first == "localhost" else f"docker.io/{image}"


def pack(entries: Sequence[Path], root: Path, target: IO[bytes]) -> None:
    """Write files as a tar archive that any user of the image can read; empty folders can be written to by all.

    It ends with the two empty blocks that end an archive, not filled up to a whole record as :mod:`tarfile` does:
    podman stops reading there, and may take bytes that follow as a broken pipe.

    Args:
        entries: the files, links and folders.
        root: the root folder of the container.
        target: the file to write to; need not be seekable.
    """
    with tarfile.open(fileobj=io.BytesIO(), mode="w") as archive:
        for path in entries:
            entry = archive.gettarinfo(path, str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode |= 0o777 if entry.isdir() else 0o444
            target.write(entry.tobuf())
            if entry.isreg():
                with path.open("rb") as file:
                    shutil.copyfileobj(file, target)
                target.write(bytes(-entry.size % tarfile.BLOCKSIZE))
    target.write(bytes(2 * tarfile.BLOCKSIZE))


def _has_init(name: str) -> bool:
    """Return whether a program supports ``--init``, without which SIGTERM does not end most commands."""
    return name == "docker" or any(map(shutil.which, _INITS))


def _fields(*fields: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _entries(root: Path, mounts: Iterable[str]) -> list[Path]:
    """Return the entries to pack: files, links and empty folders, without links to volumes."""
    volumes = {root / path.strip("/") for path in mounts}
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        found += [one for name in (*files, *links) if (one := here / name) not in volumes]
        if not folders and not files and here != root:
            found.append(here)
    return found


class _RunningContainer:
    def __init__(self, executor: ImageExecutor, command: Command) -> None:
        self._executor = executor
        self._command = command
        self._container = f"mlplat-{command.name}-{secrets.token_hex(4)}"
        self._making: subprocess.Popen[bytes] | None = None
        self._started = False
        self._stopped = False
        self._stopping: set[asyncio.Task[None]] = set()

    async def wait(self) -> Exit:
        note_container(self._command.root.parent, self._container)
        try:
            return await self._run()
        except (OSError, ValueError) as error:
            return self._not_started(f"failed to start command: {error}")
        finally:
            await self._executor.remove(self._container)
            forget_container(self._command.root.parent)

    def stop(self, grace: float = GRACE) -> None:
        self._stopped = True
        if not self._started:
            if self._making:
                self._making.terminate()
            return
        stopping = asyncio.ensure_future(self._executor.stop(self._container, grace))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def _run(self) -> Exit:
        for step in (self._executor.making, self._executor.filling):
            code, said = await asyncio.to_thread(self._done, step)
            if self._stopped:
                return Exit(_KILLED)
            if code:
                return self._not_started(_last_line(said))
            _append(self._command.log, said)
        client = self._executor.client(self._container, self._command)
        self._started = True
        ended = await client.wait()
        await self._executor.take(self._container, self._command, failed=ended.code != 0)
        return ended

    def _done(self, step: Callable[[str, Command], subprocess.Popen[bytes] | None]) -> tuple[int, bytes]:
        if self._stopped:
            return 0, b""
        self._making = step(self._container, self._command)
        if self._making is None:
            return 0, b""
        with self._making as process:
            assert process.stderr
            said = process.stderr.read()
        return process.returncode, said

    def _not_started(self, message: str) -> Exit:
        _append(self._command.log, f"{message}\n".encode())
        return Exit(64, message)


def _append(log: Path, output: bytes) -> None:
    if output:
        with log.open("ab") as file:
            file.write(output)


def _last_line(output: bytes | str) -> str:
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    lines = text.strip().splitlines()
    return lines[-1].strip("\t *") if lines else "no output"
