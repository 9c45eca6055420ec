"""Channels: who follows them, what was posted there, and the queries about them."""

from dataclasses import dataclass, field
import json
from typing import TYPE_CHECKING, Any

from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_NEWSLETTER, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account, Device
from .iqs import IqRefused

if TYPE_CHECKING:
    from .server import Simulator

FIRST_CHANNEL = 120_363_400_000_000_000
LIVE_SECONDS = 300

# What a stored query is, by all the ids it had: those of today, and older ones.
QUERIES = {
    "25399611239711790": "list",
    "6388546374527196": "list",
    "27456920720571478": "describe",
    "6563316087068696": "describe",
    "24404358912487870": "follow",
    "9926858900719341": "follow",
    "9767147403369991": "unfollow",
    "6392786840836363": "unfollow",
    "8823471724422422": "create",
    "9152604461510864": "about",
}


@dataclass(eq=False)
class Post:
    """What was posted in a channel."""

    server_id: int
    id: str
    time: int
    type: str
    message: bytes
    reactions: dict[Account, str] = field(default_factory=dict)
    viewers: set[Account] = field(default_factory=set)

    def node(self, *, figures_only: bool = False) -> Node:
        """Describe it as fetched posts and live updates do."""
        counts: dict[str, int] = {}
        for emoji in self.reactions.values():
            counts[emoji] = counts.get(emoji, 0) + 1
        reactions = [
            Node("reaction", {"code": emoji, "count": str(count)})
            for emoji, count in counts.items()
        ]
        children = [
            Node("views_count", {"count": str(len(self.viewers))}),
            Node("reactions", {}, reactions),
        ]
        attributes = {"server_id": str(self.server_id)}
        if not figures_only:
            attributes |= {"id": self.id, "t": str(self.time), "type": self.type}
            children.insert(0, Node("plaintext", {}, self.message))
        return Node("message", dict(attributes), children)


@dataclass(eq=False)
class Channel:
    """A channel."""

    id: str
    name: str
    description: str
    owner: Account
    created: int
    invite: str
    followers: set[Account] = field(default_factory=set)
    posts: list[Post] = field(default_factory=list)
    live: set[Device] = field(default_factory=set)

    @property
    def jid(self) -> Jid:
        """The channel's address."""
        return Jid(self.id, SERVER_NEWSLETTER)

    def post(self, server_id: int) -> Post:
        """Find a post; raise when there is none."""
        for post in self.posts:
            if post.server_id == server_id:
                return post
        raise IqRefused(404, "item-not-found")


