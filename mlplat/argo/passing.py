"""Rules for arguments, inputs and outputs, from ``workflow/validate`` of Argo 4.0.7."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.names import PASSED
from mlplat.argo.stores import HDFS, KEYS, LOCATIONS
from mlplat.errors import Diagnostic, nearest

CODE = "MLP536"

_LEAVES = ("container", "containerSet", "script", "resource", "data", "http", "plugin")
"""Templates that have artifacts at paths."""

_OUTPUTS = ("path", "jqFilter", "jsonPath", "parameter", "expression", "supplied")
_OF_KINDS: Mapping[str, tuple[str, ...]] = {
    "container": ("path",),
    "containerSet": ("path",),
    "script": ("path",),
    "resource": ("jsonPath", "jqFilter"),
    "dag": ("parameter", "expression"),
    "steps": ("parameter", "expression"),
}
"""Sources of output parameters, by the kind of the template."""

_ARGUMENTS = ("configMapKeyRef", "supplied", "event")
_FOR_ARGUMENTS = "set value, or valueFrom: {configMapKeyRef: {name: …, key: …}}, or {supplied: {}}"
_TAG = re.compile(r"{{[-a-zA-Z0-9]+(\.[-a-zA-Z0-9_]+)*}}")

Part = Mapping[str, Any]


def argument_rules(arguments: Part | None, path: str, *, may_lack_value: bool) -> Iterator[Diagnostic]:
    """Check the arguments of a Workflow, task or step (``validateArguments``).

    Args:
        arguments: with ``parameters`` and ``artifacts``.
        path: their place.
        may_lack_value: whether the values may be passed when the Workflow is submitted.
    """
    for number, parameter in enumerate((arguments or {}).get("parameters") or ()):
        yield from _argument(parameter, f"{path}.parameters[{number}]", may_lack_value)
    for number, artifact in enumerate((arguments or {}).get("artifacts") or ()):
        place = f"{path}.artifacts[{number}]"
        if not artifact.get("from") and not locates(artifact):
            message = f"the artifact '{artifact['name']}' has no 'from' and no location"
            hint = "for example from: '{{tasks.a.outputs.artifacts.data}}', or s3: {key: …}"
            if artifact.get("fromExpression"):
                hint = "Argo allows fromExpression only in outputs; use from"
            yield Diagnostic(CODE, place, message, hint)
        elif artifact.get("from") and artifact.get("fromExpression"):
            yield Diagnostic(CODE, place, "the artifact has both from and fromExpression", "remove one")


def _argument(parameter: Part, path: str, may_lack_value: bool) -> Iterator[Diagnostic]:
    name, value, source = parameter["name"], parameter.get("value"), parameter.get("valueFrom")
    if value is None and source is None and not may_lack_value:
        yield Diagnostic(CODE, path, f"the parameter '{name}' has no value", _FOR_ARGUMENTS)
    if source is not None:
        known = any(source.get(one) not in (None, "") for one in _ARGUMENTS)
        others = [one for one in _OUTPUTS[:-1] if source.get(one)]
        if others or not known:
            message = f"valueFrom of '{name}' has {' and '.join(others) or 'no source'}"
            yield Diagnostic(CODE, f"{path}.valueFrom", message, _FOR_ARGUMENTS)
    choices = parameter.get("enum")
    if choices is None:
        return
    if not choices:
        yield Diagnostic(CODE, f"{path}.enum", "enum is empty", "list the values, or remove enum")
    elif value is not None:
        known_texts = [gotext.any_string(one) for one in choices]
        if gotext.any_string(value) not in known_texts:
            message = f"{gotext.any_string(value)!r} is not in enum"
            yield Diagnostic(CODE, f"{path}.value", message, nearest(gotext.any_string(value), known_texts))


def locates(artifact: Part) -> bool:
    """Return whether an artifact has a location or a key (``HasLocationOrKey``)."""
    kind = next((one for one in LOCATIONS if artifact.get(one) is not None), "")
    where = artifact.get(kind) or {}
    match kind:
        case "raw":
            return True
        case "git":
            return bool(where.get("repo"))
        case "http":
            return bool(where.get("url"))
        case "artifactory":
            return bool(where.get("url"))
        case "hdfs":
            return bool(where.get("addresses") or where.get("path"))
        case "plugin":
            return bool(where.get("key"))
    return bool(where.get(KEYS[kind])) if kind else False


def input_rules(template: Part, kind: str, path: str) -> Iterator[Diagnostic]:
    """Check the inputs of a template (``validateInputs``)."""
    for number, artifact in enumerate((template.get("inputs") or {}).get("artifacts") or ()):
        place = f"{path}.inputs.artifacts[{number}]"
        yield from _path(artifact, kind, place)
        if artifact.get("from"):
            hint = "set it in the arguments of the task that calls the template"
            yield Diagnostic(CODE, f"{place}.from", "an input artifact cannot have 'from'", hint)
        yield from location_rules(artifact, place)


def output_rules(template: Part, kind: str, path: str) -> Iterator[Diagnostic]:
    """Check the outputs of a template (``validateOutputs``)."""
    outputs = template.get("outputs") or {}
    for number, artifact in enumerate(outputs.get("artifacts") or ()):
        place = f"{path}.outputs.artifacts[{number}]"
        yield from _path(artifact, kind, place)
        yield from _global_name(artifact, place)
    for number, parameter in enumerate(outputs.get("parameters") or ()):
        place = f"{path}.outputs.parameters[{number}]"
        yield from _output(parameter, kind, place)
        yield from _global_name(parameter, place)


def _output(parameter: Part, kind: str, path: str) -> Iterator[Diagnostic]:
    source, allowed = parameter.get("valueFrom"), _OF_KINDS.get(kind, ())
    hint = f"set valueFrom: {{{' or '.join(allowed or ('path',))}: …}}"
    if source is not None and parameter.get("value") is not None:
        yield Diagnostic(CODE, path, "the output has both value and valueFrom", "remove one")
    elif source is None and parameter.get("value") is None:
        yield Diagnostic(CODE, path, f"the output '{parameter['name']}' has no value", hint)
    elif source is not None:
        from_ = [one for one in _OUTPUTS if source.get(one) not in (None, "")]
        if len(from_) != 1:
            message = f"valueFrom has {' and '.join(from_) or 'no source'}"
            yield Diagnostic(CODE, f"{path}.valueFrom", message, hint)
        elif allowed and from_[0] not in allowed:
            message = f"an output of a {kind} template needs {' or '.join(allowed)}, not {from_[0]}"
            yield Diagnostic(CODE, f"{path}.valueFrom", message, hint)


def _global_name(output: Part, path: str) -> Iterator[Diagnostic]:
    name = output.get("globalName")
    if name and not _TAG.search(name) and not PASSED.fullmatch(name):
        message = f"'{name}' is not a valid output name"
        yield Diagnostic("MLP527", f"{path}.globalName", message, "use letters, digits, - and _")


def _path(artifact: Part, kind: str, path: str) -> Iterator[Diagnostic]:
    where = artifact.get("path") or ""
    if kind not in _LEAVES:
        if where:
            message = f"an artifact of a {kind} template cannot have a path"
            yield Diagnostic(CODE, f"{path}.path", message, "set it on the templates of its tasks")
    elif not where:
        message = f"the artifact '{artifact['name']}' has no path"
        yield Diagnostic(CODE, path, message, "set its path in the container, such as path: /tmp/data")
    elif _leaves(where):
        message = f"{where!r} leaves its folder with '..'"
        yield Diagnostic(CODE, f"{path}.path", message, "write the path without '..'")


def _leaves(path: str) -> bool:
    """Return whether a path leaves the folder before its first ``..`` (``CleanPath``)."""
    before, found, _ = path.partition("/../")
    if not found:
        before, found = (path[:-3], "..") if path.endswith("/..") else ("", "")
    if not found or not before:
        return False
    cleaned = posixpath.normpath(path)
    return not cleaned.startswith(f"{before}/") or len(cleaned) <= len(before) + 1


def location_rules(location: Part, path: str) -> Iterator[Diagnostic]:
    """Check the location of an artifact (``validateArtifactLocation``)."""
    if location.get(HDFS) is None:
        return
    hdfs = location[HDFS]
    place = f"{path}.{HDFS}"
    if not hdfs.get("addresses"):
        yield Diagnostic(CODE, place, "addresses is missing", "list the name nodes: addresses: [host:8020]")
    if not str(hdfs.get("path") or "").startswith("/"):
        yield Diagnostic(CODE, f"{place}.path", "the path is not absolute", "for example /data/model")
    keytab, cache = hdfs.get("krbKeytabSecret"), hdfs.get("krbCCacheSecret")
    if not (hdfs.get("hdfsUser") or keytab or cache):
        hint = "set hdfsUser, krbCCacheSecret or krbKeytabSecret"
        yield Diagnostic(CODE, place, "the user is missing", hint)
    needed: Sequence[str] = ("krbServicePrincipalName", "krbConfigConfigMap") if keytab or cache else ()
    needed = (*needed, "krbUsername", "krbRealm") if keytab else needed
    if missing := [one for one in needed if not hdfs.get(one)]:
        beside = "krbKeytabSecret" if keytab else "krbCCacheSecret"
        yield Diagnostic(CODE, place, f"{beside} requires {' and '.join(missing)}", "add them")
