"""The commands that read the record, as a person uses them."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import main
from mlplat.cli.output import table
from mlplat.metadata import open_store
from tests.unit.cli.commands import told

PROGRAM = """
from typing import List
from mlplat import dsl
from mlplat.dsl import Dataset, Metrics, Output

@dsl.component
def fit(rate: int, data: Output[Dataset], metrics: Output[Metrics]) -> None:
    import os
    print("fit", rate)
    open(data.path, "w").write("x" * rate)
    metrics.log_metric("rate", rate)

@dsl.component
def say(text: str) -> str:
    print("say", text)
    return text

@dsl.component
def fails(text: str) -> str:
    print("tried")
    raise RuntimeError("no")

@dsl.pipeline
def p(rates: List[int] = [1, 2, 3], go: bool = False):
    with dsl.ExitHandler(say(text="bye"), name="guard"):
        with dsl.ParallelFor(rates, name="rates") as rate:
            fit(rate=rate)
        with dsl.If(go == True, name="branch"):
            say(text="never")
        late = say(text="late").set_display_name("Late one")
        say(text=fails(text=late.output).output).set_display_name("After it")

@dsl.pipeline
def tries(times: List[str] = ["a", "b"]):
    fails(text="x").set_retry(1)

@dsl.pipeline
def many(texts: List[str] = ["a", "b"]):
    with dsl.ParallelFor(texts, name="texts") as text:
        fails(text=text)

@dsl.pipeline
def good(rates: List[int] = [1, 2, 3]):
    with dsl.ParallelFor(rates, name="rates") as rate:
        fit(rate=rate)
