"""Outputs of the function, as values that the manifest passes on."""

import json
import os
from typing import Any, Dict, List, Tuple

from mlplat.runtime.artifacts import Artifact
from mlplat.runtime.contract import STORE, TaskError
from mlplat.runtime.files import digest_and_size, digest_of
from mlplat.runtime.values import display, has_type, inert, jsonable, type_name

LARGEST_FILE = 256 * 1024 * 1024
"""Bytes of a file that are read as the value of a parameter."""
_PLACE_FIELDS = ("uri", "key", "group", "digest", "size", "path")


def output_json(name: str, value: Any) -> str:
    """Write an output as inert JSON."""
    try:
        return inert(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TaskError("output '{}' cannot be written as JSON: {}".format(name, error)) from None


def artifact_value(
    name: str, artifact: Artifact, spec: Dict[str, Any], place: Dict[str, Any]
) -> Dict[str, Any]:
    """Return the value that stands for an artifact between tasks."""
    kind = {"schemaTitle": spec["schemaTitle"], "schemaVersion": spec["schemaVersion"]}
    metadata = json.loads(output_json(name, jsonable(artifact.metadata)))
    value = {"metadata": metadata} if metadata else {}  # first: Argo's UI shows the first 60 characters
    value.update(name=artifact.name or name, type=kind, uri=artifact.uri)
    value.update(place)
    identity = [kind, value.get("digest", value["uri"]), metadata]
    if "key" in value and not value["uri"].startswith(STORE):
        identity.append(value["uri"])
    value["fingerprint"] = digest_of(json.dumps(identity, sort_keys=True).encode())[7:]
    value.setdefault("metadata", metadata)
    return value


def _group(key: str, index: str) -> str:
    return key[: len(os.path.dirname(key)) - len(index)] if index else key


def written_place(path: str, spec: Dict[str, Any], index: str, uri: str) -> Dict[str, Any]:
    """Return the place of bytes that the task wrote; where it also named another place of the store, they count."""
    key = spec["key"]
    digest, size = digest_and_size(path)
    place = {"key": key, "group": _group(key, index), "digest": digest, "size": size}
    return {**place, "uri": STORE + key} if uri.startswith(STORE) else place


def forwarded_place(
    uri: str, spec: Dict[str, Any], inputs: List[Tuple[Dict[str, Any], str]]
) -> Dict[str, Any]:
    """Return the place that an output's URI names: that of an input, of something in it, or of anything in the store.

    Args:
        uri: what the function set.
        spec: the output.
        inputs: the values of the input artifacts, and where they lie here.
    """
    for value, path in inputs:
        for begin in (value.get("uri"), path):
            if begin and uri == begin:
                return {part: value[part] for part in _PLACE_FIELDS if part in value}
            if begin and uri.startswith(begin + "/") and value.get("key"):
                rest = uri[len(begin) :]
                key = value["key"] + rest
                return {"uri": str(value.get("uri")) + rest, "key": key, "group": key}
    key = uri[len(STORE) :]
    return {"key": key, "group": key} if uri.startswith(STORE) and key != spec["key"] else {}


def output_parameter(name: str, value: Any, kind: str) -> Any:
    """Return an output parameter as JSON has it."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not has_type(value, kind):
        message = "output '{}' is declared {}, but the function returned {}: {}"
        raise TaskError(message.format(name, type_name(kind), type(value).__name__, display(value)))
    return jsonable(float(value) if kind == "NUMBER_DOUBLE" else value)


def value_from_file(name: str, path: str, kind: str) -> Any:
    """Read an output parameter that the function wrote to a file."""
    if not os.path.isfile(path):
        raise TaskError("output '{}' is not a file: {}".format(name, path))
    if os.path.getsize(path) > LARGEST_FILE:
        message = "output '{}' holds {:,} bytes; a parameter holds at most {:,}; make it an artifact"
        raise TaskError(message.format(name, os.path.getsize(path), LARGEST_FILE))
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
        if kind == "STRING":
            return text
        if kind == "NUMBER_DOUBLE":
            return float(text)
        value = json.loads(text.strip().lower() if kind == "BOOLEAN" else text)
        return (
            int(value)
            if isinstance(value, float) and value.is_integer() and kind == "NUMBER_INTEGER"
            else value
        )
    except ValueError:
        message = "output '{}' is declared {}, but its file contains {}"
        raise TaskError(
            message.format(name, type_name(kind), display(data.decode("utf-8", "replace")))
        ) from None
