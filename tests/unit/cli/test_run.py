"""Runs on this machine, as a person sees them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import main
from tests.unit.engine.manifests import ends
from tests.unit.waiting import until

PROGRAM = """
from typing import List
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Metrics, Model, Output

@dsl.component
def make(size: int, data: Output[Dataset]) -> None:
    print("making", size)
    open(data.path, "w").write("x" * size)

@dsl.component
def measure(data: Input[Dataset], metrics: Output[Metrics]) -> float:
    size = len(open(data.path).read())
    metrics.log_metric("size", size)
    return float(size)

@dsl.component
def shout(text: str) -> str:
    return text.upper()

@dsl.component
def broken(size: float) -> int:
    print("last words")
    raise RuntimeError("broken on purpose")

@dsl.pipeline
def small(size: int = 3, names: List[str] = ["a", "b"], threshold: float = 2.0):
    made = make(size=size)
    measured = measure(data=made.output)
    with dsl.If(measured.outputs["Output"] > threshold):
        shout(text="big")
    with dsl.ParallelFor(names) as name:
        shout(text=name)

@dsl.pipeline
def failing(size: int = 3):
    measured = measure(data=make(size=size).output)
    number = broken(size=measured.outputs["Output"])
    make(size=number.output)
"""


def run(capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> str:
    capsys.readouterr()
    code = main(list(words))
    out, err = capsys.readouterr()
    assert code == expected, err + out
    return out


def finished(capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(capsys, "run", *words, "-o", "json", expected=expected))
    return result


def phases(workflow: dict[str, Any]) -> dict[str, str]:
    return {node["displayName"]: node["phase"] for node in workflow["status"]["nodes"].values()}


def test_tree_tells_what_ran_and_what_came_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "run", "program.py:small", "--name", "first")
    assert "first  Succeeded" in out
    assert "✔ measure" in out
    assert "size=3" in out
    assert "Output=BIG" in out
    assert "iteration(1:1 b)" in out
    assert ".mlplat/artifacts/first/make/data.dataset" in out
    assert (folder / ".mlplat/artifacts/first/make/data.dataset").read_text() == "xxx"
    assert "mlplat get tasks first" in out


def test_a_long_row_of_omitted_tasks_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loop.py").write_text(
        "from mlplat import dsl\n"
        "@dsl.component\n"
        "def add(count: int) -> int:\n"
        "    if count > 1:\n"
        "        raise ValueError\n"
        "    return count + 1\n"
        "again = dsl.do_while(add, lambda step: step.output < LIMIT, max_iterations=20, carry={'count': 'Output'})\n"
        "@dsl.pipeline\n"
        "def p():\n"
        "    again(count=0)\n"
    )
    program = (folder / "loop.py").read_text()
    (folder / "loop.py").write_text(program.replace("LIMIT", "1"))
    out = run(capsys, "run", "loop.py")
    assert "○ iteration-2  skipped" in out
    assert "○ iteration-3 … iteration-20  18 omitted" in out
    (folder / "loop.py").write_text(program.replace("LIMIT", "9"))
    out = run(capsys, "run", "loop.py", expected=1)
    assert "not run because of it: add-loop.iteration-4, add-loop.iteration-5" in out
    assert "iteration-13 and 7 more" in out


def test_what_a_loop_left_out_when_it_was_done_is_not_told_with_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop.py").write_text(
        "from mlplat import dsl\n"
        "@dsl.component\n"
        "def add(count: int) -> int:\n"
        "    return count + 1\n"
        "@dsl.component\n"
        "def broken():\n"
        "    raise ValueError\n"
        "@dsl.component\n"
        "def bye(): ...\n"
        "again = dsl.do_while(add, lambda step: step.output < 1, max_iterations=9, carry={'count': 'Output'})\n"
        "@dsl.pipeline\n"
        "def p():\n"
        "    failed = broken().after(again(count=0))\n"
        "    bye().after(bye().after(failed))\n"
    )
    out = run(capsys, "run", "loop.py", expected=1)
    assert "○ iteration-3 … iteration-9  7 omitted" in out
    assert "not run because of it: bye-2, bye\n" in out


def test_so_is_one_of_skipped_tasks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "from mlplat import dsl\nfrom mlplat.dsl import Dataset, Input\n"
        "@dsl.component\ndef f(data: Input[Dataset]) -> str:\n    return open(data.path).read()\n"
        "@dsl.pipeline\ndef p(where: str):\n    f(data=dsl.importer(where, Dataset).output)\n"
    )
    (folder / "imports.py").write_text(source)
    out = run(capsys, "run", "imports.py", "-p", f"where={folder}/imports.py")
    assert "○ fetch-https … fetch-s3  5 skipped" in out


def test_branch_is_skipped_below_the_threshold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phases(finished(capsys, "program.py:small", "-p", "threshold=5"))["condition-1"] == "Skipped"


def test_second_run_takes_results_from_the_cache(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "run", "program.py:small")
    assert run(capsys, "run", "program.py:small").count("(cached)") == 5
    assert run(capsys, "run", "program.py:small", "-p", "size=4").count("(cached)") == 3
    assert run(capsys, "run", "program.py:small", "--no-cache").count("(cached)") == 0
    assert "deleted 7 cached results" in run(capsys, "cache", "clear")
    assert run(capsys, "run", "program.py:small").count("(cached)") == 0


def test_cache_forgets_a_result_whose_artifact_is_gone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:small", "--name", "first")
    (folder / ".mlplat/artifacts/first/make/data.dataset").unlink()
    nodes = finished(capsys, "program.py:small")["status"]["nodes"].values()
    hits = {node["displayName"]: node.get("memoizationStatus", {}).get("hit") for node in nodes}
    assert hits["make"] is False


def test_failed_task_shows_its_last_lines_and_what_did_not_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, "run", "program.py:failing", expected=1)
    assert "broken failed: main: Error (exit code 1)" in out
    assert "| last words" in out
    assert "| RuntimeError: broken on purpose" in out
    assert "runtime.py" not in out
    assert "not run because of it: make-2" in out
    assert "--resume" in out


def test_resumed_run_keeps_what_succeeded_and_takes_the_repaired_program(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:failing", "--no-cache", "--name", "again", "-p", "size=7", expected=1)
    repaired = PROGRAM.replace('raise RuntimeError("broken on purpose")', "return int(size)")
    (folder / "program.py").write_text(repaired)
    workflow = finished(capsys, "program.py:failing", "--no-cache", "--resume", "again")
    assert workflow["status"]["phase"] == "Succeeded"
    assert (folder / ".mlplat/artifacts/again/make-2/data.dataset").read_text() == "x" * 7
    made = [node for node in workflow["status"]["nodes"].values() if node["displayName"] == "make"]
    assert "making 7" in (folder / ".mlplat/logs/again" / f"{made[0]['id']}.log").read_text()


BOUND = """
import json
from typing import List, Optional
from mlplat import dsl

