"""The kinds of templates, each with its handler and its check.

To support a kind, write a module with its handler and its check, and change its row.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlplat.engine.claims import check_resource, execute_resource
from mlplat.engine.dag import check_dag, execute_dag
from mlplat.engine.handler import Kind, unsupported
from mlplat.engine.steps import check_steps, execute_steps
from mlplat.engine.suspend import check_suspend, execute_suspend
from mlplat.engine.tasks import check_container, execute_task

KINDS: Mapping[str, Kind] = {
    "container": Kind(execute_task, check_container),
    "containerSet": unsupported("it is several containers that share files"),
    "dag": Kind(execute_dag, check_dag),
    "data": unsupported("it needs Argo's artifact drivers"),
    "http": unsupported("it needs Argo's agent"),
    "plugin": unsupported("it needs Argo's executor plugins"),
    "resource": Kind(execute_resource, check_resource),
    "script": Kind(execute_task, check_container),
    "steps": Kind(execute_steps, check_steps),
    "suspend": Kind(execute_suspend, check_suspend, is_limited=False),
}
"""All kinds, by the field of the template that names the kind."""
