"""The variables of tags and expressions in a DAG or steps template.

See ``buildLocalScope`` and ``resolveArtifact`` of Argo 4.0.7.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import ExpressionError, expand, identifiers, parse
from mlplat.argo.expressions.syntax import Expression
from mlplat.argo.templating import (
    ABSENT,
    LENIENT,
    Layer,
    Scope,
    TemplatingError,
    evaluate_in,
    replace,
    second_names,
)

ABSENT_ARGUMENT = "__argo__internal__absent-optional-argument"
"""Stands for an argument that refers to an output which a skipped task didn't make and that has no default."""


class UnresolvedArtifactError(LookupError):
    """There is no artifact of a name; the message starts with Argo's "Unable to resolve"."""


class LocalScope:
    """The variables in one DAG or steps template: parameters and artifacts.

    Args:
        shared: the variables of the workflow.
        own: those of the template: its inputs, tasks and steps.
        artifacts: looks an artifact up by its dotted name.
    """

    def __init__(
        self, shared: Scope, own: Scope, artifacts: Callable[[str], Mapping[str, Any] | None]
    ) -> None:
        self._shared = shared
        self.own = own
        self.parameters = shared.child(*own.layers)
        self._artifact = artifacts

    def child(
        self, *layers: Layer | Mapping[str, Any], artifacts: Mapping[str, Any] | None = None
    ) -> LocalScope:
        """Return a scope with more variables."""
        found = artifacts or {}
        return LocalScope(
            self._shared,
            self.own.child(*layers),
            lambda name: found[name] if name in found else self._artifact(name),
        )

    def evaluate(self, expression: str) -> Any:
        """Evaluate ``valueFrom.expression`` or ``fromExpression``, without the variables of the workflow.

        Args:
            expression: its text.

        Raises:
            ExpressionError: it cannot be read or evaluated.
        """
        return evaluate_in(self.own.child(_ArtifactLayer(self._artifact)), expression)

    def value(self, reference: str) -> Any:
        """Return the value that ``valueFrom.parameter`` refers to.

        Args:
            reference: such as ``{{tasks.train.outputs.parameters.loss}}``.

        Returns:
            The value; None for an output of a skipped task that has no default.

        Raises:
            LookupError: the name is unknown.
            ExpressionError: the expression in it cannot be evaluated.
        """
        name = _name_in(reference)
        if name.startswith("="):
            _refuse_names(name[1:])
            return self.evaluate(name[1:])
        value = self.own.get(name, ABSENT)
        if value is ABSENT:
            raise LookupError(f'Unable to resolve: "{name}"')
        return value

    def mark_absent(self, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return arguments in which pure references to absent outputs are marked, so that defaults apply."""
        marked = dict(arguments or {})
        if marked.get("parameters"):
            marked["parameters"] = [
                {**one, "value": ABSENT_ARGUMENT} if self._is_absent(one.get("value")) else one
                for one in marked["parameters"]
            ]
        return marked

    def _is_absent(self, value: Any) -> bool:
        if not (isinstance(value, str) and value.startswith("{{") and value.endswith("}}")):
            return False
        name = value[2:-2].strip()
        return "{{" not in name and "}}" not in name and self.parameters.get(name, ABSENT) is None

    def artifact(self, reference: Mapping[str, Any]) -> dict[str, Any]:
        """Return the artifact of ``from`` or ``fromExpression``.

        Args:
            reference: an argument or output artifact with one of them, and perhaps ``subPath``.

        Returns:
            The artifact under the reference's name.

        Raises:
            UnresolvedArtifactError: there is no such artifact.
            LookupError: the reference is not to an artifact, or the artifact has no key to append ``subPath`` to.
            ExpressionError: the expression cannot be evaluated.
        """
        if reference.get("fromExpression"):
            value = self.evaluate(reference["fromExpression"])
            if not isinstance(value, Mapping):
                raise LookupError(f"fromExpression of {reference['name']!r} is not an artifact")
        else:
            name = _name_in(reference["from"])
            if name.startswith("="):
                _refuse_names(name[1:])
            value = self._artifact(name)
            if value is None:
                raise UnresolvedArtifactError(f'Unable to resolve: "{name}"')
        if reference.get("subPath"):
            value = _below(dict(value), str(replace(reference["subPath"], self.own, LENIENT)))
        return {**value, "name": reference["name"]}


def _name_in(tag: str) -> str:
    return tag.strip().removeprefix("{{").removesuffix("}}").strip()


def _refuse_names(expression: str) -> None:
    """Refuse an expression in ``from`` or ``valueFrom.parameter`` that names something.

    Argo gives it the variables by their dotted names, of which none is an identifier, and no functions; see
    ``ResolveVar`` in Argo 4.0.7's ``util/template/resolve_var.go``.
    """
    if identifiers(parse(expression)):
        raise ExpressionError(f"Unable to compile: {gotext.to_json(expression)}")


class _ArtifactLayer(Layer):
    """Artifacts as an expression names them: ``tasks.a.outputs.artifacts.b``."""

    def __init__(self, lookup: Callable[[str], Mapping[str, Any] | None]) -> None:
        super().__init__({})
        self._lookup = lookup

    def get(self, name: str) -> Any:
        """Return an artifact by its dotted name."""
        found = self._lookup(name)
        return ABSENT if found is None else found

    def tree(self, expression: Expression) -> Mapping[str, Any]:
        """Return the artifacts that an expression names, nested."""
        found = {name: self._lookup(name) for name in identifiers(expression) if ".artifacts." in name}
        return expand({name: artifact for name, artifact in found.items() if artifact is not None})


def _below(artifact: dict[str, Any], path: str) -> dict[str, Any]:
    for kind, location in artifact.items():
        if isinstance(location, Mapping) and location.get("key"):
            return {**artifact, kind: {**location, "key": posixpath.join(location["key"], path)}}
    if artifact.get("optional"):
        return artifact
    raise LookupError(
        f"Unable to resolve: artifact {artifact.get('name')!r} has no key to append {path!r} to"
    )


def input_variables(template: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the variables ``inputs.…`` of a template whose arguments were set: parameters, and artifacts."""
    inputs = template.get("inputs") or {}
    parameters = {
        f"inputs.parameters.{one['name']}": one.get("value", "") for one in inputs.get("parameters") or ()
    }
    artifacts = {f"inputs.artifacts.{one['name']}": one for one in inputs.get("artifacts") or ()}
    return parameters, artifacts


class TaskLayer(Layer):
    """The variables ``tasks.…`` that one task of a DAG can name: those of the tasks before it.

    Args:
        results: returns the variables of a task; called only when a task is named.
        visible: the tasks that can be named.
    """

    def __init__(
        self, results: Callable[[str], Mapping[str, Any]], visible: Callable[[], Iterable[str]]
    ) -> None:
        super().__init__({})
        self._results = results
        self._visible = visible

    def get(self, name: str) -> Any:
        """Return the value of ``tasks.<task>.…``."""
        if not name.startswith("tasks."):
            return ABSENT
        task = name.split(".", 2)[1]
        return self._results(task).get(name, ABSENT) if task in self._visible() else ABSENT

    def tree(self, expression: Expression) -> Mapping[str, Any]:
        """Return the variables of the tasks that an expression names, nested."""
        named = second_names(expression, "tasks")
        visible = self._visible()
        variables: dict[str, Any] = {}
        for task in visible if named is None else [one for one in named if one in visible]:
            variables.update(self._results(task))
        return expand(variables)


def found_artifact(scope: LocalScope, argument: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the artifact that an argument of a step or hook refers to.

    Args:
        scope: what it can name.
        argument: has ``from`` or ``fromExpression``.

    Returns:
        The artifact; None for a missing optional one.

    Raises:
        TemplatingError: it cannot be found.
    """
    try:
        return scope.artifact(argument)
    except (LookupError, ExpressionError, TemplatingError) as error:
        if argument.get("optional"):
            return None
        raise TemplatingError(f"unable to resolve references: {error}") from None
