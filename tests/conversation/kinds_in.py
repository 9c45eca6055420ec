"""Rows of the matrix: what the peers write, as we read it."""

import os
from typing import Any, Final

from custom_components.whatsapp_web.aiowhatsapp import (
    AlbumDetails,
    ContactDetails,
    ContactsDetails,
    EventAnswer,
    EventDetails,
    InviteDetails,
    Jid,
    LocationDetails,
    MessageKind,
    OptionsDetails,
    PollDetails,
    PreviewDetails,
    ReplyDetails,
    ResponseDetails,
    VoteDetails,
)

from .matrix import Direction, Sort, Talk, cell

IN: Final = Direction.IN
DAY: Final = 86_400
NO_SEAL: Final[Any] = {"baileys": "has no way to seal under a message's secret"}
NO_WORDS: Final[Any] = {"zapo": "composes nothing itself"}


@cell("text", IN)
async def text(talk: Talk) -> None:
    message = await talk.same({"conversation": "Olá, 世界 🏠 \u200f\n*bold*"})
    assert (message.content.kind, message.text) == (MessageKind.TEXT, "Olá, 世界 🏠 \u200f\n*bold*")
    assert message.sender == talk.peer_jid


@cell("long text", IN)
async def long_text(talk: Talk) -> None:
    assert (await talk.same({"conversation": "é" * 65_536})).text == "é" * 65_536


@cell("link preview", IN)
async def link_preview(talk: Talk) -> None:
    content = {
        "text": "See https://example.org",
        "matchedText": "https://example.org",
        "title": "Title",
        "description": "Words",
        "jpegThumbnail": b"jpeg",
    }
    message = await talk.same({"extendedTextMessage": content})
    assert message.content.details == PreviewDetails(
        url="https://example.org", title="Title", description="Words"
    )


@cell("reply", IN)
async def reply(talk: Talk) -> None:
    target, _ = await talk.from_us("Is the door locked?")
    quote = {
        "stanzaId": target,
        "participant": talk.ours_as_seen,
        "quotedMessage": {"conversation": "Is the door locked?"},
    }
    message = await talk.same({"extendedTextMessage": {"text": "Yes", "contextInfo": quote}})
    assert message.content.quoted is not None
    assert (message.content.quoted.id, message.content.quoted.text) == (
        target,
        "Is the door locked?",
    )


@cell("reply in the peer's own words", IN, cannot=NO_WORDS)
async def reply_composed(talk: Talk) -> None:
    target, key = await talk.from_us("Who is there?")
    quoted = {"key": key, "message": {"conversation": "Who is there?"}}
    message_id = await talk.peer.compose(talk.to, {"text": "Me"}, quoted=quoted)
    quote = (await talk.comes(message_id)).content.quoted
    assert quote is not None
    assert (quote.id, quote.text, quote.author) == (
        target,
        "Who is there?",
        Jid.parse(talk.ours_as_seen),
    )


@cell("mention", IN)
async def mention(talk: Talk) -> None:
    context = {"mentionedJid": [talk.ours_as_seen]}
    message = await talk.same({"extendedTextMessage": {"text": "Hi", "contextInfo": context}})
    assert message.content.mentions == (Jid.parse(talk.ours_as_seen),)


@cell("mention of all", IN)
async def mention_all(talk: Talk) -> None:
    content = {"text": "Dinner, @all", "contextInfo": {"nonJidMentions": 1}}
    assert (await talk.same({"extendedTextMessage": content})).content.mentions_all


@cell("reaction", IN)
async def reaction(talk: Talk) -> None:
    target, key = await talk.from_us()
    content = {"key": key, "text": "👍🏽", "senderTimestampMs": 1_790_000_000_000}
    message = await talk.same({"reactionMessage": content})
    assert message.content.target is not None
    assert (message.content.reaction, message.content.target.id) == ("👍🏽", target)


@cell("reaction in the peer's own words", IN, cannot=NO_WORDS)
async def reaction_composed(talk: Talk) -> None:
    target, key = await talk.from_us()
    for emoji in ("❤️", ""):
        message_id = await talk.peer.compose(talk.to, {"react": {"text": emoji, "key": key}})
        content = (await talk.comes(message_id)).content
        assert content.target is not None
        assert (content.reaction, content.taken_back) == (emoji, not emoji)
        assert content.target.id == target


@cell("reaction taken back", IN)
async def reaction_taken_back(talk: Talk) -> None:
    _, key = await talk.from_us()
    message_id = await talk.write({"reactionMessage": {"key": key, "text": ""}})
    content = (await talk.comes(message_id)).content
    assert (content.kind, content.reaction, content.taken_back) == (MessageKind.REACTION, "", True)


