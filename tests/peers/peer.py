"""A peer as a test sees it: commands to await, events to wait for, a process to kill."""

import asyncio
from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import signal
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from .jsonlines import dump_line, load_line
from .node import FOLDER, find_node

type Kind = Literal["baileys", "zapo"]

KINDS: tuple[Kind, ...] = ("baileys", "zapo")
# Generous: both cores are shared with the simulator and Home Assistant. A peer needs
# a third of a second to open, and Baileys waits 3 s before it asks the phone.
PATIENCE = 30.0
LINE_LIMIT = 16 * 1024 * 1024
STDERR_LINES = 60


class Endpoint(Protocol):
    """What a peer must know of the server: the simulator has these."""

    @property
    def url(self) -> str: ...

    @property
    def root_key(self) -> bytes:
        """The Noise trust root: 32 bytes."""


class PeerError(Exception):
    """A peer answered a command with an error."""


class PeerDied(Exception):
    """The process ended while somebody waited for it."""


class PeerTimeout(Exception):
    """What was waited for did not happen; says what did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerEvent:
    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAccount:
    """Who a peer is: both JIDs carry its device."""

    jid: str
    lid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerClose:
    code: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMessage:
    """A message exactly as the library gave it out; `chat` and `alt` carry no device."""

    id: str
    chat: str
    alt: str | None
    participant: str | None
    from_me: bool
    text: str | None
    kind: str | None
    timestamp: int
    type: str
    push_name: str | None
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerReceipt:
    """A <receipt> stanza as it arrived; type is "delivery" where the stanza has none."""

    ids: tuple[str, ...]
    sender: str
    participant: str | None
    recipient: str | None
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """What became of a message of the peer's own: server_ack, delivered, read, played, error."""

    id: str
    chat: str
    status: str
    code: str | None


def _anything(_event: Any) -> bool:
    return True


