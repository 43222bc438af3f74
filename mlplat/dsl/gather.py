"""Outputs of groups: the list of a loop's outputs, the output of the branch that ran."""

from __future__ import annotations

from typing import Any, NoReturn

from mlplat.dsl import context
from mlplat.dsl.channels import Channel, channel_of
from mlplat.dsl.groups import Branch, Branches, Else, If, ParallelFor
from mlplat.dsl.nodes import Group
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import ArtifactType, ParameterType

_ELSE = "add a dsl.Else with a task that produces the value, and pass its output to dsl.OneOf too"


def Collected(output: Any) -> Channel:  # noqa: N802 - KFP's name
    """Collect an output of a task in a loop over all iterations.

    Args:
        output: the task's output; in nested loops the result is a list of lists. An output of a task in a branch
            outside of loops can be collected for the pipeline to return, as in KFP; it stays a single value.

    Returns:
        A list in the order of the items, without those iterations in which the task did not run. Of artifacts, it is
        one list, for ``Input[List[Model]]``.

    Raises:
        AuthoringError: it is not an output of a task in a ``dsl.ParallelFor`` or in a branch.
    """
    channel = _output(output, "dsl.Collected")
    if not any(isinstance(group, (ParallelFor, Branch)) for group in _around(channel)):
        message = f"'{channel.name}' of '{channel.producer_name}' is not in a dsl.ParallelFor"
        _refuse("dsl.Collected", message, "use it without dsl.Collected")
    is_artifact = isinstance(channel.type, ArtifactType)
    return Channel(
        channel.name,
        channel.type if is_artifact else ParameterType.LIST,
        channel.producer,
        is_artifact,
        item_type=channel.type if isinstance(channel.type, ParameterType) else None,
        is_collected=True,
    )


def OneOf(*channels: Any) -> Channel:  # noqa: N802 - KFP's name
    """Return the output of the branch that runs.

    Args:
        channels: one output of a task in each branch of a ``dsl.If``, ``dsl.Elif``, ``dsl.Else``; all of one type.

    Returns:
        A value for tasks after the branches, and for the pipeline's own output.

    Raises:
        AuthoringError: the outputs are not of the branches of one choice, the types differ, or there is no
            ``dsl.Else``.
    """
    outputs = tuple(_output(channel, "dsl.OneOf") for channel in channels)
    if not outputs:
        _refuse("dsl.OneOf", "it needs at least one output", "pass an output of a task in each branch")
    first = outputs[0]
    if any((other.type, other.is_list) != (first.type, first.is_list) for other in outputs):
        _refuse("dsl.OneOf", "the outputs have different types", "pass outputs of one type")
    branches = _branches(first)
    if branches is None:
        if any(isinstance(group, If) for group in _around(first)):
            _refuse("dsl.OneOf", "the dsl.If has no dsl.Else, so there may be no value", _ELSE)
        _refuse(
            "dsl.OneOf", f"'{first.name}' is not in a branch", "pass outputs of tasks in dsl.If and dsl.Else"
        )
    homes = [_branch(channel, branches) for channel in outputs]
    if None in homes or len({id(home) for home in homes}) != len(homes):
        message = "it needs exactly one output of each branch of one dsl.If"
        _refuse("dsl.OneOf", message, "pass one output of each branch")
    if not isinstance(branches.members[-1], Else):
        _refuse("dsl.OneOf", "the branches have no dsl.Else, so there may be no value", _ELSE)
    silent = [f"dsl.{type(branch).__name__}" for branch in branches.members if branch not in homes]
    if silent:
        message = f"it has no output of {', '.join(silent)}, so there would be no value if that branch runs"
        _refuse("dsl.OneOf", message, "pass one output of each branch")
    name = f"pipelinechannel--{branches.name}-oneof-{len(branches.choices) + 1}"
    branches.choices[name] = outputs
    return Channel(name, first.type, branches, first.is_list, item_type=first.item_type)


def _refuse(path: str, message: str, hint: str) -> NoReturn:
    raise AuthoringError(Diagnostic("MLP143", path, message, hint, context.caller()))


def _output(value: Any, what: str) -> Channel:
    channel = channel_of(value)
    if not isinstance(channel, Channel) or not channel.is_output:
        _refuse(what, f"{value!r} is not a task output", "pass task.output or task.outputs['name']")
    return channel


def _around(channel: Channel) -> list[Group]:
    """Return the groups around the task of a channel, the innermost first."""
    assert channel.producer is not None
    return list(channel.producer.ancestors())


def _branches(channel: Channel) -> Branches | None:
    return next((group for group in _around(channel) if isinstance(group, Branches)), None)


def _branch(channel: Channel, branches: Branches) -> Group | None:
    around = _around(channel)
    if branches not in around:
        return None
    home = around[around.index(branches) - 1]
    return home if isinstance(home, Branch) else None
