"""Rows of the matrix: ticks, typing, presence, look-ups, profiles, blocking, calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import io
from typing import Any, Final

from PIL import Image

from custom_components.whatsapp_web.aiowhatsapp import (
    CallChanged,
    CallState,
    ChatState,
    ChatStateChanged,
    Client,
    Event,
    PictureChanged,
    PresenceChanged,
    ReceiptKind,
    ReceiptReceived,
)

from .matrix import Direction, Sort, Talk, cell

IN: Final = Direction.IN
OUT: Final = Direction.OUT
PERSON: Final = (Sort.PERSON,)
VOICE: Final = {"audioMessage": {"ptt": True, "seconds": 1, "mimetype": "audio/ogg"}}
JPEG: Final = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
NO_NUMBER: Final[Any] = {"zapo": "names no number, which the server wants for blocking"}
# Baileys says of whoever stopped typing that they are available.
PAUSED: Final = {"baileys": "available", "zapo": "paused"}


def client_of(talk: Talk) -> Client:
    assert talk.ours.client is not None
    return talk.ours.client


@asynccontextmanager
async def heard[E: Event](
    talk: Talk, kind: type[E], fits: Callable[[E], bool]
) -> AsyncIterator[asyncio.Future[E]]:
    """Do something, and have what we hear because of it."""
    future: asyncio.Future[E] = asyncio.get_running_loop().create_future()

    def keep(event: E) -> None:
        if not future.done() and fits(event):
            future.set_result(event)

    stop = client_of(talk).subscribe(kind, keep)
    try:
        yield future
        await future
    finally:
        stop()


async def receipt(talk: Talk, message_id: str, kind: ReceiptKind) -> ReceiptReceived:
    return await talk.ours.until(
        lambda: next(
            (
                each
                for each in talk.ours.receipts
                if message_id in each.message_ids
                and each.kind is kind
                and each.sender == talk.peer_jid
            ),
            None,
        )
    )


async def peer_receipt(talk: Talk, message_id: str, kind: str) -> None:
    await talk.peer.next_receipt(lambda each: message_id in each.ids and each.type == kind)


async def be_online(talk: Talk) -> None:
    """Have both sides online: only then the server passes on who types."""
    await client_of(talk).presence.set(available=True)
    await talk.peer.presence("available", name="Ann")


# --- ticks


@cell("receipt: delivered", IN)
async def delivered_in(talk: Talk) -> None:
    await talk.peer.presence("available", name="Ann")
    message_id, _ = await talk.from_us()
    assert (await receipt(talk, message_id, ReceiptKind.DELIVERED)).chat == talk.chat


@cell("receipt: delivered", OUT)
async def delivered_out(talk: Talk) -> None:
    message_id, _ = await talk.from_peer()
    await peer_receipt(talk, message_id, "delivery")


@cell("receipt: read", IN)
async def read_in(talk: Talk) -> None:
    message_id = (await talk.from_us())[0]
    (message,) = [each for each in talk.peer.messages() if each.id == message_id]
    await talk.peer.mark_read(message)
    assert (await receipt(talk, message_id, ReceiptKind.READ)).chat == talk.chat


@cell("receipt: read", OUT)
async def read_out(talk: Talk) -> None:
    ids = [(await talk.from_peer())[0] for _ in range(2)]
    assert await client_of(talk).reading.mark_read(talk.chat, ids) == 2
    # Both in one receipt, as the official clients do.
    await talk.peer.next_receipt(lambda each: set(each.ids) == set(ids) and each.type == "read")


@cell("receipt: played", IN)
async def played_in(talk: Talk) -> None:
    message_id, key = await talk.from_us()
    names = {"from": talk.to, "message_id": message_id, "participant": key.get("participant")}
    await talk.peer.command("mark_played", **names)
    await receipt(talk, message_id, ReceiptKind.PLAYED)


@cell("receipt: played", OUT)
async def played_out(talk: Talk) -> None:
    message_id = await talk.write(VOICE)
    await talk.comes(message_id)
    assert await client_of(talk).reading.mark_played(talk.chat, [message_id]) == 1
    await peer_receipt(talk, message_id, "played")


# --- presence


async def shows(talk: Talk, state: ChatState, name: str) -> None:
    await be_online(talk)
    await client_of(talk).presence.show(talk.chat, state)
    await talk.peer.next_event("presence", lambda data: data["state"] == name)


async def is_told(talk: Talk, state: ChatState, name: str) -> None:
    await be_online(talk)
    async with heard(talk, ChatStateChanged, lambda event: event.state is state) as future:
        await talk.peer.command("chat_state", to=talk.to, state=name)
    assert (future.result().chat, future.result().sender) == (talk.chat, talk.peer_jid)


@cell("typing", OUT)
async def typing_out(talk: Talk) -> None:
    await shows(talk, ChatState.TYPING, "composing")


@cell("typing", IN)
async def typing_in(talk: Talk) -> None:
    await is_told(talk, ChatState.TYPING, "composing")


@cell("recording", OUT)
async def recording_out(talk: Talk) -> None:
    await shows(talk, ChatState.RECORDING, "recording")


@cell("recording", IN)
async def recording_in(talk: Talk) -> None:
    await is_told(talk, ChatState.RECORDING, "recording")


@cell("typing stopped", OUT)
async def paused_out(talk: Talk) -> None:
    await shows(talk, ChatState.PAUSED, PAUSED[talk.peer.kind])


@cell("typing stopped", IN)
async def paused_in(talk: Talk) -> None:
    await is_told(talk, ChatState.PAUSED, "paused")


@cell("presence", OUT, sorts=PERSON)
async def presence_out(talk: Talk) -> None:
    await talk.peer.presence("available", name="Ann")
    await client_of(talk).presence.set(available=False)
    await talk.peer.command("follow", jid=talk.to)
    await talk.peer.next_event("presence", lambda data: data["state"] == "unavailable")
    await client_of(talk).presence.set(available=True)
    await talk.peer.next_event("presence", lambda data: data["state"] == "available")


@cell("presence", IN, sorts=PERSON)
async def presence_in(talk: Talk) -> None:
    await be_online(talk)
    async with heard(talk, PresenceChanged, lambda event: event.available):
        await client_of(talk).presence.follow(talk.chat)
    async with heard(talk, PresenceChanged, lambda event: not event.available) as future:
        await talk.peer.presence("unavailable")
    assert future.result().last_seen is not None


# --- people


@cell("number looked up", OUT, sorts=PERSON)
async def number_out(talk: Talk) -> None:
    phone = client_of(talk).phone_of(talk.peer_jid)
    assert phone is not None
    (checked,) = await client_of(talk).contacts.check_numbers([phone.user])
    assert (checked.chat, checked.phone) == (talk.peer_jid, phone)


@cell("number looked up", IN, sorts=PERSON)
async def number_in(talk: Talk) -> None:
    account = talk.ours.account
    found = (await talk.peer.command("check_numbers", numbers=[account.number]))["found"]
    known = found[0]["lidJid" if talk.peer.kind == "zapo" else "jid"]
    assert known.partition("@")[0] in (account.number, account.lid)


@cell("about text", OUT, sorts=PERSON)
async def about_out(talk: Talk) -> None:
    await client_of(talk).profile.set_about("At home")
    assert (await talk.peer.command("about", jid=talk.to))["text"] == "At home"


@cell("about text", IN, sorts=PERSON)
async def about_in(talk: Talk) -> None:
    await talk.peer.command("set_about", text="At the door")
    client_of(talk).contacts.forget([talk.peer_jid])
    assert (await client_of(talk).contacts.profile(talk.peer_jid)).about == "At the door"


@cell("profile picture", OUT, sorts=PERSON)
async def picture_out(talk: Talk) -> None:
    await client_of(talk).profile.set_picture(JPEG)
    own = await client_of(talk).profile.picture()
    seen = (await talk.peer.command("picture", jid=talk.to, type="image"))["url"]
    assert own is not None
    assert seen.startswith("https://")


@cell("profile picture", IN, sorts=PERSON)
async def picture_in(talk: Talk) -> None:
    phone = client_of(talk).phone_of(talk.peer_jid)
    async with heard(talk, PictureChanged, lambda event: event.chat == talk.peer_jid):
        await talk.peer.command("set_picture", jid=str(phone), jpeg=tiny_jpeg())
    jpeg = await client_of(talk).contacts.download_picture(talk.peer_jid)
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8\xff")


@cell("privacy: about hidden", OUT, sorts=PERSON)
async def privacy_out(talk: Talk) -> None:
    await client_of(talk).privacy.set("status", "none")
    assert not (await talk.peer.command("about", jid=talk.to))["text"]
    await client_of(talk).privacy.set("status", "all")


@cell("privacy: about hidden", IN, sorts=PERSON)
async def privacy_in(talk: Talk) -> None:
    name = "about" if talk.peer.kind == "zapo" else "status"
    await talk.peer.command("set_privacy", name=name, value="none")
    client_of(talk).contacts.forget([talk.peer_jid])
    assert (await client_of(talk).contacts.profile(talk.peer_jid)).about is None
    await talk.peer.command("set_privacy", name=name, value="all")


@cell("blocked", OUT, sorts=PERSON)
async def block_out(talk: Talk) -> None:
    await client_of(talk).contacts.block(talk.peer_jid)
    assert not (await talk.peer.command("about", jid=talk.to))["text"]
    await client_of(talk).contacts.unblock(talk.peer_jid)


@cell("blocked", IN, sorts=PERSON, cannot=NO_NUMBER)
async def block_in(talk: Talk) -> None:
    await talk.peer.command("block", jid=talk.to, on=True)
    client_of(talk).contacts.forget([talk.peer_jid])
    assert (await client_of(talk).contacts.profile(talk.peer_jid)).about is None
    await talk.peer.command("block", jid=talk.to, on=False)


@cell("call, refused", IN, sorts=PERSON)
async def call_in(talk: Talk) -> None:
    call_id = talk.text("CALL").replace(" ", "")
    async with heard(talk, CallChanged, lambda event: event.state is CallState.RINGING) as future:
        await talk.peer.command("offer_call", to=talk.to, call_id=call_id, video=False)
    assert (future.result().caller, future.result().call_id) == (talk.peer_jid, call_id)
    await client_of(talk).calls.reject(call_id)
    await talk.peer.next_event(
        "call", lambda data: (data["call_id"], data["status"]) == (call_id, "reject")
    )


def tiny_jpeg() -> bytes:
    """Draw a picture: Baileys makes its own out of it."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "JPEG")
    return file.getvalue()
