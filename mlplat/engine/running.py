"""Running processes of this machine, their output and their exit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from mlplat.engine.executor import GRACE, Command, Exit
from mlplat.engine.tail import Tail
from mlplat.engine.watchdog import forget_process, note_process


class NotStarted:
    """A command that couldn't be started."""

    def __init__(self, ended: Exit, log: Path) -> None:
        self._exit = ended
        with contextlib.suppress(OSError), log.open("ab") as file:
            file.write(f"{ended.message}\n".encode(errors="backslashreplace"))

    async def wait(self) -> Exit:
        """Return why."""
        return self._exit

    def stop(self, grace: float = GRACE) -> None:
        """Do nothing: there is nothing to end."""


class Streams:
    """The output streams of a process, opened for a ``with`` block, until the process has them.

    Args:
        command: names the log, and says whether the end of standard output is wanted.

    Attributes:
        output: descriptor of standard output.
        log: descriptor of standard error.
        tail: the end of standard output, if it is wanted.

    Raises:
        OSError: the log cannot be opened.
    """

    def __init__(self, command: Command) -> None:
        self.log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.tail: Tail | None = None
        self.output = self.log
        if command.capture:
            try:
                self.tail = Tail(asyncio.get_running_loop(), os.dup(self.log))
            except BaseException:
                os.close(self.log)
                raise
            self.output = self.tail.input

    def __enter__(self) -> Streams:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.log)
        if self.tail:
            self.tail.close_input()
            if error:
                self.tail.abandon()


class RunningProcess(ABC):
    """A process group, its output and its end.

    Args:
        command: what runs.
        streams: its output.
    """

    def __init__(self, command: Command, streams: Streams) -> None:
        self._loop = asyncio.get_running_loop()
        self._kill: asyncio.TimerHandle | None = None
        self._is_stopped = False
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._tail = streams.tail
        self._folder = command.root.parent

    @abstractmethod
    def _signal(self, number: int) -> None:
        """Send a signal to the process group, if it still runs."""

    def _over(self, code: int) -> None:
        """Note that it has ended.

        Args:
            code: its exit code; the negative number of the signal that ended it.
        """
        forget_process(self._folder)
        if self._kill:
            self._kill.cancel()
        if self._is_stopped:
            self._give_up_output()
        if not self._ended.done():
            asked = self._is_stopped and code == -signal.SIGTERM
            self._ended.set_result(143 if asked else 137 if code < 0 else code)

    def _give_up_output(self) -> None:
        """Read the available output and stop: a process that left the group may keep the pipe open."""
        if self._tail:
            self._tail.drain()
            self._tail.abandon()

    async def wait(self) -> Exit:
        """Wait until the process has ended and its output was read."""
        code = await self._ended
        return Exit(code, result=await self._tail.text() if self._tail else None)

    def stop(self, grace: float = GRACE) -> None:
        """Send SIGTERM to the process group, and SIGKILL after a number of seconds."""
        self._is_stopped = True
        if self._ended.done():
            self._give_up_output()
            return
        if grace <= 0:
            self._signal(signal.SIGKILL)
            return
        self._signal(signal.SIGTERM)
        if self._kill is None:
            self._kill = self._loop.call_later(grace, self._signal, signal.SIGKILL)


class SpawnedProcess(RunningProcess):
    """A process that this process started.

    Args:
        program: the file to run.
        command: how.
        environment: all of its variables.
        directory: where it starts.
        streams: its output.

    Raises:
        OSError: it cannot be started.
        ValueError: its arguments or variables contain a null character.
    """

    def __init__(
        self,
        program: str,
        command: Command,
        environment: Mapping[str, str],
        directory: Path,
        streams: Streams,
    ) -> None:
        super().__init__(command, streams)
        self._process = subprocess.Popen(
            [program, *command.arguments[1:]],
            executable=program,
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=streams.output,
            stderr=streams.log,
            close_fds=False,
            start_new_session=True,
        )
        note_process(self._folder, self._process.pid)
        self._watch()

    def _watch(self) -> None:
        try:
            descriptor = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
            return

        def over() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self._reap()

        self._loop.add_reader(descriptor, over)

    def _wait_in_thread(self) -> None:
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        self._loop.call_soon_threadsafe(self._reap)

    def _reap(self) -> None:
        self._signal(signal.SIGKILL)
        self._over(self._process.wait())

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
