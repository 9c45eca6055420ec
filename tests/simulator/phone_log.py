"""What a phone remembers: messages, receipts, and what it sent."""

from dataclasses import dataclass

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from .accounts import Account, Device


@dataclass(frozen=True)
class PhoneMessage:
    """A message as the phone's chat list shows it."""

    id: str
    chat: Account
    sender: Device
    from_me: bool
    text: str | None
    timestamp: int
    message: wire.Message
    # The group it was written in, or status@broadcast.
    room: Jid | None = None

    def as_dict(self) -> dict[str, object]:
        """Return what the control port tells."""
        return {
            "id": self.id,
            "chat": self.chat.number,
            "sender": self.sender.account.number,
            "sender_device": self.sender.id,
            "from_me": self.from_me,
            "text": self.text,
            "room": None if self.room is None else str(self.room),
            "timestamp": self.timestamp,
        }


@dataclass(frozen=True)
class PhoneReceipt:
    """A receipt that reached the phone."""

    ids: tuple[str, ...]
    sender: Jid
    type: str | None


@dataclass(frozen=True)
class Sent:
    """A message that may have to be sent again."""

    chat: Jid
    message: wire.Message
    type: str
