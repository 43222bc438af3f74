"""Inputs and outputs of the groups of a pipeline.

A group is a component of its own. A runtime value from outside is an input of it, and a value that is
used outside is an output of it, as of every group in between. Both are named ``pipelinechannel--…``, as KFP names
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlplat.dsl.cel import operands
from mlplat.dsl.channels import Channel, Item
from mlplat.dsl.groups import Branch, Branches, ExitHandler, ParallelFor
from mlplat.dsl.interpolation import Interpolated
from mlplat.dsl.nodes import Group
from mlplat.dsl.task import PipelineTask
from mlplat.errors import Diagnostic, Source
from mlplat.ir.model import ComponentInput, OneOf, TaskOutput


@dataclass
class Ports:
    """Inputs and outputs of a group by name; an output has a type and a source in the group."""

    inputs: dict[str, Channel] = field(default_factory=dict)
    outputs: dict[str, tuple[Channel, TaskOutput | OneOf]] = field(default_factory=dict)


class Dataflow:
    """How values get from group to group in a pipeline.

    Args:
        root: the pipeline's outermost group.
        outputs: what the pipeline returns.
        source: the line of its function.

    Attributes:
        problems: values that are used where they are not available.
        returned: the pipeline's outputs, as its outermost group reads them.
    """

    def __init__(self, root: Group, outputs: Mapping[str, Channel], source: Source | None = None) -> None:
        self.root = root
        self.problems: list[Diagnostic] = []
        self._ports: dict[int, Ports] = {}
        self._gather(root)
        self.returned = {name: self._returned(channel) for name, channel in outputs.items()}
        for name, channel in self.returned.items():
            self._bring(channel, root, source, name)

    def of(self, group: Group) -> Ports:
        """Return the inputs and outputs of a group."""
        return self._ports.setdefault(id(group), Ports())

    def _gather(self, group: Group) -> None:
        for member in group.members:
            if isinstance(member, PipelineTask):
                for channel in channels_of(member):
                    self._bring(channel, group, member.source, member.name)
                continue
            assert isinstance(member, Group)
            for channel in _condition_operands(member):
                at = self._bring(channel, group, member.source, member.name)
                self.of(member).inputs.setdefault(at.input_name, at)
            self._gather(member)
            if isinstance(member, Branches):
                self._choose(member)

    def _choose(self, branches: Branches) -> None:
        """Add an output for each ``dsl.OneOf`` of the branches."""
        for name, channels in branches.choices.items():
            choices: list[TaskOutput] = []
            for branch, channel in zip(branches.members, channels, strict=True):
                assert isinstance(branch, Group)
                at = self.resolve(channel, branch)
                assert at.producer is not None
                source = TaskOutput(at.producer.name, at.name)
                out = channel.input_name
                self.of(branch).outputs.setdefault(out, (channel, source))
                choices.append(TaskOutput(branch.name, out))
            self.of(branches).outputs[name] = channels[0], OneOf(tuple(choices))

    def resolve(self, channel: Channel, user: Group) -> Channel:
        """Return a value as a group reads it: a collected one as the output of the outermost loop around it.

        Args:
            channel: the value.
            user: the group that reads it.
        """
        if not channel.is_collected:
            return channel
        way = self._way(channel, user)
        return self._out(channel, way) if way and isinstance(way[-1], ParallelFor) else channel

    def _returned(self, channel: Channel) -> Channel:
        """Return an output of the pipeline as its outermost group reads it: a collected one leaves branches too."""
        way = self._way(channel, self.root) if channel.is_collected else []
        return self._out(channel, way) if way else channel

    def _way(self, channel: Channel, user: Group) -> list[Group]:
        """Return the groups that a task's output leaves on its way to a group that reads it, the innermost first."""
        assert channel.producer is not None
        around = set(map(id, user.with_ancestors()))
        return [group for group in channel.producer.ancestors() if id(group) not in around]

    def _out(self, channel: Channel, groups: list[Group]) -> Channel:
        """Add outputs to the groups that a task's output leaves, and return that of the outermost."""
        assert channel.producer is not None
        name = channel.input_name
        source = TaskOutput(channel.producer.name, channel.name)
        for group in groups:
            self.of(group).outputs.setdefault(name, (channel, source))
            source = TaskOutput(group.name, name)
        return Channel(name, channel.type, groups[-1], channel.is_list, item_type=channel.item_type)

    def _bring(self, channel: Channel, group: Group, source: Source | None, user: str) -> Channel:
        """Add an input for a value to every group between its home and its user."""
        value = self.resolve(channel, group)
        home = self._home(value)
        if value.is_collected and (problem := self._uncollectable(value, group)):
            self.problems.append(Diagnostic("MLP143", user, *problem, source))
            return value
        way: list[Group] = []
        for at in group.with_ancestors():
            if at is home:
                break
            way.append(at)
        else:
            self._refuse(channel, group, source, user)
            return value
        for step in way:
            if not (isinstance(value, Item) and step is value.loop):
                self.of(step).inputs.setdefault(value.input_name, value)
        return value

    def _uncollectable(self, channel: Channel, user: Group) -> tuple[str, str] | None:
        """Return why a group cannot collect an output, and a hint; None if the output leaves a loop."""
        what = f"it collects '{channel.name}' of '{channel.producer_name}', which is"
        loops = [one for one in self._home(channel).with_ancestors() if isinstance(one, ParallelFor)]
        if not loops:
            return (
                f"{what} not in a loop",
                "use it without dsl.Collected in its branch, or join the branches with dsl.OneOf",
            )
        if not self._way(channel, user):
            hint = "use it outside of that loop, or use the output of this iteration: task.output"
            return f"{what} in the loop '{loops[0].name}', like the task that uses it", hint
        return None

    def _refuse(self, channel: Channel, group: Group, source: Source | None, user: str) -> None:
        """Report a value that is used in a group where it is not available."""
        around = {id(one) for one in group.with_ancestors()}
        home = self._home(channel)
        between = [one for one in home.with_ancestors() if id(one) not in around]
        loop = next((one for one in between if isinstance(one, ParallelFor)), None)
        message = f"it uses the output '{channel.name}' of '{channel.producer_name}'"
        if channel.is_collected:
            message += f", which is inside '{home.name}' and may not run"
            hint = "collect it in the branch around the loop, and join the branches with dsl.OneOf"
        elif isinstance(channel, Item) and loop is channel.loop:
            message = f"it uses the item of '{loop.name}' outside of that loop"
            hint = "use it in the loop; dsl.Collected(task.output) is the list of a task's outputs in all iterations"
        elif isinstance(between[-1], ExitHandler):
            message += f"; values cannot leave the dsl.ExitHandler '{between[-1].name}'"
            hint = "use it in the dsl.ExitHandler, or call the task that produces it outside"
        elif loop is not None:
            message += f", which runs once for each item of '{loop.name}'"
            hint = (
                "use it in the same loop, or collect the list of all iterations: dsl.Collected(task.output)"
            )
        else:
            message += f", which is inside '{home.name}' and may not run"
            hint = "use it in the same branch, or join the branches with dsl.OneOf"
        self.problems.append(Diagnostic("MLP140", user, message, hint, source))

    def _home(self, channel: Channel) -> Group:
        """Return the group in which a value is available."""
        if isinstance(channel, Item):
            return channel.loop
        return self.root if channel.producer is None else channel.producer.parent or self.root

    def reference(self, channel: Channel, group: Group) -> TaskOutput | ComponentInput:
        """Return the source of a value for a member of a group."""
        found = self.resolve(channel, group)
        if isinstance(found, Item) and found.loop is group:
            return ComponentInput(found.name, _selector(found))
        if found.is_output and found.producer is not None and found.producer.parent is group:
            return TaskOutput(found.producer.name, found.name)
        is_parameter = group is self.root and not isinstance(found, Item)
        return ComponentInput(found.name if is_parameter else found.input_name)


def channels_of(task: PipelineTask) -> Iterator[Channel]:
    """Yield the runtime values that a task's arguments and settings read."""
    for value in task.arguments.values():
        if isinstance(value, Channel):
            yield value
        elif isinstance(value, Interpolated):
            yield from value.channels.values()
    yield from task.marks.values()
    yield from task.kubernetes_channels()


def _condition_operands(group: Group) -> list[Channel]:
    """Return the values that decide whether, or how often, a group runs."""
    if isinstance(group, Branch):
        return operands(group.condition)
    if isinstance(group, ParallelFor) and isinstance(group.items, Channel):
        return [group.items]
    return []


def _selector(item: Item) -> str:
    text = "string_value"
    for name in item.fields:
        text = f'parseJson({text})["{name}"]'
    return text if item.fields else ""
