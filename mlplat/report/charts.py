"""Classification metrics as pictures: the confusion matrix as a table, the ROC curve as SVG."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.report import words
from mlplat.report.markup import Html, joined, tag

_MOST_CATEGORIES = 40
_MOST_POINTS = 200
_STRONGEST = 45
"""Percentage of the accent color in the largest cell: text stays readable on it, in both color schemes."""

_SIDE, _MARGIN = 240, 36


def charts(metadata: Mapping[str, Any]) -> Html:
    """Draw what the metadata of a classification metrics artifact has; empty if it has nothing to draw."""
    drawn = joined(list(_charts(metadata)))
    return tag("div", drawn, class_="charts") if drawn else drawn


def _charts(metadata: Mapping[str, Any]) -> Iterator[Html]:
    if matrix := _matrix(metadata.get("confusionMatrix")):
        yield _confusion_matrix(*matrix)
    if points := _points(metadata.get("confidenceMetrics")):
        yield _roc_curve(points)
    for one in _listed(metadata.get("evaluationSlices")):
        if drawn := charts(_mapping(one.get("sliceClassificationMetrics"))):
            name = str(one.get("slice", ""))
            yield joined(tag("p", f"Slice {name}", class_="slice"), drawn)


def _matrix(value: Any) -> tuple[list[str], list[list[float]]] | None:
    """Return the categories of a confusion matrix and its rows; None if it is not one."""
    names = [str(one.get("displayName", "")) for one in _listed(_mapping(value).get("annotationSpecs"))]
    rows = [one.get("row") for one in _listed(_mapping(value).get("rows"))]
    is_square = len(rows) == len(names) and all(
        isinstance(row, list) and len(row) == len(names) and all(map(_is_number, row)) for row in rows
    )
    return (names, [list(map(float, row or ())) for row in rows]) if names and is_square else None


def _confusion_matrix(names: Sequence[str], rows: Sequence[Sequence[float]]) -> Html:
    if len(names) > _MOST_CATEGORIES:
        return tag("p", f"The confusion matrix is not shown: it has {len(names)} categories.")
    largest = max((abs(cell) for row in rows for cell in row), default=0.0) or 1.0
    head = tag("tr", tag("td"), [tag("th", name, scope="col") for name in names])
    body = [
        tag("tr", tag("th", name, scope="row"), [_cell(cell, largest) for cell in row])
        for name, row in zip(names, rows, strict=True)
    ]
    caption = tag("caption", "Confusion matrix; rows: true, columns: predicted")
    return tag("table", caption, tag("thead", head), tag("tbody", body), class_="matrix")


def _cell(value: float, largest: float) -> Html:
    return tag("td", f"{value:.6g}", style=f"--part:{abs(value) / largest * _STRONGEST:.0f}%")


def _points(value: Any) -> list[tuple[float, float]]:
    """Return the points of a ROC curve in order, with its ends; nothing if it has no point."""
    points = [
        (float(one["falsePositiveRate"]), float(one["recall"]))
        for one in _listed(value)
        if _is_number(one.get("falsePositiveRate")) and _is_number(one.get("recall"))
    ]
    inside = sorted({(x, y) for x, y in points if 0 <= x <= 1 and 0 <= y <= 1})
    return sorted({(0.0, 0.0), *inside, (1.0, 1.0)}) if inside else []


def _roc_curve(points: Sequence[tuple[float, float]]) -> Html:
    area = sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in itertools.pairwise(points))
    step = math.ceil(len(points) / _MOST_POINTS)
    drawn = [*points[::step], *([points[-1]] if step > 1 else [])]
    path = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in drawn)
    whole = _SIDE + 2 * _MARGIN
    ticks = [
        joined(
            tag("text", f"{part:g}", x=f"{_x(part):.0f}", y=_y(0) + 16, class_="tick", text_anchor="middle"),
            tag(
                "text", f"{part:g}", x=_MARGIN - 6, y=f"{_y(part) + 4:.0f}", class_="tick", text_anchor="end"
            ),
        )
        for part in (0, 0.5, 1)
    ]
    middle = _MARGIN + _SIDE / 2
    title = f"ROC curve, area {area:.4g}"
    picture = tag(
        "svg",
        tag("title", title),
        tag("rect", x=_MARGIN, y=_MARGIN / 2, width=_SIDE, height=_SIDE, class_="plot"),
        tag("path", d=f"M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}", class_="chance"),
        tag("path", d=f"M{path}", class_="curve"),
        ticks,
        tag("text", "false positive rate", x=middle, y=whole - 18, class_="tick", text_anchor="middle"),
        tag(
            "text",
            "true positive rate",
            x=0,
            y=0,
            transform=f"translate(10 {_MARGIN / 2 + _SIDE / 2}) rotate(-90)",
            class_="tick",
            text_anchor="middle",
        ),
        viewBox=f"0 0 {whole} {whole - 10}",
        width=whole,
        height=whole - 10,
        role="img",
    )
    return tag("figure", picture, tag("figcaption", title), class_="roc")


def _x(value: float) -> float:
    return _MARGIN + value * _SIDE


def _y(value: float) -> float:
    return _MARGIN / 2 + _SIDE - value * _SIDE


def metric_table(metadata: Mapping[str, Any]) -> Html:
    """Return the numbers, booleans and strings of metadata as a table; empty if it has none."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", words.metric(value)))
        for name, value in metadata.items()
        if isinstance(value, bool | int | float | str)
    ]
    return tag("table", tag("tbody", rows), class_="pairs") if rows else Html()


def _is_number(value: Any) -> bool:
    """Return whether a value is a number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
