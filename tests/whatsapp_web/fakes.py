"""A client and a pairing that do what a test says, in place of those on the line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import random
from typing import Any, Self
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web import adoption, connection
from custom_components.whatsapp_web.aiowhatsapp import (
    BookEntry,
    ConnectionFailed,
    Credentials,
    Draft,
    Event,
    IncomingMessage,
    Jid,
    LinkCode,
    MessageContent,
    MessageKind,
    MessageState,
    NotLinked,
    NotOnWhatsApp,
    OwnNameChanged,
    PacingLimits,
    PairingEvent,
    QueuedMessage,
    SendOptions,
    SentMessage,
    Status,
    StatusChanged,
    TemporarilyBanned,
    Text,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.client.pacing import Pacing
from custom_components.whatsapp_web.aiowhatsapp.events import event_of
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import new_device_keys
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN
from custom_components.whatsapp_web.storage import StoredConnection, async_get_storage

CONNECTION_ID = "0123456789abcdef0123456789abcdef"
PHONE = "5511912345678"
LID = "203000000000007"
NAME = "Casa"
ANN = Jid("203000000000008", "lid")
ANN_PHONE = Jid.of_number("5511987654321")


def make_credentials(**changes: Any) -> Credentials:
    """Make an account's credentials, the same each time."""
    keys = new_device_keys(random.Random(7).randbytes, 1_700_000_000)
    made = Credentials(
        noise_key=keys.noise_key,
        identity_key=keys.identity_key,
        registration_id=keys.registration_id,
        signed_pre_key=keys.signed_pre_key,
        adv_secret=keys.adv_secret,
        account=b"account",
        jid=Jid(PHONE, "s.whatsapp.net", 3),
        lid=Jid(LID, "lid", 3),
        platform="android",
        push_name=NAME,
    )
    return replace(made, **changes)


def make_message(**changes: Any) -> IncomingMessage:
    """Make a text of Ann's."""
    content = changes.pop("content", MessageContent(kind=MessageKind.TEXT, text="Hi"))
    made = IncomingMessage(
        id="3A01",
        chat=ANN,
        chat_phone=ANN_PHONE,
        sender=ANN,
        sender_phone=ANN_PHONE,
        push_name="Ann",
        timestamp=1_800_000_000,
        from_me=False,
        is_group=False,
        offline=False,
        content=content,
    )
    return replace(made, **changes)


class FakeNotes:
    """Notes in memory, which outlive the client, as the store does."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self.kept = kept

    async def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    async def all(self, prefix: str) -> dict[str, bytes]:
        return {name: note for name, note in self.kept.items() if name.startswith(prefix)}

    async def put(self, name: str, note: bytes, *, keep_for: int) -> None:
        assert keep_for > 0
        self.kept[name] = note

    async def delete(self, name: str) -> None:
        self.kept.pop(name, None)


class FakeLog:
    """Remembers what a test gives it."""

    def __init__(self) -> None:
        self.messages_of: dict[Jid, list[IncomingMessage]] = {}
        self.asked: list[tuple[int, int]] = []

    async def chat_of(self, message_id: str) -> Jid | None:
        for chat, messages in self.messages_of.items():
            if any(message.id == message_id for message in messages):
                return chat
        return None

    async def messages(
        self, chat: Jid, *, limit: int = 100, since: int = 0
    ) -> list[IncomingMessage]:
        self.asked.append((limit, since))
        return self.messages_of.get(chat, [])[-limit:]


class FakePresence:
    """Notes how the account wants to appear, and whom it follows."""

    def __init__(self) -> None:
        self.preferred: bool | None = None
        self.followed: list[Jid] = []

    def prefer(self, *, available: bool) -> None:
        self.preferred = available

    async def follow(self, user: Jid) -> None:
        self.followed.append(user)


class FakeReading:
    """Notes whether messages count as read by themselves."""

    automatic = False


class FakeSecurity:
    """Contacts whose security code changed."""

    def __init__(self) -> None:
        self.block_changed = False
        self.users: list[Jid] = []

    async def changed(self) -> list[Jid]:
        return self.users

    async def confirm(self, user: Jid) -> None:
        self.users.remove(user)


class FakeChats:
    """Names, as a test has put them there."""

    def __init__(self) -> None:
        self.names: dict[Jid, str] = {}

    def given_name(self, jid: Jid) -> str | None:
        return self.names.get(jid)

    async def find(self, name: str) -> list[BookEntry]:
        return [
            BookEntry(jid=jid, phone=None, name=each, push_name=None, username=None)
            for jid, each in self.names.items()
            if each == name
        ]


class FakeStates:
    """Messages left at once, unless `script.keeps_messages`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.waits: list[float] = []

    async def get(self, message_id: str) -> QueuedMessage | None:
        if not self.script.keeps_messages:
            return None
        return QueuedMessage(
            message_id=message_id, chat=ANN, state=MessageState.PENDING, timestamp=1_800_000_000
        )

    async def wait(
        self, message_id: str, state: MessageState, timeout: float
    ) -> QueuedMessage | None:
        self.waits.append(timeout)
        return await self.get(message_id)


