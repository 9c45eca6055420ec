"""How the frozen files in vectors/store are made: once for each version of the schema.

`python -m tests.aiowhatsapp.store.freeze FILE` writes one with the code of today.
"""

import asyncio
from collections.abc import Callable
import random
import sys

from custom_components.whatsapp_web.aiowhatsapp.appstate import CollectionState, KnownRecord
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    PreKeyBundle,
    SessionRecord,
    SignalAddress,
    create,
    make_identity_keys,
    make_pre_keys,
    make_signed_pre_key,
    process_bundle,
)
from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend, Store, Transaction

KEY = bytes(range(32))
ALICE = SignalAddress("901_1", 7)
GROUP = "123@g.us"
CHAT = Jid.parse(GROUP)
SENDER = Jid.parse("901:7@lid")


def make_session(random_bytes: Callable[[int], bytes]) -> SessionRecord:
    """Make the session that follows from a bundle."""
    ours, theirs = make_identity_keys(random_bytes), make_identity_keys(random_bytes)
    signed = make_signed_pre_key(theirs.key_pair, 1, 0, random_bytes)
    bundle = PreKeyBundle(
        registration_id=theirs.registration_id,
        identity=theirs.key_pair.public,
        signed_pre_key_id=1,
        signed_pre_key=signed.key_pair.public,
        signature=signed.signature,
    )
    return process_bundle(None, bundle, ours=ours, random_bytes=random_bytes)


async def fill(store: Store) -> None:
    """Write something through every port."""
    random_bytes = random.Random(5).randbytes
    identity = make_identity_keys(random_bytes).key_pair
    async with store.transaction() as tx:
        await store.identities.put(tx, ALICE, b"i" * 32)
        await store.sessions.put(tx, ALICE, make_session(random_bytes))
        await store.pre_keys.put_many(tx, make_pre_keys(1, 3, random_bytes))
        await store.pre_keys.mark_offered(tx, [1, 2])
        signed = make_signed_pre_key(identity, 4, 1000, random_bytes)
        await store.signed_pre_keys.put(tx, signed)
        await store.signed_pre_keys.set_current(tx, 4)
        await store.sender_keys.put(tx, GROUP, ALICE, create(random_bytes))
        await store.sender_key_targets.add(tx, GROUP, [ALICE])
        await store.app_state_keys.put(tx, b"\x00\x01", b"sync key")
    async with store.transaction() as tx:
        await store.lids.put(tx, "15551", "901", overwrite=False)
        devices = storage.DeviceListRecord(fetched_at=1000)
        devices.devices.add(id=7, key_index=2)
        await store.device_lists.put(tx, "901@lid", devices)
        await store.contacts.put(tx, "901@lid", "Alice")
        await store.groups.put(tx, GROUP, storage.GroupRecord(name="Family"))
        await store.message_secrets.put(tx, CHAT, SENDER, "ID", secret=b"s" * 32, expires_at=2000)
        sent = storage.SentMessageRecord(message=b"sent", sent_at=1000)
        await store.sent_messages.put(tx, CHAT, "ID", sent, expires_at=3000)
        for message_id in ("second", "first"):
            record = storage.InboxRecord(
                message=b"m", chat=GROUP, sender=str(SENDER), id=message_id, timestamp=1000
            )
            await store.inbox.put(tx, message_id, record)
        await store.seen.put(tx, "seen", expires_at=4000)
        await store.retries.put(tx, "retry", 3, expires_at=5000)
        await store.meta.put(tx, "name", b"value")
        waiting = storage.OutboxRecord(chat=GROUP, message=b"m", queued_at=1000, expires_at=7000)
        await store.outbox.put(tx, "ID", waiting)
        state = storage.MessageStateRecord(chat=GROUP, state=2, timestamp=1000)
        await store.message_states.put(tx, "ID", state, expires_at=7000)
        unread = storage.UnreadRecord(chat=GROUP, sender=str(SENDER), timestamp=1000)
        await store.unread.put(tx, CHAT, "ID", unread, expires_at=6000)
        logged = storage.LogRecord(chat=GROUP, sender=str(SENDER), id="ID", timestamp=1000)
        await store.message_log.put(tx, CHAT, logged, expires_at=7000)
        poll = storage.PollRecord(question="Pizza?", options=["Yes", "No"])
        await store.polls.put(tx, CHAT, SENDER, "ID", poll, expires_at=8000)
        await store.notes.put(tx, "note", b"note", expires_at=9000)
        await store.chat_timers.put(tx, CHAT, storage.TimerRecord(seconds=86_400))
        await store.posts.put(tx, Jid.parse("1@newsletter"), "ID", 117, expires_at=7000)
        number = storage.NumberRecord(checked_at=1000, jid="901@lid")
        missing = storage.PlaceholderRecord(
            chat=GROUP, sender=str(SENDER), id="ID", timestamp=1000, noted_at=1001
        )
        await store.unconfirmed.put(tx, SENDER, changed_at=1000)
        await store.placeholders.put(tx, "missing", missing, expires_at=9000)
        await store.numbers.put(tx, "15551", number, expires_at=7000)
        await store.media.put(tx, media_record())
        await fill_account_state(store, tx)


async def fill_account_state(store: Store, tx: Transaction) -> None:
    """Write what the account's devices share."""
    await store.app_state.put(tx, "regular", CollectionState())
    await store.app_state.put_records(tx, "regular", {b"mac": KnownRecord(b"value", b"key")})
    await store.chats.put(tx, CHAT, storage.ChatRecord(name="Family"))
    await store.address_book.put(tx, SENDER, storage.ContactRecord(full_name="Alice"))
    await store.labels.put(tx, "1", storage.LabelRecord(name="Home"))
    await store.stars.put(tx, CHAT, SENDER, "ID")
    await store.history.put(tx, "ID", b"notification")


async def freeze(path: str) -> None:
    """Make the file."""

    async def run_blocking[T](job: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, job)

    backend = SqliteBackend(
        path, key=KEY, random_bytes=random.Random(6).randbytes, run_blocking=run_blocking
    )
    store = Store(backend)
    await store.open()
    await fill(store)
    await store.close()


if __name__ == "__main__":
    asyncio.run(freeze(sys.argv[1]))


def media_record() -> storage.MediaRecord:
    """What is kept of the file of a message."""
    return storage.MediaRecord(
        id="ID",
        chat=str(CHAT),
        sender=str(SENDER),
        kind="IMAGE",
        media_key=b"k" * 32,
        digest=b"d" * 32,
        expires_at=9000,
    )
