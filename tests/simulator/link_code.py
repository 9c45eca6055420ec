"""Linking by a code that a person types into the phone."""

import asyncio
import base64
from dataclasses import dataclass
import os
import re
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.crypto import aes, curve25519, kdf
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac, InvalidKey
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account, Device
from .iqs import IqRefused
from .pairing import CouldNotLink, PairingDesk, Registration, Scan

if TYPE_CHECKING:
    from .server import Simulator

ITERATIONS = 131072
ALPHABET = re.compile(r"[1-9A-HJ-NP-TV-Z]{8}")
DISPLAY = re.compile(
    r"(Chrome|Edge|Firefox|IE|Opera|Safari) \((Windows|Mac OS|Linux|Android|iOS|Ubuntu|Fedora)\)"
)
BUNDLE_INFO = b"link_code_pairing_key_bundle_encryption_key"
WRAPPED_LENGTH = 80
BUNDLE_LENGTH = 156


@dataclass
class CodeRequest:
    """A client that waits for its code to be typed in."""

    registration: Registration
    account: Account
    wrapped: bytes
    ref: bytes
    finish: asyncio.Future[Node]


class LinkCodes:
    """The codes under way, one a number."""

    def __init__(self, server: Simulator, desk: PairingDesk) -> None:
        self._server = server
        self._desk = desk
        self._requests: dict[Account, CodeRequest] = {}

    def waiting(self, account: Account) -> bool:
        """Whether a client wants to be linked with that account by a code."""
        return account in self._requests

    def answer(self, registration: Registration, node: Node) -> list[Node]:
        """Answer a request of a client that shows a code; raises `IqRefused`."""
        element = node.required_child("link_code_companion_reg")
        match element.attr("stage"):
            case "companion_hello":
                return self._hello(registration, element)
            case "companion_finish":
                return self._finish(registration, element)
        raise IqRefused(400, "bad-request")

    def _hello(self, registration: Registration, element: Node) -> list[Node]:
        account = self._server.directory.find(element.required_jid("jid"))
        if account is None:
            raise IqRefused(404, "item-not-found")
        wrapped = element.required_child(
            "link_code_pairing_wrapped_companion_ephemeral_pub"
        ).required_data(WRAPPED_LENGTH)
        noise = element.required_child("companion_server_auth_key_pub").required_data(32)
        platform = element.required_child("companion_platform_id").text
        display = element.required_child("companion_platform_display").text
        nonce = element.required_child("link_code_pairing_nonce").required_data(1)
        if (
            noise != registration.session.client_static
            or platform in ("", "0")
            or DISPLAY.fullmatch(display) is None
            or nonce not in (b"\0", b"0")
        ):
            raise IqRefused(400, "bad-request")
        ref = b"3@" + base64.b64encode(os.urandom(24))
        self._requests[account] = CodeRequest(
            registration, account, wrapped, ref, asyncio.get_running_loop().create_future()
        )
        return [
            Node(
                "link_code_companion_reg",
                {"stage": "companion_hello"},
                [Node("link_code_pairing_ref", {}, ref)],
            )
        ]

    def _finish(self, registration: Registration, element: Node) -> list[Node]:
        account = self._server.directory.find(element.required_jid("jid"))
        request = self._requests.get(account) if account else None
        ref = element.required_child("link_code_pairing_ref").required_data()
        if request is None or request.registration is not registration or request.ref != ref:
            raise IqRefused(400, "bad-request")
        if not request.finish.done():
            self._server.after_reply(lambda: request.finish.set_result(element))
        return []

    async def enter(self, account: Account, code: str, *, timeout: float = 20) -> Device:
        """Do what happens when a code is typed in; return the linked device."""
        code = code.replace("-", "").upper()
        if ALPHABET.fullmatch(code) is None:
            raise CouldNotLink("a code has eight letters and digits, without 0, I, O and U")
        request = self._requests.get(account)
        if request is None:
            raise CouldNotLink("no device waits for a code")
        try:
            scan = await self._exchange(request, code, timeout)
        finally:
            self._requests.pop(account, None)
        attempt = self._desk.propose(account, request.registration, scan)
        return await asyncio.wait_for(attempt.outcome, timeout)

    async def _exchange(self, request: CodeRequest, code: str, timeout: float) -> Scan:
        identity = request.account.phone.keys.identity.key_pair
        ephemeral = KeyPair.from_private(os.urandom(32))
        theirs = await asyncio.to_thread(_unwrap, code, request.wrapped)
        ours = await asyncio.to_thread(_wrap, code, ephemeral.public)
        self._send_hello(request, ours, identity.public)
        finish = await asyncio.wait_for(request.finish, timeout)
        bundle = finish.required_child("link_code_pairing_wrapped_key_bundle").required_data(
            BUNDLE_LENGTH
        )
        companion = finish.required_child("companion_identity_public").required_data(32)
        shared = curve25519.agree(ephemeral.private, theirs)
        key = kdf.hkdf_sha256(shared, salt=bundle[:32], info=BUNDLE_INFO, length=32)
        try:
            opened = aes.gcm_decrypt(key, bundle[32:44], bundle[44:])
            secret = shared + curve25519.agree(identity.private, companion) + opened[64:]
        except (BadMac, InvalidKey) as err:
            raise CouldNotLink("wrong code") from err
        if opened[:32] != companion or opened[32:64] != identity.public:
            raise CouldNotLink("the key bundle names other identities")
        if companion != request.registration.identity:
            raise CouldNotLink("another identity than was registered")
        adv_secret = kdf.hkdf_sha256(secret, info=b"adv_secret", length=32)
        noise = request.registration.session.client_static
        return Scan(request.ref.decode(), noise, companion, adv_secret, "1")

    def _send_hello(self, request: CodeRequest, wrapped: bytes, identity: bytes) -> None:
        parts = {
            "link_code_pairing_wrapped_primary_ephemeral_pub": wrapped,
            "primary_identity_pub": identity,
            "link_code_pairing_ref": request.ref,
        }
        request.registration.session.deliver(
            Node(
                "notification",
                {
                    "type": "link_code_companion_reg",
                    "from": SERVER_JID,
                    "id": self._server.next_id(),
                    "t": str(self._server.now()),
                },
                [
                    Node(
                        "link_code_companion_reg",
                        {"stage": "primary_hello"},
                        [Node(tag, {}, data) for tag, data in parts.items()],
                    )
                ],
            )
        )


def _stretch(code: str, salt: bytes) -> bytes:
    return kdf.pbkdf2_sha256(code.encode(), salt=salt, iterations=ITERATIONS, length=32)


def _wrap(code: str, public: bytes) -> bytes:
    salt, counter = os.urandom(32), os.urandom(16)
    return salt + counter + aes.ctr_apply(_stretch(code, salt), counter, public)


def _unwrap(code: str, wrapped: bytes) -> bytes:
    return aes.ctr_apply(_stretch(code, wrapped[:32]), wrapped[32:48], wrapped[48:])
