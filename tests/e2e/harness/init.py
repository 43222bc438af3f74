"""The first process of the cluster's namespaces: sets up mounts and network, starts the daemons and reaps.

Run as ``python3 -m tests.e2e.harness.init STATE`` with the plan in ``STATE/plan.json``. All other processes
of the cluster live below it: when it is killed, the kernel ends them and drops the mounts. What happens is
reported, a line each, to the file descriptor of the plan: ``api``, ``node``, ``ready``, ``exited NAME CODE``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tests.e2e.harness import ready
from tests.e2e.harness.failure import run

_PRIVATE = ("/var/lib/kubelet", "/var/log/pods", "/var/log/containers", "/var/lib/cni")
_CGROUPS = Path("/sys/fs/cgroup")


def main(state: Path) -> NoReturn:
    """Runs the plan until it is killed."""
    plan = json.loads((state / "plan.json").read_text())
    _mounts(state)
    _network(plan["address"])
    _cgroups(plan["unit"])
    Supervisor(state, plan).run()


class Supervisor:
    """Starts the daemons of a plan and notes which of them end."""

    def __init__(self, state: Path, plan: dict[str, Any]) -> None:
        self._state = state
        self._plan = plan
        self._names: dict[int, str] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._report_to: int | None = plan["report_to"]

    def run(self) -> NoReturn:
        """Starts all, then reaps until it is killed."""
        self._start(after="")
        threading.Thread(target=self._follow, daemon=True).start()
        while True:
            pid, status = os.wait()
            with self._lock:  # a daemon that ends at once is entered before it is looked for
                name = self._names.pop(pid, None)
            if name:
                code = os.waitstatus_to_exitcode(status)
                (self._state / "exited" / name).write_text(f"{code}\n")
                self._report(f"exited {name} {code}")

    def _start(self, *, after: str) -> None:
        common = {"PATH": self._plan["path"], "HOME": str(self._state)}
        for daemon in self._plan["daemons"]:
            if daemon["after"] != after:
                continue
            with self._lock, (self._state / "logs" / f"{daemon['name']}.log").open("wb") as log:
                process = subprocess.Popen(
                    daemon["argv"],
                    env={**common, **daemon["env"]},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._state,
                )
                self._names[process.pid] = daemon["name"]
                self._processes.append(process)

    def _follow(self) -> None:
        api = ready.Api(self._plan["api"], Path(self._plan["pki"]))
        ready.wait(lambda: ready.accepts(socket.AF_UNIX, self._plan["containerd"]))
        self._start(after="containerd")
        ready.wait(api.is_ready)
        self._report("api")
        self._start(after="api")
        if self._plan["node"]:
            ready.wait(lambda: api.node_is_schedulable(self._plan["node"]))
            self._report("node")
        for port in self._plan["ports"]:
            ready.wait(partial(ready.accepts, socket.AF_INET, tuple(port)))
        self._report("ready")

    def _report(self, line: str) -> None:
        if self._report_to is None:
            return
        try:
            os.write(self._report_to, f"{line}\n".encode())
        except BrokenPipeError:  # the starter has gone
            self._report_to = None


def _mounts(state: Path) -> None:
    run(["mount", "--make-rshared", "/"])
    run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    Path("/run/netns").mkdir()
    for path in _PRIVATE:
        Path(path).mkdir(parents=True, exist_ok=True)
        own = state / "var" / path.strip("/").replace("/", "-")
        own.mkdir(parents=True)
        run(["mount", "--bind", own, path])
    _resolver(state)


def _resolver(state: Path) -> None:
    """Lets the daemons resolve the names of the cluster: the Argo Server reads artifacts from a Service."""
    file = Path("/etc/resolv.conf").resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    run(["mount", "--bind", state / "resolv.conf", file])


def _network(address: str) -> None:
    """Gives the namespace one address of its own, the service range, and no way out.

    A pair of veth devices with both ends inside stands for a dummy device, which some kernels lack. Without a
    route to the service range, connections from the node fail before nftables can redirect them.
    """
    commands = [
        "link set lo up",
        "link add node0 type veth peer name node0p",
        "link set node0 up",
        "link set node0p up",
        f"addr add {address}/32 dev node0",
        f"route replace 10.96.0.0/16 dev node0 src {address}",
    ]
    run(["ip", "-batch", "-"], stdin="\n".join(commands) + "\n")
    for key, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0")):
        (Path("/proc/sys/net/ipv4") / key).write_text(value)


def _cgroups(unit: str) -> None:
    """Makes the cgroup that the kubelet puts everything below, in every hierarchy; it expects to find it."""
    for hierarchy in [path for path in _CGROUPS.iterdir() if path.is_dir() and path.name != "unified"]:
        folder = hierarchy / unit
        folder.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / name).exists():
                (folder / name).write_text((hierarchy / name).read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
