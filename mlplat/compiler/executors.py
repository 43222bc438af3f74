"""Writes the templates of executors: Python functions, other containers, and PVCs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from mlplat import runtime
from mlplat.argo import values
from mlplat.argo.status.fused import OUTPUT as STEPS_OUTPUT
from mlplat.argo.values import literal
from mlplat.compiler import documents, pods
from mlplat.compiler.caching import memoize
from mlplat.compiler.calls import CONFIG, Position, call_text, steps_text
from mlplat.compiler.documents import Document, Elements, Input, Text, is_static
from mlplat.compiler.flows import Form
from mlplat.compiler.interfaces import (
    ERROR_OUTPUT,
    INDEX_PARAMETER,
    LARGE_OUTPUT,
    LARGE_VALUES,
    PATH_PARAMETER,
    VALUES_VOLUME,
    CallSite,
    artifact_text,
    asks_status,
    errors_of,
    folder_of,
    interface,
    key_of,
    may_grow,
    nonempty,
    own_inputs,
    stored,
    tag,
)
from mlplat.compiler.placeholders import Concat, Hole, IfPresent, Part, choices, parse, resolve
from mlplat.compiler.program import Options, Step
from mlplat.compiler.scope import expression
from mlplat.compiler.strings import INPUTS, OUTPUTS, Strings, placed, workspace_placed
from mlplat.ir.model import (
    Component,
    Container,
    InputArtifact,
    InputParameter,
    PythonFunction,
    Retry,
)

CREATE_CLAIM, DELETE_CLAIM = "argostub/createpvc", "argostub/deletepvc"
"""Images that mark KFP's components that create and delete a PVC."""

STUBS = (CREATE_CLAIM, DELETE_CLAIM)
"""Images that only mark components."""

