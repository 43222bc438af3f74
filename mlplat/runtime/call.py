"""One call of the function: from the inputs in the pod to the outputs in the pod."""

import os
import re
from typing import Any, Dict, List, Tuple

from mlplat.runtime.annotations import annotation_of, artifact_class
from mlplat.runtime.artifacts import Artifact
from mlplat.runtime.contract import LARGE, LARGEST_PARAMETER, STORE, WORKSPACE, TaskError
from mlplat.runtime.files import copy, digest_of, replace_links, write_text
from mlplat.runtime.inputs import (
    flatten,
    input_artifact,
    input_artifacts,
    missing_value,
    parameter_file,
    parameter_value,
)
from mlplat.runtime.outputs import (
    artifact_value,
    forwarded_place,
    output_json,
    output_parameter,
    value_from_file,
    written_place,
)
from mlplat.runtime.values import display, inert


class FunctionCall:
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

    def _moved(self, value: Any, source: str, target: str) -> Any:
        """Return a value with paths in the workspace as paths in where it is mounted, or the other way round."""
        if source == target:
            return value
        if isinstance(value, str):
            return re.sub(re.escape(source) + r"(?=/|\Z)", lambda _: target, value)
        if isinstance(value, dict):
            return {key: self._moved(item, source, target) for key, item in value.items()}
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return [self._moved(item, source, target) for item in value]
        return value

    def _path_of(self, output: str) -> str:
        folder = "artifacts" if output in self.call["output_artifacts"] else "files"
        return os.path.join(self.out, folder, output)

    def _output_artifact(self, name: str, annotation: Any) -> Artifact:
        spec = self.call["output_artifacts"][name]
        artifact: Artifact = artifact_class(annotation, spec["schemaTitle"])(name)
        artifact.uri = STORE + spec["key"]
        artifact.custom_path = self._path_of(name)
        os.makedirs(os.path.dirname(artifact.path), exist_ok=True)
        return artifact

    def arguments(self, function: Any, namespace: Dict[str, Any]) -> Dict[str, Any]:
        """Return the arguments to call the function with, by name."""
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        optional = set(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount])
        optional.update(function.__kwdefaults__ or ())
        self.order = getattr(annotation_of(function.__annotations__.get("return"), namespace), "_fields", ())
        arguments: Dict[str, Any] = {}
        for name in names:
            annotation = annotation_of(function.__annotations__.get(name), namespace)
            kind = getattr(annotation, "kind", "")
            if name in self.call["parameters"]:
                value = parameter_value(name, self.call["parameters"][name], self.call.get("values", ""))
                value = self._moved(value, WORKSPACE, self.call.get("workspace", WORKSPACE))
                if value is not None:
                    arguments[name] = parameter_file(name, value) if kind == "InputPath" else value
                elif name not in optional:
                    arguments[name] = missing_value(name, annotation)
            elif name in self.call["artifacts"]:
                spec = self.call["artifacts"][name]
                spec["value"] = self._moved(spec["value"], WORKSPACE, self.call.get("workspace", WORKSPACE))
                if spec["value"] is None:
                    if name not in optional:
                        arguments[name] = missing_value(name, annotation)
                    continue
                if "folders" in spec:
                    arguments[name] = input_artifacts(name, spec, annotation)
                    self.inputs += zip(flatten(spec["value"]), (one.path for one in arguments[name]))
                    continue
                artifact = input_artifact(name, spec["value"], spec["path"], annotation)
                self.inputs.append((spec["value"], artifact.path))
                arguments[name] = artifact.path if kind == "InputPath" else artifact
            elif name in self.call["output_artifacts"]:
                self.passed.append(name)
                self.artifacts[name] = self._output_artifact(name, annotation)
                arguments[name] = self.artifacts[name].path if kind == "OutputPath" else self.artifacts[name]
            elif name in self.call["output_parameters"]:
                self.passed.append(name)
                os.makedirs(os.path.dirname(self._path_of(name)), exist_ok=True)
                arguments[name] = self._path_of(name)
            elif kind == "EmbeddedInput":
                # KFP's SDK writes files into the source, and code that unpacks them and sets these names.
                artifact = artifact_class(annotation, "")(name)
                assets = "__KFP_EMBEDDED_ASSET_{}".format
                artifact.custom_path = namespace.get(assets("FILE")) or namespace.get(assets("DIR"))
                arguments[name] = artifact
        return arguments

    def _returned(self, result: Any) -> Dict[str, Any]:
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
                    "it returned a plain tuple, but its annotation cannot be evaluated; return a dict with {}"
                )
                raise TaskError(message.format(", ".join(names)))
            result = dict(zip(self.order, result))
        if not isinstance(result, dict) or not set(names) <= set(result):
            message = "expected a named tuple with {}, got {}"
            raise TaskError(message.format(", ".join(names), display(result)))
        return {name: result[name] for name in names}

    def _keep_returned_artifact(self, name: str, value: Any) -> None:
        path = self._path_of(name)
        if value is None:
            raise TaskError("output '{}' is an artifact, but the function returned None".format(name))
        if isinstance(value, Artifact):
            self.artifacts[name] = value
            local = value.path if value.custom_path is not None or value.path == value.uri else ""
            if os.path.exists(local) or local.startswith(os.path.join(self.out, "")):
                value.custom_path = local
                value.uri = STORE + self.call["output_artifacts"][name]["key"]
        else:
            self.artifacts[name] = self._output_artifact(name, None)
            write_text(path, str(value))

    def write(self, result: Any) -> None:
        """Write the outputs: what the function returned, and what it wrote."""
        returned = self._returned(result)
        texts: Dict[str, str] = {}
        for name, kind in self.call["output_parameters"].items():
            if name in returned:
                value = output_parameter(name, returned[name], kind)
            elif os.path.exists(self._path_of(name)):
                value = output_parameter(name, value_from_file(name, self._path_of(name), kind), kind)
            else:
                value = None
            value = self._moved(value, self.call.get("workspace", WORKSPACE), WORKSPACE)
            texts[name] = self._within_limit(name, output_json(name, value), value)
        for name, spec in self.call["output_artifacts"].items():
            if name in returned:
                self._keep_returned_artifact(name, returned[name])
            elif name not in self.artifacts:
                continue
            artifact, path = self.artifacts[name], self._path_of(name)
            if artifact.custom_path not in (None, path) and os.path.exists(artifact.path):
                self._take(name, artifact.path, path)
            replace_links(name, path)
            texts[name] = output_json(name, artifact_value(name, artifact, spec, self._place_of(name)))
        for name, text in texts.items():
            write_text(os.path.join(self.out, "values", name), text)

    def _place_of(self, name: str) -> Dict[str, Any]:
        """Return where the bytes of an output artifact are; nothing where only its URI tells."""
        uri, spec, path = self.artifacts[name].uri, self.call["output_artifacts"][name], self._path_of(name)
        if os.path.exists(path):
            return written_place(path, spec, self.call.get("index", ""), uri)
        place = forwarded_place(uri, spec, self.inputs)
        for value, local in self.inputs:
            if place.get("key") and place["key"] == value.get("key"):
                write_text(os.path.join(self.out, "handed", name), local)
        return place

    def _take(self, name: str, source: str, target: str) -> None:
        """Make what lies elsewhere an output: moved from where outputs lie, copied from anywhere else."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.realpath(source).startswith(os.path.join(os.path.realpath(self.out), "")):
            os.replace(source, target)
        else:
            copy(name, source, target)

    def _within_limit(self, name: str, text: str, value: Any) -> str:
        data = text.encode("utf-8", "surrogatepass")
        if len(data) <= LARGEST_PARAMETER:
            return text
        write_text(os.path.join(self.out, "large", name), text)
        folder, index = self.call["large_key"], self.call.get("index", "")
        reference = {
            "length": len(value) if isinstance(value, (list, tuple, dict)) else 0,
            "key": folder + "/" + name,
            "digest": digest_of(data)[7:],
            "group": folder[: len(folder) - len(index)],
        }
        return inert({LARGE: reference})
