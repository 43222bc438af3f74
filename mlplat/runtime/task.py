"""Runs one Python function as a task: reads its inputs, calls it, writes its outputs.

Its arguments are SOURCE and CALL. Both are text, or ``@/FILE`` for text that Argo put into a file because it is long;
SOURCE also ``@source:VARIABLE`` for one that several templates share. With several SOURCEs, which run one after
another, CALL is ``{"steps": [{"task": NAME, "call": CALL, "retry": {...}}], "out": FOLDER}``; with one it is JSON::

    {"function": NAME,
     "parameters": {NAME: {"type": TYPE, "value": JSON, "large": PATH, "folders": [PATH], "errors": PATH}},
     "artifacts": {NAME: {"path": PATH, "value": ARTIFACT, "folders": [PATH]}},
     "out": FOLDER, "values": FOLDER,
     "output_parameters": {NAME: TYPE},
     "output_artifacts": {NAME: {"schemaTitle": ..., "schemaVersion": ..., "key": KEY}},
     "large_key": KEY, "index": TEXT, "path": PATH, "errors": FLAG,
     "workspace": PATH, "packages": [REQUIREMENT], "pip_options": [OPTION]}

What is empty may be left out. Instead of a value, ``from`` names the file of a function that ran before in the same
pod; ``handed/NAME`` beside its folder says where an artifact lies that it handed on from an input. In a loop, a key is
the group of all iterations' outputs, the task's position in the loops around it (the index) and the name of a file; a
large key ends in the index. A list of artifacts, or of large values, lies in the folders: one for each group, in the
order in which the list names them. An empty SOURCE means that ``kfp_config.ini`` in the working directory names the
module, as in images that KFP builds.

Every output becomes ``out/values/NAME``, inert JSON: JSON text in which two braces in a row and dollar signs are
escaped, so that neither Argo nor Kubernetes finds anything in it. An artifact's bytes lie in ``out/artifacts/NAME``. A
value of more than 32 KiB lies in ``out/large/NAME`` and is replaced by a reference.

Standard library only, Python 3.8 or newer: this text travels into containers, inside the manifest.
"""

import json
import math
import os
import re
import sys
from typing import Any, Dict, List, Optional, Tuple

from mlplat.runtime.artifacts import ARTIFACT_CLASSES, Artifact, is_artifact_class

LARGE = "mlplat.dev/large"
LARGEST_PARAMETER = 32 * 1024
LARGEST_FILE = 256 * 1024 * 1024
"""Bytes of a file that are read as the value of a parameter."""
VARIABLE = "MLPLAT_RUNTIME"
"""Variable in which this program comes."""
START = "import base64, os, zlib; exec(zlib.decompress(base64.b64decode(os.environ['{}'])).decode())".format(
    VARIABLE
)
"""What Python is given to run it."""
SHARED = "@source:"
"""How an argument names a variable instead of holding a text."""
SHARED_VARIABLE = "MLPLAT_SOURCE_"
"""How the names of such variables begin."""
TERMINATION_LOG = "/dev/termination-log"
"""File from which Kubernetes takes the reason of a failure, which Argo puts into the message of the node."""
TERMINATION_VARIABLE = "MLPLAT_TERMINATION_LOG"
"""Variable that names another file instead, where there is no Kubernetes."""
_LONGEST_REASON = 500
STEP_MARK = "=== "
"""How a line of the log begins that names the function whose lines follow."""
_TYPES = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (float, int),
    "BOOLEAN": (bool,),
    "LIST": (list, tuple),
    "STRUCT": (dict,),
}
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_OUT = {"folder": ""}
_WORKSPACE = "/kfp-workspace"
_FOLDER = b"folder\n"
_STORE = "mlplat://artifacts/"
_PLACE = ("uri", "key", "group", "digest", "size", "path")
_MARKERS = ("EmbeddedInput", "InputPath", "OutputPath", "Input", "Output")


class TaskError(Exception):
    """The task can't start or can't hand on what it made; the text says why."""


class PipelineTaskFinalStatus:
    """How a task or region ended, for an exit task.

    Attributes:
        state: ``SUCCEEDED``, ``FAILED`` or ``SKIPPED``.
        pipeline_job_resource_name: the run's name.
        pipeline_task_name: the task's or region's name.
        error_code: the exit code; None unless it failed.
        error_message: why it failed; None unless it did.
    """

    def __init__(
        self,
        state: str,
        pipeline_job_resource_name: str,
        pipeline_task_name: str,
        error_code: Optional[int],
        error_message: Optional[str],
    ) -> None:
        self.state = state
        self.pipeline_job_resource_name = pipeline_job_resource_name
        self.pipeline_task_name = pipeline_task_name
        self.error_code = error_code
        self.error_message = error_message

    def __repr__(self) -> str:
        return "PipelineTaskFinalStatus({!r})".format(self.__dict__)


