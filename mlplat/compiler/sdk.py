"""Pass: with the option ``kfp_runtime="pip"``, runs Python functions with the command that KFP's SDK wrote.

mlplat's runtime still reads inputs and writes outputs. Instead of the user's function, it calls a function that this
pass writes, with the same name and interface, which runs the command.
"""

from __future__ import annotations

from dataclasses import replace

from mlplat import runtime
from mlplat.compiler.program import Program
from mlplat.ir import bootstrap
from mlplat.ir.model import Component, Container, Executor, ParameterType, PythonFunction

_SOURCE = """\
from kfp.dsl import *

_mlplat_sdk = {{}}
exec({module!r}, _mlplat_sdk)


def {name}({signature}):
    _mlplat_sdk["run_command"]({command!r}, {{{given}}}, {types!r})
"""


def run(program: Program) -> Program:
    """Replace the pipeline's functions with functions that run KFP's command."""
    if program.options.kfp_runtime != "pip":
        return program
    spec = program.spec
    components = {
        component.executor: component for component in spec.components.values() if component.executor
    }
    executors: dict[str, Executor] = {
        label: _with_command(executor, components[label])
        if isinstance(executor, Container) and label in components
        else executor
        for label, executor in spec.executors.items()
    }
    return replace(program, spec=replace(spec, executors=executors))


def _with_command(container: Container, component: Component) -> Container:
    python = container.python
    if python is None:
        return container
    command, args = (container.command, container.args) if container.command else bootstrap.to_command(python)
    parameters = _signature(component)
    source = _SOURCE.format(
        module=runtime.module_text("sdk"),
        name=python.name,
        signature=", ".join(["*", *parameters.values()] if parameters else []),
        given=", ".join(f"{name!r}: {name}" for name in parameters),
        command=[*command, *args],
        types={
            "inputs": {name: given.type.schema_title for name, given in component.input_artifacts.items()},
            "outputs": {name: made.type.schema_title for name, made in component.output_artifacts.items()},
            "files": list(component.output_parameters),
        },
    )
    return replace(container, python=PythonFunction(source, python.name))


def _signature(component: Component) -> dict[str, str]:
    """Return the parameters of a function with the component's inputs and outputs."""
    parameters = {
        name: f"{name}=None" if given.optional or given.type is ParameterType.TASK_CONFIG else name
        for name, given in component.input_parameters.items()
    }
    artifacts = {
        name: f"{name}: Input[Artifact]{' = None' if given.optional else ''}"
        for name, given in component.input_artifacts.items()
    }
    outputs = {name: f"{name}: Output[Artifact]" for name in component.output_artifacts}
    files = {name: f"{name}: OutputPath(str)" for name in component.output_parameters}
    return {**parameters, **artifacts, **outputs, **files}
