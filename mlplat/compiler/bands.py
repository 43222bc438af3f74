"""Cuts a graph into parts of limited size, with little loss of parallelism.

A task's level is the length of the longest chain before it. Consecutive levels are joined to a
*band* as long as no connected piece of it gets too large. The pieces of a band are independent of each
other, and are packed into parts. So chains stay whole, and a fan-out and fan-in is cut at its first
and last task. A part starts when all parts that it reads from have ended. Each part has levels of one band only, so the
longest chain of tasks gets no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Before = Mapping[str, Iterable[str]]


def levels(before: Before) -> dict[str, int]:
    """Return the level of each task.

    Args:
        before: the dependencies of each task; without cycles.
    """
    depths: dict[str, int] = {}
    for start in before:
        stack = [start]
        while stack:
            name = stack[-1]
            missing = [other for other in before[name] if other not in depths]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            depths.setdefault(name, 1 + max((depths[other] for other in before[name]), default=-1))
    return depths


def cut(before: Before, largest: int) -> list[tuple[str, ...]]:
    """Cut a graph.

    Args:
        before: the dependencies of each task; without cycles.
        largest: maximum number of tasks in a part.

    Returns:
        The parts, each in the order of the graph; no two of them wait for each other.
    """
    # A part waits for whole parts, so a cut across a chain is free and a cut along it is not. Whole levels are added as
    # long as their connected pieces stay small (union-find): a band then cuts only across.
    level_of = levels(before)
    by_level: dict[int, list[str]] = {}
    for name in before:
        by_level.setdefault(level_of[name], []).append(name)
    order = {name: number for number, name in enumerate(before)}
    groups: list[list[str]] = []
    band = _Band(before)
    for number in sorted(by_level):
        grown = band.with_level(by_level[number])
        if grown.largest() > largest and band.pieces:
            groups += _packed(band.members(), largest)
            grown = _Band(before).with_level(by_level[number])
        band = grown
    groups += _packed(band.members(), largest)
    return [tuple(sorted(part, key=order.__getitem__)) for part in groups]


def needless_waits(before: Before, cut: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return the number of tasks that a task waits for without depending on them, for each task that has any.

    Args:
        before: the dependencies of each task.
        cut: the parts; a part waits for all of each part that one of its tasks depends on.
    """
    bit = {name: 1 << number for number, name in enumerate(before)}
    needed: dict[str, int] = {}
    own = levels(before)
    for name in sorted(before, key=own.__getitem__):
        needed[name] = 0
        for other in before[name]:
            needed[name] |= needed[other] | bit[other]
    whole: dict[str, int] = {}
    for part in cut:
        whole.update(dict.fromkeys(part, sum(bit[one] for one in part)))
    counts: dict[str, int] = {}
    waited: dict[str, int] = {}
    for part in sorted(cut, key=lambda names: min(own[name] for name in names)):
        inside = set(part)
        upstream = [other for name in part for other in before[name] if other not in inside]
        for_part = 0
        for other in upstream:
            for_part |= whole[other] | waited[other]
        for name in part:
            waited[name] = for_part
            if needless := for_part & ~needed[name]:
                counts[name] = needless.bit_count()
    return counts


class _Band:
    """The connected pieces of some levels."""

    def __init__(
        self, before: Before, pieces: Mapping[str, str] | None = None, sizes: Mapping[str, int] | None = None
    ) -> None:
        self.before = before
        self.pieces: dict[str, str] = dict(pieces or {})
        self.sizes: dict[str, int] = dict(sizes or {})

    def with_level(self, names: Iterable[str]) -> _Band:
        """Return the band with one more level."""
        grown = _Band(self.before, self.pieces, self.sizes)
        for name in names:
            grown.pieces[name] = name
            grown.sizes[name] = 1
            for other in self.before[name]:
                if other in grown.pieces:
                    grown.join(other, name)
        return grown

    def join(self, left: str, right: str) -> None:
        """Join the pieces of two tasks."""
        into, gone = self.root(right), self.root(left)
        if into != gone:
            self.pieces[gone] = into
            self.sizes[into] += self.sizes.pop(gone)

    def root(self, name: str) -> str:
        """Return the representative of the piece of a task."""
        while self.pieces[name] != name:
            self.pieces[name] = self.pieces[self.pieces[name]]
            name = self.pieces[name]
        return name

    def members(self) -> list[list[str]]:
        """Return the pieces."""
        found: dict[str, list[str]] = {}
        for name in self.pieces:
            found.setdefault(self.root(name), []).append(name)
        return list(found.values())

    def largest(self) -> int:
        """Return the size of the largest piece."""
        return max(self.sizes.values(), default=0)


def _packed(pieces: list[list[str]], largest: int) -> list[list[str]]:
    """Put pieces into as few parts as first-fit finds, the large ones first."""
    groups: list[list[str]] = []
    open_from = 0
    for piece in sorted(pieces, key=len, reverse=True):
        for part in groups[open_from:]:
            if len(part) + len(piece) <= largest:
                part.extend(piece)
                break
        else:
            groups.append(list(piece))
        while open_from < len(groups) and len(groups[open_from]) == largest:
            open_from += 1
    return groups
