"""Rows of the matrix: what we write, as the peers read it."""

import time
from typing import Final

from custom_components.whatsapp_web.aiowhatsapp import (
    Album,
    Contact,
    Contacts,
    Delete,
    DisappearingTimer,
    Edit,
    EventAnswer,
    EventDraft,
    EventResponse,
    Forward,
    Keep,
    LinkPreview,
    LiveLocation,
    Location,
    MessageTarget,
    Pin,
    Poll,
    PollVote,
    Reaction,
    Text,
)
from custom_components.whatsapp_web.aiowhatsapp.message.poll import option_hash

from .matrix import Direction, Sort, Talk, cell

OUT: Final = Direction.OUT
DAY: Final = 86_400


@cell("text", OUT)
async def text(talk: Talk) -> None:
    got = await talk.arrives(await talk.send(Text(text="Olá, 世界 🏠 \u200f\n*bold*")))
    assert got["conversation"] == "Olá, 世界 🏠 \u200f\n*bold*"


@cell("long text", OUT)
async def long_text(talk: Talk) -> None:
    got = await talk.arrives(await talk.send(Text(text="é" * 65_536)))
    assert got["conversation"] == "é" * 65_536


@cell("link preview", OUT)
async def link_preview(talk: Talk) -> None:
    preview = LinkPreview(
        url="https://example.org/a?b", title="Title", description="Words", thumbnail=b"\xff\xd8jpeg"
    )
    got = await talk.arrives(
        await talk.send(Text(text="See https://example.org/a?b", preview=preview))
    )
    assert got["extendedTextMessage"]["jpegThumbnail"] == b"\xff\xd8jpeg"
    assert got["extendedTextMessage"]["matchedText"] == preview.url


@cell("reply", OUT)
async def reply(talk: Talk) -> None:
    target, _ = await talk.from_peer("Is the door locked?")
    got = await talk.arrives(await talk.send(Text(text="Yes"), reply_to=target))
    context = got["extendedTextMessage"]["contextInfo"]
    assert (context["stanzaId"], context["participant"]) == (target, str(talk.peer_jid))
    assert context["quotedMessage"]


@cell("reply to the last", OUT)
async def reply_to_last(talk: Talk) -> None:
    target, _ = await talk.from_peer("And the window?")
    got = await talk.arrives(await talk.send(Text(text="Open"), reply_to="last"))
    assert got["extendedTextMessage"]["contextInfo"]["stanzaId"] == target


@cell("mention", OUT)
async def mention(talk: Talk) -> None:
    words = Text(text=f"Hi @{talk.peer_jid.user}")
    got = await talk.arrives(await talk.send(words, mentions=[talk.peer_jid]))
    assert got["extendedTextMessage"]["contextInfo"]["mentionedJid"] == [str(talk.peer_jid)]


@cell("mention of all", OUT)
async def mention_all(talk: Talk) -> None:
    got = await talk.arrives(await talk.send(Text(text="Dinner, @all"), mentions="all"))
    assert got["extendedTextMessage"]["contextInfo"]["nonJidMentions"] == 1


@cell("reaction", OUT)
async def reaction(talk: Talk) -> None:
    target, _ = await talk.from_peer()
    sent_id = await talk.send(Reaction(target=target, emoji="👍🏽"))
    got = await talk.arrives(sent_id)
    key = (await talk.sent(sent_id)).reactionMessage.key
    assert (key.id, key.fromMe) == (target, False)
    assert (key.participant == str(talk.peer_jid)) is (talk.sort is Sort.GROUP)
    assert got["reactionMessage"]["text"] == "👍🏽"


@cell("reaction taken back", OUT)
async def reaction_taken_back(talk: Talk) -> None:
    target, _ = await talk.from_peer()
    await talk.arrives(await talk.send(Reaction(target="last", emoji="❤️")))
    got = await talk.arrives(await talk.send(Reaction(target=target, emoji="")))
    assert got["reactionMessage"]["text"] == ""


