"""`<notification>`: the server tells of a change. Each is handled, then acked."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
import logging
from typing import Final

from ...errors import Disconnected, StoreError, WhatsAppError
from ...events import OwnNameChanged, PasskeyRequested
from ...jid import Jid
from ...stanza.ack import build_ack
from ...stanza.message import MAX_NAME
from ...wabinary import Node
from ..context import Context
from ..devices import Devices
from ..identity import Identities
from ..prekeys import PreKeys
from ..sessions import Sessions
from ..tokens import TrustedContactTokens

_LOGGER = logging.getLogger(__name__)

_CHANGES: Final = ("remove", "add", "update")

type OnNotification = Callable[[Node], Awaitable[None]]


class NotificationHandler:
    """Knows the notifications that matter to this client; acks all the others."""

    def __init__(
        self,
        context: Context,
        *,
        devices: Devices,
        identities: Identities,
        pre_keys: PreKeys,
        sessions: Sessions,
        tokens: TrustedContactTokens,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._devices = devices
        self._identities = identities
        self._pre_keys = pre_keys
        self._sessions = sessions
        self._tokens = tokens
        self._handlers: Final[defaultdict[str, list[OnNotification]]] = defaultdict(list)
        self.add("encrypt", self._on_encrypt)
        self.add("devices", self._on_devices)
        self.add("account_sync", self._on_account_sync)
        self.add("privacy_token", tokens.on_notification)
        self.add("contacts", self._on_contacts)
        self.add("passkey_prologue_request", self._on_passkey)

    def add(self, kind: str, handler: OnNotification) -> None:
        """Have a feature hear of one type of notification, after those that came before it."""
        self._handlers[kind].append(handler)

    async def handle(self, node: Node) -> None:
        """Handle and ack one notification; a malformed one is only acked."""
        for handler in tuple(self._handlers.get(node.attr("type") or "", ())):
            try:
                await handler(node)
            except Disconnected, StoreError:
                # Unanswered, it comes again on the next connection.
                raise
            except WhatsAppError as err:
                _LOGGER.debug("A notification was not handled: %s", err)
        ack = build_ack(node)
        if ack is not None:
            await self._context.send(ack)

    async def _on_encrypt(self, node: Node) -> None:
        """Our prekeys run low, the server doubts them, or a contact's identity changed."""
        if node.child("identity") is not None:
            await self._identities.on_notification(node)
        elif not node.required_jid("from").is_server:
            return
        elif node.child("count") is not None:
            await self._pre_keys.note_due()
            self._context.spawn(self._pre_keys.refill(), "refilling prekeys")
        elif node.child("digest") is not None:
            self._context.spawn(self._pre_keys.check_digest(), "checking the key digest")

    async def _on_devices(self, node: Node) -> None:
        """A user linked or removed a device: ask for the list when it is next needed."""
        user = node.required_jid("from").bare
        lid = node.jid("lid")
        if lid is not None:
            await self._identities.learn([(user, lid.bare)], overwrite=False)
        for change in _CHANGES:
            child = node.child(change)
            if child is None:
                continue
            if change == "update":
                # It names a contact by a hash; the daily refresh finds the change.
                return
            if change == "remove":
                await self._sessions.forget(_companions(child, user))
            await self._devices.forget([user])
            return

    async def _on_account_sync(self, node: Node) -> None:
        """Our own name changed, or one of our own devices came or went."""
        if not self._context.own.is_self(node.required_jid("from")):
            return
        if name := node.attr("pushname"):
            self._context.emit(OwnNameChanged(name=name[:MAX_NAME]))
        if node.child("devices") is not None:
            await self._devices.forget([self._context.own.phone, self._context.own.lid])

    async def _on_contacts(self, node: Node) -> None:
        """A contact changed the number; both its forms may come along."""
        change = node.child("modify")
        if change is None:
            return
        pairs = []
        for phone_attr, lid_attr in (("old", "old_lid"), ("new", "new_lid")):
            phone, lid = change.jid(phone_attr), change.jid(lid_attr)
            if phone is not None and lid is not None:
                pairs.append((phone.bare, lid.bare))
        await self._identities.learn(pairs)

    async def _on_passkey(self, node: Node) -> None:
        """The server wants a passkey, which only a person with a browser can give."""
        if node.required_jid("from").is_server:
            self._context.emit(PasskeyRequested())


def _companions(change: Node, user: Jid) -> list[Jid]:
    """Name the removed devices of a user; never the phone itself."""
    return [
        device
        for child in change.children("device")
        if (device := child.jid("jid")) is not None and device.device and device.bare == user
    ]
