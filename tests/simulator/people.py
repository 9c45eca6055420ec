"""What the server knows of people beside their devices: profiles, privacy, who is blocked."""

from dataclasses import dataclass, field
import hashlib
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .iqs import IqRefused

if TYPE_CHECKING:
    from .server import Simulator

FIRST_PICTURE = 1_700_000_000
MAX_PICTURE = 1024 * 1024
TIMERS = (0, 86_400, 604_800, 7_776_000)
PRIVACY = {
    "last": ("all", "contacts", "contact_blacklist", "none"),
    "online": ("all", "match_last_seen"),
    "profile": ("all", "contacts", "contact_blacklist", "none"),
    "status": ("all", "contacts", "contact_blacklist", "none"),
    "readreceipts": ("all", "none"),
    "groupadd": ("all", "contacts", "contact_blacklist", "none"),
    "calladd": ("all", "known"),
    "messages": ("all", "contacts"),
}


@dataclass(eq=False)
class Profile:
    """What a person shows, and to whom."""

    about: str = ""
    about_at: int = 0
    picture: bytes | None = None
    picture_id: str = ""
    timer: int = 0
    timer_at: int = 0
    verified_name: bytes = b""
    business: dict[str, str] = field(default_factory=dict)
    username: str = ""
    pin: str = ""
    privacy: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PRIVACY, "all"))
    blocked: list[Account] = field(default_factory=list)
    excluded: dict[str, list[Account]] = field(default_factory=dict)
    audience: tuple[str, list[Account]] | None = None


