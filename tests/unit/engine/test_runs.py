"""Runs as a whole: their state on disk, being stopped, killed and resumed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.engine.state import RunState
from mlplat.engine.watchdog import end_process, note_container, note_process
from mlplat.errors import EngineError, ManifestError
from tests.unit.engine.manifests import (
    dag,
    ends,
    gives,
    is_alive,
    node,
    passes,
    phases,
    shell,
    takes,
    task,
    workflow,
)
from tests.unit.waiting import until

PROGRAM = """
import json, sys
from pathlib import Path
from mlplat import engine
from mlplat.engine import terminal
home = Path(sys.argv[1])
manifest = json.loads((home / "manifest.json").read_text())
control = engine.Control(terminal.tell_stopping)
with engine.signals(control):
    before = engine.load(home / "runs" / "wf")
    done = engine.run([manifest], home=home, jobs=2, resume=before, control=control)
print(json.dumps(done["status"]))
"""


@pytest.fixture
def gate(tmp_path: Path) -> dict[str, Any]:
    """A Workflow whose second task says that it has begun, and then waits for a file."""
    os.mkfifo(tmp_path / "begun")
    noted = "until test -s ../process; do sleep 0.01; done"
    wait = f"test -e {tmp_path}/open || {{ {noted}; echo begun > {tmp_path}/begun; sleep 60 & wait; }}"
    return workflow(
        dag(task("a", "count"), task("b", "wait", "a"), task("c", "count", "b")),
        shell("count", f"echo ran >> {tmp_path}/ran"),
        shell("wait", wait),
        shell("bye", "true"),
        onExit="bye",
    )


def begin(home: Path, manifest: dict[str, Any], before: str = "exec ") -> subprocess.Popen[str]:
    home.mkdir(exist_ok=True)
    (home / "manifest.json").write_text(json.dumps(manifest))
    words = ["sh", "-c", f'{before} "$@"', "sh", sys.executable, "-c", PROGRAM, str(home)]
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_ignore_nothing,  # noqa: PLW1509 - it takes no locks
    )


def _ignore_nothing() -> None:
    """Undo what nohup, or a shell that starts the tests in the background, has set."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def until_begun(folder: Path) -> None:
    (folder / "begun").read_text()


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return {"status": json.loads(out)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_stopped_run_ends_its_tasks_and_can_be_resumed(
    home: Path, tmp_path: Path, gate: dict[str, Any], number: int
) -> None:
    process = begin(home, gate)
    until_begun(tmp_path)
    process.send_signal(number)
    done = finish(process)
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == "Stopped with strategy 'Stop'"
    assert phases(done) == {
        "wf": "Failed",
        "wf.a": "Succeeded",
        "wf.b": "Failed",
        "wf.c": "Omitted",
        "wf.onExit": "Succeeded",
    }
    assert node(done, "wf.b")["message"] == "workflow shutdown with strategy:  Stop"
    assert (tmp_path / "ran").read_text() == "ran\n"

    (tmp_path / "open").touch()
    again = finish(begin(home, gate))
    assert again["status"]["phase"] == "Succeeded"
    assert (tmp_path / "ran").read_text() == "ran\nran\n"
    assert again["status"]["progress"] == "4/4"


def test_a_hangup_that_is_ignored_stays_ignored(home: Path, tmp_path: Path, gate: dict[str, Any]) -> None:
    process = begin(home, gate, "trap '' HUP; exec ")
    until_begun(tmp_path)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert "press Ctrl-C to terminate now" in process.communicate(timeout=60)[1]
    left = engine.load(home / "runs" / "wf")
    assert left is not None
    assert left["status"]["message"] == "Stopped with strategy 'Stop'"


def test_handlers_of_signals_are_given_back(run: Any) -> None:
    def own(*_: Any) -> None: ...

    before = signal.signal(signal.SIGHUP, own)
    try:
        run(workflow(dag(task("a", "t")), shell("t", "true")))
        assert signal.getsignal(signal.SIGHUP) is own
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_that_is_stopped_twice_ends_its_exit_handler_too(home: Path, tmp_path: Path) -> None:
    for name in ("begun", "ending"):
        os.mkfifo(tmp_path / name)
    slow = {name: f"echo > {tmp_path}/{name}; sleep 60 & wait" for name in ("begun", "ending")}
    templates = [shell(name, script) for name, script in slow.items()]
    process = begin(home, workflow(dag(task("a", "begun")), *templates, onExit="ending"))
    for name in slow:
        (tmp_path / name).read_text()
        process.send_signal(signal.SIGINT)
    done = finish(process)
    assert phases(done) == {"wf": "Failed", "wf.a": "Failed", "wf.onExit": "Failed"}
    assert done["status"]["message"] == "Stopped with strategy 'Terminate'"


def test_a_run_that_is_stopped_twice_does_not_wait_for_an_output_to_be_saved(home: Path) -> None:
    outputs = {"artifacts": [{"name": "a", "path": "/tmp/a"}]}
    process = begin(home, workflow(shell("main", "truncate -s 100G /tmp/a", outputs=outputs)))
    until(lambda: [*home.glob("artifacts/**/.put-*/artifact")])
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == "Stopped with strategy 'Terminate'"
    assert not [*home.glob("artifacts/**/.put-*")]


def test_a_stopped_run_does_not_wait_for_an_input_to_be_fetched(home: Path) -> None:
    asked = threading.Event()

    class Endless(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            asked.set()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 16))

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        inputs = {"artifacts": [{"name": "a", "path": "/tmp/a", "http": {"url": url}}]}
        process = begin(
            home, workflow(shell("main", "true", inputs=inputs), shell("bye", "true"), onExit="bye")
        )
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        done = finish(process)
        server.shutdown()
    assert phases(done) == {"wf": "Failed", "wf.onExit": "Succeeded"}
    assert node(done, "wf")["message"] == "workflow shutdown with strategy:  Stop"


