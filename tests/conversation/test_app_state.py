"""Archive, mute, names and the like among the devices of one account, with both peers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from custom_components.whatsapp_web.aiowhatsapp import Client, Jid
from custom_components.whatsapp_web.aiowhatsapp.appstate import Change, CollectionState
from custom_components.whatsapp_web.aiowhatsapp.client.chats import Chat
from custom_components.whatsapp_web.aiowhatsapp.client.sync_actions import (
    COLLECTIONS,
    MUTED_FOREVER,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import AppStateError
from custom_components.whatsapp_web.aiowhatsapp.events import OwnNameChanged
from custom_components.whatsapp_web.aiowhatsapp.events.chats import (
    ChatChange,
    ChatChanged,
    ContactsChanged,
    MessageStarred,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .ours import OurDevice

pytestmark = pytest.mark.peers

type LinkPeer = Callable[[Kind], Awaitable[Peer]]

OURS, ANN, BEN = "15550001111", "15550002222", "15550003333"


class Household:
    """Our account with its phone, our device, and another linked device."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.account = simulator.add_account(OURS, "Home")
        self.ann = simulator.add_account(ANN, "Ann")
        self.ben = simulator.add_account(BEN, "Ben")
        self.folder = folder
        self.ours = OurDevice(simulator, self.account, folder)
        self.events: list[object] = []

    @property
    def client(self) -> Client:
        assert self.ours.client is not None
        return self.ours.client

    @property
    def chats(self) -> dict[str, str]:
        """The chats of both people by LID, as peers name them."""
        return {"ann": str(self.ann.lid_jid), "ben": str(self.ben.lid_jid)}

    async def start(self) -> None:
        await self.ours.link()
        await self.go_on()

    async def go_on(self) -> None:
        client = await self.ours.start()
        for kind in (ChatChanged, ContactsChanged, MessageStarred, OwnNameChanged):
            client.subscribe(kind, self._note)

    def _note(self, event: object) -> None:
        self.events.append(event)
        self.simulator.ledger.happened()

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.simulator.ledger.until(condition, timeout=30)

    async def heard(self, event: object) -> None:
        """Wait for an event."""
        await self.until(lambda: event in self.events)

    async def synced(self) -> None:
        """Wait until our device has every collection."""
        assert self.ours.device is not None
        label = self.ours.device.label
        await self.until(
            lambda: (
                {name for who, name in self.simulator.app_states.fetches if who == label}
                >= set(COLLECTIONS)
            )
        )

    async def chat(self, account: Account) -> Chat:
        return await self.client.chats.get(account.lid_jid)

    async def forget_collections(self) -> None:
        """Have our device, while it is stopped, begin anew with every collection."""
        assert self.ours.client is None
        store = self.ours.make_store()
        await store.open()
        for name in COLLECTIONS:
            await store.app_state.put(None, name, CollectionState())
            await store.app_state.mark_stale(None, [name])
        await store.close()

    def on_phone(self, collection: str, *index: str) -> appstate.SyncActionValue | None:
        """What the phone shows."""
        return self.account.phone.state.of(collection).values.get(index)


@pytest_asyncio.fixture
async def household(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Household]:
    async with Simulator() as simulator:
        made = Household(simulator, tmp_path)
        await made.start()
        await made.synced()
        yield made
        await made.ours.aclose()
        assert simulator.ledger.violations == []


@pytest_asyncio.fixture
async def link(household: Household, tmp_path: Path) -> AsyncIterator[LinkPeer]:
    async with AsyncExitStack() as stack:

        async def make(kind: Kind) -> Peer:
            peer = Peer(kind, household.simulator, tmp_path / kind)
            await stack.enter_async_context(peer)
            await household.account.phone.scan(await peer.wait_qr())
            await peer.wait_open()
            # By now it has what the phone gives it after linking, the keys first.
            await household.simulator.settled()
            return peer

        yield make


