"""Ticks, typing, presence, profiles, blocking, calls: our client and clients of others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    BlocklistChanged,
    CallChanged,
    CallState,
    ChatState,
    ChatStateChanged,
    Client,
    Event,
    Jid,
    LocalProtocolError,
    NewsletterFigures,
    NewsletterFollowed,
    NotOnWhatsApp,
    PictureChanged,
    PresenceChanged,
    PrivacyChanged,
    ReceiptKind,
    ReceiptReceived,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from . import people_rows
from .conftest import LinkPeer
from .matrix import CELLS, Sort, Talk
from .ours import OurDevice
from .people_rows import JPEG, tiny_jpeg

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("socket_enabled")]

PATIENCE = 30
KEPT = (
    BlocklistChanged,
    CallChanged,
    ChatStateChanged,
    NewsletterFigures,
    NewsletterFollowed,
    PictureChanged,
    PresenceChanged,
    PrivacyChanged,
    ReceiptReceived,
)


class Watched:
    """Our device, and all it tells of people."""

    def __init__(self, device: OurDevice, client: Client) -> None:
        self.device = device
        self.client = client
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        for kind in KEPT:
            client.subscribe(kind, self._keep)

    def _keep(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def event[E: Event](self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for an event."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        self.events.remove(event)
                        return event
                await self._arrived.wait()

    async def receipt(self, message_id: str, kind: ReceiptKind) -> ReceiptReceived:
        return await self.event(
            ReceiptReceived, lambda event: message_id in event.message_ids and event.kind is kind
        )


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture
async def we(simulator: Simulator, ours: Account, tmp_path: Path) -> AsyncIterator[Watched]:
    """Our client, linked and connected."""
    folder = tmp_path / "ours"
    folder.mkdir()
    device = OurDevice(simulator, ours, folder)
    await device.link()
    client = await device.start()
    yield Watched(device, client)
    await device.aclose()


@pytest.fixture
async def peer(link_peer: LinkPeer, kind: Kind, theirs: Account) -> Peer:
    """A linked device of somebody else."""
    return await link_peer(kind, theirs)


async def shown(peer: Peer, state: str) -> None:
    """Wait until a peer shows somebody in a state."""
    await peer.next_event("presence", lambda data: data["state"] == state)


async def test_ticks(we: Watched, peer: Peer, ours: Account, theirs: Account) -> None:
    """What we write is delivered, read and played there; what they write, here, if asked."""
    await peer.presence("available", name="Ann")
    sent = await we.device.send(theirs.number, "hello")
    got = await peer.next_text("hello")
    await we.receipt(sent.message_id, ReceiptKind.DELIVERED)
    await peer.mark_read(got)
    receipt = await we.receipt(sent.message_id, ReceiptKind.READ)
    assert receipt.sender == receipt.chat == theirs.lid_jid
    await peer.command("mark_played", **{"from": got.chat, "message_id": got.id})
    await we.receipt(sent.message_id, ReceiptKind.PLAYED)

    ids = [await peer.send_text(we.device.address, text) for text in ("one", "two")]
    await we.device.text("two")
    await peer.wait_status(ids[1], "delivered")
    seen = [event.data["status"] for event in peer.events if event.name == "status"]
    assert "read" not in seen
    assert await we.client.reading.mark_read(theirs.lid_jid) == 2
    for message_id in ids:
        await peer.wait_status(message_id, "read")


async def test_nobody_is_told_where_we_hide_reading(
    we: Watched, peer: Peer, ours: Account, theirs: Account, simulator: Simulator
) -> None:
    await we.client.privacy.set("readreceipts", "none")
    message_id = await peer.send_text(we.device.address, "secret")
    await we.device.text("secret")
    await we.client.reading.mark_read(theirs.lid_jid)
    await ours.phone.wait_receipt(message_id, "read-self")
    await we.device.send(theirs.number, "later")
    await peer.next_text("later")
    await simulator.settled()
    assert all(receipt.type != "read" for receipt in theirs.phone.receipts)


async def test_typing_and_presence(we: Watched, peer: Peer, theirs: Account, ours: Account) -> None:
    address = we.device.address
    await peer.presence("available", name="Ann")
    await peer.command("follow", jid=address)
    await shown(peer, "unavailable")
    for state, name in (
        (ChatState.TYPING, "composing"),
        (ChatState.RECORDING, "recording"),
    ):
        await we.client.presence.show(theirs.lid_jid, state)
        await shown(peer, name)
    await we.client.presence.show(theirs.lid_jid, ChatState.PAUSED)
    # Baileys calls it available when somebody stopped.
    paused = "available" if peer.kind == "baileys" else "paused"
    await shown(peer, paused)
    await we.client.presence.set(available=True)
    await shown(peer, "available")

    await we.client.presence.follow(theirs.lid_jid)
    await we.event(PresenceChanged, lambda event: event.available)
    for name, state in (
        ("composing", ChatState.TYPING),
        ("recording", ChatState.RECORDING),
        ("paused", ChatState.PAUSED),
    ):
        await peer.command("chat_state", to=address, state=name)
        event = await we.event(ChatStateChanged)
        assert event.state is state
        assert event.sender == event.chat == theirs.lid_jid
    await peer.presence("unavailable")
    gone = await we.event(PresenceChanged, lambda event: not event.available)
    assert gone.last_seen is not None


async def test_looking_people_up(
    we: Watched, peer: Peer, simulator: Simulator, theirs: Account, ours: Account
) -> None:
    """Numbers, about texts and pictures, both ways; a national variant of a number."""
    simulator.people.aliases["9" + theirs.number] = theirs.number
    checked = await we.client.contacts.check_numbers(
        [theirs.number, "9" + theirs.number, "15559999999"]
    )
    assert [each.chat for each in checked] == [theirs.lid_jid, theirs.lid_jid, None]
    found = (await peer.command("check_numbers", numbers=[ours.number]))["found"]
    known = found[0]["lidJid" if peer.kind == "zapo" else "jid"]
    assert known.partition("@")[0] in (ours.number, ours.lid)

    await we.device.send(theirs.number, "Hello")
    await peer.next_text("Hello")
    await peer.command("set_about", text="At the door")
    profile = await we.client.contacts.profile(theirs.lid_jid)
    assert profile.about == "At the door"
    await we.client.profile.set_about("At home")
    assert (await peer.command("about", jid=we.device.address))["text"] == "At home"

    await peer.command("set_picture", jid=str(theirs.pn_jid), jpeg=tiny_jpeg())
    changed = await we.event(PictureChanged)
    picture = await we.client.contacts.picture(theirs.lid_jid)
    assert picture is not None
    assert picture.id == changed.picture_id == simulator.people.of(theirs).picture_id
    jpeg = await we.client.contacts.download_picture(theirs.lid_jid)
    assert jpeg == simulator.people.of(theirs).picture
    picture_id = await we.client.profile.set_picture(JPEG)
    shown_url = (await peer.command("picture", jid=we.device.address, type="image"))["url"]
    assert shown_url.startswith(f"https://{simulator.media.host}/")
    profile_of_ours = simulator.people.of(ours)
    assert (profile_of_ours.picture, profile_of_ours.picture_id) == (JPEG, picture_id)


async def test_a_username_is_found(
    we: Watched, simulator: Simulator, theirs: Account, ours: Account
) -> None:
    profile = simulator.people.of(theirs)
    profile.username = "ann"
    assert await we.client.contacts.find_username("@ann") == theirs.lid_jid
    profile.pin = "1234"
    with pytest.raises(NotOnWhatsApp):
        await we.client.contacts.find_username("ann")
    assert await we.client.contacts.find_username("ann", pin="1234") == theirs.lid_jid
    await we.client.send_text(theirs.lid_jid, "By name")
    await theirs.phone.wait_message("By name")
    assert (await we.client.contacts.profile(theirs.lid_jid)).username == "ann"


async def test_a_business_is_described(
    we: Watched, peer: Peer, simulator: Simulator, theirs: Account, ours: Account
) -> None:
    simulator.people.of(theirs).business = {
        "description": "We sell bread",
        "email": "ann@example.com",
        "category": "Bakery",
        "timezone": "America/Sao_Paulo",
    }
    business = await we.client.contacts.business(theirs.pn_jid)
    assert business is not None
    assert (business.description, business.categories) == ("We sell bread", ("Bakery",))
    assert [(day.day, day.opens) for day in business.hours] == [("mon", 540)]
    assert await we.client.contacts.business(ours.pn_jid) is None
    profile = (await peer.command("business", jid=str(theirs.pn_jid)))["profile"]
    assert profile["description"] == "We sell bread"


async def test_privacy_and_blocking(
    we: Watched, link_peer: LinkPeer, kind: Kind, theirs: Account, ours: Account
) -> None:
    """What one device of an account changes, the other knows; and what it means to others."""
    other = await link_peer(kind, ours)
    await we.client.privacy.set("status", "none")
    settings = (await other.command("privacy"))["settings"]
    # zapo-js has names of its own for the settings.
    assert settings["about" if kind == "zapo" else "status"] == "none"
    assert (await we.client.privacy.settings())["last"] == "all"
    await other.command(
        "set_privacy", name="lastSeen" if kind == "zapo" else "last", value="contacts"
    )
    await we.event(PrivacyChanged, lambda event: event.settings == {"last": "contacts"})
    assert (await we.client.privacy.settings())["last"] == "contacts"

    await we.client.contacts.check_numbers([theirs.number])
    await we.client.contacts.block(theirs.pn_jid)
    assert await we.client.contacts.blocked() == {theirs.lid_jid}
    assert (await other.command("blocklist"))["jids"] == [str(theirs.lid_jid)]
    await other.command("block", jid=str(theirs.lid_jid), on=False)
    await we.event(BlocklistChanged, lambda event: not event.blocked)
    assert await we.client.contacts.blocked() == frozenset()
    if kind == "baileys":
        # zapo-js names no number, which the server wants for blocking.
        await other.command("block", jid=str(theirs.pn_jid), on=True)
        await we.event(BlocklistChanged, lambda event: event.blocked)
        assert await we.client.contacts.blocked() == {theirs.lid_jid}


async def test_all_contacts_but_one(
    we: Watched, peer: Peer, simulator: Simulator, theirs: Account
) -> None:
    await we.device.send(theirs.number, "Hello")
    await peer.next_text("Hello")
    await we.client.profile.set_about("At home")
    await we.client.privacy.exclude("status", [theirs.pn_jid])
    assert await we.client.privacy.excluded("status") == {theirs.lid_jid}
    assert not (await peer.command("about", jid=we.device.address))["text"]
    await we.client.privacy.exclude("status", [])
    assert await we.client.privacy.excluded("status") == frozenset()
    assert (await peer.command("about", jid=we.device.address))["text"] == "At home"
    with pytest.raises(LocalProtocolError):
        await we.client.privacy.exclude("status", [Jid.of_number("15559999999")])


async def test_calls(
    we: Watched, peer: Peer, theirs: Account, ours: Account, simulator: Simulator
) -> None:
    """A peer calls us and we refuse; the phone calls, and nobody answers."""
    await peer.command("offer_call", to=we.device.address, call_id="CALL1", video=True)
    event = await we.event(CallChanged)
    assert (event.call_id, event.state) == ("CALL1", CallState.RINGING)
    assert (event.caller, event.caller_phone) == (theirs.lid_jid, theirs.pn_jid)
    assert (event.video, event.is_group) == (True, False)
    await we.client.calls.reject("CALL1")
    assert (await we.event(CallChanged)).state is CallState.REJECTED
    await peer.next_event(
        "call", lambda data: data["call_id"] == "CALL1" and data["status"] == "reject"
    )
    # Our own phone stops ringing.
    await simulator.ledger.until(lambda: ("CALL1", "terminate") in ours.phone.calls.heard)

    call_id = theirs.phone.calls.ring(ours)
    assert (await we.event(CallChanged)).video is False
    theirs.phone.calls.hang_up(ours, call_id, "timeout")
    assert (await we.event(CallChanged)).state is CallState.MISSED

    call_id = theirs.phone.calls.ring(ours)
    assert (await we.event(CallChanged)).state is CallState.RINGING
    ours.phone.calls.accept(theirs, call_id)
    assert (await we.event(CallChanged)).state is CallState.ACCEPTED


async def test_a_peer_is_called(peer: Peer, theirs: Account, ours: Account) -> None:
    """What our simulator says of a call is what the peers understand."""
    call_id = ours.phone.calls.ring(theirs, video=True)
    event = await peer.next_event("call")
    assert (event["call_id"], event["status"], event["video"]) == (call_id, "offer", True)
    await peer.command("reject_call", call_id=call_id, **{"from": str(ours.lid_jid)})
    await peer.command("info")


async def test_channels(
    we: Watched, peer: Peer, simulator: Simulator, theirs: Account, ours: Account
) -> None:
    """A channel of the peer's account: followed, read and reacted to by us, and by the peer."""
    channel = simulator.newsletters.create(theirs, "News", "Daily")
    found = await we.client.newsletters.describe(f"https://whatsapp.com/channel/{channel.invite}")
    assert found is not None
    assert (found.jid, found.name, found.role) == (channel.jid, "News", "guest")
    await we.client.newsletters.follow(channel.jid)
    assert [each.jid for each in await we.client.newsletters.list()] == [channel.jid]
    assert await we.client.newsletters.follow_live(channel.jid) > 0

    if peer.kind == "baileys":
        await peer.command("channel", action="send", jid=str(channel.jid), text="Good morning")
    else:
        # zapo-js knows no channels: its account's phone posts.
        message = wire.Message(conversation="Good morning")
        simulator.newsletters.publish(channel, "P1", message.SerializeToString())
    post = await we.device.text("Good morning")
    assert (post.chat, post.is_group, post.server_id) == (channel.jid, False, 101)
    (fetched,) = await we.client.newsletters.posts(channel.jid)
    assert fetched.server_id == 101

    await we.client.newsletters.react(channel.jid, 101, "\N{THUMBS UP SIGN}")
    assert channel.posts[0].reactions == {ours: "\N{THUMBS UP SIGN}"}
    arguments = {"jid": str(channel.jid), "server_id": "101", "emoji": "\N{HEAVY BLACK HEART}"}
    await peer.command("channel", action="react", **arguments)
    figures = await we.event(NewsletterFigures, lambda event: len(event.reactions) == 2)
    assert figures.server_id == 101
    await we.client.newsletters.mark_viewed(channel.jid, [101])
    await simulator.ledger.until(lambda: channel.posts[0].viewers == {ours})

    await we.client.newsletters.unfollow(channel.jid)
    assert await we.client.newsletters.list() == []
    result = (await peer.command("channel", action="read", jid=str(channel.jid), count=5))["result"]
    assert result == ["message_updates" if peer.kind == "baileys" else "messages"]
    if peer.kind == "baileys":
        own = (await peer.command("channel", action="describe", jid=str(channel.jid)))["result"]
        assert own["id"] == str(channel.jid)