class Peer:
    """One installation of a library: a process, and the folder with its credentials."""

    def __init__(
        self,
        kind: Kind,
        server: Endpoint,
        folder: Path | None,
        *,
        reconnect: bool = True,
        history: bool = False,
        version: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Give `folder=None` for credentials that end with the process."""
        self.kind: Kind = kind
        self.events: list[PeerEvent] = []
        self._start_arguments: dict[str, Any] = {
            "url": server.url,
            "noise_root": server.root_key.hex(),
            "auth_dir": None if folder is None else str(folder),
            "reconnect": reconnect,
            "history": history,
            "version": version,
        }
        self._ca_file: Path | None = ca_file or getattr(server, "ca_file", None)
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._command_count = 0
        self._unseen: list[PeerEvent] = []
        self._arrived = asyncio.Condition()
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._over = True

    @classmethod
    def baileys(cls, server: Endpoint, folder: Path | None, **options: Any) -> Self:
        return cls("baileys", server, folder, **options)

    @classmethod
    def zapo(cls, server: Endpoint, folder: Path | None, **options: Any) -> Self:
        return cls("zapo", server, folder, **options)

    async def __aenter__(self) -> Self:
        await self.spawn()
        try:
            await self.start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
        if exc is not None:
            exc.add_note(self.describe())

    # --- the process ---

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def spawn(self) -> None:
        """Start the process, without connecting it."""
        assert self._process is None, "already running"
        node = find_node()  # no thread: Home Assistant's tests count those that are left
        environment = dict(os.environ)
        if self._ca_file is not None:
            environment["NODE_EXTRA_CA_CERTS"] = str(self._ca_file)
        self._process = await asyncio.create_subprocess_exec(
            node,
            str(FOLDER / f"{self.kind}_peer.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,
            env=environment,
        )
        self._over = False
        self._readers = [
            asyncio.create_task(self._read_lines(self._process)),
            asyncio.create_task(self._read_stderr(self._process)),
        ]
        await self._next("ready")

    async def kill(self) -> None:
        """End the process group at once, as a power cut would."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._reap()

    async def aclose(self) -> None:
        """End the process: first by its end of input, then by force."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout=5)
        except TimeoutError:
            await self.kill()
        else:
            await self._reap()

    async def _reap(self) -> None:
        assert self._process is not None
        await self._process.wait()
        await asyncio.gather(*self._readers)
        self._process = None

    async def _read_lines(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                await self._take(load_line(line))
        finally:
            await self._end()

    async def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            event = PeerEvent(name=message.pop("event"), data=message)
            self.events.append(event)
            self._unseen.append(event)
            async with self._arrived:
                self._arrived.notify_all()
            return
        future = self._answers.pop(message["id"], None)
        if future is not None and not future.done():
            future.set_result(message)

    async def _end(self) -> None:
        self._over = True
        for future in self._answers.values():
            if not future.done():
                future.set_exception(PeerDied(self.describe()))
        self._answers.clear()
        async with self._arrived:
            self._arrived.notify_all()

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self._stderr.append(line.decode(errors="replace").rstrip())

    def describe(self) -> str:
        """The last events and the last words on standard error, for a failure message."""
        shown = [f"{event.name} {str(event.data)[:300]}" for event in self.events[-15:]]
        return "\n  ".join(
            [f"peer {self.kind}, {'ended' if self._over else 'running'}; last events:"]
            + (shown or ["none"])
            + ["standard error:"]
            + (list(self._stderr) or ["nothing"])
        )

    # --- commands ---

    async def command(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Send a command and give its result; raises PeerError, PeerDied, PeerTimeout."""
        if self._over or self._process is None or self._process.stdin is None:
            raise PeerDied(self.describe())
        self._command_count += 1
        number = self._command_count
        future = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        self._process.stdin.write(dump_line({"id": number, "command": name, **arguments}))
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await future
        except TimeoutError:
            raise PeerTimeout(f"no answer to {name}; {self.describe()}") from None
        finally:
            self._answers.pop(number, None)
        if not answer["ok"]:
            raise PeerError(f"{name}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def start(self, **changes: Any) -> None:
        """Connect with the stored credentials, or towards a QR code if there are none."""
        self._start_arguments |= changes
        await self.command("start", **self._start_arguments)

    async def stop(self) -> None:
        """Disconnect; process and credentials stay."""
        await self.command("stop")

    async def send_text(self, to: str, text: str, *, message_id: str | None = None) -> str:
        """Send a text and give its message id; zapo-js waits for the server's ack, Baileys not."""
        result = await self.command("send_text", to=to, text=text, message_id=message_id)
        return str(result["message_id"])

    async def send(self, to: str, content: dict[str, Any], *, message_id: str | None = None) -> str:
        """Send any Message, given as the fields of the protobuf schema; bytes may be in it."""
        result = await self.command("send", to=to, content=content, message_id=message_id)
        return str(result["message_id"])

    async def compose(self, to: str, content: dict[str, Any], **options: Any) -> str:
        """Have Baileys compose a message in its own way; zapo-js has no way of its own."""
        result = await self.command("compose", to=to, content=content, options=options)
        return str(result["message_id"])

    async def seal_addon(self, use: str, content: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Seal under another message's secret: zapo-js alone can. Gives `payload`."""
        return await self.command("seal_addon", use=use, content=content, **given)

    async def open_addon(self, use: str, **given: Any) -> dict[str, Any]:
        """Open what was sealed so; Baileys can that with votes and answers to events."""
        opened: dict[str, Any] = (await self.command("open_addon", use=use, **given))["opened"]
        return opened

    async def group(self, do: str, /, **given: Any) -> dict[str, Any]:
        """Do something with a group: README.md lists what."""
        return await self.command("group", do=do, **given)

    async def create_group(self, subject: str, *members: str) -> str:
        """Create a group; return its JID."""
        return str((await self.group("create", subject=subject, members=members))["id"])

    async def send_status(self, content: dict[str, Any], audience: list[str], **style: Any) -> str:
        """Send a status update to an audience; Baileys alone can. Return its message id."""
        result = await self.command("send_status", content=content, audience=audience, style=style)
        return str(result["message_id"])

    async def send_media(
        self, to: str, kind: str, path: Path, *, message_id: str | None = None, **fields: Any
    ) -> str:
        """Send a file as image, video, gif, video_note, audio, voice, document or sticker.

        `fields` go to the library as they are: caption, mimetype, fileName, seconds ...
        """
        result = await self.command(
            "send_media", to=to, kind=kind, path=str(path), message_id=message_id, **fields
        )
        return str(result["message_id"])

    async def fetch_media(self, message_id: str, *, again: bool = False) -> tuple[str, int]:
        """Download the file of a message that arrived; give SHA-256 (hex) and length.

        With `again` (Baileys only) its phone is asked to upload it again first.
        """
        result = await self.command("fetch_media", message_id=message_id, again=again)
        return str(result["sha256"]), int(result["length"])

    async def mark_read(self, *messages: PeerMessage) -> None:
        keys = [
            {"from": one.chat, "id": one.id, "participant": one.participant} for one in messages
        ]
        await self.command("mark_read", keys=keys)

    async def presence(self, type_: str = "available", *, name: str | None = None) -> None:
        """Come online or go offline. Baileys has to be given a push name once before."""
        await self.command("presence", type=type_, name=name)

    async def forget_session(self, jid: str | None = None) -> list[str]:
        """Delete the Signal sessions with a user (or one device, or with everybody)."""
        result = await self.command("forget_session", jid=jid)
        return list(result["forgotten"])

    async def corrupt_next(self, jid: str | None = None) -> None:
        """Spoil the next ciphertext for each device of a user (or one device, or everybody's)."""
        await self.command("corrupt_next", jid=jid)

    async def reinstall(self) -> None:
        """Forget everything and ask for a QR code, as a new installation does."""
        await self.command("reinstall")

    async def change_chat(self, chat: str, action: str, value: object = None) -> None:
        """Archive, mute, pin, read, ... a chat, for all devices of the account."""
        await self.command("change_chat", chat=chat, action=action, value=value)

    async def wait_chat(self, chat: str, action: str) -> object:
        """Wait until another device's change of a chat arrives; give its value."""
        event = await self.next_event(
            "chat", lambda data: data["chat"] == chat and data["action"] == action
        )
        return event.get("value")

    async def logout(self) -> None:
        await self.command("logout")

    async def info(self) -> dict[str, Any]:
        return await self.command("info")

    async def request_pairing_code(self, phone: str, *, code: str | None = None) -> str:
        arguments = {"phone": phone} | ({} if code is None else {"code": code})
        return str((await self.command("request_pairing_code", **arguments))["code"])

    # --- events ---

    async def _next(
        self,
        name: str,
        predicate: Callable[[dict[str, Any]], bool] = _anything,
        timeout: float = PATIENCE,
    ) -> PeerEvent:
        """The oldest event that fits and was not yet given out."""
        try:
            async with asyncio.timeout(timeout), self._arrived:
                while True:
                    for event in self._unseen:
                        if event.name == name and predicate(event.data):
                            self._unseen.remove(event)
                            return event
                    if self._over:
                        raise PeerDied(f"waiting for {name}; {self.describe()}")
                    await self._arrived.wait()
        except TimeoutError:
            raise PeerTimeout(f"no {name} within {timeout} s; {self.describe()}") from None

    async def next_event(
        self,
        name: str,
        predicate: Callable[[dict[str, Any]], bool] = _anything,
        *,
        timeout: float = PATIENCE,
    ) -> dict[str, Any]:
        """The data of the oldest event of that name that fits and was not yet given out."""
        return (await self._next(name, predicate, timeout)).data

    async def wait_qr(self, *, timeout: float = PATIENCE) -> str:
        return str((await self.next_event("qr", timeout=timeout))["qr"])

    async def wait_open(self, *, timeout: float = PATIENCE) -> PeerAccount:
        data = await self.next_event("open", timeout=timeout)
        return PeerAccount(jid=data["jid"], lid=data["lid"])

    async def wait_close(self, *, timeout: float = PATIENCE) -> PeerClose:
        data = await self.next_event("close", timeout=timeout)
        return PeerClose(code=data.get("code"), reason=data.get("reason"))

    async def next_message(
        self,
        predicate: Callable[[PeerMessage], bool] = _anything,
        *,
        timeout: float = PATIENCE,
    ) -> PeerMessage:
        return _message(
            await self.next_event(
                "message", lambda data: predicate(_message(data)), timeout=timeout
            )
        )

    async def next_text(self, text: str, *, timeout: float = PATIENCE) -> PeerMessage:
        return await self.next_message(lambda message: message.text == text, timeout=timeout)

    async def next_undecryptable(self, *, timeout: float = PATIENCE) -> dict[str, Any]:
        return await self.next_event("undecryptable", timeout=timeout)

    async def next_receipt(
        self,
        predicate: Callable[[PeerReceipt], bool] = _anything,
        *,
        timeout: float = PATIENCE,
    ) -> PeerReceipt:
        return _receipt(
            await self.next_event(
                "receipt", lambda data: predicate(_receipt(data)), timeout=timeout
            )
        )

    async def wait_status(
        self, message_id: str, status: str, *, timeout: float = PATIENCE
    ) -> PeerStatus:
        return _status(
            await self.next_event(
                "status",
                lambda data: data["id"] == message_id and data["status"] == status,
                timeout=timeout,
            )
        )

    def messages(self) -> list[PeerMessage]:
        """Every message so far, in order, doubles included, given out or not."""
        return [_message(event.data) for event in self.events if event.name == "message"]

    def stanzas(self, tag: str = "message") -> list[dict[str, Any]]:
        """Every stanza of that tag so far (message, notification): attrs, enc, children."""
        found = (event.data for event in self.events if event.name == "stanza")
        return [data for data in found if data["tag"] == tag]


def _message(data: dict[str, Any]) -> PeerMessage:
    return PeerMessage(
        id=data["id"],
        chat=data["from"],
        alt=data.get("alt"),
        participant=data.get("participant"),
        from_me=data["from_me"],
        text=data.get("text"),
        kind=data.get("kind"),
        timestamp=data["timestamp"],
        type=data["type"],
        push_name=data.get("push_name"),
        raw=data.get("raw", {}),
    )


def _receipt(data: dict[str, Any]) -> PeerReceipt:
    return PeerReceipt(
        ids=tuple(data["ids"]),
        sender=data["from"],
        participant=data.get("participant"),
        recipient=data.get("recipient"),
        type=data["type"],
    )


def _status(data: dict[str, Any]) -> PeerStatus:
    return PeerStatus(
        id=data["id"], chat=data["from"], status=data["status"], code=data.get("code")
    )
