"""Outputs by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from mlplat.metadata.schema import cache_entries

if TYPE_CHECKING:
    from mlplat.metadata import Store

OUTPUTS: dict[str, Any] = {"parameters": [{"name": "v", "value": "é\x00 🦊"}], "exitCode": "0"}


def test_what_was_saved_is_loaded(store: Store) -> None:
    cache = store.cache()

    cache.save("mlplat-cache-a", "k", "run-1", {"parameters": []})
    cache.save("mlplat-cache-a", "k", "run-2", OUTPUTS)

    assert cache.load("mlplat-cache-a", "k") == OUTPUTS
    assert cache.load("mlplat-cache-a", "k", 3600) == OUTPUTS


def test_other_names_keys_and_tenants_get_nothing(store: Store) -> None:
    store.cache("a").save("c", "k", "run-1", OUTPUTS)

    assert store.cache("a").load("c", "K") is None
    assert store.cache("a").load("d", "k") is None
    assert store.cache("b").load("c", "k") is None


def test_what_is_too_old_is_not_loaded(store: Store) -> None:
    cache = store.cache()
    cache.save("c", "k", "run-1", OUTPUTS)

    assert cache.load("c", "k", -1) is None


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
