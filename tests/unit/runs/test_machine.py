"""Runs of this machine through the handle that programs have."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlplat import compiler, dsl, engine
from mlplat.errors import ArgumentError, StoreError
from mlplat.metadata import open_store
from mlplat.runs import records, state
from mlplat.runs.machine import Machine
from mlplat.runs.run import Changed, How
from tests.unit.waiting import until

CACHED = {"key": "k", "maxAge": "1h", "cache": {"configMap": {"name": "c"}}}
WAIT = "touch {gate}.started; while [ ! -e {gate} ]; do sleep 0.02; done"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(home=tmp_path / "home")


def documents(folder: Path, script: str = "true") -> list[dict[str, Any]]:
    def shell(name: str, text: str) -> dict[str, Any]:
        return {"name": name, "container": {"image": "i", "command": ["sh", "-c"], "args": [text]}}

    spec = {
        "entrypoint": "main",
        "onExit": "bye",
        "templates": [shell("main", script), shell("bye", f"touch {folder}/bye")],
    }
    metadata = {"name": "small"}
    return [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}]


def waiting(folder: Path) -> list[dict[str, Any]]:
    """A run that waits for a file."""
    return documents(folder, WAIT.format(gate=folder / "gate"))


def has_started(folder: Path) -> bool:
    return (folder / "gate.started").exists()


def recorded(machine: Machine, name: str = "small") -> str:
    """Return the phase of a run, as commands that read the record see it."""
    with state.record_to_read(machine.home) as store:
        machine.catch_up(store)
        return store.run(name).phase


def test_a_run_gives_its_events_and_its_result_and_is_recorded(machine: Machine, tmp_path: Path) -> None:
    run = machine.submit(documents(tmp_path))
    nodes = [event.node for event in run.events() if isinstance(event, Changed)]

    assert [node["phase"] for node in nodes if node["displayName"] == "small"][-1] == "Succeeded"
    assert "Running" in {node["phase"] for node in nodes}
    assert run.result()["status"]["phase"] == "Succeeded"
    assert run.wait(0)
    assert recorded(machine) == "Succeeded"


def test_a_run_is_in_the_record_from_its_start(machine: Machine, tmp_path: Path) -> None:
    run = machine.submit(waiting(tmp_path))
    until(lambda: has_started(tmp_path))
    assert recorded(machine) == "Running"
    (tmp_path / "gate").touch()
    assert run.result()["status"]["phase"] == "Succeeded"
    assert recorded(machine) == "Succeeded"


@pytest.mark.parametrize("kept_by", ["store", "cache"])
def test_a_run_that_others_may_read_or_that_has_a_cache_is_recorded_by_its_process(
    kept_by: str, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, workflow = machine.home / "mlplat.db", waiting(tmp_path)
    if kept_by == "store":
        database = tmp_path / "shared.db"
        monkeypatch.setenv("MLPLAT_STORE", f"sqlite:///{database}")
    else:
        workflow[0]["spec"]["templates"][0]["memoize"] = CACHED
    run = machine.submit(workflow)
    until(lambda: has_started(tmp_path))
    with open_store(database) as store:
        assert store.run("small").phase == "Running"
        (tmp_path / "gate").touch()
        run.wait()
        assert store.run("small").phase == "Succeeded"


@pytest.mark.parametrize("has_cache", [False, True])
def test_a_damaged_record_is_reported_before_anything_runs_where_the_run_needs_it(
    has_cache: bool, machine: Machine, tmp_path: Path
) -> None:
    machine.home.mkdir()
    (machine.home / "mlplat.db").write_text("not a database" * 1000)
    workflow = documents(tmp_path)
    if has_cache:
        workflow[0]["spec"]["templates"][0]["memoize"] = CACHED
        with pytest.raises(StoreError, match="not a database"):
            machine.submit(workflow).result()
    else:
        assert machine.submit(workflow).result()["status"]["phase"] == "Succeeded"
        with pytest.raises(StoreError, match="not a database"):
            recorded(machine)
    assert (tmp_path / "bye").exists() is not has_cache


@pytest.mark.parametrize(("how", "exit_handler"), [("Stop", True), ("Terminate", False)])
def test_a_run_is_cancelled_by_whoever_has_the_handle(
    how: How, exit_handler: bool, machine: Machine, tmp_path: Path
) -> None:
    run = machine.submit(waiting(tmp_path))
    until(lambda: has_started(tmp_path))
    assert not run.wait(0)
    with pytest.raises(TimeoutError):
        run.result(0)
    run.cancel(how)

    assert run.result()["status"]["message"] == f"Stopped with strategy '{how}'"
    assert (tmp_path / "bye").exists() is exit_handler


def test_a_run_that_is_cancelled_at_once_ends(machine: Machine, tmp_path: Path) -> None:
    run = machine.submit(waiting(tmp_path))
    run.cancel("Terminate")
    assert run.result()["status"]["phase"] == "Failed"


def test_a_run_ends_with_the_block_that_started_it(machine: Machine, tmp_path: Path) -> None:
    def program() -> None:
        with machine.submit(waiting(tmp_path)):
            until(lambda: has_started(tmp_path))
            raise RuntimeError("of the program")

    with pytest.raises(RuntimeError):
        program()
    assert machine.read("small")["status"]["phase"] == "Failed"


def test_a_run_continues_when_somebody_who_is_attached_leaves(machine: Machine, tmp_path: Path) -> None:
    run = machine.submit(waiting(tmp_path))
    until(lambda: has_started(tmp_path))
    with machine.attach("small") as attached:
        next(attached.events())
    assert attached.result()["status"]["phase"] == "Running"

    again = machine.attach("small")
    (tmp_path / "gate").touch()
    assert again.result()["status"]["phase"] == "Succeeded"
    assert run.result()["status"]["phase"] == "Succeeded"


def test_mistakes_are_raised_where_the_run_is_started_or_waited_for(machine: Machine, tmp_path: Path) -> None:
    machine.submit(documents(tmp_path)).wait()
    with pytest.raises(ArgumentError, match="a run of this name exists already"):
        machine.submit(documents(tmp_path))
    with pytest.raises(ArgumentError, match="did you mean 'small'"):
        machine.attach("smal")
    with pytest.raises(ArgumentError, match="small has ended already"):
        machine.end("small", "Stop")


def test_what_the_engine_refuses_is_raised_by_events_and_by_the_result(
    machine: Machine, tmp_path: Path
) -> None:
    document = documents(tmp_path)
    document[0]["spec"]["templates"][0] = {"name": "main", "http": {"url": "x"}}
    run = machine.submit(document)
    for ask in (lambda: list(run.events()), run.result):
        with pytest.raises(Exception, match="MLP501"):
            ask()


def test_a_run_of_a_program_is_recorded_later(machine: Machine, tmp_path: Path) -> None:
    engine.run(documents(tmp_path), home=machine.home)
    with open_store(machine.home / "mlplat.db") as store:
        machine.catch_up(store)
        assert store.run("small").phase == "Succeeded"


def test_runs_are_followed_from_any_thread(machine: Machine, tmp_path: Path) -> None:
    found: list[str] = []

    def work() -> None:
        found.append(machine.submit(documents(tmp_path)).result()["status"]["phase"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["Succeeded"]


def test_runs_of_one_second_are_listed_newest_first(machine: Machine, tmp_path: Path) -> None:
    names = ["b", "c", "a", "d"]
    for name in names:
        (document,) = documents(tmp_path)
        machine.submit([{**document, "metadata": {"name": name}}]).result()
    with records.opened(machine) as store:
        assert [run.name for run in store.runs()] == names[::-1]


def test_a_run_gives_its_outputs_as_values(machine: Machine) -> None:
    @dsl.component
    def write(number: int, data: dsl.Output[dsl.Dataset]) -> dict:  # type: ignore[type-arg]
        with open(data.path, "w") as file:  # noqa: PTH123
            file.write("rows")
        data.metadata["rows"] = number
        return {"type": {}, "metadata": [number]}

    @dsl.component
    def fail() -> int:
        raise ValueError

    class Outputs(NamedTuple):
        first: dict  # type: ignore[type-arg]
        second: dsl.Dataset

    @dsl.pipeline
    def succeeding() -> Outputs:
        task = write(number=3)
        return Outputs(task.outputs["Output"], task.outputs["data"])  # type: ignore[arg-type]

    @dsl.pipeline
    def failing() -> int:
        return fail().output  # type: ignore[return-value]

    def outputs(pipeline: Any) -> dict[str, Any]:
        documents = compiler.manifest(pipeline.spec, compiler.Options(name=pipeline.name, cache=False))
        return machine.submit(documents).outputs()

    found = outputs(succeeding)
    data = found.pop("second")
    assert found == {"first": {"type": {}, "metadata": [3]}}
    assert isinstance(data, dsl.Dataset)
    assert (Path(data.path).read_text(), data.metadata) == ("rows", {"rows": 3})
    assert outputs(failing) == {"Output": None}


def test_a_run_whose_process_was_killed_before_it_began_is_not_known(
    machine: Machine, tmp_path: Path
) -> None:
    (machine.home / "runs" / "small-2").mkdir(parents=True)
    (machine.home / "runs" / "small-2" / "lock").touch()
    with pytest.raises(ArgumentError) as caught:
        machine.read("small-2")
    assert "mlplat get runs" in str(caught.value)
    machine.submit(documents(tmp_path)).result()
    with pytest.raises(ArgumentError) as caught:
        machine.read("small-2")
    assert "did you mean 'small'?" in str(caught.value)
    assert state.known_runs(machine.home) == ["small"]


@pytest.mark.parametrize(
    "content", ["", '{"metadata":', "[1]", "{}", '{"kind": "Workflow", "metadata": {}}', "\udcff"]
)
def test_a_damaged_run_does_not_hide_others(content: str, machine: Machine, tmp_path: Path) -> None:
    machine.submit(documents(tmp_path)).result()
    damaged = machine.home / "runs" / "small-2"
    damaged.mkdir()
    (damaged / "workflow.json").write_bytes(content.encode(errors="surrogateescape"))
    assert recorded(machine) == "Succeeded"
    with pytest.raises(ArgumentError) as caught:
        machine.read("small-2")
    assert "did you mean 'small'?" in str(caught.value)