@cell("edit", IN)
async def edit(talk: Talk) -> None:
    target, key = await talk.from_peer("Diner")
    protocol = {
        "key": key,
        "type": 14,
        "editedMessage": {"conversation": "Dinner"},
        "timestampMs": 1_790_000_000_000,
    }
    message = await talk.same({"protocolMessage": protocol})
    assert (message.content.kind, message.text) == (MessageKind.EDIT, "Dinner")
    assert message.content.edited_id == target
    assert talk.ours.client is not None
    entry = await talk.ours.client.log.find(talk.chat, target)
    assert entry is not None
    assert entry.edited


@cell("edit in the peer's own words", IN, cannot=NO_WORDS)
async def edit_composed(talk: Talk) -> None:
    target, key = await talk.from_peer("Diner")
    message = await talk.comes(await talk.peer.compose(talk.to, {"text": "Dinner", "edit": key}))
    assert (message.text, message.content.edited_id) == ("Dinner", target)


@cell("edit of what another wrote", IN)
async def edit_forged(talk: Talk) -> None:
    target, key = await talk.from_us("Untouched")
    protocol = {"key": key, "type": 14, "editedMessage": {"conversation": "Forged"}}
    forged = await talk.write({"protocolMessage": protocol})
    await talk.from_peer()
    assert forged not in [message.id for message in talk.ours.messages]
    assert talk.ours.client is not None
    entry = await talk.ours.client.log.find(talk.chat, target)
    assert entry is not None
    assert not entry.edited


@cell("sealed edit", IN, cannot=NO_SEAL)
async def sealed_edit(talk: Talk) -> None:
    secret, iv = os.urandom(32), os.urandom(12)
    target = await talk.write(
        {"conversation": "Diner", "messageContextInfo": {"messageSecret": secret}}
    )
    await talk.comes(target)
    key = {"remoteJid": talk.to, "fromMe": True, "id": target}
    protocol = {"key": key, "type": 14, "editedMessage": {"conversation": "Dinner"}}
    sealed = await talk.peer.seal_addon(
        "Message Edit",
        {"protocolMessage": protocol},
        secret=secret,
        target=target,
        author=str(talk.peer_jid),
        modifier=str(talk.peer_jid),
        iv=iv,
    )
    content = {
        "targetMessageKey": key,
        "encPayload": sealed["payload"],
        "encIv": iv,
        "secretEncType": 2,
    }
    message = await talk.same({"secretEncryptedMessage": content})
    assert (message.content.kind, message.text) == (MessageKind.EDIT, "Dinner")


@cell("sealed reaction", IN, cannot=NO_SEAL)
async def sealed_reaction(talk: Talk) -> None:
    target, key = await talk.from_us()
    secret, iv = (await talk.sent(target)).messageContextInfo.messageSecret, os.urandom(12)
    sealed = await talk.peer.seal_addon(
        "Enc Reaction",
        {"text": "🎉", "senderTimestampMs": 1},
        secret=secret,
        target=target,
        author=talk.ours_as_seen,
        modifier=str(talk.peer_jid),
        iv=iv,
    )
    content = {"targetMessageKey": key, "encPayload": sealed["payload"], "encIv": iv}
    message = await talk.same({"encReactionMessage": content})
    assert message.content.reaction == "🎉"


@cell("delete", IN)
async def delete(talk: Talk) -> None:
    target, key = await talk.from_peer("Oops")
    message_id = await talk.write({"protocolMessage": {"key": key, "type": 0}})
    message = await talk.comes(message_id)
    assert message.content.revoked_id == target
    assert talk.ours.client is not None
    assert await talk.ours.client.log.find(talk.chat, target) is None


@cell("forward", IN)
async def forward(talk: Talk) -> None:
    context = {"forwardingScore": 3, "isForwarded": True}
    message = await talk.same({"extendedTextMessage": {"text": "News", "contextInfo": context}})
    assert message.content.forwarded


@cell("pin", IN)
async def pin(talk: Talk) -> None:
    target, key = await talk.from_us()
    content = {
        "pinInChatMessage": {"key": key, "type": 1, "senderTimestampMs": 1},
        "messageContextInfo": {"messageAddOnDurationInSecs": DAY},
    }
    message = await talk.same(content)
    assert message.content.target is not None
    assert (message.content.kind, message.content.target.id) == (MessageKind.PIN, target)


@cell("keep", IN)
async def keep(talk: Talk) -> None:
    _, key = await talk.from_us()
    message = await talk.same({"keepInChatMessage": {"key": key, "keepType": 2}})
    assert (message.content.kind, message.content.taken_back) == (MessageKind.KEEP, True)


