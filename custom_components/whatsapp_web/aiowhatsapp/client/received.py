"""A message out of the inbox, as listeners get it."""

from ..events import IncomingMessage
from ..jid import SERVER_NEWSLETTER, Jid
from ..message.parse import decode, parse
from ..proto import storage
from .context import Context
from .votes import state_of


def incoming_of(context: Context, record: storage.InboxRecord) -> IncomingMessage:
    """Read a kept message, with all that is known of its people by now."""
    chat, sender = Jid.parse(record.chat), Jid.parse(record.sender)
    return IncomingMessage(
        id=record.id,
        chat=context.canonical(chat),
        chat_phone=context.phone_of(chat),
        sender=context.canonical(sender),
        sender_phone=context.phone_of(sender),
        push_name=record.push_name or None,
        timestamp=record.timestamp,
        from_me=record.from_me,
        is_group=not chat.is_user and chat.server != SERVER_NEWSLETTER,
        offline=record.offline,
        content=parse(
            decode(record.message),
            resolved=record.resolved if record.HasField("resolved") else None,
            poll=state_of(record.poll) if record.HasField("poll") else None,
        ),
        server_id=record.server_id if record.HasField("server_id") else None,
    )
