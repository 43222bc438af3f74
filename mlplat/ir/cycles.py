"""The dependencies of tasks, and cycles among them."""

from __future__ import annotations

from collections.abc import Mapping

from mlplat.ir.model import Task, TaskOutput


def waits_for(task: Task) -> tuple[str, ...]:
    """Return the tasks that must have succeeded before one starts: declared ones, and those it reads from."""
    sources = (*task.parameters.values(), *task.artifacts.values())
    read = [source.task for source in sources if isinstance(source, TaskOutput)]
    return tuple(dict.fromkeys((*task.depends_on, *read)))


def find_cycle(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a cycle, if there is one.

    Args:
        edges: names by name: the tasks that a task depends on, or the components that a component calls.

    Returns:
        The names of one cycle, ending with the first; empty if there is no cycle.
    """
    done: set[str] = set()
    for start in edges:
        stack, path = [(start, iter(edges.get(start, ())))], [start]
        while stack and start not in done:
            name, rest = stack[-1]
            following = next((other for other in rest if other in edges and other not in done), None)
            if following is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            else:
                stack.append((following, iter(edges[following])))
                path.append(following)
    return []
