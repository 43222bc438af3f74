"""``mlplat report``, ``mlplat run --report`` and ``mlplat compare``, on runs of this machine."""

from __future__ import annotations

import html
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from mlplat import metadata, report
from mlplat.local.calls import Called
from mlplat.runs import reports, state
from mlplat.runs.machine import Machine
from mlplat.runs.pages.notebook import notebook_page
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl
from mlplat.dsl import HTML, ClassificationMetrics, Dataset, Input, Markdown, Metrics, Model, Output


@dsl.component
def load(rows: int, data: Output[Dataset]) -> int:
    with open(data.path, "w") as file:
        file.write("a,b\\n" + "".join(f"{i},{i * i}\\n" for i in range(rows)))
    print("loaded", rows, "rows")
    return rows


@dsl.component
def fit(rate: float, data: Input[Dataset], model: Output[Model], numbers: Output[Metrics]):
    open(model.path, "wb").write(b"\\0\\1")
    print("fitting with", rate)
    if rate > 0.35:
        raise ValueError("does not converge")
    numbers.log_metric("accuracy", 0.5 + rate)


@dsl.component
def show(page: Output[HTML], text: Output[Markdown], quality: Output[ClassificationMetrics]):
    open(page.path, "w").write("<script>parent.document.title = 'reached'</script><p>a chart</p>")
    open(text.path, "w").write("# Findings")
    quality.log_confusion_matrix(["cat", "dog"], [[41, 9], [3, 47]])


@dsl.component
def tell(what: str) -> str:
    return what


@dsl.pipeline(name="demo")
def demo(rows: int = 30, highest: float = 0.4, note: str = "</script><b>"):
    loaded = load(rows=rows)
    with dsl.ParallelFor([0.1, 0.2, 0.4]) as rate:
        fitted = fit(rate=rate, data=loaded.outputs["data"])
        tell(what="fitted").after(fitted)
    show().after(loaded)
    with dsl.If(loaded.outputs["Output"] > 10):
        tell(what=note)
"""


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a run that failed, called first."""
    told(capsys, "run", "program.py", "--name", "first", expected=1)
    return folder


def _read(folder: Path, name: str = "first") -> report.Report:
    home = folder / ".mlplat"
    with metadata.open_store(home / "mlplat.db") as store:
        return reports.of_record(store, name, home)


def test_a_report_is_one_file_with_all_of_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "report", "first", "-o", "page.html")
    assert err == "wrote page.html\n"
    page = (run / "page.html").read_text()
    shown = html.unescape(html.unescape(page))
    assert page.index(">Failures<") < page.index("ValueError: does not converge")
    for word in (
        "loaded 30 rows",
        "accuracy",
        "0.6",
        "<h1>Findings</h1>",
        "a chart",
        "cat",
        "47",
        "</script><b>",
    ):
        assert word in shown, word
    assert not re.search(r"<script", page)


def test_a_report_is_named_after_its_run_and_can_be_printed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "report", "first")
    out, _ = told(capsys, "report", "first", "-o", "-")
    assert out == (run / "first.html").read_text()


def test_a_run_writes_its_own_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "run", "program.py", "--name", "own", "--report", expected=1)
    assert "wrote own.html" in err
    own = (folder / "own.html").read_text()
    told(capsys, "report", "own", "-o", "again.html")
    assert (folder / "again.html").read_text() == own


def test_the_graph_has_the_edges_of_the_pipeline(run: Path) -> None:
    tasks = {task.path: task for task in _read(run).tasks}
    paths = {task.id: task.path for task in tasks.values()}
    after = {path: [paths[one] for one in task.after] for path, task in tasks.items()}
    first, last = "for-loop-2.iteration(0:0 0.1)", "for-loop-2.iteration(2:2 0.4)"
    assert after["load"] == []
    assert after["show"] == after["for-loop-2"] == after["condition-3"] == ["load"]
    assert after[first] == after[f"{first}.fit"] == []
    assert after[f"{first}.tell"] == [f"{first}.fit"]
    kinds = {task.kind: path for path, task in tasks.items()}
    assert kinds["loop"] == "for-loop-2"
    assert [path for path, task in tasks.items() if task.is_cause] == [f"{last}.fit"]
    assert tasks[f"{last}.tell"].phase == "Omitted"
    assert tasks["load"].log == report.LogView("loaded 30 rows\n")


