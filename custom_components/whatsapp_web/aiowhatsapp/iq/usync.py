"""Looking up users: their devices, their LID, whether a number is on WhatsApp.

```
<iq xmlns="usync" type="get"><usync sid mode context last="true" index="0">
  <query><devices version="2"/><lid/></query><list><user jid/>..</list></usync></iq>
 -> <usync><result/><list><user jid {pn_jid}>
      <devices><device-list><device id {key-index} {is_hosted}/>..</device-list>
               <key-index-list ts>bytes</key-index-list></devices><lid val/></user>..</list></usync>
<query><contact/><lid/></query><list><user><contact>+15551234567</contact></user></list>
 -> <user jid {pn_jid}><contact type="in|out">..</contact>{<lid val/>}</user>
<query><contact/><lid/></query><list><user><contact username {pin}/></user></list>  ->  the same
```
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..errors import AttributeMissing
from ..jid import Jid
from ..wabinary import Node
from ..wabinary.tags import MAX_AD_DEVICE
from .spec import IqSpec

# Nobody has more linked devices than a handful; this bounds a hostile answer.
MAX_DEVICES: Final = 256
HOSTED_DEVICE: Final = 99
MAX_KEY_INDEX: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDevice:
    """One device of a user as the server lists it."""

    id: int
    key_index: int | None
    hosted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDevices:
    """A user's devices; `key_index_list` is the signed list that vouches for them.

    The server may name a user by LID who was asked for by number, with the number in
    `phone`; all addresses are bare.
    """

    user: Jid
    devices: tuple[ListedDevice, ...]
    lid: Jid | None
    phone: Jid | None
    key_index_list: bytes | None = field(repr=False)

    def is_of(self, user: Jid) -> bool:
        """Whether this is the answer for that user."""
        return user in (self.user, self.lid, self.phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDevices(IqSpec[tuple[UserDevices, ...]]):
    """The devices of some users, by bare JID, phone number or LID."""

    namespace = "usync"

    users: Sequence[Jid]
    session_id: str
    context: str = "message"

    def build(self) -> list[Node]:
        """Ask for version 2 device lists and LIDs."""
        query = [Node("devices", {"version": "2"}), Node("lid")]
        users = [Node("user", {"jid": user}) for user in self.users]
        return [usync_query(self.session_id, "query", self.context, query, users)]

    def parse(self, node: Node) -> tuple[UserDevices, ...]:
        """Leave out users that the server doesn't know or answers with an error."""
        return tuple(each_user(node, _user_devices))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNumber:
    """What the server says of a number: its JID as the server spells it, and LID."""

    query: str
    registered: bool
    jid: Jid | None
    phone: Jid | None
    lid: Jid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckNumbers(IqSpec[tuple[KnownNumber, ...]]):
    """Whether numbers (`+` and digits) are on WhatsApp."""

    namespace = "usync"

    numbers: Sequence[str]
    session_id: str

    def build(self) -> list[Node]:
        """Ask by number; the answer may name the user by LID."""
        query = [Node("contact"), Node("lid")]
        users = [Node("user", {}, [Node("contact", {}, number)]) for number in self.numbers]
        return [usync_query(self.session_id, "query", "interactive", query, users)]

    def parse(self, node: Node) -> tuple[KnownNumber, ...]:
        """Read who is in and who is out."""
        return tuple(each_user(node, _known_number))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUsername(IqSpec[KnownNumber | None]):
    """Who has a username; some want their four-digit key with it."""

    namespace = "usync"

    username: str
    pin: str | None
    session_id: str

    def build(self) -> list[Node]:
        """Ask by name, without the @."""
        attrs: dict[str, str | Jid] = {"username": self.username}
        if self.pin is not None:
            attrs["pin"] = self.pin
        query = [Node("contact"), Node("lid")]
        users = [Node("user", {}, [Node("contact", attrs)])]
        return [usync_query(self.session_id, "query", "interactive", query, users)]

    def parse(self, node: Node) -> KnownNumber | None:
        """Read who it is, if anybody."""
        return next((user for user in each_user(node, _known_number) if user.registered), None)


def usync_query(
    session_id: str, mode: str, context: str, query: list[Node], users: list[Node]
) -> Node:
    """Build the query that all look-ups of users have in common."""
    return Node(
        "usync",
        {"sid": session_id, "mode": mode, "last": "true", "index": "0", "context": context},
        [Node("query", {}, query), Node("list", {}, users)],
    )


def each_user[T](node: Node, read: Callable[[Node], T]) -> Iterator[T]:
    """Read the users of an answer; one that makes no sense is left out, not all."""
    for user in node.required_child("usync").required_child("list").children("user"):
        try:
            yield read(user)
        except AttributeMissing:
            continue


def _user_devices(user: Node) -> UserDevices:
    jid, phone, lid = addresses_of(user)
    devices = _devices(user)
    if jid is None or not devices:
        # Whoever is on WhatsApp has a device: an empty list says nothing.
        raise AttributeMissing("a user without address or devices")
    return UserDevices(
        user=jid, devices=devices, lid=lid, phone=phone, key_index_list=_key_index_list(user)
    )


def _known_number(user: Node) -> KnownNumber:
    contact = user.required_child("contact")
    jid, phone, lid = addresses_of(user)
    return KnownNumber(
        query=contact.text,
        registered=contact.attr("type") == "in",
        jid=jid,
        phone=phone,
        lid=lid,
    )


def addresses_of(user: Node) -> tuple[Jid | None, Jid | None, Jid | None]:
    """Read a user's address, phone number and LID, without device numbers."""
    jid = user.jid("jid")
    phone = jid if jid is not None and jid.is_phone_number else user.jid("pn_jid")
    lid = jid if jid is not None and jid.is_lid else _lid(user)
    return jid and jid.bare, phone and phone.bare, lid and lid.bare


def _lid(user: Node) -> Jid | None:
    child = user.child("lid")
    lid = None if child is None else child.jid("val")
    return lid if lid is not None and lid.is_lid else None


def _devices(user: Node) -> tuple[ListedDevice, ...]:
    """Read a device list; a companion without key index would be refused later."""
    device_list = user.required_child("devices").required_child("device-list")
    devices = []
    for device in device_list.children("device")[:MAX_DEVICES]:
        device_id = device.int_attr("id")
        key_index = device.int_attr("key-index")
        if device_id is None or not 0 <= device_id <= MAX_AD_DEVICE:
            continue
        if (device_id and key_index is None) or not 0 <= (key_index or 0) <= MAX_KEY_INDEX:
            continue
        hosted = device.attr("is_hosted") == "true" or device_id == HOSTED_DEVICE
        devices.append(ListedDevice(id=device_id, key_index=key_index, hosted=hosted))
    return tuple(devices)


def _key_index_list(user: Node) -> bytes | None:
    try:
        return user.required_child("devices").required_child("key-index-list").data or None
    except AttributeMissing:
        return None
