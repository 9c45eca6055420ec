"""Taking in what is said about other messages: votes, reactions, edits, deletions.

Some of it is encrypted under the other message's secret; all of it changes what is
remembered of that message. It happens in the transaction that stores the message itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import logging
from typing import Final

from ..errors import DecodeError, SignalError
from ..jid import Jid
from ..message.compose import content_field
from ..message.parse import decode
from ..message.resolve import becomes_of, choices_of
from ..message.secret import Binding, Sealed, UseCase, unseal
from ..message.wrappers import unwrap
from ..proto import storage, wire
from ..store import Transaction
from .chat_log import POLLS, ChatLog, LoggedMessage, text_in
from .context import Context
from .votes import cast_vote

_LOGGER = logging.getLogger(__name__)

_Type = wire.Message.ProtocolMessage.Type
_Edit = wire.Message.SecretEncryptedMessage.SecretEncType

MAX_ID: Final = 128
# Some write a new option under the one name, some under the other.
_EDIT_USES: Final = {
    _Edit.EVENT_EDIT: (UseCase.EVENT_EDIT,),
    _Edit.MESSAGE_EDIT: (UseCase.MESSAGE_EDIT,),
    _Edit.POLL_EDIT: (UseCase.POLL_EDIT,),
    _Edit.POLL_ADD_OPTION: (UseCase.POLL_ADD_OPTION, UseCase.POLL_EDIT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What became of a message.

    `resolved` is what was encrypted in it under another message's secret, `poll` the poll
    that it voted in. What is `forged` claims to change what its sender did not write.
    """

    resolved: bytes | None = field(default=None, repr=False)
    poll: storage.PollRecord | None = field(default=None, repr=False)
    forged: bool = False


_VISIBLE_PROTOCOL: Final = (_Type.REVOKE, _Type.MESSAGE_EDIT)
_NOTHING: Final = TakenIn()