@cell("location", IN)
async def location(talk: Talk) -> None:
    content = {"degreesLatitude": -23.5, "degreesLongitude": -46.6, "name": "Home"}
    message = await talk.same({"locationMessage": content})
    assert message.content.details == LocationDetails(latitude=-23.5, longitude=-46.6, name="Home")


@cell("live location", IN)
async def live_location(talk: Talk) -> None:
    for sequence in (1, 2):
        content = {"degreesLatitude": 1.5, "degreesLongitude": 2.5, "sequenceNumber": sequence}
        message = await talk.same({"liveLocationMessage": content})
        assert message.content.details == LocationDetails(
            latitude=1.5, longitude=2.5, live=True, sequence=sequence
        )


VCARD = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Bob\nTEL;type=CELL;waid=15550009999:+1 555 000 9999\nEND:VCARD"
)


@cell("contact", IN)
async def contact(talk: Talk) -> None:
    message = await talk.same({"contactMessage": {"displayName": "Bob", "vcard": VCARD}})
    bob = ContactDetails(name="Bob", phones=("+15550009999",))
    assert message.content.details == ContactsDetails(contacts=(bob,))


@cell("contacts", IN)
async def contacts(talk: Talk) -> None:
    cards = [{"displayName": name, "vcard": VCARD} for name in ("Bob", "Eve")]
    message = await talk.same({"contactsArrayMessage": {"displayName": "2", "contacts": cards}})
    assert isinstance(message.content.details, ContactsDetails)
    assert [each.name for each in message.content.details.contacts] == ["Bob", "Eve"]


@cell("poll, one choice", IN, cannot=NO_WORDS)
async def poll_composed(talk: Talk) -> None:
    poll = {"name": "Pizza?", "values": ["Yes", "No"], "selectableCount": 1}
    message = await talk.comes(await talk.peer.compose(talk.to, {"poll": poll}))
    assert message.text == "Pizza?"
    assert message.content.details == PollDetails(options=("Yes", "No"), choices=1)


@cell("poll, many choices", IN)
async def poll_many(talk: Talk) -> None:
    options = [{"optionName": f"Option {number}"} for number in range(12)]
    content = {"name": "Which?", "options": options, "selectableOptionsCount": 3}
    message = await talk.same(
        {
            "pollCreationMessage": content,
            "messageContextInfo": {"messageSecret": os.urandom(32)},
        }
    )
    assert isinstance(message.content.details, PollDetails)
    assert len(message.content.details.options) == 12


@cell("vote", IN, cannot=NO_SEAL)
async def vote(talk: Talk) -> None:
    from custom_components.whatsapp_web.aiowhatsapp import Poll  # noqa: PLC0415

    poll_id = await talk.send(Poll(question="Where?", options=("Here", "There")))
    key = talk.key_of(await talk.peer.next_message(lambda message: message.id == poll_id))
    secret = (await talk.sent(poll_id)).messageContextInfo.messageSecret
    for number, choice in enumerate(("Here", "There"), start=1):
        message = await cast(talk, key, secret, [choice], timestamp=number)
        details = message.content.details
        assert isinstance(details, VoteDetails)
        assert (details.question, details.choices) == ("Where?", (choice,))
        assert details.tally is not None
        assert {each.option: each.votes for each in details.tally} == {
            "Here": int(choice == "Here"),
            "There": int(choice == "There"),
        }


async def cast(
    talk: Talk, key: dict[str, Any], secret: bytes, options: list[str], *, timestamp: int
) -> Any:
    """Have the peer vote in a poll of ours."""
    from custom_components.whatsapp_web.aiowhatsapp.message.poll import option_hash  # noqa: PLC0415

    iv = os.urandom(12)
    sealed = await talk.peer.seal_addon(
        "Poll Vote",
        {"selectedOptions": [option_hash(option) for option in options]},
        secret=secret,
        target=key["id"],
        author=talk.ours_as_seen,
        modifier=str(talk.peer_jid),
        iv=iv,
    )
    update = {
        "pollCreationMessageKey": key,
        "vote": {"encPayload": sealed["payload"], "encIv": iv},
        "senderTimestampMs": timestamp,
    }
    return await talk.comes(await talk.write({"pollUpdateMessage": update}))


@cell("event", IN)
async def event(talk: Talk) -> None:
    content = {
        "name": "Barbecue",
        "description": "Bring salad",
        "startTime": 1_790_000_000,
        "location": {"degreesLatitude": 1.0, "degreesLongitude": 2.0},
    }
    message = await talk.same(
        {"eventMessage": content, "messageContextInfo": {"messageSecret": os.urandom(32)}}
    )
    assert message.text == "Barbecue"
    assert message.content.details == EventDetails(
        description="Bring salad",
        start=1_790_000_000,
        place=LocationDetails(latitude=1, longitude=2),
    )


