"""Templates of the tasks at the leaves: a Python function, any container, an importer, a volume claim."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mlplat import runtime
from mlplat.argo import stores, values
from mlplat.argo.names import dns_label
from mlplat.argo.values import LARGE, literal
from mlplat.compiler import documents, pods
from mlplat.compiler.documents import Document, Elements, Input, Text, is_static
from mlplat.compiler.flows import GROWING, Form
from mlplat.compiler.placeholders import Concat, Hole, IfPresent, Part, choices, parse, resolve
from mlplat.compiler.program import Options
from mlplat.compiler.scope import REGION_PREFIX, expression
from mlplat.compiler.texts import INPUTS, OUTPUTS, WORKSPACE, Texts
from mlplat.ir.model import (
    Component,
    Constant,
    Container,
    Importer,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    ParameterType,
    PythonFunction,
    Retry,
)
from mlplat.manifest import canonical_json

LARGE_VALUES = "/mlplat/values"
PATH_PARAMETER = "task--path"
"""Input through which a task learns its place in the run, which is its artifacts' place in the store. No input of a
user's has two dashes in a row, but for KFP's own, which start with ``pipelinechannel--``."""

INDEX_PARAMETER = "task--index"
"""Input through which a task learns its position in the loops around it: ``/3/0``, nothing outside of loops. It ends
the keys of artifacts, so that those of one output in all iterations have one folder."""

CACHE_PREFIX = "mlplat-cache."
"""Begin of the names of caches. Argo keeps all caches in its controller's namespace, so the Workflow's is part of the
name, set off by dots, which no namespace has."""

CREATE_CLAIM, DELETE_CLAIM = "argostub/createpvc", "argostub/deletepvc"
"""Images by which KFP marks the components that make and remove a volume claim."""

NOTHING = "nothing"
"""Template that is called and never run: a node without any below it has no end that others could wait for on Argo."""

ARGO_TEMPLATE = "mlplat/argo-template"
"""Image by which a template of Argo is marked; see :mod:`mlplat.compiler.argo_templates`."""

STUBS = (CREATE_CLAIM, DELETE_CLAIM)
"""Images that no container is made of."""

FOLDERS = 8
"""How many folders of the store a list of artifacts may lie in: one for each earlier run that the cache took some of
them from, and one for this run."""

_SHARD_DIGITS = 2
"""A cache is one ConfigMap, and a task whose result does not fit into it any more fails: so each component has 256."""

_NO_KEY = "no-artifact"
_ERRORS = f"{{{{workflow.name}}}}/errors{{{{inputs.parameters.{INDEX_PARAMETER}}}}}"
"""Folder of the store for the reasons of failures, where a task asks how another one ended; one for each iteration."""

_PATCH = "pod--patch"
_VALUE = "artifact--value"
_CONFIG = "task--config"
_KEY, _FINGERPRINT = ',"key":', ',"fingerprint":"'


@dataclass(frozen=True, slots=True)
class Leaf:
    """A template, and what it takes beside its component's inputs.

    Attributes:
        template: an Argo template without a name.
        needs: further input parameters, and what their callers give.
        function: the Python function that it runs, whose text is not in the template yet.
    """

    template: dict[str, Any]
    needs: Mapping[str, Need] = field(default_factory=dict)
    function: PythonFunction | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A document that the caller gives as inert JSON."""

    document: Document


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain text that the caller gives, for a template in which Argo pastes it."""

    hole: Hole


Need: TypeAlias = Hole | Whole | Plain


@dataclass(frozen=True, slots=True)
class Call:
    """How a task calls a component: what its template depends on beside the component.

    Attributes:
        cached: whether an earlier result may stand for a run.
        cache_key: stands for the inputs in the cache's key, unless empty.
        retry: when to try again.
        forms: what inputs may hold beside plain values.
        present: inputs that are known to be given, or known not to be.
        workspace: whether it works in the pipeline's workspace.
        has_large_values: whether the Workflow has a ConfigMap of large values.
        keeps_errors: whether the reason of a failure is kept, for a task that asks how another one ended.
        store: the kind of repository that its artifacts lie in.
    """

    cached: bool = False
    cache_key: str = ""
    retry: Retry | None = None
    forms: tuple[tuple[str, Form], ...] = ()
    present: tuple[tuple[str, bool], ...] = ()
    workspace: bool = False
    has_large_values: bool = False
    keeps_errors: bool = False
    store: str = stores.DEFAULT

    def form(self, name: str) -> Form:
        """Return what an input may hold."""
        return next((form for given, form in self.forms if given == name), Form.PLAIN)


def is_claim(executor: object) -> bool:
    """Tell whether an executor makes or removes a volume claim."""
    return isinstance(executor, Container) and executor.image in (CREATE_CLAIM, DELETE_CLAIM)


def writes_plain_text(executor: object) -> bool:
    """Tell whether a task's output parameters are the texts of files that its container writes."""
    return isinstance(executor, Container) and executor.python is None and executor.image not in STUBS


