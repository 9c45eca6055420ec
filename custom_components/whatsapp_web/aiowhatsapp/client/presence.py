"""Presence: whether we seem to be there, who else is, and who types.

```
<presence type="available|unavailable" name/>
<presence type="subscribe|unsubscribe" to id>{<tctoken>bytes</tctoken>}</presence>
 -> <presence from {type="unavailable"} {last} {count}/>
<chatstate to><composing {media="audio"}/>|<paused/></chatstate>
 -> <chatstate from {participant}>..</chatstate>
```
"""

from typing import Final

from ..errors import LocalProtocolError
from ..events import OwnNameChanged
from ..events.people import ChatState, ChatStateChanged, PresenceChanged
from ..jid import Jid
from ..stanza.message import MAX_TIMESTAMP
from ..wabinary import Node
from .context import Context
from .tokens import TrustedContactTokens

# The other side stops showing it after about 25 s; the web client says it again this often.
SAY_AGAIN_EVERY: Final = 10.0
# Nobody types for longer; it bounds what a mistake in an automation can do.
LONGEST_TYPING: Final = 300.0
MAX_FOLLOWED: Final = 500
# The server answers faster ones with rate limits.
FOLLOW_PAUSE: Final = 0.3
MAX_ONLINE: Final = 100_000
MAX_DIGITS: Final = 18


class Presence:
    """Our own presence, and that of others.

    We are never online unless asked to be. While we are, the phone gets no
    notifications, and our delivery receipts become second ticks.
    """

    def __init__(self, context: Context, tokens: TrustedContactTokens) -> None:
        """Share the client's context; `tokens` show that we may follow someone."""
        self._context = context
        self._tokens = tokens
        self._wanted: bool | None = None
        self._followed: dict[Jid, None] = {}
        self._typing: dict[Jid, object] = {}
        context.dispatcher.subscribe(OwnNameChanged, self._on_own_name)

    @property
    def available(self) -> bool:
        """Whether we are online to others."""
        return self._context.available

    @property
    def followed(self) -> frozenset[Jid]:
        """Those whose presence we asked for."""
        return frozenset(self._followed)

    async def set(self, *, available: bool) -> None:
        """Come online or go; it holds until it is changed or the client stops.

        Raises `LocalProtocolError` while our own name is not known, `Disconnected`.
        """
        await self._context.wait_online()
        await self._announce(available=available)
        self._wanted = available

    def prefer(self, *, available: bool) -> None:
        """Say how we want to appear from the next connection on."""
        self._wanted = available

    async def follow(self, user: Jid) -> None:
        """Ask to be told when somebody comes and goes; it holds until the client stops.

        Raises `LocalProtocolError` when we follow too many, `Disconnected`.
        """
        chat = self._context.canonical(user.bare)
        if chat not in self._followed and len(self._followed) >= MAX_FOLLOWED:
            raise LocalProtocolError("Too many are followed already")
        await self._context.wait_online()
        await self._subscribe(chat)
        self._followed[chat] = None

    async def unfollow(self, user: Jid) -> None:
        """Ask to be told no more."""
        chat = self._context.canonical(user.bare)
        await self._context.wait_online()
        self._followed.pop(chat, None)
        await self._context.send(Node("presence", {"type": "unsubscribe", "to": chat}))

    async def show(self, chat: Jid, state: ChatState, *, seconds: float | None = None) -> None:
        """Show in a chat that we type or record, or that we stopped.

        With `seconds` it goes on for so long, at most five minutes, and stops by itself.
        """
        to = self._context.canonical(chat.bare)
        await self._context.wait_online()
        self._typing.pop(to, None)
        await self._send_state(to, state)
        if seconds is not None and state is not ChatState.PAUSED:
            turn = self._typing[to] = object()
            work = self._go_on(to, state, min(max(seconds, 0.0), LONGEST_TYPING), turn)
            self._context.spawn(work, "typing")

    async def _go_on(self, to: Jid, state: ChatState, seconds: float, turn: object) -> None:
        """Say it again until the time is over, or somebody said something else."""
        clock = self._context.clock
        ends = clock.monotonic() + seconds
        while (left := ends - clock.monotonic()) > 0:
            await clock.sleep(min(left, SAY_AGAIN_EVERY))
            if self._typing.get(to) is not turn:
                return
            if ends - clock.monotonic() > 0:
                await self._send_state(to, state)
        self._typing.pop(to, None)
        await self._send_state(to, ChatState.PAUSED)

    async def _send_state(self, to: Jid, state: ChatState) -> None:
        media: dict[str, str | Jid] = {"media": "audio"} if state is ChatState.RECORDING else {}
        child = Node("paused") if state is ChatState.PAUSED else Node("composing", media)
        await self._context.send(Node("chatstate", {"to": to}, [child]))

    def _own_name(self) -> str:
        """The name that goes with our presence; the server wants one."""
        credentials = self._context.credentials
        return (credentials.push_name or credentials.business_name or "").replace("@", "")

    def _on_own_name(self, _event: OwnNameChanged) -> None:
        if self._wanted and not self._context.available and self._context.online.is_set():
            self._context.spawn(self.restore(), "coming online")

    async def _announce(self, *, available: bool) -> None:
        name = self._own_name()
        if not name:
            raise LocalProtocolError("Our own name is not known yet")
        kind = "available" if available else "unavailable"
        await self._context.send(Node("presence", {"type": kind, "name": name}))
        self._context.available = available

    async def _subscribe(self, chat: Jid) -> None:
        attrs: dict[str, str | Jid] = {
            "type": "subscribe",
            "to": chat,
            "id": self._context.require_link().next_id(),
        }
        token = await self._tokens.node_for(chat) if chat.is_user else None
        await self._context.send(Node("presence", attrs, None if token is None else [token]))

    # --- with each connection

    def connection_began(self) -> None:
        """Note that on a new connection the server takes us for unavailable."""
        self._context.available = False
        self._typing.clear()

    async def restore(self) -> None:
        """Say again on a new connection what was asked for on an earlier one."""
        if self._wanted and self._own_name():
            await self._announce(available=True)
        for chat in tuple(self._followed):
            await self._subscribe(chat)
            await self._context.clock.sleep(FOLLOW_PAUSE)

    # --- what comes in

    async def on_presence(self, node: Node) -> None:
        """Tell that somebody came or went; nothing is answered."""
        chat = node.required_jid("from")
        last, count = _number(node, "last"), _number(node, "count")
        self._context.emit(
            PresenceChanged(
                chat=self._context.canonical(chat.bare),
                available=node.attr("type") != "unavailable",
                last_seen=None if last is None else min(last, MAX_TIMESTAMP),
                online_count=None if count is None else min(count, MAX_ONLINE),
            )
        )

    async def on_chat_state(self, node: Node) -> None:
        """Tell that somebody types; nothing is answered."""
        chat = node.jid("from")
        if chat is None:
            # The echo of what we do on another device of ours.
            return
        sender = node.jid("participant") or chat
        if (state := _state_of(node)) is not None:
            self._context.emit(
                ChatStateChanged(
                    chat=self._context.canonical(chat.bare),
                    sender=self._context.canonical(sender.bare),
                    state=state,
                )
            )


def _state_of(node: Node) -> ChatState | None:
    composing = node.child("composing")
    if composing is not None:
        recording = composing.attr("media") == "audio"
        return ChatState.RECORDING if recording else ChatState.TYPING
    return ChatState.PAUSED if node.child("paused") is not None else None


def _number(node: Node, name: str) -> int | None:
    """Read a figure that may be a word instead: deny, none, error."""
    text = node.attr(name) or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None