class FakeOutbox:
    """Has nothing that waits."""

    def __init__(self, script: Script) -> None:
        self.states = FakeStates(script)
        self.pacing = Pacing(PacingLimits(), now=0)
        self.waiting = 0
        self.pacing = Pacing(PacingLimits(), now=0)

    async def give_away(self) -> list[Any]:
        return []

    async def given_away(self, message_ids: Sequence[str]) -> None:
        assert list(message_ids) == []

    async def take_back(self) -> None:
        self.waiting = 0


class FakeGroups:
    """Groups that a test names; what is asked of them is noted, and answered as it says."""

    def __init__(self) -> None:
        self.names: dict[Jid, str] = {}
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    def name_of(self, group: Jid) -> str | None:
        return self.names.get(group)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*arguments: Any, **named: Any) -> Any:
            self.asked.append((name, arguments, named))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


class FakeClient:
    """A client whose line does what `Script` says."""

    def __init__(self, script: Script, **given: Any) -> None:
        self.script = script
        self.given = given
        self.credentials: Credentials = given["credentials"]
        self.status = Status.DISCONNECTED
        self.last_error: WhatsAppError | None = None
        self.started = self.stopped = self.logged_out = self.released = False
        self.hurried = 0
        self.security = FakeSecurity()
        self.sent: list[tuple[Jid, str]] = []
        self.log = FakeLog()
        self.outbox = FakeOutbox(script)
        self.notes = FakeNotes(script.notes)
        self.drafts: list[tuple[Draft, str | None, Sequence[Jid] | str]] = []
        self.options: list[SendOptions] = []
        self.taken: list[str] = []
        self.presence = FakePresence()
        self.groups = FakeGroups()
        self.reading = FakeReading()
        self.chats = FakeChats()
        self._listeners: list[tuple[type[Event], Callable[[Any], None]]] = []

    @property
    def own_jid(self) -> Jid:
        return self.credentials.jid.bare

    @property
    def own_lid(self) -> Jid:
        return self.credentials.lid.bare

    @property
    def push_name(self) -> str | None:
        return self.credentials.push_name

    def subscribe[E: Event](
        self, event_type: type[E], listener: Callable[[E], None]
    ) -> Callable[[], None]:
        entry = (event_type, listener)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def emit(self, event: Event) -> None:
        for event_type, listener in list(self._listeners):
            if type(event) is event_type:
                listener(event)

    def set_status(self, status: Status, error: WhatsAppError | None = None) -> None:
        self.status, self.last_error = status, error or self.last_error
        self.emit(StatusChanged(status=status, error=error))

    def receive(self, message: IncomingMessage) -> None:
        self.emit(event_of(message, lambda: self.taken.append(message.id)))

    def learn_name(self, name: str) -> None:
        self.credentials = replace(self.credentials, push_name=name)
        self.emit(OwnNameChanged(name=name))

    async def start(self) -> None:
        self.started = True
        if self.script.start_error is not None:
            raise self.script.start_error
        self.set_status(Status.CONNECTING)
        if self.script.line_answers:
            self.answer()

    def answer(self) -> None:
        """Let the server answer the login, as the script says."""
        error = self.script.connect_errors.pop(0) if self.script.connect_errors else None
        if error is None:
            self.set_status(Status.CONNECTED)
            if self.script.name_on_connect is not None:
                self.learn_name(self.script.name_on_connect)
        else:
            down = isinstance(error, ConnectionFailed)
            self.set_status(Status.DISCONNECTED if down else self.script.status_of(error), error)

    async def wait_connected(self, timeout: float) -> None:
        if self.status is not Status.CONNECTED:
            raise self.last_error or ConnectionFailed("Not connected in time")

    def reconnect(self) -> None:
        self.hurried += 1

    async def stop(self) -> None:
        self.stopped = True

    async def logout(self) -> None:
        self.logged_out = True

    async def release_messages(self) -> None:
        if self.script.release_error is not None:
            raise self.script.release_error
        self.released = True

    async def resolve_number(self, number: str) -> Jid:
        if number in self.script.unknown_numbers:
            raise NotOnWhatsApp("Nobody has this number")
        return ANN

    async def name_of(self, jid: Jid) -> str | None:
        return self.script.names.get(jid)

    def phone_of(self, jid: Jid) -> Jid | None:
        return ANN_PHONE if jid == ANN else None

    async def send(
        self,
        chat: Jid,
        draft: Draft,
        *,
        reply_to: str | None = None,
        mentions: Sequence[Jid] | str = (),
        message_id: str | None = None,
        options: SendOptions | None = None,
    ) -> SentMessage:
        if self.script.send_errors:
            error = self.script.send_errors.pop(0)
            if error is not None:
                raise error
        self.sent.append((chat, draft.text if isinstance(draft, Text) else ""))
        self.drafts.append((draft, reply_to, mentions))
        self.options.append(options or SendOptions())
        message_id = message_id or f"3EB0{len(self.sent)}"
        return SentMessage(message_id=message_id, chat=chat, timestamp=1_800_000_000)

    async def diagnostics(self) -> dict[str, str | int | bool | None]:
        return {"status": self.status.value, "connections": 1, "pre_keys": 812}