def own_inputs(component: Component) -> Iterator[str]:
    """Give the inputs of a component but for those that only its settings read, which are put into these."""
    for name in (*component.input_parameters, *component.input_artifacts):
        if not name.startswith(REGION_PREFIX):
            yield name


def needs_path(component: Component, executor: object) -> bool:
    """Tell whether a component writes anything into the artifact store."""
    if isinstance(executor, Importer) or is_claim(executor):
        return False
    is_python = isinstance(executor, Container) and executor.python is not None
    return bool(component.output_artifacts) or (
        is_python and (_may_grow(component) or asks_status(component))
    )


def asks_status(component: Component) -> bool:
    """Tell whether a component takes how another task ended."""
    return any(given.type is ParameterType.TASK_FINAL_STATUS for given in component.input_parameters.values())


def _may_grow(component: Component) -> bool:
    return any(output.type in GROWING for output in component.output_parameters.values())


def leaf(
    name: str, component: Component, executor: Container | Importer, call: Call, options: Options
) -> Leaf:
    """Write the template of a task.

    Args:
        name: what to call it in the cache.
        component: its interface.
        executor: what it does.
        call: how the task calls it.
        options: how to compile.

    Returns:
        The template, and what it needs of its callers.
    """
    if isinstance(executor, Importer):
        return _importer(component, executor)
    if executor.image == CREATE_CLAIM:
        return _create_claim(component, options)
    if executor.image == DELETE_CLAIM:
        return _delete_claim(options)
    python = executor.python
    return (
        _python(name, component, executor, python, call, options)
        if python is not None
        else _command(name, component, executor, call, options)
    )


def argument(need: Need, texts: Texts) -> str:
    """Return what a caller gives for a need, as a tag."""
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
    call: Call,
    options: Options,
) -> Leaf:
    pod = pods.pod(container, workspace=call.workspace)
    config = pods.task_config(pod, component.passthroughs)
    stored = needs_path(component, container) or call.keeps_errors
    result = interface(component, call, has_path=stored)
    outputs = _python_outputs(component, call)
    if outputs:
        result["outputs"] = outputs
    if call.cached:
        identity = [
            container.image or options.image,
            [] if call.cache_key else [python.source, python.name, *python.packages],
            dict(container.env),
        ]
        result["memoize"] = _memoize(name, component, identity, call, options)
    if call.retry:
        result["retryStrategy"] = retry_strategy(call.retry)
    needs: dict[str, Need] = {}
    if config:
        needs[_CONFIG] = Whole(config)
    run: dict[str, Any] = {
        "image": _text(container.image or options.image, needs),
        "command": list(runtime.COMMAND),
        "args": ["", _call_text(component, python, call, container, has_config=bool(config))],
    }
    _finish(result, run, pod, [], call, needs)
    return Leaf(result, needs, python)


def _command(name: str, component: Component, container: Container, call: Call, options: Options) -> Leaf:
    pod = pods.pod(container, workspace=call.workspace)
    result = interface(component, call, has_path=needs_path(component, container))
    parameters = [
        {"name": output, "valueFrom": {"path": f"{OUTPUTS}/{output}", "default": values.ABSENT}}
        for output in component.output_parameters
    ]
    described = [
        {"name": output, "value": artifact_text(output, artifact)}
        for output, artifact in component.output_artifacts.items()
    ]
    artifacts = [
        stored(call, output, f"{OUTPUTS}/{output}", key_of(output)) for output in component.output_artifacts
    ]
    if outputs := nonempty(parameters=[*parameters, *described], artifacts=artifacts):
        result["outputs"] = outputs
    imported = frozenset(name for name, form in call.forms if Form.IMPORTED in form)
    present = dict(call.present)
    command, args = (
        tuple(found for text in texts for found in resolve(parse(text), present))
        for texts in (container.command, container.args)
    )
    if call.cached:
        identity = [
            container.image or options.image,
            [] if call.cache_key else [repr(command), repr(args)],
            dict(container.env),
        ]
        result["memoize"] = _memoize(name, component, identity, call, options)
    if call.retry:
        result["retryStrategy"] = retry_strategy(call.retry)
    needs: dict[str, Need] = {}
    run: dict[str, Any] = {"image": _text(container.image or options.image, needs)}
    dynamic = None
    first = next((number for number, part in enumerate(command) if _is_open(part)), len(command))
    command, args = command[:first], (*command[first:], *args)
    if any(map(_is_open, args)):
        dynamic = Elements(args)
    elif args:
        run["args"] = [_part(part, needs, imported) for part in args]
    if command:
        run["command"] = [_part(part, needs, imported) for part in command]
    _finish(result, run, pod, [], call, needs, dynamic)
    return Leaf(result, needs)


