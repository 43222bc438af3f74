"""Inputs and outputs of a task on Argo: parameters, artifacts and their locations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import Any

from mlplat.argo import stores, values
from mlplat.argo.sources import ImportSource
from mlplat.argo.values import LARGE, literal
from mlplat.compiler.flows import GROWING, Form
from mlplat.compiler.scope import REGION_PREFIX, expression
from mlplat.compiler.strings import INPUTS
from mlplat.ir.model import (
    Component,
    InputParameter,
    OutputArtifact,
    ParameterType,
    Retry,
)

LARGE_VALUES = "/mlplat/values"
VALUES_VOLUME = "mlplat-values"
PATH_PARAMETER = "task--path"
"""Input for the path of a task in the run, which is also the path of its artifacts in the store. No input of a
user has two dashes in a row, but for KFP's own, which start with ``pipelinechannel--``."""

INDEX_PARAMETER = "task--index"
"""Input for the position of a task in the loops around it: ``/3/0``. The keys of artifacts have
it after the output, so that one output has one folder for all iterations."""

FOLDERS = 8
"""Maximum number of folders in the store for a list of artifacts: one for each earlier run that some of them come from
through the cache, and one for this run."""

LARGE_OUTPUT, ERROR_OUTPUT = "large--values", "error--text"
"""Artifacts of the compiler; the two dashes distinguish them from artifacts of users."""

EXTENSIONS = {
    "system.HTML": ".html",
    "system.Markdown": ".md",
    "system.Metrics": ".json",
    "system.ClassificationMetrics": ".json",
    "system.SlicedClassificationMetrics": ".json",
}
"""Extensions of the keys of artifacts with a single format, by type.

Argo's UI draws an artifact in the graph only if its key has an extension; by the extension it shows the artifact in
its panel, and the Argo Server names a download and tells its content type.
"""

_NO_KEY = "no-artifact"


@dataclass(frozen=True, slots=True)
class CallSite:
    """The call of a component: everything besides the component that its template depends on.

    Attributes:
        looped: whether its position in the loops around it is passed to it.
        cached: whether an earlier result may be reused.
        cache_key: replaces the inputs in the cache's key, unless empty.
        retry: the retry policy.
        forms: the forms of inputs other than plain values.
        present: inputs that are known to have a value, or known to have none.
        workspace: whether it mounts the pipeline's workspace.
        one_node: whether all tasks that mount the workspace must run on one node.
        has_large_values: whether the Workflow has a ConfigMap of large values.
        keeps_errors: whether the reason of a failure is kept, for a task that reads the final status.
        store: ``hdfs`` if that is the kind of the artifact repository.
        sources: the sources of importers, longest prefix first.
    """

    looped: bool = False
    cached: bool = False
    cache_key: str = ""
    retry: Retry | None = None
    forms: tuple[tuple[str, Form], ...] = ()
    present: tuple[tuple[str, bool], ...] = ()
    workspace: bool = False
    one_node: bool = False
    has_large_values: bool = False
    keeps_errors: bool = False
    store: str = ""
    sources: tuple[ImportSource, ...] = ()

    def form(self, name: str) -> Form:
        """Return the forms of an input."""
        return next((form for given, form in self.forms if given == name), Form.PLAIN)


def own_inputs(component: Component) -> Iterator[str]:
    """Yield the inputs of a component without those that only its settings read."""
    for name in (*component.input_parameters, *component.input_artifacts):
        if not name.startswith(REGION_PREFIX):
            yield name


def asks_status(component: Component, form: Callable[[str], Form]) -> bool:
    """Return whether a component reads the final status of a task.

    Args:
        component: the component.
        form: gives what an input of it may hold.
    """
    return any(is_status(given, form(name)) for name, given in component.input_parameters.items())


def is_status(parameter: InputParameter, form: Form) -> bool:
    """Return whether an input is the final status of a task, whether it is declared as such or as a dict."""
    return parameter.type is ParameterType.TASK_FINAL_STATUS or Form.STATUS in form


def may_grow(component: Component) -> bool:
    """Return whether an output of a component may become too large for a parameter."""
    return any(output.type in GROWING for output in component.output_parameters.values())


def tag(name: str) -> str:
    """Return the tag of an input parameter of a template."""
    return f"{{{{inputs.parameters.{name}}}}}"


