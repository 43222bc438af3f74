"""Regions of a pipeline: branches and loops, opened with ``with``."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlplat.dsl import channels, context, validation
from mlplat.dsl.channels import Channel, Comparable, Condition, LoopItem, Negated, channel_of
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import ArtifactType, ParameterType
from mlplat.ir.types import json_problem

if TYPE_CHECKING:
    from mlplat.dsl.task import PipelineTask


class Group:
    """A region: its tasks and regions in the order in which they were written."""

    prefix = "group"

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not validation.is_string(name):
            hint = "give a str that is known when the pipeline is written"
            message = f"its name is {validation.display(name)}, not a text"
            context.report(
                Diagnostic("MLP122", f"dsl.{type(self).__name__}", message, hint, context.caller())
            )
        self.title = name
        self.source = context.caller()
        self.name = ""
        self.parent: Group | None = None
        self.members: list[PipelineTask | Group] = []
        self.after_groups: list[PipelineTask | Group] = []

    def __enter__(self) -> Any:
        tracing = context.tracing(f"dsl.{type(self).__name__}")
        self.place(tracing)
        tracing.stack.append(self)
        return self

    def place(self, tracing: context.Tracing) -> None:
        """Take a name and a place in the region that is open."""
        self.name = tracing.region_name(self.prefix)
        self.parent = tracing.stack[-1]
        self.parent.members.append(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        context.tracing(f"dsl.{type(self).__name__}").stack.pop()


class Root(Group):
    """The pipeline's own region."""


class If(Group):
    """Tasks that run only if a condition holds.

    Args:
        condition: a comparison of a task's output, a pipeline's parameter or a loop's item with one another or with a
            constant; several joined by ``&``, ``|``, ``~``.
        name: how to show it.

    Raises:
        AuthoringError: the condition is no condition over values of the run (a Python bool, say).
    """

    prefix = "condition"

    def __init__(self, condition: Condition | Comparable | bool, name: str | None = None) -> None:
        super().__init__(name)
        self.own_condition = channels.condition(condition)

    @property
    def condition(self) -> Condition:
        """What must hold for the region to run."""
        return self.own_condition


class Branches(Group):
    """The branches of one choice; what :func:`OneOf` gives comes out of here."""

    prefix = "condition-branches"

    def __init__(self) -> None:
        super().__init__()
        self.choices: dict[str, tuple[Channel, ...]] = {}


class ExitHandler(Group):
    """Tasks after which another one runs, however they end.

    Args:
        exit_task: the task, or pipeline, that runs at the end; it must wait for no other task. A parameter of it that
            is annotated ``PipelineTaskFinalStatus`` tells how the tasks ended.
        name: how to show it.

    Raises:
        AuthoringError: the exit task is none, or waits for another one.
    """

    prefix = "exit-handler"

    def __init__(self, exit_task: PipelineTask, name: str | None = None) -> None:
        super().__init__(name)
        self.exit_task = exit_task
        if not hasattr(exit_task, "exit_of"):
            _refuse_exit(
                "",
                f"{validation.display(exit_task)} is no task",
                "call a component, and give what it returns",
            )
        if exit_task.dependent_tasks:
            first = exit_task.dependent_tasks[0]
            message = f"the exit task waits for '{first}', so it would not run when that fails"
            _refuse_exit(exit_task.name, message, "give it constants and the pipeline's parameters only")

    def place(self, tracing: context.Tracing) -> None:
        """Take a name and a place beside the exit task."""
        super().place(tracing)
        if self.exit_task.exit_of is not None:
            _refuse_exit(
                self.exit_task.name, "it is the exit task of two dsl.ExitHandler", "call it once for each"
            )
        if self.exit_task.group is not self.parent:
            _refuse_exit(
                self.exit_task.name,
                "the exit task stands in another region",
                "call it right before dsl.ExitHandler",
            )
        self.exit_task.exit_of = self


def _refuse_exit(path: str, message: str, hint: str) -> None:
    raise AuthoringError(Diagnostic("MLP119", path or "dsl.ExitHandler", message, hint, context.caller()))


