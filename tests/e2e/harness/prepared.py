"""The state that new clusters are copied from: certificates, imported images, Argo's definitions and rights.

Making it takes most of a minute; copying takes a second, since layers and contents, which nothing writes
to again, are hard links.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from tests.e2e.harness import config, images, pki, unit
from tests.e2e.harness.config import Folders
from tests.e2e.harness.failure import run
from tests.e2e.harness.paths import HARNESS, Cache
from tests.e2e.harness.progress import say, step
from tests.e2e.harness.versions import ETCD, KUBERNETES

_STOCK = HARNESS / "manifests" / "stock"
_DATA = ("containerd", "etcd", "pki")
_API_SECONDS = 120


def folder(cache: Cache) -> Path:
    """Returns where the prepared state lies; the name changes with all that goes into it."""
    inputs = {
        "images": [image.archive(cache).name for image in images.catalogue(cache)],
        "stock": {path.name: path.read_text() for path in sorted(_STOCK.iterdir())},
        "versions": [KUBERNETES, ETCD, (cache.bin / ".argo.recipe").read_text()],
        "pki": (HARNESS / "pki.py").read_text(),
    }
    return cache.prepared / hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]


def build(cache: Cache) -> None:
    """Makes the prepared state when it is not there, and removes older ones.

    Args:
        cache: has the programs, images and manifests.

    Raises:
        HarnessError: the cluster that makes it did not work.
    """
    target = folder(cache)
    if target.exists():
        say("prepared state: made")
        return
    folders = Folders("prepare", cache.clusters / "prepare", cache.bin)
    unit.destroy(folders)
    try:
        _fill(cache, folders)
        unit.kill(folders)  # etcd and containerd write in transactions, so nothing is lost
        os.sync()
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in _DATA:
            (folders.state / name).rename(part / name)
        part.rename(target)
    finally:
        unit.destroy(folders)
    for other in cache.prepared.iterdir():
        if other != target:
            shutil.rmtree(other)


def copy(cache: Cache, state: Path) -> None:
    """Fills the state folder of a new cluster.

    Args:
        cache: has the prepared state.
        state: of the cluster; in the same file system, and without data yet.

    Raises:
        HarnessError: the copy failed.
    """
    source = folder(cache)
    for name in ("etcd", "pki"):
        run(["cp", "-a", "--reflink=auto", source / name, state / name])
    run(["cp", "-al", source / "containerd", state / "containerd"])
    for database in (state / "containerd").rglob("*.db"):  # all that containerd writes in place
        original = source / "containerd" / database.relative_to(state / "containerd")
        database.unlink()
        shutil.copy2(original, database)


def _fill(cache: Cache, folders: Folders) -> None:
    folders.state.mkdir(parents=True)
    with step("make certificates"):
        pki.make(folders.pki)
    with step("start the API server"):
        reports = unit.launch(folders, config.preparing(folders))
        reports.until("ready", _API_SECONDS)
    inside = ["nsenter", f"--target={unit.init_pid(folders)}", "--mount", "--net"]
    for image in images.catalogue(cache):
        with step(f"import {image.name}"):
            run([*inside, "ctr", "--namespace=k8s.io", "images", "import", str(image.archive(cache))])
    kustomization = folders.state / "stock"
    shutil.copytree(_STOCK, kustomization)
    shutil.copytree(cache.manifests, kustomization / "argo")
    kubectl = [*inside, str(cache.bin / "kubectl"), f"--kubeconfig={folders.kubeconfig}"]
    with step("apply Argo's resource definitions and rights"):
        run([*kubectl, "apply", "--server-side", "-k", kustomization])
        run([*kubectl, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"])
    reports.close()
