"""Passing a message on."""

from ...errors import InvalidDraft
from ...proto import wire
from ..wrappers import unwrap
from .context import Extras, add_extras, context_of, has_context, quoted_form
from .envelope import content_field

# What can't be passed on: it is about another message, or holds for its chat only.
_NOT_FORWARDED = frozenset(
    {
        "protocolMessage",
        "reactionMessage",
        "encReactionMessage",
        "pollUpdateMessage",
        "pinInChatMessage",
        "keepInChatMessage",
        "encEventResponseMessage",
        "secretEncryptedMessage",
        "encCommentMessage",
        "commentMessage",
        "albumMessage",
    }
)


def compose_forward(message: wire.Message, *, own: bool) -> wire.Message:
    """Make a copy of a message to pass on, without quote, mentions, secret and timer.

    It counts how often it was passed on; our own words begin anew. Raises
    `InvalidDraft` when a message of its kind can't be passed on, or is to be seen once.
    """
    unwrapped = unwrap(message)
    name = content_field(unwrapped.message)
    if name is None or name in _NOT_FORWARDED or unwrapped.view_once:
        raise InvalidDraft("Such a message can't be forwarded")
    score = 0
    if has_context(unwrapped.message):
        context = context_of(unwrapped.message)
        score = 0 if context is None else context.forwardingScore
    forwarded = quoted_form(message)
    if has_context(forwarded):
        context = context_of(forwarded)
        if context is not None:
            context.Clear()
    if name == "documentMessage" and forwarded.documentMessage.caption:
        wrapped = wire.Message()
        add_extras(forwarded, Extras(forwarding_score=0 if own else score + 1))
        wrapped.documentWithCaptionMessage.message.CopyFrom(forwarded)
        return wrapped
    if not own or score:
        add_extras(forwarded, Extras(forwarding_score=score + 1))
    return forwarded