async def test_a_channel_is_followed_on_another_device(
    we: Watched, link_peer: LinkPeer, simulator: Simulator, theirs: Account, ours: Account
) -> None:
    other = await link_peer("baileys", ours)
    channel = simulator.newsletters.create(theirs, "News")
    await other.command("channel", action="follow", jid=str(channel.jid))
    event = await we.event(NewsletterFollowed)
    assert (event.channel, event.followed) == (channel.jid, True)
    await other.command("channel", action="unfollow", jid=str(channel.jid))
    assert (await we.event(NewsletterFollowed)).followed is False


async def test_in_a_group(
    we: Watched, peer: Peer, theirs: Account, simulator: Simulator, ours: Account
) -> None:
    """Ticks by participant, typing and recording in a group, both ways."""
    await we.client.contacts.check_numbers([theirs.number])
    info = await we.client.groups.create("Family", [theirs.lid_jid])
    talk = Talk(
        ours=we.device,
        peer=peer,
        sort=Sort.GROUP,
        chat=info.jid,
        to=str(info.jid),
        peer_jid=theirs.lid_jid,
    )
    acts = [
        each.act
        for each in CELLS
        if each.act.__module__ == people_rows.__name__ and Sort.GROUP in each.sorts
    ]
    assert len(acts) == 12
    for act in acts:
        await act(talk)
    # What our phone reads there is unread no more.
    message_id = await peer.send_text(talk.to, "Who left the light on?")
    await we.device.text("Who left the light on?")
    assert message_id in await we.client.reading.unread(info.jid)
    attrs: dict[str, str | Jid] = {"id": message_id, "to": info.jid, "type": "read"}
    ours.phone.emit(Node("receipt", attrs | {"participant": theirs.lid_jid}))
    await we.receipt(message_id, ReceiptKind.READ)
    async with asyncio.timeout(PATIENCE):
        while message_id in await we.client.reading.unread(info.jid):
            await simulator.settled()
