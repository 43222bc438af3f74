"""The page that compares runs."""

from __future__ import annotations

from mlplat.report.comparison import Difference, RunComparison
from mlplat.report.markup import Html, joined, tag, text
from mlplat.report.page import document, section

_TITLES = {
    "run": "Run",
    "source": "Source",
    "parameter": "Parameter",
    "metric": "Metric",
    "artifact": "Artifact",
}
_LONGEST = 300
_MOST_ROWS = 1000


def comparison_page(comparison: RunComparison) -> str:
    """Write the page that compares runs.

    Args:
        comparison: see :func:`mlplat.report.compare`.

    Returns:
        An HTML document that needs no other file, no network and no script.
    """
    differing = [row for row in comparison.rows if row.differs]
    same = [row for row in comparison.rows if not row.differs]
    title = f"{len(comparison.runs)} runs compared"
    nothing = tag("p", "The runs do not differ.", class_="note") if not differing else Html()
    body = joined(
        tag("h1", title),
        section("Differences", nothing, _table("Differences", comparison.runs, differing)),
        section("Same in all runs", _table("Same in all runs", ("Value",), same)),
    )
    return document(title, body)


def _table(label: str, columns: tuple[str, ...], rows: list[Difference]) -> Html:
    if not rows:
        return Html()
    names = [tag("th", name, scope="col") for name in ("Kind", "Name", *columns)]
    lines = [
        tag(
            "tr",
            tag("td", _TITLES[row.group], class_="note"),
            tag("th", row.name, scope="row"),
            [tag("td", text(cell, _LONGEST)) for cell in row.cells[: len(columns)]],
        )
        for row in rows[:_MOST_ROWS]
    ]
    table = tag("table", tag("thead", tag("tr", names)), tag("tbody", lines), class_="data compared")
    more = len(rows) - len(lines)
    note = tag("p", f"{more:,} more rows are not shown.", class_="note") if more else Html()
    return joined(tag("div", table, class_="scroll", tabindex="0", role="group", aria_label=label), note)
