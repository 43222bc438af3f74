"""What Argo refuses in a manifest is told before it is submitted; what Argo accepts is not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, ir, manifest
from mlplat.argo.depends import RESULTS
from mlplat.argo.lint import problems
from mlplat.errors import Diagnostic

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.yaml"))

ECHO = """
  - name: echo
    inputs: {parameters: [{name: text}]}
    container: {image: alpine, command: [echo, "{{inputs.parameters.text}}"]}
    outputs:
      parameters: [{name: size, valueFrom: {path: /tmp/size}}]
      artifacts: [{name: data, path: /tmp/data}]
"""


def document(templates: str, kind: str = "Workflow", spec: str = "") -> dict[str, Any]:
    (made,) = manifest.load(
        f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{name: example}}\nspec:\n"
        f"  entrypoint: main\n{spec}\n  templates:\n{templates}"
    )
    return made


def dag(*tasks: str) -> str:
    return f"  - name: main\n    dag: {{tasks: [{', '.join(tasks)}]}}{ECHO}"


def steps(*groups: str) -> str:
    return f"  - name: main\n    steps: [{', '.join(groups)}]{ECHO}"


def call(name: str, text: str, more: str = "template: echo") -> str:
    return f"{{name: {name}, {more}, arguments: {{parameters: [{{name: text, value: '{text}'}}]}}}}"


def told(found: list[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(one.code, one.path, f"{one.message}; {one.hint}") for one in found]


A = call("a", "hello")
WRONG = {
    "no such template": (
        dag(call("a", "x", "template: ehco")),
        "MLP511",
        "spec.templates.main.dag.tasks.a",
        "there is no template 'ehco'; did you mean 'echo'?",
    ),
    "no such template in one that nothing calls": (
        steps(f"[{A}]") + "  - name: unused\n    steps: [[{name: s, template: none}]]\n",
        "MLP511",
        "spec.templates.unused.steps[0].s",
        "there is no template 'none'",
    ),
    "no such template of a hook": (
        dag(A[:-1] + ", hooks: {exit: {template: bye}}}"),
        "MLP511",
        "spec.templates.main.dag.tasks.a.hooks.exit",
        "there is no template 'bye'",
    ),
    "missing parameter": (
        dag("{name: a, template: echo, arguments: {parameters: [{name: txt, value: x}]}}"),
        "MLP517",
        "spec.templates.main.dag.tasks.a",
        "the template 'echo' requires the parameter 'text'; got 'txt'; add it to arguments.parameters",
    ),
    "missing artifact": (
        (
            "  - name: main\n    steps: [[{name: s, template: read}]]\n"
            "  - name: read\n    inputs: {artifacts: [{name: data, path: /tmp/data}]}\n    container: {image: alpine}\n"
        ),
        "MLP517",
        "spec.templates.main.steps[0].s",
        "the template 'read' requires the artifact 'data'; add it to arguments.artifacts",
    ),
    "missing parameter of the entrypoint": (
        ECHO.replace("name: echo", "name: main"),
        "MLP517",
        "spec.entrypoint",
        "the template 'main' requires the parameter 'text'",
    ),
    "missing parameter of an inline template": (
        (
            "  - name: main\n    dag: {tasks: [{name: a, inline: {inputs: {parameters: [{name: x}]},"
            " container: {image: alpine}}}]}\n"
        ),
        "MLP517",
        "spec.templates.main.dag.tasks.a",
        "requires the parameter 'x'",
    ),
    "no such task to wait for, in depends": (
        dag(A, call("b", "x", "template: echo, depends: aa.Succeeded")),
        "MLP513",
        "spec.templates.main.dag.tasks.b.depends",
        "there is no task 'aa'; did you mean 'a'?",
    ),
    "no such task to wait for, in dependencies": (
        dag(A, call("b", "x", "template: echo, dependencies: [c]")),
        "MLP513",
        "spec.templates.main.dag.tasks.b.dependencies",
        "there is no task 'c'; available: a",
    ),
    "circle": (
        dag(
            call("a", "x", "template: echo, depends: b"),
            call("b", "x", "template: echo, depends: a"),
        ),
        "MLP516",
        "spec.templates.main.dag",
        "the tasks a, b depend on each other in a cycle",
    ),
    "no such input": (
        steps(f"[{A}]")
        + "  - name: other\n    container: {image: alpine, args: ['{{inputs.parameters.x}}']}\n",
        "MLP518",
        "spec.templates.other.container.args[0]",
        "{{inputs.parameters.x}} has no value: the template has no input parameter 'x'",
    ),
    "no such input artifact": (
        steps(f"[{A}]")
        + "  - name: other\n    container: {image: alpine, args: ['{{inputs.artifacts.x.path}}']}\n",
        "MLP518",
        "spec.templates.other.container.args[0]",
        "the template has no input artifact 'x'",
    ),
    "no such parameter of the workflow": (
        dag(call("a", "{{workflow.parameters.z}}")),
        "MLP518",
        "spec.templates.main.dag.tasks.a.arguments.parameters.text.value",
        "the Workflow has no parameter 'z'",
    ),
    "no such variable of the workflow": (
        dag(call("a", "{{ workflow.nam }}")),
        "MLP518",
        "spec.templates.main.dag.tasks.a.arguments.parameters.text.value",
        "there is no 'workflow.nam'; did you mean 'name'?",
    ),
    "no such global output": (
        dag(call("a", "{{workflow.outputs.parameters.z}}")),
        "MLP518",
        "spec.templates.main.dag.tasks.a.arguments.parameters.text.value",
        "no template has, as a globalName, the output parameter 'z'",
    ),
    "no such task": (
        dag(A, call("b", "{{tasks.c.outputs.result}}", "template: echo, depends: a")),
        "MLP518",
        "spec.templates.main.dag.tasks.b.arguments.parameters.text.value",
        "{{tasks.c.outputs.result}} has no value: there is no task 'c'; available: a, b",
    ),
    "no such output of a task": (
        dag(A, call("b", "{{tasks.a.outputs.parameters.siz}}", "template: echo, depends: a")),
        "MLP518",
        "spec.templates.main.dag.tasks.b.arguments.parameters.text.value",
        "the template 'echo' has no output parameter 'siz'; did you mean 'size'?",
    ),
    "an output of a task that is not waited for": (
        dag(A, call("b", "{{tasks.a.outputs.parameters.size}}")),
        "MLP518",
        "spec.templates.main.dag.tasks.b.arguments.parameters.text.value",
        "the task 'a' may not have finished by then; add 'a' to depends or dependencies",
    ),
    "an output of a step of the same group": (
        steps(f"[{A}, {call('b', '{{steps.a.outputs.parameters.size}}')}]"),
        "MLP518",
        "spec.templates.main.steps[0].b.arguments.parameters.text.value",
        "the step 'a' may not have finished by then; move this step to a group after 'a'",
    ),
    "steps in a DAG": (
        dag(A, call("b", "{{steps.a.outputs.result}}", "template: echo, depends: a")),
        "MLP518",
        "spec.templates.main.dag.tasks.b.arguments.parameters.text.value",
        "steps are available only in a steps template",
    ),
    "an output of a DAG that names no task": (
        dag(A).replace(
            "    dag:",
            "    outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.b.outputs.result}}'}}]}\n    dag:",
        ),
        "MLP518",
        "spec.templates.main.outputs.parameters.o.valueFrom.parameter",
        "there is no task 'b'",
    ),
    "a tag that is never closed": (
        dag(call("a", "{{workflow.name")),
        "MLP514",
        "spec.templates.main.dag.tasks.a.arguments.parameters.text.value",
        "close the tag",
    ),
    "an expression that cannot be read": (
        dag(call("a", "{{=1 +}}")),
        "MLP515",
        "spec.templates.main.dag.tasks.a.arguments.parameters.text.value",
        "invalid expression",
    ),
    "a template that does nothing": (
        steps(f"[{A}]") + "  - name: empty\n",
        "MLP512",
        "spec.templates.empty",
        "the template has no kind",
    ),
    "two templates of one name": (
        dag(A) + ECHO,
        "MLP526",
        "spec.templates[2].name",
        "the template name 'echo' is used twice",
    ),
    "two tasks of one name": (
        dag(A, A),
        "MLP526",
        "spec.templates[0].dag.tasks[1].name",
        "the task name 'a' is used twice",
    ),
    "two steps of one name, in two groups": (
        steps(f"[{A}]", f"[{call('b', 'x')}, {A}]"),
        "MLP526",
        "spec.templates[0].steps[1][1].name",
        "the step name 'a' is used twice",
    ),
    "two tasks of one name in an inline template": (
        dag(f"{{name: a, inline: {{dag: {{tasks: [{A}, {A}]}}}}}}"),
        "MLP526",
        "spec.templates[0].dag.tasks[0].inline.dag.tasks[1].name",
        "the task name 'a' is used twice",
    ),
    "two arguments of one name": (
        dag(
            "{name: a, template: echo, arguments: {parameters: [{name: text, value: x}, {name: text, value: y}]}}"
        ),
        "MLP526",
        "spec.templates[0].dag.tasks[0].arguments.parameters[1].name",
        "the parameter name 'text' is used twice",
    ),
    "two inputs of one name": (
        dag(A).replace("{name: text}]", "{name: text}, {name: text}]"),
        "MLP526",
        "spec.templates[1].inputs.parameters[1].name",
        "the parameter name 'text' is used twice",
    ),
    "two outputs of one name": (
        dag(A).replace("[{name: data,", "[{name: data, path: /tmp/d}, {name: data,"),
        "MLP526",
        "spec.templates[1].outputs.artifacts[1].name",
        "the artifact name 'data' is used twice",
    ),
    "a name of a template": (
        dag(A) + "  - {name: my_echo, suspend: {}}\n",
        "MLP527",
        "spec.templates[2].name",
        "'my_echo' is not a valid template name; use letters, digits and - (not first), at most 128",
    ),
    "a name that is too long": (
        dag(call("a" * 129, "x")),
        "MLP527",
        "spec.templates[0].dag.tasks[0].name",
        "is not a valid task name",
    ),
    "a name of a step": (
        steps(f"[{call('-a', 'x')}]"),
        "MLP527",
        "spec.templates[0].steps[0][0].name",
        "'-a' is not a valid step name",
    ),
    "a name that is empty": (
        steps(f"[{call(repr(''), 'x')}]"),
        "MLP527",
        "spec.templates[0].steps[0][0].name",
        "'' is not a valid step name",
    ),
    "a name of a parameter": (
        dag(A).replace("name: size", "name: the.size"),
        "MLP527",
        "spec.templates[1].outputs.parameters[0].name",
        "'the.size' is not a valid parameter name; use letters, digits, - and _",
    ),
    "a name that starts with a digit, in a DAG with depends": (
        dag(A, call("2nd", "x"), call("b", "x", "template: echo, depends: a")),
        "MLP527",
        "spec.templates[0].dag.tasks[1].name",
        "'2nd' starts with a digit, which Argo does not allow",
    ),
    "a name that starts with a digit, of a task with dependencies": (
        dag(A, call("2nd", "x", "template: echo, dependencies: [a]")),
        "MLP527",
        "spec.templates[0].dag.tasks[1].name",
        "'2nd' starts with a digit",
    ),
    "a template of two kinds": (
        dag(A) + "  - {name: both, container: {image: alpine}, script: {image: alpine, source: x}}\n",
        "MLP528",
        "spec.templates[2]",
        "the template has container and script; expected one of them",
    ),
    "dependencies beside depends": (
        dag(
            A,
            call("b", "x", "template: echo, dependencies: [a]"),
            call("c", "x", "template: echo, depends: b"),
        ),
        "MLP529",
        "spec.templates[0].dag.tasks[1].dependencies",
        "a DAG with depends cannot have dependencies; write depends: a && b, not dependencies: [a, b]",
    ),
    "continueOn beside depends": (
        dag(A[:-1] + ", continueOn: {failed: true}}", call("b", "x", "template: echo, depends: a")),
        "MLP529",
        "spec.templates[0].dag.tasks[0].continueOn",
        "a DAG with depends cannot have continueOn",
    ),
    "no result of a task": (
        dag(A, call("b", "x", "template: echo, depends: a.Suceeded")),
        "MLP529",
        "spec.templates[0].dag.tasks[1].depends",
        "'Suceeded' is not a task result; did you mean 'Succeeded'?",
    ),
    "depends that cannot be read": (
        dag(A, call("b", "x", "template: echo, depends: a.Failed &&")),
        "MLP515",
        "spec.templates[0].dag.tasks[1].depends",
        "invalid expression: unexpected end of expression",
    ),
    "a mount that leaves its volume": (
        dag(A)
        + "  - {name: up, container: {image: a, volumeMounts: [{name: v, mountPath: /v, subPath: a/../..}]}}\n",
        "MLP531",
        "spec.templates[2].container.volumeMounts[0].subPath",
        "'a/../..' must not contain '..'; use a path within the volume",
    ),
    "a mount of an absolute path": (
        dag(A)
        + "  - {name: up, script: {image: a, volumeMounts: [{name: v, mountPath: /v, subPathExpr: /a}]}}\n",
        "MLP531",
        "spec.templates[2].script.volumeMounts[0].subPathExpr",
        "'/a' must be a relative path",
    ),
    "a mount with two paths": (
        dag(A)
        + "  - {name: up, script: {image: a, volumeMounts: [{name: v, mountPath: /v, subPath: b, subPathExpr: a}]}}\n",
        "MLP531",
        "spec.templates[2].script.volumeMounts[0].subPathExpr",
        "the mount has both subPath and subPathExpr; remove one",
    ),
    "a timeout without a unit": (
        dag(A) + "  - {name: slow, timeout: '2', container: {image: alpine}}\n",
        "MLP530",
        "spec.templates[2].timeout",
        "'2' is not a valid timeout: time: missing unit in duration \"2\"; use a duration with a unit: 30s, 5m, 1h30m",
    ),
    "a timeout that is no duration": (
        dag(A) + "  - {name: slow, timeout: 2 sec, container: {image: alpine}}\n",
        "MLP530",
        "spec.templates[2].timeout",
        'invalid duration "2 sec"',
    ),
    "a timeout of a DAG": (
        dag(A).replace("    dag:", "    timeout: 5m\n    dag:"),
        "MLP530",
        "spec.templates[0].timeout",
        "a dag template cannot have a timeout; set it on the templates of its tasks",
    ),
    "a timeout of steps that only the run knows": (
        steps(f"[{A}]").replace("    steps:", "    timeout: '{{workflow.name}}'\n    steps:"),
        "MLP530",
        "spec.templates[0].timeout",
        "a steps template cannot have a timeout",
    ),
    "a deadline that is no number": (
        dag(A) + "  - {name: slow, activeDeadlineSeconds: 1h, container: {image: alpine}}\n",
        "MLP530",
        "spec.templates[2].activeDeadlineSeconds",
        "'1h' is not a valid number of seconds; use an integer, such as 60",
    ),
    "a deadline in the past": (
        dag(A) + "  - {name: slow, activeDeadlineSeconds: -1, container: {image: alpine}}\n",
        "MLP530",
        "spec.templates[2].activeDeadlineSeconds",
        "-1 is not a valid number of seconds",
    ),
    "locks that are none": (
        dag(A) + "  - {name: held, synchronization: x, suspend: {}}\n",
        "MLP525",
        "spec.templates.held.synchronization",
        "expected a mapping, got ",
    ),
    "a list of locks that is none": (
        dag(A) + "  - {name: held, synchronization: {mutexes: 5}, suspend: {}}\n",
        "MLP525",
        "spec.templates.held.synchronization.mutexes",
        "expected a list, got 5",
    ),
    "a lock that is none": (
        dag(A) + "  - {name: held, synchronization: {semaphores: [{configMapKeyRef: x}]}, suspend: {}}\n",
        "MLP525",
        "spec.templates.held.synchronization.semaphores[0].configMapKeyRef",
        "expected a mapping, got ",
    ),
    "a suspension that is none": (
        dag(A) + "  - {name: wait, suspend: 1h}\n",
        "MLP525",
        "spec.templates.wait.suspend",
        "expected a mapping, got ",
    ),
    "a source of a value that is none": (
        dag(A).replace("valueFrom: {path: /tmp/size}", "valueFrom: 5"),
        "MLP525",
        "spec.templates.echo.outputs.parameters.size.valueFrom",
        "expected a mapping, got 5",
    ),
    "an archive that is none": (
        dag(A).replace("path: /tmp/data", "path: /tmp/data, archive: 5"),
        "MLP525",
        "spec.templates.echo.outputs.artifacts.data.archive",
        "expected a mapping, got 5",
    ),
    "a mount that says not where": (
        dag(A) + "  - {name: m, container: {image: alpine, volumeMounts: [{name: v}]}}\n",
        "MLP525",
        "spec.templates.m.container.volumeMounts.v.mountPath",
        "the field is required",
    ),
    "a number of tasks at once that is none": (
        dag(A).replace("    dag:", "    parallelism: many\n    dag:"),
        "MLP525",
        "spec.templates.main.parallelism",
        "expected an integer, got 'many'; write a number without quotes",
    ),
    "an inline template that is none": (
        dag("{name: a, inline: echo}"),
        "MLP525",
        "spec.templates.main.dag.tasks.a.inline",
        "expected a mapping, got ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_argo_refuses_is_reported_with_its_path_and_a_hint(case: str) -> None:
    templates, code, path, message = WRONG[case]
    ((found_code, found_path, said),) = told(problems(document(templates)))
    assert (found_code, found_path) == (code, path)
    assert message in said


RIGHT = {
    "items": dag(call("a", "{{item}} {{item.name}}", "template: echo, withItems: [1, {name: x}]")),
    "fields of items of an output": dag(
        A, call("b", "{{item.x}}", "template: echo, depends: a, withParam: '{{tasks.a.outputs.result}}'")
    ),
    "expressions": dag(call("a", "{{=inputs.parameters.none}}")),
    "variables of Argo": dag(
        call(
            "a",
            "{{workflow.name}} {{workflow.labels}} {{workflow.labels.json}} {{workflow.status}}"
            "{{workflow.creationTimestamp.Y}}",
        ),
        call("b", "{{retries}} {{lastRetry.exitCode}} {{cron.x}} {{tasks.name}} {{node.name}}"),
    ),
    "a tag in a tag": dag(call("a", "{{inputs.parameters.{{item}}}}", "template: echo, withItems: [1]")),
    "a template that is known at run time": dag(call("a", "x", "template: '{{workflow.parameters.json}}'")),
    "a task before the one before": dag(
        A,
        call("b", "x", "template: echo, depends: a"),
        call(
            "c",
            "{{tasks.a.outputs.artifacts.data}} {{tasks.a.status}}",
            "template: echo, depends: b.Failed || a",
        ),
    ),
    "a hook that reads its own task": dag(
        A[:-1] + ", hooks: {exit: {template: echo, arguments: {parameters: [{name: text,"
        " value: '{{tasks.a.outputs.parameters.size}}'}]}}}}"
    ),
    "an exit hook gets the arguments of the workflow": dag(A[:-1] + ", onExit: bye}")
    + "  - name: bye\n    inputs: {parameters: [{name: given}]}\n    container: {image: alpine}\n",
    "an inline template reads what its caller may read": (
        "  - name: main\n    inputs: {parameters: [{name: given}]}\n"
        "    dag: {tasks: [{name: a, inline: {container: {image: alpine, args: ['{{inputs.parameters.given}}']}}}]}\n"
    ),
    "inputs that have a value, or need none": dag("{name: a, template: free}")
    + "  - name: free\n    inputs:\n"
    "      parameters: [{name: x, default: ''}, {name: y, valueFrom: {configMapKeyRef: {name: m, key: k}}}]\n"
    "      artifacts: [{name: o, path: /o, optional: true}, {name: r, path: /r, raw: {data: x}}]\n"
    "    container: {image: alpine}\n",
    "global outputs": dag(call("a", "{{workflow.outputs.parameters.all}}")).replace(
        "{name: size,", "{name: size, globalName: all,"
    ),
    "names at the limits of what Argo takes": dag(
        call("a" * 128, "x"),
        call("2nd", "x"),
        call("z-", "x"),
        "{name: f, template: free, arguments: {parameters: [{name: -_x, value: y}]}}",
    )
    + "  - {name: free, inputs: {parameters: [{name: -_x}]}, suspend: {}}\n",
    "names that are known at run time": steps("[{name: 'run-{{workflow.name}}', template: free}]")
    + "  - {name: free, suspend: {}}\n",
    "times that Argo takes": dag(A)
    + "  - {name: timed, timeout: 1h30m0.5s, activeDeadlineSeconds: '60', container: {image: alpine}}\n"
    + "  - {name: later, timeout: '{{workflow.parameters.given}}', activeDeadlineSeconds: "
    "'{{workflow.parameters.given}}', container: {image: alpine}}\n",
    "an input and an output of one name": dag(A).replace("name: size", "name: text"),
    "tasks of one name in two DAGs": dag(A) + f"  - name: other\n    dag: {{tasks: [{A}]}}\n",
    "every result of a task": dag(
        A, *(call(f"on-{one}", "x", f"template: echo, depends: a.{one}") for one in RESULTS[:6])
    ),
    "tags of other languages": dag(
        call("a", "{{ user.name }} {{tasks}} {{outputs.something}} {{pod}} {{item}}")
    ),
}
GIVEN = "  arguments: {parameters: [{name: given, value: x}]}"


@pytest.mark.parametrize("case", RIGHT)
def test_what_argo_accepts_is_not_refused(case: str) -> None:
    assert told(problems(document(RIGHT[case], spec=GIVEN))) == []


@pytest.mark.parametrize(
    ("metadata", "path", "message"),
    [
        ("foo", "metadata", "expected a mapping, got "),
        ({"name": 5}, "metadata.name", "expected a string, got 5"),
        ({"name": "w", "labels": ["a"]}, "metadata.labels", "expected a mapping, got a list"),
    ],
)
def test_metadata_of_the_wrong_type_is_reported(metadata: Any, path: str, message: str) -> None:
    ((code, place, said),) = told(problems({**document(dag(A)), "metadata": metadata}))
    assert (code, place) == ("MLP525", path)
    assert message in said


def test_a_config_map_of_a_workflow_is_checked_too() -> None:
    found = problems({"kind": "ConfigMap", "metadata": {}, "data": {"a": 5}})
    assert [(one.code, one.path) for one in found] == [("MLP525", "metadata.name"), ("MLP525", "data.a")]


def test_a_parameter_of_a_workflow_needs_a_value_unless_it_can_be_passed() -> None:
    spec = "  arguments: {parameters: [{name: x}]}"
    workflow = document(dag(A), spec=spec)
    (found,) = problems(workflow)
    assert (found.code, found.severity) == ("MLP402", "warning")
    assert problems(document(dag(A), "WorkflowTemplate", spec)) == []
    cron = {
        **workflow,
        "kind": "CronWorkflow",
        "spec": {"schedules": ["@daily"], "workflowSpec": workflow["spec"]},
    }
    (found,) = problems(cron)
    assert (found.severity, found.path) == ("error", "spec.workflowSpec.arguments.parameters.x")


def test_a_template_may_have_parameters_without_values() -> None:
    assert problems(document(dag(call("a", "{{workflow.parameters.z}}")), "WorkflowTemplate")) == []


def test_templates_of_other_files_are_checked_if_they_are_passed() -> None:
    task = "{name: a, templateRef: {name: shared, template: echo}}"
    workflow = document(dag(task))
    (unseen,) = problems(workflow)
    assert (unseen.code, unseen.severity) == ("MLP520", "warning")
    shared = {**document(dag(A), "WorkflowTemplate"), "metadata": {"name": "shared"}}
    (missing,) = problems(workflow, [shared])
    assert "requires the parameter 'text'" in missing.message
    other = document(dag(task.replace("template: echo", "template: ecko")))
    (absent,) = problems(other, [shared])
    assert (absent.code, absent.message) == ("MLP511", "there is no template 'ecko' in 'shared'")


def test_a_workflow_of_a_template_gets_its_arguments_and_entrypoint_from_it() -> None:
    shared = {
        **document(
            ECHO.replace("name: echo", "name: main"),
            "WorkflowTemplate",
            "  arguments: {parameters: [{name: text}]}",
        ),
        "metadata": {"name": "shared"},
    }
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {"workflowTemplateRef": {"name": "shared"}},
    }
    assert problems(workflow, [shared]) == []
    assert [one.code for one in problems(workflow)] == ["MLP520"]


def test_what_argo_refuses_hides_nothing_else() -> None:
    found = told(problems(document(dag(A, A, call("b", "{{workflow.nam}}")))))
    assert [code for code, _, _ in found] == ["MLP526", "MLP518"]


def test_fields_that_argo_does_not_know_are_reported_with_the_nearest() -> None:
    templates = dag(A).replace("    container:", "    retryStategy: {limit: 2}\n    container:")
    (found,) = problems(document(templates))
    assert (found.code, found.path) == ("MLP519", "spec.templates.echo.retryStategy")
    assert found.hint == "did you mean 'retryStrategy'?"
    deep = dag(A).replace(
        "image: alpine,", "image: alpine, env: [{name: A, valueFrom: {secretKeyReff: {}}}],"
    )
    (found,) = problems(document(deep))
    assert found.path == "spec.templates.echo.container.env.A.valueFrom.secretKeyReff"


def test_a_field_of_another_type_is_reported() -> None:
    (found, *_) = problems(document(dag(A), spec="  parallelism: many"))
    assert (found.code, found.path) == ("MLP525", "spec.parallelism")


def test_numbers_are_taken_where_argo_takes_them() -> None:
    values = "value: 5}, {name: b, value: true}, {name: c, default: 1.5, enum: [1.5, 2]"
    templates = dag(A).replace("image: alpine,", "image: alpine, resources: {limits: {cpu: 1, memory: 1.5}},")
    assert problems(document(templates, spec=GIVEN.replace("value: x", values))) == []
    env = dag(A).replace("image: alpine,", "image: alpine, env: [{name: A, value: 1}],")
    (found,) = problems(document(env))
    assert (found.path, found.message) == (
        "spec.templates.echo.container.env.A.value",
        "expected a string, got 1",
    )
    assert "quote it" in found.hint


def test_examples_of_argo_have_nothing_wrong(corpus: Path) -> None:
    for file in sorted(corpus.glob("argo-examples/*.yaml")):
        documents = manifest.load(file.read_text(encoding="utf-8"))
        for one in documents:
            found = problems(one, documents)
            assert {other.code for other in found} <= {"MLP520"}, file


def test_compiled_pipelines_have_nothing_wrong() -> None:
    for file in GOLDEN:
        for one in manifest.load(file.read_text(encoding="utf-8")):
            found = problems(one)
            assert {other.code for other in found} <= {"MLP402"}, file


def test_compiled_pipelines_of_kfp_have_nothing_wrong(corpus: Path) -> None:
    for file in sorted(corpus.glob("kfp-ir/*.yaml")):
        spec = ir.read(manifest.load(file.read_text(encoding="utf-8")))
        for one in compiler.compile(spec, compiler.Options(require_arguments=False)).documents:
            assert {other.code for other in problems(one)} <= {"MLP402"}, file


def test_memory_does_not_grow_with_the_square_of_a_chain() -> None:
    chain = [call("t0", "x")]
    chain += [
        call(f"t{number}", f"{{{{tasks.t{number - 1}.status}}}}", f"template: echo, depends: t{number - 1}")
        for number in range(1, 2000)
    ]
    made = document(dag(*chain))
    tracemalloc.start()
    try:
        assert problems(made) == []
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
