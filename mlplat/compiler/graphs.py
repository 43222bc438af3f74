"""Pass: writes a DAG template for each graph, and a template for each executor.

A nested graph of the pipeline (branch, loop, nested pipeline) is a DAG template. A loop is two: one that has the
list and runs the other once for each position in it, so that the list is recorded once and each iteration gets
only its item.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo import names, values
from mlplat.argo.reasons import explained
from mlplat.argo.sources import ImportSource
from mlplat.argo.values import literal
from mlplat.compiler import (
    argo_templates,
    documents,
    ends,
    executors,
    flows,
    importers,
    interfaces,
    pods,
    workspace,
)
from mlplat.compiler.arguments import keep_large
from mlplat.compiler.conditions import display, to_expression
from mlplat.compiler.executors import Leaf
from mlplat.compiler.interfaces import INDEX_PARAMETER, PATH_PARAMETER, CallSite, tag
from mlplat.compiler.placeholders import choices, has_holes, parse
from mlplat.compiler.program import Program
from mlplat.compiler.scope import GraphScope, expression, input_name
from mlplat.compiler.strings import Strings
from mlplat.ir.argo_template import calls, renamed
from mlplat.ir.cycles import waits_for
from mlplat.ir.model import (
    ABSENT,
    Component,
    ComponentInput,
    Constant,
    Container,
    FinalStatus,
    Graph,
    Importer,
    OneOf,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Retry,
    Task,
    TaskOutput,
)

_ITEMS = "loop--items"
_ITERATION = "iteration"
_SHOWN = re.compile("[A-Za-z0-9]")
_COUNT = re.compile(r"(-[0-9]+)+\Z")
"""Suffix that KFP appends to the label of a component's second, third … use."""
_COMPLETED = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")


def run(program: Program) -> Program:
    """Write all templates that the pipeline calls."""
    return _Lowering(program).run()