class Newsletters:
    """All channels."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._channels: dict[str, Channel] = {}
        # Ids of queries that this server no longer knows.
        self.forgotten_queries: set[str] = set()

    def create(self, owner: Account, name: str, description: str = "") -> Channel:
        """Make a channel; its owner follows it."""
        number = len(self._channels)
        channel = Channel(
            str(FIRST_CHANNEL + number),
            name,
            description,
            owner,
            self._server.now(),
            f"0029Va{number:016}",
            {owner},
        )
        self._channels[channel.id] = channel
        return channel

    def find(self, jid: Jid | None) -> Channel | None:
        """Look a channel up."""
        is_channel = jid is not None and jid.server == SERVER_NEWSLETTER
        return self._channels.get(jid.user) if jid is not None and is_channel else None

    def _required(self, jid: Jid) -> Channel:
        channel = self.find(jid)
        if channel is None:
            raise IqRefused(404, "item-not-found")
        return channel

    # --- posts

    def publish(self, channel: Channel, post_id: str, message: bytes, kind: str = "text") -> Post:
        """Post something: every device of every follower gets it."""
        post = Post(len(channel.posts) + 101, post_id, self._server.now(), kind, message)
        channel.posts.append(post)
        attributes: dict[str, str | Jid] = {
            "from": channel.jid,
            "id": post.id,
            "server_id": str(post.server_id),
            "t": str(post.time),
            "type": kind,
        }
        for follower in channel.followers:
            for device in follower.devices.values():
                stanza = Node("message", attributes, [Node("plaintext", {}, message)])
                self._server.push(device, stanza)
        return post

    def message(self, device: Device, node: Node) -> None:
        """Take a post or a reaction; it gets an ack."""
        channel = self.find(node.required_jid("to"))
        extra: dict[str, str] = {}
        try:
            if channel is None:
                raise IqRefused(404, "item-not-found")
            extra = self._take(device, channel, node)
        except IqRefused as err:
            extra = {"error": str(err.code)}
        ack: dict[str, str | Jid] = {
            "class": "message",
            "id": node.required_attr("id"),
            "from": node.required_jid("to"),
            "t": str(self._server.now()),
            **extra,
        }
        self._server.tell(device, Node("ack", ack))

    def _take(self, device: Device, channel: Channel, node: Node) -> dict[str, str]:
        reaction, plaintext = node.child("reaction"), node.child("plaintext")
        if node.children("enc") or node.child("participants"):
            raise IqRefused(479, "not-acceptable")
        if reaction is not None:
            post = channel.post(node.required_int("server_id"))
            emoji = reaction.attr("code") or ""
            if bool(emoji) is (node.attr("edit") == "7"):
                raise IqRefused(479, "not-acceptable")
            post.reactions.pop(device.account, None)
            if emoji:
                post.reactions[device.account] = emoji
            self._tell_live(channel, post)
            return {"server_id": str(post.server_id)}
        if plaintext is None or device.account is not channel.owner:
            raise IqRefused(403, "forbidden")
        kind = node.attr("type") or "text"
        post = self.publish(channel, node.required_attr("id"), plaintext.data, kind)
        return {"server_id": str(post.server_id)}

    def viewed(self, device: Device, node: Node) -> None:
        """Count views."""
        channel = self.find(node.jid("to"))
        for listed in node.children("list"):
            for item in listed.children("item"):
                for post in channel.posts if channel else ():
                    if post.server_id == item.int_attr("server_id"):
                        post.viewers.add(device.account)

    def _tell_live(self, channel: Channel, post: Post) -> None:
        now: dict[str, str | Jid] = {"jid": channel.jid, "t": str(self._server.now())}
        messages = Node("messages", now, [post.node(figures_only=True)])
        for device in channel.live:
            self._server.notices.push(
                device, "newsletter", channel.jid, Node("live_updates", {}, [messages])
            )

    # --- requests

    def request(self, device: Device, node: Node) -> list[Node]:
        """Give posts, or figures of posts as they change."""
        if node.child("live_updates") is not None:
            channel = self._required(node.required_jid("to"))
            channel.live.add(device)
            return [Node("live_updates", {"duration": str(LIVE_SECONDS)})]
        asked = node.child("message_updates")
        if asked is not None:
            channel = self._required(node.required_jid("to"))
            messages = self._messages(channel, asked, figures_only=True)
            return [Node("message_updates", {}, [messages])]
        asked = node.required_child("messages")
        channel = self._required(asked.required_jid("jid"))
        return [self._messages(channel, asked)]

    @staticmethod
    def _messages(channel: Channel, asked: Node, *, figures_only: bool = False) -> Node:
        before = asked.int_attr("before", default=2**53)
        found = [post for post in channel.posts if post.server_id < before]
        posts = found[-asked.int_attr("count", default=50) :]
        nodes = [post.node(figures_only=figures_only) for post in posts]
        return Node("messages", {"jid": channel.jid}, nodes)

    def mex(self, device: Device, node: Node) -> list[Node]:
        """Answer a stored query."""
        query = node.required_child("query")
        query_id = query.required_attr("query_id")
        name = None if query_id in self.forgotten_queries else QUERIES.get(query_id)
        variables: dict[str, Any] = json.loads(query.data)["variables"]
        if name is None:
            answer: dict[str, Any] = _failure(404, "unknown query")
        else:
            try:
                answer = {"data": getattr(self, f"_mex_{name}")(device, variables)}
            except IqRefused as err:
                answer = _failure(err.code, err.text)
        return [Node("result", {}, json.dumps(answer).encode())]

    def _mex_list(self, device: Device, _variables: dict[str, Any]) -> dict[str, Any]:
        followed = [
            _describe(channel, device.account)
            for channel in self._channels.values()
            if device.account in channel.followers
        ]
        return {"xwa2_newsletter_subscribed": followed}

    def _mex_describe(self, device: Device, variables: dict[str, Any]) -> dict[str, Any]:
        asked = variables["input"]
        for channel in self._channels.values():
            key = str(channel.jid) if asked["type"] == "JID" else channel.invite
            if key == asked["key"]:
                return {"xwa2_newsletter": _describe(channel, device.account)}
        raise IqRefused(404, "not found")

    def _mex_follow(self, device: Device, variables: dict[str, Any]) -> dict[str, Any]:
        channel = self._required(Jid.parse(variables["newsletter_id"]))
        channel.followers.add(device.account)
        self._tell_own(device, channel, "join", "NotificationNewsletterJoin")
        return {"xwa2_newsletter_join_v2": {"id": str(channel.jid)}}

    def _mex_unfollow(self, device: Device, variables: dict[str, Any]) -> dict[str, Any]:
        channel = self._required(Jid.parse(variables["newsletter_id"]))
        channel.followers.discard(device.account)
        self._tell_own(device, channel, "leave", "NotificationNewsletterLeave")
        return {"xwa2_newsletter_leave_v2": {"id": str(channel.jid)}}

    def _mex_create(self, device: Device, variables: dict[str, Any]) -> dict[str, Any]:
        asked = variables["input"]
        channel = self.create(device.account, asked["name"], asked.get("description") or "")
        return {"xwa2_newsletter_create": _describe(channel, device.account)}

    def _mex_about(self, device: Device, variables: dict[str, Any]) -> dict[str, Any]:
        self._server.people.set_about(device.account, variables["input"]["text"] or "")
        return {"xwa2_update_text_status": {"success": True}}

    def _tell_own(self, device: Device, channel: Channel, change: str, name: str) -> None:
        told = {"data": {f"xwa2_notify_newsletter_on_{change}": {"id": str(channel.jid)}}}
        update = Node("update", {"op_name": name}, json.dumps(told).encode())
        for other in device.account.devices.values():
            if other is not device:
                self._server.notices.push(other, "mex", SERVER_JID, update)


def _failure(code: int, text: str) -> dict[str, Any]:
    error = {"message": text, "extensions": {"error_code": code, "severity": "CRITICAL"}}
    return {"data": None, "errors": [error]}


def _describe(channel: Channel, account: Account) -> dict[str, Any]:
    role = "GUEST"
    if account in channel.followers:
        role = "OWNER" if account is channel.owner else "SUBSCRIBER"
    text = {"id": "1", "update_time": "0"}
    return {
        "id": str(channel.jid),
        "state": {"type": "ACTIVE"},
        "thread_metadata": {
            "creation_time": str(channel.created),
            "invite": channel.invite,
            "name": {**text, "text": channel.name},
            "description": {**text, "text": channel.description},
            "subscribers_count": str(len(channel.followers)),
            "verification": "UNVERIFIED",
            "picture": {"id": "", "direct_path": "", "type": "IMAGE"},
            "preview": {"id": "", "direct_path": "", "type": "PREVIEW"},
            "settings": {"reaction_codes": {"value": "ALL"}},
        },
        "viewer_metadata": {"mute": "OFF", "role": role},
    }
