"""A client without its runner, at a scripted server in memory, on virtual time.

Everything from the client's parts down to the bytes of its stanzas is real. The server
knows people and their devices, answers what a client asks, and notes what it is sent.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
import inspect
from typing import Any, Concatenate, cast, override

from custom_components.whatsapp_web.aiowhatsapp.client.client import Client
from custom_components.whatsapp_web.aiowhatsapp.client.context import Context
from custom_components.whatsapp_web.aiowhatsapp.client.handlers.ib import OfflineBacklog
from custom_components.whatsapp_web.aiowhatsapp.client.link import Link
from custom_components.whatsapp_web.aiowhatsapp.client.settings import ServerSettings
from custom_components.whatsapp_web.aiowhatsapp.connection import Connection
from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    TransportError,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.events import (
    MESSAGE_EVENTS,
    Event,
    IdentityChanged,
    MessageReceived,
    MessageState,
    OwnNameChanged,
    QueuedMessage,
    UndecryptableMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, SERVER_LID, Jid
from custom_components.whatsapp_web.aiowhatsapp.message.drafts import Draft
from custom_components.whatsapp_web.aiowhatsapp.message.padding import pad, unpad
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import Credentials
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    EncryptedMessage,
    PreKeyBundle,
    make_identity_keys,
    make_key_pair,
    make_signed_pre_key,
)
from custom_components.whatsapp_web.aiowhatsapp.store import (
    Backend,
    MemoryBackend,
    Store,
    Table,
    Write,
)
from custom_components.whatsapp_web.aiowhatsapp.transport.base import Connector, Socket
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode
from tests.aiowhatsapp.client.pairing_support import settle
from tests.aiowhatsapp.signal.support import Device, SeededBytes
from tests.virtual_time import BEGINNING, VirtualClock, run

NOW = int(BEGINNING)
OUR_DEVICE = 7
# What peers call our device in their own records.
US = "us"
# How often a peer's keys can be fetched in one test.
PRE_KEYS = 20

type Answer = Callable[[Node], Node | None]


class Peer(Device):
    """One device of a person: the phone itself (0) or a linked one."""

    def __init__(self, person: Person, number: int) -> None:
        super().__init__(f"{person.number}:{number}", pre_keys=PRE_KEYS)
        self.person = person
        self.number = number
        self.proof: bytes | None = None

    @property
    def lid(self) -> Jid:
        return self.person.lid.with_device(self.number)

    @property
    def phone(self) -> Jid:
        return self.person.phone.with_device(self.number)

    def node(self, jid: Jid) -> Node:
        """Answer a fetch of this device's keys."""
        registration = self.identity.registration_id.to_bytes(4)
        children = [Node("registration", {}, registration), *self.key_nodes()]
        return Node("user", {"jid": jid}, children)

    def key_nodes(self) -> list[Node]:
        """Give a bundle as answers and retry receipts carry it."""
        bundle = self.bundle()
        assert bundle.pre_key_id is not None
        assert bundle.pre_key is not None
        children = [
            Node("type", {}, b"\x05"),
            Node("identity", {}, bundle.identity),
            Node(
                "skey",
                {},
                [
                    Node("id", {}, bundle.signed_pre_key_id.to_bytes(3)),
                    Node("value", {}, bundle.signed_pre_key),
                    Node("signature", {}, bundle.signature),
                ],
            ),
            Node(
                "key",
                {},
                [
                    Node("id", {}, bundle.pre_key_id.to_bytes(3)),
                    Node("value", {}, bundle.pre_key),
                ],
            ),
        ]
        if self.proof is not None:
            children.append(Node("device-identity", {}, self.proof))
        return children

    def reinstall(self) -> None:
        """Begin anew with other keys, as a new phone does."""
        vars(self).update(vars(Device(self.name, "again", pre_keys=PRE_KEYS)))

    def seal(self, message: wire.Message) -> Node:
        """Encrypt for our device."""
        sealed = self.encrypt(US, pad(message.SerializeToString(), self.random_bytes))
        return Node("enc", {"v": "2", "type": sealed.kind}, sealed.ciphertext)

    def open(self, enc: Node) -> wire.Message:
        """Read what our device sent."""
        kind = enc.required_attr("type")
        assert kind in ("msg", "pkmsg")
        sealed = EncryptedMessage("msg" if kind == "msg" else "pkmsg", enc.data)
        return wire.Message.FromString(unpad(self.decrypt(US, sealed).plaintext))

    def find_enc(self, stanza: Node) -> Node | None:
        """Find this device's part of a stanza."""
        for to in stanza.required_child("participants").children("to"):
            if to.jid("jid") in (self.lid, self.phone):
                return to.required_child("enc")
        return None

    def read_from(self, stanza: Node) -> wire.Message:
        """Read this device's part of a stanza."""
        enc = self.find_enc(stanza)
        assert enc is not None, f"nothing for {self.name}"
        return self.open(enc)


