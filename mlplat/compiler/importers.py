"""Writes the templates of importers, and finds the importers that fetch data.

An importer's artifact is computed and needs no pod. If a task reads its bytes, and they are in a bucket, on the web
or in an image, a pod fetches them into the artifact store first, or into the pipeline's workspace.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mlplat import runtime
from mlplat.argo import names, sources, values
from mlplat.argo.reasons import explained, harmless
from mlplat.argo.sources import ImportSource, RepositorySource
from mlplat.argo.values import literal
from mlplat.compiler import documents, executors, interfaces
from mlplat.compiler.documents import Document, Text
from mlplat.compiler.executors import Leaf, Need, Whole
from mlplat.compiler.flows import sets_uris
from mlplat.compiler.interfaces import PATH_PARAMETER, CallSite, own_inputs, tag, type_of
from mlplat.compiler.placeholders import Hole, has_holes, holes, parse
from mlplat.compiler.program import Options, Program
from mlplat.compiler.scope import expression
from mlplat.compiler.strings import INPUTS, OUTPUTS, WORKSPACE
from mlplat.errors import Diagnostic
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    Container,
    Importer,
    InputArtifact,
    InputParameter,
    OutputParameter,
    ParameterType,
    PipelineSpec,
    PythonFunction,
    TaskOutput,
)

_VALUE, _RUN = "artifact--value", "run--uid"
_INERT = f"inputs.parameters[{literal(_VALUE)}]"
_URI = f"fromJSON({_INERT}).uri"
_KEY, _GROUP, _PATH, _FINGERPRINT = ',"key":', ',"group":', ',"path":', ',"fingerprint":"'
_OF_A_MACHINE = ("file", "mlplat")
_HOW = "define a source with --import-sources, or read it in the component, from its uri"
_MARKS = frozenset({"uri", "name", "metadata", "schema_title", "schema_version"})
_OF_CLASS = frozenset({"type", "isinstance"})
_DATA = "imported--data"
_FROM_IMAGE = """\
case "$0" in
/mlplat/*) ;;
*) echo "the data is in an image: run with --executor podman (or docker), or on a cluster" >&2; exit 1 ;;
esac
[ -d /models ] || { echo "the image has no folder /models, where KServe and KFP look for a model" >&2; exit 1; }
cp -RL /models "$0"
"""
"""Script that runs in an image with a model; it needs a container, because it uses paths of the image."""


def run(program: Program) -> Program:
    """Find the importers whose data is read. Must run before functions are rewritten.

    Returns:
        The program, with a warning for each importer whose data cannot be fetched.
    """
    wanted = read(program.spec)
    warnings = _out_of_reach(program.spec, wanted, program.options)
    return replace(program, read=wanted, warnings=(*program.warnings, *warnings))


def read(spec: PipelineSpec) -> frozenset[str]:
    """Return the components of importers whose bytes a task reads, or that go into the workspace.

    A Python function reads an artifact if it uses more than its URI, name and metadata; a container if it uses its
    path.
    """
    importers = {
        name: one
        for name, component in spec.components.items()
        if isinstance(one := spec.executors.get(component.executor), Importer)
    }
    if not importers:
        return frozenset()
    names = {name for name, one in importers.items() if one.download_to_workspace}
    needed = {
        (name, given)
        for name, component in spec.components.items()
        for given in component.input_artifacts
        if _opens(spec.executors.get(component.executor), given)
    }
    graphs = [(name, one.graph) for name, one in (("", spec.root), *spec.components.items()) if one.graph]
    before = -1
    while before != len(needed):
        before = len(needed)
        for around, graph in graphs:
            for task in graph.tasks.values():
                for given, source in task.artifacts.items():
                    if (task.component, given) not in needed:
                        continue
                    if isinstance(source, ComponentInput):
                        needed.add((around, source.name))
                    elif isinstance(source, TaskOutput):
                        names |= set(_makers(graph.tasks[source.task].component, source.output, spec))
                loop = task.iterator
                if (
                    loop
                    and isinstance(loop.items, ComponentInput)
                    and (task.component, loop.item_input) in needed
                ):
                    needed.add((task.component, loop.items.name))
    return frozenset(names)


def _opens(executor: object, name: str) -> bool:
    if not isinstance(executor, Container):
        return False
    if executor.python is not None:
        return _takes_more_than_marks(executor.python, name)
    texts = (*executor.command, *executor.args, *dict(executor.env).values())
    return any(
        hole.path[:3] in (("inputs", "artifacts", name), ())
        and hole.path[3:4] not in (("uri",), ("name",), ("metadata",))
        for text in texts
        for hole in holes(parse(text))
    )


def _takes_more_than_marks(function: PythonFunction, name: str) -> bool:
    """Return whether a function uses more of an artifact than its class, URI, name and metadata."""
    if sets_uris(function):
        return True  # its output may be the artifact, and whoever reads that reads the artifact
    try:
        tree = ast.parse(function.source)
    except (SyntaxError, ValueError, RecursionError):
        return True
    asked: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _MARKS and isinstance(node.ctx, ast.Load):
            asked.add(id(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OF_CLASS:
            asked |= set(map(id, node.args))
    names = [id(node) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return not names or not asked.issuperset(names)


def _makers(component: str, output: str, spec: PipelineSpec) -> Iterator[str]:
    """Yield the importers that an output comes from."""
    found = spec.components[component]
    if found.graph is None:
        if isinstance(spec.executors.get(found.executor), Importer):
            yield component
        return
    for choice in found.graph.output_artifacts[output].choices:
        yield from _makers(found.graph.tasks[choice.task].component, choice.output, spec)


def possible(importer: Importer, options: Options) -> tuple[ImportSource, ...]:
    """Return the sources that an importer's data may come from, longest prefix first."""
    known = sources.with_defaults(options.import_sources)
    if importer.download_to_workspace:
        located = (one for one in known if one.kind != sources.IMAGE)
        known = (*located, RepositorySource(values.ARTIFACTS, options.artifact_store))
    uri = _constant(importer)
    if uri is None:
        return known
    one = sources.of(uri, known)
    return (one,) if one else ()


def _constant(importer: Importer) -> str | None:
    """Return the URI of an importer that is known before the run."""
    if isinstance(importer.uri, Constant) and not has_holes(importer.uri.value):
        return str(importer.uri.value)
    return None


def _out_of_reach(spec: PipelineSpec, names: Iterable[str], options: Options) -> Iterator[Diagnostic]:
    for name in sorted(names):
        importer = spec.executors[spec.components[name].executor]
        if isinstance(importer, Importer) and (why := _why_not(importer, options)):
            message, hint = why
            message = f"a task reads the data of the importer, but {message}"
            yield Diagnostic("MLP325", name, message, hint, severity="warning")


def _why_not(importer: Importer, options: Options) -> tuple[str, ...]:
    """Return why a constant URI cannot be fetched, and a hint; empty for other URIs."""
    uri = _constant(importer)
    if uri is None:
        return ()
    scheme, found, _ = uri.partition("://")
    known = possible(importer, options)
    if known and sources.is_whole_bucket(uri, known[0]):
        message, _, hint = sources.WHOLE_BUCKET.partition("; ")
        return message, hint
    if known or not found or scheme in _OF_A_MACHINE:
        return ()
    if sources.of(uri, sources.DEFAULTS):
        return "images cannot be copied into the workspace", "remove download_to_workspace"
    return f"{scheme}:// is not supported", _HOW


def leaf(component: Component, importer: Importer, call: CallSite, options: Options) -> Leaf:
    """Write the template of an importer.

    Args:
        component: its interface.
        importer: the importer.
        call: how the task calls it.
        options: how to compile.

    Returns:
        The template, the inputs that its callers must pass, and the templates that fetch.
    """
    output, artifact = next(iter(component.output_artifacts.items()))
    uri: Document = (
        importer.uri.value
        if isinstance(importer.uri, Constant)
        else Text(Hole(("inputs", "parameters", importer.uri.name)))
    )
    metadata = documents.with_placeholders(dict(importer.metadata))
    need = Whole({"name": output, "type": type_of(artifact), "uri": uri, "metadata": metadata})
    needs: dict[str, Need] = {_VALUE: need}
    if importer.reimport:
        # Argo's expressions for the outputs of a DAG see its inputs and tasks, and nothing of the Workflow.
        needs[_RUN] = Hole(("pipeline_job_uuid",))
    method = _method(component, importer, call)
    fetches = _fetches(importer, call)
    place = interfaces.position_inputs(looped=call.looped) if fetches else []
    parameters = [*executors.optional(component, [{"name": name} for name in own_inputs(component)]), *place]
    value = _described(importer)
    for name in reversed(fetches):
        given = f"tasks[{literal(name)}].outputs.parameters[{literal(method.output)}]"
        source, _ = fetches[name]
        if source and source.kind == sources.IMAGE:
            given = _described(importer, stored=given)
        elif importer.download_to_workspace:
            given = _described(importer, path=given)
        value = f"tasks[{literal(name)}].status == 'Succeeded' ? {given} : ({value})"
    arguments = [{"name": name, "value": given} for name, given in method.arguments().items()]
    # One after the other: Argo's UI folds more than three tasks side by side, and with them the one that fetches.
    tasks = [
        {
            "name": name,
            "template": name,
            "arguments": {"parameters": arguments},
            **({"dependencies": [before]} if before else {}),
            **({"when": explained(expression(when), _reason(source))} if when else {}),
        }
        for before, (name, (source, when)) in zip(("", *fetches), fetches.items(), strict=False)
    ]
    return Leaf(
        {
            "inputs": {"parameters": [*parameters, *({"name": name} for name in needs)]},
            "outputs": {"parameters": [{"name": output, "valueFrom": {"expression": value}}]},
            "dag": {"tasks": tasks or [{"name": "import", "template": names.NOTHING, "when": "false"}]},
        },
        needs,
        others={
            name: _fetch(method, importer, source, call, options) for name, (source, _) in fetches.items()
        },
    )


def _fetches(importer: Importer, call: CallSite) -> dict[str, tuple[ImportSource | None, str]]:
    """Return the tasks that fetch: for each its source, None for a path, and an expression for whether it runs."""
    unique = names.Unique()
    fetches: dict[str, tuple[ImportSource | None, str]] = {}
    for number, source in enumerate(call.sources):
        closer = (one.prefix for one in call.sources[:number] if one.prefix.startswith(source.prefix))
        when = " && ".join((_starts(source.prefix), *(f"!({_starts(prefix)})" for prefix in closer)))
        fetches[unique.take(names.dns_label(f"fetch-{source.prefix}"))] = (source, when)
    if importer.download_to_workspace:
        when = " && ".join((f"{_URI} != ''", *(f"!({_starts(one.prefix)})" for one in call.sources)))
        fetches["fetch-path"] = (None, when)
    if _constant(importer) is not None:
        name = next(iter(fetches), "")
        return {name: (fetches[name][0], "")} if name else {}
    return fetches


def _reason(source: ImportSource | None) -> str:
    """Return the condition under which a task fetches, for the message of a skipped one."""
    return harmless(f"if the URI starts with {source.prefix}" if source else "if the URI is a path")


def _starts(prefix: str) -> str:
    return f"{_URI} startsWith {literal(prefix)}"


def _described(importer: Importer, path: str = "", stored: str = "") -> str:
    """Return the expression for the value of an artifact whose bytes were not read.

    Args:
        importer: the importer.
        path: expression for its path in the workspace, as JSON; empty if it is not there.
        stored: expression for the value from the container that copied it to the store; empty if there is none.
    """
    quote, end, begin = literal('"'), literal("}"), literal(values.ARTIFACTS)
    key = f"({_URI} startsWith {begin} ? {literal(_KEY)} + toJson(sprig.trimPrefix({begin}, {_URI})) : '')"
    if path:
        key = f"{literal(_PATH)} + {path}"
    elif stored:
        found = f"fromJSON({stored})"
        key = f"{literal(_KEY)} + toJson({found}.key) + {literal(_GROUP)} + toJson({found}.group)"
    identity = f"{_INERT} + inputs.parameters[{literal(_RUN)}]" if importer.reimport else _INERT
    marks = f"{key} + {literal(_FINGERPRINT)} + sprig.sha256sum({identity}) + {quote} + {end}"
    described = f"sprig.trimSuffix({end}, {_INERT}) + {values.inert_expression(marks)}"
    return f"({_URI} == '' ? 'null' : {described})"


@dataclass(frozen=True, slots=True)
class _Method:
    """How fetched data is passed to the tasks that read it.

    Attributes:
        function: the function of :mod:`mlplat.runtime.importing` that the pod runs.
        component: the function's interface.
        value: its input for the artifact's value.
        given: its other inputs.
        path: path to which Argo fetches the data.
        output: its output with the result.
        place: its inputs for its path in the run.
    """

    function: str
    component: Component
    value: str
    inputs: Mapping[str, str]
    path: str
    output: str
    place: tuple[str, ...]

    def arguments(self) -> dict[str, str]:
        """Return the arguments that the importer's template passes to the pod."""
        return {self.value: tag(_VALUE), **self.inputs, **{name: tag(name) for name in self.place}}


def _method(component: Component, importer: Importer, call: CallSite) -> _Method:
    place = tuple(one["name"] for one in interfaces.position_inputs(looped=call.looped))
    output, artifact = next(iter(component.output_artifacts.items()))
    if importer.download_to_workspace:
        copying = Component(
            input_parameters={name: InputParameter(ParameterType.STRING) for name in ("workspace", "place")},
            input_artifacts={"data": InputArtifact(artifact.type)},
            output_parameters={"Output": OutputParameter(ParameterType.STRING)},
        )
        given = {
            "workspace": values.inert_json(WORKSPACE),
            "place": f'"{tag(PATH_PARAMETER)}{interfaces.index_of(call)}"',
        }
        return _Method("copy_to_workspace", copying, "data", given, f"{INPUTS}/data", "Output", place)
    storing = Component(
        input_parameters={"value": InputParameter(ParameterType.STRUCT)},
        output_artifacts={output: artifact},
    )
    return _Method("fetch", storing, "value", {}, f"{OUTPUTS}/artifacts/{output}", output, place)


def _fetch(
    method: _Method, importer: Importer, source: ImportSource | None, call: CallSite, options: Options
) -> Leaf:
    """Write the template of a pod into which Argo fetches an artifact that its function passes on."""
    asked = replace(
        call,
        cached=call.cached and not importer.reimport,
        cache_key="",
        forms=(),
        sources=(source,) if source else (),
        workspace=importer.download_to_workspace,
        one_node=call.one_node and importer.download_to_workspace,
    )
    if source and source.kind == sources.IMAGE:
        return _from_image(method, asked, options)
    function = PythonFunction(runtime.module_text("importing"), method.function)
    found = executors.leaf("import", method.component, Container(python=function), asked, options)
    inputs = {"parameters": found.template["inputs"]["parameters"]}
    if source:
        location = source.location(f"fromJSON(inputs.parameters[{literal(method.value)}]).uri")
        fetched = {"name": _DATA, "path": method.path, "archive": {"none": {}}, **location}
        inputs["artifacts"] = [fetched]
    return replace(found, template={**found.template, "inputs": inputs})


def _from_image(method: _Method, call: CallSite, options: Options) -> Leaf:
    """Write the template of a pod that copies a model from its image: KServe's modelcar, with files in ``/models``."""
    uri = f"fromJSON(inputs.parameters[{literal(method.value)}]).uri"
    image = values.template_text_expression(f"sprig.trimPrefix({literal('oci://')}, {uri})")
    to = str(Hole(("outputs", "artifacts", method.output, "path")))
    container = Container(image="oci", command=("sh", "-c", _FROM_IMAGE), args=(to,))
    found = executors.leaf("import", method.component, container, call, options)
    run = {**found.template["container"], "image": expression(image)}
    return replace(found, template={**found.template, "container": run})
