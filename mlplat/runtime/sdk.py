"""Runs a function with KFP's own SDK: by the command that the SDK wrote into the IR.

The text of this module stands in the source of a function that the runtime calls in the place of the user's, so it
uses the standard library only, for Python 3.8 or newer.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Dict, List

_MARK = "{{$}}"
_LARGEST_ARGUMENT = 128 * 1024 - 1


def run_command(command: List[str], given: Dict[str, Any], types: Dict[str, Dict[str, str]]) -> None:
    """Run a command that KFP's executor is behind, and take over what it says of the outputs.

    What the command installs goes into an environment that is thrown away; it finds what this Python has.

    Args:
        command: words, in which ``{{$}}`` stands for KFP's executor input.
        given: inputs and outputs by name: values, artifacts, lists of these, and for each output parameter the path of
            its file.
        types: the schema of each artifact by its name, under ``inputs`` and ``outputs``; ``files`` has the output
            parameters.

    Raises:
        SystemExit: the command failed, with its exit code; or the inputs are too large for a command line.
    """
    with tempfile.TemporaryDirectory(prefix="kfp-") as folder:
        answer = os.path.join(folder, "output.json")
        text = json.dumps(_executor_input(given, types, answer))
        if len(text.encode()) > _LARGEST_ARGUMENT:
            message = (
                "its inputs have {:,} bytes, but KFP's SDK reads them from one argument, which holds {:,}"
            )
            sys.exit(message.format(len(text.encode()), _LARGEST_ARGUMENT))
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([_environment(folder), os.environ.get("PATH", "")]),
        }
        code = subprocess.call([word.replace(_MARK, text) for word in command], env=environment)
        if code:
            sys.exit(code if code > 0 else 128 - code)
        if os.path.exists(answer):
            with open(answer, encoding="utf-8") as file:
                _take_over(json.load(file), given)


def _environment(folder: str) -> str:
    """Make an environment that sees the packages of this Python, and return the folder of its programs."""
    place = os.path.join(folder, "environment")
    subprocess.check_call([sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", place])
    library = os.path.join(place, "lib")
    site = next(entry.path for entry in os.scandir(library) if entry.name.startswith("python"))
    parents = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    with open(os.path.join(site, "site-packages", "parent.pth"), "w", encoding="utf-8") as file:
        file.write("\n".join(parents) + "\n")
    return os.path.join(place, "bin")


def _executor_input(given: Dict[str, Any], types: Dict[str, Dict[str, str]], answer: str) -> Dict[str, Any]:
    artifacts = {**types["inputs"], **types["outputs"]}
    parameters = {
        name: _plain(value)
        for name, value in given.items()
        if name not in artifacts and name not in types["files"] and value is not None
    }

    def described(kind: str) -> Dict[str, Any]:
        return {
            name: {"artifacts": _artifacts(name, given[name], title)}
            for name, title in types[kind].items()
            if given.get(name) is not None
        }

    return {
        "inputs": {"parameterValues": parameters, "artifacts": described("inputs")},
        "outputs": {
            "parameters": {name: {"outputFile": given[name]} for name in types["files"]},
            "artifacts": described("outputs"),
            "outputFile": answer,
        },
    }


def _artifacts(name: str, value: Any, title: str) -> List[Dict[str, Any]]:
    return [
        {
            "name": one.name or name,
            "uri": one.uri if one.custom_path is None else one.custom_path,
            "type": {"schemaTitle": title},
            "metadata": dict(one.metadata),
        }
        for one in (value if isinstance(value, list) else [value])
    ]


def _plain(value: Any) -> Any:
    """Return a value as KFP's backend passes it on: settings and states as dicts in its own names."""
    if type(value).__name__ == "PipelineTaskFinalStatus":
        return {
            "state": str(value.state),
            "pipelineJobResourceName": value.pipeline_job_resource_name,
            "pipelineTaskName": value.pipeline_task_name,
            "error": {"code": value.error_code, "message": value.error_message},
        }
    if type(value).__name__ == "TaskConfig":
        return {_camel(name): setting for name, setting in vars(value).items() if setting is not None}
    return value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _take_over(answer: Dict[str, Any], given: Dict[str, Any]) -> None:
    for name, value in answer.get("parameterValues", {}).items():
        with open(given[name], "w", encoding="utf-8", newline="") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
    for name, described in answer.get("artifacts", {}).items():
        (found,) = described["artifacts"]
        artifact = given[name]
        artifact.metadata = found.get("metadata", {})
        if found.get("custom_path"):
            artifact.custom_path = found["custom_path"]
        elif found["uri"] != artifact.path:
            artifact.uri = found["uri"]
