"""Where the state of this machine and the record are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlplat import k8s
from mlplat.errors import EngineError, StoreError
from mlplat.metadata import open_store
from mlplat.runs import state
from mlplat.runs.cluster import Cluster
from tests.unit.k8s.conftest import FakeApi, api  # noqa: F401 - a fixture

UID = "0f4c6f0e-0000-4000-8000-000000000001"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user who works in ``project/part``."""
    home = tmp_path / "user"
    (home / "project/part").mkdir(parents=True)
    for name in ("MLPLAT_HOME", "MLPLAT_STORE", "MLPLAT_CLUSTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "project/part")
    return home


def test_state_is_in_the_working_directory_where_there_is_none_above(user: Path) -> None:
    assert state.home() == user / "project/part/.mlplat"


@pytest.mark.parametrize("place", ["project/part", "project", "."])
def test_the_nearest_state_above_is_taken(user: Path, place: str) -> None:
    (user / ".mlplat").mkdir()
    (user / place / ".mlplat").mkdir(exist_ok=True)
    assert state.home() == user / place / ".mlplat"


def test_state_above_the_home_folder_is_not_taken(user: Path) -> None:
    (user.parent / ".mlplat").mkdir()
    assert state.home() == user / "project/part/.mlplat"


def test_outside_of_the_home_folder_only_the_working_directory_counts(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(user / "project/part"))
    (user / ".mlplat").mkdir()
    monkeypatch.chdir(user / "project")
    assert state.home() == user / "project/.mlplat"


def test_a_user_without_a_home_folder_has_state_in_the_working_directory(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user / "project/.mlplat").mkdir()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 5)
    assert state.home() == user / "project/part/.mlplat"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_state_of_another_owner_is_not_taken(user: Path) -> None:
    (user / ".mlplat").mkdir()
    (user / "project/.mlplat").mkdir()
    os.chown(user / "project/.mlplat", 65534, 65534)
    assert state.home() == user / ".mlplat"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_state_of_another_owner_in_the_working_directory_is_refused(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = user / "project/part/.mlplat"
    foreign.mkdir()
    os.chown(foreign, 65534, 65534)
    with pytest.raises(EngineError, match=f"{foreign} belongs to another user"):
        state.home()
    (user / ".mlplat").mkdir()
    assert state.home() == user / ".mlplat"
    monkeypatch.setenv("MLPLAT_HOME", str(foreign))
    assert state.home() == foreign


def test_a_variable_names_the_state(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (user / ".mlplat").mkdir()
    monkeypatch.setenv("MLPLAT_HOME", "elsewhere")
    assert state.home() == user / "project/part/elsewhere"


def test_a_machine_has_one_identity_for_each_folder(tmp_path: Path) -> None:
    program = f"from pathlib import Path; from mlplat.runs import state; print(state.machine(Path({str(tmp_path)!r})))"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = {process.communicate()[0].strip() for process in processes}
    assert told == {state.machine(tmp_path)}
    assert state.machine(tmp_path / "other") not in told
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["machine"]


def test_every_record_is_the_one_that_the_variable_names(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, store = state.home(), user / "shared.db"
    monkeypatch.setenv("MLPLAT_STORE", f"sqlite:///{store}")
    workflow = {"kind": "Workflow", "metadata": {"name": "wf", "uid": "1"}, "spec": {}}
    with state.record(folder) as opened:
        opened.record(workflow)
    with state.record_to_read(folder) as opened:
        assert opened.run("wf").cluster == state.machine(folder)
    with open_store(store) as opened:
        assert opened.run("wf").uid == "1"
    assert not (folder / "mlplat.db").exists()


def test_reading_leaves_nothing_behind(user: Path) -> None:
    with state.record_to_read(state.home()) as store:
        assert store.runs() == ()
    assert not state.home().exists()


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_reading_makes_no_store_where_there_is_none(
    user: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistyped = user / "shard/runs.db"
    monkeypatch.setenv("MLPLAT_STORE", f"{prefix}{mistyped}")
    with pytest.raises(StoreError, match=f"there is no record at {mistyped}"):
        state.record_to_read(state.home())
    assert not mistyped.parent.exists()
    assert not state.home().exists()


def test_a_cluster_is_known_by_its_system_namespace(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("MLPLAT_CLUSTER", raising=False)
    cluster = Cluster(kubeconfig=api.kubeconfig)
    api.on("GET", "/api/v1/namespaces/kube-system", {"metadata": {"uid": UID}})
    assert cluster.identity() == UID
    monkeypatch.setenv("MLPLAT_CLUSTER", "production")
    assert cluster.identity() == "production"


def test_a_cluster_whose_system_namespace_may_not_be_read_is_known_by_its_url(api: FakeApi) -> None:  # noqa: F811
    api.on("GET", "/api/v1/namespaces/kube-system", api.of(403, {"message": "forbidden"}))
    assert k8s.identity(kubeconfig=api.kubeconfig) == k8s.connect(kubeconfig=api.kubeconfig).host


@pytest.mark.parametrize(
    ("run", "node"), [("..", "a"), ("a", "../../a"), ("/a", "a"), ("", "a"), ("a/b", "a")]
)
def test_a_name_in_the_record_leads_to_no_other_file(tmp_path: Path, run: str, node: str) -> None:
    assert state.log_file(tmp_path, run, node) is None
    assert state.log_file(tmp_path, "a", "b-1") == tmp_path / "logs/a/b-1.log"
