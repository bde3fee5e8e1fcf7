"""What is kept, and what is let go."""

from __future__ import annotations

from routing.cache import Cache


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(30)
    for name in "abc":
        cache.keep(name, name.upper(), size_bytes=10)
    assert cache.find("a") == "A"
    cache.keep("d", "D", size_bytes=10)
    assert [cache.find(name) for name in "abcd"] == ["A", None, "C", "D"]
    assert (cache.used_bytes, len(cache)) == (30, 3)


def test_a_heavy_value_pushes_out_several() -> None:
    cache = Cache(30)
    for name in "abc":
        cache.keep(name, name, size_bytes=10)
    cache.keep("d", "d", size_bytes=25)
    assert (cache.used_bytes, len(cache), cache.find("d")) == (25, 1, "d")


def test_too_heavy_is_not_kept_and_pushes_nothing_out() -> None:
    cache = Cache(30)
    cache.keep("a", "a", size_bytes=30)
    cache.keep("b", "b", size_bytes=31)
    assert (cache.find("a"), cache.find("b")) == ("a", None)


def test_a_value_kept_again_counts_once() -> None:
    cache = Cache(30)
    cache.keep("a", "old", size_bytes=20)
    cache.keep("a", "new", size_bytes=5)
    assert (cache.find("a"), cache.used_bytes) == ("new", 5)
