"""The kinds of templates: which this engine executes, and by which handler.

To add a kind, write a module with its handler and its check, and add a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlplat.engine.claims import check_resource, execute_resource
from mlplat.engine.dag import check_dag, execute_dag
from mlplat.engine.handler import Kind
from mlplat.engine.steps import check_steps, execute_steps
from mlplat.engine.suspend import check_suspend, execute_suspend
from mlplat.engine.tasks import check_container, execute_task

KINDS: Mapping[str, Kind] = {
    "container": Kind(execute_task, check_container),
    "dag": Kind(execute_dag, check_dag),
    "resource": Kind(execute_resource, check_resource),
    "script": Kind(execute_task, check_container),
    "steps": Kind(execute_steps, check_steps),
    "suspend": Kind(execute_suspend, check_suspend, is_limited=False),
}
"""What executes a template, by the field that says what the template does."""

UNSUPPORTED: Mapping[str, str] = {
    "containerSet": "it is several containers that share files",
    "data": "it needs Argo's artifact drivers",
    "http": "it needs Argo's agent",
    "plugin": "it needs Argo's executor plugins",
}
"""Why this engine does not execute the other kinds."""