class Person:
    """Somebody with a phone, and linked devices perhaps."""

    def __init__(self, phone: str, lid: str, *, companions: Sequence[int] = ()) -> None:
        self.number = phone
        self.phone = Jid.of_number(phone)
        self.lid = Jid(lid, SERVER_LID)
        self.devices = [Peer(self, 0)]
        for number in companions:
            self.link(number)

    @property
    def first(self) -> Peer:
        """The phone."""
        return self.devices[0]

    def link(self, number: int) -> Peer:
        """Link one more device."""
        peer = Peer(self, number)
        peer.proof = self.vouch(peer.identity.key_pair)
        self.devices.append(peer)
        return peer

    def vouch(self, device: curve25519.KeyPair) -> bytes:
        """Sign a linked device's identity, and have it sign in return."""
        key = self.first.identity.key_pair
        details = wire.ADVDeviceIdentity(
            rawId=1, timestamp=NOW, keyIndex=len(self.devices)
        ).SerializeToString()
        signed = wire.ADVSignedDeviceIdentity(
            details=details,
            accountSignatureKey=key.public,
            accountSignature=curve25519.sign(
                key.private, b"\x06\x00" + details + device.public, bytes(64)
            ),
        )
        signed.deviceSignature = curve25519.sign(
            device.private, b"\x06\x01" + details + device.public + key.public, bytes(64)
        )
        return signed.SerializeToString()