def test_a_killed_run_can_be_resumed(home: Path, tmp_path: Path, gate: dict[str, Any]) -> None:
    process = begin(home, gate)
    until_begun(tmp_path)
    # The engine notes a task's process right after it has started it: the task may be quicker.
    until(lambda: any(file.read_text() for file in (home / "runs" / "wf").glob("*/process")))
    (running,) = (int(file.read_text().split()[0]) for file in (home / "runs" / "wf").glob("*/process"))
    process.kill()
    process.communicate()
    assert ends(running)
    left = engine.load(home / "runs" / "wf")
    assert left is not None
    assert phases(left)["wf.a"] == "Succeeded"

    (tmp_path / "open").touch()
    again = finish(begin(home, gate))
    assert again["status"]["phase"] == "Succeeded"
    assert (tmp_path / "ran").read_text() == "ran\nran\n"


def test_what_a_watchdog_could_not_end_is_ended_before_the_run_continues(home: Path, run: Any) -> None:
    manifest = workflow(dag(task("a", "t")), shell("t", "exit 1"))
    folder = home / "runs" / "wf" / node(run(manifest), "wf.a")["id"]
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as left:
        note_process(folder, left.pid)
        run(manifest, resume=engine.load(home / "runs" / "wf"))
        assert left.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_tasks_and_what_they_started_die_with_the_engine(home: Path, tmp_path: Path, number: int) -> None:
    os.mkfifo(tmp_path / "begun")
    inner = f"echo $$$$ > {tmp_path}/inner; sleep 600"
    script = (
        f"(trap '' TERM HUP INT; sh -c '{inner}'; true) & until test -s {tmp_path}/inner; do sleep 0.01; done"
    )
    noted = f"until test -s ../process; do sleep 0.01; done; echo $$$$ > {tmp_path}/outer"
    manifest = workflow(
        dag(task("a", "t")), shell("t", f"{script}; {noted}; echo > {tmp_path}/begun; sleep 600")
    )
    process = begin(home, manifest)
    until_begun(tmp_path)
    children = [int((tmp_path / name).read_text()) for name in ("inner", "outer")]
    assert all(map(is_alive, children))
    process.send_signal(number)
    process.communicate()
    assert all(map(ends, children))