@dsl.component
def show(out: str, values: dict, words: list, braces: str, empty: str, note: Optional[str] = None,
         count: Optional[int] = None, ratio: float = 0.5, flag: bool = True) -> str:
    import json, os
    held = [values, words, braces, empty, note, count, ratio, flag]
    with open(out, "a") as file:
        file.write(json.dumps(held) + "\\n")
    raise RuntimeError("broken")

@dsl.pipeline
def bound(out: str, values: dict = {"a": {"b": "{{x}}"}}, words: List[str] = ["$(HOME)", "{{"],
          braces: str = 'a"b {{x}}', empty: str = "", note: Optional[str] = None,
          count: Optional[int] = None, ratio: float = 3, flag: bool = False,
          unused: str = "{{y}}", nothing: Optional[str] = None):
    show(out=out, values=values, words=words, braces=braces, empty=empty, note=note, count=count, ratio=ratio,
         flag=flag).set_caching_options(False)
"""


def shown(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "shown").read_text().splitlines()]


@pytest.mark.parametrize("is_manifest", [False, True])
def test_a_resumed_run_has_its_values_as_they_were_bound(
    is_manifest: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bound.py").write_text(BOUND)
    given: tuple[str, ...] = ("bound.py", "-p", f"out={folder}/shown")
    if is_manifest:
        run(capsys, "compile", *given, "-o", "bound.yaml")
        given = ("bound.yaml",)
    run(capsys, "run", *given, "--name", "first", expected=1)
    run(capsys, "run", given[0], "--resume", "first", expected=1)
    run(capsys, "run", given[0], "--resume", "first", expected=1)
    first, *others = shown(folder)
    assert first == [{"a": {"b": "{{x}}"}}, ["$(HOME)", "{{"], 'a"b {{x}}', "", None, None, 3, False]
    assert others == [first, first]


def test_a_manifest_that_was_compiled_again_has_the_values_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bound.py").write_text(BOUND)
    compiled = ("compile", "bound.py", "-o", "bound.yaml", "-p", f"out={folder}/shown")
    run(capsys, *compiled, "-p", 'braces="$ plain', "-p", "note=3")
    run(capsys, "run", "bound.yaml", "--name", "first", expected=1)
    run(capsys, *compiled)
    run(capsys, "run", "bound.yaml", "--resume", "first", "-p", "flag=true", expected=1)
    assert shown(folder)[1] == [*shown(folder)[0][:-1], True]
    assert shown(folder)[1][2:5] == ['"$ plain', "", "3"]


def test_a_repaired_program_has_the_values_that_nothing_read_before(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bound.py").write_text(BOUND)
    run(capsys, "run", "bound.py", "--name", "first", "-p", f"out={folder}/shown", expected=1)
    changed = BOUND.replace("braces=braces", "braces=unused").replace("note=note", "note=nothing")
    (folder / "bound.py").write_text(changed.replace('"{{y}}"', '"z"'))
    run(capsys, "run", "bound.py", "--resume", "first", expected=1)
    assert shown(folder)[1][2:5] == ["{{y}}", "", None]


def test_a_large_value_is_there_when_a_run_continues(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bound.py").write_text(BOUND)
    values = {"words": ["{{é$"] * 20_000, "empty": "x" * 40_000, "out": str(folder / "shown")}
    (folder / "values.json").write_text(json.dumps(values))
    run(capsys, "run", "bound.py", "--name", "first", "-f", "values.json", expected=1)
    run(capsys, "run", "bound.py", "--resume", "first", expected=1)
    assert shown(folder)[1] == shown(folder)[0]
    assert shown(folder)[1][1] == values["words"]
    run(capsys, "run", "bound.py", "--resume", "first", "-p", 'words=["a"]', "-p", "empty=b", expected=1)
    run(capsys, "run", "bound.py", "--resume", "first", expected=1)
    assert [one[1] for one in shown(folder)[2:]] == [["a"], ["a"]]


CHANGED = """
from typing import Optional
from mlplat import dsl

