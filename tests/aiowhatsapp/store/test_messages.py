import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.store import Put, Store, Table, message_key

CHAT = Jid.parse("123@g.us")
SENDER = Jid.parse("901:7@lid")
OTHER = Jid.parse("902@lid")


def incoming(message_id: str) -> storage.InboxRecord:
    return storage.InboxRecord(
        message=b"\x0a\x02hi",
        chat=str(CHAT),
        sender=str(SENDER),
        id=message_id,
        timestamp=1000,
    )


async def test_message_secrets_are_kept_by_chat_sender_and_id(store: Store) -> None:
    secrets = store.message_secrets
    await secrets.put(None, CHAT, SENDER, "ID", secret=b"s" * 32, expires_at=100)

    assert await secrets.get(None, CHAT, SENDER, "ID") == b"s" * 32
    # Which device it was makes no difference.
    assert await secrets.get(None, CHAT, SENDER.bare, "ID") == b"s" * 32
    assert await secrets.get(None, CHAT, OTHER, "ID") is None
    assert await store.prune(100) == 1
    assert await secrets.get(None, CHAT, SENDER, "ID") is None


async def test_sent_messages(store: Store) -> None:
    record = storage.SentMessageRecord(message=b"m", sent_at=1)
    record.resends.add(requester="901.7", count=2, base_key=bytes(32))
    await store.sent_messages.put(None, CHAT, "A", record, expires_at=100)
    await store.sent_messages.put(None, CHAT, "B", record, expires_at=200)

    assert await store.sent_messages.get(None, CHAT, "A") == record
    assert await store.sent_messages.get(None, OTHER, "A") is None
    assert await store.prune(100) == 1
    assert await store.sent_messages.get(None, CHAT, "A") is None
    await store.sent_messages.delete(None, CHAT, "B")
    assert await store.sent_messages.get(None, CHAT, "B") is None


async def test_the_inbox_keeps_order_until_messages_are_handed_over(store: Store) -> None:
    for message_id in ("C", "A", "B"):
        await store.inbox.put(None, message_id, incoming(message_id))
    assert [record.id for _, record in await store.inbox.pending(None)] == ["C", "A", "B"]

    store.inbox.mark_delivered("C")
    assert store.inbox.is_delivered("C")
    assert await store.inbox.pending(None) == [("A", incoming("A")), ("B", incoming("B"))]

    async with store.transaction() as tx:
        await store.inbox.delete(tx, "C")
        # As long as the entry is on disk the mark has to be there.
        assert store.inbox.is_delivered("C")
    assert not store.inbox.is_delivered("C")
    assert [key for key, _ in await store.inbox.pending(None)] == ["A", "B"]


async def test_a_start_finishes_what_was_handed_over_and_returns_the_rest(store: Store) -> None:
    for message_id in ("A", "B", "C"):
        await store.inbox.put(None, message_id, incoming(message_id))
    for message_id in ("B", "long gone"):
        store.inbox.mark_delivered(message_id)

    assert await store.inbox.recover() == [("A", incoming("A")), ("C", incoming("C"))]
    assert await store.backend.count(Table.INBOX) == 2
    assert len(store.backend.marks) == 0
    assert await store.inbox.recover() == await store.inbox.pending(None)


async def test_a_start_with_an_empty_inbox(store: Store) -> None:
    assert await store.inbox.recover() == []


async def test_seen_messages_are_remembered_for_a_while(store: Store) -> None:
    key = message_key(CHAT, SENDER, "ID")
    assert not await store.seen.contains(None, key)
    await store.seen.put(None, key, expires_at=100)
    assert await store.seen.contains(None, message_key(CHAT, SENDER.bare, "ID"))
    await store.prune(100)

    assert not await store.seen.contains(None, key)


async def test_retries_are_counted(store: Store) -> None:
    assert await store.retries.get(None, "key") == 0
    async with store.transaction() as tx:
        assert await store.retries.increment(tx, "key", expires_at=100) == 1
        assert await store.retries.increment(tx, "key", expires_at=100) == 2
    await store.retries.put(None, "other", 4, expires_at=200)
    assert await store.retries.get(None, "key") == 2

    await store.prune(100)
    assert await store.retries.get(None, "key") == 0
    await store.retries.delete(None, "other")
    assert await store.retries.get(None, "other") == 0


async def test_meta(store: Store) -> None:
    await store.meta.put(None, "name", b"value")
    assert await store.meta.get(None, "name") == b"value"
    await store.meta.delete(None, "name")
    assert await store.meta.get(None, "name") is None


async def test_records_that_make_no_sense_are_reported_as_damage(store: Store) -> None:
    await store.backend.commit(
        [
            Put(Table.SENT_MESSAGE, f"{CHAT}/A", b"\xff\xff"),
            Put(Table.INBOX, "A", b"\xff\xff"),
        ]
    )

    with pytest.raises(StoreCorrupt):
        await store.sent_messages.get(None, CHAT, "A")
    with pytest.raises(StoreCorrupt):
        await store.inbox.pending(None)


def test_message_keys_keep_senders_apart() -> None:
    assert message_key(CHAT, SENDER, "ID") != message_key(CHAT, OTHER, "ID")
    assert message_key(SENDER, SENDER, "ID") != message_key(CHAT, SENDER, "ID")
