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
"""Input through which a task learns its place in the run, which is its artifacts' place in the store. No input of a
user's has two dashes in a row, but for KFP's own, which start with ``pipelinechannel--``."""

INDEX_PARAMETER = "task--index"
"""Input through which a task in a loop learns its position in the loops around it: ``/3/0``. The keys of artifacts have
it behind the output, so that those of one output in all iterations have one folder."""

FOLDERS = 8
"""How many folders of the store a list of artifacts may lie in: one for each earlier run that the cache took some of
them from, and one for this run."""

LARGE_OUTPUT, ERROR_OUTPUT = "large--values", "error--text"
"""Artifacts of the compiler's own; by the two dashes the record tells them from those of users."""

EXTENSIONS = {
    "system.HTML": ".html",
    "system.Markdown": ".md",
    "system.Metrics": ".json",
    "system.ClassificationMetrics": ".json",
    "system.SlicedClassificationMetrics": ".json",
}
"""Ends of the keys of artifacts whose bytes are of one format, by type.

Argo's UI draws an artifact in the graph only if its key has an extension; by the extension it shows the artifact in
its panel, and the Argo Server names a download and tells its content type.
"""

_NO_KEY = "no-artifact"


@dataclass(frozen=True, slots=True)
class CallSite:
    """How a task calls a component: what its template depends on beside the component.

    Attributes:
        looped: whether it is given its position in the loops around it.
        cached: whether an earlier result may stand for a run.
        cache_key: stands for the inputs in the cache's key, unless empty.
        retry: when to try again.
        forms: what inputs may hold beside plain values.
        present: inputs that are known to be given, or known not to be.
        workspace: whether it works in the pipeline's workspace.
        one_node: whether all that work there must be on one node.
        has_large_values: whether the Workflow has a ConfigMap of large values.
        keeps_errors: whether the reason of a failure is kept, for a task that asks how another one ended.
        store: ``hdfs`` where the artifact repository is that.
        sources: from where the data of an importer may have to be fetched, the most exact first.
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
        """Return what an input may hold."""
        return next((form for given, form in self.forms if given == name), Form.PLAIN)


def own_inputs(component: Component) -> Iterator[str]:
    """Yield the inputs of a component but for those that only its settings read, which are put into these."""
    for name in (*component.input_parameters, *component.input_artifacts):
        if not name.startswith(REGION_PREFIX):
            yield name


def asks_status(component: Component, form: Callable[[str], Form]) -> bool:
    """Return whether a component takes how another task ended.

    Args:
        component: the component.
        form: gives what an input of it may hold.
    """
    return any(is_status(given, form(name)) for name, given in component.input_parameters.items())


def is_status(parameter: InputParameter, form: Form) -> bool:
    """Return whether an input takes how another task ended, declared as that or as a dict."""
    return parameter.type is ParameterType.TASK_FINAL_STATUS or Form.STATUS in form


def may_grow(component: Component) -> bool:
    """Return whether an output of a component may become too large for a parameter."""
    return any(output.type in GROWING for output in component.output_parameters.values())


def tag(name: str) -> str:
    """Return the tag that stands for an input parameter of a template."""
    return f"{{{{inputs.parameters.{name}}}}}"


def nonempty(**fields: Any) -> dict[str, Any]:
    """Return those fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def interface(component: Component, call: CallSite, *, has_path: bool) -> dict[str, Any]:
    """Return the inputs of a task's template: a parameter for each, and artifacts for what has to be fetched."""
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
    """Return the paths at which a list of artifacts may lie, or a list of values with large ones in it."""
    return [f"{INPUTS}/{name}--{number}" for number in range(FOLDERS)]


def _read(call: CallSite, name: str, key: str) -> dict[str, Any]:
    position_inputs = stores.location(expression(key), call.store)
    return {"name": name, "path": f"{INPUTS}/{name}", "optional": True, **position_inputs}


def stored(call: CallSite, name: str, path: str, key: str) -> dict[str, Any]:
    """Return an output artifact whose bytes go under a key of the store."""
    position_inputs = stores.location(key, call.store)
    return {"name": name, "path": path, "optional": True, "archive": {"none": {}}, **position_inputs}


def position_inputs(*, looped: bool) -> list[dict[str, Any]]:
    """Return the inputs by which a template learns its place in the run."""
    return [{"name": name} for name in (PATH_PARAMETER, *([INDEX_PARAMETER] if looped else []))]


def index_of(call: CallSite) -> str:
    """Return the tag of the position in the loops around a task; empty outside of loops."""
    return tag(INDEX_PARAMETER) if call.looped else ""


def errors_of(call: CallSite) -> str:
    """Folder of the store for the reasons of failures, where a task asks how another one ended; one per iteration."""
    return f"{{{{workflow.name}}}}/errors{index_of(call)}"


def folder_of(output: str, call: CallSite) -> str:
    """Folder of an output in the artifact store: run, place of the task, output and, in loops, positions."""
    return f"{{{{workflow.name}}}}/{tag(PATH_PARAMETER)}/{output}{index_of(call)}"


def key_of(output: str, artifact: OutputArtifact, call: CallSite) -> str:
    """Key of an artifact in the store; its last part is the name of a file that people download."""
    folder, extension = folder_of(output, call), _extension(artifact.type.schema_title)
    return f"{folder}/{output}{extension}" if call.looped else f"{folder}{extension}"


def _extension(schema_title: str) -> str:
    """Return the extension for a type: of its format, or for any format the type itself, as in ``.dataset``."""
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
    """Write an artifact's value as inert JSON, for a container that can't write it itself."""
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