class _Lowering:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.spec = program.spec
        self.templates: list[dict[str, Any]] = []
        self.taken = names.Unique()
        self.taken.take(names.NOTHING)
        self.written: dict[Any, str] = {}
        self.leaves: dict[Any, tuple[str, Leaf]] = {}
        self.functions: dict[str, tuple[str, ...]] = {}
        self.values = dict(program.values)
        self.paths: dict[str, bool] = {}
        self.has_large = bool(program.values) or flows.large_constants(program.spec)
        self.flows = flows.analyse(program)
        self.contexts = _contexts(program.spec)
        self.used = flows.used_inputs(program.spec, self.settings)
        self.workspace = workspace.users(program.spec)
        self.one_node = workspace.is_for_one_node(program.spec)
        self.keeps_errors = _asks_status(program.spec)

    def run(self) -> Program:
        name = self.taken.take(names.template_name(self.spec.name))
        self.graph(name, "", self.spec.root)
        entry = [template for template in self.templates if template["name"] == name]
        others = [template for template in self.templates if template["name"] != name]
        if any(isinstance(executor, Importer) for executor in self.spec.executors.values()):
            others.append(ends.nothing())
        return replace(
            self.program, templates=(*entry, *others), functions=self.functions, values=self.values
        )

    def settings(self, task: Task) -> tuple[ParameterSource, ...]:
        """Return the values that pod settings of a task read from the enclosing graph."""
        executor = self.spec.executors.get(self.spec.components[task.component].executor)
        if not isinstance(executor, Container) or not executor.kubernetes:
            return ()
        return tuple(pods.sources(executor))

    def needs_path(self, component: str) -> bool:
        """Return whether a component, or anything that it calls, writes into the artifact store."""
        if component not in self.paths:
            called = self.spec.components[component]
            if called.graph is None:
                self.paths[component] = self.leaf_needs_path(component)
            else:
                self.paths[component] = any(
                    self.needs_path(task.component) for task in called.graph.tasks.values()
                )
        return self.paths[component]

    def leaf_needs_path(self, name: str) -> bool:
        component = self.spec.components[name]
        executor = self.spec.executors.get(component.executor)
        if isinstance(executor, Importer):
            return executor.download_to_workspace or bool(self.sources(name, executor))
        is_python = isinstance(executor, Container) and executor.python is not None
        asks = executors.needs_path(component, executor, lambda given: self.flows.of(name, given))
        return asks or (self.keeps_errors and is_python)

    def sources(self, component: str, executor: object) -> tuple[ImportSource, ...]:
        """Return the sources that the data of an importer may be fetched from."""
        if component not in self.program.read or not isinstance(executor, Importer):
            return ()
        return importers.possible(executor, self.program.options)

    def graph(
        self,
        name: str,
        key: str,
        component: Component,
        retry: Retry | None = None,
        *,
        cached: bool = True,
        looped: bool = False,
    ) -> None:
        """Write the DAG template of a component; of the pipeline itself when ``key`` is empty."""
        graph, is_root = component.graph, not key
        assert graph is not None
        scope = GraphScope(
            component,
            _task_names(graph),
            lambda source: flows.form_of(source, key, component, self.spec, self.flows),
            lambda output: self.plain_type(graph.tasks[output.task], output.output),
            self.program.arguments if is_root else None,
            has_place=not is_root and self.needs_path(key),
            looped=looped,
            cached=cached,
        )
        template: dict[str, Any] = {"name": name}
        place = len(self.templates)
        self.templates.append(template)
        inputs = [] if is_root else self.inputs(key, component, looped=looped)
        if inputs:
            template["inputs"] = {"parameters": inputs}
        outputs = _outputs(graph, scope)
        if outputs:
            template["outputs"] = {"parameters": outputs}
        if retry:
            template["retryStrategy"] = executors.retry_strategy(retry)
        template["dag"] = {"tasks": [self.task(other, task, scope) for other, task in graph.tasks.items()]}
        if any(self.is_exit(task, graph) for task in graph.tasks.values()):
            template["dag"]["target"] = " ".join(sorted(scope.task_names.values()))
        self.templates[place] = template

    def plain_type(self, task: Task, output: str) -> ParameterType | None:
        """Return the type of an output that its task writes as plain text; None for all others."""
        component = self.spec.components[task.component]
        if not executors.writes_plain_text(self.spec.executors.get(component.executor)):
            return None
        declared = component.output_parameters.get(output)
        return declared.type if declared else None

    def inputs(self, key: str, component: Component, *, looped: bool) -> list[dict[str, Any]]:
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
        return [*parameters, *self.place(key, looped=looped)]

    def place(self, component: str, *, looped: bool) -> list[dict[str, Any]]:
        """Declare the inputs for the path of a graph's tasks in the run."""
        return interfaces.position_inputs(looped=looped) if self.needs_path(component) else []

    def constant(self, value: Any) -> str:
        text = values.inert_json(value)
        if len(text.encode("utf-8", "surrogatepass")) <= values.LARGEST_PARAMETER:
            return text
        return keep_large(text, value, self.values)

    def task(self, key: str, task: Task, scope: GraphScope) -> dict[str, Any]:
        component = self.spec.components[task.component]
        texts = self.texts(key, task, component, scope)
        needs: dict[str, str] = {}
        graph = scope.component.graph
        assert graph is not None
        cached = scope.cached and not self.is_exit(task, graph)
        if task.iterator:
            template = self.loop(key, task, scope, cached=cached)
        elif component.graph is not None:
            template = self.called_graph(task.component, task.retry, cached=cached, looped=scope.looped)
        else:
            template, leaf = self.leaf(task, component, texts, cached=cached)
            needs = {name: executors.argument(need, texts) for name, need in leaf.needs.items()}
        result: dict[str, Any] = {"name": scope.task_names[key], "template": template}
        given = [
            *self.arguments(task, component, texts),
            *({"name": name, "value": value} for name, value in needs.items()),
        ]
        if given:
            result["arguments"] = {"parameters": given}
        if depends := self.depends(task, scope):
            result["depends"] = depends
        if task.condition:
            condition = to_expression(
                task.condition,
                lambda name: scope.reference(task.parameters[name]).value,
                f"{self.spec.name}.{key}",
            )
            result["when"] = explained(
                expression(condition),
                display(task.condition, lambda name: scope.display(task.parameters[name])),
            )
        return result

    def is_exit(self, task: Task, graph: Graph) -> bool:
        """Return whether a task is an exit task, or only ignores failures: in KFP's IR, they differ in dependencies."""
        handlers = (
            name
            for name in task.depends_on
            if name.startswith("exit-handler-") and self.spec.components[graph.tasks[name].component].graph
        )
        return task.when_all_completed and (
            any(isinstance(source, FinalStatus) for source in task.parameters.values())
            or next(handlers, None) is not None
        )

    def texts(self, key: str, task: Task, component: Component, scope: GraphScope) -> Strings:
        name = literal(scope.task_names[key])
        is_root = scope.arguments is not None
        around = f"inputs.parameters[{literal(PATH_PARAMETER)}] + '/' + " if scope.has_place else ""
        index = f" + inputs.parameters[{literal(INDEX_PARAMETER)}]" if around and scope.looped else ""
        return Strings(
            scope if not task.when_all_completed else replace(scope, may_fail=True),
            task,
            component,
            key,
            name if is_root else f"{around}{name}{index}",
            self.spec.default_pipeline_root,
        )

    def depends(self, task: Task, scope: GraphScope) -> str:
        read = tuple(source.task for source in self.settings(task) if isinstance(source, TaskOutput))
        before = dict.fromkeys((*waits_for(task), *read))
        if not task.when_all_completed:
            return " && ".join(f"{scope.task_names[other]}.Succeeded" for other in before)
        ended = (
            " || ".join(f"{scope.task_names[other]}.{phase}" for phase in _COMPLETED) for other in before
        )
        return " && ".join(f"({phases})" for phases in ended)

    def arguments(self, task: Task, component: Component, texts: Strings) -> list[dict[str, Any]]:
        name_of = input_name if component.graph is not None else str
        arguments: list[dict[str, Any]] = []
        wanted = self.used[task.component]
        if component.graph is None:
            wanted &= frozenset(interfaces.own_inputs(component))
            if argo_templates.is_one(self.spec.executors[component.executor]):
                wanted &= frozenset(component.input_artifacts)
        if task.iterator and isinstance(task.iterator.items, ComponentInput):
            wanted |= {task.iterator.items.name}
        for name, source in {**task.parameters, **task.artifacts}.items():
            if name in wanted:
                arguments.append({"name": name_of(name), "value": self.argument(source, texts)})
        if task.iterator and isinstance(task.iterator.items, Constant):
            arguments.append({"name": _ITEMS, "value": self.argument(task.iterator.items, texts)})
        if self.needs_path(task.component):
            name = texts.scope.task_names[texts.name]
            if texts.scope.arguments is not None:
                arguments.append({"name": PATH_PARAMETER, "value": name})
            else:
                arguments.append({"name": PATH_PARAMETER, "value": f"{tag(PATH_PARAMETER)}/{name}"})
                if texts.scope.looped:
                    arguments.append({"name": INDEX_PARAMETER, "value": tag(INDEX_PARAMETER)})
        return arguments

    def argument(self, source: ParameterSource, texts: Strings) -> str:
        if not isinstance(source, Constant) or source.selector:
            return texts.scope.reference(source).tag
        if has_holes(source.value):
            return expression(documents.expression(documents.with_placeholders(source.value), texts))
        return self.constant(source.value)

    def called_graph(self, component: str, retry: Retry | None, *, cached: bool, looped: bool) -> str:
        looped = looped and self.needs_path(component)
        identity = (component, retry, cached, looped)
        if identity not in self.written:
            name = self.taken.take(self.template_name(component, looped=looped))
            self.written[identity] = name
            called = self.spec.components[component]
            self.graph(name, component, called, retry, cached=cached, looped=looped)
        return self.written[identity]

    def template_name(self, component: str, *, looped: bool) -> str:
        """Name a template; a component that is called both in loops and outside of them has two templates."""
        label = _label(component, self.spec)
        both = looped and (label, False) in self.contexts
        return names.template_name(f"{label}-in-loops" if both else label)

    def loop(self, key: str, task: Task, scope: GraphScope, *, cached: bool) -> str:
        iterator = task.iterator
        assert iterator is not None
        component = self.spec.components[task.component]
        items = _ITEMS if isinstance(iterator.items, Constant) else input_name(iterator.items.name)
        item = iterator.item_input
        used = self.used[task.component]
        known = (*component.input_parameters, *component.input_artifacts)
        passed = [name for name in known if name != item and name in used]
        may_be_large = bool(self.flows.of(task.component, item) & flows.Form.PART)
        region = self.taken.take(names.template_name(key))
        declared = [{"name": name} for name in dict.fromkeys([*map(input_name, passed), items])]
        text, position = f"inputs.parameters[{literal(items)}]", values.position_expression("item")
        shown = values.SHOWN_OF_ARTIFACT if item in component.input_artifacts else values.SHOWN_OF_VALUE
        labels = values.labels_expression(text, shown, may_be_large=may_be_large)
        arguments = [
            {"name": input_name(name), "value": f"{{{{inputs.parameters.{input_name(name)}}}}}"}
            for name in passed
        ]
        if item in used:
            picked = values.item_expression(text, position, may_be_large=may_be_large)
            arguments.append({"name": input_name(item), "value": expression(picked)})
        if self.needs_path(task.component):
            declared += self.place(task.component, looped=scope.looped)
            around = tag(INDEX_PARAMETER) if scope.looped else ""
            arguments += [
                {"name": PATH_PARAMETER, "value": tag(PATH_PARAMETER)},
                {"name": INDEX_PARAMETER, "value": f"{around}/{expression(position)}"},
            ]
        body = self.taken.take(f"{region}-{_ITERATION}")
        template: dict[str, Any] = {"name": region, "inputs": {"parameters": declared}}
        collected = _collected((*component.output_parameters, *component.output_artifacts))
        if collected:
            template["outputs"] = {"parameters": collected}
        if task.retry:
            template["retryStrategy"] = executors.retry_strategy(task.retry)
        if iterator.parallelism:
            template["parallelism"] = iterator.parallelism
        template["dag"] = {
            "tasks": [
                {
                    "name": _ITERATION,
                    "template": body,
                    **({"arguments": {"parameters": arguments}} if arguments else {}),
                    "withParam": expression(labels),
                }
            ]
        }
        self.templates.append(template)
        self.graph(body, task.component, component, cached=cached, looped=self.needs_path(task.component))
        return region

    def leaf(self, task: Task, component: Component, texts: Strings, *, cached: bool) -> tuple[str, Leaf]:
        """Write the template of a task's executor, once for all tasks with the same template."""
        executor = self.spec.executors[component.executor]
        call = self.call(task, component, executor, texts, cached=cached)
        quick = (*_identity(component, executor), call)
        if quick not in self.leaves:
            steps = self.program.steps.get(component.executor, ())
            name = self.template_name(task.component, looped=call.looped)
            options = self.program.options
            if isinstance(executor, Importer):
                leaf = importers.leaf(component, executor, call, options)
            elif argo_templates.is_one(executor):
                leaf = argo_templates.leaf(component, executor, call)
            else:
                leaf = executors.leaf(name, component, executor, call, options, steps)
            self.leaves[quick] = self.written_once(name, leaf), leaf
        return self.leaves[quick]

    def written_once(self, name: str, leaf: Leaf) -> str:
        """Write the templates of a leaf that don't exist yet, and return the name of the leaf's template."""
        exact = repr((leaf.template, leaf.functions, leaf.needs, leaf.others))
        if exact in self.written:
            return self.written[exact]
        unique = self.written[exact] = self.taken.take(name)
        new, called = {unique: leaf}, {}
        for other, one in leaf.others.items():
            alone = repr((one.template, one.functions, leaf.others if any(calls(one.template)) else ()))
            if alone not in self.written:
                self.written[alone] = self.taken.take(names.template_name(f"{unique}-{other}"))
                new[self.written[alone]] = one
            called[other] = self.written[alone]
        for own, one in new.items():
            template = renamed(one.template, called) if called else one.template
            self.templates.append({"name": own, **template})
            if one.functions:
                self.functions[own] = tuple(function.source for function in one.functions)
        return unique

    def call(
        self,
        task: Task,
        component: Component,
        executor: Container | Importer,
        texts: Strings,
        *,
        cached: bool,
    ) -> CallSite:
        in_workspace = task.component in self.workspace
        # What a task leaves in the workspace is gone with its run.
        cached = cached and task.cache and self.program.options.cache and not in_workspace
        forms = tuple(
            (name, form)
            for name in (*component.input_parameters, *component.input_artifacts)
            if (form := self.flows.of(task.component, name) & ~flows.Form.PART)
        )
        asked = (
            {name for text in (*executor.command, *executor.args) for name in choices(parse(text))}
            if isinstance(executor, Container) and executor.python is None
            else ()
        )
        present = tuple((name, known) for name in sorted(asked) if (known := texts.known(name)) is not None)
        return CallSite(
            looped=texts.scope.looped and self.needs_path(task.component),
            cached=cached,
            cache_key=task.cache_key if cached else "",
            retry=task.retry,
            forms=forms,
            present=present,
            workspace=in_workspace,
            one_node=self.one_node and in_workspace,
            has_large_values=self.has_large,
            keeps_errors=self.keeps_errors,
            store=self.program.options.artifact_store,
            sources=self.sources(task.component, executor),
        )


