"""``mlplat doctor``."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from mlplat.cli import places
from mlplat.cli.commands import Given
from mlplat.errors import EngineError
from mlplat.runs import checks
from mlplat.runs.checks import Finding
from mlplat.runs.state import home


def run(given: Given) -> int:
    """Print what was found and what is missing; exit code 1 when something is missing."""
    if given.engine == "argo":
        account = given.service_account or "default"
        findings = list(checks.check_cluster(places.cluster(given), account))
    else:
        findings = list(_machine(given.executor))
    for finding in findings:
        print(_written(finding))
    return 1 if any(finding.ok is False for finding in findings) else 0


def _machine(executor: str) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "Python", sys.version_info >= (3, 11), f"{version} at {sys.executable}", "use Python 3.11 or newer"
    )
    for module, extra, purpose in (
        ("sqlalchemy", "local", "the record of runs"),
        ("alembic", "local", "the record of runs"),
        ("rich", "local", "the live view"),
    ):
        there = importlib.util.find_spec(module) is not None
        remedy = f"pip install 'mlplat[{extra}]'"
        yield Finding(module, there, f"{'installed' if there else 'missing'} ({purpose})", remedy)
    for module, extra in (("kubernetes", "argo"), ("hera", "argo")):
        there = importlib.util.find_spec(module) is not None
        detail = "installed" if there else f"not installed; for --engine argo: pip install 'mlplat[{extra}]'"
        yield Finding(module, None, detail)
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    yield Finding(
        "python3", None, f"{shutil.which('python3', path=folders) or sys.executable} (runs the tasks)"
    )
    if executor != "process":
        yield _executor(executor)
    yield _state()
    yield Finding(
        "cores", None, f"{os.cpu_count()}; as many tasks run in parallel, unless --jobs says otherwise"
    )


def _state() -> Finding:
    folder = home()
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    writable = os.access(nearest, os.W_OK)
    free = shutil.disk_usage(nearest).free
    detail = f"{folder}, {free / 1e9:.1f} GB free{'' if writable else ', not writable'}"
    return Finding(
        "state",
        writable and free > 1e8,
        detail,
        "set MLPLAT_HOME to a folder on a disk with room, where you may write",
    )


def _executor(name: str) -> Finding:
    from mlplat import engine

    try:
        engine.ImageExecutor(name)
    except EngineError as error:
        (found,) = error.diagnostics
        return Finding(name, False, found.message, found.hint)
    return Finding(name, True, "answers")


def _written(finding: Finding) -> str:
    mark = {True: "✔", False: "✖", None: "·"}[finding.ok]
    remedy = f"\n    {finding.remedy}" if finding.ok is False and finding.remedy else ""
    return f"{mark} {finding.name}: {finding.detail}{remedy}"