def _finish(
    result: dict[str, Any],
    run: dict[str, Any],
    pod: pods.Pod,
    mounts: list[dict[str, Any]],
    call: Call,
    needs: dict[str, Need],
    arguments: Elements | None = None,
) -> None:
    """Put settings of the pod and its container in, and declare what is needed of callers."""
    settings = dict(pod.container)
    run["env"] = [{"name": values.EMPTY_VARIABLE, "value": ""}, *settings.pop("env", ())]
    if "resources" in settings:
        run["resources"] = settings.pop("resources")
    mounts.append({"name": "mlplat-outputs", "mountPath": OUTPUTS})
    if call.has_large_values:
        mounts.append({"name": "mlplat-values", "mountPath": LARGE_VALUES})
    run["volumeMounts"] = [*mounts, *settings.pop("volumeMounts", ())]
    run.update(settings)
    result.update(pod.fields)
    if arguments is not None:
        pod.main()["args"] = arguments
    if pod.patch and is_static(pod.patch):
        result["podSpecPatch"] = values.inert_json(pod.patch)
    elif pod.patch:
        needs[_PATCH] = Whole(pod.patch)
        result["podSpecPatch"] = _tag(_PATCH)
    if needs:
        inputs = result.setdefault("inputs", {})
        inputs["parameters"] = [*inputs.get("parameters", ()), *({"name": need} for need in needs)]
    result["container"] = run


def _importer(component: Component, importer: Importer) -> Leaf:
    """Write an importer: it has no pod, its output is computed."""
    output, artifact = next(iter(component.output_artifacts.items()))
    uri: Document = (
        importer.uri.value
        if isinstance(importer.uri, Constant)
        else Text(Hole(("inputs", "parameters", importer.uri.name)))
    )
    metadata = documents.with_placeholders(dict(importer.metadata))
    need = Whole({"name": output, "type": _type(artifact), "uri": uri, "metadata": metadata})
    inert = f"inputs.parameters[{literal(_VALUE)}]"
    uri_text = f"fromJSON({inert}).uri"
    quote, end, stored = literal('"'), literal("}"), literal(values.ARTIFACTS)
    key = (
        f"({uri_text} startsWith {stored} ? {literal(_KEY)} + "
        f"toJson(sprig.trimPrefix({stored}, {uri_text})) : '')"
    )
    identity = f"{inert} + workflow.uid" if importer.reimport else inert
    marks = f"{key} + {literal(_FINGERPRINT)} + sprig.sha256sum({identity}) + {quote} + {end}"
    described = f"sprig.trimSuffix({end}, {inert}) + {values.inert_expression(marks)}"
    value = f"({uri_text} == '' ? 'null' : {described})"
    parameters = [{"name": name} for name in own_inputs(component)]
    return Leaf(
        {
            "inputs": {"parameters": [*_optional(component, parameters), {"name": _VALUE}]},
            "outputs": {"parameters": [{"name": output, "valueFrom": {"expression": value}}]},
            "dag": {"tasks": [{"name": "import", "template": NOTHING, "when": "false"}]},
        },
        {_VALUE: need},
    )


