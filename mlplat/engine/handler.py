"""Defines what a kind of template consists of: a handler, which executes it, and a check of what is not supported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from mlplat.argo.status import Node
from mlplat.argo.structure import kind_of
from mlplat.engine.calls import Call, Execute
from mlplat.engine.execution import Execution
from mlplat.engine.templates import Context
from mlplat.errors import Diagnostic


class Handler(Protocol):
    """Executes templates of one kind."""

    def __call__(
        self,
        execution: Execution,
        execute: Execute,
        call: Call,
        context: Context,
        template: Mapping[str, Any],
        /,
    ) -> Awaitable[Node]:
        """Execute a template until its dependents may continue.

        Args:
            execution: the workflow.
            execute: executes a call of another template.
            call: the call of this template.
            context: where names in the template are looked up.
            template: the template, filled.

        Returns:
            The node, which has ended, or is ready and still runs, with ``daemoned`` set.

        Raises:
            TemplateFailedError: the template cannot be executed; its node says why.
        """


class Inspection(Protocol):
    """An inspection of a workflow before it runs.

    Attributes:
        interactive: whether a person can be asked.
        images: whether commands run in images.
    """

    interactive: bool
    images: bool

    def holder(self, path: str, holder: Mapping[str, Any], context: Context) -> Iterator[Diagnostic]:
        """Inspect the templates that a DAG task or step names, and those of its hooks."""


Check = Callable[[Inspection, str, Mapping[str, Any], Context], Iterator[Diagnostic]]
"""Yields unsupported parts of a template; takes the inspection, the path, the template, and its context."""


def accept(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Accept every template."""
    del inspection, path, template, context
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of template.

    Attributes:
        execute: executes a template.
        check: finds what is not supported.
        is_limited: whether ``parallelism`` of the calling template counts its nodes.
    """

    execute: Handler
    check: Check = accept
    is_limited: bool = True


def refusal(path: str, message: str, hint: str) -> Diagnostic:
    """Return the diagnostic for something that this engine does not support."""
    return Diagnostic("MLP501", path, message, hint)


ON_A_CLUSTER = "run it on a cluster: mlplat run --engine argo"
"""Hint for what only a cluster supports."""


def unsupported(reason: str) -> Kind:
    """Return a kind whose templates run only on a cluster.

    Args:
        reason: why this engine cannot execute them.
    """
    message = f"not supported on this machine: {reason}"

    def check(
        inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
    ) -> Iterator[Diagnostic]:
        del inspection, context
        kind = kind_of(template)
        yield refusal(f"{path}.{kind}", f"{kind} templates are {message}", ON_A_CLUSTER)

    async def execute(
        execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
    ) -> NoReturn:
        del execute, context
        raise execution.fail(call, f"Template '{template.get('name', '')}' is {message}")

    return Kind(execute, check)
