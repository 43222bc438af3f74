"""Outputs by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import select

from mlplat.metadata.schema import cache_entries
from mlplat.testing import CacheConformance

if TYPE_CHECKING:
    from mlplat.metadata import RunCache, Store

OUTPUTS: dict[str, Any] = {"parameters": [{"name": "v", "value": "é\x00 🦊"}], "exitCode": "0"}


class TestRunCache(CacheConformance):
    @pytest.fixture
    def cache(self, store: Store) -> RunCache:
        return store.cache()


NAMES = strategies.sampled_from(("a", "images/a", "mlplat-cache.team-a.train.0a"))
KEYS = strategies.sampled_from(("k", "K", "0a"))
SAVES = strategies.lists(strategies.tuples(NAMES, KEYS, strategies.integers(0, 9)), max_size=20)


@given(SAVES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cache_is_a_mapping_of_names_and_keys(store: Store, saves: list[tuple[str, str, int]]) -> None:
    cache = store.cache()
    cache.clear()
    expected = {}
    for name, key, code in saves:
        expected[name, key] = {"exitCode": str(code)}
        cache.save(name, key, f"run-{code}", expected[name, key])

    assert {place: cache.load(*place) for place in expected} == expected
    assert cache.clear() == len(expected)


def test_other_tenants_get_nothing(store: Store) -> None:
    store.cache("a").save("c", "k", "run-1", OUTPUTS)

    assert store.cache("b").load("c", "k") is None


def test_a_hit_is_noted(store: Store) -> None:
    cache = store.cache()
    cache.save("c", "k", "run-1", OUTPUTS)
    cache.load("c", "k")

    with store._database.reading() as connection:
        (row,) = connection.execute(select(cache_entries)).all()
    assert row.last_hit_at >= row.created_at


def test_clear_counts_what_it_forgets(store: Store) -> None:
    cache = store.cache()
    for name, key in (("c", "1"), ("c", "2"), ("d", "1")):
        cache.save(name, key, "run-1", OUTPUTS)
    store.cache("other").save("c", "1", "run-1", OUTPUTS)

    assert cache.clear("c") == 2
    assert cache.load("d", "1") == OUTPUTS
    assert cache.clear() == 1
    assert store.cache("other").load("c", "1") == OUTPUTS
