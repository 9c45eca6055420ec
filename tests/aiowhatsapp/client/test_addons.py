"""What is said about messages: votes, edits, deletions, reactions; also after a restart."""

from typing import Final

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    PollVoteReceived,
    ReactionReceived,
    VoteDetails,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.drafts import Poll, PollVote, Reaction
from custom_components.whatsapp_web.aiowhatsapp.message.poll import option_hash
from custom_components.whatsapp_web.aiowhatsapp.message.secret import Binding, UseCase, seal
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from tests.aiowhatsapp.client.bench import Bench, Peer, benched, text
from tests.aiowhatsapp.client.pairing_support import settle
from tests.aiowhatsapp.message.schema import TYPES, SchemaWriter

SECRET: Final = bytes(range(32))
IV: Final = bytes(12)
_Type = wire.Message.ProtocolMessage.Type


def with_secret(words: str) -> wire.Message:
    message = text(words)
    message.messageContextInfo.messageSecret = SECRET
    return message


def protocol(kind: wire.Message.ProtocolMessage.Type, target: str, *, own: bool) -> wire.Message:
    message = wire.Message()
    message.protocolMessage.key.id = target
    message.protocolMessage.key.fromMe = own
    message.protocolMessage.type = kind
    return message


def vote(poll_id: str, author: Jid, voter: Jid, *options: str, at: int) -> wire.Message:
    """Make somebody's vote in a poll whose secret is `SECRET`."""
    plaintext = wire.Message.PollVoteMessage(selectedOptions=map(option_hash, options))
    binding = Binding(message_id=poll_id, author=author, modifier=voter)
    sealed = seal(SECRET, UseCase.POLL_VOTE, binding, plaintext.SerializeToString(), iv=IV)
    message = wire.Message()
    update = message.pollUpdateMessage
    update.pollCreationMessageKey.id = poll_id
    update.pollCreationMessageKey.fromMe = author == voter
    update.vote.encPayload, update.vote.encIv = sealed.payload, sealed.iv
    update.senderTimestampMs = at
    return message


def poll_of_theirs() -> wire.Message:
    message = wire.Message()
    content = message.pollCreationMessageV3
    content.name = "Where?"
    for option in ("Here", "There"):
        content.options.add(optionName=option)
    content.selectableOptionsCount = 1
    message.messageContextInfo.messageSecret = SECRET
    return message


def tally_of(bench: Bench) -> dict[str, int] | None:
    details = bench.events_of(PollVoteReceived)[-1].message.content.details
    assert isinstance(details, VoteDetails)
    if details.tally is None:
        return None
    return {option.option: option.votes for option in details.tally}


async def our_poll(bench: Bench) -> tuple[str, bytes]:
    """Send Ann a poll; give its id and its secret, as she has it."""
    before = len(bench.server.messages)
    draft = Poll(question="Where?", options=("Here", "There"))
    sent = await bench.send_draft(bench.ann.lid, draft)
    await settle()
    (stanza,) = bench.server.messages[before:]
    got = bench.ann.first.read_from(stanza)
    assert (stanza.attr("type"), stanza.required_child("meta").attr("polltype")) == (
        "poll",
        "creation",
    )
    return sent.message_id, got.messageContextInfo.messageSecret


@benched
async def test_votes_are_counted_also_after_a_restart(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    poll_id, secret = await our_poll(bench)
    ann, us = bench.ann.lid, bench.me.lid

    def of_ann(option: str, at: int) -> wire.Message:
        message = vote(poll_id, us, ann, option, at=at)
        plaintext = wire.Message.PollVoteMessage(selectedOptions=[option_hash(option)])
        binding = Binding(message_id=poll_id, author=us, modifier=ann)
        sealed = seal(secret, UseCase.POLL_VOTE, binding, plaintext.SerializeToString(), iv=IV)
        message.pollUpdateMessage.vote.encPayload = sealed.payload
        return message

    await bench.receive(bench.message(bench.ann.first, of_ann("Here", 1)))
    assert tally_of(bench) == {"Here": 1, "There": 0}
    await bench.restart()
    await bench.receive(bench.message(bench.ann.first, of_ann("There", 2)))
    assert tally_of(bench) == {"Here": 0, "There": 1}
    await bench.receive(bench.message(bench.ann.first, of_ann("Here", 1)))
    assert tally_of(bench) == {"Here": 0, "There": 1}


@benched
async def test_our_own_vote_counts_too(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, poll_of_theirs(), id="POLL"))
    await bench.send_draft(bench.ann.lid, PollVote(target="POLL", options=("Here",)))
    ann = bench.ann.lid
    answer = vote("POLL", ann, ann, "There", at=2**41)
    await bench.receive(bench.message(bench.ann.first, answer))
    assert tally_of(bench) == {"Here": 1, "There": 1}


