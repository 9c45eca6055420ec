"""Linking by a code that is typed into the phone, beside the codes to scan."""

import asyncio
from dataclasses import dataclass, field
import logging
from typing import Final, Protocol

from ..crypto.curve25519 import KeyPair
from ..errors import (
    AttributeMissing,
    InvalidKey,
    IqError,
    LocalProtocolError,
    PairingFailed,
    RequestTimeout,
    WhatsAppError,
)
from ..iq.link_code import AnnounceLinkCode, FinishLinkCode
from ..jid import Jid
from ..pairing import link_code
from ..pairing.credentials import DeviceKeys
from ..pairing.qr import client_type
from ..signal.keys import RandomBytes, make_key_pair
from ..store import RunBlocking
from ..wabinary import Node
from .pairing_events import LinkCode, LinkCodeEnded
from .settings import Clock

_LOGGER = logging.getLogger(__name__)

# What the server and the phone allow, counted from before the code is announced.
CODE_LIFETIME: Final = 180.0
ANSWER_TIMEOUT: Final = 30.0
# From the phone's hello to the account's word that we are linked.
PAIR_TIMEOUT: Final = 60.0
MAX_HELLOS: Final = 3


class LinkCodeHost(Protocol):
    """The attempt at linking that the codes are part of."""

    def next_id(self) -> str:
        """Make an id for a request."""
        ...

    async def ask(self, request: Node) -> None:
        """Send a request; its answer comes to `LinkCodes.on_answer`."""
        ...

    def emit(self, event: LinkCode | LinkCodeEnded) -> None:
        """Tell the caller of the attempt."""
        ...

    def use_secret(self, adv_secret: bytes) -> None:
        """Expect a proof made with this secret."""
        ...

    def renew_secret(self) -> None:
        """Expect no proof any more but one made with a new code to scan."""
        ...


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """The caller wants a code; `answer` takes it."""

    phone: Jid
    answer: asyncio.Future[LinkCode]

    def fail(self, reason: WhatsAppError) -> None:
        """Tell the caller that there is none."""
        if not self.answer.done():
            self.answer.set_exception(reason)


@dataclass(slots=True, kw_only=True)
class _Code:
    """One code, and how far the linking by it has got."""

    phone: Jid
    text: str = field(repr=False)
    ephemeral: KeyPair
    expires_at: float
    deadline: float
    announce_id: str
    announce: AnnounceLinkCode = field(repr=False)
    finish_id: str | None = None
    finish: FinishLinkCode | None = field(default=None, repr=False)
    ref: bytes | None = None
    hellos: int = 0

    @property
    def answered(self) -> bool:
        """Whether the phone was given what it proves itself with."""
        return self.finish_id is not None


