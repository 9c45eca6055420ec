"""Linking a device: references for the QR, what a phone scanned, the final signatures."""

import asyncio
import base64
from dataclasses import dataclass, field
import hashlib
import os
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, DecodeError
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import MAX_COMPANIONS, SERVER_JID, Account, Device
from .keyshelf import KEY_TYPE, SignedKey

if TYPE_CHECKING:
    from .server import Simulator
    from .session import Session

REFERENCES = 6
QR_PREFIX = "https://wa.me/settings/linked_devices#"
DEVICE_SIGNATURE_PREFIX = b"\x06\x01"


class CouldNotLink(Exception):
    """What the phone shows when linking fails; the text says why."""


@dataclass(frozen=True)
class Scan:
    """The five fields of a scanned code."""

    ref: str
    noise_public: bytes
    identity_public: bytes
    adv_secret: bytes
    client_type: str

    @classmethod
    def parse(cls, text: str) -> Scan:
        """Read the text of a QR code, with or without the link in front."""
        fields = text.strip().removeprefix(QR_PREFIX).split(",")
        if len(fields) != 5:
            raise CouldNotLink(f"the code has {len(fields)} fields, not 5")
        try:
            keys = [base64.b64decode(field, validate=True) for field in fields[1:4]]
        except ValueError as err:
            raise CouldNotLink("the code's keys are not base64") from err
        if any(len(key) != 32 for key in keys):
            raise CouldNotLink("the code's keys do not have 32 bytes")
        if len(fields[4]) != 1 or fields[4] == "0":
            raise CouldNotLink("unknown client type")
        return cls(fields[0], keys[0], keys[1], keys[2], fields[4])


@dataclass
class Registration:
    """A client that wants to be linked: what it sent, and what it was given."""

    session: Session
    registration_id: int
    identity: bytes
    signed_key: SignedKey
    os_name: str
    references: list[str] = field(default_factory=list)
    retired_secrets: set[bytes] = field(default_factory=set)
    attempt: Attempt | None = None


@dataclass
class Attempt:
    """A scan that waits for the client's signature."""

    account: Account
    device: Device
    container: wire.ADVSignedDeviceIdentity
    iq_id: str
    outcome: asyncio.Future[Device]


class PairingDesk:
    """Knows the references given out and the attempts under way."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._by_reference: dict[str, Registration] = {}
        self.waiting = asyncio.Event()

    @property
    def registrations(self) -> list[Registration]:
        """Clients that show a code now."""
        return list({id(each): each for each in self._by_reference.values()}.values())

    def begin(self, session: Session) -> None:
        """Check a registration and hand out references."""
        try:
            registration = _read_registration(session)
        except (ProtobufError, ValueError) as err:
            self._server.ledger.violation(f"registration: {err}")
            session.fail("400")
            return
        session.registration = registration
        self.offer(registration)

    def offer(self, registration: Registration) -> None:
        """Send a set of fresh references."""
        registration.references = [
            "2@" + base64.b64encode(os.urandom(48)).decode() for _ in range(REFERENCES)
        ]
        for reference in registration.references:
            self._by_reference[reference] = registration
        registration.session.deliver(
            Node(
                "iq",
                {
                    "from": SERVER_JID,
                    "type": "set",
                    "id": self._server.next_id(),
                    "xmlns": "md",
                },
                [
                    Node(
                        "pair-device",
                        {},
                        [Node("ref", {}, ref.encode()) for ref in registration.references],
                    )
                ],
            )
        )
        self.waiting.set()

    def forget(self, session: Session) -> None:
        """Drop the references of a connection that ended."""
        registration = session.registration
        if registration is None:
            return
        for reference in registration.references:
            self._by_reference.pop(reference, None)
        attempt = registration.attempt
        if attempt is not None and not attempt.outcome.done():
            attempt.outcome.set_exception(CouldNotLink("the client hung up"))
        if not self._by_reference:
            self.waiting.clear()

    async def scan(self, account: Account, text: str, *, timeout: float = 20) -> Device:
        """Do what happens when the account's phone scans `text`; return the linked device."""
        scan = Scan.parse(text)
        registration = self._by_reference.get(scan.ref)
        if registration is None:
            raise CouldNotLink("the code is unknown or has expired")
        if scan.noise_public != registration.session.client_static:
            raise CouldNotLink("the code names another Noise key than the connection has")
        if scan.identity_public != registration.identity:
            raise CouldNotLink("the code names another identity than was registered")
        if scan.adv_secret in registration.retired_secrets:
            raise CouldNotLink("the code's secret was retired")
        if self._server.faults.take_refresh_on_scan():
            self._server.faults.companion_reg_refresh(registration.session, scan.adv_secret)
            raise CouldNotLink("try again with a fresh code")
        attempt = self.propose(account, registration, scan)
        return await asyncio.wait_for(attempt.outcome, timeout)

    def propose(self, account: Account, registration: Registration, scan: Scan) -> Attempt:
        """Send pair-success for a code that was scanned or typed in."""
        if len(account.companions) >= MAX_COMPANIONS:
            raise CouldNotLink("too many linked devices")
        if registration.attempt is not None:
            raise CouldNotLink("another phone was faster")
        device = Device(
            account=account,
            id=account.next_device,
            noise_public=scan.noise_public,
            identity_public=scan.identity_public,
            registration_id=registration.registration_id,
            key_index=account.next_key_index,
            os_name=registration.os_name,
        )
        account.next_device += 1
        account.next_key_index += 1
        device.keys.signed = registration.signed_key
        identity = account.phone.sign_companion(device, self._server.now())
        hmac = account.phone.seal_identity(identity, scan.adv_secret)
        if self._server.faults.take("bad_pairing_hmac"):
            hmac.hmac = bytes(32)
        attempt = Attempt(
            account,
            device,
            identity,
            self._server.next_id(),
            asyncio.get_running_loop().create_future(),
        )
        registration.attempt = attempt
        registration.session.deliver(
            Node(
                "iq",
                {
                    "from": SERVER_JID,
                    "type": "set",
                    "id": attempt.iq_id,
                    "t": str(self._server.now()),
                },
                [self._pair_success(device, hmac)],
            )
        )
        return attempt

    def _pair_success(self, device: Device, hmac: wire.ADVSignedDeviceIdentityHMAC) -> Node:
        props = wire.ClientPairingProps(
            isChatDbLidMigrated=device.account.lid_migrated,
            isSyncdPureLidSession=device.account.lid_migrated,
        )
        return Node(
            "pair-success",
            {},
            [
                Node("device-identity", {}, hmac.SerializeToString()),
                Node("platform", {"name": "android"}),
                Node("device", {"jid": device.jid(lid=False), "lid": device.jid(lid=True)}),
                Node("client-props", {}, props.SerializeToString()),
            ],
        )

    def answer(self, session: Session, node: Node) -> None:
        """Take the client's answer to pair-device or pair-success."""
        registration = session.registration
        attempt = registration.attempt if registration else None
        if registration is None or attempt is None or node.attr("id") != attempt.iq_id:
            return
        if node.attr("type") != "result":
            error = node.child("error")
            reason = (error.attr("text") or error.attr("code")) if error else "no reason"
            registration.attempt = None
            attempt.outcome.set_exception(CouldNotLink(f"the client refused: {reason}"))
            return
        try:
            identity = _check_device_signature(node, attempt)
        except (AttributeMissing, DecodeError, ProtobufError, ValueError) as err:
            self._server.ledger.violation(f"pair-device-sign: {err}")
            registration.attempt = None
            attempt.outcome.set_exception(CouldNotLink(str(err)))
            session.fail("401")
            return
        attempt.device.device_identity = identity
        self._server.device_linked(attempt.device)
        if self._server.faults.take("pairing_close_without_515"):
            session.close()
        else:
            session.end("515")
        attempt.outcome.set_result(attempt.device)


