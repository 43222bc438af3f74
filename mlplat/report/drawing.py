"""The graph of a run as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlplat.report import words
from mlplat.report.folding import folded
from mlplat.report.layout import Box, Layout, Point, laid_out
from mlplat.report.markup import Html, joined, tag
from mlplat.report.model import TaskView

_MOST_NODES = 3000
_CHARACTER = 7.1


def graph(tasks: Sequence[TaskView], anchors: Mapping[str, str]) -> Html:
    """Draw the graph of a run.

    Args:
        tasks: of the run.
        anchors: ids of the elements that tell more about tasks, by id of the task.

    Returns:
        An ``svg`` element, or a sentence if there is nothing to draw or too much of it.
    """
    nodes = folded(tasks)
    if not nodes:
        return tag("p", "No task has started.")
    if len(nodes) > _MOST_NODES:
        return tag("p", f"The graph is not drawn: it has {len(nodes):,} nodes.")
    return _svg(laid_out(nodes), anchors)


def _svg(layout: Layout, anchors: Mapping[str, str]) -> Html:
    groups = [box for box in layout.boxes if box.is_group]
    others = [box for box in layout.boxes if not box.is_group]
    way = "".join(map(_curve, layout.lines))
    return tag(
        "svg",
        [_group(box) for box in groups],
        tag("path", d=way, class_="edge"),
        [_node(box, anchors) for box in others],
        viewBox=f"0 0 {layout.width:.0f} {layout.height:.0f}",
        width=f"{layout.width:.0f}",
        height=f"{layout.height:.0f}",
        class_="graph",
    )


def _curve(line: Sequence[Point]) -> str:
    (x, y), *others = line
    drawn = [f"M{x:.0f} {y:.0f}"]
    for number, (to_x, to_y) in enumerate(others):
        if round(x) == round(to_x):
            drawn.append(f"V{to_y:.0f}")
        else:
            middle = (y + to_y) / 2
            drawn.append(f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}")
        x, y = others[number]
    return "".join(drawn)


def _group(box: Box) -> Html:
    node = box.node
    return joined(
        tag("rect", **_frame(box), class_=f"group {words.style_of(node.phase)}"),
        _text(box.x + 12, box.y + 18, f"{words.mark(node.phase)} {node.label}", box.width - 20, "name"),
    )


def _node(box: Box, anchors: Mapping[str, str]) -> Html:
    node, task = box.node, box.node.task
    full = f"{task.path if task else node.label}: {node.phase}"
    drawn = joined(
        tag("title", full),
        tag("rect", **_frame(box)),
        _text(box.x + 10, box.y + 17, f"{words.mark(node.phase)} {node.label}", box.width - 14, "name"),
        _text(box.x + 24, box.y + 32, node.note, box.width - 28, "note") if node.note else "",
    )
    style = f"node {words.style_of(node.phase)}{' cached' if task and task.cached else ''}"
    anchor = anchors.get(node.id)
    return tag("a", drawn, href=f"#{anchor}", class_=style) if anchor else tag("g", drawn, class_=style)


def _frame(box: Box) -> dict[str, str | float | bool | None]:
    return {
        "x": f"{box.x:.0f}",
        "y": f"{box.y:.0f}",
        "width": f"{box.width:.0f}",
        "height": f"{box.height:.0f}",
        "rx": "6",
    }


def _text(x: float, y: float, text: str, width: float, style: str) -> Html:
    room = int(width / (_CHARACTER if style == "name" else _CHARACTER * 0.85))
    cut = text if len(text) <= room else f"{text[: max(room - 1, 1)]}…"
    return tag("text", cut, x=f"{x:.0f}", y=f"{y:.0f}", class_=style)
