"""Writes expressions for strings and JSON with placeholders that are passed to a task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlplat.argo import values
from mlplat.argo.values import literal
from mlplat.compiler.placeholders import Concat, Hole, IfPresent, Part, has_holes, parse_text
from mlplat.compiler.scope import GraphScope
from mlplat.ir.model import (
    ABSENT,
    ArtifactSource,
    Component,
    ComponentInput,
    Constant,
    InputArtifact,
    InputParameter,
    ParameterSource,
    Task,
)

WORKSPACE = "/kfp-workspace"
"""Where KFP mounts a pipeline's workspace."""

INPUTS = "/mlplat/in"
OUTPUTS = "/mlplat/out"

_OF_THE_RUN: Mapping[str, str] = {
    "pipeline_job_name": "workflow.name",
    "pipeline_job_resource_name": "workflow.name",
    "pipeline_job_uuid": "workflow.uid",
    "pipeline_job_create_time_utc": "workflow.creationTimestamp.RFC3339",
    "pipeline_job_schedule_time_utc": "(workflow.scheduledTime ?? workflow.creationTimestamp.RFC3339)",
    "workspace_path": literal(WORKSPACE),
}
_MOUNTS = (
    ("file:///", "/"),
    ("gs://", "/gcs/"),
    ("s3://", "/s3/"),
    ("minio://", "/minio/"),
    ("oci://", "/oci/"),
)
PLACES = (*_OF_THE_RUN, "pipeline_root", "pipeline_task_name", "pipeline_task_uuid")
"""Placeholders of one word."""


def mark(path: str) -> str:
    """Return a mark that represents a path of a container in a string that its caller passes.

    Only the template of the container contains the path (:func:`placed`), because the local engine replaces paths in
    templates, and must not replace a string that happens to look like one.
    """
    return f"\t{path.strip('/').replace('/', ':')}\t"


def placed(text: str, paths: Iterable[str], *, is_json: bool) -> str:
    """Return the expression that replaces marks with paths.

    Args:
        text: expression for the text.
        paths: the paths.
        is_json: whether the text is JSON, in which marks are escaped.
    """
    for path in paths:
        written = json.dumps(mark(path))[1:-1] if is_json else mark(path)
        text = f"sprig.replace({literal(written)}, {literal(path)}, {text})"
    return text


def workspace_placed(text: str) -> str:
    """Return the expression for a string with workspace paths, so that the template contains its folder.

    On Argo it changes nothing. In local runs, where the workspace is another folder, the engine replaces paths in
    templates.
    """
    return f"sprig.replace({literal(WORKSPACE[:4])} + {literal(WORKSPACE[4:])}, {literal(WORKSPACE)}, {text})"


