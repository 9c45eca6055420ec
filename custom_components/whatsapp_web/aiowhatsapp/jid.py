"""JIDs: the addresses of users, devices, groups and the server itself.

Text form `user[.agent][:device]@server`; device 0 is not written. Nothing else
in the package takes a JID's text apart.
"""

from dataclasses import dataclass
import re
from typing import Final

from .errors import DecodeError

SERVER_USER: Final = "s.whatsapp.net"
SERVER_LID: Final = "lid"
SERVER_GROUP: Final = "g.us"
SERVER_BROADCAST: Final = "broadcast"
SERVER_NEWSLETTER: Final = "newsletter"
SERVER_HOSTED: Final = "hosted"
SERVER_HOSTED_LID: Final = "hosted.lid"
SERVER_LEGACY_USER: Final = "c.us"
SERVER_BOT: Final = "bot"
SERVER_MESSENGER: Final = "msgr"
SERVER_INTEROP: Final = "interop"

# The domain byte of a device JID on the wire, and the suffix of its Signal name.
DOMAIN_OF_SERVER: Final = {
    SERVER_USER: 0,
    SERVER_LID: 1,
    SERVER_HOSTED: 128,
    SERVER_HOSTED_LID: 129,
}
SERVER_OF_DOMAIN: Final = {domain: server for server, domain in DOMAIN_OF_SERVER.items()}

# No real JID comes near this; it bounds what a peer can make us keep.
MAX_TEXT: Final = 256
MAX_DEVICE: Final = 0xFFFF

_USER_PART = re.compile(r"(?P<user>.*?)(?:[._](?P<agent>\d{1,3}))?(?::(?P<device>\d{1,5}))?")


@dataclass(frozen=True, slots=True, order=True)
class Jid:
    """An address: user part (may be empty), server, and device number."""

    user: str
    server: str
    device: int = 0

    @classmethod
    def parse(cls, text: str) -> Jid:
        """Read the text form.

        Raises `DecodeError` when it is too long, or the device is out of range.
        """
        if len(text) > MAX_TEXT:
            raise DecodeError("JID too long")
        user_part, at, server = text.rpartition("@")
        if not at:
            return cls("", server)
        if server == SERVER_LEGACY_USER:
            server = SERVER_USER
        if server not in DOMAIN_OF_SERVER:
            return cls(user_part, server)
        match = _USER_PART.fullmatch(user_part)
        if match is None:
            raise DecodeError("Malformed JID")
        device = int(match["device"] or 0)
        if device > MAX_DEVICE:
            raise DecodeError("Device number out of range")
        return cls(match["user"], server, device)

    @classmethod
    def of_number(cls, digits: str) -> Jid:
        """Make the phone-number JID of an international number, digits only."""
        return cls(digits, SERVER_USER)

    def __str__(self) -> str:
        """Give the text form."""
        if not self.user:
            return self.server
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}"

    @property
    def bare(self) -> Jid:
        """The same address without a device number."""
        return self if not self.device else Jid(self.user, self.server)

    def with_device(self, device: int) -> Jid:
        """Return the same user's address with another device number."""
        return Jid(self.user, self.server, device)

    @property
    def is_user(self) -> bool:
        """Whether this is a person's address, by phone number or LID."""
        return bool(self.user) and self.server in DOMAIN_OF_SERVER

    @property
    def is_lid(self) -> bool:
        """Whether the address is in the LID namespace."""
        return self.server in (SERVER_LID, SERVER_HOSTED_LID)

    @property
    def is_phone_number(self) -> bool:
        """Whether the address is in the phone-number namespace."""
        return self.server in (SERVER_USER, SERVER_HOSTED) and bool(self.user)

    @property
    def is_group(self) -> bool:
        """Whether this is a group."""
        return self.server == SERVER_GROUP

    @property
    def is_hosted(self) -> bool:
        """Whether the device is one that a business provider runs."""
        return self.server in (SERVER_HOSTED, SERVER_HOSTED_LID)

    @property
    def is_server(self) -> bool:
        """Whether this is the server itself."""
        return not self.user and self.server == SERVER_USER

    @property
    def signal_name(self) -> str:
        """The name part of the Signal address: the user, and `_domain` unless 0.

        Local naming only; it keeps phone-number and LID records apart.
        """
        domain = DOMAIN_OF_SERVER.get(self.server, 0)
        return f"{self.user}_{domain}" if domain else self.user

    @property
    def ad_string(self) -> str:
        """The form that hashes of device lists are taken over."""
        return f"{self.user}.0:{self.device}@{self.server}"

    @property
    def log_form(self) -> str:
        """A shortened form for logs, which never shows a whole number."""
        return f"…{self.user[-4:]}:{self.device}@{self.server}"


SERVER_JID: Final = Jid("", SERVER_USER)
GROUP_SERVER_JID: Final = Jid("", SERVER_GROUP)
STATUS_BROADCAST: Final = Jid("status", SERVER_BROADCAST)