@dsl.component
def broken(x: {type} = None):
    raise RuntimeError("broken")

@dsl.pipeline
def changed(x: {declared}):
    broken(x=x)
"""


@pytest.mark.parametrize(
    ("before", "after", "anew", "message"),
    [
        ("str = '{{x}}'", "int = 0", "3", "parameter 'x' is declared int, but was '{{x}}'"),
        ("str = '3'", "int = 0", "3", "parameter 'x' is declared int, but was '3'"),
        ("bool = False", "dict = {}", '{"a": 1}', "parameter 'x' is declared dict, but was False"),
        ("Optional[int] = None", "int", "1", "parameter 'x' is declared int, but had no value"),
        ("int = 3", "str = ''", "a text", "parameter 'x' is declared str, but was 3"),
    ],
)
def test_a_value_that_the_repaired_program_does_not_take_is_reported(
    before: str, after: str, anew: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(declared: str) -> None:
        text = CHANGED.format(type=declared.partition(" = ")[0], declared=declared)
        (folder / "changed.py").write_text(text)

    write(before)
    run(capsys, "run", "changed.py", "--name", "first", expected=1)
    write(after)
    capsys.readouterr()
    assert main(["run", "changed.py", "--resume", "first"]) == 2
    assert f"error MLP403: {message} in the run first\n  hint: set it again: -p x=" in capsys.readouterr().err
    workflow = finished(capsys, "changed.py", "--resume", "first", "-p", f"x={anew}", expected=1)
    assert workflow["spec"]["arguments"]["parameters"] == [{"name": "x", "value": anew}]


def test_resuming_an_unknown_run_names_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "run", "program.py:small", "--name", "first")
    assert main(["run", "program.py:small", "--resume", "firts"]) == 2
    assert "did you mean 'first'?" in capsys.readouterr().err


def test_record_lists_runs_tasks_artifacts_and_metrics(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:small", "--name", "first")
    assert "first" in run(capsys, "get", "runs")
    assert "measure" in run(capsys, "get", "tasks", "first")
    artifacts = run(capsys, "get", "artifacts", "first").splitlines()
    assert sorted(row.split()[:3] for row in artifacts[1:]) == [
        ["make", "data", "system.Dataset"],
        ["measure", "metrics", "system.Metrics"],
    ]
    metrics = json.loads(run(capsys, "get", "metrics", "first", "-o", "json"))
    assert [(metric["name"], metric["value"]) for metric in metrics] == [("size", 3.0)]
    assert run(capsys, "logs", "first", "make") == "making 3\n"


def test_log_of_an_unknown_task_names_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "run", "program.py:small", "--name", "first")
    assert main(["logs", "first", "mesure"]) == 2
    assert "did you mean 'measure'?" in capsys.readouterr().err


def test_compiled_manifest_runs_as_the_program_does(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "compile", "program.py:small", "-o", "small.yaml")
    run(capsys, "compile", "program.py:small", "--to", "ir", "-o", "ir.yaml")
    runs = []
    for number, words in enumerate(
        (["program.py:small", "--no-cache"], ["small.yaml", "-p", "size=3"], ["ir.yaml"])
    ):
        monkeypatch.setenv("MLPLAT_HOME", str(folder / f"home{number}"))
        runs.append(finished(capsys, *words, "--name", "run"))
    program, manifest, from_ir = runs
    assert phases(program) == phases(manifest) == phases(from_ir)


def test_file_given_by_a_relative_path_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data.csv").touch()
    source = "from mlplat import dsl\n@dsl.component\ndef f(x: str): ...\n@dsl.pipeline\ndef p(x: str):\n    f(x=x)\n"
    (folder / "paths.py").write_text(source)
    assert main(["run", "paths.py", "-p", "x=data.csv"]) == 0
    error = capsys.readouterr().err
    assert "x=data.csv is a file in this folder" in error
    assert str(folder / "data.csv") in error


def test_parameter_file_holds_what_no_command_line_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (
        "from mlplat import dsl\n@dsl.component\ndef f(x: str) -> int:\n    return len(x)\n"
        "@dsl.pipeline\ndef p(x: str):\n    f(x=x)\n"
    )
    (folder / "large.py").write_text(source)
    (folder / "arguments.json").write_text(json.dumps({"x": "é{{" * 100_000}))
    nodes = finished(capsys, "large.py", "-f", "arguments.json")["status"]["nodes"].values()
    (length,) = [node["outputs"]["parameters"][0]["value"] for node in nodes if node["displayName"] == "f"]
    assert length == "300000"


def printed(folder: Path, name: str) -> str:
    """Return what the only task of a run has printed, once it has."""

    def texts() -> str:
        return "".join(file.read_text() for file in folder.glob(f".mlplat/logs/{name}/*.log"))

    until(lambda: texts().strip())
    return texts()


def test_an_interrupt_stops_every_child_and_the_run_can_continue(folder: Path) -> None:
    source = (
        "from mlplat import dsl\n@dsl.component\ndef f() -> int:\n    import os, time\n"
        "    print(os.getpid(), flush=True)\n    time.sleep(600)\n@dsl.pipeline\ndef p():\n    f()\n"
    )
    (folder / "long.py").write_text(source)
    command = [sys.executable, "-m", "mlplat", "run", "long.py", "--name", "long"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child = int(printed(folder, "long"))
    listed = subprocess.run([*command[:3], "get", "runs"], capture_output=True, text=True, check=True).stdout
    assert "Running" in listed
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped with strategy 'Stop'" in out
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_killed_run_has_ended_and_can_continue(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "from mlplat import dsl\n@dsl.component\ndef f(flag: str) -> int:\n    import os, time\n"
        "    print(os.getpid(), flush=True)\n    time.sleep(0 if os.path.exists(flag) else 600)\n    return 1\n"
        "@dsl.pipeline\ndef p(flag: str):\n    f(flag=flag)\n"
    )
    (folder / "long.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "mlplat",
        "run",
        "long.py",
        "--name",
        "long",
        "-p",
        f"flag={folder}/flag",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child = int(printed(folder, "long"))
    until(lambda: '"displayName": "f"' in (folder / ".mlplat/runs/long/workflow.json").read_text())
    process.kill()
    process.communicate()
    assert ends(child)
    (row,) = json.loads(run(capsys, "get", "runs", "-o", "json"))
    assert row["phase"] == "Error"
    assert "mlplat retry long" in row["message"]
    assert "mlplat retry long" in run(capsys, "get", "runs")
    (task,) = json.loads(run(capsys, "get", "tasks", "long", "-o", "json"))
    assert (task["phase"], task["message"]) == ("Error", "the process that ran it ended early")
    (folder / "flag").touch()
    assert "Succeeded" in run(capsys, "retry", "long")
    (row,) = json.loads(run(capsys, "get", "runs", "-o", "json"))
    assert row["phase"] == "Succeeded"


def test_a_name_is_given_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "run", "program.py:small", "--name", "first")
    before = json.loads(run(capsys, "get", "tasks", "first", "-o", "json"))
    assert main(["run", "program.py:small", "--name", "first", "-p", "size=4"]) == 2
    assert "MLP415: first: a run of this name exists already" in capsys.readouterr().err
    assert json.loads(run(capsys, "get", "tasks", "first", "-o", "json")) == before


def test_the_outputs_of_the_pipeline_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "from typing import NamedTuple\nfrom mlplat import dsl\nfrom mlplat.dsl import Dataset, Output\n"
        "@dsl.component\ndef make(data: Output[Dataset]) -> float:\n"
        "    open(data.path, 'w').write('x')\n    return 0.5\n"
        "@dsl.pipeline\ndef p() -> NamedTuple('Given', accuracy=float, rows=Dataset):\n"
        "    made = make()\n    from collections import namedtuple\n"
        "    return namedtuple('Given', 'accuracy rows')(made.outputs['Output'], made.outputs['data'])\n"
    )
    (folder / "gives.py").write_text(source)
    out = run(capsys, "run", "gives.py", "--name", "first")
    assert "outputs\n  accuracy  0.5\n  rows  .mlplat/artifacts/first/make/data.dataset\n" in out


def test_missing_extra_is_named(folder: Path) -> None:
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from mlplat.cli import main; sys.exit(main(['run', 'program.py:small']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "hint: pip install 'mlplat[local]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_flag_is_reported_in_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "program.py", "--engin", "argo"]) == 2
    assert "error MLP001: unknown option --engin\n  hint: did you mean '--engine'?" in capsys.readouterr().err


def test_an_unwritable_state_folder_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("MLPLAT_HOME", str(folder / "file" / "state"))
    assert main(["run", "program.py:small"]) == 1
    error = capsys.readouterr().err
    assert "error MLP601: cannot store state in" in error
    assert "MLPLAT_HOME" in error


SLOW = """
from mlplat import dsl