class _State(str):
    """``SUCCEEDED``, which KFP's backend calls ``COMPLETE``: programs for either are right."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) or (other == "COMPLETE" and str.__eq__(self, "SUCCEEDED"))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class TaskConfig:
    """A task's settings, for a function that starts another workload with them; each as Kubernetes writes it."""

    def __init__(
        self,
        affinity: Optional[Dict[str, Any]] = None,
        tolerations: Optional[List[Dict[str, Any]]] = None,
        node_selector: Optional[Dict[str, str]] = None,
        env: Optional[List[Dict[str, Any]]] = None,
        volumes: Optional[List[Dict[str, Any]]] = None,
        volume_mounts: Optional[List[Dict[str, Any]]] = None,
        resources: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.affinity = affinity
        self.tolerations = tolerations
        self.node_selector = node_selector
        self.env = env
        self.volumes = volumes
        self.volume_mounts = volume_mounts
        self.resources = resources


class _Marker:
    """``Input[T]``, ``Output[T]``, ``InputPath(T)``, ``OutputPath(T)`` in an annotation."""

    def __init__(self, kind: str, of: Any = None) -> None:
        self.kind = kind
        self.of = of

    def __getitem__(self, of: Any) -> "_Marker":
        return _Marker(self.kind, of)

    def __call__(self, of: Any = None) -> "_Marker":
        return _Marker(self.kind, of)


def get_uri(suffix: str = "Output") -> str:
    """Return where a task that returns an artifact object writes the bytes of that output."""
    path = os.path.join(_OUT["folder"], "artifacts", suffix)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def inert(value: Any) -> str:
    """Write a value as JSON text that holds no two braces in a row, no dollar sign, and only what can be seen."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return printable(text).replace("{" * 2, "\\u007b" * 2).replace("$", "\\u0024")


def printable(text: str) -> str:
    """Escape the characters of JSON text that have no look of their own, such as DEL.

    Argo quotes what it puts into a template as Go does (``strconv.Quote``), and what Go writes for DEL, or for such a
    character beyond U+FFFF, is not JSON.

    Args:
        text: JSON text.

    Returns:
        JSON text of the same value.
    """
    return text if text.isprintable() else _NOT_ASCII.sub(_escaped, text)


def _escaped(match: Any) -> str:
    character: str = match.group()
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _plain(value: Any) -> Any:
    """Turn arrays and their scalars into what JSON has; what is no number is written as text, as KFP does."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key.tolist() if hasattr(key, "tolist") else key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _sha256(data: bytes = b"") -> Any:
    import hashlib

    return hashlib.sha256(data)


def _hex(data: bytes) -> str:
    return "sha256:{}".format(_sha256(data).hexdigest())


def _read(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _is_large(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {LARGE}


def _flat(value: Any) -> List[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, list) else [value]


def _places(name: str, items: List[Dict[str, Any]], folders: List[str]) -> Dict[str, str]:
    """Return the folder of each group of items."""
    groups = list(dict.fromkeys(item["group"] for item in items if item.get("group")))
    if len(groups) > len(folders):
        message = "input '{}' lies in the places of {} runs, more than {}: run once without the cache"
        raise TaskError(message.format(name, len(groups), len(folders)))
    return dict(zip(groups, folders))


def _path_in(places: Dict[str, str], item: Dict[str, Any]) -> str:
    group: str = item["group"]
    return "{}{}".format(places[group], item["key"][len(group) :])


def _whole(value: Any, spec: Dict[str, Any], values: str, places: Dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_whole(item, spec, values, places) for item in value]
    return _large(value[LARGE], spec, values, places) if _is_large(value) else value


def _large(reference: Dict[str, Any], spec: Dict[str, Any], values: str, places: Dict[str, str]) -> Any:
    if "file" in reference:
        path = os.path.join(values, reference["file"])
    elif reference.get("group") in places:
        path = _path_in(places, reference)
    else:
        path = spec["large"]
        if os.path.isdir(path):
            path = os.path.join(path, os.path.basename(reference["key"]))
    value = json.loads(_read(path))
    if "index" in reference:
        value = value[reference["index"]]
    for name in reference.get("fields", ()):
        value = value[name]
    return value


def _typed(name: str, value: Any, kind: str) -> Any:
    if kind == "STRING" and not isinstance(value, str):
        return json.dumps(value)
    if kind == "NUMBER_DOUBLE" and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if kind == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not _fits(value, kind):
        raise TaskError(
            "input '{}' is declared {}, and was given {}".format(name, _called(kind), _shown(value))
        )
    return float(value) if kind == "NUMBER_DOUBLE" else value


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))


def _called(kind: str) -> str:
    return _TYPES[kind][0].__name__ if kind in _TYPES else kind


def _parameter(name: str, spec: Dict[str, Any], values: str) -> Any:
    value = spec["value"]
    if "folders" in spec:
        references = [item[LARGE] for item in _flat(value) if _is_large(item)]
        value = _whole(value, spec, values, _places(name, references, spec["folders"]))
    elif _is_large(value):
        value = _large(value[LARGE], spec, values, {})
    if value is None:
        return None
    if "errors" in spec:
        value = _with_reason(value, spec["errors"])
    if spec["type"] == "TASK_FINAL_STATUS":
        return _final_status(value)
    if spec["type"] == "TASK_CONFIG":
        return TaskConfig(**{_snake(field): given for field, given in value.items()})
    return _typed(name, value, spec["type"])


def _nothing(name: str, annotation: Any) -> Any:
    """Return the value of an input that has none, where its annotation allows that."""
    if type(None) not in (getattr(annotation, "__args__", None) or ()):
        raise TaskError("input '{}' has no value: the task that gives it wrote none".format(name))
    return None


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def _with_reason(value: Any, folder: str) -> Any:
    """Return how a task ended as KFP writes it, with the reason of its failure; any other value as it is."""
    if not isinstance(value, dict) or "node" not in value or "pipelineTaskName" not in value:
        return value
    error = dict(value.get("error") or {})
    if value.get("state") == "FAILED":
        error["message"] = _reason(folder, value["node"]) or error.get("message")
        error["code"] = _number(error.get("code"))
    told = {name: one for name, one in value.items() if name != "node"}
    return {**told, "state": _State(value.get("state") or ""), "error": error}


def _final_status(value: Dict[str, Any]) -> Any:
    error = value.get("error") or {}
    return PipelineTaskFinalStatus(
        state=value.get("state") or _State(""),
        pipeline_job_resource_name=value.get("pipelineJobResourceName", ""),
        pipeline_task_name=value.get("pipelineTaskName", ""),
        error_code=_number(error.get("code")),
        error_message=error.get("message"),
    )


def _number(text: Any) -> Any:
    return int(text) if str(text).lstrip("-").isdigit() else text


def _reason(folder: str, task: str) -> str:
    """Return why tasks of a region failed, as far as their runtimes could tell."""
    found = []
    for at, folders, files in os.walk(folder):
        folders.sort()
        steps = [step for step in os.path.relpath(at, folder).split(os.sep) if not step.isdigit()]
        if "error" in files and task in steps:
            found.append(_read(os.path.join(at, "error")))
    return "; ".join(found)


def _input_artifacts(name: str, spec: Dict[str, Any], annotation: Any) -> List[Any]:
    given = _flat(spec["value"])
    places = _places(name, given, spec["folders"])
    found = []
    for value in given:
        path = _path_in(places, value) if value.get("group") else spec["path"]
        found.append(_input_artifact(name, value, path, annotation))
    return found


def _input_artifact(name: str, value: Dict[str, Any], path: str, annotation: Any) -> Artifact:
    cls = _class_of(annotation, value.get("type", {}).get("schemaTitle", ""))
    artifact: Artifact = cls(value.get("name"), value.get("uri"), value.get("metadata"))
    if value.get("path"):
        artifact.custom_path = value["path"]
    elif _is_there(path):
        artifact.custom_path = path
    elif value.get("key"):
        artifact.custom_path = path
        if value.get("digest") != _hex(_FOLDER):
            raise TaskError("the bytes of input '{}' are not in the store: {}".format(name, value["key"]))
        os.makedirs(path, exist_ok=True)  # an object store holds no empty folder
    elif artifact.uri.startswith("file:///"):
        artifact.custom_path = artifact.uri[len("file://") :]
    return artifact


def _unwritten(call: Dict[str, Any], message: str) -> List[str]:
    """Say which artifacts that an error names have no bytes here: nothing was written, or they lie elsewhere."""
    found = []
    for name, spec in call.get("artifacts", {}).items():
        for value in _flat(spec.get("value")):
            uri = str((value or {}).get("uri", ""))
            if not value or value.get("key") or not uri or Artifact(uri=uri).path not in message:
                continue
            if uri.startswith(_STORE):
                found.append(
                    "input '{}': the task that makes '{}' wrote nothing to it".format(name, value.get("name"))
                )
            elif "://" in uri:
                found.append(
                    "input '{}': nothing fetches {} for this task; read it by its uri, or import it with"
                    " dsl.importer".format(name, uri)
                )
    return found


def _is_there(path: str) -> bool:
    """Tell whether an artifact was fetched: for one that is not there, Argo leaves an empty folder."""
    return os.path.isfile(path) or (os.path.isdir(path) and bool(os.listdir(path)))


def _class_of(annotation: Any, title: str) -> Any:
    own = getattr(annotation, "of", annotation)
    own = (getattr(own, "__args__", None) or [own])[0]
    return ARTIFACT_CLASSES.get(title, own if is_artifact_class(own) else Artifact)


def sha256(path: str) -> Tuple[str, int]:
    """Hash what lies at a path.

    Args:
        path: a file, or a folder: then the hash is over the sorted relative paths and hashes of its files.

    Returns:
        ``sha256:<hex>`` and the size in bytes.
    """
    if not os.path.isdir(path):
        digest, size = _sha256(), 0
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
        return "sha256:" + digest.hexdigest(), size
    files = sorted(
        os.path.relpath(os.path.join(folder, name), path)
        for folder, _, names in os.walk(path)
        for name in names
    )
    tree, total = _sha256(_FOLDER), 0
    for name in files:
        digest_of_file, size = sha256(os.path.join(path, name))
        tree.update("{}\0{}\n".format(name, digest_of_file).encode("utf-8", "surrogateescape"))
        total += size
    return "sha256:" + tree.hexdigest(), total


def _without_links(name: str, path: str) -> None:
    """Put copies in the place of symbolic links: where the bytes go, links lead nowhere."""
    found = [path] if os.path.lexists(path) else []
    if os.path.isdir(path) and not os.path.islink(path):
        found += [
            os.path.join(at, entry) for at, *entries in os.walk(path) for part in entries for entry in part
        ]
    for entry in found:
        if os.path.islink(entry):
            target, place = os.path.realpath(entry), os.path.realpath(os.path.dirname(entry))
            if not os.path.exists(target) or os.path.commonpath([target, place]) == target:
                raise TaskError(
                    "output '{}' has a link that leads nowhere: {} -> {}".format(name, entry, target)
                )
            os.unlink(entry)
            _copy(name, target, entry)
        elif not os.path.isfile(entry) and not os.path.isdir(entry):
            raise TaskError("output '{}' has neither file nor folder in it: {}".format(name, entry))


def _copy(name: str, source: str, target: str, around: Tuple[str, ...] = ()) -> None:
    """Copy a file or folder, with the files that links lead to."""
    import shutil

    real = os.path.realpath(source)
    if real in around or os.path.commonpath([real, os.path.realpath(target)]) == real:
        raise TaskError("output '{}' is in a folder that it would hold: {}".format(name, source))
    if os.path.isdir(source):
        if os.path.isdir(target):
            shutil.rmtree(target)
        os.makedirs(target)
        for entry in os.listdir(source):
            _copy(name, os.path.join(source, entry), os.path.join(target, entry), (*around, real))
    elif os.path.isfile(source):
        shutil.copy(source, target)
    else:
        raise TaskError("output '{}' has neither file nor folder in it: {}".format(name, source))


def _json(name: str, value: Any) -> str:
    try:
        return inert(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TaskError("output '{}' can't be written as JSON: {}".format(name, error)) from None


def _artifact_value(
    name: str, artifact: Artifact, spec: Dict[str, Any], place: Dict[str, Any]
) -> Dict[str, Any]:
    kind = {"schemaTitle": spec["schemaTitle"], "schemaVersion": spec["schemaVersion"]}
    metadata = json.loads(_json(name, _plain(artifact.metadata)))
    value = {"metadata": metadata} if metadata else {}  # first: Argo's UI shows the first 60 characters
    value.update(name=artifact.name or name, type=kind, uri=artifact.uri)
    value.update(place)
    identity = [kind, value.get("digest", value["uri"]), metadata]
    if "key" in value and not value["uri"].startswith(_STORE):
        identity.append(value["uri"])
    value["fingerprint"] = _hex(json.dumps(identity, sort_keys=True).encode())[7:]
    value.setdefault("metadata", metadata)
    return value


def _group(key: str, index: str) -> str:
    return key[: len(os.path.dirname(key)) - len(index)] if index else key


def _written(path: str, spec: Dict[str, Any], index: str, uri: str) -> Dict[str, Any]:
    """Return the place of bytes that the task wrote; where it also named another place of the store, they count."""
    key = spec["key"]
    digest, size = sha256(path)
    place = {"key": key, "group": _group(key, index), "digest": digest, "size": size}
    return {**place, "uri": _STORE + key} if uri.startswith(_STORE) else place


def _handed_on(uri: str, spec: Dict[str, Any], inputs: List[Tuple[Dict[str, Any], str]]) -> Dict[str, Any]:
    """Return the place that an output's URI names: that of an input, of something in it, or of anything in the store.

    Args:
        uri: what the function set.
        spec: the output.
        inputs: the values of the input artifacts, and where they lie here.
    """
    for value, path in inputs:
        for begin in (value.get("uri"), path):
            if begin and uri == begin:
                return {part: value[part] for part in _PLACE if part in value}
            if begin and uri.startswith(begin + "/") and value.get("key"):
                rest = uri[len(begin) :]
                key = value["key"] + rest
                return {"uri": str(value.get("uri")) + rest, "key": key, "group": key}
    key = uri[len(_STORE) :]
    return {"key": key, "group": key} if uri.startswith(_STORE) and key != spec["key"] else {}


def _output_parameter(name: str, value: Any, kind: str) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not _fits(value, kind):
        message = "output '{}' is declared {}, and the function gave {}: {}"
        raise TaskError(message.format(name, _called(kind), type(value).__name__, _shown(value)))
    return _plain(float(value) if kind == "NUMBER_DOUBLE" else value)


def _from_file(name: str, path: str, kind: str) -> Any:
    if not os.path.isfile(path):
        raise TaskError("output '{}' is not a file: {}".format(name, path))
    if os.path.getsize(path) > LARGEST_FILE:
        message = "output '{}' holds {:,} bytes; a parameter holds at most {:,}: make it an artifact"
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
        message = "output '{}' is declared {}, and its file holds {}"
        raise TaskError(
            message.format(name, _called(kind), _shown(data.decode("utf-8", "replace")))
        ) from None


def _stand_ins() -> Dict[str, Any]:
    """Names that component sources import from ``kfp`` and ``mlplat``, without either being installed."""

    def decorator(func: Any = None, **_: Any) -> Any:
        return func if func is not None else decorator

    module_type = type(sys)
    dsl = module_type("kfp.dsl")
    names: Dict[str, Any] = {cls.__name__: cls for cls in ARTIFACT_CLASSES.values()}
    names.update({kind: _Marker(kind) for kind in _MARKERS})
    names.update(get_uri=get_uri, component=decorator, container_component=decorator, pipeline=decorator)
    names.update(PipelineTaskFinalStatus=PipelineTaskFinalStatus, TaskConfig=TaskConfig)
    dsl.__dict__.update(names)
    dsl.__dict__["__all__"] = sorted(names)
    dsl.__dict__.update(__path__=[], types=dsl, artifact_types=dsl, type_annotations=dsl)
    for package in ("kfp", "mlplat"):
        module = module_type(package)
        module.__dict__.update(dsl=dsl, v2=module, __path__=[])
        sys.modules.update({package: module, package + ".v2": module})
        for path in ("dsl", "v2.dsl", "dsl.types", "dsl.types.artifact_types", "dsl.types.type_annotations"):
            sys.modules[package + "." + path] = dsl
    return names


def _load(source: str, function: str) -> Tuple[Any, Dict[str, Any]]:
    import __future__

    import linecache

    module = type(sys)("component")
    sys.modules["component"] = module
    file = "<{}>".format(function)
    source = source or _module_of(function)
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except Exception:
        # An annotation of names that are only where the function was written, or of a newer Python.
        flags = __future__.annotations.compiler_flag
        exec(compile(source, file, "exec", flags=flags, dont_inherit=True), module.__dict__)
    if function not in module.__dict__:
        raise TaskError("its source has no function of that name")
    return module.__dict__[function], module.__dict__


def _module_of(function: str) -> str:
    """Return the text of the module that defines a function, as KFP's images list their modules."""
    import configparser

    config = configparser.ConfigParser()
    config.optionxform = str  # type: ignore[assignment,method-assign]
    folder = os.path.abspath(".")
    config.read(os.path.join(folder, "kfp_config.ini"))
    for path in dict(config["Components"]).values() if config.has_section("Components") else ():
        text = _read(os.path.join(folder, path))
        if "def {}(".format(function) in text:
            sys.path.insert(0, os.path.dirname(os.path.join(folder, path)))
            return text
    raise TaskError("no module that kfp_config.ini of the working directory names defines it")


def _annotation(given: Any, namespace: Dict[str, Any]) -> Any:
    if isinstance(given, str):
        try:
            given = eval(given, dict(namespace))
        except Exception:
            return next(
                (_Marker(kind) for kind in _MARKERS if kind + "[" in given or kind + "(" in given), None
            )
    choices = getattr(given, "__args__", None) or ()
    return next((choice for choice in choices if isinstance(choice, _Marker)), given)


def _file_of(name: str, value: Any) -> str:
    """Write a parameter to a file, for a function that takes it as a path; strings as they are, the rest as JSON."""
    import tempfile

    path = os.path.join(tempfile.mkdtemp(), name)
    _write(path, value if isinstance(value, str) else json.dumps(value))
    return path


class _Call:
    """One call of the function: its arguments, and where its outputs lie."""

    def __init__(self, call: Dict[str, Any]) -> None:
        parts = ("parameters", "artifacts", "output_parameters", "output_artifacts")
        self.call: Dict[str, Any] = {**{part: {} for part in parts}, **call}
        self.out = call["out"]
        self.artifacts: Dict[str, Artifact] = {}
        self.inputs: List[Tuple[Dict[str, Any], str]] = []
        self.passed: List[str] = []
        self.order: Tuple[str, ...] = ()
        self.has_ended = False

    def moved(self, value: Any, source: str, target: str) -> Any:
        """Return a value with paths in the workspace as paths in where it is mounted, or the other way round."""
        if source == target:
            return value
        if isinstance(value, str):
            return re.sub(re.escape(source) + r"(?=/|\Z)", lambda _: target, value)
        if isinstance(value, dict):
            return {key: self.moved(item, source, target) for key, item in value.items()}
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return [self.moved(item, source, target) for item in value]
        return value

    def path_of(self, output: str) -> str:
        folder = "artifacts" if output in self.call["output_artifacts"] else "files"
        return os.path.join(self.out, folder, output)

    def output_artifact(self, name: str, annotation: Any) -> Artifact:
        spec = self.call["output_artifacts"][name]
        artifact: Artifact = _class_of(annotation, spec["schemaTitle"])(name)
        artifact.uri = _STORE + spec["key"]
        artifact.custom_path = self.path_of(name)
        os.makedirs(os.path.dirname(artifact.path), exist_ok=True)
        return artifact

    def arguments(self, function: Any, namespace: Dict[str, Any]) -> Dict[str, Any]:
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        optional = set(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount])
        optional.update(function.__kwdefaults__ or ())
        self.order = getattr(_annotation(function.__annotations__.get("return"), namespace), "_fields", ())
        arguments: Dict[str, Any] = {}
        for name in names:
            annotation = _annotation(function.__annotations__.get(name), namespace)
            kind = getattr(annotation, "kind", "")
            if name in self.call["parameters"]:
                value = _parameter(name, self.call["parameters"][name], self.call.get("values", ""))
                value = self.moved(value, _WORKSPACE, self.call.get("workspace", _WORKSPACE))
                if value is not None:
                    arguments[name] = _file_of(name, value) if kind == "InputPath" else value
                elif name not in optional:
                    arguments[name] = _nothing(name, annotation)
            elif name in self.call["artifacts"]:
                spec = self.call["artifacts"][name]
                spec["value"] = self.moved(spec["value"], _WORKSPACE, self.call.get("workspace", _WORKSPACE))
                if spec["value"] is None:
                    if name not in optional:
                        arguments[name] = _nothing(name, annotation)
                    continue
                if "folders" in spec:
                    arguments[name] = _input_artifacts(name, spec, annotation)
                    self.inputs += zip(_flat(spec["value"]), (one.path for one in arguments[name]))
                    continue
                artifact = _input_artifact(name, spec["value"], spec["path"], annotation)
                self.inputs.append((spec["value"], artifact.path))
                arguments[name] = artifact.path if kind == "InputPath" else artifact
            elif name in self.call["output_artifacts"]:
                self.passed.append(name)
                self.artifacts[name] = self.output_artifact(name, annotation)
                arguments[name] = self.artifacts[name].path if kind == "OutputPath" else self.artifacts[name]
            elif name in self.call["output_parameters"]:
                self.passed.append(name)
                os.makedirs(os.path.dirname(self.path_of(name)), exist_ok=True)
                arguments[name] = self.path_of(name)
            elif kind == "EmbeddedInput":
                # KFP's SDK writes files into the source, and code that unpacks them and sets these names.
                artifact = _class_of(annotation, "")(name)
                assets = "__KFP_EMBEDDED_ASSET_{}".format
                artifact.custom_path = namespace.get(assets("FILE")) or namespace.get(assets("DIR"))
                arguments[name] = artifact
        return arguments

    def returned(self, result: Any) -> Dict[str, Any]:
        outputs = [*self.call["output_parameters"], *self.call["output_artifacts"]]
        names = [name for name in outputs if name not in self.passed]
        if not names or self.has_ended:
            return {}
        if names == ["Output"]:
            return {"Output": result}
        if hasattr(result, "_asdict"):
            result = result._asdict()
        elif isinstance(result, tuple) and len(result) == len(names):
            if set(self.order) != set(names):  # the call names its outputs in any order, as the IR does
                message = (
                    "it returned a plain tuple, and its annotation can't be read here: return a dict with {}"
                )
                raise TaskError(message.format(", ".join(names)))
            result = dict(zip(self.order, result))
        if not isinstance(result, dict) or not set(names) <= set(result):
            message = "the function must return a named tuple with {}; it returned {}"
            raise TaskError(message.format(", ".join(names), _shown(result)))
        return {name: result[name] for name in names}

    def keep_returned_artifact(self, name: str, value: Any) -> None:
        path = self.path_of(name)
        if value is None:
            raise TaskError("output '{}' is an artifact, and the function gave None".format(name))
        if isinstance(value, Artifact):
            self.artifacts[name] = value
            local = value.path if value.custom_path is not None or value.path == value.uri else ""
            if os.path.exists(local) or local.startswith(os.path.join(self.out, "")):
                value.custom_path = local
                value.uri = _STORE + self.call["output_artifacts"][name]["key"]
        else:
            self.artifacts[name] = self.output_artifact(name, None)
            _write(path, str(value))

    def write(self, result: Any) -> None:
        returned = self.returned(result)
        texts: Dict[str, str] = {}
        for name, kind in self.call["output_parameters"].items():
            if name in returned:
                value = _output_parameter(name, returned[name], kind)
            elif os.path.exists(self.path_of(name)):
                value = _output_parameter(name, _from_file(name, self.path_of(name), kind), kind)
            else:
                value = None
            value = self.moved(value, self.call.get("workspace", _WORKSPACE), _WORKSPACE)
            texts[name] = self.within_limit(name, _json(name, value), value)
        for name, spec in self.call["output_artifacts"].items():
            if name in returned:
                self.keep_returned_artifact(name, returned[name])
            elif name not in self.artifacts:
                continue
            artifact, path = self.artifacts[name], self.path_of(name)
            if artifact.custom_path not in (None, path) and os.path.exists(artifact.path):
                self.take(name, artifact.path, path)
            _without_links(name, path)
            texts[name] = _json(name, _artifact_value(name, artifact, spec, self.place_of(name)))
        for name, text in texts.items():
            _write(os.path.join(self.out, "values", name), text)

    def place_of(self, name: str) -> Dict[str, Any]:
        """Return where the bytes of an output artifact are; nothing where only its URI tells."""
        uri, spec, path = self.artifacts[name].uri, self.call["output_artifacts"][name], self.path_of(name)
        if os.path.exists(path):
            return _written(path, spec, self.call.get("index", ""), uri)
        place = _handed_on(uri, spec, self.inputs)
        for value, local in self.inputs:
            if place.get("key") and place["key"] == value.get("key"):
                _write(os.path.join(self.out, "handed", name), local)
        return place

    def take(self, name: str, source: str, target: str) -> None:
        """Make what lies elsewhere an output: moved from where outputs lie, copied from anywhere else."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.realpath(source).startswith(os.path.join(os.path.realpath(self.out), "")):
            os.replace(source, target)
        else:
            _copy(name, source, target)

    def within_limit(self, name: str, text: str, value: Any) -> str:
        data = text.encode("utf-8", "surrogatepass")
        if len(data) <= LARGEST_PARAMETER:
            return text
        _write(os.path.join(self.out, "large", name), text)
        folder, index = self.call["large_key"], self.call.get("index", "")
        reference = {
            "length": len(value) if isinstance(value, (list, tuple, dict)) else 0,
            "key": folder + "/" + name,
            "digest": _hex(data)[7:],
            "group": folder[: len(folder) - len(index)],
        }
        return inert({LARGE: reference})


def _satisfied(requirement: str) -> bool:
    from importlib import import_module, metadata

    requirements: Any = None
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            requirements = import_module(module)
            break
        except ImportError:
            continue
    if requirements is None:
        return False
    try:
        wanted = requirements.Requirement(requirement)
        if wanted.url or (wanted.marker and not wanted.marker.evaluate()):
            return bool(wanted.marker and not wanted.url)
        if wanted.extras:
            return False
        return bool(wanted.specifier.contains(metadata.version(wanted.name), prereleases=True))
    except (ValueError, metadata.PackageNotFoundError):
        return False


def _environment(packages: List[str], options: List[str]) -> str:
    """Make, or find, the environment of one set of requirements, and return its Python."""
    import fcntl
    import shutil
    import subprocess
    import tempfile

    home = os.environ.get("MLPLAT_ENVIRONMENTS") or tempfile.mkdtemp(prefix="mlplat-environments-")
    identity = json.dumps([sys.version, sys.prefix, sorted(packages), options])
    folder = os.path.join(home, _hex(identity.encode())[7:23])
    python, done = os.path.join(folder, "bin", "python3"), os.path.join(folder, "complete")
    os.makedirs(home, exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(done):
            return python
        shutil.rmtree(folder, ignore_errors=True)
        named = re.sub(r"(://)[^/@\s]+@", r"\1", " ".join(packages))
        print("installing {} into {}".format(named, folder), file=sys.stderr, flush=True)
        # Another copy of pip takes seconds to make; since 22.3 pip installs into other environments.
        make = [sys.executable, "-m", "venv", "--system-site-packages", folder]
        install = [python, "-m", "pip", "install", "-q"]
        if _satisfied("pip>=22.3"):
            make.append("--without-pip")
            install = [sys.executable, "-m", "pip", "--python", python, "install", "-q"]
        for command in (make, install + options + packages):
            reason = ""
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
                for line in process.stdout or ():
                    text = line.decode(errors="replace")
                    sys.stderr.write(text)
                    reason = text[6:].strip() if text.startswith("ERROR:") else reason
            if process.returncode != 0:
                shutil.rmtree(folder, ignore_errors=True)
                raise TaskError("could not install {}: {}".format(named, reason or "see the log"))
        parents = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        library = os.path.join(folder, "lib")
        site = next(entry.path for entry in os.scandir(library) if entry.name.startswith("python"))
        _write(os.path.join(site, "site-packages", "parent.pth"), "\n".join(parents) + "\n")
        _write(done, "")
    return python


def _text(argument: str) -> str:
    if argument.startswith(SHARED):
        import base64
        import zlib

        packed = os.environ[argument[len(SHARED) :]]
        return zlib.decompress(base64.b64decode(packed)).decode()
    return _read(argument[1:]) if argument.startswith("@/") else argument


def _print_traceback(error: BaseException) -> None:
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == _print_traceback.__code__.co_filename:
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)


def main(arguments: List[str]) -> int:
    """Run one task.

    Args:
        arguments: SOURCE and CALL, see the module's text.

    Returns:
        The exit code: 0, or 1 after the reason was printed; the function's own when it calls ``sys.exit``.
    """
    source = _text(arguments[0])
    try:
        call = json.loads(_text(arguments[-1]))
    except ValueError as error:
        reason = "an argument of this run is not JSON of its declared type: {}".format(error)
        print(reason, file=sys.stderr)
        _terminate(reason)
        return 1
    if "steps" in call:
        return _Steps(call["out"]).run(arguments[:-1], call["steps"])
    try:
        missing = [package for package in call.get("packages", ()) if not _satisfied(package)]
        if missing and not os.environ.get("MLPLAT_INSTALLED"):
            python = _environment(call["packages"], call.get("pip_options", []))
            os.environ["MLPLAT_INSTALLED"] = "1"
            os.execv(python, [python, "-c", START, *arguments])
        for name in [name for name in os.environ if name.startswith((VARIABLE, SHARED_VARIABLE))]:
            del os.environ[name]
        _OUT["folder"] = call["out"]
        os.makedirs(os.path.join(call["out"], "values"), exist_ok=True)
        names = _stand_ins()
        function, namespace = _load(source, call["function"])
        for spec in (*call.get("parameters", {}).values(), *call.get("artifacts", {}).values()):
            if "from" in spec:
                spec["value"] = json.loads(_read(spec["from"]))
                handed = os.path.join(
                    os.path.dirname(spec["from"]), "..", "handed", os.path.basename(spec["from"])
                )
                spec["path"] = _read(handed) if os.path.exists(handed) else spec.get("path")
        run = _Call(call)
        given = run.arguments(function, dict(names, **namespace))
        result: Optional[Any] = None
        try:
            result = function(**given)
        except SystemExit as stop:
            if stop.code not in (None, 0):
                raise
            run.has_ended = True
        run.write(result)
    except TaskError as error:
        print("{}: {}".format(call.get("function"), error), file=sys.stderr)
        _keep_reason(call, str(error))
        return 1
    except SystemExit as stop:
        _keep_reason(
            call, stop.code if isinstance(stop.code, str) else "it exited with {!r}".format(stop.code)
        )
        raise
    except Exception as error:
        _print_traceback(error)
        reason = "{}: {}".format(type(error).__name__, error)
        for told in _unwritten(call, str(error)):
            print("{}: {}".format(call["function"], told), file=sys.stderr)
            reason = told
        _keep_reason(call, reason)
        return 1
    return 0


class _Steps:
    """Runs several functions one after another, each as a process of its own, and tells how they ended."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.records: List[Dict[str, Any]] = []
        self.process: Any = None

    def run(self, sources: List[str], steps: List[Dict[str, Any]]) -> int:
        import signal
        import tempfile

        signal.signal(signal.SIGTERM, self._stop)
        os.environ.setdefault("MLPLAT_ENVIRONMENTS", tempfile.mkdtemp(prefix="mlplat-environments-"))
        for source, step in zip(sources, steps):
            code = self._step(source, step)
            if code != 0:
                return code
        return 0

    def _step(self, source: str, step: Dict[str, Any]) -> int:
        import shutil
        import subprocess
        import time

        record = {"task": step["task"], "startedAt": _now(), "phase": "Running"}
        self.records.append(record)
        retry, folder = step.get("retry", {}), step["call"]["out"]
        call = os.path.join(folder, "call.json")
        code = 0
        for attempt in range(retry.get("limit", 0) + 1):
            if attempt:
                pause = retry["duration"] * retry["factor"] ** (attempt - 1)
                time.sleep(min(pause, retry["cap"]))
                shutil.rmtree(folder, ignore_errors=True)
                _terminate("")
            _write(call, json.dumps(step["call"]))
            self._print(step, "attempt {}".format(attempt + 1) if attempt else "")
            self.process = subprocess.Popen([sys.executable, "-c", START, source, "@" + call])
            code = self.process.wait()
            if code == 0:
                break
        code = code if code >= 0 else 128 - code
        self._print(step, "failed with exit code {}".format(code) if code else "succeeded")
        record["finishedAt"] = _now()
        record["phase"] = "Failed" if code else "Succeeded"
        record["exitCode"] = str(code)
        _write(os.path.join(self.out, "steps"), inert(self.records))
        return code

    def _print(self, step: Dict[str, Any], note: str) -> None:
        print("{}{}{}".format(STEP_MARK, step["task"], note and " ({})".format(note)), flush=True)

    def _stop(self, *_: Any) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        sys.exit(143)


def _now() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _keep_reason(call: Dict[str, Any], reason: str) -> None:
    _terminate(reason)
    if call.get("errors"):
        _write(os.path.join(call["out"], "error"), "{}: {}".format(call["function"], reason))


def _terminate(reason: str) -> None:
    """Leave the reason of a failure, on one line, where the message of the node comes from; nowhere if that fails."""
    line = " ".join("".join(one if one.isprintable() else " " for one in reason).split())
    if len(line) > _LONGEST_REASON:
        line = line[: _LONGEST_REASON - 3] + "..."
    path = os.environ.get(TERMINATION_VARIABLE, "")
    try:
        # Kubernetes has made its file; without one, this is not a pod, and /dev belongs to the machine.
        with open(path or TERMINATION_LOG, "w" if path else "r+", encoding="utf-8", errors="replace") as file:
            file.truncate(0)
            file.write(line)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
