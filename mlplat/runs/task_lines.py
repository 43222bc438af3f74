"""Writes a line of text when a task of a run starts, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator

from mlplat.argo.status import FAILED, FULFILLED, WAITING, AnyNode, Templates, fused, is_attempt, is_hook
from mlplat.escaping import escaped_line
from mlplat.runs import trees
from mlplat.runs.pending import is_new
from mlplat.runs.tasks import path
from mlplat.runs.tree_lines import CANNOT_START, described, waits_for_lock

_FINAL = FULFILLED - {"Omitted"}
_TASKS = ("Pod", "Retry", "Suspend", "Skipped")
_LONGEST_REASON = 200


class TaskLines:
    """Makes lines of the changes of a run's nodes, with the path of the task in the run.

    Of a task that retries, each attempt has a line when it starts, and when it fails with the reason.

    Args:
        run: name of the run.
        templates: what its tasks declare.
    """

    def __init__(self, run: str, templates: Templates) -> None:
        self._run, self._templates = run, templates
        self._phases: dict[str, str] = {}
        self._reasons: dict[str, list[str]] = {}
        self._hooks: set[str] = set()

    def of(self, node: AnyNode) -> Iterator[str]:
        """Yield what is new about a node that changed."""
        if is_hook(node):
            self._hooks.add(node["id"])
        yield from self._why_not(node)
        phase, waits = node.get("phase", ""), waits_for_lock(node)
        is_shown = waits or node.get("type") in _TASKS
        if not is_shown or phase == self._phases.get(node["id"]) or trees.stands_for_nothing(node):
            return
        self._phases[node["id"]] = phase
        if phase == "Running":
            if node["type"] != "Retry":  # its attempts say so
                yield f"▶ {self._path(node)}"
        elif waits:
            yield self._described(node)
        elif phase in _FINAL and not (phase == "Succeeded" and is_attempt(node)):
            attempts = len(set(node.get("children") or ()) - self._hooks) if node["type"] == "Retry" else 0
            for one in fused.expanded({node["id"]: node}).values():
                yield self._described(one, attempts)

    def _path(self, node: AnyNode) -> str:
        return escaped_line(path(self._run, node["name"]))

    def _described(self, node: AnyNode, attempts: int = 0) -> str:
        named: AnyNode = {**node, "displayName": self._path(node)}
        written = described(named, attempts, trees.outputs(node, self._templates))
        failed = node["type"] == "Pod" and node.get("phase") in FAILED
        why = escaped_line(str(node.get("message") or "")) if failed else ""
        return f"{written}  {why[:_LONGEST_REASON]}".rstrip()

    def _why_not(self, node: AnyNode) -> Iterator[str]:
        """Yield why a task cannot start, each reason once."""
        said = self._reasons.setdefault(node["id"], [])
        new: list[str] = []
        for sentence in node.get(WAITING, ()):
            if is_new(sentence, said):
                said.append(sentence)
                new.append(sentence)
        if new:
            yield f"… {self._path(node)}  {CANNOT_START}"
            yield from (f"  {escaped_line(sentence)}" for sentence in new)
