"""Places a graph in layers: every node below those that it comes after.

The classic steps of Sugiyama: layers by longest path, an order within each layer that avoids crossings (barycenters),
then coordinates that keep the order. A group is laid out first and is a node of its size in the layout around it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlplat.report.folding import DrawnNode

BAND = 26
"""Height of the line with a group's name."""

HEIGHT = 40
_NARROWEST, _WIDEST = 96, 208
_CHARACTER = 7.1
_GAP, _BETWEEN = 22, 40
_PADDING = 16
_IN_A_ROW = 8
_SWEEPS = 4
_MOST_BENDS = 4000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is.

    Attributes:
        node: the node.
        x: left edge.
        y: upper edge.
        width: its width.
        height: its height.
        is_group: whether other boxes are inside.
    """

    node: DrawnNode
    x: float
    y: float
    width: float
    height: float
    is_group: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph with coordinates.

    Attributes:
        width: of the whole.
        height: of the whole.
        boxes: groups before what is in them.
        lines: from the lower edge of a box to the upper edge of another, through points between them.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[tuple[Point, ...], ...]


def laid_out(nodes: Sequence[DrawnNode]) -> Layout:
    """Place nodes.

    Args:
        nodes: see :class:`mlplat.report.folding.DrawnNode`; ``after`` and ``parent`` of unknown nodes have no effect.
    """
    known = {node.id for node in nodes}
    children: dict[str, list[DrawnNode]] = {}
    for node in nodes:
        children.setdefault(node.parent if node.parent in known else "", []).append(node)
    return _moved(_group("", children), _PADDING, _PADDING, _PADDING)


def _group(key: str, children: Mapping[str, list[DrawnNode]]) -> Layout:
    """Place what is in a group, without a margin."""
    members = children.get(key, [])
    inner = {node.id: _group(node.id, children) for node in members if children.get(node.id)}
    sizes = {node.id: _size(node, inner.get(node.id)) for node in members}
    layers, bends = _layers(members)
    _order(layers, bends)
    centers = _centers(layers, bends, {key: width for key, (width, _) in sizes.items()})
    left = min((centers[key] - _width(key, sizes) / 2 for layer in layers for key in layer), default=0.0)
    boxes: list[Box] = []
    lines: list[tuple[Point, ...]] = []
    by_id = {node.id: node for node in members}
    tops: dict[str, float] = {}
    bottoms: dict[str, float] = {}
    y = 0.0
    for layer in layers:
        height = max((sizes[one][1] for one in layer if one in sizes), default=0.0)
        for one in layer:
            tops[one], bottoms[one] = y, y + height
            if one in sizes:
                width, own = sizes[one]
                x = centers[one] - left - width / 2
                bottoms[one] = y + own
                boxes.append(Box(by_id[one], x, y, width, own, one in inner))
                if one in inner:
                    moved = _moved(inner[one], x + _PADDING, y + BAND, 0)
                    boxes += moved.boxes
                    lines += moved.lines
        y += height + _BETWEEN
    for chain in bends.values():
        lines.append(_line(chain, centers, left, tops, bottoms))
    right = max((box.x + box.width for box in boxes), default=0.0)
    return Layout(right, max(y - _BETWEEN, 0.0), tuple(boxes), tuple(lines))


def _line(
    chain: Sequence[str],
    centers: Mapping[str, float],
    left: float,
    tops: Mapping[str, float],
    bottoms: Mapping[str, float],
) -> tuple[Point, ...]:
    first, *between, last = chain
    points = [(centers[first] - left, bottoms[first])]
    for one in between:
        points += [(centers[one] - left, tops[one]), (centers[one] - left, bottoms[one])]
    return (*points, (centers[last] - left, tops[last]))


def _size(node: DrawnNode, inner: Layout | None) -> tuple[float, float]:
    words = max(len(node.label) + 4.5, len(node.note) * 0.85 + 4.5)
    width = min(max(words * _CHARACTER + 8, _NARROWEST), _WIDEST)
    if inner is None:
        return width, HEIGHT
    return max(width, inner.width + 2 * _PADDING), inner.height + BAND + _PADDING


def _width(key: str, sizes: Mapping[str, tuple[float, float]]) -> float:
    return sizes[key][0] if key in sizes else 0.0


def _layers(nodes: Sequence[DrawnNode]) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Return layers of ids, and for each edge the ids on its way: of both nodes, and of bends in the layers between.

    A layer with more nodes than fit side by side is several rows.
    """
    known = {node.id for node in nodes}
    after = {node.id: [one for one in node.after if one in known and one != node.id] for node in nodes}
    depth = _depths(after)
    rows: list[list[str]] = []
    row_of: dict[str, int] = {}
    by_depth: dict[int, list[str]] = {}
    for node in nodes:
        by_depth.setdefault(depth[node.id], []).append(node.id)
    for _, layer in sorted(by_depth.items()):
        for start in range(0, len(layer), _IN_A_ROW):
            for one in layer[start : start + _IN_A_ROW]:
                row_of[one] = len(rows)
            rows.append(layer[start : start + _IN_A_ROW])
    chains: dict[tuple[str, str], list[str]] = {}
    left = _MOST_BENDS
    for key, befores in after.items():
        for before in befores:
            between = range(row_of[before] + 1, row_of[key])
            if row_of[before] >= row_of[key]:
                continue  # a cycle, which no engine runs
            left -= len(between)
            bends = [f"\0{before}\0{key}\0{row}" for row in between] if left >= 0 else []
            for bend, row in zip(bends, between, strict=False):
                rows[row].append(bend)
            chains[before, key] = [before, *bends, key]
    return rows, chains


