"""The variables of the tasks of a DAG: inputs of the DAG, and results of the tasks before them.

See ``buildLocalScopeFromTask`` of Argo 4.0.7's ``workflow/controller/dag.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from mlplat.argo.status import Node, is_hook
from mlplat.argo.templating import Scope
from mlplat.engine.dag_graph import TaskGraph
from mlplat.engine.execution import Execution
from mlplat.engine.groups import called_template
from mlplat.engine.results import aggregate, node_variables, skipped_variables
from mlplat.engine.scope import LocalScope, TaskLayer, input_variables
from mlplat.engine.templates import Context


class DagScope:
    """The variables and artifacts in one DAG; those of a task are determined once, after it has ended.

    Args:
        execution: the workflow.
        graph: the DAG's tasks.
        context: where the tasks' templates are looked up.
        node: the DAG's node.
        template: the DAG's template, filled.
    """

    def __init__(
        self,
        execution: Execution,
        graph: TaskGraph,
        context: Context,
        node: Node,
        template: Mapping[str, Any],
    ) -> None:
        self._execution = execution
        self._graph = graph
        self._context = context
        self._node = node
        self._inputs = input_variables(template)
        self._items: dict[str, list[str]] = {}
        self._results: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def before(self, task: str) -> LocalScope:
        """Return the variables of a task."""
        return self._scope(lambda: self._graph.before(task), self._execution.workflow_outputs())

    def whole(self) -> LocalScope:
        """Return the variables of the outputs of the DAG."""
        return self._scope(lambda: self._graph.tasks, ({}, {}))

    def add_loop(self, task: str, items: list[str]) -> None:
        """Add the names of a loop's tasks, in the order of its items."""
        self._items[task] = items

    def results(self, task: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the variables and the artifacts of a task that has ended.

        Raises:
            GoJSONError: an item of a loop has a result that is not JSON.
        """
        if task not in self._results:
            node = self._task_node(task)
            self._results[task] = ({}, {}) if node is None else self._determine(task, node)
        return self._results[task]

    def _task_node(self, task: str) -> Node | None:
        return self._execution.tree.named(f"{self._node['name']}.{task}")

    def _determine(self, task: str, node: Node) -> tuple[dict[str, Any], dict[str, Any]]:
        prefix = f"tasks.{task}"
        variables: dict[str, Any] = {}
        if node["type"] == "TaskGroup":
            variables.update(aggregate(self._children(task, node), prefix))
        own, artifacts = node_variables(self._execution.tree.last_attempt(node), prefix)
        variables.update(own)
        if node.get("outputs") is None and node["phase"] in ("Skipped", "Omitted"):
            template = called_template(self._context, self._graph.tasks[task])
            variables.update(skipped_variables(template, prefix))
        return variables, artifacts

    def _children(self, task: str, group: Node) -> list[Node]:
        tree = self._execution.tree
        if items := self._items.get(task):
            return tree.existing(tree.id(f"{self._node['name']}.{item}") for item in items)
        return [one for one in tree.existing(group.get("children", ())) if not is_hook(one)]

    def _scope(
        self, visible: Callable[[], Collection[str]], shared: tuple[dict[str, Any], dict[str, Any]]
    ) -> LocalScope:
        parameters, artifacts = self._inputs
        shared_parameters, shared_artifacts = shared

        def artifact(name: str) -> Mapping[str, Any] | None:
            if name.startswith("tasks."):
                task = name.split(".", 2)[1]
                return self.results(task)[1].get(name) if task in visible() else None
            return artifacts.get(name) or shared_artifacts.get(name)

        tasks = TaskLayer(lambda task: self.results(task)[0], visible)
        return LocalScope(self._execution.scope, Scope(parameters, shared_parameters, tasks), artifact)
