"""Replaces ``{{name}}`` and ``{{=expression}}`` as Argo's controller does.

Argo writes a template, task or step as JSON, replaces tags in that text, and reads the result back. So do these
functions: a value with a quote or a newline is escaped on its way in, and tags can be anywhere in the tree.

Tags that cannot be replaced stay, to be replaced later or to reach the task unchanged, unless the caller requires
that names resolve (:class:`Strictness`). An expression with an unknown variable stays; an expression whose
variables all exist and that fails is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import evaluator
from mlplat.argo.expressions.syntax import (
    Expression,
    ExpressionError,
    ExpressionRefusedError,
    ExpressionSyntaxError,
    identifiers,
    member_path,
    parse,
)
from mlplat.argo.expressions.syntax import children as parts_of
from mlplat.argo.expressions.variables import FUNCTIONS, expand

_LONGEST_EXCERPT = 80
"""Characters of an expression that a message shows."""

LATE = (
    "item",
    "retries",
    "lastRetry.exitCode",
    "lastRetry.status",
    "lastRetry.duration",
    "lastRetry.message",
    "workflow.status",
    "workflow.failures",
)
"""Variables that are bound after a template is first processed: expressions with one of them stay until then."""

ABSENT: Any = object()
"""Result of a lookup of an unknown variable; None is the output of a skipped task."""


class TemplatingError(ValueError):
    """A tag cannot be replaced."""


class UnresolvedError(TemplatingError):
    """A tag that must be replaced names a variable that does not exist."""


class Layer:
    """Variables by dotted name, of one origin.

    Args:
        variables: values by name; None marks the output of a skipped task without a default.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._tree: dict[str, Any] | None = None

    def get(self, name: str) -> Any:
        """Return the value of a variable, or :data:`ABSENT`."""
        return self._variables.get(name, ABSENT)

    def tree(self, expression: Expression) -> Mapping[str, Any]:
        """Return the variables as nested mappings, at least those that an expression names."""
        del expression
        if self._tree is None:
            self._tree = expand(self._variables)
        return self._tree

    def names(self) -> Iterable[str]:
        """Return the names of all variables."""
        return self._variables