async def test_what_the_phone_does_is_seen(household: Household) -> None:
    phone = household.account.phone.state
    ann, ben = household.ann.lid_jid, household.ben.lid_jid
    phone.save_contact(household.ann, "Ann Example")
    phone.save_contact(household.ben, "Ben from next door", by_lid=True)
    phone.archive(household.ann)
    phone.mute(household.ben)
    phone.label("3", "Family", household.ann, household.ben)
    phone.rename("Our home")
    await household.heard(OwnNameChanged(name="Our home"))
    for change, chat in (
        (ChatChange.ARCHIVED, ann),
        (ChatChange.MUTED, ben),
        (ChatChange.LABELS, ann),
    ):
        await household.heard(ChatChanged(chat=chat, change=change))
    await household.heard(ContactsChanged(users=(ben,)))
    assert await household.client.name_of(ann) == "Ann Example"
    # The address book also told which number has which LID.
    assert await household.client.name_of(household.ann.pn_jid) == "Ann Example"
    assert await household.client.name_of(ben) == "Ben from next door"
    assert (await household.chat(household.ann)).archived
    assert (await household.chat(household.ann)).labels == ("Family",)
    assert (await household.chat(household.ben)).muted_until == MUTED_FOREVER
    assert household.client.push_name == "Our home"
    phone.remove_contact(household.ann)
    phone.archive(household.ann, archived=False)
    household.events.clear()
    await household.until(lambda: len(household.events) >= 2)
    assert await household.client.name_of(ann) is None
    assert not (await household.chat(household.ann)).archived


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_our_changes_are_seen_by_phone_and_peer(
    household: Household, link: LinkPeer, kind: Kind
) -> None:
    peer = await link(kind)
    chats, ann = household.client.chats, household.ann.lid_jid
    await chats.archive(ann)
    assert await peer.wait_chat(str(ann), "archive") is True
    await chats.mute(ann, MUTED_FOREVER)
    assert await peer.wait_chat(str(ann), "mute") == MUTED_FOREVER
    await chats.mark_read(ann, read=False)
    assert await peer.wait_chat(str(ann), "read") is False
    await chats.mark_read(ann)
    assert await peer.wait_chat(str(ann), "read") is True
    await chats.archive(ann, archived=False)
    assert await peer.wait_chat(str(ann), "archive") is False
    await chats.pin(ann)
    assert await peer.wait_chat(str(ann), "pin") is True
    await chats.mute(ann, None)
    assert await peer.wait_chat(str(ann), "mute") is None
    await chats.delete(ann)
    await peer.wait_chat(str(ann), "delete")
    await household.simulator.settled()
    archived = household.on_phone("regular_low", "archive", str(ann))
    assert archived is not None
    assert not archived.archiveChatAction.archived
    assert household.on_phone("regular_high", "mute", str(ann)) is not None


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_the_changes_of_a_peer_are_seen_by_us(
    household: Household, link: LinkPeer, kind: Kind
) -> None:
    peer = await link(kind)
    ann = household.ann.lid_jid
    await peer.change_chat(str(ann), "archive", True)
    await household.heard(ChatChanged(chat=ann, change=ChatChange.ARCHIVED))
    assert (await household.chat(household.ann)).archived
    until = int(household.simulator.now() + 3600)
    await peer.change_chat(str(ann), "mute", until * 1000)
    await household.heard(ChatChanged(chat=ann, change=ChatChange.MUTED))
    assert (await household.chat(household.ann)).muted_until == until
    await peer.change_chat(str(ann), "read", False)
    await household.heard(ChatChanged(chat=ann, change=ChatChange.UNREAD))
    assert (await household.chat(household.ann)).marked_unread
    household.events.clear()
    await peer.change_chat(str(ann), "pin", True)
    # zapo-js fetches an archived chat back first.
    await household.heard(ChatChanged(chat=ann, change=ChatChange.PINNED))
    await household.simulator.settled()
    assert household.on_phone("regular_low", "pin_v1", str(ann)) is not None


async def test_a_contact_that_baileys_saves_has_a_name_for_us(
    household: Household, link: LinkPeer
) -> None:
    peer = await link("baileys")
    contact = {"fullName": "Ben Baileys", "firstName": "Ben", "lidJid": str(household.ben.lid_jid)}
    await peer.change_chat(str(household.ben.pn_jid), "contact", contact)
    await household.heard(ContactsChanged(users=(household.ben.lid_jid,)))
    assert await household.client.name_of(household.ben.lid_jid) == "Ben Baileys"


async def test_writing_at_the_same_time_keeps_both(household: Household) -> None:
    phone, states = household.account.phone.state, household.simulator.app_states
    states.before_patch.append(lambda: phone.archive(household.ben))
    await household.client.chats.archive(household.ann.lid_jid)
    assert states.conflicts == 1
    assert (await household.chat(household.ann)).archived
    assert (await household.chat(household.ben)).archived
    await household.simulator.settled()
    assert household.on_phone("regular_low", "archive", str(household.ann.lid_jid)) is not None


