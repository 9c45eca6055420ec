from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.store.cache import MAX_VALUE, ValueCache


def test_absent_entries_are_remembered_as_such() -> None:
    cache = ValueCache()
    cache.store(Table.SESSION, "a", b"1")
    cache.store(Table.SESSION, "b", None)

    assert cache.lookup(Table.SESSION, ["a", "b", "c"]) == {"a": b"1", "b": None}


def test_the_least_recently_used_goes_first() -> None:
    cache = ValueCache(max_entries=2)
    cache.store(Table.SESSION, "a", b"1")
    cache.store(Table.SESSION, "b", b"1")
    cache.lookup(Table.SESSION, ["a"])
    cache.store(Table.SESSION, "c", b"1")

    assert set(cache.lookup(Table.SESSION, ["a", "b", "c"])) == {"a", "c"}


def test_bytes_are_bounded() -> None:
    cache = ValueCache(max_bytes=1000)
    for number in range(100):
        cache.store(Table.SESSION, f"{number:02}", bytes(98))

    assert len(cache) == 10


def test_replaced_and_discarded_values_free_their_bytes() -> None:
    cache = ValueCache(max_bytes=1000)
    for _ in range(100):
        cache.store(Table.SESSION, "a", bytes(500))
    cache.store(Table.SESSION, "b", bytes(400))
    assert len(cache) == 2
    cache.discard(Table.SESSION, "a")
    cache.discard(Table.SESSION, "never there")
    cache.store(Table.SESSION, "c", bytes(500))

    assert set(cache.lookup(Table.SESSION, ["a", "b", "c"])) == {"b", "c"}


def test_cold_tables_and_huge_values_are_not_kept() -> None:
    cache = ValueCache()
    cache.store(Table.INBOX, "a", b"1")
    cache.store(Table.SESSION, "a", b"1")
    cache.store(Table.SESSION, "a", bytes(MAX_VALUE + 1))

    assert len(cache) == 0


def test_clear() -> None:
    cache = ValueCache(max_bytes=10)
    cache.store(Table.SESSION, "a", bytes(9))
    cache.clear()
    cache.store(Table.SESSION, "b", bytes(9))

    assert set(cache.lookup(Table.SESSION, ["a", "b"])) == {"b"}
