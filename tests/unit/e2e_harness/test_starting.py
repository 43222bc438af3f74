"""How the harness follows a starting cluster, and whose cluster it gives to the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import ready
from tests.e2e.harness.cluster import Access, Cluster
from tests.e2e.harness.config import Folders
from tests.e2e.harness.failure import HarnessError
from tests.e2e.harness.paths import Cache
from tests.e2e.harness.unit import Reports


class Starting:
    """A cluster that reports what the test tells it to."""

    def __init__(self, state: Path) -> None:
        (state / "logs").mkdir()
        self.logs = state / "logs"
        reading, writing = os.pipe()
        self.writing: int | None = writing
        self.reports = Reports(Folders("demo", state, state), reading)

    def say(self, text: str) -> None:
        assert self.writing is not None
        os.write(self.writing, text.encode())

    def end(self) -> None:
        if self.writing is not None:
            os.close(self.writing)
        self.writing = None


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Starting]:
    starting = Starting(tmp_path)
    yield starting
    starting.end()
    starting.reports.close()


def test_lines_are_waited_for_in_any_order(starting: Starting) -> None:
    starting.say("api\nno")
    starting.reports.until("api", 5)
    starting.say("de\nready\n")
    starting.reports.until("ready", 5)
    starting.reports.until("node", 5)


def test_a_daemon_that_ends_is_reported_with_its_log(starting: Starting) -> None:
    (starting.logs / "etcd.log").write_text("address in use\n")
    starting.say("exited etcd 1\n")
    with pytest.raises(HarnessError, match="exited etcd 1:\naddress in use"):
        starting.reports.until("api", 5)


def test_a_cluster_that_ends_is_reported_with_the_log_of_its_first_process(starting: Starting) -> None:
    (starting.logs / "init.log").write_text("mount failed\n")
    starting.end()
    with pytest.raises(HarnessError, match="mount failed"):
        starting.reports.until("api", 5)


def test_waiting_ends_when_time_is_up(starting: Starting) -> None:
    with pytest.raises(HarnessError, match="did not get to 'api'"):
        starting.reports.until("api", 0)


@pytest.mark.parametrize(
    ("status", "taints", "schedulable"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, [], True),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, [{"key": "not-ready"}], False),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, [], False),
        ({}, [], False),
    ],
)
def test_a_node_takes_pods_when_it_is_ready_and_untainted(
    status: dict[str, Any], taints: list[dict[str, str]], schedulable: bool
) -> None:
    assert ready.is_schedulable({"spec": {"taints": taints}, "status": status}) is schedulable


def test_a_kubeconfig_in_the_environment_takes_the_place_of_the_harness(tmp_path: Path) -> None:
    for name in ("kubectl", "argo"):
        (tmp_path / name).touch(mode=0o755)
    environ = {"MLPLAT_E2E_KUBECONFIG": "/mine", "MLPLAT_E2E_NAMESPACE": "team", "PATH": str(tmp_path)}

    access = Access.external(environ)

    assert access is not None
    assert (access.kubeconfig, access.namespace, access.nsenter) == (Path("/mine"), "team", [])
    assert access.exports() == {"KUBECONFIG": "/mine", "MLPLAT_E2E_NAMESPACE": "team"}
    assert Access.external({}) is None


def test_a_kubeconfig_without_the_programs_to_use_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="kubectl is not on PATH"):
        Access.external({"MLPLAT_E2E_KUBECONFIG": "/mine", "PATH": str(tmp_path)})


@pytest.mark.parametrize("name", ["Upper", "a/b", "", "-a", "prepare"])
def test_a_name_that_the_machine_cannot_use_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot name a cluster"):
        Cluster(Cache(tmp_path), name)
