"""History: a compressed blob of the phone's, read into what is of use here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
import zlib

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import DecodeError
from ..jid import Jid
from ..proto import history, wire
from .compose.envelope import content_field
from .secret import SECRET_LENGTH
from .wrappers import unwrap

MAX_INFLATED: Final = 256 * 1024 * 1024
MAX_ENTRIES: Final = 100_000
MAX_MESSAGES: Final = 10_000
MAX_NAME: Final = 256
MAX_ID: Final = 128
MAX_TOKEN: Final = 1024
# The end of the year 9999, in seconds.
MAX_TIME: Final = 253_402_300_799
# The phone's word for "no name".
_NO_NAME: Final = "-"
# What a chat's transfer ends with when the phone has nothing older, or gives it to nobody.
_NOTHING_OLDER: Final = frozenset({1, 3})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """A message of the past, undecoded. `sender` is None where it is ours."""

    id: str
    sender: Jid | None
    timestamp: int
    push_name: str | None = field(repr=False)
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSecret:
    """The secret of a message of the past; `poll` is the message where it is one."""

    id: str
    sender: Jid | None
    timestamp: int
    secret: bytes = field(repr=False)
    poll: wire.Message | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChat:
    """A chat as the phone shows it, its messages oldest first.

    Times are unix seconds, 0 where there is none.
    """

    jid: Jid
    alternate: Jid | None
    name: str = field(repr=False)
    archived: bool
    pinned_at: int
    muted_until: int
    marked_unread: bool
    locked: bool
    is_parent_group: bool
    timer: int | None
    timer_set_at: int
    last_message_at: int
    complete: bool
    oldest: PastMessage | None
    messages: tuple[PastMessage, ...] = field(repr=False)
    secrets: tuple[PastSecret, ...] = field(default=(), repr=False)
    token: bytes = field(repr=False)
    token_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One blob. `pairs` are phone numbers with their LIDs, `names` what people call themselves."""

    pairs: tuple[tuple[Jid, Jid], ...]
    names: tuple[tuple[Jid, str], ...] = field(repr=False)
    chats: tuple[PastChat, ...] = field(repr=False)


def read_history(compressed: bytes, *, keep_messages: bool, limit: int = MAX_INFLATED) -> History:
    """Inflate and read a blob; what is malformed in it is left out. Takes its time.

    Raises `DecodeError` when the whole does not read, or inflates beyond `limit`.
    """
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(compressed, limit)
        if inflater.unconsumed_tail:
            raise DecodeError("History is too large")
        sync = history.HistorySync.FromString(raw)
    except (zlib.error, ProtobufDecodeError) as err:
        raise DecodeError("History does not read") from err
    chats = [
        chat
        for data in sync.conversations[:MAX_ENTRIES]
        if (chat := _chat(data, keep_messages=keep_messages)) is not None
    ]
    return History(
        pairs=tuple(_pairs(sync.phoneNumberToLidMappings[:MAX_ENTRIES], chats)),
        names=tuple(_names(sync.pushnames[:MAX_ENTRIES])),
        chats=tuple(chats),
    )


def _pairs(mappings: Iterable[bytes], chats: Iterable[PastChat]) -> Iterable[tuple[Jid, Jid]]:
    for data in mappings:
        try:
            entry = history.PhoneNumberToLIDMapping.FromString(data)
        except ProtobufDecodeError:
            continue
        phone, lid = _user(entry.pnJid), _user(entry.lidJid)
        if phone is not None and lid is not None:
            yield phone, lid
    for chat in chats:
        if chat.alternate is not None and chat.jid.is_lid != chat.alternate.is_lid:
            both = (chat.jid, chat.alternate)
            yield both[::-1] if chat.jid.is_lid else both


def _names(entries: Iterable[bytes]) -> Iterable[tuple[Jid, str]]:
    for data in entries:
        try:
            entry = history.Pushname.FromString(data)
        except ProtobufDecodeError:
            continue
        user, name = _user(entry.id), _text(entry.pushname)
        if user is not None and name not in ("", _NO_NAME):
            yield user, name


