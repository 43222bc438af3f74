"""Expressions for the values that a graph's tasks read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mlplat.argo import values
from mlplat.argo.values import ABSENT, literal
from mlplat.compiler.flows import Form
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
_ONLY = "Output"
"""KFP's name for the only output of a component."""
_ITEM, _SUBVARIABLE = "loop-item", "-subvar-"
"""KFP's names for the item of a loop, and for a field of it."""
_FIELD = re.compile(r"""\[["']([^"']*)["']\]""")


@dataclass(frozen=True, slots=True)
class Reference:
    """A runtime value.

    Attributes:
        text: expression for it as inert JSON; empty if only the tag is available.
        value: expression for the value itself.
        tag: its tag, for arguments.
        plain: expression for a string; empty if it must be decoded from the inert JSON.
    """

    text: str
    value: str
    tag: str
    plain: str = ""


def input_name(name: str) -> str:
    """Return the name of a nested graph's input: ``train-model`` for KFP's ``pipelinechannel--train-model``."""
    return name.removeprefix(REGION_PREFIX)


def expression(text: str) -> str:
    """Write an expression as a tag."""
    return f"{{{{={text}}}}}"


@dataclass(frozen=True, slots=True)
class GraphScope:
    """The values that a graph's tasks can read.

    Attributes:
        component: the component of the graph.
        task_names: the manifest's name of each task.
        form: returns the forms of a value that a task reads.
        plain: type of an output that its task writes as plain text, not as inert JSON; None for all others.
        arguments: set for the pipeline itself, whose inputs are the Workflow's arguments.
        has_place: whether the graph has inputs for its path in the run.
        looped: whether one of them is its position in the loops around it.
        cached: whether results of its tasks may come from the cache; not in the pipeline of an exit task, which must
            run.
        may_fail: whether a task whose output is read may have failed, so that the output counts as absent.
    """

    component: Component
    task_names: Mapping[str, str]
    form: Callable[[ParameterSource], Form]
    plain: Callable[[TaskOutput], ParameterType | None]
    arguments: Mapping[str, Argument] | None = None
    has_place: bool = False
    looped: bool = False
    cached: bool = True
    may_fail: bool = False

    def reference(self, source: ParameterSource) -> Reference:
        """Return the reference to a parameter or an artifact."""
        match source:
            case TaskOutput(task, output):
                name = self.task_names[task]
                text = f"tasks[{literal(name)}].outputs.parameters[{literal(output)}]"
                tag = f"{{{{tasks.{name}.outputs.parameters.{output}}}}}"
                kind = self.plain(source)
                if self.may_fail:
                    absent = "null" if kind is None else ABSENT
                    text = f"(tasks[{literal(name)}].outputs?.parameters?.[{literal(output)}] ?? {literal(absent)})"
                    tag = expression(text)
                plain = ""
                if kind is not None:
                    plain = (
                        f"({text} == {literal(ABSENT)} ? '' : {text})" if kind is ParameterType.STRING else ""
                    )
                    text = _as_json(text, kind)
                    tag = expression(text)
                reference = Reference(text, f"fromJSON({text})", tag, plain)
            case ComponentInput(name):
                reference = self._input(name)
            case Constant(value):
                text = values.inert_json(value)
                reference = Reference(literal(text), f"fromJSON({literal(text)})", text)
            case FinalStatus(task):
                text = _final_status(task, self.task_names[task])
                reference = Reference(text, f"fromJSON({text})", expression(text))
        form, selector = self.form(source), getattr(source, "selector", "")
        if selector:
            reference = _selected(reference, selector, may_be_large=form.is_large)
        if Form.PART in form:
            return replace(reference, value=values.small_expression(reference.text, reference.value))
        return reference

    def display(self, source: ParameterSource) -> str:
        """Return the display name of a value: ``evaluate.accuracy``, ``train`` for its only output, ``threshold``."""
        fields = "".join(f".{field}" for field in _FIELD.findall(getattr(source, "selector", "")))
        match source:
            case TaskOutput(task, output):
                return self.task_names[task] + ("" if output == _ONLY else f".{output}") + fields
            case ComponentInput(name):
                plain = input_name(name)
                item, is_item, field = plain.partition(_ITEM)
                if is_item and not item.removesuffix("-"):
                    _, _, subvariable = field.partition(_SUBVARIABLE)
                    return "item" + (f".{subvariable}" if subvariable else "") + fields
                return plain.removesuffix(f"-{_ONLY}") + fields
            case Constant(value):
                return json.dumps(value, ensure_ascii=False)
        return "status"

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
        if argument.is_absent:
            text = f"({typed} == '' ? 'null' : {text})"
            value = f"({typed} == '' ? nil : {value})"
        return Reference(text, value, expression(text), typed if is_plain else "")


def _as_json(text: str, kind: ParameterType) -> str:
    """Return the expression for the inert JSON of a string that a container wrote."""
    match kind:
        case ParameterType.STRING:
            written = values.json_text_expression(text)
        case ParameterType.BOOLEAN:
            written = f"lower({text})"
        case _:
            written = values.inert_expression(text)
    return f"({text} == {literal(ABSENT)} ? 'null' : {written})"


def _final_status(key: str, name: str) -> str:
    """Return the expression for KFP's ``PipelineTaskFinalStatus`` of a task, as inert JSON."""
    task = f"tasks[{literal(name)}]"
    state = (
        f"({task}.status == 'Succeeded' ? 'SUCCEEDED' : "
        f"{task}.status in ['Skipped', 'Omitted'] ? 'SKIPPED' : 'FAILED')"
    )
    failed = values.inert_json({"code": "CODE", "message": f"{key} failed"})
    before, after = (literal(part) for part in failed.split('"CODE"'))
    error = f"({state} == 'FAILED' ? {before} + string({task}.exitCode ?? '1') + {after} : {literal('{}')})"
    parts = [
        literal('{"state":"'),
        state,
        literal(f'","pipelineTaskName":{values.inert_json(key)},"node":"{name}","pipelineJobResourceName":"'),
        "workflow.name",
        literal('","error":'),
        error,
        literal("}"),
    ]
    return f"({' + '.join(parts)})"


def _selected(reference: Reference, selector: str, *, may_be_large: bool) -> Reference:
    fields = _FIELD.findall(selector)
    value = reference.value + "".join(f"[{literal(field)}]" for field in fields)
    text = values.picked_expression(reference.text, fields)
    if may_be_large:
        text = f"({values.is_large(reference.text)} ? {values.fields_expression(reference.text, fields)} : {text})"
    return Reference(text, value, expression(text))
