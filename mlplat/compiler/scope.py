"""Expressions for the values that a graph's tasks read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlplat.argo import values
from mlplat.argo.values import literal
from mlplat.compiler.program import Argument
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    FinalStatus,
    ParameterSource,
    ParameterType,
    TaskOutput,
)

REGION_PREFIX = "pipelinechannel--"
_FIELD = re.compile(r"""\[["']([^"']*)["']\]""")


@dataclass(frozen=True, slots=True)
class Reference:
    """A value of the run.

    Attributes:
        text: expression that gives it as inert JSON; empty when only the tag does.
        value: expression that gives the value itself.
        tag: what to write as an argument.
    """

    text: str
    value: str
    tag: str


def input_name(name: str) -> str:
    """Return the name of a region's input: ``train-model`` for KFP's ``pipelinechannel--train-model``."""
    return name.removeprefix(REGION_PREFIX)


def expression(text: str) -> str:
    """Write an expression as a tag."""
    return f"{{{{={text}}}}}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a graph's tasks find values.

    Attributes:
        component: the component whose graph it is.
        task_names: the manifest's name of each task.
        arguments: set for the pipeline itself, whose inputs are the Workflow's arguments.
    """

    component: Component
    task_names: Mapping[str, str]
    arguments: Mapping[str, Argument] | None = None

    def reference(self, source: ParameterSource | ComponentInput | TaskOutput) -> Reference:
        """Return how to read a parameter or an artifact."""
        match source:
            case TaskOutput(task, output, selector):
                name = self.task_names[task]
                text = f"tasks[{literal(name)}].outputs.parameters[{literal(output)}]"
                tag = f"{{{{tasks.{name}.outputs.parameters.{output}}}}}"
                return _selected(Reference(text, f"fromJSON({text})", tag), selector)
            case ComponentInput(name, selector):
                return _selected(self._input(name), selector)
            case Constant(value, selector):
                text = values.inert_json(value)
                return _selected(Reference(literal(text), f"fromJSON({literal(text)})", text), selector)
            case FinalStatus(task):
                raise TypeError(f"the final status of {task} has no expression")

    def _input(self, name: str) -> Reference:
        if self.arguments is None:
            text = f"inputs.parameters[{literal(input_name(name))}]"
            return Reference(text, f"fromJSON({text})", f"{{{{inputs.parameters.{input_name(name)}}}}}")
        parameter, argument = self.component.input_parameters[name], self.arguments[name]
        if argument.large:
            return Reference(literal(argument.large), f"fromJSON({literal(argument.large)})", argument.large)
        typed = f"workflow.parameters[{literal(name)}]"
        is_plain = parameter.type is ParameterType.STRING and not argument.is_json
        value = typed if is_plain else f"fromJSON({typed})"
        json_text = f"toJson({typed})" if is_plain else typed
        text = values.inert_expression(json_text)
        if argument.text == "" and parameter.optional and not isinstance(parameter.default, str):
            text = f"{typed} == '' ? 'null' : {text}"
            value = f"({typed} == '' ? nil : {value})"
        return Reference(text, value, expression(text))


def _selected(reference: Reference, selector: str) -> Reference:
    fields = _FIELD.findall(selector)
    if not fields:
        return reference
    value = reference.value + "".join(f"[{literal(field)}]" for field in fields)
    text = values.inert_expression(f"toJson({value})")
    return Reference(text, value, expression(text))
