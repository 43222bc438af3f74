"""Pass: binds the arguments of the run: checks names and types, and moves large values out of the Workflow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlplat.argo import values
from mlplat.compiler.program import Argument, Program
from mlplat.compiler.scope import REGION_PREFIX
from mlplat.errors import ArgumentError, Diagnostic, nearest
from mlplat.ir.model import (
    ABSENT,
    Component,
    ComponentInput,
    Importer,
    InputParameter,
    ParameterType,
    PipelineSpec,
)
from mlplat.ir.types import TYPE_NAMES, fits, json_problem
from mlplat.runtime.values import printable


def run(program: Program) -> Program:
    """Bind arguments and defaults to the pipeline's parameters.

    Raises:
        ArgumentError: an argument is unknown, missing, or of the wrong type.
    """
    parameters = program.spec.root.input_parameters
    problems = list(_problems(program))
    if problems:
        raise ArgumentError(problems)
    arguments: dict[str, Argument] = {}
    large = dict(program.values)
    for name, parameter in parameters.items():
        value = program.options.arguments.get(name, parameter.default)
        arguments[name] = _argument(value, parameter, large)
    return replace(program, arguments=arguments, values=large)


def _argument(value: Any, parameter: InputParameter, large: dict[str, str]) -> Argument:
    if value is ABSENT or value is None:
        return Argument("", is_absent=True) if parameter.optional else Argument(None)
    text = values.inert_json(value)
    if len(text.encode("utf-8", "surrogatepass")) > values.LARGEST_PARAMETER:
        return Argument(None, large=keep_large(text, value, large))
    if parameter.type is ParameterType.STRING and values.is_plain(value):
        return Argument(value)
    readable = printable(json.dumps(value, ensure_ascii=False))
    return Argument(text if "{{" in readable else readable, is_json=True)


def keep_large(text: str, value: Any, large: dict[str, str]) -> str:
    """Add a value to the Workflow's large values.

    Args:
        text: the value as inert JSON.
        value: the value.
        large: texts by SHA-256; the value's is added.

    Returns:
        The reference that replaces it.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    large[digest] = text
    return values.large_reference(digest, len(value) if isinstance(value, (list, dict)) else 0)


def _problems(program: Program) -> Iterator[Diagnostic]:
    spec, arguments = program.spec, program.options.arguments
    parameters = spec.root.input_parameters
    for name in arguments:
        if name not in parameters:
            message = f"the pipeline has no parameter '{name}'"
            hint = nearest(name, list(parameters)) or "the pipeline has no parameters"
            yield Diagnostic("MLP401", spec.name, message, hint)
    for name, value in arguments.items():
        if name not in parameters or (value is None and parameters[name].optional):
            continue
        kind = parameters[name].type
        if not fits(value, kind):
            message = f"expected {TYPE_NAMES[kind]} for '{name}', got {value!r}"
            yield Diagnostic("MLP403", spec.name, message, f"for example {_example(name, kind)}")
        elif problem := json_problem(value):
            message = f"the value of '{name}' cannot be written as JSON: {problem}"
            yield Diagnostic("MLP403", spec.name, message, f"for example {_example(name, kind)}")
    if program.options.require_arguments:
        places = _imported(spec)
        for name, parameter in parameters.items():
            if name not in arguments and parameter.default is ABSENT and not parameter.optional:
                example = f"{name}=URI (or a path)" if name in places else _example(name, parameter.type)
                hint = f"pass -p {example}"
                yield Diagnostic("MLP402", spec.name, f"the parameter '{name}' has no value", hint)
            elif arguments.get(name, parameter.default) in (ABSENT, None):
                example = f"{name}=URI (or a path)" if name in places else _example(name, parameter.type)
                for task, wanted in dict.fromkeys(_readers(spec.root, name, spec)):
                    message = f"the parameter '{name}' has no value, and the input '{wanted}' of '{task}' requires one"
                    hint = f"pass -p {example}; or give the input a default"
                    yield Diagnostic("MLP402", spec.name, message, hint)
    for name in spec.root.input_artifacts:
        message = f"the pipeline input '{name}' is a list of artifacts, which cannot be passed to a run"
        hint = "take a list of URIs as a parameter, and import each in a dsl.ParallelFor"
        yield Diagnostic("MLP404", spec.name, message, hint)


def _readers(component: Component, name: str, spec: PipelineSpec) -> Iterator[tuple[str, str]]:
    """Yield the tasks that always run and require an input of the enclosing graph, and their own names for it."""
    for key, task in component.graph.tasks.items() if component.graph else ():
        callee = spec.components[task.component]
        for given, source in task.parameters.items() if not task.condition else ():
            if source != ComponentInput(name):
                continue
            if task.iterator and task.iterator.items == ComponentInput(given):
                yield key, given.removeprefix(REGION_PREFIX)
            elif callee.graph is not None:
                for inner, wanted in _readers(callee, given, spec):
                    yield f"{key}.{inner}", wanted
            elif given in callee.input_parameters and not callee.input_parameters[given].optional:
                yield key, given


def _imported(spec: PipelineSpec) -> set[str]:
    """Return the parameters that importers of the pipeline read."""
    executors = {name: spec.executors.get(one.executor) for name, one in spec.components.items()}
    return {
        source.name
        for task in (spec.root.graph.tasks.values() if spec.root.graph else ())
        if isinstance(executors[task.component], Importer)
        for source in task.parameters.values()
        if isinstance(source, ComponentInput)
    }


def _example(name: str, kind: ParameterType) -> str:
    examples = {
        ParameterType.NUMBER_INTEGER: "3",
        ParameterType.NUMBER_DOUBLE: "0.5",
        ParameterType.BOOLEAN: "true",
        ParameterType.LIST: "'[1, 2]'",
        ParameterType.STRUCT: "'{\"key\": 1}'",
    }
    return f"{name}={examples.get(kind, 'text')}"
