"""Arguments of the function: parameters and artifacts as Argo put them into the pod."""

import json
import os
from typing import Any, Dict, List

from mlplat.runtime.annotations import artifact_class
from mlplat.runtime.artifacts import Artifact
from mlplat.runtime.contract import LARGE, STORE, TaskError
from mlplat.runtime.files import FOLDER, digest_of, read_text, write_text
from mlplat.runtime.objects import TaskConfig, final_status, snake_case, with_reason
from mlplat.runtime.values import as_declared


def _is_large(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {LARGE}


def flatten(value: Any) -> List[Any]:
    """Return the leaves of a list of lists in their order."""
    return [leaf for item in value for leaf in flatten(item)] if isinstance(value, list) else [value]


def _folders_of_groups(name: str, items: List[Dict[str, Any]], folders: List[str]) -> Dict[str, str]:
    """Return the folder of each group of items."""
    groups = list(dict.fromkeys(item["group"] for item in items if item.get("group")))
    if len(groups) > len(folders):
        message = "input '{}' comes from the cache of {} runs, but at most {} are supported; run once without the cache"
        raise TaskError(message.format(name, len(groups), len(folders)))
    return dict(zip(groups, folders))


def _path_in_group(places: Dict[str, str], item: Dict[str, Any]) -> str:
    group: str = item["group"]
    return "{}{}".format(places[group], item["key"][len(group) :])


def _resolved(value: Any, spec: Dict[str, Any], values: str, places: Dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, spec, values, places) for item in value]
    return _large_value(value[LARGE], spec, values, places) if _is_large(value) else value


def _large_value(reference: Dict[str, Any], spec: Dict[str, Any], values: str, places: Dict[str, str]) -> Any:
    if "file" in reference:
        path = os.path.join(values, reference["file"])
    elif reference.get("group") in places:
        path = _path_in_group(places, reference)
    else:
        path = spec["large"]
        if os.path.isdir(path):
            path = os.path.join(path, os.path.basename(reference["key"]))
    value = json.loads(read_text(path))
    if "index" in reference:
        value = value[reference["index"]]
    for name in reference.get("fields", ()):
        value = value[name]
    return value


def parameter_value(name: str, spec: Dict[str, Any], values: str) -> Any:
    """Return the value of an input parameter, read from the store where it is large."""
    value = spec["value"]
    if "folders" in spec:
        references = [item[LARGE] for item in flatten(value) if _is_large(item)]
        value = _resolved(value, spec, values, _folders_of_groups(name, references, spec["folders"]))
    elif _is_large(value):
        value = _large_value(value[LARGE], spec, values, {})
    if value is None:
        return None
    if "errors" in spec:
        value = with_reason(value, spec["errors"])
    if spec["type"] == "TASK_FINAL_STATUS":
        return final_status(value)
    if spec["type"] == "TASK_CONFIG":
        return TaskConfig(**{snake_case(field): given for field, given in value.items()})
    return as_declared(name, value, spec["type"])


def missing_value(name: str, annotation: Any) -> Any:
    """Return the value of an input that has none, where its annotation allows that."""
    if type(None) not in (getattr(annotation, "__args__", None) or ()):
        raise TaskError("input '{}' has no value: the task that produces it wrote none".format(name))
    return None


def input_artifacts(name: str, spec: Dict[str, Any], annotation: Any) -> List[Any]:
    """Return the objects for a list of artifacts."""
    given = flatten(spec["value"])
    places = _folders_of_groups(name, given, spec["folders"])
    found = []
    for value in given:
        path = _path_in_group(places, value) if value.get("group") else spec["path"]
        found.append(input_artifact(name, value, path, annotation))
    return found


def input_artifact(name: str, value: Dict[str, Any], path: str, annotation: Any) -> Artifact:
    """Return the object for an artifact."""
    cls = artifact_class(annotation, value.get("type", {}).get("schemaTitle", ""))
    artifact: Artifact = cls(value.get("name"), value.get("uri"), value.get("metadata"))
    if value.get("path"):
        artifact.custom_path = value["path"]
    elif _has_bytes(path):
        artifact.custom_path = path
    elif value.get("key"):
        artifact.custom_path = path
        if value.get("digest") != digest_of(FOLDER):
            raise TaskError("input '{}' not found in the artifact store: {}".format(name, value["key"]))
        os.makedirs(path, exist_ok=True)  # an object store holds no empty folder
    elif artifact.uri.startswith("file:///"):
        artifact.custom_path = artifact.uri[len("file://") :]
    return artifact


def missing_bytes(call: Dict[str, Any], message: str) -> List[str]:
    """Explain which artifacts in an error message have no bytes here: nothing was written, or they are elsewhere."""
    found = []
    for name, spec in call.get("artifacts", {}).items():
        for value in flatten(spec.get("value")):
            uri = str((value or {}).get("uri", ""))
            if not value or value.get("key") or not uri or Artifact(uri=uri).path not in message:
                continue
            if uri.startswith(STORE):
                found.append(
                    "input '{}' is empty: the task that produces '{}' wrote nothing to it".format(
                        name, value.get("name")
                    )
                )
            elif "://" in uri:
                found.append(
                    "input '{}' is not on this machine: {} was not fetched; read it from its uri, or import it with"
                    " dsl.importer".format(name, uri)
                )
    return found


def _has_bytes(path: str) -> bool:
    """Return whether an artifact was fetched; for a missing one, Argo leaves an empty folder."""
    return os.path.isfile(path) or (os.path.isdir(path) and bool(os.listdir(path)))


def parameter_file(name: str, value: Any) -> str:
    """Write a parameter to a file, for a function that takes it as a path; strings as they are, the rest as JSON."""
    import tempfile

    path = os.path.join(tempfile.mkdtemp(), name)
    write_text(path, value if isinstance(value, str) else json.dumps(value))
    return path
