"""Packages that a task needs, in an environment of their own."""

import json
import os
import re
import sys
from typing import Any, List

from mlplat.runtime.contract import TaskError
from mlplat.runtime.files import digest_of, write_text


def is_satisfied(requirement: str) -> bool:
    """Return whether this Python satisfies a requirement."""
    from importlib import import_module, metadata

    requirements: Any = None
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            requirements = import_module(module)
            break
        except ImportError:
            continue
    if requirements is None:
        return False
    try:
        wanted = requirements.Requirement(requirement)
        if wanted.url or (wanted.marker and not wanted.marker.evaluate()):
            return bool(wanted.marker and not wanted.url)
        if wanted.extras:
            return False
        return bool(wanted.specifier.contains(metadata.version(wanted.name), prereleases=True))
    except (ValueError, metadata.PackageNotFoundError):
        return False


def environment(packages: List[str], options: List[str]) -> str:
    """Make, or find, the environment of one set of requirements, and return its Python."""
    import fcntl
    import shutil
    import subprocess
    import tempfile

    home = os.environ.get("MLPLAT_ENVIRONMENTS") or tempfile.mkdtemp(prefix="mlplat-environments-")
    identity = json.dumps([sys.version, sys.prefix, sorted(packages), options])
    folder = os.path.join(home, digest_of(identity.encode())[7:23])
    python, done = os.path.join(folder, "bin", "python3"), os.path.join(folder, "complete")
    os.makedirs(home, exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done):
            return python
        shutil.rmtree(folder, ignore_errors=True)
        named = re.sub(r"(://)[^/@\s]+@", r"\1", " ".join(packages))
        print("installing {} into {}".format(named, folder), file=sys.stderr, flush=True)
        # Another copy of pip takes seconds to make; since 22.3 pip installs into other environments.
        make = [sys.executable, "-m", "venv", "--system-site-packages", folder]
        install = [python, "-m", "pip", "install", "-q"]
        if is_satisfied("pip>=22.3"):
            make.append("--without-pip")
            install = [sys.executable, "-m", "pip", "--python", python, "install", "-q"]
        for command in (make, install + options + packages):
            reason = ""
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
                for line in process.stdout or ():
                    text = line.decode(errors="replace")
                    sys.stderr.write(text)
                    reason = text[6:].strip() if text.startswith("ERROR:") else reason
            if process.returncode != 0:
                shutil.rmtree(folder, ignore_errors=True)
                raise TaskError("could not install {}: {}".format(named, reason or "see the log"))
        parents = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        library = os.path.join(folder, "lib")
        site = next(entry.path for entry in os.scandir(library) if entry.name.startswith("python"))
        write_text(os.path.join(site, "site-packages", "parent.pth"), "\n".join(parents) + "\n")
        write_text(done, "")
    return python
