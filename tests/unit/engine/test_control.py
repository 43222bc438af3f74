"""A run in a host program: nothing is asked, no signal is handled, and the host can end it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.engine import terminal
from mlplat.errors import UnsupportedError
from tests.unit.engine.manifests import dag, phases, shell, task, workflow
from tests.unit.waiting import until

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture
def endless(tmp_path: Path) -> dict[str, Any]:
    """A Workflow whose task ends only when it is ended, and that has an exit handler."""
    main = shell("main", f"touch {tmp_path}/begun; sleep 600 & wait")
    return workflow(dag(task("a", "main"), name="dag"), main, shell("bye", "true"), onExit="bye")


@pytest.fixture
def host_handlers() -> Iterator[list[int]]:
    """Handlers of the host program for all signals; what they got."""
    got: list[int] = []
    before = {number: signal.signal(number, lambda number, _: got.append(number)) for number in SIGNALS}
    yield got
    for number, handler in before.items():
        signal.signal(number, handler)


def when_begun(tmp_path: Path, action: Any) -> threading.Thread:
    def wait() -> None:
        until((tmp_path / "begun").exists)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("Stop", {"wf": "Failed", "wf.a": "Failed", "wf.onExit": "Succeeded"}),
        ("Terminate", {"wf": "Failed", "wf.a": "Failed"}),
    ],
)
def test_another_thread_ends_a_run(
    run: Any, tmp_path: Path, endless: dict[str, Any], how: Any, expected: dict[str, str]
) -> None:
    control = engine.Control()
    thread = when_begun(tmp_path, lambda: control.end(how))
    done = run(endless, control=control)
    thread.join()
    assert phases(done) == expected
    assert done["status"]["message"] == f"Stopped with strategy '{how}'"


def test_a_run_that_was_ended_before_it_began_runs_nothing(run: Any, tmp_path: Path) -> None:
    control = engine.Control()
    control.end("Terminate")
    done = run(workflow(dag(task("a", "t")), shell("t", f"touch {tmp_path}/ran")), control=control)
    assert done["status"]["phase"] == "Failed"
    assert not (tmp_path / "ran").exists()


def test_a_run_that_has_ended_takes_no_request(run: Any) -> None:
    control = engine.Control()
    done = run(workflow(shell("a", "true")), control=control)
    control.end("Terminate")
    control.interrupt()
    assert done["status"]["phase"] == "Succeeded"


def test_the_handlers_of_the_host_stay_in_place_during_a_run(
    run: Any, tmp_path: Path, host_handlers: list[int]
) -> None:
    def signalled() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: host_handlers)
        (tmp_path / "open").touch()

    waits = shell("main", f"touch {tmp_path}/begun; until test -e {tmp_path}/open; do sleep 0.01; done")
    thread = when_begun(tmp_path, signalled)
    done = run(workflow(waits))
    thread.join()
    assert host_handlers == [signal.SIGTERM]
    assert done["status"]["phase"] == "Succeeded"


def test_signals_end_a_run_where_the_host_wants_it(
    run: Any, tmp_path: Path, endless: dict[str, Any], host_handlers: list[int]
) -> None:
    stopped: list[bool] = []
    control = engine.Control(stopped.append)
    before = [signal.getsignal(number) for number in SIGNALS]
    with engine.signals(control):
        thread = when_begun(tmp_path, lambda: os.kill(os.getpid(), signal.SIGHUP))
        done = run(endless, control=control)
    thread.join()
    assert phases(done) == {"wf": "Failed", "wf.a": "Failed", "wf.onExit": "Succeeded"}
    assert stopped == [True]
    assert host_handlers == []
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_one_interrupt_terminates_a_run_that_is_already_stopping(
    run: Any, tmp_path: Path, endless: dict[str, Any]
) -> None:
    ignores = shell("main", f"trap '' TERM; touch {tmp_path}/begun; while :; do sleep 0.01; done")
    endless["spec"]["templates"][1] = ignores
    stopping = threading.Event()
    control = engine.Control(lambda _: stopping.set())

    def stop_then_interrupt() -> None:
        control.end("Stop")
        stopping.wait(60)
        control.interrupt()

    thread = when_begun(tmp_path, stop_then_interrupt)
    done = run(endless, control=control)
    thread.join()
    assert done["status"]["message"] == "Stopped with strategy 'Terminate'"


def test_a_keyboard_interrupt_stops_the_run_and_reaches_the_host(
    run: Any, home: Path, tmp_path: Path, endless: dict[str, Any]
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = when_begun(tmp_path, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run(endless)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    left = engine.load(home / "runs" / "wf")
    assert left is not None
    assert left["status"]["message"] == "Stopped with strategy 'Stop'"


def test_nobody_is_asked_at_the_terminal_of_the_host(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert terminal.is_interactive()
    with pytest.raises(UnsupportedError, match="it waits for approval"):
        run(workflow({"name": "wait", "suspend": {}}))
