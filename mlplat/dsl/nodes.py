"""What a traced pipeline consists of: nodes, some of which are groups of nodes.

Tasks, branches and loops derive from these, so modules that only walk the graph don't depend on them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlplat.errors import Source


class GraphNode:
    """A task or a group.

    Attributes:
        name: unique in the pipeline.
        parent: the group that it is a member of; None for a pipeline's outermost group.
        source: the line that added it.
    """

    def __init__(self, name: str, parent: Group | None = None, source: Source | None = None) -> None:
        self.name = name
        self.parent = parent
        self.source = source

    def ancestors(self) -> Iterator[Group]:
        """Return the groups around it, the innermost first."""
        group = self.parent
        while group is not None:
            yield group
            group = group.parent


class Group(GraphNode):
    """A node that contains others, such as a branch or a loop.

    Attributes:
        title: name to display; None for its own name.
        members: its nodes, in the order in which they were added.
    """

    def __init__(
        self,
        name: str = "",
        parent: Group | None = None,
        source: Source | None = None,
        title: str | None = None,
    ) -> None:
        super().__init__(name, parent, source)
        self.title = title
        self.members: list[GraphNode] = []

    def add(self, node: GraphNode) -> None:
        """Make a node the last member."""
        node.parent = self
        self.members.append(node)

    def with_ancestors(self) -> Iterator[Group]:
        """Return the group itself and the groups around it, the innermost first."""
        yield self
        yield from self.ancestors()