@cell("answer to an event", IN, cannot=NO_SEAL)
async def event_response(talk: Talk) -> None:
    from custom_components.whatsapp_web.aiowhatsapp import EventDraft  # noqa: PLC0415

    event_id = await talk.send(EventDraft(name="Party", start=1_790_000_000))
    key = talk.key_of(await talk.peer.next_message(lambda message: message.id == event_id))
    secret, iv = (await talk.sent(event_id)).messageContextInfo.messageSecret, os.urandom(12)
    sealed = await talk.peer.seal_addon(
        "Event Response",
        {"response": 1, "timestampMs": 5, "extraGuestCount": 2},
        secret=secret,
        target=event_id,
        author=talk.ours_as_seen,
        modifier=str(talk.peer_jid),
        iv=iv,
    )
    content = {"eventCreationMessageKey": key, "encPayload": sealed["payload"], "encIv": iv}
    message = await talk.same({"encEventResponseMessage": content})
    assert message.content.details == ResponseDetails(answer=EventAnswer.GOING, guests=2)


@cell("album", IN)
async def album(talk: Talk) -> None:
    message = await talk.same({"albumMessage": {"expectedImageCount": 2, "expectedVideoCount": 1}})
    assert message.content.details == AlbumDetails(images=2, videos=1)


@cell("timer of the chat", IN, sorts=(Sort.PERSON,))
async def timer(talk: Talk) -> None:
    assert talk.ours.client is not None
    log = talk.ours.client.log
    for seconds, set_at in ((DAY, 1), (0, 2)):
        protocol = {"type": 3, "ephemeralExpiration": seconds, "ephemeralSettingTimestamp": set_at}
        now = 2_000_000_000 + set_at
        protocol["ephemeralSettingTimestamp"] = now
        await talk.write({"ephemeralMessage": {"message": {"protocolMessage": protocol}}})
        await talk.from_peer()
        record = await log.timer_of(talk.chat)
        assert record is not None
        assert record.seconds == seconds


@cell("in an ephemeral envelope", IN)
async def ephemeral(talk: Talk) -> None:
    inner = {"extendedTextMessage": {"text": "Gone soon"}}
    message = await talk.same({"ephemeralMessage": {"message": inner}})
    assert (message.text, message.content.ephemeral) == ("Gone soon", True)


@cell("group invite", IN)
async def group_invite(talk: Talk) -> None:
    content = {
        "groupJid": "120363000000000001@g.us",
        "inviteCode": "abcDEF",
        "inviteExpiration": 1_790_000_000,
        "groupName": "Family",
        "caption": "Join us",
    }
    message = await talk.same({"groupInviteMessage": content})
    assert message.content.details == InviteDetails(
        group=Jid("120363000000000001", "g.us"),
        code="abcDEF",
        name="Family",
        expires_at=1_790_000_000,
    )


@cell("buttons of a business", IN)
async def buttons(talk: Talk) -> None:
    content = {
        "contentText": "Which?",
        "buttons": [{"buttonId": "1", "buttonText": {"displayText": "One"}}],
    }
    message = await talk.same({"buttonsMessage": content})
    assert isinstance(message.content.details, OptionsDetails)
    assert message.content.details.options[0].text == "One"


@cell("choice of a button", IN)
async def button_reply(talk: Talk) -> None:
    content = {"selectedButtonId": "yes", "selectedDisplayText": "Yes, please"}
    message = await talk.same({"buttonsResponseMessage": content})
    assert (message.content.choice, message.text) == ("yes", "Yes, please")


@cell("choice from a list", IN)
async def list_reply(talk: Talk) -> None:
    content = {"title": "Two", "singleSelectReply": {"selectedRowId": "2"}}
    message = await talk.same({"listResponseMessage": content})
    assert (message.content.choice, message.text) == ("2", "Two")


@cell("native flow reply", IN)
async def native_flow_reply(talk: Talk) -> None:
    content = {
        "body": {"text": "Done"},
        "nativeFlowResponseMessage": {"name": "menu_options", "paramsJson": '{"id":"7"}'},
    }
    message = await talk.same({"interactiveResponseMessage": content})
    assert message.content.details == ReplyDetails(parameters='{"id":"7"}')


@cell("product", IN)
async def product(talk: Talk) -> None:
    content = {"product": {"productId": "7", "title": "A lamp"}, "body": "Have a look"}
    assert (await talk.same({"productMessage": content})).content.kind is MessageKind.PRODUCT


@cell("kind that is not read", IN)
async def unknown(talk: Talk) -> None:
    message_id = await talk.write({"paymentInviteMessage": {"serviceType": 1}})
    content = (await talk.comes(message_id)).content
    assert (content.kind, content.type_name) == (MessageKind.UNKNOWN, "paymentInviteMessage")
