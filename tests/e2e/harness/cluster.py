"""Starting and stopping the cluster of this checkout, and what a test needs to know to use it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import config, gotools, images, packages, prepared, unit
from tests.e2e.harness.config import Folders
from tests.e2e.harness.failure import HarnessError, run
from tests.e2e.harness.paths import CHECKOUT, HARNESS, Cache, cluster_name
from tests.e2e.harness.progress import say, step

_PROJECT = HARNESS / "manifests" / "project"
_CONTROLLER = CHECKOUT / "kustomize" / "controller"
_API_SECONDS = 120
_READY_SECONDS = 180
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Access:
    """How to use a cluster.

    Attributes:
        kubeconfig: of an administrator.
        namespace: where Workflows run; it has the ServiceAccount ``mlplat-task`` and an artifact repository.
        kubectl: the program.
        argo: the program.
        argo_server: URL of the Argo Server; empty when unknown.
        s3_root: folder whose files are the artifacts, by their key; None on a cluster that is not ours.
        wheels: folder of what pods of the image ``mlplat.test/python:wheels`` can install; None likewise.
        nsenter: what to put before a command so that it runs in the cluster's network; may be empty.
    """

    kubeconfig: Path
    namespace: str
    kubectl: Path
    argo: Path
    argo_server: str
    s3_root: Path | None
    wheels: Path | None
    nsenter: list[str]

    @classmethod
    def external(cls, environ: Mapping[str, str] = os.environ) -> Access | None:
        """Returns the cluster of ``MLPLAT_E2E_KUBECONFIG``; None when that is not set.

        ``MLPLAT_E2E_NAMESPACE`` names the namespace (``mlplat-e2e`` otherwise), ``MLPLAT_E2E_ARGO_SERVER`` is
        the URL of the Argo Server.

        Raises:
            HarnessError: kubectl or argo is not on PATH.
        """
        kubeconfig = environ.get("MLPLAT_E2E_KUBECONFIG")
        if not kubeconfig:
            return None
        programs = {name: shutil.which(name, path=environ.get("PATH")) for name in ("kubectl", "argo")}
        for name, program in programs.items():
            if program is None:
                raise HarnessError(f"{name} is not on PATH; tests with MLPLAT_E2E_KUBECONFIG need it")
        return cls(
            kubeconfig=Path(kubeconfig),
            namespace=environ.get("MLPLAT_E2E_NAMESPACE", config.NAMESPACE),
            kubectl=Path(str(programs["kubectl"])),
            argo=Path(str(programs["argo"])),
            argo_server=environ.get("MLPLAT_E2E_ARGO_SERVER", ""),
            s3_root=None,
            wheels=None,
            nsenter=[],
        )

    def exports(self) -> dict[str, str]:
        """Returns environment variables for tools that use the cluster, without PATH."""
        variables = {"KUBECONFIG": str(self.kubeconfig), "MLPLAT_E2E_NAMESPACE": self.namespace}
        if self.argo_server:
            variables["MLPLAT_E2E_ARGO_SERVER"] = self.argo_server
        if self.s3_root is not None:
            variables |= {
                "MLPLAT_E2E_S3_ENDPOINT": f"http://{config.NODE_ADDRESS}:{config.S3_PORT}",
                "MLPLAT_E2E_S3_BUCKET": config.S3_BUCKET,
                "MLPLAT_E2E_S3_ROOT": str(self.s3_root),
                "AWS_ACCESS_KEY_ID": config.S3_ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": config.S3_SECRET_KEY,
            }
        if self.nsenter:
            variables["MLPLAT_E2E_NETNS"] = self.nsenter[1].removeprefix("--net=")
        return variables


class Cluster:
    """The cluster of this checkout.

    Args:
        cache: where programs, images and the cluster's state lie.
        name: tells clusters on one machine apart; by default it follows from the place of the checkout.

    Raises:
        HarnessError: the name is not made of lower-case letters, digits and hyphens.
    """

    def __init__(self, cache: Cache | None = None, name: str | None = None) -> None:
        self.cache = cache or Cache.of_user()
        name = cluster_name() if name is None else name
        if not _NAME.fullmatch(name) or name == "prepare":
            raise HarnessError(f"{name!r} cannot name a cluster: use lower-case letters, digits and hyphens")
        self.folders = Folders(name, self.cache.clusters / name, self.cache.bin)

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[Access]:
        """Gives a running cluster: the user's own, this checkout's, or one that lives only for the block."""
        external = Access.external()
        if external is not None:
            yield external
            return
        cluster = cls()
        if cluster.is_ready():
            yield cluster.access
            return
        try:
            cluster.build()
            cluster.start()
            yield cluster.access
        finally:
            cluster.stop()

    @property
    def access(self) -> Access:
        """How to use this cluster while it runs."""
        return Access(
            kubeconfig=self.folders.kubeconfig,
            namespace=config.NAMESPACE,
            kubectl=self.cache.bin / "kubectl",
            argo=self.cache.bin / "argo",
            argo_server=config.ARGO_SERVER,
            s3_root=self.folders.state / "s3" / config.S3_BUCKET,
            wheels=self.cache.wheels,
            nsenter=["nsenter", f"--net={unit.network(self.folders)}"],
        )

    def build(self) -> None:
        """Makes all that a start needs: packages, programs, images, prepared state; what is there stays.

        Raises:
            HarnessError: something is missing or failed.
        """
        packages.check_machine()
        with unit.locked(self.cache.root / "build"):
            packages.install()
            gotools.build(self.cache)
            images.build(self.cache)
            prepared.build(self.cache)

    def start(self) -> None:
        """Starts the cluster and returns when a Workflow can be submitted; does nothing when it already runs.

        Raises:
            HarnessError: it is not built, or a part of it did not come up; nothing is left then but its logs.
        """
        packages.check_machine()
        with unit.locked(self.folders.state):
            if self.is_ready():
                say(f"cluster {self.folders.name} is running")
                return
            if not (self.cache.bin / ".argo.recipe").exists() or not prepared.folder(self.cache).exists():
                raise HarnessError("the cluster is not built; run: python3 -m tests.e2e.harness build")
            unit.destroy(self.folders)
            try:
                with step(f"start cluster {self.folders.name}"):
                    self._start()
            except BaseException:
                self._keep_logs()
                unit.destroy(self.folders)
                raise

    def stop(self) -> None:
        """Ends the cluster and removes its state; fine when there is none or half of one.

        Raises:
            HarnessError: something cannot be removed.
        """
        with unit.locked(self.folders.state), step(f"stop cluster {self.folders.name}"):
            unit.destroy(self.folders)

    def is_ready(self) -> bool:
        """Tells whether the cluster has come up and none of its daemons has ended since."""
        return self._ready_file.exists() and unit.init_pid(self.folders) is not None and not self.ended()

    def ended(self) -> list[str]:
        """Returns the names of the daemons that have ended though they should not."""
        folder = self.folders.state / "exited"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def shell_command(self) -> list[str]:
        """Returns a command prefix that enters the cluster's network, mounts and processes, as ``ctr`` needs.

        Raises:
            HarnessError: the cluster does not run.
        """
        pid = unit.init_pid(self.folders)
        if pid is None:
            raise HarnessError("the cluster does not run; run: python3 -m tests.e2e.harness start")
        return ["nsenter", f"--target={pid}", "--net", "--mount", "--pid"]

    @property
    def _ready_file(self) -> Path:
        return self.folders.state / "ready"

    def _start(self) -> None:
        state = self.folders.state
        state.mkdir(parents=True)
        (state / "s3" / config.S3_BUCKET).mkdir(parents=True)
        prepared.copy(self.cache, state)
        say("state is copied")
        ports = [(config.NODE_ADDRESS, config.S3_PORT), (config.NODE_ADDRESS, 53), ("127.0.0.1", 6060)]
        reports = unit.launch(self.folders, config.running(self.folders), node=config.NODE, ports=ports)
        reports.until("api", _API_SECONDS)
        say("API server is ready")
        access = self.access
        kubectl = [*access.nsenter, str(access.kubectl), f"--kubeconfig={access.kubeconfig}"]
        for folder in (_PROJECT, _CONTROLLER):
            run([*kubectl, "apply", "--server-side", "-k", folder])
        say("namespace, rights and artifact repository are applied")
        reports.until("node", _READY_SECONDS)
        say("node is ready")
        reports.until("ready", _READY_SECONDS)
        reports.close()
        self._ready_file.touch()

    def _keep_logs(self) -> None:
        logs = self.folders.state / "logs"
        if logs.exists():
            kept = self.cache.root / "failed-start"
            shutil.rmtree(kept, ignore_errors=True)
            logs.rename(kept)
            say(f"logs are kept in {kept}")
