"""Functions that KFP's own SDK runs, by the command in the IR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.dsl import Dataset, Input, Metrics, Output, OutputPath
from mlplat.runs.documents import with_name
from tests.unit.engine.manifests import node, value

# ruff: noqa: PTH123 - functions of components use what they find

KFP = next((Path(__file__).parents[3] / ".venv-kfp/lib").glob("python3*/site-packages"), None)
"""Where ``make kfp`` puts KFP's SDK."""


@pytest.fixture
def with_kfp(monkeypatch: pytest.MonkeyPatch) -> None:
    if KFP is None:
        pytest.skip("KFP's SDK is not there: make kfp")
    monkeypatch.setenv("PYTHONPATH", str(KFP))


@dsl.component(install_kfp_package=False)
def make(rows: int, data: Output[Dataset], label: str = "é{{ $(X)") -> NamedTuple(  # type: ignore[valid-type]
    "Made", [("total", int), ("line", str), ("more", list)]
):
    import kfp

    data.metadata["by"] = kfp.__version__
    with open(data.path, "w") as file:
        file.write(label * rows)
    return (rows, label, [1, {"a": None}])


@dsl.component(install_kfp_package=False)
def use(
    data: Input[Dataset],
    line: str,
    more: list[Any],
    metrics: Output[Metrics],
    length: OutputPath(int),  # type: ignore[valid-type]
    extra: str | None = None,
) -> str:
    with open(data.path) as file:
        text = file.read()
    metrics.log_metric("letters", len(text))
    with open(length, "w") as written:
        written.write(str(len(text)))
    return f"{line} {more} {extra} {data.metadata['by']}"


@dsl.component(install_kfp_package=False)
def many(texts: Input[list[Dataset]]) -> str:
    return ",".join(open(one.path).read() for one in texts)


@dsl.component(install_kfp_package=False)
def final(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.state} {status.pipeline_task_name} {type(status).__module__}"


@dsl.component(install_kfp_package=False)
def fail() -> None:
    raise ValueError("on purpose")


@dsl.pipeline
def by_kfp() -> None:
    with dsl.ExitHandler(final()):
        made = make(rows=2)
        use(data=made.outputs["data"], line=made.outputs["line"], more=made.outputs["more"])
        with dsl.ParallelFor([1, 2]) as rows:
            each = make(rows=rows, label="x")
        many(texts=dsl.Collected(each.outputs["data"]))


def run(pipeline: dsl.Pipeline, home: Path) -> dict[str, Any]:
    read = ir.read(manifest.load(manifest.dump(ir.write(pipeline.spec))))
    options = compiler.Options(cache=False, kfp_runtime="pip")
    return engine.run(with_name(compiler.manifest(read, options), "wf"), home=home)


@pytest.mark.usefixtures("with_kfp")
def test_inputs_and_outputs_are_what_our_runtime_gives(tmp_path: Path) -> None:
    done = run(by_kfp, tmp_path)
    assert done["status"]["phase"] == "Succeeded"

    def output(task: str, name: str) -> Any:
        return json.loads(value(done, f"wf.{task}", name))

    handler = "exit-handler-1"
    assert output(f"{handler}.make", "total") == 2
    assert output(f"{handler}.make", "line") == "é{{ $(X)"
    assert output(f"{handler}.make", "more") == [1, {"a": None}]
    made = output(f"{handler}.make", "data")
    assert (made["type"]["schemaTitle"], made["size"]) == ("system.Dataset", 18)
    version = made["metadata"]["by"]
    assert output(f"{handler}.use", "Output") == f"é{{{{ $(X) [1, {{'a': None}}] None {version}"
    assert output(f"{handler}.use", "length") == 16
    assert output(f"{handler}.use", "metrics")["metadata"] == {"letters": 16}
    assert output(f"{handler}.many", "Output") == "x,xx"
    assert output("final", "Output") == f"SUCCEEDED {handler} kfp.dsl.task_final_status"


@pytest.mark.usefixtures("with_kfp")
def test_names_of_functions_and_inputs_are_free(tmp_path: Path) -> None:
    @dsl.component(install_kfp_package=False)
    def json(dict: str, locals: str, run_command: str) -> str:  # noqa: A002
        return dict + locals + run_command

    @dsl.pipeline
    def p() -> None:
        json(dict="a", locals="b", run_command="c")

    assert value(run(p, tmp_path), "wf.json", "Output") == '"abc"'


@pytest.mark.usefixtures("with_kfp")
def test_inputs_that_are_too_long_for_a_command_line_are_reported(tmp_path: Path) -> None:
    @dsl.component(install_kfp_package=False)
    def long(size: int) -> str:
        return "x" * size

    @dsl.component(install_kfp_package=False)
    def take(text: str) -> int:
        return len(text)

    @dsl.pipeline
    def p() -> None:
        take(text=long(size=200_000).output)

    done = run(p, tmp_path)
    assert done["status"]["phase"] == "Failed"
    logs = [file.read_text() for file in (tmp_path / "logs/wf").glob("*.log")]
    assert any("KFP's SDK reads them from one argument" in log for log in logs)


@pytest.mark.usefixtures("with_kfp")
def test_a_failure_is_reported(tmp_path: Path) -> None:
    @dsl.pipeline
    def fails() -> None:
        fail()

    done = run(fails, tmp_path)
    assert node(done, "wf.fail")["message"] == "main: Error (exit code 1): it exited with 1"
    (log,) = (tmp_path / "logs/wf").glob("*.log")
    assert "ValueError: on purpose" in log.read_text()


def test_the_command_gets_what_kfp_says_of_a_task(tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "given = json.loads(sys.argv[2])\n"
        "answer = {'parameterValues': {'Output': given['inputs']}, 'artifacts': {}}\n"
        "json.dump(answer, open(given['outputs']['outputFile'], 'w'))\n"
    )
    container = {
        "image": "python:3.11",
        "command": ["sh", "-c", 'python3 -c "$0" "$@" # kfp.dsl.executor_main', script],
        "args": ["--executor_input", "{{$}}", "--function_to_execute", "f"],
    }
    text = f"""
components:
  comp-f:
    executorLabel: exec-f
    inputDefinitions:
      parameters:
        n: {{parameterType: NUMBER_INTEGER}}
        absent: {{parameterType: STRING, isOptional: true}}
    outputDefinitions: {{parameters: {{Output: {{parameterType: STRUCT}}}}}}
deploymentSpec: {{executors: {{exec-f: {{container: {json.dumps(container)}}}}}}}
pipelineInfo: {{name: p}}
root:
  dag:
    tasks:
      f:
        componentRef: {{name: comp-f}}
        inputs: {{parameters: {{n: {{runtimeValue: {{constant: 3}}}}}}}}
        taskInfo: {{name: f}}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""
    spec = ir.read(manifest.load(text))
    options = compiler.Options(cache=False, kfp_runtime="pip")
    done = engine.run(with_name(compiler.manifest(spec, options), "wf"), home=tmp_path)
    assert json.loads(value(done, "wf.f", "Output")) == {"parameterValues": {"n": 3}, "artifacts": {}}
