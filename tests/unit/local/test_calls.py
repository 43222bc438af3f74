"""After ``local.init(...)``, calling a pipeline or component runs it here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import dsl, local, metadata
from mlplat.dsl import Dataset, Input, Output, context
from mlplat.errors import AuthoringError, EngineError, UnsupportedError
from tests.unit.cli.commands import told


@dsl.component
def double(number: int) -> int:
    return 2 * number


@dsl.component
def write(text: str, data: Output[Dataset]) -> None:
    data.metadata["length"] = len(text)
    with open(data.path, "w") as file:  # noqa: PTH123
        file.write(text)


@dsl.component
def read(data: Input[Dataset]) -> str:
    return open(data.path).read()  # noqa: PTH123


@dsl.component
def stamp() -> str:
    import uuid

    return str(uuid.uuid4())


@dsl.component
def fail() -> int:
    raise ValueError("on purpose")


@dsl.pipeline
def chain(number: int = 3) -> int:
    return double(number=double(number=number).output).output  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def no_runner_afterwards() -> Iterator[None]:
    yield
    context._default_runner.clear()


def init(home: Path, **more: Any) -> None:
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(home), **more)


def test_call_gives_values(tmp_path: Path) -> None:
    init(tmp_path)
    assert double(number=4).output == 8
    assert chain().outputs == {"Output": 12}
    assert chain(number=5).output == 20


def test_call_gives_and_takes_artifacts(tmp_path: Path) -> None:
    init(tmp_path)
    written = write(text="it's {{a}} $b").outputs["data"]
    assert isinstance(written, Dataset)
    assert written.metadata == {"length": 13}
    assert Path(written.path).read_text() == "it's {{a}} $b"
    assert read(data=written).output == "it's {{a}} $b"
    (tmp_path / "own.txt").write_text("mine")
    assert read(data=str(tmp_path / "own.txt")).output == "mine"


def test_call_that_fails_raises_or_gives_nothing(tmp_path: Path) -> None:
    init(tmp_path)
    with pytest.raises(local.RunFailedError, match=r"(?s)MLP604: fail: .*ValueError: on purpose") as raised:
        fail()
    assert raised.value.workflow["status"]["phase"] == "Failed"
    init(tmp_path, raise_on_error=False)
    assert fail().output is None


def test_call_is_checked_first(tmp_path: Path) -> None:
    init(tmp_path)
    with pytest.raises(
        AuthoringError, match=r"(?s)MLP132: double: .*'n'.*MLP133: double: .*'number' is missing"
    ):
        double(n=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("enabled", "results"), [(True, 1), (False, 2)])
def test_results_are_used_again_when_that_is_asked_for(enabled: bool, results: int, tmp_path: Path) -> None:
    init(tmp_path, enable_caching=enabled)
    assert len({stamp().output, stamp().output}) == results


def test_arguments_of_dockers_package_are_options() -> None:
    runner = local.DockerRunner(
        network_mode="host",
        privileged=True,
        read_only=False,
        environment={"A": "1"},
        extra_hosts={"db": "10.0.0.1"},
        cap_add=["SYS_PTRACE"],
        device_requests=[{"Count": -1, "Capabilities": [["gpu"]]}],
    )
    assert runner.options == (
        *("--network", "host"),
        "--privileged",
        *("--add-host", "db:10.0.0.1"),
        *("--cap-add", "SYS_PTRACE"),
        *("--gpus", "all"),
    )
    assert runner.environment == {"A": "1"}
    assert local.DockerRunner(environment=["B=a=b"]).environment == {"B": "a=b"}


@pytest.mark.parametrize("ids", ["DeviceIDs", "device_ids"])
def test_devices_are_given_as_the_program_takes_them(ids: str) -> None:
    request = {"Count": 0, ids: ["0", "2"], "Capabilities": [["gpu"]]}
    assert local.DockerRunner(device_requests=[request]).options == ("--gpus", '"device=0,2"')
    runner = local.DockerRunner(program="podman", device_requests=[request])
    assert runner.options == ("--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=2")
    assert local.DockerRunner(device_requests=[{"Count": 2}]).options == ("--gpus", "2")


def test_arguments_of_none_are_left_out() -> None:
    given: dict[str, Any] = dict.fromkeys(("network_mode", "cap_add", "environment", "device_requests"))
    assert local.DockerRunner(**given).options == ()


def test_arguments_that_are_not_known_are_all_named() -> None:
    with pytest.raises(UnsupportedError) as raised:
        local.DockerRunner(image="python", netwrok="host")
    assert "local.DockerRunner.image: it is defined by the component" in str(raised.value)
    assert "local.DockerRunner.netwrok" in str(raised.value)
    assert "network" in str(raised.value)


def test_a_runner_whose_program_is_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="MLP605: docker: it is not on PATH"):
        local.init(local.DockerRunner(), pipeline_root=str(tmp_path))
    with pytest.raises(UnsupportedError, match=r"MLP502: local\.init"):
        local.init("docker", pipeline_root=str(tmp_path))  # type: ignore[arg-type]


def test_pipelines_are_still_written_as_before(tmp_path: Path) -> None:
    init(tmp_path)

    @dsl.pipeline
    def p() -> None:
        double(number=1)

    assert p.spec.root.graph is not None
    assert list(tmp_path.iterdir()) == []


@dsl.component
def chatty(lines: int) -> int:
    import sys

    print("\x1b[31mstart\x1b[0m \x1b]52;c;eA==\x07", flush=True)
    for line in range(lines):
        print("line", line)
    sys.stdout.write("no end")
    return lines


def test_what_tasks_print_is_shown_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path)
    called = chatty(lines=3)
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "chatty: start \\u001b]52;c;eA==\\u0007",
        "chatty: line 0",
        "chatty: line 1",
        "chatty: line 2",
        "chatty: no end",
    ]
    assert (called.state, called.state.name) == ("FINAL", "FINAL")


def test_a_call_that_fails_has_its_state_and_shows_what_it_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, raise_on_error=False)
    assert fail().state == "FINAL"
    assert "fail: ValueError: on purpose" in capsys.readouterr().out


def test_calls_are_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, raise_on_error=False)
    names = [double(number=4).name, fail().name]
    monkeypatch.setenv("MLPLAT_HOME", str(tmp_path))
    phases = {row["name"]: row["phase"] for row in json.loads(told(capsys, "get", "runs", "-o", "json")[0])}
    assert phases == dict(zip(names, ("Succeeded", "Failed"), strict=True))
    rows = json.loads(told(capsys, "get", "parameters", names[0], "-o", "json")[0])
    assert 8 in [row["value"] for row in rows if row["direction"] == "output"]
    assert "on purpose" in told(capsys, "logs", names[1])[0]


def test_calls_are_in_the_record_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPLAT_STORE", str(tmp_path / "shared.db"))
    init(tmp_path / "root")
    name = double(number=4).name
    with metadata.open_store(tmp_path / "shared.db") as store:
        assert store.run(name).phase == "Succeeded"


@pytest.mark.parametrize("cached", [False, True])
def test_calls_run_without_the_packages_of_the_record(cached: bool, tmp_path: Path) -> None:
    for package in ("alembic", "rich", "sqlalchemy"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ModuleNotFoundError")
    (tmp_path / "program.py").write_text(f"""