def _identity(component: Component, executor: Container | Importer) -> tuple[Any, ...]:
    """The identity of a template: equal for tasks of the same component in a Python program."""
    interface = (
        id(component.input_parameters),
        id(component.input_artifacts),
        id(component.output_parameters),
        id(component.output_artifacts),
        component.passthroughs,
    )
    if isinstance(executor, Importer) or executor.kubernetes or executor.own.parallelism:
        return (*interface, id(executor))
    function = id(executor.python) if executor.python is not None else (executor.command, executor.args)
    return (*interface, function, executor.image, executor.env, executor.resources)


def _contexts(spec: PipelineSpec) -> frozenset[tuple[str, bool]]:
    """Return the labels of all called components, with whether they are called in a loop, outside of loops, or both."""
    contexts: set[tuple[str, bool]] = set()
    waiting = [(spec.root, False)]
    while waiting:
        component, looped = waiting.pop()
        for task in component.graph.tasks.values() if component.graph else ():
            call = (task.component, looped or task.iterator is not None)
            if call not in contexts:
                contexts.add(call)
                waiting.append((spec.components[task.component], call[1]))
    return frozenset((_label(component, spec), looped) for component, looped in contexts)


def _label(name: str, spec: PipelineSpec) -> str:
    """Return the label of a component, which is the same for all uses of a Python function."""
    component = spec.components[name]
    if component.graph is not None:
        return name.removeprefix("comp-")
    return _COUNT.sub("", component.executor.removeprefix("exec-"))


