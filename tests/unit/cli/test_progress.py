"""What of a tree is shown on a terminal that has no room for all of it."""

from __future__ import annotations

import pytest

from mlplat.cli.screen import fitting, height
from mlplat.runs.outline import OutlineLine

TREE = [
    OutlineLine("run"),
    OutlineLine("├─ ✔ a", "Succeeded"),
    OutlineLine("├─ … b  cannot start", "Pending", cannot_start=True),
    OutlineLine("│    why b"),
    OutlineLine("│    hint: b"),
    OutlineLine("├─ ▶ c", "Running"),
    OutlineLine("├─ ✔ d", "Succeeded"),
    OutlineLine("├─ ✖ e", "Failed"),
    OutlineLine("└─ … f  cannot start", "Pending", cannot_start=True),
    OutlineLine("     why f"),
]


@pytest.mark.parametrize(
    ("room", "shown", "hidden"),
    [
        (10, [*range(10)], ""),
        (9, [0, 2, 3, 5, 6, 7, 8, 9], "… 2 more"),
        (7, [0, 2, 3, 5, 7, 8], "… 4 more"),
        (5, [0, 2, 5, 8], "… 6 more"),
        (3, [0, 2], "… 8 more"),
    ],
)
def test_what_matters_is_shown_where_not_all_fits(room: int, shown: list[int], hidden: str) -> None:
    """First what runs or cannot start, then what failed, then what is around these."""
    assert fitting(TREE, room) == [*(TREE[place].text for place in shown), *filter(None, [hidden])]


def test_where_nothing_matters_the_start_is_shown() -> None:
    lines = [OutlineLine("artifacts"), *(OutlineLine(f"  {number}") for number in range(9))]
    assert fitting(lines, 4, "mlplat get artifacts run") == [
        "artifacts",
        "  0",
        "  1",
        "… 7 more: mlplat get artifacts run",
    ]


def test_what_is_before_a_failure_is_shown_where_nothing_is_after_it() -> None:
    lines = [OutlineLine("run"), *(OutlineLine(f"├─ ✔ {number}", "Succeeded") for number in range(9))]
    lines.append(OutlineLine("└─ ✖ last", "Failed"))
    assert fitting(lines, 5) == ["run", "├─ ✔ 7", "├─ ✔ 8", "└─ ✖ last", "… 7 more"]


def test_long_lines_take_several_rows() -> None:
    assert height(["", "a" * 10, "b" * 11, "漢" * 6], 10) == 1 + 1 + 2 + 2
