"""Channels: finding, following and reading them, and reacting to what is posted there.

Posts are not encrypted. They come as messages; a reaction is a stanza of its own kind:

```
<message to=<channel> id type="reaction" server_id {edit="7"}><reaction {code}/></message>
 -> <ack class="message" id/>
<receipt to=<channel> type="view" id><list><item server_id/>..</list></receipt>
```
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from typing import Final, cast

from ..errors import AttributeMissing, IqError, LocalProtocolError, MessageUnknown, Rejected
from ..events.newsletters import NewsletterFigures, NewsletterFollowed
from ..iq.mex import (
    GET_NEWSLETTER,
    JOIN_NEWSLETTER,
    LEAVE_NEWSLETTER,
    LIST_NEWSLETTERS,
    OLDER,
    Json,
    MexQuery,
    read_answer,
)
from ..iq.newsletter import FollowLive, GetPosts, NewsletterPost, read_posts
from ..jid import SERVER_NEWSLETTER, Jid
from ..message.ids import new_message_id
from ..stanza.message import MessageStanza
from ..store import Transaction
from ..wabinary import Node
from .context import Context
from .handlers.notification import NotificationHandler

_LOGGER = logging.getLogger(__name__)

MAX_CHANNELS: Final = 1000
# As long as the messages themselves are remembered for what is said about them.
KEEP_NUMBERS: Final = 90 * 24 * 3600
MAX_TEXT: Final = 4096
MAX_EMOJI: Final = 64
POSTS_PER_QUERY: Final = 100
LINK: Final = "https://whatsapp.com/channel/"
_TAKEN_BACK: Final = "7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A channel; `followers` is about how many follow it, `role` what we are there."""

    jid: Jid
    name: str = field(repr=False)
    description: str = field(repr=False)
    invite: str | None
    followers: int | None
    verified: bool
    role: str | None
    muted: bool | None


async def note_post(context: Context, tx: Transaction, stanza: MessageStanza) -> None:
    """Keep the number of a post, for reactions to it."""
    if stanza.is_newsletter and stanza.server_id is not None:
        expires_at = context.now() + KEEP_NUMBERS
        await context.store.posts.put(
            tx, stanza.chat, stanza.id, stanza.server_id, expires_at=expires_at
        )