def _chat(data: bytes, *, keep_messages: bool) -> PastChat | None:
    try:
        found = history.Conversation.FromString(data)
    except ProtobufDecodeError:
        return None
    jid = _jid(found.id)
    if jid is None or not (jid.is_user or jid.is_group):
        return None
    messages: list[PastMessage] = []
    secrets: list[PastSecret] = []
    for each in found.messages[:MAX_MESSAGES]:
        info = _info(each)
        message = None if info is None else _message(info)
        if info is None or message is None:
            continue
        messages.append(message)
        secret = _secret(info, message)
        if secret is not None:
            secrets.append(secret)
    timer = found.ephemeralExpiration if found.HasField("ephemeralExpiration") else None
    muted = found.muteEndTime
    return PastChat(
        jid=jid,
        alternate=_user(found.pnJid if jid.is_lid else found.lidJid) if jid.is_user else None,
        name=_text(found.name) or _text(found.displayName),
        archived=found.archived,
        pinned_at=min(found.pinned, MAX_TIME),
        muted_until=_muted(muted),
        marked_unread=found.markedAsUnread,
        locked=found.locked,
        is_parent_group=found.isParentGroup,
        timer=timer,
        timer_set_at=_seconds(found.ephemeralSettingTimestamp),
        last_message_at=_seconds(
            found.conversationTimestamp
            or found.lastMsgTimestamp
            or max((each.timestamp for each in messages), default=0)
        ),
        complete=found.endOfHistoryTransferType in _NOTHING_OLDER,
        # The newest comes first, several in one second are possible.
        oldest=min(reversed(messages), key=lambda each: each.timestamp, default=None),
        messages=tuple(reversed(messages)) if keep_messages else (),
        secrets=tuple(secrets),
        token=found.tcToken if len(found.tcToken) <= MAX_TOKEN else b"",
        token_at=_seconds(found.tcTokenTimestamp),
    )


def _info(data: bytes) -> history.WebMessageInfo | None:
    try:
        outer = history.HistorySyncMsg.FromString(data)
        return history.WebMessageInfo.FromString(outer.message)
    except ProtobufDecodeError:
        return None


def _secret(info: history.WebMessageInfo, past: PastMessage) -> PastSecret | None:
    """Find the secret of a message: beside it, or inside."""
    try:
        message = unwrap(wire.Message.FromString(info.message)).message
    except ProtobufDecodeError:
        return None
    secret = info.messageSecret or message.messageContextInfo.messageSecret
    if len(secret) != SECRET_LENGTH:
        return None
    name = content_field(message) or ""
    return PastSecret(
        id=past.id,
        sender=past.sender,
        timestamp=past.timestamp,
        secret=secret,
        poll=message if name.startswith("pollCreationMessage") else None,
    )


def _message(info: history.WebMessageInfo) -> PastMessage | None:
    message_id = _text(info.key.id)
    if not 0 < len(message_id) <= MAX_ID:
        return None
    participant = _jid(info.key.participant) or _jid(info.participant)
    sender = participant or _jid(info.key.remoteJid)
    return PastMessage(
        id=message_id,
        sender=None if info.key.fromMe or sender is None else sender.bare,
        timestamp=_seconds(info.messageTimestamp),
        push_name=_text(info.pushName) or None,
        message=info.message,
    )


def _muted(end: int) -> int:
    """Unix seconds, -1 for ever; milliseconds may come, too, and for ever as all bits set."""
    if end >= 1 << 63:
        return -1
    return end // 1000 if end > MAX_TIME else end


def _seconds(time: int) -> int:
    return min(max(time, 0), MAX_TIME)


def _jid(text: str | bytes) -> Jid | None:
    """Read an address; text that is not UTF-8 comes as bytes."""
    try:
        jid = Jid.parse(text) if isinstance(text, str) and text else None
    except DecodeError:
        return None
    return jid.bare if jid is not None and jid.user else None


def _user(text: str | bytes) -> Jid | None:
    jid = _jid(text)
    return jid if jid is not None and jid.is_user else None


def _text(text: str | bytes) -> str:
    return text[:MAX_NAME] if isinstance(text, str) else ""