def nonempty(**fields: Any) -> dict[str, Any]:
    """Return those fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def interface(component: Component, call: CallSite, *, has_path: bool) -> dict[str, Any]:
    """Return the inputs of a task's template: a parameter for each, and artifacts for stored values."""
    parameters: list[dict[str, Any]] = []
    artifacts: list[dict[str, Any]] = []
    own = set(own_inputs(component))
    for name, parameter in component.input_parameters.items():
        if name not in own:
            continue
        parameters.append({"name": name, **({"value": "null"} if parameter.optional else {})})
        if is_status(parameter, call.form(name)):
            path = f"{INPUTS}/{name}--errors"
            artifacts.append(
                {
                    "name": f"{name}--errors",
                    "path": path,
                    "optional": True,
                    **stores.location(errors_of(call), call.store),
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
        parameters += position_inputs(looped=call.looped)
    inputs = nonempty(parameters=parameters, artifacts=artifacts)
    return {"inputs": inputs} if inputs else {}


def _folders(call: CallSite, name: str, groups: str) -> list[dict[str, Any]]:
    return [
        _read(call, f"{name}--{number}", f"string(get({groups}, {number}) ?? '{_NO_KEY}')")
        for number in range(FOLDERS)
    ]


def folder_paths(name: str) -> list[str]:
    """Return the possible paths of a list of artifacts, or of a list with large values."""
    return [f"{INPUTS}/{name}--{number}" for number in range(FOLDERS)]


def _read(call: CallSite, name: str, key: str) -> dict[str, Any]:
    position_inputs = stores.location(expression(key), call.store)
    return {"name": name, "path": f"{INPUTS}/{name}", "optional": True, **position_inputs}


def stored(call: CallSite, name: str, path: str, key: str) -> dict[str, Any]:
    """Return an output artifact whose bytes go under a key of the store."""
    position_inputs = stores.location(key, call.store)
    return {"name": name, "path": path, "optional": True, "archive": {"none": {}}, **position_inputs}


def position_inputs(*, looped: bool) -> list[dict[str, Any]]:
    """Return the inputs for the path and position of a template's task in the run."""
    return [{"name": name} for name in (PATH_PARAMETER, *([INDEX_PARAMETER] if looped else []))]


def index_of(call: CallSite) -> str:
    """Return the tag of the position in the loops around a task; empty outside of loops."""
    return tag(INDEX_PARAMETER) if call.looped else ""


def errors_of(call: CallSite) -> str:
    """Folder of the store for the reasons of failures, for tasks that read a final status; one for each iteration."""
    return f"{{{{workflow.name}}}}/errors{index_of(call)}"


def folder_of(output: str, call: CallSite) -> str:
    """Folder of an output in the artifact store: run, place of the task, output and, in loops, positions."""
    return f"{{{{workflow.name}}}}/{tag(PATH_PARAMETER)}/{output}{index_of(call)}"


def key_of(output: str, artifact: OutputArtifact, call: CallSite) -> str:
    """Key of an artifact in the store; its last part is the name of a file that people download."""
    folder, extension = folder_of(output, call), _extension(artifact.type.schema_title)
    return f"{folder}/{output}{extension}" if call.looped else f"{folder}{extension}"


def _extension(schema_title: str) -> str:
    """Return the extension for a type: that of its format, or the name of the type, as in ``.dataset``."""
    if schema_title in EXTENSIONS:
        return EXTENSIONS[schema_title]
    name = "".join(letter for letter in schema_title.rpartition(".")[2].lower() if letter in ascii_lowercase)
    return f".{name or 'artifact'}"


def group_of(output: str, artifact: OutputArtifact, call: CallSite) -> str:
    """Folder of the store for an artifact in all iterations; outside of loops its key."""
    return folder_of(output, replace(call, looped=False)) if call.looped else key_of(output, artifact, call)


def type_of(artifact: OutputArtifact) -> dict[str, str]:
    """Return the type of an artifact as its value names it."""
    return {"schemaTitle": artifact.type.schema_title, "schemaVersion": artifact.type.schema_version}


def artifact_text(name: str, artifact: OutputArtifact, call: CallSite) -> str:
    """Write an artifact's value as inert JSON, for a container that cannot write it itself."""
    marks = {"KEY": key_of(name, artifact, call), "GROUP": group_of(name, artifact, call)}
    value = {
        "name": name,
        "type": type_of(artifact),
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
