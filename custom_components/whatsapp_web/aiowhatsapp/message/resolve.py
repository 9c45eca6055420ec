"""Reading what was encrypted under another message's secret; nothing here raises."""

from itertools import islice
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from ..proto import wire
from .content import MessageKind
from .details import Details, ResponseDetails, VoteDetails
from .drafts import EventAnswer
from .kinds import Draft, text_of
from .poll import HASH_LENGTH, PollState, chosen_options, tally

MAX_CHOICES: Final = 64
MAX_GUESTS: Final = 1000


def choices_of(resolved: bytes) -> tuple[bytes, ...] | None:
    """Read the hashes that a vote chose; None when it is no vote."""
    try:
        vote = wire.Message.PollVoteMessage.FromString(resolved)
    except ProtobufError:
        return None
    hashes = islice(vote.selectedOptions, MAX_CHOICES)
    return tuple(each for each in hashes if len(each) == HASH_LENGTH)


def becomes_of(resolved: bytes) -> wire.Message | None:
    """Read what a message is changed into; None when it is no message."""
    try:
        message = wire.Message.FromString(resolved)
    except ProtobufError:
        return None
    if message.HasField("protocolMessage") and message.protocolMessage.HasField("editedMessage"):
        return message.protocolMessage.editedMessage
    return message


def resolve(draft: Draft, resolved: bytes, poll: PollState | None) -> Details | None:
    """Put what was encrypted into what was found; give the details that it has."""
    match draft.kind:
        case MessageKind.POLL_VOTE:
            return _vote(resolved, poll)
        case MessageKind.EVENT_RESPONSE:
            return _response(resolved)
        case MessageKind.REACTION:
            _read_reaction(draft, resolved)
        case MessageKind.EDIT | MessageKind.COMMENT:
            draft.becomes = becomes_of(resolved)
        case _:
            pass
    return None


def _vote(resolved: bytes, poll: PollState | None) -> Details | None:
    choices = choices_of(resolved)
    if choices is None or poll is None:
        return VoteDetails()
    return VoteDetails(
        question=poll.question,
        choices=chosen_options(poll.options, choices),
        tally=tally(poll.options, poll.votes),
    )


def _response(resolved: bytes) -> Details | None:
    try:
        content = wire.Message.EventResponseMessage.FromString(resolved)
    except ProtobufError:
        return None
    answer = EventAnswer(content.response) if content.response else None
    return ResponseDetails(answer=answer, guests=min(max(content.extraGuestCount, 0), MAX_GUESTS))


def _read_reaction(draft: Draft, resolved: bytes) -> None:
    try:
        content = wire.Message.ReactionMessage.FromString(resolved)
    except ProtobufError:
        return
    emoji = text_of(content.text) or ""
    draft.reaction, draft.taken_back = emoji, not emoji
