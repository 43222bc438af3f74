"""Starts tasks by forking an interpreter that has imported their runtime already.

Importing the runtime takes longer than Python's own start. The interpreter is a process of its own and not the engine,
which has threads: :mod:`mlplat.engine.forkserver` is its program. A task that it cannot start is started as
usual.
"""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from mlplat.engine.executor import Command
from mlplat.engine.running import RunningProcess, Streams
from mlplat.engine.watchdog import end_process, note_process
from mlplat.runtime.contract import START

_PROGRAM = Path(__file__).with_name("forkserver.py")
_COMMAND = "from importlib.machinery import SourceFileLoader as F; exec(F('forkserver', {!r}).get_code('forkserver'))"

_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME", "MALLOC_", "GLIBC_", "OPENSSL_", "COV")
"""How the names of variables start that Python, its libraries or hooks of its start read once."""

_MOST_SERVERS = 3
"""Servers of one run: where tasks keep adding files to the folders of modules, each would soon be out of date."""

_LONGEST_ANSWER = 64
_SECONDS = 5.0


class Forks:
    """The servers of one run.

    The first task starts without one, because a run of one task would wait for the server in vain.

    Args:
        environment: variables of all tasks.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._servers: list[_Server] = []
        self._current: _Server | None = None
        self._is_first = True
        # A relative folder of modules is relative to the folder in which each task starts.
        is_relative = not all(map(os.path.isabs, (environment.get("PYTHONPATH") or "/").split(os.pathsep)))
        self._is_broken = is_relative or not (hasattr(os, "pidfd_open") and hasattr(os, "memfd_create"))

    async def start(
        self,
        program: str,
        command: Command,
        environment: Mapping[str, str],
        directory: Path,
        streams: Streams,
    ) -> ForkedProcess | None:
        """Start a task.

        Args:
            program: the interpreter.
            command: how.
            environment: all of its variables.
            directory: where it starts.
            streams: its output.

        Returns:
            The process; None if it has to be started in another way.
        """
        if self._is_broken or not _is_ours(program) or not self._is_forkable(command):
            return None
        if self._is_first:
            self._is_first = False
            return None
        try:
            server = self._server(program)
            request = _request([program, *command.arguments[1:]], environment, directory)
        except OSError:
            return None
        if request is None:
            return None
        try:
            connection = server.send(request, streams)
        except OSError:
            self._drop(server)
            return None
        try:
            answer = await asyncio.get_running_loop().sock_recv(connection, _LONGEST_ANSWER)
        except OSError:
            answer = b""
        except asyncio.CancelledError:
            connection.close()
            raise
        if not answer:
            connection.close()
            self._drop(server)
            return None
        server.has_served = True
        return ForkedProcess(connection, answer, command, streams)

    def close(self) -> None:
        """End the servers, and what still runs of their tasks."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._current = None

    def _is_forkable(self, command: Command) -> bool:
        """Return whether a command is the runtime, and its own variables change nothing about the start of Python."""
        changed = self._environment.items() ^ command.environment.items()
        read = {name for name, _ in changed if name.startswith(_READ_AT_START)}
        return list(command.arguments[1:3]) == ["-c", START] and read.isdisjoint(command.environment)

    def _server(self, program: str) -> _Server:
        if self._current is None:
            self._current = _Server(program, self._environment)
            self._servers.append(self._current)
        return self._current

    def _drop(self, server: _Server) -> None:
        """Use another server for later tasks; none if this one never worked, or too many did not last."""
        self._is_broken = not server.has_served or len(self._servers) == _MOST_SERVERS
        if self._current is server:
            self._current = None


class _Server:
    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self.has_served = False
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [program, "-c", _COMMAND.format(str(_PROGRAM))],
                env=environment,
                cwd="/",
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                close_fds=False,
                start_new_session=True,
            )

    def send(self, request: int, streams: Streams) -> socket.socket:
        """Send a request, and return the connection for what follows.

        Raises:
            OSError: the server has ended, or takes nothing more at the moment.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            descriptors = [theirs.fileno(), request, streams.output, streams.log]
            socket.send_fds(self._control, [b"t"], descriptors)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(request)
        return ours

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ForkedProcess(RunningProcess):
    """A process that a server forked.

    Args:
        connection: to the server.
        answer: what came from it: the process id, and the exit code of one that has ended already.
        command: what runs.
        streams: its output.
    """

    def __init__(self, connection: socket.socket, answer: bytes, command: Command, streams: Streams) -> None:
        super().__init__(command, streams)
        self._connection = connection
        process, _, self._answer = answer.partition(b"\n")
        note_process(self._folder, int(process))
        self._loop.add_reader(connection, self._read)

    def _read(self) -> None:
        try:
            answer = self._connection.recv(_LONGEST_ANSWER)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        self._answer += answer
        if answer:
            return
        self._loop.remove_reader(self._connection)
        self._connection.close()
        if not self._answer:  # the server was killed: nobody else can know the exit code
            end_process(self._folder)
        self._over(int(self._answer or -signal.SIGKILL))

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            self._connection.send(bytes([number]))


def _request(arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> int | None:
    """Return a file with what a process is started with; None where no process can be started with it."""
    try:
        words = [os.fsencode(one) for one in arguments]
        variables = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    except ValueError:
        return None
    if any(b"\0" in one for one in (*words, *variables, *variables.values())) or any(
        b"=" in name for name in variables
    ):
        return None
    request = os.memfd_create("mlplat-task")
    with open(request, "wb", closefd=False) as file:
        marshal.dump((words, variables, os.fsencode(directory)), file)
    return request


@lru_cache(maxsize=16)
def _is_ours(program: str) -> bool:
    """Return whether a program is the interpreter that runs the engine, with the same packages."""
    own = Path(sys.executable)
    return Path(program).parent == own.parent and Path(program).samefile(own)