"""
ITERATIONS = [f"guard.rates.iteration({number}:{number} {number + 1}).fit" for number in range(3)]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that failed."""
    place = tmp_path_factory.mktemp("failed")
    (place / "program.py").write_text(PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MLPLAT_HOME", raising=False)
        assert main(["run", "program.py:p", "--name", "first", "--no-cache"]) == 1
    return place


@pytest.fixture
def first(folder: Path, failed: Path) -> Path:
    """The working directory, as a run that failed left it."""
    shutil.copytree(failed, folder, dirs_exist_ok=True)
    return folder


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """Return the cells of each row."""
    return [re.split(r" {2,}", line.strip()) for line in told(capsys, *words)[0].splitlines()[1:]]


@pytest.mark.parametrize(
    ("task", "lines"),
    [
        (ITERATIONS[0], "fit 1\n"),
        (f"first.{ITERATIONS[2]}", "fit 3\n"),
        ("Late-one", "say late\n"),
        ("Late one", "say late\n"),
        ("guard.Late-one", "say late\n"),
        ("iteration(1:1 2)", "fit 2\n"),
        ("iteration(1:1)", "fit 2\n"),
        ("guard.rates.iteration(1).fit", "fit 2\n"),
        ("fit", "".join(f"{path}: fit {number + 1}\n" for number, path in enumerate(ITERATIONS))),
        ("rates", "".join(f"{path}: fit {number + 1}\n" for number, path in enumerate(ITERATIONS))),
    ],
)
def test_logs_takes_every_spelling_of_a_task(
    task: str, lines: str, first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = told(capsys, "logs", "first", task)
    assert sorted(out.splitlines()) == lines.splitlines()


def test_a_task_runs_again_by_every_spelling(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py:good", "--name", "good", "--no-cache")
    told(capsys, "retry", "good", "--task", "rates.iteration(1:1).fit")
    assert told(capsys, "logs", "good", "fit")[0].count("fit 2\n") == 2
    assert told(capsys, "logs", "good", "fit")[0].count("fit 1\n") == 1


def test_iterations_have_distinct_names(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {row[0] for row in listed(capsys, "get", "tasks", "first")}
    assert names >= {*ITERATIONS, "guard.Late-one", "say"}
    out, _ = told(capsys, "logs", "first")
    assert {f"{path}: fit {number + 1}" for number, path in enumerate(ITERATIONS)} <= set(out.splitlines())


def test_runs_tell_which_tasks_failed(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py:many", "--name", "many", expected=1)
    messages = {
        "first": "guard.fails: main: Error (exit code 1): RuntimeError: no",
        "many": "failed: texts.iteration(0:0 a).fails, texts.iteration(1:1 b).fails",
    }
    rows = json.loads(told(capsys, "get", "runs", "-o", "json")[0])
    assert {row["name"]: row["message"] for row in rows} == messages
    text, _ = told(capsys, "get", "runs")
    assert all(message in text for message in messages.values())


def test_runs_tell_nothing_of_those_that_succeeded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py:good")
    (row,) = json.loads(told(capsys, "get", "runs", "-o", "json")[0])
    assert row["message"] == ""


def test_a_run_that_does_not_exist_is_an_error_for_each_list(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = {
        told(capsys, "get", what, "frist", expected=2)[1]
        for what in ("runs", "tasks", "artifacts", "metrics")
    }
    (error,) = errors
    assert "run 'frist' not found in the record" in error
    assert "did you mean 'first'?" in error


@pytest.mark.parametrize("what", ["runs", "artifacts"])
def test_a_folder_without_state_has_no_runs(
    what: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "get", what)[0] == f"no runs in {folder}/.mlplat\n"
    assert told(capsys, "get", what, "-o", "json")[0] == "[]\n"
    assert not (folder / ".mlplat").exists()


def test_a_list_with_columns_says_too_that_there_are_no_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("get", "runs", "--columns", "name")
    assert told(capsys, *words)[0] == f"no runs in {folder}/.mlplat\n"
    assert told(capsys, *words, "-o", "json")[0] == "[]\n"


def test_an_empty_list_says_so_instead_of_printing_titles(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("get", "runs", "--filter", "name=other")
    assert told(capsys, *words)[0] == "no runs found\n"
    assert told(capsys, *words, "-o", "json")[0] == "[]\n"


def test_an_empty_record_elsewhere_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPLAT_STORE", f"sqlite:///{folder}/shared.db")
    error = told(capsys, "get", "runs", expected=2)[1]
    assert f"error MLP712: there is no record at {folder}/shared.db" in error
    assert not (folder / "shared.db").exists()
    open_store(folder / "shared.db").close()
    assert told(capsys, "get", "runs")[0] == f"no runs in {folder}/shared.db\n"


def test_columns_of_another_list_are_refused_before_its_run_is_missed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = told(capsys, "get", "tasks", "--columns", "name", expected=2)
    assert "--columns, --filter and --sort are for lists of runs" in err


@pytest.mark.parametrize("words", [("get", "runs"), ("get", "tasks", "first"), ("logs", "first")])
def test_state_that_is_not_a_folder_is_an_error(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".mlplat").touch()
    error = told(capsys, *words, expected=1)[1]
    assert f"error MLP601: {folder}/.mlplat is not a folder" in error
    assert "hint: set MLPLAT_HOME to a folder" in error


def test_reading_makes_no_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run 'first' not found" in told(capsys, "get", "tasks", "first", expected=2)[1]
    assert "run 'first' not found" in told(capsys, "logs", "first", expected=2)[1]
    assert told(capsys, "cache", "clear")[0] == "deleted 0 cached results\n"
    assert not (folder / ".mlplat").exists()


def test_artifacts_are_in_the_order_of_runs_tasks_and_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = ",".join(str(number) for number in range(12))
    told(capsys, "run", "program.py:good", "--name", "older", "-j", "4", "-p", f"rates=[{rates}]")
    expected = [
        [f"rates.iteration({number}:{number} {number}).fit", name]
        for number in range(12)
        for name in ("data", "metrics")
    ]
    assert [row[:2] for row in listed(capsys, "get", "artifacts", "older")] == expected
    digests = [
        row["metadata"] for row in json.loads(told(capsys, "get", "artifacts", "older", "-o", "json")[0])
    ]
    assert [one["rate"] for one in digests if "rate" in one] == list(range(12))
    time.sleep(1 - time.time() % 1)  # as in Kubernetes, runs of the same second have no order
    told(capsys, "run", "program.py:good", "--name", "newer", "--no-cache", "-p", "rates=[7]")
    every = listed(capsys, "get", "artifacts", "--limit", "100")
    newest = [["newer", "rates.iteration(0:0 7).fit", name] for name in ("data", "metrics")]
    assert [row[:3] for row in every] == [*newest, *(["older", *row] for row in expected)]
    assert told(capsys, "get", "artifacts")[0].startswith("RUN ")


def test_artifacts_of_the_cache_have_the_task_that_gave_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py:good", "--name", "older", "-p", "rates=[1,2,3]")
    told(capsys, "run", "program.py:good", "--name", "newer", "-p", "rates=[3,2]")
    rows = listed(capsys, "get", "artifacts", "newer")
    assert [(row[0], row[1], row[3]) for row in rows if row[1] == "data"] == [
        ("rates.iteration(0:0 3).fit", "data", "3"),
        ("rates.iteration(1:1 2).fit", "data", "2"),
    ]


def test_only_the_last_attempt_is_in_the_report(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(capsys, "retry", "first", expected=1)
    assert out.count("| tried\n") == 1
    assert "---" not in out
    log, _ = told(capsys, "logs", "first", "fails")
    once = log.partition("--- next attempt ---\n")[0]
    assert once.startswith("tried\n")
    assert log == f"{once}--- next attempt ---\n{once}"


def test_attempts_of_a_task_are_set_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py:tries", "--name", "tried", expected=1)
    log, _ = told(capsys, "logs", "tried", "fails")
    once = log.partition("--- next attempt ---\n")[0]
    assert log == f"{once}--- next attempt ---\n{once}"
    assert not told(capsys, "logs", "tried", "fails(1)")[0].count("---")
    out, _ = told(capsys, "retry", "tried", expected=1)
    assert out.count("| tried\n") == 1


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("branch", "guard.branch did not run: condition not met: if go == True"),
        ("After it", "guard.After-it did not run: omitted: depends condition not met"),
    ],
)
def test_the_log_of_what_did_not_run_tells_so(
    task: str, why: str, first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "logs", "first", task) == ("", f"{why}\n")


def test_the_log_of_what_came_from_the_cache_tells_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py:good", "--name", "first")
    told(capsys, "run", "program.py:good", "--name", "again", "-p", "rates=[1]")
    why = "rates.iteration(0:0 1).fit did not run: its results are from the cache"
    made = f"{why}, made by the run first; its log: mlplat logs first fit\n"
    assert told(capsys, "logs", "again", "fit") == ("", made)
    told(capsys, "cache", "clear")
    assert told(capsys, "logs", "again", "fit") == ("", f"{why}\n")


def test_the_log_of_a_run_from_the_cache_tells_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "again"):
        told(capsys, "run", "program.py:good", "--name", name, "-p", "rates=[1]")
    out, err = told(capsys, "logs", "again")
    assert out == ""
    assert (
        "rates.iteration(0:0 1).fit did not run: its results are from the cache, made by the run first" in err
    )


def test_tasks_from_the_cache_are_named_when_a_task_is_not_found(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "again"):
        told(capsys, "run", "program.py:good", "--name", name, "-p", "rates=[1]")
    assert main(["logs", "again", "fitt"]) == 2
    assert "hint: did you mean 'fit'?; available: fit" in capsys.readouterr().err


def test_logs_of_a_cluster_take_the_same_spellings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def node(name: str, kind: str = "Pod", **fields: Any) -> dict[str, Any]:
        shown = {"displayName": name.rpartition(".")[2], "type": kind, "phase": "Succeeded"}
        return {name: {"id": name, "name": name, **shown, **fields}}

    nodes = {
        **node("first", "DAG"),
        **node("first.rates.iteration(0:0).fit", startedAt="2026-01-01T00:00:01Z"),
        **node("first.rates.iteration(1:1).fit", startedAt="2026-01-01T00:00:02Z"),
        **node("first.Late-one", "Retry", children=["first.Late-one(0)", "first.Late-one(1)"]),
        **node("first.Late-one(0)"),
        **node("first.Late-one(1)"),
        **node("first.after", "Skipped", phase="Omitted", message="omitted: depends condition not met"),
    }
    monkeypatch.setattr("mlplat.k8s.read", lambda *_, **__: {"status": {"nodes": nodes}})
    monkeypatch.setattr("mlplat.k8s.logs", lambda _workflow, key, **_: [f"of {key}"])

    def logs(*task: str) -> tuple[str, str]:
        return told(capsys, "logs", "first", *task, "--engine", "argo")

    fits = [f"rates.iteration({number}:{number}).fit" for number in range(2)]
    assert logs(fits[1])[0] == f"of first.{fits[1]}\n"
    assert logs("fit")[0].splitlines() == [f"{fit}: of first.{fit}" for fit in fits]
    attempts = "of first.Late-one(0)\n--- next attempt ---\nof first.Late-one(1)\n"
    assert logs("Late one") == (attempts, "")
    assert logs("after") == ("", "after did not run: omitted: depends condition not met\n")
    assert len(logs()[0].splitlines()) == 4


LINEAGE = """
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Model, Output

@dsl.component
def make(rows: int, data: Output[Dataset]) -> str:
    open(data.path, "w").write("x" * rows)
    return "made {{x}}"

@dsl.component
def train(data: Input[Dataset], rate: float, model: Output[Model]):
    open(model.path, "w").write(str(rate))

@dsl.pipeline
def p(rate: float = 0.5) -> str:
    made = make(rows=3)
    train(data=made.outputs["data"], rate=rate)
    return made.outputs["Output"]
"""


def test_values_and_lineage_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lineage.py").write_text(LINEAGE)
    assert main(["run", "lineage.py", "--name", "first"]) == 0
    assert main(["run", "lineage.py", "--name", "second", "-p", "rate=0.25"]) == 0
    values = json.loads(told(capsys, "get", "parameters", "second", "-o", "json")[0])
    assert {(one["task"], one["direction"], one["name"], one["value"]) for one in values} == {
        ("second", "output", "Output", "made {{x}}"),
        ("make", "input", "rows", 3),
        ("make", "output", "Output", "made {{x}}"),
        ("train", "input", "rate", 0.25),
    }
    edges = json.loads(told(capsys, "get", "lineage", "second", "-o", "json")[0])
    assert [
        (one["task"], one["direction"], one["name"], one["made_by_run"], one["made_by_task"]) for one in edges
    ] == [
        ("make", "output", "data", "first", "make"),
        ("train", "input", "data", "first", "make"),
        ("train", "output", "model", "second", "train"),
    ]
    assert "first/make" in told(capsys, "get", "lineage", "second")[0]


def test_metrics_keep_their_types(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
from mlplat import dsl
from mlplat.dsl import Metrics, Output
@dsl.component
def log(metrics: Output[Metrics]):
    metrics.log_metric("framework", "xgboost")
    metrics.log_metric("converged", True)
    metrics.log_metric("epochs", 3)
    metrics.log_metric("loss", float("nan"))
    metrics.log_metric("best", -float("inf"))
    metrics.log_metric("accuracy", 0.98765432)
@dsl.pipeline
def logged():
    log()
"""
    (folder / "logged.py").write_text(source)
    out, err = told(capsys, "run", "logged.py", "--name", "logged")
    line = "framework=xgboost  converged=true  epochs=3  loss=nan  best=-inf  accuracy=0.987654"
    assert line in out
    assert line in err
    rows = json.loads(
        told(capsys, "get", "metrics", "logged", "-o", "json")[0],
        parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"),
    )
    assert {row["name"]: row["value"] for row in rows} == {
        "framework": "xgboost",
        "converged": True,
        "epochs": 3,
        "loss": "NaN",
        "best": "-Infinity",
        "accuracy": 0.98765432,
    }
    assert {row["name"]: type(row["value"]) for row in rows}["epochs"] is int
    lines = told(capsys, "get", "metrics", "logged")[0].splitlines()[1:]
    assert [line.split()[-2:] for line in lines] == [
        ["accuracy", "0.987654"],
        ["best", "-inf"],
        ["converged", "true"],
        ["epochs", "3"],
        ["framework", "xgboost"],
        ["loss", "nan"],
    ]


def test_columns_are_aligned_where_characters_are_two_cells_wide() -> None:
    written = table(["NAME", "PHASE"], [["訓練", "Failed"], ["train", "Succeeded"]])
    assert written.splitlines() == ["NAME   PHASE", "訓練   Failed", "train  Succeeded"]
