"""The variables that the tags of a template can use, and the errors of tags without a value.

Names in expressions (``{{=…}}``), and names whose first part is not Argo's, are not checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlplat.argo.expressions import ExpressionSyntaxError, parse
from mlplat.argo.places import texts
from mlplat.argo.templating import TemplatingError, tags
from mlplat.errors import Diagnostic, nearest

_WORKFLOW = (
    "annotations",
    "creationTimestamp",
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
_ROOTS = (*_OF_TASKS, "inputs", "item", "pod", "workflow")
_ONE = {"parameters": "parameter", "artifacts": "artifact"}
_ALWAYS = ("id", "startedAt", "finishedAt", "hostNodeName", "status")
_OF_MEMBERS = (*_ALWAYS, "exitCode", "ip", "outputs")

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
        template: name of the template that it calls.
        outputs: outputs of that template; None if they are not known.
        has_result: whether it has ``outputs.result`` and ``exitCode``.
        is_daemon: whether it has an ``ip``.
        is_loop: whether it also has its outputs as one list, ``outputs.parameters``.
    """

    template: str
    outputs: Declared | None
    has_result: bool = True
    is_daemon: bool = False
    is_loop: bool = False


@dataclass(frozen=True, slots=True)
class OfWorkflow:
    """The variables of a workflow; None for those that are not known.

    Attributes:
        parameters: names of its parameters.
        outputs: outputs of its templates that have a ``globalName``.
        metadata: keys of its ``labels`` and ``annotations``.
        absent: variables of workflows that this one does not have.
    """

    parameters: frozenset[str] | None
    outputs: Declared | None
    metadata: Mapping[str, frozenset[str]] | None = None
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Visible:
    """The variables that tags can use in one place (``resolveAllVariables`` of Argo's validation).

    Attributes:
        workflow: the variables of the workflow.
        inputs: of the template; None outside of templates.
        is_pod: whether the place is in a template that makes a pod; None outside of templates.
        items: fields of a loop's items; None when they cannot be known.
        roots: ``tasks`` in a DAG, ``steps`` in steps, otherwise empty.
        members: the tasks or steps of the template.
        over: members that have ended when the place is reached; None for all.
        to_wait: hint on how to wait for another member; ``{}`` is replaced by its name.
        own: the task or step of a hook that runs at the same time, so its outputs are not available.
    """

    workflow: OfWorkflow
    inputs: Declared | None = None
    is_pod: bool | None = None
    items: frozenset[str] | None = None
    roots: frozenset[str] = frozenset()
    members: Mapping[str, Member] = field(default_factory=dict)
    over: Collection[str] | None = None
    to_wait: str = ""
    own: str = ""

    def problem(self, tag: str) -> Diagnostic | None:
        """Return the error of a tag, without its path; None if no error is known."""
        name = tag.strip()
        if name.startswith("="):
            return unreadable(name[1:])
        root, *rest = name.split(".")
        if "{{" in name or not rest or root not in _ROOTS:
            return None
        if root == "workflow":
            return self._of_workflow(rest, tag)
        if root == "item":
            return self._of_item(".".join(rest), tag)
        if self.inputs is None:
            return None
        if root == "inputs":
            return self._of_inputs(rest, tag)
        if root == "pod":
            return self._of_pod(rest, tag)
        return self._of_member(root, rest, tag)

    def _of(
        self, rest: list[str], declared: Declared | None, tag: str, there_is_no: str
    ) -> Diagnostic | None:
        if declared is None:
            return None
        if rest[0] not in _ONE or len(rest) < 2:
            return _nothing(tag, "the output has no name", "write outputs.parameters.NAME")
        name = ".".join(rest[1:])
        if name in declared[rest[0]]:
            return None
        return _nothing(
            tag, f"{there_is_no} {_ONE[rest[0]]} '{name}'", nearest(name, sorted(declared[rest[0]]))
        )

    def _of_inputs(self, rest: list[str], tag: str) -> Diagnostic | None:
        if rest == ["parameters"]:
            return None
        if rest[0] not in _ONE or len(rest) < 2:
            return _nothing(tag, "the input has no name", "write inputs.parameters.NAME")
        named = rest[:-1] if rest[0] == "artifacts" and len(rest) > 2 and rest[-1] == "path" else rest
        return self._of(named, self.inputs, tag, "the template has no input")

    def _of_pod(self, rest: list[str], tag: str) -> Diagnostic | None:
        if rest != ["name"]:
            return _nothing(tag, f"there is no 'pod.{'.'.join(rest)}'", "only pod.name is available")
        if self.is_pod is False:
            return _nothing(tag, "the template has no pod", "use it in the template that the task calls")
        return None

    def _of_item(self, name: str, tag: str) -> Diagnostic | None:
        if self.items is None or name in self.items:
            return None
        if not self.items:
            return _nothing(
                tag, "the items of the loop have no fields", "loop over mappings with withItems or withParam"
            )
        return _nothing(tag, f"the items have no field '{name}'", nearest(name, sorted(self.items)))

    def _of_workflow(self, rest: list[str], tag: str) -> Diagnostic | None:
        workflow = self.workflow
        first, after = rest[0], rest[1:]
        if first not in _WORKFLOW:
            return _nothing(tag, f"there is no 'workflow.{first}'", nearest(first, _WORKFLOW))
        if first in workflow.absent:
            return _nothing(tag, f"the Workflow has no {first}", _SET[first])
        if first == "outputs":
            return self._of(after, workflow.outputs, tag, "no template has, as a globalName, the output")
        if first in ("labels", "annotations") and after not in ([], ["json"]):
            key = ".".join(after)
            if workflow.metadata is None or key in workflow.metadata[first]:
                return None
            hint = nearest(key, sorted(workflow.metadata[first])) or "set it in spec.workflowMetadata"
            return _nothing(tag, f"the Workflow has no {first[:-1]} '{key}'", hint)
        if first != "parameters" or workflow.parameters is None:
            return None
        if after in ([], ["json"]):
            hint = "declare parameters in spec.arguments.parameters"
            return None if workflow.parameters else _nothing(tag, "the Workflow has no parameters", hint)
        return self._of(rest, {"parameters": workflow.parameters}, tag, "the Workflow has no")

    def _of_member(self, root: str, rest: list[str], tag: str) -> Diagnostic | None:
        noun, kind = ("task", "dag") if root == "tasks" else ("step", "steps")
        if rest[0] == "name":
            return None
        if root not in self.roots:
            hint = "pass it to the template as an input, and use {{inputs.…}}"
            return _nothing(tag, f"{root} are available only in a {kind} template", hint)
        member = self.members.get(rest[0])
        if member is None:
            return _nothing(tag, f"there is no {noun} '{rest[0]}'", nearest(rest[0], sorted(self.members)))
        if rest[0] == self.own and rest[1:] != ["status"]:
            hint = "use it in a later step, or in the hook 'exit'"
            return _nothing(tag, f"the hook runs at the same time as the {noun}", hint)
        if self.over is not None and rest[0] not in self.over:
            return _nothing(
                tag, f"the {noun} '{rest[0]}' may not have finished by then", self.to_wait.format(rest[0])
            )
        return _of_one(member, rest[1:], tag, noun)