def test_the_graph_is_drawn_from_the_record_alone(run: Path) -> None:
    before = {task.path: task.after for task in _read(run).tasks}
    for folder in ("runs", "logs", "artifacts"):
        shutil.rmtree(run / ".mlplat" / folder)
    assert {task.path: task.after for task in _read(run).tasks} == before
    assert any(before.values())


def test_cached_and_recorded_runs_have_the_same_artifacts(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py", "--name", "second", expected=1)
    one, two = _read(run), _read(run, "second")
    assert [(art.task, art.name, art.digest, art.content) for art in one.artifacts] == [
        (art.task, art.name, art.digest, art.content) for art in two.artifacts
    ]
    assert {task.path for task in two.tasks if task.cached} >= {"load", "show"}


def test_artifacts_that_are_gone_are_listed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (run / ".mlplat" / "artifacts").rglob("*"):
        if file.is_file():
            file.unlink()
    told(capsys, "report", "first", "-o", "page.html")
    assert "data.dataset" in (run / "page.html").read_text()


def test_large_contents_are_cut_or_left_out(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifacts = {one.name: run / one.place for one in _read(run).artifacts}
    artifacts["page"].write_bytes(b"<p>" + b"x" * 9_000_000)
    artifacts["data"].write_bytes(b"y\n" * 9_000_000)
    found = {one.name: one for one in _read(run).artifacts}
    assert found["page"].content is None
    assert found["page"].note == "It is too large for the report."
    assert not found["data"].is_whole
    assert len(found["data"].content or b"") < 100_000
    log = run / ".mlplat" / "logs" / "first"
    for file in log.glob("*.log"):
        file.write_text("z" * 79 + "\n" + "z" * 1_000_000)
    assert all(
        len(task.log.text) < 20_000 and not task.log.is_whole
        for task in _read(run).tasks
        if task.log and task.log.text
    )


def test_a_file_that_cannot_be_written_is_reported(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "report", "first", "-o", "no/such/folder.html", expected=2)
    assert "error MLP420: no/such/folder.html cannot be written: No such file or directory" in err
    assert "hint: create the folder: mkdir -p no/such\n" in err


def test_a_page_that_cannot_be_written_has_no_hint_about_an_option_of_another_command(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = told(capsys, "compare", "first", "first", "--html", ".", expected=2)
    assert (
        "error MLP420: . cannot be written: Is a directory\n  hint: choose a file that you may write to\n"
        in err
    )


def test_a_missing_package_is_named_with_its_extra(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    _, err = told(capsys, "report", "first", expected=2)
    assert "MLP002" in err
    assert "pip install 'mlplat[local]'" in err


def test_an_unknown_run_is_reported(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "report", "frist", expected=2)
    assert "did you mean 'first'?" in err


def test_runs_are_compared_with_differences_first(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py", "--name", "second", "-p", "rows=20", expected=1)
    out, _ = told(capsys, "compare", "first", "second")
    differing, same = out.split("same in all runs")
    lines = [line.split() for line in differing.splitlines()]
    assert lines[:3] == [["differences"], ["NAME", "first", "second"], ["parameter", "rows", "30", "20"]]
    assert lines[3][:3] == ["artifact", "load:", "data"]
    assert "accuracy" in same
    document = json.loads(told(capsys, "compare", "first", "second", "-o", "json")[0])
    assert document["runs"] == ["first", "second"]
    assert document["rows"][0] == {
        "group": "parameter",
        "name": "rows",
        "differs": True,
        "values": ["30", "20"],
    }
    told(capsys, "compare", "first", "second", "--html", "both.html")
    assert "<h2>Differences</h2>" in (run / "both.html").read_text()


def test_artifacts_without_content_are_compared_by_what_was_logged(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "scores.py").write_text(
        """
from mlplat import dsl
from mlplat.dsl import ClassificationMetrics, Output


@dsl.component
def score(right: int, quality: Output[ClassificationMetrics]):
    quality.log_confusion_matrix(["cat", "dog"], [[right, 9], [3, 47]])


@dsl.pipeline
def scores(right: int):
    score(right=right)
"""
    )
    for name, right in (("a", 1), ("b", 1), ("c", 2)):
        told(capsys, "run", "scores.py", "--name", name, "-p", f"right={right}")

    def differs(*names: str) -> bool:
        document = json.loads(told(capsys, "compare", *names, "-o", "json")[0])
        (row,) = (row for row in document["rows"] if row["group"] == "artifact")
        return bool(row["differs"])

    assert differs("a", "c")
    assert not differs("a", "b")


def test_one_run_cannot_be_compared(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "compare", "first", expected=2)
    assert "error MLP407: expected the names of two or more runs, got one" in err


def test_a_run_shows_itself_in_a_notebook(run: Path) -> None:
    machine = Machine(run / ".mlplat")
    workflow = machine.read("first")
    with machine.attach("first") as handle:
        handle.result()
        shown = handle._repr_html_()
    called = Called("first", {}, workflow, home=machine.home)
    assert shown == called._repr_html_()
    assert shown is not None
    assert shown.startswith('<iframe sandbox="allow-scripts" title="Run first"')
    assert "loaded 30 rows" in shown
    elsewhere = Called("first", {}, workflow)._repr_html_()
    assert elsewhere is not None
    assert "loaded 30 rows" not in elsewhere
    assert "does not converge" in elsewhere


def test_a_run_that_was_only_started_has_a_page_for_a_notebook() -> None:
    found = notebook_page({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {}}, None)
    assert found is not None
    assert "Pending" in found


def test_a_notebook_without_the_packages_of_a_page_shows_the_plain_value(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    assert notebook_page(Machine(run / ".mlplat").read("first"), run / ".mlplat") is None


def test_runs_are_listed_with_parameters_and_metrics(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py", "--name", "second", "-p", "rows=20", expected=1)
    words = ("--columns", "name,phase,parameter.rows,metric.accuracy", "--sort", "parameter.rows")
    out, _ = told(capsys, "get", "runs", *words)
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["NAME", "PHASE", "parameter.rows", "metric.accuracy"]
    assert [line[:3] for line in lines[1:]] == [["second", "Failed", "20"], ["first", "Failed", "30"]]
    assert {line[3] for line in lines[1:]} <= {"0.6", "0.7"}
    out, _ = told(capsys, "get", "runs", "--columns", "name", "--filter", "parameter.rows>20", "-o", "json")
    assert json.loads(out) == [{"name": "first"}]
    _, err = told(capsys, "get", "tasks", "first", "--sort", "name", expected=2)
    assert "--columns, --filter and --sort are for lists of runs" in err
    _, err = told(capsys, "get", "runs", "--columns", "nmae", expected=2)
    assert "did you mean 'name'?" in err


def test_a_run_of_another_machine_does_not_take_the_files_of_a_run_of_this_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder / ".mlplat"
    (home / "logs/same").mkdir(parents=True)
    (home / "logs/same/same-1.log").write_text("printed on this machine\n")
    node = {"id": "same-1", "name": "same", "displayName": "same", "type": "Pod", "phase": "Succeeded"}
    workflow = {
        "kind": "Workflow",
        "spec": {"templates": [{"name": "t", "container": {}}]},
        "status": {"phase": "Succeeded", "nodes": {"same-1": node}},
    }
    state.machine(home)
    runs = ((state.known_machine(home), "this machine", 1), ("another", "another machine", 2))
    for machine, place, day in runs:
        created = {"uid": str(day), "creationTimestamp": f"2026-01-0{day}T00:00:00Z"}
        with metadata.open_store(home / "mlplat.db", machine) as store:
            store.record({**workflow, "metadata": {"name": "same", **created}})
        page, _ = told(capsys, "report", "same", "-o", "-")
        assert place in page
        assert ("printed on this machine" in page) == (place == "this machine")
    _, err = told(capsys, "logs", "same", expected=2)
    assert f"MLP409: the logs of same are not in {home}\n" in err