def _depths(after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the length of the longest way to each node; nodes of a cycle count as if the cycle were cut."""
    waits = {key: len(befores) for key, befores in after.items()}
    followers: dict[str, list[str]] = {}
    for key, befores in after.items():
        for before in befores:
            followers.setdefault(before, []).append(key)
    depth = dict.fromkeys(after, 0)
    ready = [key for key, count in waits.items() if not count]
    for key in ready:
        for follower in followers.get(key, ()):
            depth[follower] = max(depth[follower], depth[key] + 1)
            waits[follower] -= 1
            if not waits[follower]:
                ready.append(follower)
    return depth


def _neighbors(
    chains: Mapping[tuple[str, str], Sequence[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _order(layers: list[list[str]], chains: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """Order each layer by the mean place of its neighbors, downwards and upwards in turn."""
    above, below = _neighbors(chains)
    place = {key: number for layer in layers for number, key in enumerate(layer)}
    for sweep in range(_SWEEPS):
        neighbors = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            means = {
                key: sum(place[one] for one in found) / len(found)
                if (found := neighbors.get(key))
                else place[key]
                for key in layer
            }
            layer.sort(key=means.__getitem__)
            place.update({key: number for number, key in enumerate(layer)})


def _centers(
    layers: Sequence[Sequence[str]],
    chains: Mapping[tuple[str, str], Sequence[str]],
    widths: Mapping[str, float],
) -> dict[str, float]:
    """Return the horizontal center of each node: as near to its neighbors as the order of its layer allows."""
    above, below = _neighbors(chains)
    centers: dict[str, float] = {}
    for layer in layers:
        placed = _spread([0.0] * len(layer), [widths.get(key, 0.0) for key in layer])
        centers.update(zip(layer, placed, strict=True))
    for sweep in range(_SWEEPS):
        neighbors = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                sum(centers[one] for one in found) / len(found)
                if (found := neighbors.get(key))
                else centers[key]
                for key in layer
            ]
            placed = _spread(wanted, [widths.get(key, 0.0) for key in layer])
            centers.update(zip(layer, placed, strict=True))
    return centers


def _spread(centers: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return centers in the given order that don't overlap, with the least squared distance to the wanted ones.

    Without their minimal distances, the centers only have to be in order: isotonic regression, by pooling neighbors
    that are out of order.
    """
    offsets = [0.0]
    for before, width in itertools.pairwise(widths):
        offsets.append(offsets[-1] + (before + width) / 2 + _GAP)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(centers, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, number = pools.pop()
            total, count = total + before, count + number
        pools.append((total, count))
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _moved(layout: Layout, x: float, y: float, margin: float) -> Layout:
    boxes = tuple(
        Box(box.node, box.x + x, box.y + y, box.width, box.height, box.is_group) for box in layout.boxes
    )
    lines = tuple(tuple((px + x, py + y) for px, py in line) for line in layout.lines)
    return Layout(layout.width + x + margin, layout.height + y + margin, boxes, lines)
