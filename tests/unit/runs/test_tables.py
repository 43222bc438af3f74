"""The lists of the record as tables, as programs get them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat.errors import ArgumentError
from mlplat.runs import columns, state, tables
from mlplat.runs.lists import LISTS
from mlplat.runs.machine import Machine


def workflow(name: str, phase: str) -> dict[str, Any]:
    started = "2026-05-04T09:12:00Z"
    metadata = {"name": name, "uid": name, "namespace": "team-a", "resourceVersion": "1"}
    metadata["creationTimestamp"] = started
    root = {
        "id": name,
        "name": name,
        "displayName": name,
        "type": "Pod",
        "phase": phase,
        "startedAt": started,
    }
    status = {"phase": phase, "startedAt": started, "nodes": {name: root}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {},
        "status": status,
    }


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose record has a run of a cluster that had not ended, and whose user has no kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    with state.record(tmp_path, "a cluster") as store:
        store.record(workflow("far", "Running"))
    return Machine(home=tmp_path)


def test_every_list_is_a_table(machine: Machine) -> None:
    assert set(tables.COLUMNS) == set(LISTS)
    for what in LISTS:
        found = tables.listed(machine, what, "far", 20)
        assert len(found.rows) == len(found.documents)
        assert all(len(row) == len(found.titles) for row in found.rows)


def test_a_warning_is_one_line(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text("a: [")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (warning,) = tables.listed(machine, "runs", None, 20).warnings
    assert warning.startswith("could not update far: the kubeconfig at ")
    assert len(warning.splitlines()) == 1


def test_a_table_names_the_runs_that_may_have_changed(machine: Machine) -> None:
    selected = tables.selected(machine, columns.selection("name", [], ""), 20)
    assert selected.warnings == ["could not update far: no kubeconfig found at /nowhere"]
    for name in (None, "far"):
        found = tables.listed(machine, "runs", name, 20)
        assert found.warnings == selected.warnings
        assert (found.rows[0][0], found.place) == ("far", "")


def test_a_record_without_runs_is_named(tmp_path: Path) -> None:
    machine = Machine(home=tmp_path)
    assert tables.listed(machine, "runs", None, 20).place == str(tmp_path)
    assert tables.selected(machine, columns.selection("name", [], ""), 20).place == str(tmp_path)


def test_a_run_is_required_before_the_record_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="get tasks requires the name of a run"):
        tables.listed(Machine(home=tmp_path / "missing"), "tasks", None, 20)


@pytest.mark.parametrize(
    ("phase", "has_times"), [("Omitted", False), ("Skipped", False), ("Succeeded", True)]
)
def test_a_task_that_did_not_run_has_no_times(phase: str, has_times: bool, tmp_path: Path) -> None:
    done = workflow("near", "Failed")
    (root,) = done["status"]["nodes"].values()
    root |= {"phase": phase, "finishedAt": "2026-05-04T09:12:07Z"}
    with state.record(tmp_path) as store:
        store.record(done)

    found = tables.listed(Machine(home=tmp_path), "tasks", "near", 20)

    started, took = (found.rows[0][list(found.titles).index(title)] for title in ("STARTED", "TOOK"))
    assert (bool(started), took) == (has_times, "7s" if has_times else "")
