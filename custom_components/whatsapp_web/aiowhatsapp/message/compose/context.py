"""What travels with any content: a quote, mentions, a timer, that it was forwarded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ...jid import Jid
from ...proto import wire
from ..wrappers import unwrap
from .envelope import content_field

MAX_MENTIONS: Final = 1024
# What of a quoted message's own context no quote repeats.
_NOT_QUOTED: Final = (
    "stanzaId",
    "participant",
    "quotedMessage",
    "remoteJid",
    "mentionedJid",
    "nonJidMentions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a message answers.

    `chat` is only given when it is another chat than the one the answer goes to.
    """

    message_id: str
    author: Jid
    message: wire.Message = field(repr=False)
    chat: Jid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a message says beside its content.

    `expiration` is the chat's timer in seconds, `expiration_set_at` when it was set, in
    unix seconds.
    """

    quote: Quote | None = None
    mentions: Sequence[Jid] = ()
    mentions_all: bool = False
    expiration: int = 0
    expiration_set_at: int | None = None
    forwarding_score: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (
            self.quote
            or self.mentions
            or self.mentions_all
            or self.expiration
            or self.forwarding_score
        )


def add_extras(message: wire.Message, extras: Extras) -> None:
    """Put the extras into a message that is in no envelope; one without room stays as it is.

    A plain conversation has none, and becomes a text that has.
    """
    if extras.is_empty:
        return
    if message.HasField("conversation"):
        text = message.conversation
        message.ClearField("conversation")
        message.extendedTextMessage.text = text
    context = context_of(message)
    if context is None:
        return
    if extras.quote is not None:
        _add_quote(context, extras.quote)
    context.mentionedJid.extend(str(jid.bare) for jid in extras.mentions[:MAX_MENTIONS])
    if extras.mentions_all:
        context.nonJidMentions = 1
    if extras.expiration:
        context.expiration = extras.expiration
        if extras.expiration_set_at:
            context.ephemeralSettingTimestamp = extras.expiration_set_at
    if extras.forwarding_score:
        context.forwardingScore = extras.forwarding_score
        context.isForwarded = True


def context_of(message: wire.Message) -> wire.ContextInfo | None:
    """Give the context of a message's content, to read or to change; None if it has none."""
    name = content_field(message)
    if name is None or name == "conversation":
        return None
    content = getattr(message, name)
    if "contextInfo" not in content.DESCRIPTOR.fields_by_name:
        return None
    context: wire.ContextInfo = content.contextInfo
    return context


def quoted_form(message: wire.Message) -> wire.Message:
    """Reduce a message to what a quote of it holds: its content, without quotes in it."""
    quoted = wire.Message()
    name = content_field(unwrap(message).message)
    if name is None:
        return quoted
    quoted.CopyFrom(unwrap(message).message)
    for descriptor, _value in quoted.ListFields():
        if descriptor.name != name:
            quoted.ClearField(descriptor.name)
    context = context_of(quoted) if has_context(quoted) else None
    if context is not None:
        for part in _NOT_QUOTED:
            context.ClearField(part)
    return quoted


def has_context(message: wire.Message) -> bool:
    """Tell whether a message's content has a context that is set."""
    name = content_field(message)
    if name is None or name == "conversation":
        return False
    content = getattr(message, name)
    return "contextInfo" in content.DESCRIPTOR.fields_by_name and bool(
        content.HasField("contextInfo")
    )


def _add_quote(context: wire.ContextInfo, quote: Quote) -> None:
    context.stanzaId = quote.message_id
    context.participant = str(quote.author.bare)
    context.quotedMessage.CopyFrom(quoted_form(quote.message))
    if quote.chat is not None:
        context.remoteJid = str(quote.chat.bare)