class LinkCodes:
    """At most one code at a time, since the server finds it by the phone's number."""

    def __init__(
        self,
        host: LinkCodeHost,
        *,
        keys: DeviceKeys,
        clock: Clock,
        random_bytes: RandomBytes,
        run_blocking: RunBlocking,
    ) -> None:
        """Begin without a code."""
        self._host = host
        self._keys = keys
        self._clock = clock
        self._random_bytes = random_bytes
        self._run_blocking = run_blocking
        self._code: _Code | None = None
        self._request: CodeRequest | None = None

    @property
    def deadline(self) -> float | None:
        """When to call `on_time`, on the monotonic clock; None when there is no code."""
        return None if self._code is None else self._code.deadline

    @property
    def answered(self) -> bool:
        """Whether a phone is about to prove itself with the secret of a code."""
        return self._code is not None and self._code.answered

    async def on_request(self, request: CodeRequest, *, ready: bool) -> None:
        """Take the caller's wish; `ready` says whether the server would take a code."""
        if request.answer.done():
            return
        if self._code is not None or self._request is not None:
            request.fail(LocalProtocolError("There is a code already"))
            return
        self._request = request
        if ready:
            await self.on_ready()

    async def on_ready(self) -> None:
        """Announce the code that is wanted, if one is."""
        if self._request is not None and self._code is None:
            await self._announce(self._request.phone)

    async def on_answer(self, request_id: str, answer: Node) -> None:
        """Take the server's answer to one of our requests."""
        code = self._code
        if code is None:
            return
        try:
            if request_id == code.announce_id:
                code.ref = code.announce.parse_iq(answer)
                code.deadline = code.expires_at
                self._show(code)
            elif request_id == code.finish_id and code.finish is not None:
                code.finish.parse_iq(answer)
        except (IqError, AttributeMissing) as err:
            self.end(err)

    async def on_notification(self, node: Node) -> None:
        """Answer the phone that was given the code, or make another one."""
        code = self._code
        try:
            notice = link_code.parse_notification(node)
            if code is None or notice is None or notice.ref != code.ref:
                return
            if isinstance(notice, link_code.PrimaryHello):
                await self._answer_phone(code, notice)
                return
        except (AttributeMissing, InvalidKey) as err:
            # Incomplete ones occur; the right one may still come.
            _LOGGER.debug("Ignored a linking code notification: %s", err)
            return
        self.end(PairingFailed("link_code", "The server wants another code"))
        if not notice.manual:
            await self._announce(code.phone)

    def on_time(self) -> None:
        """Give the code up when its time has come."""
        if self._code is not None and self._clock.monotonic() >= self._code.deadline:
            self.end(RequestTimeout("The code was not taken in time"))

    def end(self, reason: WhatsAppError) -> None:
        """Give the code up, if there is one, and whoever waits for one."""
        code, self._code = self._code, None
        if self._request is not None:
            self._request.fail(reason)
            self._request = None
        if code is None:
            return
        if code.ref is not None:
            self._host.emit(LinkCodeEnded())
        if code.answered:
            # The phone may hold the secret of a linking that came to nothing.
            self._host.renew_secret()

    async def _announce(self, phone: Jid) -> None:
        """Make a code and send it to the server."""
        now = self._clock.monotonic()
        text = link_code.make_code(self._random_bytes(link_code.CODE_BYTES))
        ephemeral = make_key_pair(self._random_bytes)
        salt = self._random_bytes(link_code.SALT_LENGTH)
        wrapped = link_code.wrap_ephemeral(
            await self._derive(text, salt),
            salt=salt,
            iv=self._random_bytes(link_code.IV_LENGTH),
            public=ephemeral.public,
        )
        announce = AnnounceLinkCode(
            phone=phone,
            wrapped_ephemeral=wrapped,
            noise_public=self._keys.noise_key.public,
            client_type=client_type(),
        )
        code = self._code = _Code(
            phone=phone,
            text=text,
            ephemeral=ephemeral,
            expires_at=now + CODE_LIFETIME,
            deadline=now + ANSWER_TIMEOUT,
            announce_id=self._host.next_id(),
            announce=announce,
        )
        await self._host.ask(announce.build_iq(code.announce_id))

    def _show(self, code: _Code) -> None:
        """Show a code that the server has taken."""
        event = LinkCode(
            code=link_code.display_form(code.text),
            valid_for=code.expires_at - self._clock.monotonic(),
        )
        self._host.emit(event)
        request, self._request = self._request, None
        if request is not None and not request.answer.done():
            request.answer.set_result(event)

    async def _answer_phone(self, code: _Code, hello: link_code.PrimaryHello) -> None:
        """Send the phone our keys, and expect its proof; raise `InvalidKey`."""
        now = self._clock.monotonic()
        if now >= code.expires_at or code.hellos >= MAX_HELLOS:
            return
        code.hellos += 1
        finish = link_code.finish(
            hello,
            key=await self._derive(code.text, link_code.salt_of(hello.wrapped_ephemeral)),
            ephemeral=code.ephemeral,
            identity=self._keys.identity_key,
            randomness=self._random_bytes(link_code.FINISH_RANDOM_LENGTH),
        )
        code.finish_id = self._host.next_id()
        code.deadline = now + PAIR_TIMEOUT
        self._host.use_secret(finish.adv_secret)
        code.finish = FinishLinkCode(
            phone=code.phone,
            key_bundle=finish.key_bundle,
            identity_public=self._keys.identity_key.public,
            ref=hello.ref,
        )
        await self._host.ask(code.finish.build_iq(code.finish_id))

    async def _derive(self, text: str, salt: bytes) -> bytes:
        """Derive the wrapping key, off the event loop."""
        return await self._run_blocking(lambda: link_code.derive_key(text, salt))
