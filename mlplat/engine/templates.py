"""Finds the template that a task or step names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.argo.structure import KINDS, kind_of

_RESULT = re.compile(r"""(?:tasks|steps)(?:\.([\w-]+)|\[\\?['"]([\w-]+)\\?['"]\])\.outputs\.result""")


class TemplateMissingError(LookupError):
    """There is no template of that name."""


LOOPED_INLINE = "failed to get a template"
"""Argo's message after a loop over an inline template, which it looks up by the name of a node."""


def node_type(template: Mapping[str, Any]) -> str:
    """Return the type of the node of a template."""
    return "Retry" if template.get("retryStrategy") is not None else KINDS.get(kind_of(template), "Skipped")


class Library:
    """All templates of a run.

    Args:
        workflow: the Workflow's name.
        spec: the Workflow's spec.
        specs: specs of WorkflowTemplates by scope, such as ``namespaced/shared``.
    """

    def __init__(
        self, workflow: str, spec: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._defaults = spec.get("templateDefaults") or {}
        # Argo gives a Workflow that runs a WorkflowTemplate a spec that has no name.
        home = "local/" if spec.get("workflowTemplateRef") else f"local/{workflow}"
        own = {home: spec, **specs}
        self._by_scope = {
            scope: {one.get("name", ""): one for one in each.get("templates") or ()}
            for scope, each in own.items()
        }
        self._pod_metadata = {scope: each.get("podMetadata") or {} for scope, each in own.items()}
        self._captured: dict[tuple[str, str], frozenset[str]] = {}
        self.root = Context(self, home)

    def has(self, scope: str) -> bool:
        """Return whether there is a WorkflowTemplate of a scope."""
        return scope in self._by_scope

    def template(self, scope: str, name: str) -> dict[str, Any]:
        """Return a template, the workflow's defaults and the pod metadata of its resource applied.

        Raises:
            TemplateMissingError: it does not exist; the message is Argo's.
        """
        template = self._by_scope.get(scope, {}).get(name)
        if template is None:
            raise TemplateMissingError(f"template {name} not found")
        if metadata := self._pod_metadata[scope]:
            added = {key: value for key, value in metadata.items() if key in ("labels", "annotations")}
            template = {**template, "metadata": _merge(added, template.get("metadata") or {})}
        return self.with_defaults(template)

    def captured(self, scope: str, template: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the tasks or steps in a template whose ``outputs.result`` is used."""
        key = (scope, template.get("name", ""))
        if not key[1] or key not in self._captured:
            found = _RESULT.findall(json.dumps(template))
            self._captured[key] = frozenset(plain or quoted for plain, quoted in found)
        return self._captured[key]

    def with_defaults(self, template: Mapping[str, Any]) -> dict[str, Any]:
        """Return a template with the workflow's ``templateDefaults`` applied."""
        if not self._defaults:
            return dict(template)
        kind = kind_of(template)
        applicable = {key: value for key, value in self._defaults.items() if key not in KINDS or key == kind}
        merged: dict[str, Any] = _merge(applicable, template)
        return merged


def _merge(base: Any, above: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(above, Mapping):
        merged = dict(base)
        for key, value in above.items():
            merged[key] = _merge(merged[key], value) if key in merged else value
        return merged
    return above


@dataclass(frozen=True, slots=True)
class Context:
    """Where template names are looked up: the Workflow, or a WorkflowTemplate.

    Attributes:
        library: all templates.
        scope: as ``templateScope`` has it, such as ``local/my-workflow``.
    """

    library: Library
    scope: str

    def resolve(self, holder: Mapping[str, Any]) -> tuple[Context, dict[str, Any]]:
        """Return the template that a task or step calls.

        Args:
            holder: the task or step: has ``template``, ``templateRef`` or ``inline``.

        Returns:
            The context of the template, and the template.

        Raises:
            TemplateMissingError: there is no such template.
        """
        if holder.get("inline"):
            return self, self.library.with_defaults(holder["inline"])
        reference = holder.get("templateRef")
        if not reference:
            return self, self.library.template(self.scope, holder.get("template", ""))
        resource = reference.get("name", "")
        scope = f"{'cluster' if reference.get('clusterScope') else 'namespaced'}/{resource}"
        if not self.library.has(scope):
            raise TemplateMissingError(f"workflow template {resource} not found")
        try:
            template = self.library.template(scope, reference.get("template", ""))
        except TemplateMissingError as error:
            raise TemplateMissingError(f"{error} in workflow template {resource}") from None
        return Context(self.library, scope), template

    def captured(self, template: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the tasks or steps in a template whose ``outputs.result`` is used."""
        return self.library.captured(self.scope, template)