class Server(Socket):
    """The other end of the line. `script` overrules answers by the request's child."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.sent: list[Node] = []
        self.raw: list[bytes] = []
        self.script: dict[str, Answer] = {}
        self.ack_attrs: dict[str, str] = {}
        self.acks = True
        self.broken = False
        self.pre_keys: list[int] = []
        self.count = 100
        self.deliver: Callable[[Node], None] = lambda _: None
        # What is to happen at the very moment that something is written.
        self.on_write: Callable[[Node], None] = lambda _: None

    # --- as a socket

    @override
    async def send(self, data: bytes) -> None:
        if self.broken:
            raise TransportError("broken")
        node = decode(data)
        self.raw.append(data)
        self.sent.append(node)
        self.on_write(node)
        answer = self._answer(node)
        if answer is not None:
            asyncio.get_running_loop().call_soon(self.deliver, answer)

    @override
    async def receive(self) -> bytes | None:
        raise AssertionError("nobody reads here")

    @override
    async def close(self) -> None:
        return

    # --- as a server

    def find(self, tag: str, **attrs: str) -> list[Node]:
        """Give what came, by tag and attributes."""
        return [
            node
            for node in self.sent
            if node.tag == tag and all(node.attr(key) == value for key, value in attrs.items())
        ]

    def asked(self, child: str) -> list[Node]:
        """Give the requests of one kind."""
        return [node for node in self.find("iq") if node.child(child) is not None]

    @property
    def messages(self) -> list[Node]:
        return self.find("message")

    @property
    def retries(self) -> list[Node]:
        return self.find("receipt", type="retry")

    def _answer(self, node: Node) -> Node | None:
        if node.tag == "message" and self.acks:
            message_id = node.required_attr("id")
            ack = {"class": "message", "id": message_id, "t": str(NOW + 1), **self.ack_attrs}
            return Node("ack", {**ack})
        if node.tag != "iq":
            return None
        for child in node.children():
            scripted = self.script.get(child.tag)
            if scripted is not None:
                return scripted(node)
        return self.answer(node)

    def answer(self, node: Node) -> Node:
        """Answer as a server does on a good day."""
        for child in node.children():
            match child.tag:
                case "usync":
                    return result(node, self._usync(child))
                case "key":
                    return result(node, self._bundles(child))
                case "count":
                    return result(node, Node("count", {"value": str(self.count)}))
                case "list":
                    self.pre_keys += [
                        int.from_bytes(key.required_child("id").data) for key in child.children()
                    ]
                case _:
                    pass
        return result(node)

    def person(self, jid: Jid) -> Person | None:
        """Find who it is."""
        for person in self.people:
            if jid.bare in (person.phone, person.lid):
                return person
        return None

    def peer(self, jid: Jid) -> Peer | None:
        """Find a device."""
        person = self.person(jid)
        devices = [] if person is None else person.devices
        return next((peer for peer in devices if peer.number == jid.device), None)

    def _usync(self, node: Node) -> Node:
        users = []
        for user in node.required_child("list").children("user"):
            contact = user.child("contact")
            jid = Jid.of_number(contact.text[1:]) if contact else user.required_jid("jid")
            person = self.person(jid)
            if contact is not None:
                known = Node("contact", {"type": "in" if person else "out"}, contact.text)
                lids = [Node("lid", {"val": person.lid})] if person else []
                users.append(Node("user", {"jid": jid}, [known, *lids]))
            elif person is not None:
                listed = [
                    Node("device", {"id": str(peer.number), "key-index": str(place)})
                    for place, peer in enumerate(person.devices)
                ]
                lists = Node("devices", {}, [Node("device-list", {}, listed)])
                lid = Node("lid", {"val": person.lid})
                users.append(Node("user", {"jid": jid}, [lists, lid]))
        return Node("usync", {}, [Node("result"), Node("list", {}, users)])

    def _bundles(self, node: Node) -> Node:
        return Node("list", {}, [self.bundle(user) for user in node.children("user")])

    def bundle(self, user: Node) -> Node:
        """Answer for one device of a fetch."""
        jid = user.required_jid("jid")
        peer = self.peer(jid)
        return device_error(jid, "404") if peer is None else peer.node(jid)


def result(request: Node, *children: Node) -> Node:
    """Answer a request."""
    attrs: dict[str, str | Jid] = {
        "type": "result",
        "id": request.required_attr("id"),
        "from": SERVER_JID,
    }
    return Node("iq", attrs, list(children))


def refusal(code: int) -> Answer:
    """Refuse a request."""

    def answer(request: Node) -> Node:
        error = Node("error", {"code": str(code), "text": "no"})
        return Node("iq", {"type": "error", "id": request.required_attr("id")}, [error])

    return answer


def silence(_request: Node) -> None:
    """Leave a request without an answer."""
    return


def device_error(jid: Jid, code: str) -> Node:
    """Say that there are no keys of a device."""
    return Node("user", {"jid": jid}, [Node("error", {"code": code, "text": "no"})])


class Line(Link):
    """A connection without encryption: what is written are the bytes of nodes."""

    def __init__(self, server: Server, clock: VirtualClock, id_prefix: str) -> None:
        super().__init__(server, cast("Connection", None), clock, id_prefix)
        self._server = server

    @override
    async def send(self, node: Node) -> None:
        if self.closed:
            raise Disconnected("Not connected")
        try:
            await self._server.send(encode(node))
        except TransportError as err:
            await self.close(err)
            raise Disconnected("The connection broke while writing") from err


class Disk(MemoryBackend):
    """Keeps everything, and can fail, or hang, at the next commit."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: WhatsAppError | None = None
        self.gate: asyncio.Event | None = None
        self.waiting = 0
        self.commits: list[list[Write]] = []

    @override
    async def commit(self, writes: Sequence[Write]) -> None:
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        # Others have their turn while something is written.
        await asyncio.sleep(0)
        self.commits.append(list(writes))
        await super().commit(writes)

    def commits_of(self, table: Table) -> int:
        """Count the commits that touched a table."""
        return sum(any(write.table is table for write in writes) for writes in self.commits)