_ALONE = Position()
_PATCH, _KEYED = "pod--patch", "pod--key"
"""Inputs of a template for settings of its pod: the patch of the pod, and values for the cache key."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A template, and its inputs beyond those of the component.

    Attributes:
        template: an Argo template without a name.
        needs: further input parameters, and the values that callers pass.
        functions: the Python functions that it runs; their sources become its first arguments.
        others: leaves whose templates it calls, by name; their ``needs`` are empty.
    """

    template: dict[str, Any]
    needs: Mapping[str, Need] = field(default_factory=dict)
    functions: tuple[PythonFunction, ...] = ()
    others: Mapping[str, Leaf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whole:
    """A document that the caller passes as inert JSON."""

    document: Document


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain string that the caller passes, for a template in which Argo substitutes it."""

    hole: Hole


@dataclass(frozen=True, slots=True)
class PassedMessage:
    """A message that the caller passes, for a template in which Argo substitutes it."""

    hole: Hole


Need: TypeAlias = Hole | Whole | Plain | PassedMessage


@dataclass(frozen=True, slots=True)
class _Paths:
    """The paths of a container that strings of its callers may refer to.

    Attributes:
        artifacts: its input artifacts.
        imported: those that may be outside of the store.
        workspace: whether it mounts the workspace.
    """

    artifacts: tuple[str, ...] = ()
    imported: frozenset[str] = frozenset()
    workspace: bool = False

    def all(self) -> tuple[str, ...]:
        """Return the paths of all its artifacts."""
        return (OUTPUTS, *(f"{INPUTS}/{name}" for name in self.artifacts))

    def placed(self, text: str, paths: tuple[str, ...], *, is_json: bool) -> str:
        """Return the tag of an expression for a string, with paths instead of their marks."""
        found = placed(text, paths, is_json=is_json)
        return expression(workspace_placed(found) if self.workspace else found)


_NO_PATHS = _Paths()


def is_claim(executor: object) -> bool:
    """Return whether an executor creates or deletes a PVC."""
    return isinstance(executor, Container) and executor.image in (CREATE_CLAIM, DELETE_CLAIM)


def writes_plain_text(executor: object) -> bool:
    """Return whether a task's output parameters are read from files that its container writes."""
    return isinstance(executor, Container) and executor.python is None and executor.image not in STUBS


def needs_path(component: Component, executor: object, form: Callable[[str], Form]) -> bool:
    """Return whether a container needs its path in the run, to write into the store or to limit parallelism.

    Args:
        component: its interface.
        executor: its executor.
        form: returns the possible forms of an input.
    """
    if is_claim(executor):
        return False
    if isinstance(executor, Container) and executor.own.parallelism:
        return True
    is_python = isinstance(executor, Container) and executor.python is not None
    return (
        bool(component.output_artifacts)
        or asks_status(component, form)
        or (is_python and may_grow(component))
    )


def leaf(
    name: str,
    component: Component,
    executor: Container,
    call: CallSite,
    options: Options,
    steps: tuple[Step, ...] = (),
) -> Leaf:
    """Write the template of a task.

    Args:
        name: name of its cache.
        component: its interface.
        executor: its executor.
        call: how the task calls it.
        options: how to compile.
        steps: the functions that share the pod, where there are several.

    Returns:
        The template, and the inputs that its callers must pass.
    """
    if executor.image == CREATE_CLAIM:
        return _create_claim(component, options)
    if executor.image == DELETE_CLAIM:
        return _delete_claim(options)
    python = executor.python
    if steps:
        template = _fused(name, component, executor, steps, call, options)
    elif python is not None:
        template = _python(name, component, executor, python, call, options)
    else:
        template = _command(name, component, executor, call, options)
    if call.one_node:
        affinity = options.workflow_defaults.get("affinity") or {}
        template = replace(template, template=pods.on_one_node(template.template, affinity))
    if limit := executor.own.parallelism:
        turn = _turn(limit) if call.looped else "0"
        mutex = {"name": f"{{{{workflow.name}}}}-{component.executor}-{turn}"}
        return replace(template, template={**template.template, "synchronization": {"mutexes": [mutex]}})
    return template


def _turn(limit: int) -> str:
    """Return the slot of an iteration, by its positions in the loops around it."""
    index = f"inputs.parameters[{literal(INDEX_PARAMETER)}]"
    positions = f"map(split(sprig.trimPrefix('/', {index}), '/'), int(#))"
    return expression(f"sum({positions}) % {limit}")


def argument(need: Need, texts: Strings) -> str:
    """Return the tag that a caller passes for a need."""
    known = None if isinstance(need, Whole) else texts.constant(need if isinstance(need, Hole) else need.hole)
    if isinstance(need, PassedMessage):
        if known is not None:
            return values.message_text(known)
        return expression(values.message_expression(texts.hole(need.hole)))
    if known is not None and "{{" not in known:
        return known if isinstance(need, Plain) else values.container_text(known)
    if isinstance(need, Hole):
        return expression(values.container_text_expression(texts.hole(need)))
    if isinstance(need, Plain):
        return expression(values.template_text_expression(texts.hole(need.hole)))
    return expression(documents.expression(need.document, texts))


def _python(
    name: str,
    component: Component,
    container: Container,
    python: PythonFunction,
    call: CallSite,
    options: Options,
) -> Leaf:
    pod = pods.pod(container, workspace=call.workspace)
    config = pods.task_config(pod, component.passthroughs)
    stored = needs_path(component, container, call.form) or call.keeps_errors
    result = interface(component, call, has_path=stored)
    outputs = _python_outputs(component, call)
    if outputs:
        result["outputs"] = outputs
    needs: dict[str, Need] = {}
    if config:
        needs[CONFIG] = Whole(config)
    if call.cached:
        written, extra = _settings(container, pod, call, needs)
        identity = [
            container.image or options.image,
            [] if call.cache_key else [python.source, python.name, *python.packages, *python.pip_options],
            dict(container.env),
            *written,
        ]
        result["memoize"] = memoize(name, component, identity, call, options, extra)
    if call.retry:
        result["retryStrategy"] = retry_strategy(call.retry)
    run: dict[str, Any] = {
        "image": _text(container.image or options.image, needs),
        "command": list(runtime.COMMAND),
        "args": ["", call_text(component, python, call, has_config=bool(config))],
    }
    _finish(result, run, pod, call, needs)
    return Leaf(result, needs, (python,))


def _fused(
    name: str,
    component: Component,
    container: Container,
    steps: tuple[Step, ...],
    call: CallSite,
    options: Options,
) -> Leaf:
    """Write the template of a pod that runs functions one after another."""
    pod = pods.pod(container, workspace=call.workspace)
    result = interface(component, call, has_path=needs_path(component, container, call.form))
    outputs = [_python_outputs(step.component, call, Position(step.task)) for step in steps]
    result["outputs"] = {
        "parameters": [
            *(one for output in outputs for one in output.get("parameters", ())),
            {"name": STEPS_OUTPUT, "valueFrom": {"path": f"{OUTPUTS}/steps", "default": "null"}},
        ],
        **nonempty(artifacts=[one for output in outputs for one in output.get("artifacts", ())]),
    }
    functions = [step.container.python for step in steps if step.container.python is not None]
    needs: dict[str, Need] = {}
    if call.cached:
        written, extra = _settings(container, pod, call, needs)
        identity = [
            container.image or options.image,
            [[one.source, one.name, *one.packages, *one.pip_options] for one in functions],
            [sorted(step.inside.items()) for step in steps],
            dict(container.env),
            *written,
        ]
        result["memoize"] = memoize(name, component, identity, call, options, extra)
    run: dict[str, Any] = {
        "image": _text(container.image or options.image, needs),
        "command": list(runtime.COMMAND),
        "args": [*("" for _ in functions), steps_text(steps, call)],
    }
    _finish(result, run, pod, call, needs)
    return Leaf(result, needs, tuple(functions))


def _command(name: str, component: Component, container: Container, call: CallSite, options: Options) -> Leaf:
    pod = pods.pod(container, workspace=call.workspace)
    result = interface(component, call, has_path=needs_path(component, container, call.form))
    parameters = [
        {"name": output, "valueFrom": {"path": f"{OUTPUTS}/{output}", "default": values.ABSENT}}
        for output in component.output_parameters
    ]
    described = [
        {"name": output, "value": artifact_text(output, artifact, call)}
        for output, artifact in component.output_artifacts.items()
    ]
    artifacts = [
        stored(call, output, f"{OUTPUTS}/{output}", key_of(output, artifact, call))
        for output, artifact in component.output_artifacts.items()
    ]
    if outputs := nonempty(parameters=[*parameters, *described], artifacts=artifacts):
        result["outputs"] = outputs
    imported = frozenset(name for name, form in call.forms if Form.IMPORTED in form)
    paths = _Paths(tuple(component.input_artifacts), imported, call.workspace)
    present = dict(call.present)
    command, args = (
        tuple(found for text in texts for found in resolve(parse(text), present))
        for texts in (container.command, container.args)
    )
    needs: dict[str, Need] = {}
    if call.cached:
        written, extra = _settings(container, pod, call, needs)
        identity = [
            container.image or options.image,
            [] if call.cache_key else [repr(command), repr(args)],
            dict(container.env),
            *written,
        ]
        result["memoize"] = memoize(name, component, identity, call, options, extra)
    if call.retry:
        result["retryStrategy"] = retry_strategy(call.retry)
    run: dict[str, Any] = {"image": _text(container.image or options.image, needs)}
    dynamic = None
    first = next((number for number, part in enumerate(command) if _is_open(part)), len(command))
    command, args = command[:first], (*command[first:], *args)
    if any(map(_is_open, args)):
        dynamic = Elements(args)
    elif args:
        run["args"] = [_part(part, needs, paths) for part in args]
    if command:
        run["command"] = [_part(part, needs, paths) for part in command]
    _finish(result, run, pod, call, needs, dynamic, paths)
    return Leaf(result, needs)


def _settings(
    container: Container, pod: pods.PodSettings, call: CallSite, needs: dict[str, Need]
) -> tuple[list[str], list[str]]:
    """Return the settings of a task that belong to its cache key: constants, and expressions for runtime values."""
    written, dynamic = pods.keyed(container, pod)
    if dynamic and call.cached and not call.cache_key:
        needs[_KEYED] = Whole(dynamic)
    asked = (name for name in (CONFIG, _KEYED) if name in needs)
    return [repr(written)] if written else [], [f"inputs.parameters[{literal(name)}]" for name in asked]


def _finish(
    result: dict[str, Any],
    run: dict[str, Any],
    pod: pods.PodSettings,
    call: CallSite,
    needs: dict[str, Need],
    arguments: Elements | None = None,
    paths: _Paths = _NO_PATHS,
) -> None:
    """Add settings of the pod and its container, and declare the inputs that callers must pass."""
    settings = dict(pod.container)
    run["env"] = [{"name": values.EMPTY_VARIABLE, "value": ""}, *settings.pop("env", ())]
    if "resources" in settings:
        run["resources"] = settings.pop("resources")
    mounts = [{"name": "mlplat-outputs", "mountPath": OUTPUTS}]
    if call.has_large_values:
        mounts.append({"name": VALUES_VOLUME, "mountPath": LARGE_VALUES})
    run["volumeMounts"] = [*mounts, *settings.pop("volumeMounts", ())]
    run.update(settings)
    result.update(pod.fields)
    if arguments is not None:
        pod.main()["args"] = arguments
    if pod.patch and is_static(pod.patch):
        result["podSpecPatch"] = values.inert_json(pod.patch)
    elif pod.patch:
        needs[_PATCH] = Whole(pod.patch)
        of_arguments = () if arguments is None else paths.all()
        if of_arguments or paths.workspace:
            text = f"inputs.parameters[{literal(_PATCH)}]"
            result["podSpecPatch"] = paths.placed(text, of_arguments, is_json=True)
        else:
            result["podSpecPatch"] = tag(_PATCH)
    if needs:
        inputs = result.setdefault("inputs", {})
        inputs["parameters"] = [*inputs.get("parameters", ()), *({"name": need} for need in needs)]
    result["container"] = run


def optional(component: Component, parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a template's input parameters, with a default for optional ones."""
    declared: dict[str, InputParameter | InputArtifact] = {
        **component.input_parameters,
        **component.input_artifacts,
    }
    return [
        {**parameter, **({"value": "null"} if declared[parameter["name"]].optional else {})}
        for parameter in parameters
    ]


def _create_claim(component: Component, options: Options) -> Leaf:
    def hole(name: str) -> Hole:
        return Hole(("inputs", "parameters", name))

    generated = Concat((Hole(("pipeline_job_name",)), hole("pvc_name_suffix")))
    name = Text(IfPresent("pvc_name", (hole("pvc_name"),), (generated,)))
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "annotations": Input("annotations")},
        "spec": {
            "accessModes": Input("access_modes"),
            "resources": {"requests": {"storage": Text(hole("size"))}},
            "storageClassName": Text(hole("storage_class_name"), optional=True),
            "volumeName": Text(hole("volume_name"), optional=True),
            "dataSource": Input("data_source"),
        },
    }
    inputs = optional(component, [{"name": name} for name in own_inputs(component)])
    needs: dict[str, Need] = {"claim--name": Whole(name), "claim--manifest": Whole(manifest)}
    return Leaf(
        {
            "inputs": {"parameters": [*inputs, *({"name": need} for need in needs)]},
            "outputs": {"parameters": [{"name": "name", "value": tag("claim--name")}]},
            **_claims_account(options),
            "resource": {"action": "create", "manifest": tag("claim--manifest")},
        },
        needs,
    )


