"""Small Workflows for tests, and ways to look at what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.unit.waiting import until


def shell(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A template that runs a shell script."""
    return {"name": name, "container": {"image": "none", "command": ["sh", "-c"], "args": [script]}, **fields}


def passes(**values: str) -> dict[str, Any]:
    """Arguments with these parameters."""
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}


def takes(*names: str) -> dict[str, Any]:
    """Inputs with these parameters."""
    return {"parameters": [{"name": name} for name in names]}


def gives(**paths: str) -> dict[str, Any]:
    """Outputs with parameters from these files."""
    return {"parameters": [{"name": name, "valueFrom": {"path": path}} for name, path in paths.items()]}


def workflow(*templates: Mapping[str, Any], name: str = "wf", **spec: Any) -> dict[str, Any]:
    """A Workflow that starts with the first of some templates."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": templates[0]["name"], "templates": list(templates), **spec},
    }


def dag(*tasks: Mapping[str, Any], name: str = "main", **fields: Any) -> dict[str, Any]:
    """A DAG template."""
    return {"name": name, "dag": {"tasks": list(tasks)}, **fields}


def task(name: str, template: str, depends: str = "", **fields: Any) -> dict[str, Any]:
    """A task of a DAG."""
    return {"name": name, "template": template, **({"depends": depends} if depends else {}), **fields}


def phases(finished: Mapping[str, Any]) -> dict[str, str]:
    """Phases by name of the node."""
    return {node["name"]: node["phase"] for node in finished["status"]["nodes"].values()}


def node(finished: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The node of a name."""
    nodes: dict[str, dict[str, Any]] = {one["name"]: one for one in finished["status"]["nodes"].values()}
    return nodes[name]


def value(finished: Mapping[str, Any], name: str, parameter: str) -> str:
    """The value of an output parameter of a node."""
    values = {one["name"]: str(one["value"]) for one in node(finished, name)["outputs"]["parameters"]}
    return values[parameter]


_MEETING = """
cd {folder}
mark=$(mktemp running.XXXXXX)
for _ in $(seq 3000); do
  set -- running.*
  [ $# -lt {together} ] || touch met
  [ ! -e met ] || break
  sleep 0.02
done
sleep 0.2
set -- running.*
echo $# >> seen
rm "$mark"
"""


def meeting(folder: Path, together: int) -> str:
    """Return a script that waits until it runs so many times at once, and notes how often it does."""
    return _MEETING.format(folder=folder, together=together)


def most(folder: Path) -> int:
    """Return how many of a script of :func:`meeting` ran at once."""
    return max(map(int, (folder / "seen").read_text().split()))


def ends(process: int) -> bool:
    """Whether a process that was killed ends: the kernel takes a moment."""
    until(lambda: not is_alive(process))
    return True


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
