"""``mlplat doctor``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from mlplat.cli.parser import home


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether it is as it should be; None when it is only good to know.
        detail: what was found.
        remedy: what to do when it is not.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = {True: "✔", False: "✖", None: "·"}[self.ok]
        remedy = f"\n    {self.remedy}" if self.ok is False and self.remedy else ""
        return f"{mark} {self.name}: {self.detail}{remedy}"


def run(given: argparse.Namespace) -> int:
    """Print what is there and what is missing; exit code 1 when something is missing."""
    findings = list(_cluster(given) if given.engine == "argo" else _machine())
    for finding in findings:
        print(finding)
    return 1 if any(finding.ok is False for finding in findings) else 0


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "Python", sys.version_info >= (3, 10), f"{version} at {sys.executable}", "use Python 3.10 or newer"
    )
    for module, extra, purpose in (
        ("sqlalchemy", "local", "the record of runs"),
        ("alembic", "local", "the record of runs"),
        ("rich", "local", "the live view"),
    ):
        there = importlib.util.find_spec(module) is not None
        remedy = f"pip install 'mlplat[{extra}]'"
        yield Finding(module, there, f"{'there' if there else 'missing'} ({purpose})", remedy)
    for module, extra in (("kubernetes", "argo"), ("hera", "argo")):
        there = importlib.util.find_spec(module) is not None
        detail = "there" if there else f"not installed; for --engine argo: pip install 'mlplat[{extra}]'"
        yield Finding(module, None, detail)
    yield Finding(
        "uv", None, shutil.which("uv") or "not on PATH; packages_to_install uses pip, which is slower"
    )
    yield _state()
    yield Finding("cores", None, f"{os.cpu_count()}: as many tasks at once, unless --jobs says otherwise")


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
        "set MLPLAT_HOME to a folder with room that you may write to",
    )


def _cluster(given: argparse.Namespace) -> Iterator[Finding]:
    from mlplat import k8s

    found = k8s.check_access(
        namespace=given.namespace or None, context=given.context, kubeconfig=given.kubeconfig
    )
    yield Finding("Kubernetes", True, f"{found.server_version} at {found.host}, namespace {found.namespace}")
    yield Finding(
        "Argo's resources",
        found.crds != "none",
        f"{found.crds} definitions",
        "install Argo Workflows with its CRDs",
    )
    yield Finding(
        "Argo's controller", None, found.controller or "not seen (it may run where you may not look)"
    )
    missing = ", ".join(found.missing_rights)
    yield Finding(
        "rights",
        not missing,
        f"missing: {missing}" if missing else "all there",
        "ask for them: a Role with these verbs",
    )