async def _at_once[T](job: Callable[[], T], /) -> T:
    await asyncio.sleep(0)
    return job()


class Bench:
    """Our client, the server and those it knows: ourselves, Ann and Bob."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.server = Server()
        self.me = Person("15550001111", "1001")
        self.ann = Person("15550002222", "2002", companions=[3])
        self.bob = Person("15550003333", "3003")
        self.server.people = [self.me, self.ann, self.bob]
        self.server.deliver = self._deliver
        self.random_bytes = SeededBytes("client")
        self.credentials = self._link()
        self.disk: Backend = Disk()
        self.events: list[Event] = []
        self.client = self._make_client()
        self._sequence = 0
        self._handling: asyncio.Task[WhatsAppError] | None = None
        self._sending: asyncio.Task[None] | None = None

    def _link(self) -> Credentials:
        keys = make_identity_keys(self.random_bytes)
        identity = keys.key_pair
        account = self.me.vouch(identity)
        # Our own other device list has us in it.
        self.me.devices.append(Peer(self.me, OUR_DEVICE))
        return Credentials(
            noise_key=make_key_pair(self.random_bytes),
            identity_key=identity,
            registration_id=keys.registration_id,
            signed_pre_key=make_signed_pre_key(identity, 1, NOW, self.random_bytes),
            adv_secret=bytes(32),
            account=account,
            jid=self.me.phone.with_device(OUR_DEVICE),
            lid=self.me.lid.with_device(OUR_DEVICE),
            platform="android",
        )

    def _make_client(self) -> Client:
        client = Client(
            credentials=self.credentials,
            store=Store(self.disk),
            connector=cast("Connector", None),
            server=ServerSettings(),
            clock=self.clock,
            random_bytes=self.random_bytes,
            run_blocking=_at_once,
        )
        for kind in (*MESSAGE_EVENTS, IdentityChanged, OwnNameChanged, UndecryptableMessage):
            client.subscribe(kind, self.events.append)
        return client

    @property
    def context(self) -> Context:
        return self.client._context

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def slow_disk(self) -> Disk:
        assert isinstance(self.disk, Disk)
        return self.disk

    # --- life

    async def open(self) -> None:
        await self.store.open()
        for phone, lid in (await self.store.lids.all(None)).items():
            self.context.lids.add(phone, lid)
        await self.client._seed_store()
        await self.client.outbox.load()
        self._sending = asyncio.create_task(self.client.outbox.run())
        self.connect()

    def connect(self) -> None:
        """Open a line."""
        self.server.broken = False
        link = Line(self.server, self.clock, f"c{len(self.server.sent)}")
        self._router = self.client._make_router(OfflineBacklog(self.context))
        self._handling = asyncio.create_task(self._router.run())
        self.context.link = link
        self.context.online.set()

    async def cut(self) -> None:
        """Lose the line, as the runner does it."""
        link = self.context.link
        assert link is not None
        assert self._handling is not None
        self.context.online.clear()
        self._router.stop()
        await link.close()
        await self._handling
        await self.context.cancel_tasks()
        self.context.link = None

    async def restart(self) -> None:
        """Begin anew from what is on disk."""
        await self.cut()
        await self._stop_sending()
        await self.store.close()
        self.client = self._make_client()
        await self.open()

    async def close(self) -> None:
        if self.context.link is not None:
            await self.cut()
        await self._stop_sending()
        await self.store.close()

    async def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    def _deliver(self, node: Node) -> None:
        link = self.context.link
        if link is not None:
            link._route(decode(encode(node)), self._router.put)

    # --- doing

    async def send_draft(
        self, chat: Jid, draft: Draft, *, reply_to: str | None = None
    ) -> QueuedMessage:
        """Hand a draft over, and wait until the server has it."""
        queued = await self.client.send(chat, draft, reply_to=reply_to)
        return await self.client.outbox.states.wait(queued.message_id, MessageState.SENT, 60)

    async def receive(self, node: Node) -> list[Node]:
        """Send the client a stanza; give what it says because of it."""
        before = len(self.server.sent)
        self._deliver(node)
        await settle()
        return self.server.sent[before:]

    async def send(self, to: Jid, text: str, *, message_id: str | None = None) -> Node:
        """Send a text; give the stanza."""
        before = len(self.server.messages)
        await self.client.send_text(to, text, message_id=message_id)
        await settle()
        (stanza,) = self.server.messages[before:]
        return stanza

    def events_of[E: Event](self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def texts(self) -> list[str | None]:
        """The texts handed over."""
        return [event.message.text for event in self.events_of(MessageReceived)]

    async def introduce(self, *peers: Peer) -> None:
        """Have devices begin sessions with us, from keys as a retry receipt gives them."""
        for peer in peers:
            peer.begin_from(US, await self.our_bundle())

    async def our_bundle(self) -> PreKeyBundle:
        """Give out our own keys."""
        one_time = await self.client._pre_keys.take_one()
        signed = await self.client._pre_keys.signed()
        return PreKeyBundle(
            registration_id=self.credentials.registration_id,
            identity=self.credentials.identity_key.public,
            signed_pre_key_id=signed.id,
            signed_pre_key=signed.key_pair.public,
            signature=signed.signature,
            pre_key_id=one_time.id,
            pre_key=one_time.key_pair.public,
        )

    async def acquaint(self, *peers: Peer) -> None:
        """Exchange a message each way, so that neither repeats its keys any more."""
        for peer in peers:
            await self.introduce(peer)
            await self.receive(self.message(peer, text("hello")))
            stanza = await self.send(peer.lid.bare, "welcome")
            peer.read_from(stanza)
        self.events.clear()
        self.server.sent.clear()
        self.server.raw.clear()

    def message(self, peer: Peer, content: wire.Message | Node, **attrs: str | Jid) -> Node:
        """Make the stanza in which a device's message comes."""
        self._sequence += 1
        enc = peer.seal(content) if isinstance(content, wire.Message) else content
        base: dict[str, str | Jid] = {
            "from": peer.lid,
            "id": f"IN{self._sequence}",
            "t": str(NOW),
            "type": "text",
        }
        return Node("message", base | attrs, [enc])


def text(words: str) -> wire.Message:
    """Make a text message."""
    return wire.Message(conversation=words)


def stanza_id(node: Node) -> str:
    return node.required_attr("id")


def to_devices(stanza: Node) -> list[Jid]:
    """Name the devices that a stanza is for."""
    participants = stanza.required_child("participants").children("to")
    return [to.required_jid("jid") for to in participants]


def benched[**P](
    test: Callable[Concatenate[Bench, P], Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Give a test a bench, on a loop with virtual time."""

    async def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        bench = Bench()
        await bench.open()
        try:
            await test(bench, *args, **kwargs)
        finally:
            await bench.close()

    def runner(*args: P.args, **kwargs: P.kwargs) -> None:
        run(whole(*args, **kwargs))

    runner.__name__ = test.__name__
    runner.__module__ = test.__module__
    signature = inspect.signature(test)
    remaining = list(signature.parameters.values())[1:]
    vars(runner)["__signature__"] = signature.replace(parameters=remaining)
    return runner
