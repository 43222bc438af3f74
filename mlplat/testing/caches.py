"""What every cache of task outputs does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlplat.engine import Cache

_OUTPUTS: dict[str, Any] = {
    "parameters": [{"name": "text", "value": 'é\x00\n "🦊" {{x}}'}, {"name": "empty", "value": ""}],
    "artifacts": [{"name": "model", "path": "/tmp/model", "s3": {"key": "a/b"}, "deleted": False}],  # noqa: S108
    "exitCode": "0",
    "mlplat.dev/written": {"numbers": [0, -1, 1.5, 2**53], "nothing": None},
}


class CacheConformance:
    """Tests for a :class:`mlplat.engine.Cache`.

    Override the fixture :meth:`cache`::

        class TestMyCache(CacheConformance):
            @pytest.fixture
            def cache(self, tmp_path):
                return MyCache(tmp_path)
    """

    @pytest.fixture
    def cache(self) -> Cache:
        """Return an empty cache."""
        raise NotImplementedError("override the fixture cache")

    def test_saved_outputs_are_loaded(self, cache: Cache) -> None:
        """Whatever JSON the outputs hold comes back as it was, at any age and within an hour."""
        cache.save("mlplat-cache.team-a.train.0a", "k-1", "run-1", _OUTPUTS)
        assert cache.load("mlplat-cache.team-a.train.0a", "k-1", None) == _OUTPUTS
        assert cache.load("mlplat-cache.team-a.train.0a", "k-1", 3600) == _OUTPUTS

    def test_an_unknown_name_or_key_has_no_outputs(self, cache: Cache) -> None:
        """Names and keys tell upper case from lower case, and are never confused with each other."""
        assert cache.load("a", "b", None) is None
        cache.save("a", "b", "run-1", _OUTPUTS)
        for name, key in (("images/a", "b"), ("a", "B"), ("A", "b"), ("b", "a"), ("a", "bb"), ("a", "c")):
            assert cache.load(name, key, None) is None

    def test_the_last_saved_outputs_count(self, cache: Cache) -> None:
        """Saving replaces the outputs of one name and key; names of tasks in images start with ``images/``."""
        cache.save("a", "k", "run-1", {"exitCode": "1"})
        cache.save("a", "other", "run-1", {"exitCode": "2"})
        cache.save("images/a", "k", "run-1", {"exitCode": "4"})
        cache.save("a", "k", "run-2", {"exitCode": "3"})
        assert cache.load("a", "k", None) == {"exitCode": "3"}
        assert cache.load("a", "other", None) == {"exitCode": "2"}
        assert cache.load("images/a", "k", None) == {"exitCode": "4"}

    def test_outputs_older_than_the_maximum_are_not_loaded(self, cache: Cache) -> None:
        """A maximum age counts from when the outputs were saved; they stay for those who accept older ones."""
        cache.save("a", "k", "run-1", _OUTPUTS)
        assert cache.load("a", "k", -1) is None
        assert cache.load("a", "k", None) == _OUTPUTS

    def test_loaded_outputs_can_be_changed(self, cache: Cache) -> None:
        """What one run does with the outputs that it loaded does not change those of the next."""
        cache.save("a", "k", "run-1", _OUTPUTS)
        loaded: Any = cache.load("a", "k", None)
        loaded["parameters"].clear()
        assert cache.load("a", "k", None) == _OUTPUTS

    def test_outputs_saved_at_once_are_whole(self, cache: Cache) -> None:
        """Of runs that save under one key at the same time, one wins; nobody loads a mixture."""
        candidates = [{"exitCode": str(number), "parameters": [{"value": "x" * 5000}]} for number in range(8)]

        def save(number: int) -> Any:
            cache.save("a", "k", f"run-{number}", candidates[number])
            return cache.load("a", "k", None)

        with ThreadPoolExecutor(4) as threads:
            loaded = list(threads.map(save, range(8)))
        assert all(outputs in candidates for outputs in loaded)