def _optional(component: Component, parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    declared: dict[str, InputParameter | InputArtifact] = {
        **component.input_parameters,
        **component.input_artifacts,
    }
    return [
        {**parameter, **({"value": "null"} if declared[parameter["name"]].optional else {})}
        for parameter in parameters
    ]


def _create_claim(component: Component, options: Options) -> Leaf:
    def given(name: str) -> Hole:
        return Hole(("inputs", "parameters", name))

    generated = Concat((Hole(("pipeline_job_name",)), given("pvc_name_suffix")))
    name = Text(IfPresent("pvc_name", (given("pvc_name"),), (generated,)))
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "annotations": Input("annotations")},
        "spec": {
            "accessModes": Input("access_modes"),
            "resources": {"requests": {"storage": Text(given("size"))}},
            "storageClassName": Text(given("storage_class_name"), optional=True),
            "volumeName": Text(given("volume_name"), optional=True),
            "dataSource": Input("data_source"),
        },
    }
    inputs = _optional(component, [{"name": name} for name in own_inputs(component)])
    needs: dict[str, Need] = {"claim--name": Whole(name), "claim--manifest": Whole(manifest)}
    return Leaf(
        {
            "inputs": {"parameters": [*inputs, *({"name": need} for need in needs)]},
            "outputs": {"parameters": [{"name": "name", "value": _tag("claim--name")}]},
            **_claims_account(options),
            "resource": {"action": "create", "manifest": _tag("claim--manifest")},
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
                "manifest": _tag("claim--manifest"),
            },
        },
        {"claim--manifest": Whole(manifest)},
    )


def _claims_account(options: Options) -> dict[str, str]:
    account = options.claim_service_account
    return {"serviceAccountName": account} if account else {}


def _tag(name: str) -> str:
    return f"{{{{inputs.parameters.{name}}}}}"


def _text(text: str, needs: dict[str, Need]) -> str:
    return _part(parse(text), needs) if "{{$" in text else text


def _part(part: Part, needs: dict[str, Need], imported: frozenset[str] = frozenset()) -> str:
    """Write a tree without choices for a command line; its holes become needs."""
    match part:
        case str():
            return values.container_text(part)
        case Concat(items):
            return "".join(_part(item, needs, imported) for item in items)
        case Hole(path):
            if path[:2] == ("inputs", "artifacts") and path[3:] in (("path",), ("uri",)):
                if path[2] not in imported:
                    return f"{INPUTS}/{path[2]}"
            elif path[:1] == ("outputs",) and len(path) == 4 and path[3] in ("output_file", "uri", "path"):
                return f"{OUTPUTS}/{path[2]}"
            if path == ("pipeline_job_name",):
                return "{{workflow.name}}"
            name = _need_name(path)
            needs[name] = part
            return _tag(name)
    raise TypeError(f"a choice has no text of its own: {part!r}")


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
    """Tell whether only the run knows how many elements a part of a command is."""
    return next(choices(part), None) is not None


def nonempty(**fields: Any) -> dict[str, Any]:
    """Return those fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def interface(component: Component, call: Call, *, has_path: bool) -> dict[str, Any]:
    """Return the inputs of a task's template: a parameter for each, and artifacts for what has to be fetched."""
    parameters: list[dict[str, Any]] = []
    artifacts: list[dict[str, Any]] = []
    own = set(own_inputs(component))
    for name, parameter in component.input_parameters.items():
        if name not in own:
            continue
        parameters.append({"name": name, **({"value": "null"} if parameter.optional else {})})
        if parameter.type is ParameterType.TASK_FINAL_STATUS:
            path = f"{INPUTS}/{name}--errors"
            artifacts.append(
                {
                    "name": f"{name}--errors",
                    "path": path,
                    "optional": True,
                    **stores.location(call.store, _ERRORS),
                }
            )
        form, text = call.form(name), f"inputs.parameters[{literal(name)}]"
        if Form.COLLECTED in form:
            references = (
                f"filter(flatten([fromJSON({text})]), type(#) == 'map' && #[{literal(LARGE)}] != nil)"
            )
            artifacts += _folders(
                call, f"{name}--large", f"uniq(map({references}, #[{literal(LARGE)}].group))"
            )
        elif Form.STORED in form:
            key = f"{values.is_large(text)} ? fromJSON({text})[{literal(LARGE)}].key ?? '{_NO_KEY}' : '{_NO_KEY}'"
            artifacts.append(_read(call, f"{name}--large", key))
    for name, artifact in component.input_artifacts.items():
        parameters.append({"name": name, **({"value": "null"} if artifact.optional else {})})
        value = f"fromJSON(inputs.parameters[{literal(name)}])"
        if artifact.is_list:
            stored = f"filter(flatten([{value} ?? []]), #?.group != nil)"
            artifacts += _folders(call, name, f"uniq(map({stored}, #.group))")
        else:
            artifacts.append(_read(call, name, f"{value}?.key ?? '{_NO_KEY}'"))
    if has_path:
        parameters += [{"name": PATH_PARAMETER}, {"name": INDEX_PARAMETER, "value": ""}]
    inputs = nonempty(parameters=parameters, artifacts=artifacts)
    return {"inputs": inputs} if inputs else {}