def _asks_status(spec: PipelineSpec) -> bool:
    return any(
        isinstance(source, FinalStatus)
        for component in (spec.root, *spec.components.values())
        if component.graph
        for task in component.graph.tasks.values()
        for source in task.parameters.values()
    )


def _task_names(graph: Graph) -> dict[str, str]:
    """Return the names of the tasks in Argo: the display names, if valid, because Argo's UI shows only the names."""
    taken = names.Unique()
    return {
        key: taken.take(names.template_name(task.display_name if _SHOWN.search(task.display_name) else key))
        for key, task in graph.tasks.items()
    }


def _outputs(graph: Graph, scope: GraphScope) -> list[dict[str, Any]]:
    outputs: Mapping[str, TaskOutput | OneOf] = {**graph.output_parameters, **graph.output_artifacts}
    return [
        {"name": name, "valueFrom": {**_output(source, scope), "default": "null"}}
        for name, source in outputs.items()
    ]


def _output(source: TaskOutput | OneOf, scope: GraphScope) -> dict[str, str]:
    choices = source.choices if isinstance(source, OneOf) else (source,)
    if len(choices) == 1 and scope.plain(choices[0]) is None:
        return {"parameter": scope.reference(choices[0]).tag}
    ran = (
        f"tasks[{literal(scope.task_names[choice.task])}].status == 'Succeeded' ? {scope.reference(choice).text} : ''"
        for choice in choices
    )
    return {"expression": f"get(filter([{', '.join(ran)}], # != ''), 0) ?? 'null'"}


def _collected(outputs: Iterable[str]) -> list[dict[str, Any]]:
    """Combine the outputs of all iterations that have them, in order: each is inert JSON, and so is their list.

    Argo collects strings; if all of them are JSON objects, or all are lists, it collects the decoded values. A loop
    over an empty list counts as skipped: its outputs are the defaults of its body.
    """
    iterations = f"tasks[{literal(_ITERATION)}].outputs?.parameters?."
    found = []
    for name in outputs:
        text = f"type(#) == 'string' ? # : {values.json_text_expression('#')}"
        texts = f"map(fromJSON({iterations}[{literal(name)}] ?? 'null') ?? [], {text})"
        joined = f"{literal('[')} + join(filter({texts}, # != 'null'), ',') + {literal(']')}"
        found.append({"name": name, "valueFrom": {"expression": joined, "default": "null"}})
    return found