class _Alternative(Group):
    prefix = "condition"

    def place(self, tracing: context.Tracing) -> None:
        members = tracing.stack[-1].members
        regions = [place for place, member in enumerate(members) if isinstance(member, Group)]
        branches = members[regions[-1]] if regions else None
        if isinstance(branches, If):
            wrapper = Branches()
            wrapper.name, branches.name = tracing.wrapped(branches.name, wrapper.prefix)
            wrapper.parent = branches.parent
            wrapper.members = [branches]
            members[regions[-1]] = wrapper
            branches.parent = wrapper
            branches = wrapper
        if not isinstance(branches, Branches) or isinstance(branches.members[-1], Else):
            raise AuthoringError(
                Diagnostic(
                    "MLP113",
                    f"dsl.{type(self).__name__}",
                    "it must follow a dsl.If or dsl.Elif of the same region",
                    "move it below the branch it belongs to; only tasks can stand between them",
                    context.caller(),
                )
            )
        self.before = [branch for branch in branches.members if isinstance(branch, (If, Elif))]
        self.name = tracing.region_name(self.prefix)
        self.parent = branches
        branches.members.append(self)

    def none_before(self) -> Condition:
        conditions = [Negated(branch.own_condition) for branch in self.before]
        joined: Condition = conditions[0]
        for condition in conditions[1:]:
            joined = joined & condition
        return joined


class Elif(_Alternative):
    """Tasks that run if no branch before did and a condition holds; arguments as for :class:`If`."""

    def __init__(self, condition: Condition | Comparable | bool, name: str | None = None) -> None:
        super().__init__(name)
        self.own_condition = channels.condition(condition)

    @property
    def condition(self) -> Condition:
        """What must hold for the region to run."""
        return self.none_before() & self.own_condition


class Else(_Alternative):
    """Tasks that run if no branch before did."""

    @property
    def condition(self) -> Condition:
        """What must hold for the region to run."""
        return self.none_before()


class ParallelFor(Group):
    """Tasks that run once for each item of a list.

    Args:
        items: a list, a pipeline's list parameter, a task's list output, or a list of artifacts. Of a dict item,
            ``item.key`` is a field.
        name: how to show it.
        parallelism: how many iterations run at once; all when None.

    Raises:
        AuthoringError: the items are no list, or an empty one.
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
            hint = "give a whole number; 0 or None run all iterations at once"
            _bad_loop(f"parallelism is {validation.display(parallelism)}", hint, "MLP124")
        if isinstance(over, Channel):
            is_item = isinstance(over.producer, ParallelFor) and not isinstance(over.type, ArtifactType)
            if not (over.is_list or over.type is ParameterType.LIST or is_item):
                _bad_loop(f"'{over.name}' is no list", "loop over a list, or declare the output -> list")

    def place(self, tracing: context.Tracing) -> None:
        """Take a name, a place, and a name for the item."""
        if isinstance(self.items, Channel):
            self.item_input = _unlike_outer(f"{channel_input(self.items)}-loop-item", tracing)
        else:
            self.item_input = f"pipelinechannel--loop-item-param-{tracing.number()}"
        super().place(tracing)

    def __enter__(self) -> LoopItem:
        super().__enter__()
        return LoopItem(Channel(self.item_input, self.item_type(), self))

    @property
    def is_over_artifacts(self) -> bool:
        """Whether the items are artifacts."""
        return isinstance(self.items, Channel) and isinstance(self.items.type, ArtifactType)

    def item_type(self) -> ParameterType | ArtifactType:
        """The type of the items as the list's declaration or first item tells; text when neither does."""
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


def channel_input(channel: Channel) -> str:
    """Name of the input through which a region gets a channel, as KFP writes it."""
    if isinstance(channel.producer, ParallelFor):
        name = "-subvar-".join((channel.name, *channel.selector))
    elif channel.producer is not None:
        name = f"pipelinechannel--{channel.producer.name}-{channel.name}"
    else:
        name = f"pipelinechannel--{channel.name}"
    return name


def _constant_items(items: Any) -> list[Any]:
    if isinstance(items, (str, bytes, dict)) or not isinstance(items, (list, tuple)):
        _bad_loop(f"{items!r} is no list", "give a list, a list parameter, or a task's list output")
    if not items:
        _bad_loop(
            "the list is empty", "a loop over nothing has no tasks: leave it out, or loop over a parameter"
        )
    if any(isinstance(item, Comparable) for item in items):
        hint = "make the list in a component, or give it to a pipeline that takes one and has the loop"
        _bad_loop("an item is a value of the run", hint)
    if problem := json_problem(items):
        hint = "give items of text, numbers, truth values, lists and dicts"
        _bad_loop(f"an item has no JSON form: {problem}", hint)
    return list(items)


def _unlike_outer(name: str, tracing: context.Tracing) -> str:
    """Keep items apart when a loop inside a loop goes over the same list."""
    around = {group.item_input for group in tracing.stack if isinstance(group, ParallelFor)}
    count, unique = 1, name
    while unique in around:
        count += 1
        unique = f"{name}-{count}"
    return unique


def _bad_loop(message: str, hint: str, code: str = "MLP114") -> None:
    raise AuthoringError(Diagnostic(code, "dsl.ParallelFor", message, hint, context.caller()))
