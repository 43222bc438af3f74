"""Groups of a pipeline: branches, loops and exit handlers, opened with ``with``."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NoReturn

from mlplat.dsl import channels, context, validation
from mlplat.dsl.channels import Channel, Comparable, Condition, Item, LoopItem, Negated, channel_of
from mlplat.dsl.nodes import Group
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic, Source
from mlplat.ir.model import ArtifactType, ParameterType
from mlplat.ir.types import json_problem


class Block(Group):
    """A group that a ``with`` statement fills."""

    prefix = "group"

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not validation.is_string(name):
            hint = "use a string constant"
            message = f"expected a string as its name, got {validation.display(name)}"
            context.report(
                Diagnostic("MLP122", f"dsl.{type(self).__name__}", message, hint, context.caller())
            )
        super().__init__(source=context.caller(), title=name)

    def __enter__(self) -> Any:
        tracing = context.tracing(f"dsl.{type(self).__name__}")
        self.place(tracing)
        tracing.stack.append(self)
        return self

    def place(self, tracing: context.Tracing) -> None:
        """Choose a name, and add the group to the open group."""
        self.name = tracing.group_name(self.prefix)
        tracing.group.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        context.tracing(f"dsl.{type(self).__name__}").stack.pop()


class Branch(Block):
    """Tasks that run only if a condition holds."""

    prefix = "condition"

    @property
    def condition(self) -> Condition:
        """The condition of its tasks."""
        raise NotImplementedError


class If(Branch):
    """Tasks that run only if a condition holds.

    Args:
        condition: a comparison of a task's output, a pipeline's parameter or a loop's item with one another or with a
            constant; several joined by ``&``, ``|``, ``~``.
        name: name to display.

    Raises:
        AuthoringError: the condition is not on runtime values (it is a Python bool, say).
    """

    def __init__(self, condition: Condition | Comparable | bool, name: str | None = None) -> None:
        super().__init__(name)
        self.own_condition = channels.condition(condition)

    @property
    def condition(self) -> Condition:
        """The condition of its tasks."""
        return self.own_condition


class Branches(Group):
    """A ``dsl.If`` with its ``dsl.Elif`` and ``dsl.Else``; it has the outputs that :func:`OneOf` returns."""

    prefix = "condition-branches"

    def __init__(self, source: Source | None) -> None:
        super().__init__(source=source)
        self.choices: dict[str, tuple[Channel, ...]] = {}


class ExitHandler(Block):
    """Tasks followed by an exit task, which runs whether they succeed or fail.

    Args:
        exit_task: the task, or pipeline, that runs at the end; it must not depend on other tasks. Its parameter that
            is annotated ``PipelineTaskFinalStatus`` gets the status of the tasks.
        name: name to display.

    Raises:
        AuthoringError: the exit task is not a task, or depends on another one.
    """

    prefix = "exit-handler"

    def __init__(self, exit_task: PipelineTask, name: str | None = None) -> None:
        super().__init__(name)
        self.exit_task = _task(exit_task)
        if exit_task.dependent_tasks:
            first = exit_task.dependent_tasks[0]
            message = f"the exit task depends on '{first}', so it would not run when that fails"
            _refuse_exit(exit_task.name, message, "pass it only constants and pipeline parameters")

    def place(self, tracing: context.Tracing) -> None:
        """Choose a name, and add the group to the group of the exit task."""
        super().place(tracing)
        if self.exit_task.exit_of is not None:
            _refuse_exit(
                self.exit_task.name,
                "it is the exit task of two dsl.ExitHandler",
                "call the component once for each",
            )
        if self.exit_task.parent is not self.parent:
            _refuse_exit(
                self.exit_task.name,
                "the exit task is in another group",
                "call it right before dsl.ExitHandler",
            )
        self.exit_task.exit_of = self


def _task(value: Any) -> PipelineTask:
    if not isinstance(value, PipelineTask):
        message = f"{validation.display(value)} is not a task"
        _refuse_exit("", message, "call a component, and pass the task that it returns")
    return value


def _refuse_exit(path: str, message: str, hint: str) -> NoReturn:
    raise AuthoringError(Diagnostic("MLP119", path or "dsl.ExitHandler", message, hint, context.caller()))


class _Alternative(Branch):
    def place(self, tracing: context.Tracing) -> None:
        around = tracing.group
        groups = [place for place, member in enumerate(around.members) if isinstance(member, Group)]
        branches = around.members[groups[-1]] if groups else None
        if isinstance(branches, If):
            wrapper = Branches(context.caller())
            wrapper.name, branches.name = tracing.wrapped(branches.name, wrapper.prefix)
            wrapper.parent = around
            around.members[groups[-1]] = wrapper
            wrapper.add(branches)
            branches = wrapper
        if not isinstance(branches, Branches) or isinstance(branches.members[-1], Else):
            raise AuthoringError(
                Diagnostic(
                    "MLP113",
                    f"dsl.{type(self).__name__}",
                    "it must follow a dsl.If or dsl.Elif of the same group",
                    "move it below the branch it belongs to; only tasks can be between them",
                    context.caller(),
                )
            )
        self.before = [branch for branch in branches.members if isinstance(branch, (If, Elif))]
        self.name = tracing.group_name(self.prefix)
        branches.add(self)

    def none_before(self) -> Condition:
        conditions = [Negated(branch.own_condition) for branch in self.before]
        joined: Condition = conditions[0]
        for condition in conditions[1:]:
            joined = joined & condition
        return joined


class Elif(_Alternative):
    """Tasks that run if no earlier branch ran and a condition holds; arguments as for :class:`If`."""

    def __init__(self, condition: Condition | Comparable | bool, name: str | None = None) -> None:
        super().__init__(name)
        self.own_condition = channels.condition(condition)

    @property
    def condition(self) -> Condition:
        """The condition of its tasks."""
        return self.none_before() & self.own_condition


class Else(_Alternative):
    """Tasks that run if no earlier branch ran."""

    @property
    def condition(self) -> Condition:
        """The condition of its tasks."""
        return self.none_before()


class ParallelFor(Block):
    """Tasks that run once for each item of a list.

    Args:
        items: a list, a pipeline's list parameter, a task's list output, or a list of artifacts. Of a dict item,
            ``item.key`` is a field.
        name: name to display.
        parallelism: how many iterations run at once; all when None.

    Raises:
        AuthoringError: the items are not a list, or the list is empty.
    """

    prefix = "for-loop"

    def __init__(
        self, items: Sequence[Any] | Comparable, name: str | None = None, parallelism: int | None = None
    ) -> None:
        super().__init__(name)
        over = channel_of(items)
        self.items: Channel | list[Any] = over if isinstance(over, Channel) else _constant_items(over)
        self.parallelism = parallelism or 0
        self.item_input = ""
        if parallelism is not None and (type(parallelism) is not int or parallelism < 0):
            hint = "use an integer; 0 or None runs all iterations at once"
            _bad_loop(f"parallelism {validation.display(parallelism)} is not valid", hint, "MLP124")
        if isinstance(over, Channel):
            is_item = isinstance(over, Item) and not isinstance(over.type, ArtifactType)
            if not (over.is_list or over.type is ParameterType.LIST or is_item):
                _bad_loop(f"'{over.name}' is not a list", "loop over a list, or declare the output -> list")

    def place(self, tracing: context.Tracing) -> None:
        """Choose names for the loop and its item, and add the loop to the open group."""
        if isinstance(self.items, Channel):
            self.item_input = _unlike_outer(f"{self.items.input_name}-loop-item", tracing)
        else:
            self.item_input = f"pipelinechannel--loop-item-param-{tracing.number()}"
        super().place(tracing)

    def __enter__(self) -> LoopItem:
        super().__enter__()
        constants = None if isinstance(self.items, Channel) else self.items
        return LoopItem(Item(self.item_input, self.item_type(), self, constants))

    @property
    def is_over_artifacts(self) -> bool:
        """Whether the items are artifacts."""
        return isinstance(self.items, Channel) and isinstance(self.items.type, ArtifactType)

    def item_type(self) -> ParameterType | ArtifactType:
        """Return the type of the items: as the list declares it, else of the first item, else string."""
        if isinstance(self.items, Channel):
            if isinstance(self.items.type, ArtifactType):
                return self.items.type
            return self.items.item_type or ParameterType.STRING
        first = self.items[0]
        for kind, parameter_type in (
            (bool, ParameterType.BOOLEAN),
            (int, ParameterType.NUMBER_INTEGER),
            (float, ParameterType.NUMBER_DOUBLE),
            (dict, ParameterType.STRUCT),
            (list, ParameterType.LIST),
        ):
            if isinstance(first, kind):
                return parameter_type
        return ParameterType.STRING


def _constant_items(items: Any) -> list[Any]:
    if isinstance(items, (str, bytes, dict)) or not isinstance(items, (list, tuple)):
        _bad_loop(f"{items!r} is not a list", "pass a list, a list parameter, or a task's list output")
    if not items:
        _bad_loop("the list is empty", "remove the loop, or loop over a parameter")
    if any(isinstance(item, Comparable) for item in items):
        hint = "build the list in a component, or move the loop into a pipeline with a list parameter"
        _bad_loop("an item is a runtime value", hint)
    if problem := json_problem(items):
        hint = "use strings, numbers, booleans, lists and dicts"
        _bad_loop(f"an item cannot be written as JSON: {problem}", hint)
    return list(items)


def _unlike_outer(name: str, tracing: context.Tracing) -> str:
    """Rename the item if an outer loop has the same list."""
    around = {group.item_input for group in tracing.stack if isinstance(group, ParallelFor)}
    count, unique = 1, name
    while unique in around:
        count += 1
        unique = f"{name}-{count}"
    return unique


def _bad_loop(message: str, hint: str, code: str = "MLP114") -> None:
    raise AuthoringError(Diagnostic(code, "dsl.ParallelFor", message, hint, context.caller()))
