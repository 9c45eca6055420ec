"""What was not marked as read."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.store import Backend, Put, Store, Table

ANN, ANNA = Jid("2002", "lid"), Jid("20021", "lid")


def record(sender: Jid) -> storage.UnreadRecord:
    return storage.UnreadRecord(chat=str(sender), sender=str(sender), timestamp=5)


async def test_it_is_kept_by_chat_in_order(backend: Backend) -> None:
    unread = Store(backend).unread
    for message_id in ("b", "a/b", "c"):
        await unread.put(None, ANN.with_device(3), message_id, record(ANN), expires_at=100)
    await unread.put(None, ANNA, "b", record(ANNA), expires_at=100)
    assert [message_id for message_id, _ in await unread.of_chat(None, ANN)] == ["b", "a/b", "c"]
    assert [chat for chat, _ in await unread.find(None, "b")] == [ANN, ANNA]
    await unread.delete(None, ANN, ["b", "a/b", "unknown"])
    assert await unread.of_chat(None, ANN) == [("c", record(ANN))]
    assert len(await unread.of_chat(None, ANNA)) == 1


async def test_it_goes_when_nobody_waits_any_more(backend: Backend) -> None:
    store = Store(backend)
    await store.unread.put(None, ANN, "a", record(ANN), expires_at=100)
    await store.prune(100)
    assert await store.unread.of_chat(None, ANN) == []


async def test_what_makes_no_sense_is_said(backend: Backend) -> None:
    await backend.commit([Put(Table.UNREAD, f"{ANN}/a", b"\xff")])
    with pytest.raises(StoreCorrupt):
        await Store(backend).unread.of_chat(None, ANN)