@dataclass(frozen=True, slots=True)
class Strings:
    """The values of placeholders in a task's inputs, command and settings.

    Attributes:
        scope: the values that the graph's tasks can read.
        task: the task.
        component: its component.
        name: the task's key in the IR.
        place: expression for the task's path in the run; unique.
        pipeline_root: location of artifacts, from the pipeline; empty for the default.
    """

    scope: GraphScope
    task: Task
    component: Component
    name: str
    place: str
    pipeline_root: str = ""

    def plain(self, part: Part) -> str:
        """Return the expression for the plain text of a tree without ``IfPresent`` of several elements."""
        match part:
            case str():
                return literal(part)
            case Hole():
                return self.hole(part)
            case Concat(items):
                return f"({' + '.join(map(self.plain, items))})" if items else "''"
            case IfPresent(name, then, otherwise):
                chosen = (self.plain(Concat(side)) for side in (then, otherwise))
                return f"({self.present(name)} ? {' : '.join(chosen)})"

    def text(self, part: Part) -> str:
        """Return the expression for the inert JSON of the plain text of such a tree."""
        return values.joined_expression(list(self._contents(part)))

    def _contents(self, part: Part) -> Iterator[str]:
        match part:
            case str():
                yield literal(values.inert_json(part)[1:-1])
            case Concat(items):
                for item in items:
                    yield from self._contents(item)
            case Hole(("inputs", "parameters", name)) if not isinstance(self._source(name), Constant):
                yield self._content(name)
            case _:
                yield values.text_content_expression(self.plain(part))

    def _content(self, name: str) -> str:
        source = self._source(name)
        found = self.scope.reference(source)
        if found.plain:
            return values.text_content_expression(found.plain)
        content = values.content_expression(found.text)
        return values.small_expression(found.text, content) if self.scope.form(source).is_large else content

    def elements(self, parts: tuple[Part, ...]) -> str:
        """Return the expression for the JSON list of a command's elements, written for a command line."""
        found = " + ".join(self._element(part) for part in parts) or "''"
        return f"({literal('[')} + sprig.trimSuffix(',', {found}) + {literal(']')})"

    def _element(self, part: Part) -> str:
        if isinstance(part, IfPresent):
            sides = (
                " + ".join(self._element(item) for item in side) or "''"
                for side in (part.then, part.otherwise)
            )
            return f"({self.present(part.input)} ? {' : '.join(sides)})"
        written = values.container_text_expression(self.plain(part))
        return f"{values.json_text_expression(written)} + ','"

    def hole(self, hole: Hole) -> str:
        """Return the expression for the plain text of a placeholder."""
        match hole.path:
            case ("inputs", "parameters", name):
                return self.parameter(name)
            case ("inputs", "artifacts", name, *field):
                return self._artifact(name, field)
            case ():
                return self._executor_input()
            case ("outputs", "parameters" | "artifacts", name, "output_file" | "uri" | "path"):
                return literal(f"{mark(OUTPUTS)}/{name}")
            case ("outputs", "artifacts", _, "metadata", *_):
                return "'{}'"
            case ("outputs", "output_file"):
                return literal(f"{mark(OUTPUTS)}/output_metadata.json")
            case ("pipeline_task_name",):
                return literal(self.name)
            case ("pipeline_task_uuid",):
                return f"(workflow.uid + '/' + {self.place})"
            case ("pipeline_root",):
                own = f"({literal(values.ARTIFACTS)} + workflow.name)"
                return literal(self.pipeline_root) if self.pipeline_root else own
            case (word,) if word in _OF_THE_RUN:
                return _OF_THE_RUN[word]
        return literal(str(hole))

    def _executor_input(self) -> str:
        """Return the expression for KFP's executor input, as JSON."""
        parameters = [
            f"({self.json(name)} == 'null' ? '' : {literal(json.dumps(name) + ':')} + {self.json(name)})"
            for name in self.component.input_parameters
        ]
        artifacts = [
            f"({self.scope.reference(self.task.artifacts[name]).text} == 'null' ? '' : "
            f"{literal(json.dumps(name) + ':')} + {self._runtime_artifact(name)})"
            for name in self.component.input_artifacts
            if name in self.task.artifacts
        ]
        outputs = {
            "parameters": {
                name: {"outputFile": f"{mark(OUTPUTS)}/{name}"} for name in self.component.output_parameters
            },
            "artifacts": {
                name: {
                    "artifacts": [
                        {
                            "name": name,
                            "uri": f"{mark(OUTPUTS)}/{name}",
                            "type": {"schemaTitle": given.type.schema_title},
                            "metadata": {},
                        }
                    ]
                }
                for name, given in self.component.output_artifacts.items()
            },
            "outputFile": f"{mark(OUTPUTS)}/output_metadata.json",
        }
        begin, middle = '{"inputs":{"parameterValues":{', '},"artifacts":{'
        end = '}},"outputs":' + json.dumps(outputs) + "}"
        members = (literal(begin), _present(parameters), literal(middle), _present(artifacts), literal(end))
        return f"({' + '.join(members)})"

    def _runtime_artifact(self, name: str) -> str:
        value = self.scope.reference(self.task.artifacts[name]).value
        parts = [
            literal('{"artifacts":[{"name":'),
            f"toJson({value}?.name)",
            literal(',"type":'),
            f"toJson({value}?.type)",
            literal(',"metadata":'),
            f"toJson({value}?.metadata)",
            literal(',"uri":'),
            f"toJson({self._artifact(name, ['uri'])})",
            literal("}]}"),
        ]
        return " + ".join(parts)

    def _source(self, name: str) -> ParameterSource:
        source = self.task.parameters.get(name)
        if source is not None:
            return source
        declared = self.component.input_parameters.get(name)
        return Constant(None if declared is None or declared.default is ABSENT else declared.default)

    def constant(self, hole: Hole) -> str | None:
        """Return the plain text of an input that is known before the run; None for others."""
        match hole.path:
            case ("inputs", "parameters", name):
                source = self._source(name)
                if isinstance(source, Constant) and not source.selector and not has_holes(source.value):
                    return values.plain_text(source.value)
        return None

    def parameter(self, name: str) -> str:
        """Return the expression for the plain text of one of the task's inputs."""
        source = self._source(name)
        if isinstance(source, Constant) and not source.selector:
            if isinstance(source.value, str):
                return self.plain(parse_text(source.value))
            return literal(values.plain_text(source.value))
        found = self.scope.reference(source)
        if found.plain:
            return found.plain
        return values.plain_text_expression(found.text, may_be_large=self.scope.form(source).is_large)

    def _artifact(self, name: str, field: list[str]) -> str:
        source = self.task.artifacts.get(name)
        if source is None:
            return "''"
        value = self.scope.reference(source).value
        uri = f"string({value}?.uri ?? '')"
        stored = literal(mark(f"{INPUTS}/{name}"))
        match field:
            case ["path"]:
                path = uri
                for scheme, mount in _MOUNTS:
                    path = f"({uri} startsWith '{scheme}' ? sprig.replace('{scheme}', '{mount}', {uri}) : {path})"
                return f"({value}?.path ?? ({value}?.key != nil ? {stored} : {path}))"
            case ["uri"]:
                return f"({uri} startsWith {literal(values.ARTIFACTS)} ? {stored} : {uri})"
            case ["name"]:
                return f"string({value}?.name ?? '')"
            case ["metadata", key]:
                text = f"toJson({value}?.metadata?.[{literal(key)}])"
                return values.plain_text_expression(text)
            case ["metadata"]:
                return f"toJson({value}?.metadata)"
        return f"toJson({value})"

    def present(self, name: str) -> str:
        """Return the expression for whether an input has a value."""
        known = self.known(name)
        if known is not None:
            return "true" if known else "false"
        source: ParameterSource | ArtifactSource = {**self.task.parameters, **self.task.artifacts}[name]
        return f"{self.scope.reference(source).text} != 'null'"

    def known(self, name: str) -> bool | None:
        """Return whether an input has a value; None if that is known only at run time."""
        source = {**self.task.parameters, **self.task.artifacts}.get(name)
        if source is None:
            declared = self.component.input_parameters.get(name)
            return declared is not None and declared.default not in (ABSENT, None)
        if isinstance(source, Constant):
            return source.value is not None
        if isinstance(source, ComponentInput):
            around = self.scope.component
            inputs: dict[str, InputParameter | InputArtifact] = {
                **around.input_parameters,
                **around.input_artifacts,
            }
            return None if inputs[source.name].optional else True
        return True

    def json(self, name: str) -> str:
        """Return the expression for one of the task's inputs as inert JSON."""
        source = self._source(name)
        if isinstance(source, Constant) and isinstance(source.value, str) and has_holes(source.value):
            return self.text(parse_text(source.value))
        return self.scope.reference(source).text


def _present(members: list[str]) -> str:
    return f"join(filter([{', '.join(members)}], # != ''), ',')" if members else "''"