from mlplat import dsl, local

@dsl.component
def stamp() -> str:
    import uuid

    return str(uuid.uuid4())

local.init(local.SubprocessRunner(), pipeline_root="root", enable_caching={cached})
print(len({{stamp().output, stamp().output}}))
""")
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", f"{1 if cached else 2}\n")


def test_what_failed_is_what_the_terminal_says(tmp_path: Path) -> None:
    @dsl.component
    def check(number: int) -> None:
        assert number != 2, f"not {number}"

    @dsl.pipeline
    def loops() -> None:
        with dsl.ParallelFor([1, 2, 3]) as number:
            check(number=number).set_retry(1)

    init(tmp_path)
    with pytest.raises(local.RunFailedError) as raised:
        loops()
    (reason,) = raised.value.diagnostics
    assert reason.path.startswith("for-loop-2.iteration(1:")
    assert reason.path.endswith(").check")
    assert f"{reason.message} {reason.hint}".count("AssertionError: not 2") == 1


def test_a_run_that_was_taken_out_of_the_record_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path)
    name = double(number=4).name
    monkeypatch.setenv("MLPLAT_HOME", str(tmp_path))
    told(capsys, "get", "runs")
    with metadata.open_store(tmp_path / "mlplat.db") as store:
        store.delete_run(name)
    assert json.loads(told(capsys, "get", "runs", "-o", "json")[0]) == []