def _delete_claim(options: Options) -> Leaf:
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": Text(Hole(("inputs", "parameters", "pvc_name")))},
    }
    return Leaf(
        {
            "inputs": {"parameters": [{"name": "pvc_name"}, {"name": "claim--manifest"}]},
            **_claims_account(options),
            "resource": {
                "action": "delete",
                "flags": ["--wait=false"],
                "manifest": tag("claim--manifest"),
            },
        },
        {"claim--manifest": Whole(manifest)},
    )


def _claims_account(options: Options) -> dict[str, str]:
    account = options.claim_service_account
    return {"serviceAccountName": account} if account else {}


def _text(text: str, needs: dict[str, Need]) -> str:
    return _part(parse(text), needs, _NO_PATHS) if "{{$" in text else text


def _part(part: Part, needs: dict[str, Need], own: _Paths) -> str:
    """Write a tree without choices for a command line; its holes become needs."""
    match part:
        case str():
            return values.container_text(part)
        case Concat(items):
            return "".join(_part(item, needs, own) for item in items)
        case Hole(path):
            paths: tuple[str, ...] = ()
            if path[:2] == ("inputs", "artifacts") and path[3:] in (("path",), ("uri",)):
                paths = (f"{INPUTS}/{path[2]}",)
                if path[2] not in own.imported:
                    return paths[0]
            elif path[:1] == ("outputs",) and len(path) == 4 and path[3] in ("output_file", "uri", "path"):
                return f"{OUTPUTS}/{path[2]}"
            elif path == ("pipeline_job_name",):
                return "{{workflow.name}}"
            elif path in ((), ("outputs", "output_file")):
                paths = own.all()
            name = _need_name(path)
            needs[name] = part
            if not paths and not own.workspace:
                return tag(name)
            return own.placed(f"inputs.parameters[{literal(name)}]", paths, is_json=not path)
    raise TypeError(f"unresolved choice: {part!r}")