@benched
async def test_votes_by_number_are_read_as_well(bench: Bench) -> None:
    """Who votes names both of us by number, though the chat goes by LID."""
    await bench.acquaint(bench.ann.first)
    bench.context.lids.add(bench.ann.number, bench.ann.lid.user)
    await bench.receive(bench.message(bench.ann.first, poll_of_theirs(), id="POLL"))
    phone = bench.ann.phone
    await bench.receive(bench.message(bench.ann.first, vote("POLL", phone, phone, "Here", at=1)))
    assert tally_of(bench) == {"Here": 1, "There": 0}


@benched
async def test_a_vote_in_an_unknown_poll_is_told_without_a_tally(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    ann = bench.ann.lid
    await bench.receive(bench.message(bench.ann.first, vote("NONE", ann, ann, "Here", at=1)))
    (event,) = bench.events_of(PollVoteReceived)
    assert event.message.content.details is None
    assert event.message.content.target is not None
    assert event.message.content.target.id == "NONE"


@benched
async def test_a_vote_under_another_name_does_not_count(bench: Bench) -> None:
    """Bob can't vote for Ann, though he knows the poll's secret."""
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, poll_of_theirs(), id="POLL"))
    forged = vote("POLL", bench.ann.lid, bench.bob.lid, "Here", at=1)
    forged.pollUpdateMessage.pollCreationMessageKey.fromMe = True
    await bench.receive(bench.message(bench.ann.first, forged))
    (event,) = bench.events_of(PollVoteReceived)
    assert event.message.content.details is None


@benched
async def test_an_edit_is_told_and_remembered(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("Diner"), id="A"))
    edit = protocol(_Type.MESSAGE_EDIT, "A", own=True)
    edit.protocolMessage.editedMessage.conversation = "Dinner"
    await bench.receive(bench.message(bench.ann.first, edit))
    (event,) = bench.events_of(MessageEdited)
    assert (event.message.text, event.message.content.edited_id) == ("Dinner", "A")
    (*_, last) = await bench.client.log.messages(bench.ann.lid)
    assert last.text == "Dinner"


@benched
async def test_a_deletion_is_told_and_remembered(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("Oops"), id="A"))
    await bench.receive(bench.message(bench.ann.first, protocol(_Type.REVOKE, "A", own=True)))
    (event,) = bench.events_of(MessageDeleted)
    assert event.message.content.revoked_id == "A"
    assert await bench.client.log.find(bench.ann.lid, "A") is None


@pytest.mark.parametrize("kind", [_Type.REVOKE, _Type.MESSAGE_EDIT])
@benched
async def test_nobody_changes_what_we_wrote(
    bench: Bench, kind: wire.Message.ProtocolMessage.Type
) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.send(bench.ann.lid, "Untouched", message_id="OURS")
    bench.events.clear()
    forged = protocol(kind, "OURS", own=False)
    forged.protocolMessage.editedMessage.conversation = "Forged"
    said = await bench.receive(bench.message(bench.ann.first, forged, id="F"))
    assert [node.attr("id") for node in said if node.tag == "receipt"] == ["F"]
    assert bench.events == []


@benched
async def test_nobody_changes_what_somebody_else_wrote(bench: Bench) -> None:
    """An id alone names a message of its sender, whoever else has used it, too."""
    await bench.acquaint(bench.ann.first, bench.bob.first)
    await bench.receive(bench.message(bench.ann.first, text("Ann's"), id="A"))
    await bench.receive(bench.message(bench.bob.first, text("Bob's"), id="A"))
    await bench.receive(bench.message(bench.bob.first, protocol(_Type.REVOKE, "A", own=True)))
    assert await bench.client.log.find(bench.ann.lid, "A") is not None
    assert await bench.client.log.find(bench.bob.lid, "A") is None