class AddOns:
    """Takes messages in."""

    def __init__(self, context: Context, chat_log: ChatLog) -> None:
        """Share the client's context."""
        self._context = context
        self._log = chat_log

    async def take_in_record(self, tx: Transaction, record: storage.InboxRecord) -> bool:
        """Let a message take effect before it is kept; False when nobody is to hear of it.

        Raises `DecodeError` when the record makes no sense.
        """
        message = decode(record.message)
        entry = LoggedMessage(
            chat=Jid.parse(record.chat),
            sender=Jid.parse(record.sender),
            id=record.id,
            timestamp=record.timestamp,
            push_name=record.push_name or None,
            from_me=record.from_me,
            edited=False,
            message=message,
        )
        taken = await self.take_in(tx, entry)
        if taken.resolved is not None:
            record.resolved = taken.resolved
        if taken.poll is not None:
            record.poll.CopyFrom(taken.poll)
        return _is_visible(message) and not taken.forged

    async def take_in(self, tx: Transaction, entry: LoggedMessage) -> TakenIn:
        """Remember a message, and let what it says about another one take effect."""
        if entry.message is None:
            return _NOTHING
        await self._log.keep(tx, entry)
        inner = unwrap(entry.message).message
        if inner.HasField("pollUpdateMessage"):
            return await self._take_vote(tx, entry, inner.pollUpdateMessage)
        if inner.HasField("protocolMessage"):
            return await self._take_protocol(tx, entry, inner.protocolMessage)
        if inner.HasField("secretEncryptedMessage"):
            return await self._take_secret_edit(tx, entry, inner.secretEncryptedMessage)
        if inner.HasField("encReactionMessage"):
            reaction = inner.encReactionMessage
            sealed = Sealed(payload=reaction.encPayload, iv=reaction.encIv)
            key, use = reaction.targetMessageKey, UseCase.REACTION
        elif inner.HasField("encCommentMessage"):
            comment = inner.encCommentMessage
            sealed = Sealed(payload=comment.encPayload, iv=comment.encIv)
            key, use = comment.targetMessageKey, UseCase.COMMENT
        elif inner.HasField("encEventResponseMessage"):
            response = inner.encEventResponseMessage
            sealed = Sealed(payload=response.encPayload, iv=response.encIv)
            key, use = response.eventCreationMessageKey, UseCase.EVENT_RESPONSE
        else:
            return _NOTHING
        return TakenIn(resolved=await self._unseal(tx, entry, key, (use,), sealed))

    async def _take_vote(
        self, tx: Transaction, entry: LoggedMessage, content: wire.Message.PollUpdateMessage
    ) -> TakenIn:
        key = content.pollCreationMessageKey
        sealed = Sealed(payload=content.vote.encPayload, iv=content.vote.encIv)
        plaintext = await self._unseal(tx, entry, key, (UseCase.POLL_VOTE,), sealed)
        choices = None if plaintext is None else choices_of(plaintext)
        author = self._author(entry, key)
        if plaintext is None or choices is None or author is None:
            return _NOTHING
        poll = await self._log.poll_of(tx, entry.chat, author, key.id)
        if poll is None:
            return TakenIn(resolved=plaintext)
        voter = self._context.forms_of(entry.sender)
        timestamp_ms = content.senderTimestampMs or entry.timestamp * 1000
        cast_vote(poll, voter, choices, timestamp_ms=timestamp_ms)
        await self._log.put_poll(tx, entry.chat, author, key.id, poll)
        return TakenIn(resolved=plaintext, poll=poll)

    async def _take_protocol(
        self, tx: Transaction, entry: LoggedMessage, content: wire.Message.ProtocolMessage
    ) -> TakenIn:
        # An absent type would read as a deletion.
        if not content.HasField("type") or content.type not in (_Type.REVOKE, _Type.MESSAGE_EDIT):
            return _NOTHING
        author = self._author(entry, content.key)
        # In a group an admin may delete what others wrote, which the server sees to.
        by_admin = content.type == _Type.REVOKE and not entry.chat.is_user
        if not self._is_author(entry, author) and not by_admin:
            _LOGGER.debug("Someone would change a message that they did not write")
            return TakenIn(forged=True)
        target = await self._target(tx, entry, content.key, author)
        if target is not None and content.type == _Type.REVOKE:
            await self._log.forget(tx, target)
        elif target is not None:
            await self._log.edit(tx, target, content.editedMessage)
        return _NOTHING

    async def _take_secret_edit(
        self, tx: Transaction, entry: LoggedMessage, content: wire.Message.SecretEncryptedMessage
    ) -> TakenIn:
        uses = _EDIT_USES.get(content.secretEncType)
        key = content.targetMessageKey
        author = self._author(entry, key)
        if uses is None or author is None:
            return _NOTHING
        adds_option = content.secretEncType == _Edit.POLL_ADD_OPTION
        if not adds_option and not self._is_author(entry, author):
            return TakenIn(forged=True)
        sealed = Sealed(payload=content.encPayload, iv=content.encIv)
        plaintext = await self._unseal(tx, entry, key, uses, sealed)
        becomes = None if plaintext is None else becomes_of(plaintext)
        if becomes is None:
            return _NOTHING
        target = await self._target(tx, entry, key, author)
        if target is not None:
            await self._log.edit(tx, target, becomes)
        await self._edit_poll(tx, entry, author, key.id, becomes)
        return TakenIn(resolved=plaintext)

    async def _edit_poll(
        self,
        tx: Transaction,
        entry: LoggedMessage,
        author: Jid,
        message_id: str,
        becomes: wire.Message,
    ) -> None:
        """Take over a poll's new options; its votes stay."""
        inner = unwrap(becomes).message
        name = content_field(inner)
        poll = await self._log.poll_of(tx, entry.chat, author, message_id)
        if poll is None or name is None or name not in POLLS:
            return
        content: wire.Message.PollCreationMessage = getattr(inner, name)
        question, options = text_in(content)
        poll.question = question or poll.question
        if options:
            del poll.options[:]
            poll.options.extend(options)
        await self._log.put_poll(tx, entry.chat, author, message_id, poll)

    # --- whose message it is about

    def _author(self, entry: LoggedMessage, key: wire.MessageKey) -> Jid | None:
        """Say who wrote the message that a key names, which is its sender's view."""
        if not isinstance(key.id, str) or not 0 < len(key.id) <= MAX_ID:
            return None
        if key.fromMe:
            return entry.sender
        if entry.chat.is_user:
            own = self._context.own
            ours = own.lid.bare if entry.sender.is_lid else own.phone.bare
            return entry.chat if entry.from_me else ours
        participant: str | bytes = key.participant
        if not isinstance(participant, str) or not participant:
            return None
        try:
            return Jid.parse(participant).bare
        except DecodeError:
            return None

    def _is_author(self, entry: LoggedMessage, author: Jid | None) -> bool:
        return author is not None and author in self._context.forms_of(entry.sender)

    async def _target(
        self, tx: Transaction, entry: LoggedMessage, key: wire.MessageKey, author: Jid | None
    ) -> LoggedMessage | None:
        if author is None:
            return None
        return await self._log.find(entry.chat, key.id, sender=author, tx=tx)

    async def _unseal(
        self,
        tx: Transaction,
        entry: LoggedMessage,
        key: wire.MessageKey,
        uses: tuple[UseCase, ...],
        sealed: Sealed,
    ) -> bytes | None:
        """Decrypt; None when we lack the secret or it does not verify."""
        author = self._author(entry, key)
        if author is None:
            return None
        secret = await self._log.secret_of(tx, entry.chat, author, key.id)
        if secret is None:
            _LOGGER.debug("Something is about a message whose secret is not known")
            return None
        for use in uses:
            for binding in self._bindings(key.id, author, entry.sender):
                try:
                    return unseal(secret, use, binding, sealed)
                except SignalError:
                    continue
        _LOGGER.debug("Something that is about a message does not verify")
        return None

    def _bindings(self, message_id: str, author: Jid, modifier: Jid) -> Iterator[Binding]:
        """Name both as they may have been named: as received, then in either namespace."""
        context = self._context
        authors, modifiers = context.forms_of(author), context.forms_of(modifier)
        pairs = [(author.bare, modifier.bare)]
        pairs += [(a, m) for a in authors for m in modifiers if a.is_lid == m.is_lid]
        pairs += [(a, m) for a in authors for m in modifiers]
        for a, m in dict.fromkeys(pairs):
            yield Binding(message_id=message_id, author=a, modifier=m)


def _is_visible(message: wire.Message) -> bool:
    """Whether anything in the message is for people."""
    inner = unwrap(message).message
    if inner.HasField("protocolMessage"):
        protocol = inner.protocolMessage
        return protocol.HasField("type") and protocol.type in _VISIBLE_PROTOCOL
    return True
