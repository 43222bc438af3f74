"""Tasks that wait for each other."""

from __future__ import annotations

from collections.abc import Mapping


def find_circle(waits_for: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Find tasks that wait for each other in a circle.

    Args:
        waits_for: for each task, those it waits for.

    Returns:
        The names along one circle, the first again at the end; empty when there is none.
    """
    done: set[str] = set()
    for start in waits_for:
        stack, path = [(start, iter(waits_for.get(start, ())))], [start]
        while stack and start not in done:
            name, rest = stack[-1]
            following = next((other for other in rest if other in waits_for and other not in done), None)
            if following is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            else:
                stack.append((following, iter(waits_for[following])))
                path.append(following)
    return []