class People:
    """Answers requests about people and tells others of changes."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._profiles: dict[Account, Profile] = {}
        self._rooms: dict[Jid, tuple[str, bytes]] = {}
        self._pictures = 0
        # Other spellings of numbers: national variants that mean the same account.
        self.aliases: dict[str, str] = {}

    def of(self, account: Account) -> Profile:
        """Give an account's profile."""
        return self._profiles.setdefault(account, Profile())

    def find_number(self, digits: str) -> Account | None:
        """Look up by number as anybody may write it."""
        return self._server.directory.find_number(self.aliases.get(digits, digits))

    def find_username(self, asked: Node) -> Account | None:
        """Look up by username, and the key that goes with it where there is one."""
        for account, profile in self._profiles.items():
            if profile.username and profile.username == asked.attr("username"):
                return account if profile.pin == (asked.attr("pin") or "") else None
        return None

    def blocks(self, account: Account, other: Account) -> bool:
        """Whether one does not want to hear of the other."""
        return other in self.of(account).blocked

    # --- what changes it

    def set_about(self, account: Account, text: str) -> None:
        """Change an about text, and tell those who know the account."""
        profile = self.of(account)
        profile.about, profile.about_at = text, self._server.now()
        self._tell_others(account, "status", Node("set", {}, text))

    def set_picture(self, account: Account, picture: bytes | None) -> str:
        """Change or remove a picture, and tell; return its id."""
        profile = self.of(account)
        profile.picture, profile.picture_id = picture, self._next_picture() if picture else ""
        child = Node(
            "set", {"id": profile.picture_id, "jid": account.lid_jid, "author": account.lid_jid}
        )
        self._tell_others(
            account, "picture", child if picture else Node("delete", {"jid": account.lid_jid})
        )
        return profile.picture_id

    def _next_picture(self) -> str:
        self._pictures += 1
        return str(FIRST_PICTURE + self._pictures)

    def _tell_others(self, account: Account, kind: str, child: Node) -> None:
        for number in sorted(account.contacts):
            contact = self._server.directory.find_number(number)
            for target in contact.devices.values() if contact else ():
                self._server.notices.push(target, kind, account.lid_jid, child)

    def _tell_own(self, device: Device, child: Node) -> None:
        """Tell the other devices of an account what one of them changed."""
        for target in device.account.devices.values():
            if target is not device:
                self._server.notices.push(target, "account_sync", device.account.pn_jid, child)

    # --- requests

    def privacy(self, device: Device, node: Node) -> list[Node]:
        """Give or change privacy settings."""
        settings = self.of(device.account).privacy
        asked = node.required_child("privacy")
        listed = asked.child("list")
        if node.attr("type") == "get":
            if listed is not None:
                return [self._excluded(device.account, listed.required_attr("name"))]
            return [_settings(settings)]
        changed = {}
        for category in asked.children("category"):
            name, value = category.required_attr("name"), category.required_attr("value")
            if value not in PRIVACY.get(name, ()):
                raise IqRefused(400, "bad-request")
            changed[name] = value
            if value == "contact_blacklist":
                self._exclude(device.account, asked, category)
        settings |= changed
        self._tell_own(device, _settings(changed))
        return [_settings(changed)]

    def _excluded(self, account: Account, name: str) -> Node:
        left_out = self.of(account).excluded.get(name, [])
        users = [Node("user", {"jid": each.lid_jid}) for each in left_out]
        attributes = {"name": name, "value": "contact_blacklist"}
        if left_out:
            attributes["dhash"] = _hash_of(left_out)
        return Node("privacy", {}, [Node("list", dict(attributes), users)])

    def _exclude(self, account: Account, asked: Node, category: Node) -> None:
        left_out = self.of(account).excluded.setdefault(category.required_attr("name"), [])
        if asked.attr("addressing_mode") != "lid":
            raise IqRefused(400, "bad-request")
        if category.attr("dhash") != (_hash_of(left_out) if left_out else "none"):
            raise IqRefused(409, "conflict")
        for user in category.children("user"):
            other = self._server.directory.find(user.required_jid("jid"))
            if other is None or not user.required_jid("jid").is_lid:
                raise IqRefused(400, "bad-request")
            if user.attr("action") == "add":
                left_out.append(other)
            else:
                left_out.remove(other)

    def blocklist(self, device: Device, node: Node) -> list[Node]:
        """Give the list of who is blocked, or change it."""
        blocked = self.of(device.account).blocked
        if node.attr("type") == "get":
            return [self._blocked(blocked)]
        item = node.required_child("item")
        action, jid = item.required_attr("action"), item.required_jid("jid")
        account, number = self._server.directory.find(jid), item.jid("pn_jid")
        if account is None or not jid.is_lid or action not in ("block", "unblock"):
            raise IqRefused(400, "bad-request")
        if (action == "block") is not (number == account.pn_jid):
            raise IqRefused(400, "bad-request")
        if action == "block" and account not in blocked:
            blocked.append(account)
        if action == "unblock" and account in blocked:
            blocked.remove(account)
        whole = self._blocked(blocked)
        change = Node("item", {"jid": jid, "action": action})
        dhash = whole.required_attr("dhash")
        self._tell_own(device, Node("blocklist", {"action": "modify", "dhash": dhash}, [change]))
        return [whole]

    @staticmethod
    def _blocked(blocked: list[Account]) -> Node:
        items = [Node("item", {"jid": account.lid_jid}) for account in blocked]
        return Node("list", {"dhash": _hash_of(blocked), "addressing_mode": "lid"}, items)

    def picture(self, device: Device, node: Node) -> list[Node]:
        """Give where a picture is, or change one's own."""
        target = node.jid("target")
        if node.attr("type") == "set":
            return self._change_picture(device, node, target)
        asked = node.required_child("picture")
        if target is not None and not target.is_user:
            found = self._rooms.get(target.bare)
            picture_id, picture = found or ("", None)
        else:
            account = self._server.directory.find(target)
            if account is None:
                raise IqRefused(404, "item-not-found")
            if asked.child("tctoken") is not None and account is device.account:
                self._server.ledger.violation(f"{device.label}: a token for one's own picture")
            self._check_shown(account, device.account, "profile")
            profile = self.of(account)
            picture_id, picture = profile.picture_id, profile.picture
        if picture is None:
            raise IqRefused(404, "item-not-found")
        if asked.attr("id") == picture_id:
            return []
        kind = asked.attr("type") or "image"
        path = self._server.media.put("image", picture).direct_path
        return [
            Node(
                "picture",
                {
                    "id": picture_id,
                    "type": kind,
                    "url": f"https://{self._server.media.host}{path}",
                    "direct_path": path,
                },
            )
        ]

    def _change_picture(self, device: Device, node: Node, target: Jid | None) -> list[Node]:
        child = node.child("picture")
        data = None if child is None else child.data
        if data is not None and (not data.startswith(b"\xff\xd8\xff") or len(data) > MAX_PICTURE):
            raise IqRefused(406, "not-acceptable")
        if target is not None and self._server.directory.find(target) is None:
            picture_id = self._set_room_picture(device, target.bare, data)
        elif target is None:
            picture_id = self.set_picture(device.account, data)
            child = Node("picture", {"id": picture_id} if data else {})
            self._tell_own(device, child)
        else:
            raise IqRefused(403, "forbidden")
        return [Node("picture", {"id": picture_id})] if data else []

    def _set_room_picture(self, device: Device, room: Jid, data: bytes | None) -> str:
        """Change or remove a group's picture, and tell its members."""
        group, account = self._server.groups.find(room), device.account
        if group is None or account not in group.members:
            raise IqRefused(403, "forbidden")
        author = account.jid(lid=group.lid)
        if data is None:
            self._rooms.pop(room, None)
            picture_id, child = "", Node("delete", {"author": author, "jid": room})
        else:
            picture_id = self._next_picture()
            self._rooms[room] = picture_id, data
            child = Node("set", {"id": picture_id, "author": author, "jid": room})
        for member in group.devices():
            self._server.notices.push(member, "picture", room, child)
        return picture_id

    def room_picture(self, room: Jid) -> bytes | None:
        """Give a group's picture, if it has one."""
        return self._rooms.get(room, ("", None))[1]

    def status(self, device: Device, node: Node) -> list[Node]:
        """Change one's about text, or give who gets one's status."""
        if node.attr("type") == "set":
            self.set_about(device.account, node.required_child("status").text)
            return []
        node.required_child("privacy")
        audience = self.of(device.account).audience
        if audience is None:
            raise IqRefused(404, "item-not-found")
        kind, accounts = audience
        users = [Node("user", {"jid": account.lid_jid}) for account in accounts]
        return [Node("privacy", {}, [Node("list", {"type": kind, "default": "true"}, users)])]

    def disappearing_mode(self, device: Device, node: Node) -> list[Node]:
        """Change the timer with which new chats begin."""
        seconds = node.required_child("disappearing_mode").required_int("duration")
        if seconds not in TIMERS:
            raise IqRefused(400, "bad-request")
        profile = self.of(device.account)
        profile.timer, profile.timer_at = seconds, self._server.now()
        attributes = {"duration": str(seconds), "t": str(profile.timer_at)}
        self._tell_own(device, Node("disappearing_mode", dict(attributes)))
        self._tell_others(
            device.account, "disappearing_mode", Node("disappearing_mode", dict(attributes))
        )
        return []

    def business(self, device: Device, node: Node) -> list[Node]:
        """Describe businesses."""
        found = []
        for asked in node.required_child("business_profile").children("profile"):
            jid = asked.required_jid("jid")
            account = self._server.directory.find(jid)
            if account is not None and (facts := self.of(account).business):
                found.append(_business(jid, facts))
        return [Node("business_profile", {"v": "244"}, found)]

    # --- for usync

    def part(self, asker: Account, account: Account, protocol: str) -> Node | None:
        """Answer one protocol of a query about a user."""
        profile = self.of(account)
        timer = {"duration": str(profile.timer), "t": str(profile.timer_at)}
        name = Node("verified_name", {"v": "1"}, profile.verified_name)
        about = Node("status", {"t": str(profile.about_at)}, profile.about.encode())
        picture = Node("picture", {"id": profile.picture_id})
        parts = {
            "business": Node("business", {}, [name] if profile.verified_name else None),
            "disappearing_mode": Node("disappearing_mode", dict(timer)),
            "picture": picture if profile.picture else _no_picture(),
            "status": about,
        }
        if profile.username:
            parts["username"] = Node("username", {}, profile.username)
        if not self._is_shown(account, asker, "status"):
            parts["status"] = Node("status", {"code": "401"})
        if not self._is_shown(account, asker, "profile"):
            parts["picture"] = _no_picture()
        return parts.get(protocol)

    def _is_shown(self, account: Account, asker: Account, what: str) -> bool:
        if asker is account:
            return True
        value = self.of(account).privacy[what]
        known = asker.number in account.contacts
        blocked = self.blocks(account, asker)
        left_out = asker in self.of(account).excluded.get(what, [])
        some = (value == "contacts" or (value == "contact_blacklist" and not left_out)) and known
        return not blocked and (value == "all" or some)

    def _check_shown(self, account: Account, asker: Account, what: str) -> None:
        if not self._is_shown(account, asker, what):
            raise IqRefused(401, "not-authorized")


def _hash_of(accounts: list[Account]) -> str:
    names = "".join(sorted(account.lid for account in accounts))
    return hashlib.sha256(names.encode()).hexdigest()[:12]


def _settings(values: dict[str, str]) -> Node:
    categories = [
        Node("category", {"name": name, "value": value}) for name, value in values.items()
    ]
    return Node("privacy", {}, categories)


def _no_picture() -> Node:
    return Node("picture", {}, [Node("error", {"code": "404", "text": "error"})])


def _business(jid: Jid, facts: dict[str, str]) -> Node:
    children = [
        Node(name, {}, facts[name])
        for name in ("address", "description", "website", "email")
        if name in facts
    ]
    if "category" in facts:
        children.append(Node("categories", {}, [Node("category", {"id": "1"}, facts["category"])]))
    if "timezone" in facts:
        hours = {
            "day_of_week": "mon",
            "mode": "specific_hours",
            "open_time": "540",
            "close_time": "1020",
        }
        config = Node("business_hours_config", dict(hours))
        children.append(Node("business_hours", {"timezone": facts["timezone"]}, [config]))
    return Node("profile", {"jid": jid}, children)
