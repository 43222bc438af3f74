"""What each region of a pipeline takes in and gives out.

A region is a component of its own, so a value of the run that is made outside of it comes in as an input, and one
that is made inside goes out as an output: through every region on the way. Both are named ``pipelinechannel--…``, as
KFP names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlplat.dsl.cel import operands
from mlplat.dsl.channels import Channel, RegionOutput
from mlplat.dsl.groups import (
    Branches,
    Elif,
    Else,
    ExitHandler,
    Group,
    If,
    ParallelFor,
    Root,
    channel_input,
)
from mlplat.dsl.interpolation import Interpolated
from mlplat.dsl.task import PipelineTask
from mlplat.errors import Diagnostic, Source
from mlplat.ir.model import ComponentInput, OneOf, TaskOutput


@dataclass
class Region:
    """A region's inputs and outputs by name; an output's first part tells its type."""

    inputs: dict[str, Channel] = field(default_factory=dict)
    outputs: dict[str, tuple[Channel, TaskOutput | OneOf]] = field(default_factory=dict)


class Regions:
    """All regions of a pipeline, and how values get from one into another.

    Args:
        root: the pipeline's own region.
        outputs: what the pipeline returns.
        source: where the pipeline stands.

    Attributes:
        problems: values that are used where they can't be known.
        returned: what the pipeline returns, as its outermost region reads it.
    """

    def __init__(self, root: Root, outputs: Mapping[str, Channel], source: Source | None = None) -> None:
        self.root = root
        self.problems: list[Diagnostic] = []
        self._regions: dict[int, Region] = {}
        self._gather(root)
        self.returned = {name: self._returned(channel) for name, channel in outputs.items()}
        for name, channel in self.returned.items():
            self._bring(channel, root, source, name)

    def of(self, group: Group) -> Region:
        """Return what a region takes in and gives out."""
        return self._regions.setdefault(id(group), Region())

    def _gather(self, group: Group) -> None:
        for member in group.members:
            if isinstance(member, PipelineTask):
                for channel in channels_of(member):
                    self._bring(channel, group, member.source, member.name)
                continue
            for channel in _asked(member):
                at = self._bring(channel, group, member.source, member.name)
                self.of(member).inputs.setdefault(channel_input(at), at)
            self._gather(member)
            if isinstance(member, Branches):
                self._choose(member)

    def _choose(self, branches: Branches) -> None:
        """Give an output for each choice between the branches."""
        for name, channels in branches.choices.items():
            choices: list[TaskOutput] = []
            for branch, channel in zip(branches.members, channels, strict=True):
                assert isinstance(branch, Group)
                at = self.resolve(channel, branch)
                assert at.producer is not None
                source = TaskOutput(at.producer.name, at.name)
                out = channel_input(channel)
                self.of(branch).outputs.setdefault(out, (channel, source))
                choices.append(TaskOutput(branch.name, out))
            self.of(branches).outputs[name] = channels[0], OneOf(tuple(choices))

    def resolve(self, channel: Channel, user: Group) -> Channel:
        """Return a value as it is read from a region: a collected one as the output of the outermost loop around it.

        Args:
            channel: the value.
            user: the region that reads it.
        """
        if not channel.is_collected:
            return channel
        way = self._way(channel, user)
        return self._out(channel, way) if way and isinstance(way[-1], ParallelFor) else channel

    def _returned(self, channel: Channel) -> Channel:
        """Return what the pipeline returns as its own region reads it: a collected output comes out of branches too."""
        way = self._way(channel, self.root) if channel.is_collected else []
        return self._out(channel, way) if way else channel

    def _way(self, channel: Channel, user: Group) -> list[Group]:
        """Return the regions that a task's output leaves on its way to a region that reads it, the innermost first."""
        assert isinstance(channel.producer, (PipelineTask, RegionOutput))
        around = set(map(id, from_inside(user)))
        return [group for group in from_inside(channel.producer.group) if id(group) not in around]

    def _out(self, channel: Channel, way: list[Group]) -> Channel:
        """Let a task's output leave regions, and return it as the output of the outermost."""
        assert isinstance(channel.producer, (PipelineTask, RegionOutput))
        name = channel_input(channel)
        source = TaskOutput(channel.producer.name, channel.name)
        for group in way:
            self.of(group).outputs.setdefault(name, (channel, source))
            source = TaskOutput(group.name, name)
        return Channel(
            name, channel.type, RegionOutput(way[-1]), channel.is_list, item_type=channel.item_type
        )

    def _bring(self, channel: Channel, group: Group, source: Source | None, user: str) -> Channel:
        """Let a value into every region between where it is made and where it is used."""
        found = self.resolve(channel, group)
        home = self._home(found)
        if found.is_collected and (problem := self._uncollectable(found, group)):
            self.problems.append(Diagnostic("MLP143", user, *problem, source))
            return found
        way: list[Group] = []
        for at in from_inside(group):
            if at is home:
                break
            way.append(at)
        else:
            self._refuse(channel, group, source, user)
            return found
        for step in way:
            if step is not found.producer:
                self.of(step).inputs.setdefault(channel_input(found), found)
        return found

    def _uncollectable(self, channel: Channel, user: Group) -> tuple[str, str] | None:
        """Return why a region can't collect an output, and what to do; None where it leaves a loop, or a branch."""
        what = f"it collects '{channel.name}' of '{getattr(channel.producer, 'name', '')}', which is in"
        loops = [one for one in from_inside(self._home(channel)) if isinstance(one, ParallelFor)]
        if not loops:
            return f"{what} no loop", "use it as it is inside its branch, or join the branches with dsl.OneOf"
        if not self._way(channel, user):
            hint = "use it outside of that loop, or use the output of the one iteration: task.output"
            return f"{what} the loop '{loops[0].name}', and so is what uses it", hint
        return None

    def _refuse(self, channel: Channel, group: Group, source: Source | None, user: str) -> None:
        """Note a value that is used in a region from which what makes it can't be seen."""
        around = {id(one) for one in from_inside(group)}
        home = self._home(channel)
        between = [one for one in from_inside(home) if id(one) not in around]
        loop = next((one for one in between if isinstance(one, ParallelFor)), None)
        message = f"it uses the output '{channel.name}' of '{getattr(channel.producer, 'name', '')}'"
        if channel.is_collected:
            message += f", which is inside '{home.name}' and may not run"
            hint = "collect it inside the branch around the loop, and join the branches with dsl.OneOf"
        elif channel.producer is loop and loop is not None:
            message = f"it uses the item of '{loop.name}' outside of that loop"
            hint = "use it inside; what tasks of the loop made of all items is dsl.Collected(task.output)"
        elif isinstance(between[-1], ExitHandler):
            message += f", and no value gets out of the dsl.ExitHandler '{between[-1].name}'"
            hint = "use it inside of the dsl.ExitHandler, or call the task that makes it outside"
        elif loop is not None:
            message += f", which runs once for each item of '{loop.name}'"
            hint = (
                "use it inside the same loop, or take the list of all iterations: dsl.Collected(task.output)"
            )
        else:
            message += f", which is inside '{home.name}' and may not run"
            hint = "use it inside the same branch, or join the branches with dsl.OneOf"
        self.problems.append(Diagnostic("MLP140", user, message, hint, source))

    def _home(self, channel: Channel) -> Group:
        if channel.producer is None:
            return self.root
        return channel.producer if isinstance(channel.producer, ParallelFor) else channel.producer.group

    def reference(self, channel: Channel, group: Group) -> TaskOutput | ComponentInput:
        """Return how a member of a region reads a value."""
        found = self.resolve(channel, group)
        selector = _selector(found)
        if isinstance(found.producer, ParallelFor):
            own = found.producer is group
            return ComponentInput(found.name, selector) if own else ComponentInput(channel_input(found))
        if found.producer is not None and found.producer.group is group:
            return TaskOutput(found.producer.name, found.name, selector)
        return ComponentInput(found.name if isinstance(group, Root) else channel_input(found))


def from_inside(group: Group | None) -> Iterator[Group]:
    """Give a region and those around it, from the inside out; nothing for None."""
    at = group
    while at is not None:
        yield at
        at = at.parent


def channels_of(task: PipelineTask) -> Iterator[Channel]:
    """Give the values of the run that a task's arguments and settings read."""
    for value in task.arguments.values():
        if isinstance(value, Channel):
            yield value
        elif isinstance(value, Interpolated):
            yield from value.channels.values()
    yield from task.marks.values()
    yield from task.kubernetes_channels()


def _asked(group: Group) -> list[Channel]:
    """Return the values that decide whether, or how often, a region runs."""
    if isinstance(group, (If, Elif, Else)):
        return operands(group.condition)
    if isinstance(group, ParallelFor) and isinstance(group.items, Channel):
        return [group.items]
    return []


def _selector(channel: Channel) -> str:
    text = "string_value"
    for name in channel.selector:
        text = f'parseJson({text})["{name}"]'
    return text if channel.selector else ""
