"""Templates of Argo as tasks: traced, compiled, through the IR and back, and run here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from mlplat import compiler, dsl, engine, ir
from mlplat.dsl import Dataset, Input, Output
from mlplat.errors import AuthoringError, CompileError
from mlplat.runs.documents import with_name

Json = dict[str, Any]

COUNT: Json = {
    "name": "count",
    "inputs": {
        "parameters": [{"name": "word"}, {"name": "times", "value": "2"}],
        "artifacts": [{"name": "text", "path": "/tmp/text"}],
    },
    "outputs": {
        "parameters": [{"name": "found", "valueFrom": {"path": "/tmp/found"}}],
        "artifacts": [{"name": "lines", "path": "/tmp/lines"}],
    },
    "script": {
        "image": "busybox",
        "command": ["sh"],
        "source": "grep -e '{{inputs.parameters.word}}' /tmp/text > /tmp/lines\n"
        "echo $((2 * {{inputs.parameters.times}})) > /tmp/found\n",
    },
}


@dsl.component
def write(text: Output[Dataset]) -> int:
    from pathlib import Path

    Path(text.path).write_text("a b\nb\nc\n")
    return 4


@dsl.component
def read(found: int, lines: Input[Dataset]) -> str:
    from pathlib import Path

    return f"{found + 1} {Path(lines.path).read_text()}"


count = dsl.argo_component(COUNT, types={"found": int, "times": int, "text": Dataset, "lines": Dataset})


@dsl.pipeline
def counting(word: str = "b") -> str:
    written = write()
    counted = count(word=word, times=written.outputs["Output"], text=written.outputs["text"])
    return read(found=counted.outputs["found"], lines=counted.outputs["lines"]).output  # type: ignore[return-value]


def run(spec: Any, home: Path, **arguments: Any) -> Json:
    documents = compiler.manifest(spec, compiler.Options(arguments=arguments, cache=False))
    return engine.run(with_name(documents, "wf"), home=home)


def output(done: Json) -> Any:
    (root,) = (node for node in done["status"]["nodes"].values() if node["name"] == "wf")
    return json.loads(root["outputs"]["parameters"][0]["value"])


def test_parameters_and_artifacts_go_in_and_out(tmp_path: Path) -> None:
    done = run(counting.spec, tmp_path)
    assert done["status"]["phase"] == "Succeeded"
    assert output(done) == "9 a b\nb\n"


def test_ir_carries_the_template(tmp_path: Path) -> None:
    again = ir.read(ir.write(counting.spec), "ir")
    assert output(run(again, tmp_path)) == "9 a b\nb\n"
    (template,) = (
        one
        for one in compiler.manifest(again, compiler.Options())[0]["spec"]["templates"]
        if one["name"] == "count"
    )
    assert template["script"] == COUNT["script"]


@pytest.mark.parametrize("word", ["it's", "$(HOME)", 'a "b" \\ c', "漢字 {a}"])
def test_plain_text_arrives_as_it_is(word: str, tmp_path: Path) -> None:
    echo = dsl.argo_component(
        {
            "name": "echo",
            "inputs": {"parameters": [{"name": "word"}]},
            "outputs": {"parameters": [{"name": "said", "valueFrom": {"path": "/tmp/said"}}]},
            "script": {
                "image": "busybox",
                "command": ["sh"],
                "source": "cat > /tmp/said << 'END'\n{{inputs.parameters.word}}\nEND\n",
            },
        }
    )

    @dsl.component
    def same(text: str) -> str:
        return text

    @dsl.pipeline
    def p(word: str) -> str:
        return same(text=echo(word=word).output).output  # type: ignore[return-value]

    assert output(run(p.spec, tmp_path, word=word)) == word


def test_text_that_argo_would_replace_is_refused_when_it_comes(tmp_path: Path) -> None:
    done = run(counting.spec, tmp_path, word="{{workflow.name}}")
    assert done["status"]["phase"] in ("Failed", "Error")
    messages = [node.get("message", "") for node in done["status"]["nodes"].values()]
    assert any("two braces in a row" in message for message in messages)


def test_template_of_hera_is_a_component(tmp_path: Path) -> None:
    from hera.workflows import Container, Parameter
    from hera.workflows.models import ValueFrom

    twice = dsl.argo_component(
        Container(
            name="twice",
            image="busybox",
            command=["sh", "-c"],
            args=["echo $(({{inputs.parameters.n}} * 2)) > /tmp/twice"],
            inputs=[Parameter(name="n")],
            outputs=[Parameter(name="twice", value_from=ValueFrom(path="/tmp/twice"))],
        ),
        types={"n": int, "twice": int},
    )

    @dsl.component
    def add(n: int) -> int:
        return n + 1

    @dsl.pipeline
    def p(items: list[int] = [1, 2, 3]) -> list[int]:  # noqa: B006 - a pipeline's default is a constant
        with dsl.ParallelFor(items) as item:
            made = add(n=twice(n=item).output)
        return dsl.Collected(made.output)  # type: ignore[return-value]

    assert output(run(p.spec, tmp_path)) == [3, 5, 7]


def test_template_on_the_cluster_is_called_by_reference(tmp_path: Path) -> None:
    shared = dsl.argo_component(
        template_ref={"name": "shared", "template": "double"}, inputs={"n": int}, outputs={"doubled": int}
    )

    @dsl.component
    def add(n: int) -> int:
        return n + 1

    @dsl.pipeline
    def p(n: int = 4) -> int:
        return add(n=shared(n=n).output).output  # type: ignore[return-value]

    double: Json = {
        "name": "double",
        "inputs": {"parameters": [{"name": "n"}]},
        "outputs": {"parameters": [{"name": "doubled", "valueFrom": {"path": "/tmp/d"}}]},
        "container": {
            "image": "busybox",
            "command": ["sh", "-c"],
            "args": ["echo $(({{inputs.parameters.n}} * 2)) > /tmp/d"],
        },
    }
    beside = {"kind": "WorkflowTemplate", "metadata": {"name": "shared"}, "spec": {"templates": [double]}}
    documents = compiler.manifest(p.spec, compiler.Options())
    done = engine.run([*with_name(documents, "wf"), beside], home=tmp_path)
    assert output(done) == 9


def test_skipped_template_gives_nothing(tmp_path: Path) -> None:
    @dsl.component
    def tell(found: Optional[int] = None) -> str:  # noqa: UP045 - Python 3.8 in a task
        return str(found)

    @dsl.component
    def break_down() -> None:
        raise ValueError

    @dsl.pipeline
    def p() -> str:
        skipped = count(word="a", text=write().outputs["text"]).after(break_down())
        return tell(found=skipped.outputs["found"]).ignore_upstream_failure().output  # type: ignore[return-value]

    assert output(run(p.spec, tmp_path)) == "None"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"name": "x"}, "it has none of the kinds of a template"),
        ("text", "it has none of the kinds of a template"),
        ({"name": "x", "container": {}, "suspend": {}}, "it has container, suspend"),
        ({"name": "x", "dag": {"tasks": [{"name": "a", "template": "other"}]}}, "calls the template 'other'"),
        ({"name": "x", "steps": [[{"name": "a", "template": "other"}]]}, "calls the template 'other'"),
        (
            {
                "suspend": {},
                "inputs": {"parameters": [{"name": "a"}], "artifacts": [{"name": "a", "path": "/a"}]},
            },
            "two of its inputs are called 'a'",
        ),
    ],
)
def test_what_is_not_a_template_is_refused(template: Any, expected: str) -> None:
    with pytest.raises(AuthoringError, match="MLP150") as caught:
        dsl.argo_component(template)
    assert expected in str(caught.value)


def test_types_of_unknown_inputs_and_wrong_types_are_refused_together() -> None:
    with pytest.raises(AuthoringError) as caught:
        dsl.argo_component(COUNT, types={"wrod": str, "word": set, "text": int})
    text = str(caught.value)
    assert all(part in text for part in ("'wrod'", "'word' cannot be", "'text' is an artifact"))


def test_settings_of_a_container_are_refused_and_the_template_is_named() -> None:
    with pytest.raises(AuthoringError, match="MLP126") as caught:

        @dsl.pipeline
        def p() -> None:
            count(word="a", text=write().outputs["text"]).set_cpu_limit("1")
            count(word="a", text=write().outputs["text"]).set_parallelism(2)

    assert "set it in the template: container.resources" in str(caught.value)
    assert "synchronization (a mutex or a semaphore)" in str(caught.value)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ((), "None is not of type 'object'"),
        (("--template",), "it is not JSON"),
        (("--template", "{"), "it is not JSON"),
        (("--template", "[]"), "[] is not of type 'object'"),
        (("--template", '{"inputs": {"parameters": [{}]}}'), "'name' is a required property"),
        (("--template", "{}", "--templates", '{"a": 1}'), "1 is not of type 'object'"),
    ],
)
def test_damaged_templates_in_ir_are_refused(command: tuple[str, ...], expected: str) -> None:
    (label,) = counting.spec.executors.keys() - {"exec-write", "exec-read"}
    container = replace(counting.spec.executors[label], command=command)  # type: ignore[arg-type]
    damaged = replace(counting.spec, executors={**counting.spec.executors, label: container})
    with pytest.raises(CompileError, match="MLP150") as caught:
        compiler.compile(damaged)
    assert expected in str(caught.value)