class Scope:
    """The variables of tags at one place: layers, of which the last takes precedence.

    Args:
        layers: from the outermost to the innermost.
    """

    def __init__(self, *layers: Layer | Mapping[str, Any]) -> None:
        self.layers: tuple[Layer, ...] = tuple(
            layer if isinstance(layer, Layer) else Layer(layer) for layer in layers if not _is_empty(layer)
        )

    def child(self, *layers: Layer | Mapping[str, Any]) -> Scope:
        """Return a scope with more layers on top of this one's."""
        return Scope(*self.layers, *layers)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a variable.

        Args:
            name: its dotted name.
            default: returned if the variable does not exist.

        Returns:
            The value; None also for the output of a skipped task without a default.
        """
        for layer in reversed(self.layers):
            value = layer.get(name)
            if value is not ABSENT:
                return value
        return default

    def environment(self, expression: Expression) -> dict[str, Any]:
        """Return the variables for expressions, as nested mappings."""
        merged: dict[str, Any] = {}
        roots = root_names(expression)
        for layer in self.layers:
            tree = layer.tree(expression)
            for root in roots:
                if root in tree:
                    merged[root] = _merge(merged[root], tree[root]) if root in merged else tree[root]
        merged.update(FUNCTIONS)
        return merged


def _is_empty(layer: Layer | Mapping[str, Any]) -> bool:
    return not isinstance(layer, Layer) and not layer


def _merge(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return below if isinstance(below, Mapping) else above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merge(merged[key], value) if key in merged else value
    return merged


@lru_cache(maxsize=4096)
def root_names(expression: Expression) -> frozenset[str]:
    """Return the first parts of all names in an expression: ``tasks`` for ``tasks.a.status``."""
    return frozenset(name.split(".")[0] for name in _all_identifiers(expression))


def _all_identifiers(expression: Expression) -> list[str]:
    names: list[str] = []
    stack = [expression]
    while stack:
        node = stack.pop()
        path = member_path(node)
        if path is not None:
            names.append(path[0])
        stack.extend(parts_of(node))
    return names


def second_names(expression: Expression, root: str) -> frozenset[str] | None:
    """Return the second parts of the names below a root: ``a`` for ``tasks.a.status`` and the root ``tasks``.

    Args:
        expression: the tree.
        root: the first part.

    Returns:
        The names; None when the root itself is used as a value, so that it may need any of its members.
    """
    names: set[str] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        path = member_path(node)
        if path is not None and path[0] == root:
            if len(path) == 1:
                return None
            names.add(path[1])
            continue
        stack.extend(parts_of(node))
    return frozenset(names)


class Strictness:
    """Which tags must be replaced.

    Args:
        prefixes: first parts of names that must resolve, such as ``tasks``; None for all names.
        artifacts: whether ``….outputs.artifacts.…`` may stay even so: artifacts are resolved separately.
    """

    def __init__(self, prefixes: Iterable[str] | None, *, artifacts: bool = True) -> None:
        names = None if prefixes is None else tuple(prefixes)
        self._all = names is None
        self._pattern = re.compile(rf"(?:{'|'.join(map(re.escape, names))})(?:\.|$)") if names else None
        self.artifacts = artifacts
        self.never = names == ()

    def requires(self, name: str) -> bool:
        """Return whether a variable of this name must exist."""
        return self._all or (self._pattern is not None and self._pattern.match(name) is not None)


LENIENT = Strictness(())
"""Leave whatever cannot be replaced."""

DEPENDENCIES = Strictness(("tasks", "steps"))
"""References to other tasks must resolve; the rest may stay."""

EVERYTHING = Strictness(None, artifacts=False)
"""Every tag must resolve."""


def replace(tree: Any, scope: Scope, strictness: Strictness = LENIENT) -> Any:
    """Replace the tags in a tree of JSON values.

    Args:
        tree: string, list or mapping of a manifest; not changed.
        scope: what tags can name.
        strictness: which tags must be replaced.

    Returns:
        The tree with its tags replaced; the same object if it has none.

    Raises:
        UnresolvedError: a tag that must be replaced names an unknown variable.
        TemplatingError: a tag is never closed, an expression cannot be evaluated, or a value cannot be part of JSON.
    """
    return Template(tree).replace(scope, strictness)


class Template:
    """A tree whose tags are found once and replaced many times, as for the items of a loop.

    Args:
        tree: string, list or mapping of JSON values.

    Raises:
        TemplatingError: a tag is never closed.
    """

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        text = json.dumps(tree, ensure_ascii=False)
        self._texts, self._tags = _split(text) if "{{" in text else ([text], [])

    def replace(self, scope: Scope, strictness: Strictness = LENIENT) -> Any:
        """Replace the tags; see :func:`replace`."""
        if not self._tags:
            return self.tree
        parts = [self._texts[0]]
        for tag, text in zip(self._tags, self._texts[1:], strict=True):
            parts.append(_value_of(tag, scope, strictness))
            parts.append(text)
        replaced = "".join(parts)
        try:
            return json.loads(replaced)
        except ValueError:
            raise TemplatingError(
                "cannot finish template replacement because the result was invalid JSON"
            ) from None


def tags(tree: Any) -> list[str]:
    """Return the contents of all tags in a tree, in their order.

    Raises:
        TemplatingError: a tag is never closed.
    """
    text = json.dumps(tree, ensure_ascii=False)
    return [_unescape(tag) for tag in _split(text)[1]] if "{{" in text else []


def _unescape(tag: str) -> str:
    try:
        return str(json.loads(f'"{tag}"'))
    except ValueError:
        return tag


@lru_cache(maxsize=1024)
def _split_cached(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts: list[str] = []
    parts: list[str] = []
    position = 0
    while True:
        start = text.find("{{", position)
        if start < 0:
            texts.append(text[position:])
            return tuple(texts), tuple(parts)
        end = text.find("}}", start + 2)
        if end < 0:
            raise TemplatingError(
                f"Cannot find end tag='}}}}' in the template starting from '{text[start : start + 80]}'"
            )
        texts.append(text[position:start])
        parts.append(text[start + 2 : end])
        position = end + 2


def _split(text: str) -> tuple[tuple[str, ...] | list[str], tuple[str, ...] | list[str]]:
    return _split_cached(text)


def _value_of(tag: str, scope: Scope, strictness: Strictness) -> str:
    if tag.startswith("="):
        return _expression(tag[1:], scope, strictness)
    return _simple(tag, scope, strictness)


def _simple(tag: str, scope: Scope, strictness: Strictness) -> str:
    name = tag.strip()
    value = scope.get(name, ABSENT)
    if value is ABSENT:
        nested = tag.rfind("{{")
        if nested > 0:
            inner = scope.get(tag[nested + 2 :], ABSENT)
            if inner is None:
                raise TemplatingError(
                    f'unable to substitute nested tag {{{{{tag}}}}}: "{tag[nested + 2 :]}" is an absent optional'
                )
            if isinstance(inner, str):
                return "{{" + tag[:nested] + gotext.quote_inner(inner)
        if strictness.requires(name) and not (strictness.artifacts and ".outputs.artifacts." in name):
            raise UnresolvedError(f"failed to resolve {{{{{tag}}}}}")
        return "{{" + tag + "}}"
    if value is None:
        raise TemplatingError(
            f"unable to substitute {{{{{tag}}}}}: output is an absent optional (skipped/omitted node with no default)"
        )
    if not isinstance(value, str):
        raise TemplatingError(f"failed to resolve {{{{{tag}}}}} to string")
    return gotext.quote_inner(value)


def _excerpt(expression: str) -> str:
    return expression if len(expression) <= _LONGEST_EXCERPT else f"{expression[:_LONGEST_EXCERPT]}…"


def _expression(escaped: str, scope: Scope, strictness: Strictness) -> str:
    try:
        expression, tree, names = _read(escaped)
    except ExpressionSyntaxError as error:
        raise TemplatingError(f"failed to evaluate expression: {error}") from None
    left = "{{=" + escaped + "}}"
    environment = scope.environment(tree)
    missing = [name for name in names if not _present(environment, name)]
    for name in missing:
        if strictness.requires(name):
            raise UnresolvedError(f"failed to evaluate expression: {name} is missing")
    may_stay = bool(missing) or strictness.never
    if may_stay and any(name in LATE for name in missing):
        return left
    try:
        value = evaluator.evaluate(tree, environment)
    except ExpressionRefusedError as error:
        raise TemplatingError(f"failed to evaluate expression: {error}") from None
    except ExpressionError as error:
        if may_stay:
            return left
        raise TemplatingError(f"failed to evaluate expression: {error} in {_excerpt(expression)}") from None
    if value is None:
        if may_stay:
            return left
        raise TemplatingError(f'failed to evaluate expression "{expression}"')
    try:
        text = gotext.to_json(value)
    except ValueError as error:
        if may_stay:
            return left
        raise TemplatingError(f"failed to marshal evaluated expression: {error}") from None
    if len(text) > 1 and text[0] == '"' and text[-1] == '"':
        return text[1:-1]
    return gotext.quote_inner(text)


@lru_cache(maxsize=4096)
def _read(escaped: str) -> tuple[str, Expression, tuple[str, ...]]:
    try:
        expression = json.loads(f'"{escaped}"')
    except ValueError as error:
        raise ExpressionSyntaxError(f"failed to unmarshall JSON expression: {error}") from None
    tree = parse(expression)
    return expression, tree, identifiers(tree)


def _present(environment: Mapping[str, Any], name: str) -> bool:
    value: Any = environment
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def evaluate_in(scope: Scope, expression: str) -> Any:
    """Evaluate an expression of a field without tags, such as ``valueFrom.expression``.

    Args:
        scope: its variables.
        expression: its text.

    Returns:
        The value.

    Raises:
        ExpressionError: it cannot be read or evaluated.
    """
    tree = parse(expression)
    return evaluator.evaluate(tree, scope.environment(tree))


def evaluate_boolean_in(scope: Scope, expression: str) -> bool:
    """Evaluate an expression that must be a boolean, such as a hook's; see :func:`evaluate_in`.

    Raises:
        ExpressionError: it cannot be read or evaluated, or is not a boolean.
    """
    value = evaluate_in(scope, expression)
    if not isinstance(value, bool):
        raise ExpressionError(f"unable to cast expression result '{gotext.sprint(value)}' to bool")
    return value
