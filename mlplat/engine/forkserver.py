"""The program that starts tasks by forking: an interpreter that has imported what the runtime of every task imports.

Standard library only. It runs in the interpreter of the tasks, and what it imports is imported in each of them. It has
one thread and changes nothing that a child inherits: no signal handler, no variable, no limit. See
:mod:`mlplat.engine.forks` for the other side.

Standard input is a socket. For each task, one byte comes with four descriptors: a connection, the request, and the
task's standard output and error. The child writes its process id into the connection before it runs anything, the
server its exit code when it has ended; each byte that comes back is a signal for the task's process group.
"""

from __future__ import annotations

import gc
import importlib
import importlib.machinery
import io
import marshal
import os
import select
import signal
import socket
import sys
import types
import typing
from contextlib import suppress

_OF_THE_RUNTIME = ("__future__", "base64", "hashlib", "json", "linecache", "re", "typing", "zlib")
"""Modules that tasks import before their function runs."""

_CONTROL = 0


class Child(typing.NamedTuple):
    """A task that runs.

    Attributes:
        process: its process id, and that of its group.
        descriptor: can be read when it has ended.
        connection: to the engine.
    """

    process: int
    descriptor: int
    connection: int

    def signal(self, number: int) -> None:
        """Send a signal to its process group; to it alone in the moment before it has one."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process, number)
            return
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.process, number)


class Server:
    """Forks a process for each request, and says how it ended."""

    def __init__(self) -> None:
        self._control = socket.socket(fileno=_CONTROL)
        self._folders = _changes()
        self._poll = select.poll()
        self._poll.register(_CONTROL, select.POLLIN)
        self._by_descriptor: dict[int, Child] = {}
        self._by_connection: dict[int, Child] = {}

    def serve(self) -> types.CodeType:
        """Serve until the engine ends; return in children only, with the code that they are to run."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._by_descriptor:
                    self._reap(self._by_descriptor[descriptor])
                elif descriptor in self._by_connection:
                    self._deliver(self._by_connection[descriptor])
                elif descriptor == _CONTROL and (code := self._take()):
                    return code

    def _take(self) -> types.CodeType | None:
        message, received, _, _ = socket.recv_fds(self._control, 1, 4)
        if not message:
            self._end()
        if _changes() != self._folders:  # packages were installed: a new interpreter would be another one
            self._end_if_idle()
            _close(*received)
            return None
        try:
            connection, request, output, log = received
            process = os.fork()
        except (OSError, ValueError):  # no further process or descriptor is possible
            _close(*received)
            return None
        if process == 0:
            self._control.detach()
            _close(*self._by_descriptor, *self._by_connection)
            return _become(connection, request, output, log)
        _close(request, output, log)
        child = Child(process, os.pidfd_open(process), connection)
        self._by_descriptor[child.descriptor] = self._by_connection[connection] = child
        self._poll.register(child.descriptor, select.POLLIN)
        self._poll.register(connection, select.POLLIN)
        return None

    def _deliver(self, child: Child) -> None:
        numbers = b""
        with suppress(OSError):
            numbers = os.read(child.connection, 64)
        if not numbers:  # nobody waits for it any longer
            self._poll.unregister(child.connection)
            numbers = bytes([signal.SIGKILL])
        for number in numbers:
            child.signal(number)

    def _reap(self, child: Child) -> None:
        # What it has left in its group ends with it; until it is reaped, no other group has its number.
        child.signal(signal.SIGKILL)
        _, status = os.waitpid(child.process, 0)
        with suppress(OSError):
            os.write(child.connection, b"%d\n" % os.waitstatus_to_exitcode(status))
        self._poll.unregister(child.descriptor)
        with suppress(KeyError):
            self._poll.unregister(child.connection)
        del self._by_descriptor[child.descriptor], self._by_connection[child.connection]
        _close(child.descriptor, child.connection)

    def _end(self) -> typing.NoReturn:
        for child in self._by_descriptor.values():
            child.signal(signal.SIGKILL)
        os._exit(0)

    def _end_if_idle(self) -> None:
        if not self._by_descriptor:
            os._exit(0)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _changes() -> dict[str, int]:
    """Return when files were added to or removed from the folders of modules."""
    found = {}
    for folder in sys.path:
        with suppress(OSError):
            found[folder] = os.stat(folder).st_mtime_ns if folder else 0
    return found


def _become(connection: int, request: int, output: int, log: int) -> types.CodeType:
    """Make this process what a new interpreter would be for the request, and return the code of its ``-c``."""
    try:
        os.setsid()
        os.lseek(request, 0, os.SEEK_SET)
        with open(request, "rb") as file:
            arguments, environment, directory = marshal.load(file)
        os.chdir(directory)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in enumerate((null, output, log)):
            os.dup2(source, target)
            os.close(source)
        for name in list(os.environb):
            del os.environb[name]
        os.environb.update(environment)
        words = [os.fsdecode(one) for one in arguments]
        sys.orig_argv[:] = words
        sys.argv[:] = ["-c", *words[3:]]
        sys.path_importer_cache.clear()
        for descriptor, stream in enumerate(("stdin", "stdout", "stderr")):
            opened = _stream(getattr(sys, stream), descriptor, f"<{stream}>")
            setattr(sys, stream, opened)
            setattr(sys, f"__{stream}__", opened)
        code = compile(words[2], "<string>", "exec")
        os.write(connection, b"%d\n" % os.getpid())
        os.close(connection)
    except BaseException:  # noqa: BLE001 - the engine starts it in the ordinary way, and reports what fails there
        os._exit(1)
    return code


def _stream(like: io.TextIOWrapper, descriptor: int, name: str) -> typing.Any:
    """Open a standard stream as Python does when it starts, with the encoding and the buffering of another one."""
    mode = "w" if descriptor else "r"
    is_raw = mode == "w" and isinstance(like.buffer, io.RawIOBase)
    binary: typing.Any = open(descriptor, f"{mode}b", 0 if is_raw else -1, closefd=False)
    getattr(binary, "raw", binary).name = name
    stream: typing.Any = io.TextIOWrapper(
        binary,
        like.encoding,
        like.errors,
        "\n" if mode == "w" else None,
        like.line_buffering,
        like.write_through,
    )
    stream.mode = mode
    return stream


def _main_module() -> types.ModuleType:
    """Return a new ``__main__`` as Python makes it for ``-c``."""
    module = types.ModuleType("__main__")
    vars(module).update(__loader__=importlib.machinery.BuiltinImporter, __annotations__={})
    sys.modules["__main__"] = module
    return module


if __name__ == "__main__":
    for _name in _OF_THE_RUNTIME:
        importlib.import_module(_name)
    if len(os.listdir("/proc/self/task")) != 1:
        os._exit(1)  # a hook of Python's start has made a thread, which a child would not have
    os.close(os.pidfd_open(os.getpid()))  # fails in older kernels and some sandboxes: before any child exists
    gc.collect()
    gc.freeze()
    _code = Server().serve()
    exec(_code, vars(_main_module()))