@dsl.component
def first() -> int:
    print("begun")
    return 1

@dsl.component
def second(count: int) -> int:
    import os, time
    while not os.path.exists("GATE"):
        time.sleep(0.1)
    return count

@dsl.component
def fails() -> int:
    print("tried")
    raise ValueError

@dsl.pipeline
def slow():
    second(count=first().output)

@dsl.pipeline
def tries():
    fails().set_retry(1)
"""


def test_a_running_run_can_be_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "slow.py").write_text(SLOW.replace("GATE", str(folder / "gate")))
    command = [sys.executable, "-m", "mlplat", "run", "slow.py:slow", "--name", "going"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            printed(folder, "going")
            # What a task prints may be there a moment before its node is.
            until(lambda: "first: begun" in run(capsys, "logs", "going"))
            assert "first" in run(capsys, "get", "tasks", "going")
        finally:
            (folder / "gate").touch()
            process.wait(60)


def test_the_log_of_a_task_has_its_attempts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "slow.py").write_text(SLOW)
    run(capsys, "run", "slow.py:tries", "--name", "tried", expected=1)
    assert run(capsys, "logs", "tried", "fails").count("tried\n") == 2


def test_only_an_unsuccessful_run_of_the_same_pipeline_continues(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:small", "--name", "done")
    assert main(["run", "program.py:small", "--resume", "done"]) == 2
    assert "MLP412" in capsys.readouterr().err
    assert main(["run", "program.py:failing", "--resume", "done"]) == 2
    assert "MLP414" in capsys.readouterr().err


def test_what_another_run_wrote_over_is_not_taken_from_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:small", "--name", "same", "-p", "size=3")
    shutil.rmtree(folder / ".mlplat/runs/same")
    run(capsys, "run", "program.py:small", "--name", "same", "-p", "size=5")
    assert run(capsys, "run", "program.py:small", "-p", "size=5").count("(cached)") == 5
    again = run(capsys, "run", "program.py:small", "--name", "third", "-p", "size=3")
    assert "✔ make  (cached)" not in again
    assert (folder / ".mlplat/artifacts/third/make/data.dataset").read_text() == "xxx"


def test_metrics_are_printed_by_task(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "run", "program.py:small", "--name", "measured")
    assert "measure  metrics   size    3" in run(capsys, "get", "metrics", "measured")


LOOP = """
from mlplat import dsl

