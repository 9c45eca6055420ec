"""Accounts and their devices: a number, a LID, a phone (device 0), linked companions."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
import hashlib
import os
from typing import TYPE_CHECKING, Protocol

from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_LID, SERVER_USER, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .keyshelf import KeyShelf
from .mailbox import Mailbox

if TYPE_CHECKING:
    from .phone import Phone

SERVER_JID = Jid("", SERVER_USER)
FIRST_LID = 203_000_000_000_001
MAX_COMPANIONS = 4


class Endpoint(Protocol):
    """Where a device is reached at this moment."""

    def deliver(self, node: Node) -> None:
        """Hand a stanza over; never raises."""


@dataclass(eq=False, repr=False)
class Device:
    """One device of an account, as the server knows it."""

    account: Account
    id: int
    noise_public: bytes
    identity_public: bytes
    registration_id: int
    key_index: int | None = None
    keys: KeyShelf = field(default_factory=KeyShelf)
    mailbox: Mailbox = field(default_factory=Mailbox)
    endpoint: Endpoint | None = None
    device_identity: bytes = b""
    os_name: str = ""
    push_name: str = ""
    available: bool = False
    removed: bool = False
    logins: int = 0

    def jid(self, *, lid: bool) -> Jid:
        """Return the device's address in one of the two namespaces."""
        return self.account.jid(lid=lid).with_device(self.id)

    @property
    def label(self) -> str:
        """A name for logs and reports."""
        return f"{self.account.number}:{self.id}"

    def __repr__(self) -> str:
        return f"<Device {self.label}>"


@dataclass(eq=False, repr=False)
class Account:
    """A person: number, LID, devices; the phone is always there."""

    number: str
    lid: str
    name: str
    devices: dict[int, Device] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    next_device: int = 1
    next_key_index: int = 1
    raw_id: int = field(default_factory=lambda: int.from_bytes(os.urandom(4), "big"))
    key_index_list: bytes = b""
    key_index_time: int = 0
    contacts: set[str] = field(default_factory=set)
    lid_migrated: bool = True
    phone: Phone = field(init=False)

    def __repr__(self) -> str:
        return f"<Account {self.number} {self.name}>"

    def jid(self, *, lid: bool) -> Jid:
        """Return the account's bare address in one of the two namespaces."""
        return Jid(self.lid, SERVER_LID) if lid else Jid(self.number, SERVER_USER)

    @property
    def pn_jid(self) -> Jid:
        """The bare address by number."""
        return self.jid(lid=False)

    @property
    def lid_jid(self) -> Jid:
        """The bare address by LID."""
        return self.jid(lid=True)

    @property
    def companions(self) -> list[Device]:
        """The linked devices, oldest first."""
        return [device for device in self.devices.values() if device.id]

    def device_hash(self, *, lid: bool) -> str:
        """Hash the list of devices the way the wire names it."""
        return participant_hash(device.jid(lid=lid) for device in self.devices.values())


def participant_hash(jids: Iterable[Jid]) -> str:
    """Return version 2 of the hash over device addresses: `2:` and eight characters."""
    digest = hashlib.sha256("".join(sorted(jid.ad_string for jid in jids)).encode()).digest()
    return "2:" + base64.b64encode(digest[:6]).decode()


class Directory:
    """All accounts, found by number or LID."""

    def __init__(self) -> None:
        self._by_number: dict[str, Account] = {}
        self._by_lid: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._by_number.values()))

    def add(self, number: str, name: str) -> Account:
        """Make an account; every number has a LID."""
        if number in self._by_number:
            raise ValueError("The number is taken")
        account = Account(number, str(FIRST_LID + 7919 * len(self._by_number)), name)
        self._by_number[number] = account
        self._by_lid[account.lid] = account
        return account

    def find(self, jid: Jid | None) -> Account | None:
        """Look up the account an address belongs to."""
        if jid is None:
            return None
        if jid.server == SERVER_LID:
            return self._by_lid.get(jid.user)
        return self._by_number.get(jid.user) if jid.server == SERVER_USER else None

    def find_number(self, digits: str) -> Account | None:
        """Look up by number, digits only."""
        return self._by_number.get(digits)

    def find_device(self, jid: Jid | None) -> Device | None:
        """Look up the device an address names."""
        account = self.find(jid)
        return account.devices.get(jid.device) if account and jid else None