class Newsletters:
    """Channels of others, as our account sees them."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    async def list(self) -> Sequence[Newsletter]:
        """The channels that our account follows.

        This and what follows raises `Disconnected`, `RequestTimeout`, `IqError`.
        """
        data = await self._query(LIST_NEWSLETTERS, {})
        listed = data.get("xwa2_newsletter_subscribed")
        found = map(_newsletter, listed[:MAX_CHANNELS] if isinstance(listed, list) else [])
        return [each for each in found if each is not None]

    async def describe(self, channel: Jid | str) -> Newsletter | None:
        """What a channel says of itself, by address, invitation link or code; None without one."""
        by_address = isinstance(channel, Jid)
        key = str(channel).removeprefix(LINK)
        data = await self._query(
            GET_NEWSLETTER,
            {
                "input": {"key": key, "type": "JID" if by_address else "INVITE"},
                "fetch_viewer_metadata": by_address,
                "fetch_full_image": True,
                "fetch_creation_time": True,
            },
        )
        return _newsletter(data.get("xwa2_newsletter"))

    async def follow(self, channel: Jid) -> None:
        """Follow a channel: its posts come as messages."""
        await self._query(JOIN_NEWSLETTER, {"newsletter_id": str(_checked(channel))})
        self._context.emit(NewsletterFollowed(channel=channel, followed=True))

    async def unfollow(self, channel: Jid) -> None:
        """Follow a channel no longer."""
        await self._query(LEAVE_NEWSLETTER, {"newsletter_id": str(_checked(channel))})
        self._context.emit(NewsletterFollowed(channel=channel, followed=False))

    async def posts(
        self, channel: Jid, *, count: int = 20, before: int | None = None
    ) -> Sequence[NewsletterPost]:
        """The newest posts of a channel, or those before the one with that number."""
        await self._context.wait_online()
        return await self._context.execute(
            GetPosts(channel=_checked(channel), count=min(count, POSTS_PER_QUERY), before=before)
        )

    async def follow_live(self, channel: Jid) -> int:
        """Be told of reactions and views for a while; give for how many seconds."""
        await self._context.wait_online()
        return await self._context.execute(FollowLive(_checked(channel)))

    async def react(self, channel: Jid, post: int | str, emoji: str) -> None:
        """React to a post, by its number or id, or take it back with an empty emoji.

        Raises `MessageUnknown` for the id of a post that never came here, and `Rejected`.
        """
        context = self._context
        number = (
            await context.store.posts.get(None, channel, post) if isinstance(post, str) else post
        )
        if number is None:
            raise MessageUnknown
        if len(emoji) > MAX_EMOJI:
            raise LocalProtocolError("Not an emoji")
        link = await context.wait_online()
        message_id = new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )
        attrs: dict[str, str | Jid] = {
            "to": _checked(channel),
            "id": message_id,
            "type": "reaction",
            "server_id": str(number),
        }
        if not emoji:
            attrs["edit"] = _TAKEN_BACK
        reaction = Node("reaction", {"code": emoji} if emoji else {})
        answer = await link.ask(Node("message", attrs, [reaction]))
        code = answer.attr("error")
        if code is not None:
            raise Rejected(code[:16])

    async def mark_viewed(self, channel: Jid, server_ids: Iterable[int]) -> None:
        """Count posts as seen by us: it shows in their number of views."""
        link = await self._context.wait_online()
        items = [Node("item", {"server_id": str(server_id)}) for server_id in server_ids]
        if items:
            attrs: dict[str, str | Jid] = {
                "to": _checked(channel),
                "type": "view",
                "id": link.next_id(),
            }
            await self._context.send(Node("receipt", attrs, [Node("list", {}, items)]))

    async def _query(self, query_id: str, variables: Mapping[str, Json]) -> Mapping[str, Json]:
        """Ask by the query's id of today, then by the one it had before."""
        await self._context.wait_online()
        try:
            return await self._context.execute(MexQuery(query_id=query_id, variables=variables))
        except (IqError, AttributeMissing) as err:
            older = OLDER.get(query_id)
            if older is None:
                raise
            _LOGGER.debug("Asking for channels the older way: %s", err)
        return await self._context.execute(MexQuery(query_id=older, variables=variables))

    # --- what the server tells

    def attach(self, notifications: NotificationHandler) -> None:
        """Hear of changes."""
        notifications.add("newsletter", self.on_newsletter)
        notifications.add("mex", self.on_mex)

    async def on_newsletter(self, node: Node) -> None:
        """Figures of posts changed, in a channel that is followed live."""
        channel = node.required_jid("from")
        updates = node.child("live_updates")
        messages = None if updates is None else updates.child("messages")
        if messages is None or channel.server != SERVER_NEWSLETTER:
            return
        for post in read_posts(messages):
            self._context.emit(
                NewsletterFigures(
                    channel=channel,
                    server_id=post.server_id,
                    reactions=post.reactions,
                    views=post.views,
                )
            )

    async def on_mex(self, node: Node) -> None:
        """Another device of ours followed a channel, or no longer."""
        update = node.child("update")
        if update is None or "Newsletter" not in (update.attr("op_name") or ""):
            return
        data = read_answer(update.data)
        for key, followed in (
            ("xwa2_notify_newsletter_on_join", True),
            ("xwa2_notify_newsletter_on_leave", False),
        ):
            change = data.get(key)
            if isinstance(change, dict) and (channel := _address(change)) is not None:
                self._context.emit(NewsletterFollowed(channel=channel, followed=followed))


def _checked(channel: Jid) -> Jid:
    if channel.server != SERVER_NEWSLETTER or not channel.user:
        raise LocalProtocolError("Not a channel")
    return channel


def _newsletter(found: Json) -> Newsletter | None:
    """Read what is said of a channel; None when it is none."""
    if not isinstance(found, dict) or (jid := _address(found)) is None:
        return None
    thread, viewer = _object(found, "thread_metadata"), _object(found, "viewer_metadata")
    return Newsletter(
        jid=jid,
        name=_text(_object(thread, "name"), "text") or "",
        description=_text(_object(thread, "description"), "text") or "",
        invite=_text(thread, "invite"),
        followers=_count(thread.get("subscribers_count")),
        verified=(_text(thread, "verification") or "").casefold() == "verified",
        role=(_text(viewer, "role") or "").casefold() or None,
        muted=None if not viewer else (_text(viewer, "mute") or "").casefold() == "on",
    )


def _address(found: Mapping[str, Json]) -> Jid | None:
    text = _text(found, "id") or ""
    user, _, server = text.partition("@")
    return (
        Jid(user, SERVER_NEWSLETTER) if user.isdecimal() and server == SERVER_NEWSLETTER else None
    )


def _object(found: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = found.get(key)
    return cast("Mapping[str, Json]", value) if isinstance(value, dict) else {}


def _text(found: Mapping[str, Json], key: str) -> str | None:
    value = found.get(key)
    return value[:MAX_TEXT] if isinstance(value, str) and value else None


def _count(value: Json) -> int | None:
    """Read a figure, which comes as text."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return None
