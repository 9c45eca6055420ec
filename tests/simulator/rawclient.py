"""The least client that can link and log in, for tests of the server itself.

It does only what it is told, so it can also do the wrong thing.
"""

import asyncio
import base64
import hashlib
import os
from typing import Self

import aiohttp

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

from .accounts import SERVER_JID, Account, Device
from .noise import HEADER, NAME_XX, Symmetric, Transport, frame
from .phone_keys import PhoneKeys
from .server import Simulator

ORIGIN = "https://web.whatsapp.com"
VERSION = (2, 3000, 1_045_000_000)


class Closed(Exception):
    """The server ended the connection."""


class RawClient:
    """One installation and, while connected, its socket."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.keys = PhoneKeys(sim.now())
        self.noise = KeyPair.from_private(os.urandom(32))
        self.adv_secret = os.urandom(32)
        self.version = VERSION
        self.device: Device | None = None
        self.answers_pairing = True
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._transport: Transport | None = None
        self._buffer = bytearray()
        self._ids = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        if self._http is not None:
            await self._http.close()

    async def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            await self._socket.close()

    # --- connecting

    async def open(self, payload: wire.ClientPayload, *, intro: bytes = HEADER) -> None:
        """Connect and do the whole handshake."""
        await self.connect()
        ephemeral = KeyPair.from_private(os.urandom(32))
        state = Symmetric(NAME_XX, HEADER)
        state.mix_hash(ephemeral.public)
        hello = wire.HandshakeMessage()
        hello.clientHello.ephemeral = ephemeral.public
        await self.send_bytes(intro + frame(hello.SerializeToString()))
        message = wire.HandshakeMessage.FromString(await self.receive_frame())
        server = message.serverHello
        state.mix_hash(server.ephemeral)
        state.mix_key(curve25519.agree(ephemeral.private, server.ephemeral))
        static = state.decrypt(server.static)
        state.mix_key(curve25519.agree(ephemeral.private, static))
        self.chain = wire.CertChain.FromString(state.decrypt(server.payload))
        self.server_static = static
        finish = wire.HandshakeMessage()
        finish.clientFinish.static = state.encrypt(self.noise.public)
        state.mix_key(curve25519.agree(self.noise.private, server.ephemeral))
        finish.clientFinish.payload = state.encrypt(payload.SerializeToString())
        await self.send_bytes(frame(finish.SerializeToString()))
        ours, theirs = state.split()
        self._transport = Transport(theirs, ours)

    async def connect(self, *, origin: str = ORIGIN) -> None:
        """Open the socket only."""
        assert self._http is not None
        self._buffer.clear()
        self._socket = await self._http.ws_connect(self.sim.url, headers={"Origin": origin})

    def registration(self) -> wire.ClientPayload:
        """Return the payload that asks to be linked."""
        payload = self._payload()
        payload.passive = False
        data = payload.devicePairingData
        data.eRegid = self.keys.identity.registration_id.to_bytes(4, "big")
        data.eKeytype = b"\x05"
        data.eIdent = self.keys.identity.key_pair.public
        data.eSkeyId = self.keys.signed.id.to_bytes(3, "big")
        data.eSkeyVal = self.keys.signed.key_pair.public
        data.eSkeySig = self.keys.signed.signature
        text = ".".join(map(str, self.version))
        data.buildHash = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        data.deviceProps = wire.DeviceProps(os="raw").SerializeToString()
        return payload

    def login(self) -> wire.ClientPayload:
        """Return the payload that logs in."""
        assert self.device is not None
        payload = self._payload()
        payload.username = int(self.device.account.number)
        payload.device = self.device.id
        payload.passive = payload.pull = True
        return payload

    def _payload(self) -> wire.ClientPayload:
        payload = wire.ClientPayload()
        version = payload.userAgent.appVersion
        version.primary, version.secondary, version.tertiary = self.version
        return payload

    # --- stanzas

    async def send(self, node: Node) -> None:
        """Send a stanza."""
        assert self._transport is not None
        await self.send_bytes(self._transport.encrypt(encode(node)))

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._socket is not None
        await self._socket.send_bytes(data)

    async def receive_frame(self, *, timeout: float = 10) -> bytes:
        """Return the next frame's payload; raises `Closed`."""
        assert self._socket is not None
        while True:
            if len(self._buffer) >= 3:
                end = 3 + int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) >= end:
                    payload = bytes(self._buffer[3:end])
                    del self._buffer[:end]
                    return payload
            message = await self._socket.receive(timeout=timeout)
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise Closed
            self._buffer += message.data

    async def receive(self, *, timeout: float = 10) -> Node:
        """Return the next stanza; raises `Closed`."""
        assert self._transport is not None
        return decode(self._transport.decrypt(await self.receive_frame(timeout=timeout)))

    async def until(self, tag: str, *, timeout: float = 10) -> Node:
        """Return the next stanza with that tag, dropping others."""
        while (node := await self.receive(timeout=timeout)).tag != tag:
            pass
        return node

    async def iq(self, kind: str, xmlns: str, *children: Node) -> Node:
        """Ask something and return the answer."""
        self._ids += 1
        stanza_id = f"raw-{self._ids}"
        await self.send(
            Node(
                "iq",
                {"id": stanza_id, "to": SERVER_JID, "type": kind, "xmlns": xmlns},
                list(children),
            )
        )
        while (node := await self.until("iq")).attr("id") != stanza_id:
            pass
        return node

    # --- the whole way

    async def show_code(self) -> str:
        """Register and return the text of the first code."""
        await self.open(self.registration())
        offer = await self.receive()
        await self.send(
            Node("iq", {"to": SERVER_JID, "type": "result", "id": offer.required_attr("id")})
        )
        ref = offer.required_child("pair-device").required_child("ref").text
        return self.code(ref)

    def code(self, ref: str) -> str:
        """Return the text of a code."""
        keys = (self.noise.public, self.keys.identity.key_pair.public, self.adv_secret)
        return ",".join([ref, *(base64.b64encode(key).decode() for key in keys), "1"])

    async def sign(self) -> None:
        """Answer pair-success the way it must be answered."""
        node = await self.until("iq")
        success = node.required_child("pair-success")
        container = wire.ADVSignedDeviceIdentityHMAC.FromString(
            success.required_child("device-identity").data
        )
        identity = wire.ADVSignedDeviceIdentity.FromString(container.details)
        details = wire.ADVDeviceIdentity.FromString(identity.details)
        own = self.keys.identity.key_pair
        message = b"\x06\x01" + identity.details + own.public + identity.accountSignatureKey
        identity.deviceSignature = curve25519.sign(own.private, message, os.urandom(64))
        identity.ClearField("accountSignatureKey")
        await self.send(
            Node(
                "iq",
                {"to": SERVER_JID, "type": "result", "id": node.required_attr("id")},
                [
                    Node(
                        "pair-device-sign",
                        {},
                        [
                            Node(
                                "device-identity",
                                {"key-index": str(details.keyIndex)},
                                identity.SerializeToString(),
                            )
                        ],
                    )
                ],
            )
        )

    async def link(self, account: Account) -> Device:
        """Go the whole way to a linked device."""
        code = await self.show_code()
        async with asyncio.TaskGroup() as group:
            scan = group.create_task(account.phone.scan(code))
            group.create_task(self.sign())
        self.device = scan.result()
        ending = await self.until("stream:error")
        assert ending.attr("code") == "515"
        await self.close()
        return self.device

    async def log_in(self, *, active: bool = True) -> Node:
        """Log in; return `<success>` (or what comes in its place)."""
        await self.open(self.login())
        first = await self.receive()
        if active and first.tag == "success":
            await self.iq("set", "passive", Node("active"))
            while (await self.until("ib")).child("offline") is None:
                pass
        return first
