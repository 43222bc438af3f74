"""What the tags of a template can name, and what is wrong with one that names nothing.

What an expression (``{{=…}}``) names is left alone, and so are names of roots that are not Argo's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlplat.argo.expressions import ExpressionSyntaxError, parse
from mlplat.argo.templating import TemplatingError, tags
from mlplat.errors import Diagnostic, nearest

_WORKFLOW = (
    "annotations",
    "creationTimestamp",
    "cronScheduleTime",
    "duration",
    "failures",
    "labels",
    "mainEntrypoint",
    "name",
    "namespace",
    "outputs",
    "parameters",
    "priority",
    "scheduledTime",
    "serviceAccountName",
    "status",
    "uid",
)
_OF_TASKS = ("tasks", "steps")
_ONE = {"parameters": "parameter", "artifacts": "artifact"}

Declared = Mapping[str, frozenset[str]]
"""Names of parameters and of artifacts, under ``parameters`` and ``artifacts``."""


def declared(*owners: Mapping[str, Any]) -> Declared:
    """Return the names under some ``inputs``, ``outputs`` or ``arguments``."""
    return {
        kind: frozenset(one["name"] for owner in owners for one in owner.get(kind) or ()) for kind in _ONE
    }


@dataclass(frozen=True, slots=True)
class Member:
    """A task or step that tags can name.

    Attributes:
        template: what the template that it calls is called.
        outputs: what that template gives; None when it can't be known.
    """

    template: str
    outputs: Declared | None


@dataclass(frozen=True, slots=True)
class Visible:
    """What tags can name at one place.

    Attributes:
        workflow: names of the workflow's parameters; None when they can't be known.
        globals: outputs that have a ``globalName``; None when they can't be known.
        inputs: of the template; None outside of templates.
        roots: ``tasks`` in a DAG, ``steps`` in steps, none elsewhere.
        members: the tasks or steps of the template.
        over: those of them that are over when the place is reached; None for all.
        to_wait: what to write so that another is over too; ``{}`` stands for its name.
    """

    workflow: frozenset[str] | None
    globals: Declared | None
    inputs: Declared | None = None
    roots: frozenset[str] = frozenset()
    members: Mapping[str, Member] = field(default_factory=dict)
    over: frozenset[str] | None = None
    to_wait: str = ""

    def problem(self, tag: str) -> Diagnostic | None:
        """Return what is wrong with a tag, without its place; None when nothing is known to be."""
        name = tag.strip()
        if name.startswith("="):
            return unreadable(name[1:])
        root, *rest = name.split(".")
        if "{{" in name or not rest:
            return None
        if root == "inputs" and self.inputs is not None:
            return self._of(rest, self.inputs, tag, "the template has no input")
        if root == "workflow":
            return self._of_workflow(rest, tag)
        if root in _OF_TASKS and len(rest) > 1 and self.inputs is not None:
            return self._of_member(root, rest, tag)
        return None

    def _of(self, rest: list[str], known: Declared | None, tag: str, there_is_no: str) -> Diagnostic | None:
        if known is None or len(rest) < 2 or rest[0] not in _ONE or rest[1] in known[rest[0]]:
            return None
        return _nothing(
            tag, f"{there_is_no} {_ONE[rest[0]]} '{rest[1]}'", nearest(rest[1], sorted(known[rest[0]]))
        )

    def _of_workflow(self, rest: list[str], tag: str) -> Diagnostic | None:
        if rest[0] not in _WORKFLOW:
            return _nothing(tag, f"there is no 'workflow.{rest[0]}'", nearest(rest[0], _WORKFLOW))
        if rest[0] == "outputs":
            return self._of(rest[1:], self.globals, tag, "no template gives, as globalName, an output")
        known = None if self.workflow is None else {"parameters": self.workflow}
        if rest[0] != "parameters" or rest[1:] == ["json"]:
            return None
        return self._of(rest, known, tag, "the Workflow has no")

    def _of_member(self, root: str, rest: list[str], tag: str) -> Diagnostic | None:
        one, kind = ("task", "dag") if root == "tasks" else ("step", "steps")
        if root not in self.roots:
            hint = "give it to the template as an input, and read {{inputs.…}}"
            return _nothing(tag, f"{root} are known in a {kind} template only", hint)
        member = self.members.get(rest[0])
        if member is None:
            return _nothing(tag, f"there is no {one} '{rest[0]}'", nearest(rest[0], sorted(self.members)))
        if self.over is not None and rest[0] not in self.over:
            return _nothing(
                tag, f"the {one} '{rest[0]}' need not be over by then", self.to_wait.format(rest[0])
            )
        if rest[1] != "outputs":
            return None
        return self._of(rest[2:], member.outputs, tag, f"the template '{member.template}' has no output")


def _nothing(tag: str, why: str, hint: str) -> Diagnostic:
    return Diagnostic("MLP518", "", f"{{{{{tag}}}}} has no value: {why}", hint)


def unreadable(expression: str) -> Diagnostic | None:
    """Return what is wrong with how an expression is written, without its place; None when nothing is."""
    try:
        parse(expression)
    except ExpressionSyntaxError as error:
        hint = "see https://expr-lang.org/docs/language-definition"
        return Diagnostic("MLP515", "", f"an expression can't be read: {error}", hint)
    return None


def place_of(item: Any, number: int, path: str) -> str:
    """Return the place of an item of a list: by its name where it has one."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return f"{path}.{name}" if isinstance(name, str) else f"{path}[{number}]"


def texts(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the texts of a tree, each with its place."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for number, item in enumerate(tree):
            yield from texts(item, place_of(item, number, path))


def wrong_tags(tree: Any, path: str, visible: Visible) -> Iterator[Diagnostic]:
    """Look at the tags of a tree.

    Args:
        tree: a part of a manifest.
        path: its place.
        visible: what its tags can name.

    Yields:
        What is wrong, with its place.
    """
    for place, text in texts(tree, path):
        if "{{" not in text:
            continue
        try:
            found = tags(text)
        except TemplatingError as error:
            yield Diagnostic("MLP514", place, str(error), "close the tag with }}")
            continue
        for tag in dict.fromkeys(found):
            if wrong := visible.problem(tag):
                yield replace(wrong, path=place)
