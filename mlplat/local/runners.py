"""The runners of ``init``, as in KFP: how tasks run on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat.engine.executor import Executor
from mlplat.engine.images import ImageExecutor
from mlplat.engine.process import ProcessExecutor
from mlplat.errors import Diagnostic, UnsupportedError, nearest

_LISTS = {
    "cap_add": "--cap-add",
    "cap_drop": "--cap-drop",
    "devices": "--device",
    "dns": "--dns",
    "dns_search": "--dns-search",
    "group_add": "--group-add",
    "security_opt": "--security-opt",
}
_PAIRS = {
    "extra_hosts": ("--add-host", ":"),
    "labels": ("--label", "="),
    "sysctls": ("--sysctl", "="),
    "tmpfs": ("--tmpfs", ":"),
}
_SINGLE = {
    "cpuset_cpus": "--cpuset-cpus",
    "hostname": "--hostname",
    "init": "--init",
    "ipc_mode": "--ipc",
    "mem_limit": "--memory",
    "network": "--network",
    "network_mode": "--network",
    "pid_mode": "--pid",
    "platform": "--platform",
    "privileged": "--privileged",
    "read_only": "--read-only",
    "runtime": "--runtime",
    "shm_size": "--shm-size",
    "user": "--user",
    "userns_mode": "--userns",
}
_OWN = ("command", "entrypoint", "image", "name", "volumes")
"""Options that the manifest sets."""


@dataclass(frozen=True)
class SubprocessRunner:
    """Tasks are processes of this machine.

    Attributes:
        use_venv: has no effect: the packages of a component are always installed in a separate environment.
        serialize_pip_installs: has no effect: each environment is created once.
        max_concurrent_pip_installs: likewise.
    """

    use_venv: bool = True
    serialize_pip_installs: bool = True
    max_concurrent_pip_installs: int = 1


class DockerRunner:
    """Tasks are containers of their images.

    Args:
        max_concurrent_pip_installs: has no effect: each container has its own files.
        program: ``docker`` or ``podman``.
        docker_run_kwargs: further arguments of ``docker.containers.run``, as in KFP: ``network_mode="host"``, say.

    Raises:
        UnsupportedError: an argument is unknown, or defined by the manifest.
    """

    def __init__(
        self, max_concurrent_pip_installs: int = 1, program: str = "docker", **docker_run_kwargs: Any
    ) -> None:
        self.max_concurrent_pip_installs = max_concurrent_pip_installs
        self.program = program
        self.environment = _environment(docker_run_kwargs.pop("environment", None) or {})
        self.options = tuple(_options(docker_run_kwargs, program))


def executor_of(runner: object) -> Executor:
    """Return the executor for a runner.

    Raises:
        UnsupportedError: it is not a runner.
        EngineError: its program is not installed, or does not respond.
    """
    if isinstance(runner, SubprocessRunner):
        return ProcessExecutor()
    if isinstance(runner, DockerRunner):
        return ImageExecutor(runner.program, runner.options, runner.environment)
    hint = "use local.SubprocessRunner() or local.DockerRunner()"
    raise UnsupportedError(Diagnostic("MLP502", "local.init", f"{runner!r} is not a runner", hint))


def _environment(values: Mapping[str, Any] | Sequence[str]) -> dict[str, str]:
    if isinstance(values, Mapping):
        return {name: str(value) for name, value in values.items()}
    return dict(one.split("=", 1) for one in values if "=" in one)


def _options(arguments: Mapping[str, Any], program: str) -> Iterator[str]:
    """Yield the command-line options for arguments of Docker's Python package; None omits one."""
    known = sorted((*_LISTS, *_PAIRS, *_SINGLE, "device_requests", "environment"))
    wrong = [
        Diagnostic(
            "MLP502",
            f"local.DockerRunner.{name}",
            "it is defined by the component" if name in _OWN else "unknown argument",
            nearest(name, known) or f"available: {', '.join(known)}",
        )
        for name in arguments
        if name not in known
    ]
    if wrong:
        raise UnsupportedError(wrong)
    for name, value in arguments.items():
        if value is None:
            continue
        if name == "device_requests":
            for one in value:
                yield from _gpus(one, program)
        elif name in _LISTS:
            for one in value:
                yield from (_LISTS[name], str(one))
        elif name in _PAIRS:
            option, between = _PAIRS[name]
            for one in (
                [f"{key}{between}{text}" for key, text in value.items()]
                if isinstance(value, Mapping)
                else value
            ):
                yield from (option, str(one))
        elif value is True:
            yield _SINGLE[name]
        elif value is not False:
            yield from (_SINGLE[name], str(value))


def _gpus(request: Mapping[str, Any], program: str) -> Iterator[str]:
    """Yield the options for one device request; podman needs an option for each device."""
    ids = [str(one) for one in request.get("DeviceIDs") or request.get("device_ids") or ()]
    count = request.get("Count", request.get("count", -1))
    if ids and Path(program).name == "podman":
        for one in ids:
            yield from ("--device", f"nvidia.com/gpu={one}")
    elif ids:
        yield from ("--gpus", f'"device={",".join(ids)}"')
    else:
        yield from ("--gpus", "all" if count == -1 else str(count))