def _read_registration(session: Session) -> Registration:
    data = session.payload.devicePairingData
    version = session.payload.userAgent.appVersion
    build = f"{version.primary}.{version.secondary}.{version.tertiary}"
    if data.buildHash != hashlib.md5(build.encode(), usedforsecurity=False).digest():
        raise ValueError("the build hash does not match the version")
    # A registration id of 0 is taken: one Baileys in 256 has it.
    if data.eKeytype != KEY_TYPE or len(data.eRegid) != 4:
        raise ValueError("wrong key type or registration id")
    if (len(data.eIdent), len(data.eSkeyId), len(data.eSkeyVal)) != (32, 3, 32):
        raise ValueError("wrong length of a key")
    if not curve25519.verify(data.eIdent, KEY_TYPE + data.eSkeyVal, data.eSkeySig):
        raise ValueError("the signed prekey's signature does not verify")
    props = wire.DeviceProps()
    props.ParseFromString(data.deviceProps)
    os_name = props.os if isinstance(props.os, str) else ""
    return Registration(
        session,
        int.from_bytes(data.eRegid, "big"),
        data.eIdent,
        SignedKey(int.from_bytes(data.eSkeyId, "big"), data.eSkeyVal, data.eSkeySig),
        os_name,
    )


def _check_device_signature(node: Node, attempt: Attempt) -> bytes:
    """Return the whole identity when the answer is signed by the linked device."""
    child = node.required_child("pair-device-sign").required_child("device-identity")
    if child.required_int("key-index") != attempt.device.key_index:
        raise ValueError("wrong key index")
    signed = wire.ADVSignedDeviceIdentity()
    signed.ParseFromString(child.required_data())
    if signed.HasField("accountSignatureKey"):
        raise ValueError("the account's key is sent back")
    if signed.details != attempt.container.details:
        raise ValueError("other details than were signed")
    if signed.accountSignature != attempt.container.accountSignature:
        raise ValueError("another account signature")
    identity = attempt.device.identity_public
    account_key = attempt.container.accountSignatureKey
    signed_bytes = DEVICE_SIGNATURE_PREFIX + signed.details + identity + account_key
    if not curve25519.verify(identity, signed_bytes, signed.deviceSignature):
        raise ValueError("the device signature does not verify")
    signed.accountSignatureKey = account_key
    return signed.SerializeToString()