def _folders(call: Call, name: str, groups: str) -> list[dict[str, Any]]:
    return [
        _read(call, f"{name}--{number}", f"string(get({groups}, {number}) ?? '{_NO_KEY}')")
        for number in range(FOLDERS)
    ]


def _folder_paths(name: str) -> list[str]:
    return [f"{INPUTS}/{name}--{number}" for number in range(FOLDERS)]


def _read(call: Call, name: str, key: str) -> dict[str, Any]:
    place = stores.location(call.store, expression(key))
    return {"name": name, "path": f"{INPUTS}/{name}", "optional": True, **place}


def stored(call: Call, name: str, path: str, key: str) -> dict[str, Any]:
    """Return an output artifact whose bytes go under a key of the store."""
    place = stores.location(call.store, key)
    return {"name": name, "path": path, "optional": True, "archive": {"none": {}}, **place}


def _python_outputs(component: Component, call: Call) -> dict[str, Any]:
    parameters = [
        {"name": name, "valueFrom": {"path": f"{OUTPUTS}/values/{name}", "default": "null"}}
        for name in (*component.output_parameters, *component.output_artifacts)
    ]
    artifacts = [
        stored(call, name, f"{OUTPUTS}/artifacts/{name}", key_of(name)) for name in component.output_artifacts
    ]
    if _may_grow(component):
        artifacts.append(stored(call, "large-values", f"{OUTPUTS}/large", key_of("large-values")))
    if call.keeps_errors:
        artifacts.append(stored(call, "error", f"{OUTPUTS}/error", f"{_ERRORS}/{_tag(PATH_PARAMETER)}/error"))
    return nonempty(parameters=parameters, artifacts=artifacts)


def group_of(output: str) -> str:
    """Folder of an output in the artifact store: the run, the task's place in it, the output."""
    return f"{{{{workflow.name}}}}/{_tag(PATH_PARAMETER)}/{output}"


def key_of(output: str) -> str:
    """Key of an output in the artifact store: its folder and, in loops, the positions."""
    return f"{group_of(output)}{_tag(INDEX_PARAMETER)}"


def _type(artifact: OutputArtifact) -> dict[str, str]:
    return {"schemaTitle": artifact.type.schema_title, "schemaVersion": artifact.type.schema_version}


def artifact_text(name: str, artifact: OutputArtifact) -> str:
    """Write an artifact's value as inert JSON, for a container that can't write it itself."""
    marks = {"KEY": key_of(name), "GROUP": group_of(name)}
    value = {
        "name": name,
        "type": _type(artifact),
        "uri": f"{values.ARTIFACTS}\x00KEY\x00",
        "metadata": {},
        "key": "\x00KEY\x00",
        "group": "\x00GROUP\x00",
        "fingerprint": "\x00KEY\x00",
    }
    text = json.dumps(value, separators=(",", ":"))
    for mark, tags in marks.items():
        text = text.replace(f"\\u0000{mark}\\u0000", tags)
    return text


def _memoize(
    name: str, component: Component, identity: list[Any], call: Call, options: Options
) -> dict[str, Any]:
    identity = [
        name if call.cache_key else "",
        *identity,
        call.cache_key,
        {output: spec.type.value for output, spec in component.output_parameters.items()},
        {output: spec.type.schema_title for output, spec in component.output_artifacts.items()},
    ]
    parts = [f"'{hashlib.sha256(canonical_json(identity).encode()).hexdigest()}'"]
    if not call.cache_key:
        own = set(own_inputs(component))
        parts += [
            _content(given, call.form(given)) for given in sorted(component.input_parameters) if given in own
        ]
        parts += [_fingerprint(given, component) for given in sorted(component.input_artifacts)]
    joined = " + '|' + ".join(parts)
    key = f"sprig.sha256sum({joined})"
    shard = expression(f"sprig.trunc({_SHARD_DIGITS}, {key})")
    cache = f"{CACHE_PREFIX}{{{{workflow.namespace}}}}.{dns_label(name)}.{shard}"
    return {"key": expression(key), "maxAge": options.cache_max_age, "cache": {"configMap": {"name": cache}}}