@benched
async def test_a_sealed_reaction_is_read_after_a_restart(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, with_secret("Hi"), id="A"))
    await bench.restart()
    ann = bench.ann.lid
    plaintext = wire.Message.ReactionMessage(text="🎉").SerializeToString()
    binding = Binding(message_id="A", author=ann, modifier=ann)
    sealed = seal(SECRET, UseCase.REACTION, binding, plaintext, iv=IV)
    message = wire.Message()
    message.encReactionMessage.targetMessageKey.id = "A"
    message.encReactionMessage.targetMessageKey.fromMe = True
    message.encReactionMessage.encPayload = sealed.payload
    message.encReactionMessage.encIv = sealed.iv
    await bench.receive(bench.message(bench.ann.first, message))
    (event,) = bench.events_of(ReactionReceived)
    assert event.message.content.reaction == "🎉"


@benched
async def test_a_new_option_of_a_poll_is_counted(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, poll_of_theirs(), id="POLL"))
    ann = bench.ann.lid
    changed = poll_of_theirs()
    changed.pollCreationMessageV3.options.add(optionName="Elsewhere")
    binding = Binding(message_id="POLL", author=ann, modifier=ann)
    # Some name the use after what is done, others after what it is done to.
    sealed = seal(SECRET, UseCase.POLL_EDIT, binding, changed.SerializeToString(), iv=IV)
    message = wire.Message()
    content = message.secretEncryptedMessage
    content.targetMessageKey.id, content.targetMessageKey.fromMe = "POLL", True
    content.secretEncType = wire.Message.SecretEncryptedMessage.SecretEncType.POLL_ADD_OPTION
    content.encPayload, content.encIv = sealed.payload, sealed.iv
    await bench.receive(bench.message(bench.ann.first, message))
    await bench.receive(bench.message(bench.ann.first, vote("POLL", ann, ann, "Elsewhere", at=1)))
    assert tally_of(bench) == {"Here": 0, "There": 0, "Elsewhere": 1}


@benched
async def test_all_of_it_shares_the_commit_of_its_message(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, poll_of_theirs(), id="POLL"))
    ann, disk = bench.ann.lid, bench.slow_disk
    disk.commits.clear()
    await bench.receive(bench.message(bench.ann.first, vote("POLL", ann, ann, "Here", at=1)))
    (commit,) = [writes for writes in disk.commits if any(w.table is Table.POLL for w in writes)]
    tables = {write.table for write in commit}
    assert {Table.SESSION, Table.SEEN, Table.INBOX, Table.POLL} <= tables


@pytest.mark.parametrize("name", TYPES)
@benched
async def test_every_type_of_the_schema_goes_through(bench: Bench, name: str) -> None:
    """Whatever it holds: it is answered, and a message behind it arrives."""
    await bench.acquaint(bench.ann.first)
    for round_ in range(3):
        content = SchemaWriter((name, round_)).of_type(name)
        stanza = bench.message(bench.ann.first, wire.Message.FromString(content))
        assert await bench.receive(stanza) != []
    await bench.receive(bench.message(bench.ann.first, text("Still here")))
    assert bench.events_of(MessageReceived)[-1].message.text == "Still here"


@benched
async def test_a_reaction_names_the_message_as_its_author_does(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("Hi"), id="A"))
    before = len(bench.server.messages)
    await bench.send_draft(bench.ann.lid, Reaction(target="last", emoji="👍"))
    await settle()
    (stanza,) = bench.server.messages[before:]
    peer: Peer = bench.ann.first
    key = peer.read_from(stanza).reactionMessage.key
    assert (key.id, key.fromMe, key.remoteJid) == ("A", False, str(bench.ann.lid))
    assert (stanza.attr("type"), stanza.attr("edit")) == ("reaction", None)
    enc = peer.find_enc(stanza)
    assert enc is not None
    assert enc.attr("decrypt-fail") == "hide"
