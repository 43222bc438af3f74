"""Shows the content of artifacts by type."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from mlplat.report import frames
from mlplat.report.charts import charts, metric_table
from mlplat.report.markup import Html, attribute_value, joined, tag, text
from mlplat.report.model import ArtifactView

_HTML, _MARKDOWN = "system.HTML", "system.Markdown"
_METRICS = ("system.Metrics", "system.ClassificationMetrics", "system.SlicedClassificationMetrics")
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 50, 20, 200
_LONGEST_TEXT = 20_000


def runs_scripts(artifact: ArtifactView) -> bool:
    """Return whether an artifact is displayed as a document whose scripts run."""
    return artifact.type == _HTML and artifact.content is not None and artifact.is_whole


def needs_all(type_: str, start: bytes) -> bool:
    """Return whether an artifact can be shown only whole.

    Args:
        type_: schema title.
        start: its first bytes.
    """
    return type_ == _HTML or bool(_picture_type(start))


def content(artifact: ArtifactView) -> Html:
    """Show an artifact; empty if it has nothing to show.

    Pictures and documents are shown whole or not at all, tables and strings as far as there is room.
    """
    shown = _content(artifact)
    if not shown and artifact.note:
        shown = tag("p", artifact.note, class_="note")
    return shown


def _content(artifact: ArtifactView) -> Html:
    if artifact.type in _METRICS:
        return joined(charts(artifact.metadata), metric_table(artifact.metadata))
    data = artifact.content
    if not data:
        return Html()
    title = f"{artifact.task}: {artifact.name}"
    if runs_scripts(artifact):
        return frames.html_frame(_decoded(data) or "", title)
    if artifact.type == _MARKDOWN:
        return joined(frames.markdown_frame(_decoded(data, whole=False) or "", title), _cut_off(artifact))
    if picture := _picture(artifact, data, title):
        return picture
    found = _decoded(data, whole=artifact.is_whole)
    return _displayed(found, artifact) if found is not None else Html()


def _picture(artifact: ArtifactView, data: bytes, title: str) -> Html:
    kind = _picture_type(data)
    if not kind:
        return Html()
    if not artifact.is_whole:
        return tag("p", "The image is too large to show.", class_="note")
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Html(f'<img alt="{attribute_value(title)}" src="{source}">')


def _picture_type(data: bytes) -> str:
    """Return the media type of a picture by its first bytes; empty if it is not one."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    head = data[:1000].lstrip()
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "image/svg+xml"
    return next((kind for start, kind in _IMAGES if data.startswith(start)), "")


def _decoded(data: bytes, *, whole: bool = True) -> str | None:
    """Return bytes as a string; None if they are not one. The end of a part may be half a character."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(data) - 4:
            return data[: error.start].decode("utf-8-sig")
        return None


def _displayed(body: str, artifact: ArtifactView) -> Html:
    if "\0" in body:
        return Html()
    if rows := _table(body, whole=artifact.is_whole):
        return rows
    is_cut = len(body) > _LONGEST_TEXT
    return joined(
        _scrolled(tag("pre", text(body, _LONGEST_TEXT)), "Content"), _cut_off(artifact, also=is_cut)
    )


def _cut_off(artifact: ArtifactView, *, also: bool = False) -> Html:
    if artifact.is_whole and not also:
        return Html()
    return tag("p", "Only the beginning is shown.", class_="note")


def _table(text: str, *, whole: bool) -> Html:
    """Return the rows of CSV, TSV, or JSON (a list of objects) as a table; empty for other formats."""
    if rows := _objects(text):
        names = list(dict.fromkeys(name for row in rows[:_MOST_ROWS] for name in row))
        cells = [[_cell(row.get(name, "")) for name in names] for row in rows]
        return _as_table(names, cells, is_whole=True)
    for delimiter in (",", "\t", ";"):
        lines = _separated(text, delimiter, whole=whole)
        if lines:
            return _as_table(lines[0], lines[1:], is_whole=whole)
    return Html()


def _objects(text: str) -> list[dict[str, Any]]:
    if not text.lstrip().startswith("["):
        return []
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return rows if rows and all(isinstance(row, dict) for row in rows) else []


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _separated(text: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    """Return rows of equally many cells, two at least; nothing if the string is something else."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error:
        return []
    if not whole:
        rows = rows[:-1]
    columns = len(rows[0]) if rows else 0
    is_table = len(rows) >= 2 and columns >= 2 and all(len(row) == columns for row in rows)
    return rows if is_table else []


def _as_table(names: Sequence[str], rows: Sequence[Sequence[str]], *, is_whole: bool) -> Html:
    shown = range(min(len(names), _MOST_COLUMNS))
    head = tag("tr", [tag("th", text(names[one], _LONGEST_CELL), scope="col") for one in shown])
    body = [
        tag("tr", [tag("td", text(row[one], _LONGEST_CELL)) for one in shown]) for row in rows[:_MOST_ROWS]
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="data")
    counted = f"{len(rows):,}" if is_whole else f"more than {len(rows):,}"
    parts = []
    if len(rows) > _MOST_ROWS or not is_whole:
        parts.append(f"{min(len(rows), _MOST_ROWS)} of {counted} rows")
    if len(names) > _MOST_COLUMNS:
        parts.append(f"{_MOST_COLUMNS} of {len(names)} columns")
    note = tag("p", f"Shown: {', '.join(parts)}.", class_="note") if parts else Html()
    return joined(_scrolled(table, "Table"), note)


def _scrolled(content: Html, label: str) -> Html:
    return tag("div", content, class_="scroll", tabindex="0", role="group", aria_label=label)
