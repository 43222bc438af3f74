"""The cluster as the machine sees it: a process that holds namespaces, a named network, cgroups, a folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.e2e.harness.config import API_SERVER, CONTAINERD_SOCKET, NODE_ADDRESS, Daemon, Folders, files
from tests.e2e.harness.failure import HarnessError, run
from tests.e2e.harness.packages import SYSTEM_PATH
from tests.e2e.harness.paths import CHECKOUT

_CGROUPS = Path("/sys/fs/cgroup")
_NETWORKS = Path("/run/netns")


def network(folders: Folders) -> Path:
    """Returns the file that names the network namespace."""
    return _NETWORKS / folders.unit


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes out that lock the same path, which need not exist; waits for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def init_pid(folders: Folders) -> int | None:
    """Returns the process that is the first of the cluster's process namespace; None when there is none."""
    return next((pid for pid in _starters(folders) if _is_first(pid)), None)


def launch(
    folders: Folders, daemons: Sequence[Daemon], *, node: str = "", ports: Sequence[tuple[str, int]] = ()
) -> Reports:
    """Starts the namespaces with all daemons in them.

    Args:
        folders: its state folder exists and holds certificates, and the data to start from.
        daemons: what to run.
        node: name of the node that must be ready; empty for none.
        ports: addresses that must accept connections.

    Returns:
        What the cluster tells about itself while it starts.

    Raises:
        HarnessError: the namespaces cannot be made.
    """
    for name in ("logs", "exited", "cni"):
        (folders.state / name).mkdir(exist_ok=True)
    for name, text in files(folders).items():
        path = folders.state / name
        path.touch(mode=0o600)
        path.write_text(text)
    reading, writing = os.pipe()
    plan = {
        "unit": folders.unit,
        "address": NODE_ADDRESS,
        "api": API_SERVER,
        "containerd": CONTAINERD_SOCKET,
        "pki": str(folders.pki),
        "path": f"{folders.bin}:{SYSTEM_PATH}",
        "daemons": [asdict(daemon) for daemon in daemons],
        "node": node,
        "ports": list(ports),
        "report_to": writing,
    }
    (folders.state / "plan.json").write_text(json.dumps(plan, indent=1))
    run(["ip", "netns", "add", folders.unit])
    namespaces = ["--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    enter = ["nsenter", f"--net={network(folders)}", "unshare", *namespaces]
    with (folders.state / "logs" / "init.log").open("wb") as log:
        subprocess.Popen(
            [*enter, sys.executable, "-m", "tests.e2e.harness.init", str(folders.state)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    return Reports(folders, reading)


class Reports:
    """The lines that the first process of a cluster reports.

    Args:
        folders: of the cluster.
        descriptor: to read the lines from; closed at the end.
    """

    def __init__(self, folders: Folders, descriptor: int) -> None:
        self._folders = folders
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._rest = b""

    def until(self, wanted: str, seconds: float) -> None:
        """Reads until a line comes.

        Args:
            wanted: the line.
            seconds: how long that may take.

        Raises:
            HarnessError: a daemon or all of them ended, or time is up; with the end of a log.
        """
        deadline = time.monotonic() + seconds
        while wanted not in self._lines:
            readable, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise HarnessError(f"the cluster did not get to {wanted!r} in {seconds:.0f} s")
            received = os.read(self._descriptor, 4096)
            if not received:
                raise HarnessError(f"the cluster ended while starting:\n{self._tail('init')}")
            *lines, self._rest = (self._rest + received).split(b"\n")
            for line in (line.decode() for line in lines):
                if line.startswith("exited "):
                    raise HarnessError(f"{line}:\n{self._tail(line.split()[1])}")
                self._lines.append(line)

    def close(self) -> None:
        """Ends the reading; the cluster goes on."""
        os.close(self._descriptor)

    @property
    def _logs(self) -> Path:
        return self._folders.state / "logs"

    def _tail(self, name: str) -> str:
        lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:])


def kill(folders: Folders) -> None:
    """Ends all processes of a cluster, which also drops its mounts; network and folder stay."""
    pid = init_pid(folders)
    if pid is not None:
        _end(pid)
    for pid in _starters(folders):
        _end(pid)


def destroy(folders: Folders) -> None:
    """Removes all that there is of a cluster, whole or half: processes, mounts, cgroups, network, folder."""
    kill(folders)
    _remove_cgroups(folders.unit)
    if network(folders).exists():
        run(["ip", "netns", "del", folders.unit])
    if folders.state.exists():
        shutil.rmtree(folders.state)


def _starters(folders: Folders) -> list[int]:
    """Returns the processes that carry the first one, or are just becoming it."""
    return [
        pid
        for pid, arguments in _command_lines()
        if arguments[-3:] == ["-m", "tests.e2e.harness.init", str(folders.state)]
    ]


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                text = (folder / "cmdline").read_text(errors="replace")
                yield int(folder.name), text.rstrip("\0").split("\0")


def _is_first(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return len(numbers) > 1 and numbers[-1] == "1"


def _end(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        ended, _, _ = select.select([process], [], [], 30)
    finally:
        os.close(process)
    if not ended:
        raise HarnessError(f"process {pid} does not end")


def _remove_cgroups(unit: str) -> None:
    """Removes the cgroups bottom up; the kernel frees one a moment after its last process has gone."""
    deadline = time.monotonic() + 10
    while True:
        folders = [folder for hierarchy in _CGROUPS.iterdir() for folder in _below(hierarchy / unit)]
        if not folders:
            return
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if time.monotonic() > deadline:
            raise HarnessError(f"cgroups are left: {', '.join(str(folder) for folder in folders)}")


def _below(top: Path) -> list[Path]:
    """Returns a folder and all folders in it, the deepest first; nothing when it does not exist."""
    return [Path(path) for path, _, _ in os.walk(top, topdown=False)]
