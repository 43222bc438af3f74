"""Pass: graphs to DAG templates, executors to container templates.

A region of the pipeline (branch, loop, nested pipeline) is a DAG template of its own. A loop is two: one that holds the
list and runs the other once for each position in it, so that the list stands once in the record and each iteration gets
only its item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo import names, values
from mlplat.argo.values import literal
from mlplat.compiler import executors, flows
from mlplat.compiler.arguments import keep_large
from mlplat.compiler.conditions import to_expression
from mlplat.compiler.executors import PATH_PARAMETER
from mlplat.compiler.flows import Form
from mlplat.compiler.program import Program
from mlplat.compiler.scope import Scope, expression, input_name
from mlplat.ir.circles import waits_for
from mlplat.ir.model import (
    ABSENT,
    Component,
    ComponentInput,
    Constant,
    Container,
    Graph,
    OneOf,
    Task,
    TaskOutput,
)

_ITEMS = "loop--items"
_ITERATION = "iteration"


def run(program: Program) -> Program:
    """Write every template that the pipeline's graph reaches."""
    return _Lowering(program).run()


class _Lowering:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.spec = program.spec
        self.templates: list[dict[str, Any]] = []
        self.taken = names.Unique()
        self.written: dict[Any, str] = {}
        self.executors: dict[str, str] = {}
        self.values = dict(program.values)
        self.paths: dict[str, bool] = {}
        self.has_large = bool(program.values) or flows.large_constants(program.spec)
        self.flows = flows.analyse(program)
        self.used = flows.used_inputs(program.spec)

    def run(self) -> Program:
        name = self.taken.take(names.template_name(self.spec.name))
        self.graph(name, "", self.spec.root)
        entry = [template for template in self.templates if template["name"] == name]
        others = [template for template in self.templates if template["name"] != name]
        return replace(
            self.program, templates=(*entry, *others), executors=self.executors, values=self.values
        )

    def needs_path(self, component: str) -> bool:
        """Tell whether a component, or anything that it calls, writes into the artifact store."""
        if component not in self.paths:
            called = self.spec.components[component]
            self.paths[component] = (
                executors.needs_path(called)
                if called.graph is None
                else any(self.needs_path(task.component) for task in called.graph.tasks.values())
            )
        return self.paths[component]

    def graph(self, name: str, key: str, component: Component) -> None:
        """Write the DAG template of a component; of the pipeline itself when ``key`` is empty."""
        graph, is_root = component.graph, not key
        assert graph is not None
        task_names = _task_names(graph)
        scope = Scope(
            component,
            task_names,
            lambda source: flows.form_of(source, key, component, self.spec, self.flows),
            self.program.arguments if is_root else None,
        )
        template: dict[str, Any] = {"name": name}
        place = len(self.templates)
        self.templates.append(template)
        inputs = [] if is_root else self.inputs(key, component)
        if inputs:
            template["inputs"] = {"parameters": inputs}
        outputs = _outputs(graph, scope)
        if outputs:
            template["outputs"] = {"parameters": outputs}
        prefix = "" if is_root else f"{{{{inputs.parameters.{PATH_PARAMETER}}}}}/"
        template["dag"] = {
            "tasks": [
                self.task(other, task, scope, f"{prefix}{task_names[other]}")
                for other, task in graph.tasks.items()
            ]
        }
        self.templates[place] = template

    def inputs(self, key: str, component: Component) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = []
        used = self.used[key]
        for name, parameter in component.input_parameters.items():
            if name not in used:
                continue
            default = None if parameter.default is ABSENT else parameter.default
            optional = {"value": self.constant(default)} if parameter.optional else {}
            parameters.append({"name": input_name(name), **optional})
        for name, artifact in component.input_artifacts.items():
            if name in used:
                parameters.append(
                    {"name": input_name(name), **({"value": "null"} if artifact.optional else {})}
                )
        return [*parameters, {"name": PATH_PARAMETER}] if self.needs_path(key) else parameters

    def constant(self, value: Any) -> str:
        text = values.inert_json(value)
        if len(text.encode("utf-8", "surrogatepass")) <= values.LARGEST_PARAMETER:
            return text
        return keep_large(text, value, self.values)

    def task(self, key: str, task: Task, scope: Scope, path: str) -> dict[str, Any]:
        component = self.spec.components[task.component]
        if task.iterator:
            template = self.loop(key, task)
        elif component.graph is not None:
            template = self.called_graph(task.component)
        else:
            template = self.leaf(task, component)
        result: dict[str, Any] = {"name": scope.task_names[key], "template": template}
        arguments = self.arguments(task, component, scope, path)
        if arguments:
            result["arguments"] = {"parameters": arguments}
        if before := waits_for(task):
            result["depends"] = " && ".join(f"{scope.task_names[other]}.Succeeded" for other in before)
        if task.condition:
            condition = to_expression(
                task.condition,
                lambda name: scope.reference(task.parameters[name]).value,
                f"{self.spec.name}.{key}",
            )
            result["when"] = expression(condition)
        return result

    def arguments(self, task: Task, component: Component, scope: Scope, path: str) -> list[dict[str, Any]]:
        name_of = input_name if component.graph is not None else str
        given: list[dict[str, Any]] = []
        wanted = self.used[task.component]
        if task.iterator and isinstance(task.iterator.items, ComponentInput):
            wanted |= {task.iterator.items.name}
        for name, source in {**task.parameters, **task.artifacts}.items():
            if name not in wanted:
                continue
            if isinstance(source, Constant) and not source.selector:
                given.append({"name": name_of(name), "value": self.constant(source.value)})
            else:
                given.append({"name": name_of(name), "value": scope.reference(source).tag})
        if task.iterator and isinstance(task.iterator.items, Constant):
            given.append({"name": _ITEMS, "value": self.constant(task.iterator.items.value)})
        if self.needs_path(task.component):
            given.append({"name": PATH_PARAMETER, "value": path})
        return given

    def called_graph(self, component: str) -> str:
        if component not in self.written:
            name = self.taken.take(names.template_name(component.removeprefix("comp-")))
            self.written[component] = name
            self.graph(name, component, self.spec.components[component])
        return self.written[component]

    def loop(self, key: str, task: Task) -> str:
        iterator = task.iterator
        assert iterator is not None
        component = self.spec.components[task.component]
        has_path = self.needs_path(task.component)
        items = _ITEMS if isinstance(iterator.items, Constant) else input_name(iterator.items.name)
        item = iterator.item_input
        used = self.used[task.component]
        known = (*component.input_parameters, *component.input_artifacts)
        passed = [name for name in known if name != item and name in used]
        may_be_large = bool(self.flows.of(task.component, item))
        region = self.taken.take(names.template_name(key))
        declared = [{"name": name} for name in dict.fromkeys([*map(input_name, passed), items])]
        text = f"inputs.parameters[{literal(items)}]"
        arguments = [
            {"name": input_name(name), "value": f"{{{{inputs.parameters.{input_name(name)}}}}}"}
            for name in passed
        ]
        if item in used:
            picked = values.item_expression(text, "item", may_be_large=may_be_large)
            arguments.append({"name": input_name(item), "value": expression(picked)})
        if has_path:
            declared.append({"name": PATH_PARAMETER})
            arguments.append(
                {"name": PATH_PARAMETER, "value": f"{{{{inputs.parameters.{PATH_PARAMETER}}}}}/{{{{item}}}}"}
            )
        body = self.taken.take(f"{region}-{_ITERATION}")
        template: dict[str, Any] = {"name": region, "inputs": {"parameters": declared}}
        if iterator.parallelism:
            template["parallelism"] = iterator.parallelism
        template["dag"] = {
            "tasks": [
                {
                    "name": _ITERATION,
                    "template": body,
                    **({"arguments": {"parameters": arguments}} if arguments else {}),
                    "withSequence": {
                        "count": expression(values.length_expression(text, may_be_large=may_be_large))
                    },
                }
            ]
        }
        self.templates.append(template)
        self.graph(body, task.component, component)
        return region

    def leaf(self, task: Task, component: Component) -> str:
        """Write the template of a task's executor, once for all tasks that want it alike."""
        container = self.spec.executors[component.executor]
        assert isinstance(container, Container)
        cached = task.cache and self.program.options.cache
        identity = (component.executor, cached, task.cache_key if cached else "", task.retry)
        if identity not in self.written:
            name = self.taken.take(names.template_name(component.executor.removeprefix("exec-")))
            self.written[identity] = name
            self.executors[name] = component.executor
            self.templates.append(
                executors.template(
                    name,
                    component,
                    container,
                    self.program.options,
                    cached=cached,
                    cache_key=task.cache_key,
                    retry=task.retry,
                    stored=frozenset(
                        name
                        for name in component.input_parameters
                        if Form.STORED in self.flows.of(task.component, name)
                    ),
                    has_large_values=self.has_large,
                )
            )
        return self.written[identity]


def _task_names(graph: Graph) -> dict[str, str]:
    taken = names.Unique()
    return {key: taken.take(names.template_name(key)) for key in graph.tasks}


def _outputs(graph: Graph, scope: Scope) -> list[dict[str, Any]]:
    outputs: Mapping[str, TaskOutput | OneOf] = {**graph.output_parameters, **graph.output_artifacts}
    written = []
    for name, source in outputs.items():
        output = source.choices[0] if isinstance(source, OneOf) else source
        tag = scope.reference(output).tag
        written.append({"name": name, "valueFrom": {"parameter": tag, "default": "null"}})
    return written
