"""The state of a workflow while it is executed: its variables, nodes and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlplat.argo.status import Node
from mlplat.argo.structure import kind_of
from mlplat.argo.templating import Scope
from mlplat.engine.asking import Ask
from mlplat.engine.calls import Boundary, Call
from mlplat.engine.documents import Documents
from mlplat.engine.failures import TemplateFailedError
from mlplat.engine.nodes import NodeTree, unsuccessful
from mlplat.engine.pods import PodRunner
from mlplat.engine.results import output_variables
from mlplat.engine.shutdown import Shutdown
from mlplat.engine.slots import Slots
from mlplat.engine.templates import Library
from mlplat.engine.variables import Globals

_DISPLAY_NAME = "workflows.argoproj.io/display-name"
_GROUPS_AND_PODS = ("Pod", "Steps", "DAG")


class Execution:
    """One workflow while it is executed.

    Args:
        documents: the workflow and the documents that it refers to.
        tree: its nodes.
        variables: its global variables.
        pods: runs its tasks.
        slots: limits how many of them run at once.
        ask: asks a person whether a suspended workflow may continue; None if that is not possible.

    Attributes:
        workflow: the Workflow.
        spec: its spec.
        library: its templates.
        scope: its global variables, as templates see them.
        shutdown: its shutdown.
        outputs: outputs with a ``globalName``, by ``parameters`` and ``artifacts``.
        warnings: where Argo would behave differently.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        tree: NodeTree,
        variables: Globals,
        pods: PodRunner,
        slots: Slots,
        ask: Ask | None,
    ) -> None:
        self.documents = documents
        self.workflow = documents.workflow
        self.spec: Mapping[str, Any] = documents.workflow["spec"]
        self.tree = tree
        self.globals = variables
        self.scope = Scope(variables)
        self.library = Library(tree.workflow, self.spec, documents.specs)
        self.shutdown = Shutdown(tree)
        self.pods = pods
        self.slots = slots
        self.ask = ask
        self.outputs: dict[str, list[dict[str, Any]]] = {}
        self.warnings: list[str] = []
        self._watched: dict[str, Callable[[Node], None]] = {}

    def create(
        self, call: Call, kind: str, phase: str, template: Mapping[str, Any], message: str = ""
    ) -> Node:
        """Create the node of a call.

        Args:
            call: the call.
            kind: type of the node.
            phase: its first phase.
            template: the template, filled.
            message: the reason of the phase.
        """
        is_attempt = bool((call.flag or {}).get("retried"))
        node = self.tree.create(
            call.name,
            kind,
            phase,
            holder=call.holder,
            scope=call.context.scope,
            boundary=call.boundary.id if call.boundary else "",
            flag=call.flag,
            message=message,
            inputs={key: value for key, value in (template.get("inputs") or {}).items() if value},
            display_name="" if is_attempt else display_name(template),
        )
        memoize = template.get("memoize")
        if memoize:
            name = memoize["cache"]["configMap"]["name"]
            node["memoizationStatus"] = {"hit": False, "key": memoize["key"], "cacheName": name}
        return node

    def fail(self, call: Call, message: str) -> TemplateFailedError:
        """Mark the node of a call as an error, and return the exception to raise; a missing node is created."""
        node = self.tree.named(call.name)
        if node is not None:
            self.tree.mark(node, "Error", message)
        else:
            self.create(call, "Skipped", "Error", {}, message)
        return TemplateFailedError(message)

    def fails_fast(self, boundary: Boundary | None) -> bool:
        """Whether nothing more may start in a DAG or steps node: its template says ``failFast``, and something failed.

        Attempts count too; see ``checkParallelism`` and ``getUnsuccessfulChildrenCounter`` of Argo 4.0.7.
        """
        return (
            boundary is not None
            and bool(boundary.template.get("failFast"))
            and any(
                node.get("boundaryID") == boundary.id
                and node["type"] in _GROUPS_AND_PODS
                and unsuccessful(node)
                for node in self.tree.nodes.values()
            )
        )

    def retry_strategy(self, template: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the retry strategy of a template, or that of the workflow."""
        own = template.get("retryStrategy")
        return self.spec.get("retryStrategy") if own is None else own

    def warn_endless(self, node: str, why: str) -> None:
        """Record that Argo would wait for a node forever, where this engine ends the run.

        Args:
            node: the node's name.
            why: why Argo never finishes it.
        """
        self.warnings.append(f"on a cluster the Workflow never finishes: it waits for '{node}': {why}")

    def watch(self, name: str, begun: Callable[[Node], None]) -> None:
        """Call a function with the node of a name as soon as it runs."""
        self._watched[name] = begun

    def unwatch(self, name: str) -> None:
        """Undo :meth:`watch`."""
        self._watched.pop(name, None)

    def began(self, node: Node) -> None:
        """Call the function that watches a node, because it runs now."""
        if node["name"] in self._watched:
            self._watched[node["name"]](node)

    def publish(self, node: Node) -> None:
        """Make outputs of a node that have a ``globalName`` outputs of the workflow."""
        outputs = node.get("outputs") or {}
        for kind in ("parameters", "artifacts"):
            for one in outputs.get(kind) or ():
                if one.get("globalName"):
                    self._publish_one(kind, one)

    def _publish_one(self, kind: str, output: Mapping[str, Any]) -> None:
        dropped = ("globalName", "path", "valueFrom") if kind == "parameters" else ("globalName", "path")
        shared = {key: value for key, value in output.items() if key not in dropped}
        shared["name"] = output["globalName"]
        known = self.outputs.setdefault(kind, [])
        position = next((at for at, one in enumerate(known) if one["name"] == shared["name"]), None)
        if position is None:
            known.append(shared)
        else:
            known[position] = shared
        if kind == "parameters" and "value" in shared:
            self.globals.set(f"workflow.outputs.parameters.{shared['name']}", shared["value"])

    def workflow_outputs(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the variables ``workflow.outputs.…``: parameters, and artifacts."""
        return output_variables(self.outputs, "workflow")


def display_name(template: Mapping[str, Any]) -> str:
    """Return the display name that a template's annotations give its nodes, or an empty string.

    Argo does not rename the node of a suspend template.
    """
    annotations = {} if kind_of(template) == "suspend" else template.get("annotations") or {}
    return str(annotations.get(_DISPLAY_NAME, ""))