@cell("edit", OUT)
async def edit(talk: Talk) -> None:
    target, _ = await talk.from_us("Diner")
    got = await talk.arrives(await talk.send(Edit(target=target, text="Dinner")))
    protocol = got["protocolMessage"]
    assert protocol["key"]["id"] == target
    assert protocol["key"]["fromMe"] is True
    assert protocol["editedMessage"] == {"conversation": "Dinner"}


@cell("delete", OUT)
async def delete(talk: Talk) -> None:
    target, _ = await talk.from_us()
    got = await talk.arrives(await talk.send(Delete(target="last_sent")))
    assert got["protocolMessage"]["key"]["id"] == target
    assert got["protocolMessage"]["type"] == 0


@cell("forward", OUT)
async def forward(talk: Talk) -> None:
    target, _ = await talk.from_peer("Pass it on")
    got = await talk.arrives(await talk.send(Forward(chat=talk.chat, target=target)))
    context = got["extendedTextMessage"]["contextInfo"]
    assert (context["forwardingScore"], context["isForwarded"]) == (1, True)


@cell("pin", OUT)
async def pin(talk: Talk) -> None:
    target, _ = await talk.from_us()
    got = await talk.arrives(await talk.send(Pin(target=target, seconds=DAY)))
    assert got["pinInChatMessage"]["type"] == 1
    assert got["messageContextInfo"]["messageAddOnDurationInSecs"] == DAY
    got = await talk.arrives(await talk.send(Pin(target=target, seconds=0)))
    assert got["pinInChatMessage"]["type"] == 2


@cell("keep", OUT)
async def keep(talk: Talk) -> None:
    target, _ = await talk.from_peer()
    got = await talk.arrives(await talk.send(Keep(target=target)))
    assert got["keepInChatMessage"]["keepType"] == 1
    got = await talk.arrives(await talk.send(Keep(target=target, keep=False)))
    assert got["keepInChatMessage"]["keepType"] == 2


@cell("location", OUT)
async def location(talk: Talk) -> None:
    place = Location(
        latitude=-23.561414, longitude=-46.655881, name="Home", address="Av. Paulista 1", accuracy=5
    )
    got = (await talk.arrives(await talk.send(place)))["locationMessage"]
    assert (got["degreesLatitude"], got["degreesLongitude"]) == (-23.561414, -46.655881)
    assert (got["name"], got["address"]) == ("Home", "Av. Paulista 1")


@cell("live location", OUT)
async def live_location(talk: Talk) -> None:
    place = LiveLocation(latitude=1.5, longitude=2.5, speed=0.5, bearing=90, sequence=7)
    got = (await talk.arrives(await talk.send(place)))["liveLocationMessage"]
    assert (got["sequenceNumber"], got["speedInMps"]) == (7, 0.5)


@cell("contact", OUT)
async def contact(talk: Talk) -> None:
    card = Contact(name="Ann; Bee, C", phones=("+55 11 98765-4321",))
    got = (await talk.arrives(await talk.send(Contacts(contacts=(card,)))))["contactMessage"]
    assert got["displayName"] == "Ann; Bee, C"
    assert "FN:Ann\\; Bee\\, C\n" in got["vcard"]
    assert "waid=5511987654321:+5511987654321" in got["vcard"]


@cell("contacts", OUT)
async def contacts(talk: Talk) -> None:
    cards = tuple(Contact(name=name, phones=("+15550009999",)) for name in ("Bob", "Eve"))
    got = await talk.arrives(await talk.send(Contacts(contacts=cards)))
    names = [each["displayName"] for each in got["contactsArrayMessage"]["contacts"]]
    assert names == ["Bob", "Eve"]


@cell("poll, one choice", OUT)
async def poll_single(talk: Talk) -> None:
    draft = Poll(question="Pizza?", options=("Yes", "No"))
    got = await talk.arrives(await talk.send(draft))
    poll = got["pollCreationMessageV3"]
    assert [each["optionName"] for each in poll["options"]] == ["Yes", "No"]
    assert len(got["messageContextInfo"]["messageSecret"]) == 32


