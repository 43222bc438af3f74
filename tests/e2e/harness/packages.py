"""Debian packages that the cluster needs from the machine."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.harness.failure import HarnessError, run
from tests.e2e.harness.progress import step
from tests.e2e.harness.versions import DEBIAN, DEBIAN_PACKAGES

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def is_there(program: str) -> bool:
    """Tells whether a program is found in the system's folders (or, as an absolute path, exists)."""
    return shutil.which(program, path=SYSTEM_PATH) is not None


def missing(
    wanted: Mapping[str, str] = DEBIAN_PACKAGES, found: Callable[[str], bool] = is_there
) -> list[str]:
    """Returns the names of the packages whose program is not found, in the order of `wanted`."""
    return [package for package, program in wanted.items() if not found(program)]


def check_machine() -> None:
    """Checks what no package can bring.

    Raises:
        HarnessError: the machine or the user cannot run the cluster.
    """
    own = "use a cluster of your own instead: set MLPLAT_E2E_KUBECONFIG to its kubeconfig (docs/e2e.md)"
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise HarnessError(f"the test cluster needs Linux on x86-64; {own}")
    if os.geteuid() != 0:
        raise HarnessError(f"the test cluster needs root, for namespaces and mounts; {own}")
    release = Path("/etc/os-release")
    if not release.exists() or f"VERSION_CODENAME={DEBIAN}" not in release.read_text().splitlines():
        raise HarnessError(f"the test cluster needs Debian 12 ({DEBIAN}); {own}")
    if not Path("/sys/fs/cgroup/memory").is_dir():
        raise HarnessError(f"the test cluster needs cgroup v1 controllers in /sys/fs/cgroup; {own}")


def install() -> None:
    """Installs what is missing with apt-get; does nothing when all is there.

    Raises:
        HarnessError: apt-get failed.
    """
    packages = missing()
    if not packages:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"install {' '.join(packages)}"):
        run(["apt-get", "-q", "update"], env=quiet)
        run(["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages], env=quiet)
