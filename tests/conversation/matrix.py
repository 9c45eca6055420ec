"""The frame of the matrix: kinds of messages x directions x peers x sorts of chat.

A cell is a function that sends one kind of message through a `Talk` and holds what
arrived against what was sent. `@cell` puts it into the table; what a peer has no way to do
is named there, with the reason. Other files add rows by decorating functions of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from google.protobuf.message import Message as ProtobufMessage

from custom_components.whatsapp_web.aiowhatsapp import IncomingMessage, Jid
from custom_components.whatsapp_web.aiowhatsapp.message.parse import decode
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.peers.peer import Kind, Peer, PeerMessage

from .ours import OurDevice

CELL_TIMEOUT: Final = 60
_TURNED_ROUND: Final = (
    ("reactionMessage", "key"),
    ("pollUpdateMessage", "pollCreationMessageKey"),
)


class Direction(StrEnum):
    """Who writes."""

    OUT = "ours -> peer"
    IN = "peer -> ours"


class Sort(StrEnum):
    """Where they write."""

    PERSON = "one-to-one"
    GROUP = "group"


@dataclass(frozen=True)
class Cell:
    """A row of the table in one direction. `cannot` says why a peer has no such cell."""

    row: str
    direction: Direction
    act: Callable[[Talk], Awaitable[None]]
    cannot: Mapping[Kind, str]
    sorts: tuple[Sort, ...]


@dataclass
class Talk:
    """Our client and one peer in one chat, which each of them names in its own way."""

    ours: OurDevice
    peer: Peer
    sort: Sort
    chat: Jid
    """The chat, as we name it."""
    to: str
    """The chat, as the peer names it."""
    peer_jid: Jid
    """The peer's account, by LID."""
    unique: int = field(default=0)

    def text(self, words: str) -> str:
        """Words that nobody else says."""
        self.unique += 1
        return f"{words} {self.unique}"

    # --- ours -> peer

    async def send(self, draft: Any, **how: Any) -> str:
        """Send a draft; give its id."""
        assert self.ours.client is not None
        return (await self.ours.client.send(self.chat, draft, **how)).message_id

    async def arrives(self, message_id: str) -> dict[str, Any]:
        """Wait until the peer has it; it must be the very message that we sent."""
        message = await self.peer.next_message(lambda message: message.id == message_id)
        sent = plain(await self.sent(message_id))
        got = without_keys(message.raw)
        assert got == self._as_reported(sent), (got, sent)
        return got

    def _as_reported(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Baileys turns the keys of reactions and votes round, to its own point of view."""
        for field_name, key_name in _TURNED_ROUND if self.peer.kind == "baileys" else ():
            if field_name in sent:
                key = sent[field_name][key_name]
                own = key["fromMe"] is False and self._is_peer(key)
                turned: dict[str, Any] = {"fromMe": own, "remoteJid": self.seen_as}
                if self.sort is Sort.PERSON:
                    turned["participant"] = ""
                sent[field_name] = sent[field_name] | {key_name: key | turned}
        return sent

    def _is_peer(self, key: dict[str, Any]) -> bool:
        return str(key.get("participant", self.peer_jid)) == str(self.peer_jid)

    @property
    def seen_as(self) -> str:
        """The chat, in keys that Baileys has turned round."""
        return self.to if self.sort is Sort.GROUP else self.ours_as_seen

    async def sent(self, message_id: str) -> wire.Message:
        """Give a message of ours as it left."""
        assert self.ours.client is not None
        store = self.ours.client._context.store
        record = await store.sent_messages.get(None, self.chat, message_id)
        assert record is not None
        return decode(record.message)

    # --- peer -> ours

    async def write(self, content: dict[str, Any]) -> str:
        """Have the peer send a message of its schema; give its id."""
        return await self.peer.send(self.to, content)

    async def comes(self, message_id: str) -> IncomingMessage:
        """Wait until we have it."""
        return await self.ours.until(
            lambda: next((each for each in self.ours.messages if each.id == message_id), None)
        )

    async def same(self, content: dict[str, Any]) -> IncomingMessage:
        """Have the peer send it; what comes must be the very same."""
        message = await self.comes(await self.write(content))
        got = without_keys(plain(decode(message.content.raw)))
        got.pop("messageContextInfo", None)
        expected = {key: value for key, value in content.items() if key != "messageContextInfo"}
        assert got == expected, (got, expected)
        return message

    # --- keys, as the peer writes them

    async def from_us(self, words: str = "From us") -> tuple[str, dict[str, Any]]:
        """Send the peer a text; give its id, and the key by which the peer names it."""
        from custom_components.whatsapp_web.aiowhatsapp import Text  # noqa: PLC0415

        message_id = await self.send(Text(text=self.text(words)))
        message = await self.peer.next_message(lambda message: message.id == message_id)
        return message_id, self.key_of(message)

    async def from_peer(self, words: str = "From the peer") -> tuple[str, dict[str, Any]]:
        """Have the peer send us a text; give its id, and the key by which the peer names it."""
        message_id = await self.peer.send_text(self.to, self.text(words))
        await self.comes(message_id)
        return message_id, {"remoteJid": self.to, "fromMe": True, "id": message_id}

    def key_of(self, message: PeerMessage) -> dict[str, Any]:
        """Name a message of ours as the peer does."""
        key = {"remoteJid": self.to, "fromMe": False, "id": message.id}
        if self.sort is Sort.GROUP:
            key["participant"] = self.ours_as_seen
        return key

    @property
    def ours_as_seen(self) -> str:
        """Our own address as the peer knows it."""
        return str(self.ours.account.lid_jid)


CELLS: Final[list[Cell]] = []


def cell(
    row: str,
    direction: Direction,
    *,
    cannot: Mapping[Kind, str] | None = None,
    sorts: tuple[Sort, ...] = tuple(Sort),
) -> Callable[[Callable[[Talk], Awaitable[None]]], Callable[[Talk], Awaitable[None]]]:
    """Put a function into the table."""

    def put(act: Callable[[Talk], Awaitable[None]]) -> Callable[[Talk], Awaitable[None]]:
        CELLS.append(Cell(row, direction, act, cannot or {}, sorts))
        return act

    return put


@dataclass
class Table:
    """What came out, cell by cell."""

    outcomes: dict[tuple[str, Direction, Kind, Sort], str] = field(default_factory=dict)

    async def fill(self, talk: Talk) -> None:
        """Act out all cells of one peer and one sort of chat, one after another."""
        for each in CELLS:
            if talk.sort not in each.sorts:
                continue
            key = (each.row, each.direction, talk.peer.kind, talk.sort)
            if talk.peer.kind in each.cannot:
                self.outcomes[key] = f"can't: {each.cannot[talk.peer.kind]}"
                continue
            try:
                async with asyncio.timeout(CELL_TIMEOUT):
                    await each.act(talk)
            except Exception as err:  # noqa: BLE001 - the whole table is worth more than its first hole
                self.outcomes[key] = f"FAILED: {type(err).__name__}: {str(err)[:1500]}"
            else:
                self.outcomes[key] = "ok"

    @property
    def failures(self) -> dict[tuple[str, Direction, Kind, Sort], str]:
        return {key: text for key, text in self.outcomes.items() if text.startswith("FAILED")}

    def text(self) -> str:
        """Write it down, a row for each kind and a column for each peer, chat and direction."""
        columns = sorted({(kind, sort, way) for _, way, kind, sort in self.outcomes})
        rows = list(dict.fromkeys(row for row, *_ in self.outcomes))
        width = max(map(len, rows))
        lines = [
            " " * width + " | " + " | ".join(f"{kind} {sort} {way}" for kind, sort, way in columns)
        ]
        notes: list[str] = []
        for row in rows:
            marks = []
            for kind, sort, way in columns:
                outcome = self.outcomes.get((row, way, kind, sort), "-")
                marks.append(outcome.split(":")[0].center(len(f"{kind} {sort} {way}")))
                if outcome.startswith(("can't", "FAILED")):
                    notes.append(f"{row}, {way}, {kind}, {sort}: {outcome}")
            lines.append(f"{row.ljust(width)} | " + " | ".join(marks))
        return "\n".join([*lines, "", *notes])


def plain(message: ProtobufMessage) -> dict[str, Any]:
    """Write a message as the peers report theirs: set fields by name, enums by number."""
    found: dict[str, Any] = {}
    for descriptor, value in message.ListFields():
        if descriptor.is_repeated:
            found[descriptor.name] = [_plain(item) for item in value]
        else:
            found[descriptor.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, ProtobufMessage) else value


def without_keys(raw: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only brings a group's sender key."""
    return {key: value for key, value in raw.items() if key != "senderKeyDistributionMessage"}