def _fingerprint(name: str, component: Component) -> str:
    value = f"fromJSON(inputs.parameters[{literal(name)}])"
    if component.input_artifacts[name].is_list:
        return f"join(map(flatten([{value} ?? []]), string(#?.fingerprint ?? '')), ',')"
    return f"string({value}?.fingerprint ?? '')"


def _content(name: str, form: Form) -> str:
    """Return the expression for what a parameter holds: its text, or the digest of the large value it refers to."""
    text = f"inputs.parameters[{literal(name)}]"
    if not form & (Form.STORED | Form.CONFIGURED):
        return text
    reference = f"fromJSON({text})[{literal(LARGE)}]"
    digest = (
        f"string({reference}.digest ?? {reference}.file) + '#' + string({reference}.index ?? '')"
        f" + toJson({reference}.fields ?? '')"
    )
    return f"({values.is_large(text)} ? {digest} : {text})"


def retry_strategy(retry: Retry) -> dict[str, Any]:
    """Write when to try again, as Argo's ``retryStrategy``."""
    strategy: dict[str, Any] = {"limit": str(retry.limit), "retryPolicy": "Always"}
    if retry.backoff_duration:
        strategy["backoff"] = {
            "duration": f"{retry.backoff_duration:g}s",
            "factor": f"{retry.backoff_factor:g}",
            "cap": f"{retry.backoff_max_duration:g}s",
        }
    return strategy


def _call_text(
    component: Component,
    python: PythonFunction,
    call: Call,
    container: Container,
    *,
    has_config: bool,
) -> str:
    """Write the runtime's CALL: JSON into which Argo pastes the inputs, themselves inert JSON."""
    tags: dict[str, str] = {}

    def pasted(name: str) -> str:
        marker = f"\x00{name}\x00"
        tags[json.dumps(marker)] = f"{_tag(name)} "
        return marker

    def keyed(text: str) -> str:
        marker = f"\x01{len(tags)}"
        tags[json.dumps(marker)] = json.dumps(text)
        return marker

    parameters: dict[str, Any] = {}
    own = set(own_inputs(component))
    for name, parameter in component.input_parameters.items():
        if name not in own:
            continue
        is_config = has_config and parameter.type is ParameterType.TASK_CONFIG
        parameters[name] = {
            "type": parameter.type.value,
            "value": pasted(_CONFIG) if is_config else pasted(name),
        }
        if Form.STORED in call.form(name) and Form.COLLECTED not in call.form(name):
            parameters[name]["large"] = f"{INPUTS}/{name}--large"
        if Form.COLLECTED in call.form(name):
            parameters[name]["folders"] = _folder_paths(f"{name}--large")
        if parameter.type is ParameterType.TASK_FINAL_STATUS:
            parameters[name]["errors"] = f"{INPUTS}/{name}--errors"
    artifacts = {
        name: {
            "path": f"{INPUTS}/{name}",
            "value": pasted(name),
            **({"folders": _folder_paths(name)} if artifact.is_list else {}),
        }
        for name, artifact in component.input_artifacts.items()
    }
    output_artifacts = {
        name: {
            "schemaTitle": output.type.schema_title,
            "schemaVersion": output.type.schema_version,
            "key": keyed(key_of(name)),
        }
        for name, output in component.output_artifacts.items()
    }
    document: dict[str, Any] = {
        "function": python.name,
        "parameters": parameters,
        "artifacts": artifacts,
        "values": LARGE_VALUES if call.has_large_values else "",
        "output_parameters": {
            name: output.type.value for name, output in component.output_parameters.items()
        },
        "output_artifacts": output_artifacts,
        "large_key": keyed(key_of("large-values")) if _may_grow(component) else "",
        "index": keyed(_tag(INDEX_PARAMETER)) if needs_path(component, container) else "",
        "path": keyed(_tag(PATH_PARAMETER)) if asks_status(component) else "",
        "errors": call.keeps_errors,
        "workspace": WORKSPACE if call.workspace else "",
        "packages": list(python.packages),
        "pip_options": list(python.pip_options),
        "out": OUTPUTS,
    }
    document = {name: value for name, value in document.items() if value}
    text = values.inert(json.dumps(document))
    for marker, tag in tags.items():
        text = text.replace(marker, tag)
    return text