_SET = {
    "priority": "set spec.priority",
    "failures": "use them in the template of spec.onExit, and not in one that the entrypoint calls",
}


def _of_one(member: Member, rest: list[str], tag: str, noun: str) -> Diagnostic | None:
    """Check what follows the name of a task or step in a tag."""
    if not rest or rest[0] not in _OF_MEMBERS:
        unknown = rest[0] if rest else ""
        message = f"a {noun} has no '{unknown}'" if unknown else f"no field of the {noun} is named"
        return _nothing(tag, message, nearest(unknown, _OF_MEMBERS))
    if rest[0] in _ALWAYS or member.outputs is None:
        return None
    if rest == ["ip"]:
        hint = "set daemon: true in its template"
        return None if member.is_daemon else _nothing(tag, f"'{member.template}' is not a daemon", hint)
    if rest in (["exitCode"], ["outputs", "result"]):
        message, hint = f"the template '{member.template}' has no result", "declare an output parameter"
        return None if member.has_result else _nothing(tag, message, hint)
    if rest == ["outputs", "parameters"] and member.is_loop:
        return None
    if rest[0] != "outputs" or len(rest) < 3 or rest[1] not in _ONE:
        return _nothing(tag, "the output has no name", "write outputs.parameters.NAME")
    name, known = ".".join(rest[2:]), member.outputs[rest[1]]
    if name in known:
        return None
    message = f"the template '{member.template}' has no output {_ONE[rest[1]]} '{name}'"
    return _nothing(tag, message, nearest(name, sorted(known)))


def _nothing(tag: str, why: str, hint: str) -> Diagnostic:
    return Diagnostic("MLP518", "", f"{{{{{tag}}}}} has no value: {why}", hint)


def unreadable(expression: str) -> Diagnostic | None:
    """Return the syntax error of an expression, without its path, or None."""
    try:
        parse(expression)
    except ExpressionSyntaxError as error:
        hint = "see https://expr-lang.org/docs/language-definition"
        return Diagnostic("MLP515", "", f"invalid expression: {error}", hint)
    return None


def wrong_tags(tree: Any, path: str, visible: Visible) -> Iterator[Diagnostic]:
    """Check the tags of a tree.

    Args:
        tree: a part of a manifest.
        path: its place.
        visible: what its tags can name.

    Yields:
        Errors, with their paths.
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
