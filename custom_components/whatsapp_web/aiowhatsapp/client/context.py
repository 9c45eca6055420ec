"""What all parts of the client share: who we are, the store, the line, the clock."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
import logging
from typing import Final

from ..errors import Disconnected, WhatsAppError
from ..events import Event
from ..iq import IqSpec
from ..jid import SERVER_HOSTED_LID, SERVER_LID, Jid
from ..pairing.credentials import Credentials
from ..signal import IdentityKeys, SignalAddress
from ..stanza.message import OwnIds
from ..store import RunBlocking, Store
from ..wabinary import Node
from .dispatcher import Dispatcher
from .link import Link
from .settings import Clock

_LOGGER = logging.getLogger(__name__)

# Longest that a send waits for a broken line to come back before it gives up.
LINE_WAIT: Final = 20.0
# How long work that outlives connections may take when the client stops.
LASTING_GRACE: Final = 5.0


class LidMap:
    """Which number has which LID, all in memory: asked for at every address."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lids: dict[str, str] = {}
        self._phones: dict[str, str] = {}

    def lid_of(self, phone_user: str) -> str | None:
        """The LID user of a number."""
        return self._lids.get(phone_user)

    def phone_of(self, lid_user: str) -> str | None:
        """The number of a LID user."""
        return self._phones.get(lid_user)

    def add(self, phone_user: str, lid_user: str) -> None:
        """Keep a pair; whatever contradicts it goes."""
        old_lid = self._lids.pop(phone_user, None)
        if old_lid is not None:
            self._phones.pop(old_lid, None)
        old_phone = self._phones.pop(lid_user, None)
        if old_phone is not None:
            self._lids.pop(old_phone, None)
        self._lids[phone_user] = lid_user
        self._phones[lid_user] = phone_user


@dataclass(slots=True)
class Context:
    """One linked account at work."""

    credentials: Credentials
    store: Store
    clock: Clock
    random_bytes: Callable[[int], bytes]
    run_blocking: RunBlocking
    lids: LidMap = field(default_factory=LidMap)
    dispatcher: Dispatcher = field(default_factory=Dispatcher)
    link: Link | None = None
    online: asyncio.Event = field(default_factory=asyncio.Event)
    # Whether we are online to others, on this connection.
    available: bool = False
    # Why there will be no line for longer, where that is known.
    hindrance: WhatsAppError | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _lasting_tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def own(self) -> OwnIds:
        """Our own addresses."""
        return OwnIds(phone=self.credentials.jid, lid=self.credentials.lid)

    @property
    def identity(self) -> IdentityKeys:
        """Our own long-term keys."""
        return IdentityKeys(
            key_pair=self.credentials.identity_key,
            registration_id=self.credentials.registration_id,
        )

    def set_push_name(self, name: str) -> None:
        """Remember the name that our account shows."""
        self.credentials = replace(self.credentials, push_name=name)

    def now(self) -> int:
        """Unix time in seconds."""
        return int(self.clock.now())

    def random_unit(self) -> float:
        """A random number from 0 up to 1."""
        return int.from_bytes(self.random_bytes(4)) / 2**32

    def require_link(self) -> Link:
        """The open connection; raise `Disconnected` when there is none."""
        if self.link is None or self.link.closed:
            raise Disconnected("Not connected")
        return self.link

    async def send(self, node: Node) -> None:
        """Write a node on the open connection."""
        await self.require_link().send(node)

    async def execute[R](self, spec: IqSpec[R]) -> R:
        """Make a request on the open connection."""
        return await self.require_link().execute(spec)

    async def wait_online(self, timeout: float = LINE_WAIT) -> Link:
        """Wait for the line to be open.

        Raises `Disconnected` when it stays down, or at once what keeps it down for long.
        """
        if self.hindrance is not None:
            raise self.hindrance.with_traceback(None)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self.online.wait()
                    if self.link is not None and not self.link.closed:
                        return self.link
                    # It broke this moment, while writing: the next one is meant.
                    self.online.clear()
        except TimeoutError as err:
            raise self.hindrance or Disconnected("Not connected") from err

    def emit(self, event: Event) -> None:
        """Tell the listeners."""
        self.dispatcher.emit(event)

    def spawn(self, work: Coroutine[None, None, None], name: str, *, lasting: bool = False) -> None:
        """Do something beside the reader; its failure is logged, not raised.

        It ends with the connection, unless it is `lasting`.
        """
        task = asyncio.get_running_loop().create_task(_guarded(work, name), name=name)
        tasks = self._lasting_tasks if lasting else self._tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # Cancelled before its first step, it would be a coroutine nobody awaited.
        task.add_done_callback(lambda _: work.close())

    async def cancel_tasks(self) -> None:
        """Cancel what `spawn` began and wait until all of it is gone."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def finish_lasting(self) -> None:
        """Wait until all lasting work is done; cancel what takes too long."""
        if not self._lasting_tasks:
            return
        _, late = await asyncio.wait(self._lasting_tasks, timeout=LASTING_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def canonical(self, jid: Jid) -> Jid:
        """The LID form of a user's JID where one is known, else the JID as it is."""
        if not jid.is_phone_number:
            return jid
        own = self.own
        lid = own.lid.user if jid.user == own.phone.user else self.lids.lid_of(jid.user)
        server = SERVER_HOSTED_LID if jid.is_hosted else SERVER_LID
        return jid if lid is None else Jid(lid, server, jid.device)

    def phone_of(self, jid: Jid) -> Jid | None:
        """The bare phone-number form of a user's JID, where it is known."""
        if jid.is_phone_number:
            return jid.bare
        if not jid.is_lid:
            return None
        own = self.own
        phone = own.phone.user if jid.user == own.lid.user else self.lids.phone_of(jid.user)
        return None if phone is None else Jid.of_number(phone)

    def forms_of(self, jid: Jid) -> tuple[Jid, ...]:
        """All bare addresses of a user that are known: by LID first, by number."""
        forms = (self.canonical(jid.bare), jid.bare, self.phone_of(jid))
        return tuple(dict.fromkeys(form for form in forms if form is not None))

    def address_of(self, jid: Jid) -> SignalAddress:
        """The Signal address of a device: by LID where one is known."""
        known = self.canonical(jid)
        return SignalAddress(known.signal_name, known.device)


async def _guarded(work: Coroutine[None, None, None], name: str) -> None:
    try:
        await work
    except WhatsAppError as err:
        _LOGGER.debug("%s did not finish: %s", name, err)
    except Exception:
        _LOGGER.exception("%s failed", name)
