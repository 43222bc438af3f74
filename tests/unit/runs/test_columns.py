"""Lists of runs with parameters and metrics, sorted and filtered by them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mlplat.errors import ArgumentError
from mlplat.metadata import Store, open_store
from mlplat.runs.columns import Filter, select, selection


def workflow(name: str, second: int, rate: str, accuracy: float | None) -> dict[str, object]:
    """Return a Workflow with one task that logged a metric."""
    started = f"2026-05-04T09:12:{second:02}Z"
    node = {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": "Succeeded"}
    node |= {"templateName": "fit", "startedAt": started, "finishedAt": f"2026-05-04T09:13:{second:02}Z"}
    logged = {} if accuracy is None else {"accuracy": accuracy}
    kind = {"schemaTitle": "system.Metrics"}
    value = {"name": "m", "type": kind, "key": f"{name}/m", "uri": "", "metadata": logged}
    outputs = {"parameters": [{"name": "m", "value": json.dumps(value)}], "artifacts": [{"name": "m"}]}
    template = {"name": "fit", "outputs": {"artifacts": [{"name": "m", "path": "/m"}]}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "uid": name, "namespace": "n", "creationTimestamp": started},
        "spec": {"templates": [template], "arguments": {"parameters": [{"name": "rate", "value": rate}]}},
        "status": {
            "phase": "Succeeded",
            "startedAt": started,
            "finishedAt": node["finishedAt"],
            "nodes": {name: {**node, "outputs": outputs}},
        },
    }


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as found:
        for one in (
            ("a", 1, "0.1", 0.9),
            ("b", 2, "0.02", 0.95),
            ("c", 3, "10", None),
            ("d", 4, "none", float(1)),
        ):
            found.record(workflow(*one))
        yield found


def listed(
    store: Store, columns: str, *conditions: str, order: str = "", limit: int | None = None
) -> list[list[object]]:
    return [list(row.values()) for row in select(store, selection(columns, conditions, order), limit)]


def test_columns_are_facts_parameters_and_metrics(store: Store) -> None:
    assert listed(store, "name,phase, parameter.rate,metric.accuracy,seconds,parameter.gone", limit=2) == [
        ["d", "Succeeded", "none", 1, 60.0, None],
        ["c", "Succeeded", "10", None, 60.0, None],
    ]


def test_rows_are_sorted_by_number_with_missing_values_last(store: Store) -> None:
    assert listed(store, "name", order="metric.accuracy") == [["a"], ["b"], ["d"], ["c"]]
    assert listed(store, "name", order="metric.accuracy:desc") == [["d"], ["b"], ["a"], ["c"]]
    assert listed(store, "name", order="parameter.rate") == [["b"], ["a"], ["c"], ["d"]]
    assert listed(store, "name", order="started", limit=2) == [["a"], ["b"]]


def test_all_conditions_hold_before_the_limit_counts(store: Store) -> None:
    assert listed(store, "name", "metric.accuracy>=0.95", limit=1, order="name") == [["b"]]
    assert listed(store, "name", "metric.accuracy>0.9", "parameter.rate<1") == [["b"]]
    assert listed(store, "name", "parameter.rate=0.10") == [["a"]]
    assert listed(store, "name", "metric.accuracy!=0.9") == [["d"], ["c"], ["b"]]
    assert listed(store, "name", "started<2026-05-04T09:12:03") == [["b"], ["a"]]


@pytest.mark.parametrize(
    ("operator", "value", "cell", "holds"),
    [
        ("=", "true", True, True),
        ("=", "nan", float("nan"), True),
        ("<", "0.5", float("nan"), False),
        ("<", "5", 10, False),
        ("<", "x", "a", True),
        ("=", "a=b", "a=b", True),
        (">=", "1", None, False),
        ("!=", "1", None, True),
    ],
)
def test_filters_compare_numbers_and_strings(
    operator: str, value: str, cell: float | bool | str | None, holds: bool
) -> None:
    assert Filter("metric.m", operator, value).holds(cell) is holds


def test_all_errors_are_reported_at_once() -> None:
    with pytest.raises(ArgumentError) as found:
        selection("nmae,metric.", ["phase"], "phas")
    text = str(found.value)
    assert "MLP421: unknown column 'nmae'\n  hint: did you mean 'name'?" in text
    assert "unknown column 'metric.'" in text
    assert "unknown column 'phas'" in text
    assert "MLP422: --filter 'phase' is not a condition" in text


@pytest.mark.parametrize("columns", ["", " ,"])
def test_a_selection_has_columns(columns: str) -> None:
    with pytest.raises(ArgumentError, match="no columns selected\n  hint: available: engine, experiment"):
        selection(columns, [], "")
    assert selection(None, [], "").columns
