"""What differs between runs."""

from __future__ import annotations

import dataclasses

from mlplat.report import ParameterView, Side, compare, comparison_page
from tests.unit.report.samples import run


def side(rate: float, accuracy: float, **fields: str) -> Side:
    one = run(
        parameters=(ParameterView("rate", rate), ParameterView("data", "s3://b/k")),
        source=fields.get("source", "sha256:aa"),
    )
    artifacts = {"fit.model": f"sha256:{fields.get('model', 'cc')}", "load.data": "sha256:dd"}
    named = dataclasses.replace(one, name=fields.get("name", "a"))
    return Side(named, {"accuracy": accuracy, "rows": 15000}, artifacts)


def test_differences_come_first() -> None:
    found = compare([side(0.1, 0.9, name="a"), side(0.2, 0.95, name="b", model="ee")])
    assert found.runs == ("a", "b")
    assert [(row.group, row.name, row.values) for row in found.rows if row.differs] == [
        ("parameter", "rate", ("0.1", "0.2")),
        ("metric", "accuracy", ("0.9", "0.95")),
        ("artifact", "fit.model", ("sha256:cc", "sha256:ee")),
    ]
    assert [row.differs for row in found.rows] == sorted((row.differs for row in found.rows), reverse=True)
    assert [row.name for row in found.rows if not row.differs] == [
        *("pipeline", "phase", "manifest", "data", "rows", "load.data"),
    ]


def test_values_of_only_one_run_differ() -> None:
    found = compare([side(0.1, 0.9), dataclasses.replace(side(0.1, 0.9), metrics={})])
    rows = {row.name: row for row in found.rows}
    assert rows["accuracy"].values == ("0.9", None)
    assert rows["accuracy"].cells == ("0.9", "-")
    assert rows["accuracy"].differs


def test_another_program_is_reported() -> None:
    found = compare([side(0.1, 0.9), side(0.1, 0.9, source="sha256:bb"), side(0.1, 0.9)])
    assert found.rows[0].name == "manifest"
    assert found.rows[0].values == ("sha256:aa", "sha256:bb", "sha256:aa")


def test_the_document_is_plain_data() -> None:
    document = compare([side(0.1, 0.9, name="a"), side(0.2, 0.9, name="b")]).document()
    assert document["runs"] == ["a", "b"]
    first = {"group": "parameter", "name": "rate", "differs": True, "values": ["0.1", "0.2"]}
    assert document["rows"][0] == first


def test_the_page_has_differences_before_what_is_the_same() -> None:
    shown = comparison_page(compare([side(0.1, 0.9, name="a"), side(0.2, 0.9, name="b")]))
    assert shown.index("Differences") < shown.index(">rate<") < shown.index("Same in all runs")
    assert "do not differ" not in shown


def test_equal_runs_are_reported() -> None:
    assert "The runs do not differ." in comparison_page(compare([side(0.1, 0.9), side(0.1, 0.9)]))


def test_digests_are_cut_for_people_only() -> None:
    whole = "sha256:" + "ab" * 32
    (row, *_) = compare([side(0.1, 0.9), side(0.1, 0.9, source=whole)]).rows
    assert row.values == ("sha256:aa", whole)
    assert row.cells == ("sha256:aa", "sha256:abababababab")