def test_a_process_that_has_the_number_of_one_that_ended_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        (tmp_path / "a" / "process").write_text(f"{other.pid} 1\n")
        end_process(tmp_path / "a")
        program = (
            "import os, signal, sys; from pathlib import Path; from mlplat.engine.watchdog import Watchdog\n"
            "watchdog = Watchdog(Path(sys.argv[1])).__enter__()\n"
            "print(watchdog._process.pid, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        words = [sys.executable, "-c", program, str(tmp_path)]
        dead = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
        assert ends(int(dead.stdout))
        assert is_alive(other.pid)
        other.kill()


def test_containers_are_removed_when_the_engine_dies(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "run" / name).mkdir(parents=True)
        note_container(tmp_path / "run" / name, f"mlplat-{name}")
    program = tmp_path / "podman"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    program.chmod(0o755)
    source = (
        "import os, signal, sys; from pathlib import Path; from mlplat.engine.watchdog import Watchdog\n"
        "watchdog = Watchdog(Path(sys.argv[1]), sys.argv[2]).__enter__()\n"
        "print(watchdog._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [sys.executable, "-c", source, str(tmp_path / "run"), str(program)]
    dead = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    assert ends(int(dead.stdout))
    assert (tmp_path / "asked").read_text() == "rm --force --volumes mlplat-a mlplat-b\n"


def test_a_state_that_can_not_be_written_ends_the_run(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunState, node: dict[str, Any]) -> None:
        if node["name"] == "wf.b":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunState, "node", full)
    wait = f"echo $$$$ > {tmp_path}/pid; sleep 60 & wait"
    with pytest.raises(EngineError, match="No space left on device"):
        run(workflow(dag(task("a", "wait"), task("b", "ok")), shell("wait", wait), shell("ok", "true")))
    pid = tmp_path / "pid"
    text = pid.read_text().strip() if pid.exists() else ""
    assert not text or ends(int(text))


def test_a_running_run_is_not_started_again(home: Path) -> None:
    state = RunState(home / "runs" / "wf")
    try:
        with pytest.raises(EngineError, match="a run of this name is still running"):
            engine.run([workflow(shell("a", "true"))], home=home)
    finally:
        state.close()
    assert engine.run([workflow(shell("a", "true"))], home=home)["status"]["phase"] == "Succeeded"


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(EngineError, match="cannot write the folder of the run"):
        engine.run([workflow(shell("a", "true"))], home=tmp_path / "home")


def test_a_failed_run_is_resumed_from_what_succeeded(run: Any, tmp_path: Path) -> None:
    manifest = workflow(
        dag(
            task("a", "count"),
            task("l", "each", "a", withItems=["x", "y"]),
            task("s", "steps", "a"),
            task("end", "count", "l && s"),
        ),
        shell("count", f"echo ran >> {tmp_path}/ran; echo 1 > /tmp/o", outputs=gives(o="/tmp/o")),
        shell("each", f"echo loop >> {tmp_path}/ran; test $0 = x || test -e {tmp_path}/open"),
        {
            "name": "steps",
            "steps": [[{"name": "one", "template": "count"}], [{"name": "two", "template": "late"}]],
        },
        shell("late", f"test -e {tmp_path}/open"),
    )
    each = manifest["spec"]["templates"][2]
    each["inputs"] = {"parameters": [{"name": "x"}]}
    each["container"]["args"].append("{{inputs.parameters.x}}")
    manifest["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] = {
        "parameters": [{"name": "x", "value": "{{item}}"}]
    }
    first = run(manifest)
    assert first["status"]["phase"] == "Failed"
    assert sorted((tmp_path / "ran").read_text().split()) == ["loop", "loop", "ran", "ran"]

    (tmp_path / "open").touch()
    second = run(manifest, resume=first)
    assert second["status"]["phase"] == "Succeeded"
    assert sorted((tmp_path / "ran").read_text().split()) == ["loop", "loop", "loop", "ran", "ran", "ran"]
    assert node(second, "wf.a")["startedAt"] == node(first, "wf.a")["startedAt"]
    assert second["status"]["progress"] == "6/6"


def test_the_state_on_disk_is_the_result(run: Any, home: Path) -> None:
    done = run(workflow(dag(task("a", "t")), shell("t", "true")))
    assert engine.load(home / "runs" / "wf") == done
    assert done["metadata"]["labels"]["workflows.argoproj.io/phase"] == "Succeeded"
    assert not list((home / "runs" / "wf").glob("wf-*"))


def test_bytes_that_are_no_utf_8_are_kept(run: Any, home: Path) -> None:
    template = shell("t", "true", inputs=takes("x"))
    done = run(
        workflow(
            dag(task("a", "t", arguments=passes(x="{{workflow.parameters.p}}"))),
            template,
            arguments=passes(p="\udcff"),
        )
    )
    assert done["status"]["phase"] == "Succeeded"
    assert engine.load(home / "runs" / "wf") == done


def test_nodes_that_were_over_when_the_machine_stopped_are_remembered(tmp_path: Path) -> None:
    state = RunState(tmp_path / "wf")
    state.write(
        lambda: {
            "kind": "Workflow",
            "metadata": {"name": "wf"},
            "status": {"nodes": {"wf": {"id": "wf", "type": "DAG", "phase": "Running"}}},
        }
    )
    state.node({"id": "wf-1", "type": "Pod", "phase": "Succeeded"})
    state.node({"id": "wf-2", "type": "Pod", "phase": "Running"})
    with (tmp_path / "wf" / "nodes.jsonl").open("a") as journal:
        journal.write('{"id": "wf-3", "pha')
    state.close()
    loaded = engine.load(tmp_path / "wf")
    assert loaded is not None
    assert set(loaded["status"]["nodes"]) == {"wf", "wf-1"}


def test_every_change_is_observed(run: Any) -> None:
    seen: list[tuple[str, str]] = []
    run(
        workflow(dag(task("a", "t")), shell("t", "true")),
        observer=lambda one: seen.append((one["name"], one["phase"])),
    )
    assert seen == [
        ("wf", "Running"),
        ("wf.a", "Pending"),
        ("wf.a", "Running"),
        ("wf.a", "Succeeded"),
        ("wf", "Succeeded"),
    ]


def test_as_many_tasks_run_at_once_as_there_are_jobs(run: Any, tmp_path: Path) -> None:
    meet = f"echo > {tmp_path}/$0; while ! test -e {tmp_path}/1 -a -e {tmp_path}/2; do sleep 0.01; done"
    template = shell("t", meet, inputs={"parameters": [{"name": "n"}]})
    template["container"]["args"].append("{{inputs.parameters.n}}")
    passed = {"parameters": [{"name": "n", "value": "{{item}}"}]}
    done = run(workflow(dag(task("l", "t", withItems=["1", "2"], arguments=passed)), template), jobs=2)
    assert done["status"]["phase"] == "Succeeded"


def test_it_runs_inside_a_running_event_loop(home: Path) -> None:
    async def notebook() -> dict[str, Any]:
        return engine.run([workflow(shell("a", "true"))], home=home)

    assert asyncio.run(notebook())["status"]["phase"] == "Succeeded"


def test_it_runs_in_a_thread(home: Path) -> None:
    results: list[dict[str, Any]] = []
    thread = threading.Thread(
        target=lambda: results.append(engine.run([workflow(shell("a", "true"))], home=home))
    )
    thread.start()
    thread.join()
    assert results[0]["status"]["phase"] == "Succeeded"


def test_many_items(run: Any) -> None:
    done = run(
        workflow(
            dag(task("l", "s", withSequence={"count": "2000"})), {"name": "s", "suspend": {"duration": "0"}}
        )
    )
    assert done["status"]["progress"] == "2000/2000"


@pytest.mark.parametrize("name", ["../escaped", "..", "a/b", "A"])
def test_a_name_that_is_none_is_refused_before_anything_is_written(
    name: str, run: Any, home: Path, tmp_path: Path
) -> None:
    manifest = workflow(shell("main", "true"))
    manifest["metadata"] = {"name": name}
    with pytest.raises(ManifestError, match="MLP417"):
        run(manifest)
    assert not home.exists()
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("folder", ["runs", "logs", "volumes"])
def test_no_other_user_reads_what_tasks_read_and_write(run: Any, folder: str, home: Path) -> None:
    run(workflow(shell("main", "true")))
    assert (home / folder).stat().st_mode & 0o777 == 0o700