@dsl.component
def add(count: int = 0) -> int:
    return count + 1

loop = dsl.do_while(add, lambda step: step.output < 3, max_iterations=9, carry={"count": "Output"})

@dsl.pipeline
def own(count: int = 0) -> int:
    return add(count=count).output
"""


@pytest.mark.parametrize(("name", "given"), [("loop", 3), ("add", 1), ("own", 1)])
def test_any_component_runs_by_its_name(
    name: str, given: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop.py").write_text(LOOP)
    done = finished(capsys, f"loop.py:{name}")
    (found,) = {
        parameter["value"]
        for node in done["status"]["nodes"].values()
        if node["name"] == done["metadata"]["name"]
        for parameter in node["outputs"]["parameters"]
    }
    assert json.loads(found) == given


def test_a_loop_is_what_a_file_holds_when_nothing_calls_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop.py").write_text(LOOP.partition("@dsl.pipeline")[0])
    assert "Succeeded" in run(capsys, "run", "loop.py")
    (folder / "loop.py").write_text(LOOP.replace("add(count=count)", "loop(count=count)"))
    assert "own-" in run(capsys, "run", "loop.py")
    (folder / "loop.py").write_text(LOOP)
    assert "own-" in run(capsys, "run", "loop.py")


def test_an_unknown_name_is_reported_with_the_nearest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop.py").write_text(LOOP)
    assert main(["run", "loop.py:lop"]) == 2
    error = capsys.readouterr().err
    assert "no pipeline or component 'lop' found" in error
    assert "did you mean 'loop'?" in error


def test_what_a_run_imports_is_among_its_artifacts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "imports.py").write_text(
        "from mlplat import dsl\nfrom mlplat.dsl import Dataset, Input\n\n"
        "@dsl.component\ndef f(data: Input[Dataset]) -> str:\n    return data.uri\n\n"
        "@dsl.pipeline\ndef p(where: str):\n    f(data=dsl.importer(where, Dataset).output)\n"
    )
    assert main(["run", "imports.py", "-p", "where=/data/rows.csv", "--name", "importing"]) == 0
    capsys.readouterr()
    assert main(["get", "artifacts", "importing"]) == 0
    assert "/data/rows.csv" in capsys.readouterr().out


def test_artifacts_of_containers_are_those_that_they_wrote(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "writing.py").write_text(
        "from mlplat import dsl\nfrom mlplat.dsl import Dataset, Output\n\n"
        "@dsl.container_component\ndef write(command: str, data: Output[Dataset]):\n"
        "    return dsl.ContainerSpec(image='i', command=['sh', '-c', command], args=[data.path])\n\n"
        "@dsl.pipeline\ndef p():\n"
        "    write(command='echo abc > $0')\n    write(command='exit 1')\n"
        "    write(command='echo abc > $0; exit 1')\n"
    )
    out = run(capsys, "run", "writing.py", "--name", "writing", expected=1)
    _, _, shown = out.partition("\nartifacts\n")
    rows = [line.split() for line in shown.splitlines()[:2]]
    assert [row[:2] for row in rows] == [["write.data", "system.Dataset"], ["write-3.data", "system.Dataset"]]
    assert rows[0][2:] == [".mlplat/artifacts/writing/write/data.dataset"]
    assert shown.splitlines()[2].startswith("write-")


def test_state_of_this_machine_is_for_this_user_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "run", "program.py:small")
    assert (folder / ".mlplat").stat().st_mode & 0o777 == 0o700


def test_the_report_names_tasks_by_their_paths_and_an_artifact_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "looping.py").write_text(
        "from mlplat import dsl\nfrom mlplat.dsl import Dataset, Output\n\n"
        "@dsl.component\ndef make(n: int, data: Output[Dataset]) -> int:\n"
        "    open(data.path, 'w').write('x')\n    return 6 // n\n\n"
        "@dsl.pipeline\ndef p():\n    make(n=2).set_retry(1)\n"
        "    with dsl.ParallelFor([1, 0], name='each') as n:\n        make(n=n)\n"
    )
    out = run(capsys, "run", "looping.py", "--name", "looping", expected=1)
    _, _, shown = out.partition("\nartifacts\n")
    rows = [line for line in shown.splitlines() if line.startswith("  ") and "|" not in line]
    assert [row.strip().split("  ")[0] for row in rows] == ["make.data", "each.iteration(0:0 1).make-2.data"]
    assert "each.iteration(1:1 0).make-2 failed: main: Error" in out


def test_what_argo_refuses_does_not_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = {"image": "i", "command": ["sh", "-c"]}
    templates = [
        {"name": "main", "container": {**shell, "args": ["touch ran"]}},
        {"name": "note", "container": {**shell, "args": ["echo {{workflow.failures}}"]}},
    ]
    spec = {"entrypoint": "main", "hooks": {"exit": {"template": "note"}}, "templates": templates}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": spec,
    }
    (folder / "w.json").write_text(json.dumps(document))
    assert main(["run", "w.json"]) == 2
    assert "MLP518: spec.templates.note.container.args[0]: {{workflow.failures}}" in capsys.readouterr().err
    assert not (folder / ".mlplat").exists()