def _need_name(path: tuple[str, ...]) -> str:
    match path:
        case ("inputs", "parameters", name):
            words = [name, "text"]
        case ("inputs", "artifacts", name, *rest):
            words = [name, *(rest or ["value"])]
        case ():
            words = ["executor", "input"]
        case _:
            words = ["run", *path]
    return "--".join(re.sub(r"[^-A-Za-z0-9_]", "-", word) for word in words)


def _is_open(part: Part) -> bool:
    """Return whether the number of elements of a part of a command is known only at run time."""
    return next(choices(part), None) is not None


def _python_outputs(component: Component, call: CallSite, place: Position = _ALONE) -> dict[str, Any]:
    parameters = [
        {"name": place.outer(name), "valueFrom": {"path": f"{place.folder}/values/{name}", "default": "null"}}
        for name in (*component.output_parameters, *component.output_artifacts)
    ]
    artifacts = [
        stored(call, outer, f"{place.folder}/artifacts/{name}", key_of(outer, artifact, call))
        for name, artifact in component.output_artifacts.items()
        for outer in [place.outer(name)]
    ]
    if may_grow(component):
        large = place.outer(LARGE_OUTPUT)
        artifacts.append(stored(call, large, f"{place.folder}/large", folder_of(large, call)))
    if call.keeps_errors:
        key = f"{errors_of(call)}/{tag(PATH_PARAMETER)}/error"
        artifacts.append(stored(call, place.outer(ERROR_OUTPUT), f"{place.folder}/error", key))
    return nonempty(parameters=parameters, artifacts=artifacts)


def retry_strategy(retry: Retry) -> dict[str, Any]:
    """Return the ``retryStrategy`` of a task."""
    strategy: dict[str, Any] = {"limit": str(retry.limit), "retryPolicy": "Always"}
    if retry.backoff_duration:
        strategy["backoff"] = {
            "duration": f"{retry.backoff_duration:g}s",
            "factor": f"{retry.backoff_factor:g}",
            "cap": f"{retry.backoff_max_duration:g}s",
        }
    return strategy