async def test_who_is_always_too_late_is_told(household: Household) -> None:
    phone, states = household.account.phone.state, household.simulator.app_states
    states.before_patch += [lambda: phone.archive(household.ben)] * 10
    with pytest.raises(AppStateError):
        await household.client.chats.archive(household.ann.lid_jid)
    states.before_patch.clear()
    await household.client.chats.archive(household.ann.lid_jid)
    assert (await household.chat(household.ann)).archived


async def test_a_forged_patch_is_refused(household: Household) -> None:
    phone, states = household.account.phone.state, household.simulator.app_states
    phone.archive(household.ann)
    await household.heard(ChatChanged(chat=household.ann.lid_jid, change=ChatChange.ARCHIVED))
    genuine = states.of(household.account)["regular_low"].patches[-1]
    forged = appstate.SyncdPatch.FromString(genuine)
    forged.mutations[0].operation = 1
    states.inject(household.account, "regular_low", forged.SerializeToString())
    with pytest.raises(AppStateError):
        await household.client.chats.archive(household.ben.lid_jid)
    assert (await household.chat(household.ann)).archived
    assert not (await household.chat(household.ben)).archived


async def test_a_key_that_is_missing_is_asked_for(household: Household) -> None:
    phone = household.account.phone
    phone.state.rotate_key()
    phone.state.archive(household.ann)
    await household.heard(ChatChanged(chat=household.ann.lid_jid, change=ChatChange.ARCHIVED))
    asked = [
        message
        for _, message in phone.peer_messages
        if message.protocolMessage.HasField("appStateSyncKeyRequest")
    ]
    assert len(asked) == 1
    await household.client.chats.archive(household.ben.lid_jid)
    assert (await household.chat(household.ben)).archived


async def test_what_changed_while_we_were_away_is_there_afterwards(household: Household) -> None:
    await household.ours.stop()
    phone = household.account.phone.state
    phone.save_contact(household.ann, "Ann Example")
    phone.archive(household.ben)
    household.events.clear()
    await household.go_on()
    await household.heard(ContactsChanged(users=(household.ann.lid_jid,)))
    await household.heard(ChatChanged(chat=household.ben.lid_jid, change=ChatChange.ARCHIVED))
    assert await household.client.name_of(household.ann.lid_jid) == "Ann Example"
    # It is all on disk: nothing is fetched once more.
    await household.ours.stop()
    fetched = len(household.simulator.app_states.fetches)
    await household.go_on()
    await household.simulator.settled()
    assert await household.client.name_of(household.ann.lid_jid) == "Ann Example"
    assert len(household.simulator.app_states.fetches) == fetched


async def test_a_snapshot_of_a_thousand_contacts(household: Household) -> None:
    """Beginning anew takes over what is there, and forgets what is not."""
    phone, states = household.account.phone.state, household.simulator.app_states
    phone.save_contact(household.ann, "Ann Example")
    await household.heard(ContactsChanged(users=(household.ann.lid_jid,)))
    await household.ours.stop()
    phone.remove_contact(household.ann)
    value = appstate.SyncActionValue(timestamp=1)
    value.contactAction.fullName = "One of many"
    many = [f"{number}@s.whatsapp.net" for number in range(1000)]
    changes = [Change(index=("contact", each), value=value, version=2) for each in many]
    phone.write("critical_unblock_low", *changes)
    phone.archive(household.ben)
    states.snapshots = True
    await household.forget_collections()
    household.events.clear()
    await household.go_on()
    await household.until(
        lambda: any(isinstance(event, ContactsChanged) for event in household.events)
    )
    assert await household.client.name_of(household.ann.lid_jid) is None
    assert await household.client.name_of(Jid.parse(many[-1])) == "One of many"
    assert len(await household.client.chats.contacts()) == 1000
    # From here on patches follow, ours and the phone's.
    phone.save_contact(household.ann, "Ann again")
    await household.heard(ContactsChanged(users=(household.ann.lid_jid,)))
    await household.client.chats.archive(household.ann.lid_jid)
    assert (await household.chat(household.ben)).archived


async def test_a_message_of_somebody_unknown_brings_a_name(household: Household) -> None:
    await household.ann.phone.send_text(household.account, "Hello")
    await household.ours.text("Hello")
    assert await household.client.name_of(household.ann.lid_jid) == "Ann"
    household.account.phone.state.save_contact(household.ann, "Ann Example")
    await household.heard(ContactsChanged(users=(household.ann.lid_jid,)))
    assert await household.client.name_of(household.ann.lid_jid) == "Ann Example"
    (chat,) = await household.client.chats.all()
    assert (chat.jid, chat.name, chat.unread) == (household.ann.lid_jid, "Ann Example", 1)
    assert await household.client.name_of(Jid.parse("1@lid")) is None