@cell("poll, many choices", OUT)
async def poll_many(talk: Talk) -> None:
    options = tuple(f"Option {number}" for number in range(12))
    got = await talk.arrives(await talk.send(Poll(question="Which?", options=options, choices=0)))
    assert len(got["pollCreationMessage"]["options"]) == 12


@cell("vote", OUT)
async def vote(talk: Talk) -> None:
    secret = bytes(range(32))
    poll = {
        "pollCreationMessageV3": {
            "name": "Where?",
            "options": [{"optionName": "Here"}, {"optionName": "There"}],
            "selectableOptionsCount": 1,
        },
        "messageContextInfo": {"messageSecret": secret},
    }
    poll_id = await talk.write(poll)
    await talk.comes(poll_id)
    vote_id = await talk.send(PollVote(target=poll_id, options=("There",)))
    got = (await talk.arrives(vote_id))["pollUpdateMessage"]
    assert got["pollCreationMessageKey"]["id"] == poll_id
    opened = await talk.peer.open_addon(
        "Poll Vote",
        secret=secret,
        target=poll_id,
        author=str(talk.peer_jid),
        modifier=talk.ours_as_seen,
        payload=got["vote"]["encPayload"],
        iv=got["vote"]["encIv"],
    )
    assert opened["selectedOptions"] == [option_hash("There")]


@cell("event", OUT)
async def event(talk: Talk) -> None:
    start = int(time.time()) + DAY
    draft = EventDraft(
        name="Barbecue",
        start=start,
        end=start + 3600,
        description="Bring salad",
        place=Location(latitude=1, longitude=2, name="Garden"),
    )
    got = (await talk.arrives(await talk.send(draft)))["eventMessage"]
    assert (got["startTime"], got["endTime"], got["name"]) == (start, start + 3600, "Barbecue")
    assert got["location"]["name"] == "Garden"


@cell("answer to an event", OUT)
async def event_response(talk: Talk) -> None:
    secret = bytes(range(32, 64))
    event_id = await talk.write(
        {
            "eventMessage": {"name": "Party", "startTime": 1_790_000_000},
            "messageContextInfo": {"messageSecret": secret},
        }
    )
    await talk.comes(event_id)
    sent_id = await talk.send(EventResponse(target=event_id, answer=EventAnswer.MAYBE, guests=2))
    got = (await talk.arrives(sent_id))["encEventResponseMessage"]
    opened = await talk.peer.open_addon(
        "Event Response",
        secret=secret,
        target=event_id,
        author=str(talk.peer_jid),
        modifier=talk.ours_as_seen,
        payload=got["encPayload"],
        iv=got["encIv"],
    )
    assert (opened["response"], opened["extraGuestCount"]) == (3, 2)


@cell("album", OUT)
async def album(talk: Talk) -> None:
    got = await talk.arrives(await talk.send(Album(images=2, videos=1)))
    assert got["albumMessage"] == {"expectedImageCount": 2, "expectedVideoCount": 1}


@cell("timer of the chat", OUT, sorts=(Sort.PERSON,))
async def timer(talk: Talk) -> None:
    got = await talk.arrives(await talk.send(DisappearingTimer(seconds=DAY)))
    assert got["protocolMessage"]["ephemeralExpiration"] == DAY
    got = await talk.arrives(await talk.send(Text(text="Gone tomorrow")))
    assert got["extendedTextMessage"]["contextInfo"]["expiration"] == DAY
    got = await talk.arrives(await talk.send(Location(latitude=1, longitude=1)))
    assert got["locationMessage"]["contextInfo"]["expiration"] == DAY
    await talk.arrives(await talk.send(DisappearingTimer(seconds=0)))
    assert "conversation" in await talk.arrives(await talk.send(Text(text="Here to stay")))


@cell("reaction to what is not logged", OUT)
async def reaction_unlogged(talk: Talk) -> None:
    target = MessageTarget(id="3EB0000000000000000000", sender=talk.peer_jid)
    got = await talk.arrives(await talk.send(Reaction(target=target, emoji="👀")))
    assert got["reactionMessage"]["key"]["id"] == target.id