class FakePairing:
    """A pairing that tells the events of `Script`, then ends as it says."""

    def __init__(self, script: Script, **given: Any) -> None:
        self.script = script
        self.given = given
        self._save: Callable[[Credentials], Awaitable[None]] = given["save"]
        self.on_event: Callable[[PairingEvent], None] = lambda _: None
        self.numbers: list[str] = []

    async def request_link_code(self, number: str) -> None:
        self.numbers.append(number)
        answer = self.script.link_codes.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.on_event(LinkCode(code=answer, valid_for=180))

    async def run(self, on_event: Callable[[PairingEvent], None]) -> Credentials:
        script = self.script
        self.on_event = on_event
        for event in script.pairing_events:
            on_event(event)
        await script.pairing_may_end.wait()
        error = script.pairing_errors.pop(0) if script.pairing_errors else None
        if error is not None and not script.saves_before_error:
            raise error
        credentials = script.credentials
        await self._save(credentials)
        script.saved.set()
        await script.pairing_may_finish.wait()
        if error is not None:
            raise error
        return credentials


class Script:
    """What the fakes do, and which of them were made."""

    def __init__(self) -> None:
        self.credentials = make_credentials()
        self.pairing_events: list[PairingEvent] = []
        self.link_codes: list[str | Exception] = []
        self.pairing_errors: list[Exception] = []
        self.pairing_may_end = asyncio.Event()
        self.pairing_may_end.set()
        self.saved = asyncio.Event()
        self.pairing_may_finish = asyncio.Event()
        self.pairing_may_finish.set()
        self.saves_before_error = False
        self.start_error: WhatsAppError | None = None
        self.connect_errors: list[WhatsAppError | None] = []
        # Whether the server answers a login; without, the line stays as it begins.
        self.line_answers = True
        self.release_error: WhatsAppError | None = None
        self.name_on_connect: str | None = None
        self.unknown_numbers: set[str] = set()
        self.names: dict[Jid, str] = {}
        self.notes: dict[str, bytes] = {}
        self.keeps_messages = False
        self.send_errors: list[Exception | None] = []
        self.clients: list[FakeClient] = []
        self.pairings: list[FakePairing] = []

    @staticmethod
    def status_of(error: WhatsAppError) -> Status:
        """Say how a connection stands that ended so."""
        match error:
            case NotLinked():
                return Status.LOGGED_OUT
            case TemporarilyBanned():
                return Status.DISCONNECTED
            case _:
                return Status.ERROR

    @property
    def client(self) -> FakeClient:
        """The client that was made last."""
        return self.clients[-1]

    def make_client(self, **given: Any) -> FakeClient:
        self.clients.append(FakeClient(self, **given))
        return self.client

    def make_pairing(self, **given: Any) -> FakePairing:
        self.pairings.append(FakePairing(self, **given))
        return self.pairings[-1]

    @contextmanager
    def played(self) -> Iterator[Self]:
        """Put the fakes in place."""
        with (
            patch.object(connection, "Client", self.make_client),
            patch.object(connection, "Pairing", self.make_pairing),
            patch.object(adoption, "OWN_NAME_TIMEOUT", 0),
        ):
            yield self


async def store_connection(
    hass: HomeAssistant,
    connection_id: str = CONNECTION_ID,
    credentials: Credentials | None = None,
    **more: Any,
) -> StoredConnection:
    """Store credentials as a finished linking leaves them."""
    stored = StoredConnection(
        connection_id=connection_id, credentials=credentials or make_credentials(), **more
    )
    await async_get_storage(hass).async_save(stored)
    return stored


async def add_entry(
    hass: HomeAssistant,
    connection_id: str = CONNECTION_ID,
    credentials: Credentials | None = None,
    title: str = NAME,
) -> MockConfigEntry:
    """Add an entry with stored credentials, not set up yet."""
    stored = await store_connection(hass, connection_id, credentials)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=title,
        unique_id=stored.credentials.lid.user,
        data={CONF_CONNECTION_ID: connection_id},
        entry_id=f"entry_{connection_id[:4]}",
    )
    entry.add_to_hass(hass)
    return entry
