"""Checks the names in expressions that are written without braces, against the variables that Argo provides to each.

================================================  ====================================================
expression                                        sees
================================================  ====================================================
``valueFrom.expression``, ``fromExpression`` in   ``inputs`` and ``tasks``
the outputs of a DAG
the same in the outputs of steps                  ``inputs``, ``steps`` and ``workflow.outputs``
``fromExpression`` in an argument                 ``inputs``, ``tasks`` or ``steps``, ``workflow.outputs``
``retryStrategy.expression``                      ``retries`` and ``lastRetry``
``hooks.*.expression``                            all that a tag sees at that place
``workflowMetadata.labelsFrom.*.expression``      ``workflow``, but for its status and duration
================================================  ====================================================

Tags, and expressions in braces, are replaced before and see more: :mod:`mlplat.argo.references`. See ``scope.go`` and
``buildRetryStrategyLocalScope`` of Argo 4.0.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo.expressions import ExpressionSyntaxError, identifiers, parse
from mlplat.argo.structure import kind_of
from mlplat.errors import Diagnostic
from mlplat.ir.argo_template import steps_of

_ROOTS = frozenset(
    ("inputs", "item", "lastRetry", "node", "outputs", "pod", "retries", "steps", "tasks", "workflow")
)
"""First parts of Argo's variables."""

_MEMBERS = {"dag": "tasks", "steps": "steps"}
_TAG = re.compile(r"{{.*?}}", re.DOTALL)
Template = Mapping[str, Any]


def unseen(template: Template, path: str) -> Iterator[Diagnostic]:
    """Find expressions with names that Argo doesn't provide there, and retries without a limit.

    Args:
        template: a template.
        path: its place.

    Yields:
        What is wrong.
    """
    kind = kind_of(template)
    root = _MEMBERS.get(kind, "")
    if root:
        yield from _outputs(
            template.get("outputs") or {}, f"{path}.outputs", ("inputs", root), kind == "steps"
        )
        for place, call in _calls(template, kind, path):
            for artifact in (call.get("arguments") or {}).get("artifacts") or ():
                if artifact.get("fromExpression"):
                    inner = f"{place}.arguments.artifacts.{artifact.get('name', '')}.fromExpression"
                    yield from _unseen(artifact["fromExpression"], inner, ("inputs", root), shared=True)
    strategy = template.get("retryStrategy")
    if strategy is not None:
        yield from _retries(strategy, f"{path}.retryStrategy")


def _outputs(
    outputs: Mapping[str, Any], path: str, visible: tuple[str, ...], shared: bool
) -> Iterator[Diagnostic]:
    for parameter in outputs.get("parameters") or ():
        expression = (parameter.get("valueFrom") or {}).get("expression")
        if expression:
            place = f"{path}.parameters.{parameter.get('name', '')}.valueFrom.expression"
            yield from _unseen(expression, place, visible, shared=shared)
    for artifact in outputs.get("artifacts") or ():
        if artifact.get("fromExpression"):
            place = f"{path}.artifacts.{artifact.get('name', '')}.fromExpression"
            yield from _unseen(artifact["fromExpression"], place, visible, shared=shared)


def _calls(template: Template, kind: str, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if kind == "dag":
        for task in template["dag"].get("tasks") or ():
            yield f"{path}.dag.tasks.{task.get('name', '')}", task
        return
    for number, group in enumerate(steps_of(template)):
        for step in group:
            yield f"{path}.steps[{number}].{step.get('name', '')}", step


def _retries(strategy: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    if strategy.get("expression"):
        yield from _unseen(strategy["expression"], f"{path}.expression", ("retries", "lastRetry"))
    elif strategy.get("limit") is None and not (strategy.get("backoff") or {}).get("maxDuration"):
        message = "the task is retried until it succeeds, without a limit"
        yield Diagnostic("MLP540", path, message, "set a limit, such as limit: 3", severity="warning")
    if strategy.get("backoff") and strategy.get("limit") is None:
        message = "Argo ignores backoff without a limit"
        yield Diagnostic(
            "MLP540", f"{path}.backoff", message, "set a limit, such as limit: 3", severity="warning"
        )


def _unseen(
    expression: Any, path: str, visible: tuple[str, ...], *, shared: bool = False
) -> Iterator[Diagnostic]:
    """Yield the unknown names in an expression; ``shared`` lets it see ``workflow.outputs`` too.

    An expression with tags is not checked, because its syntax is known only at run time.
    """
    without_tags = _TAG.sub("tag", str(expression))
    try:
        names = identifiers(parse(without_tags))
    except ExpressionSyntaxError as error:
        if without_tags != str(expression):
            return
        hint = "see https://expr-lang.org/docs/language-definition"
        yield Diagnostic("MLP515", path, f"invalid expression: {error}", hint)
        return
    for name in names:
        root, _, rest = name.partition(".")
        # Of a name before ``??`` only the first part is told.
        is_shared = shared and root == "workflow" and (not rest or rest.split(".")[0] == "outputs")
        if root not in _ROOTS or root in visible or is_shared:
            continue
        known = " and ".join(f"'{one}'" for one in visible)
        message = f"'{name}' is not available in this expression; available: {known}"
        hint = (
            "pass it to the template as an input parameter, and use inputs.parameters.NAME"
            if "inputs" in visible
            else f"write it in braces: '{{{{{name}}}}}'"
        )
        yield Diagnostic("MLP539", path, message, hint)
        return
