"""Which devices a user has."""

import base64
from collections.abc import Iterable, Sequence
import logging
from typing import Final

from ..crypto.kdf import sha256
from ..errors import InvalidKey, NotOnWhatsApp
from ..iq.usync import GetDevices, ListedDevice, UserDevices
from ..jid import SERVER_HOSTED, SERVER_HOSTED_LID, Jid
from ..pairing.adv import PRIMARY_DEVICE, verify_key_index_list
from ..proto import storage
from ..signal import SignalAddress
from .context import Context
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

# Notifications keep the cached lists right; this bounds what a missed one costs.
CACHE_SECONDS: Final = 24 * 3600
USERS_PER_QUERY: Final = 200


class Devices:
    """Device lists, cached in the store until the server says they changed."""

    def __init__(self, context: Context, identities: Identities) -> None:
        """Share the client's context; `identities` keeps the LIDs that lookups give."""
        self._context = context
        self._identities = identities
        self._sequence = 0

    async def of(self, users: Sequence[Jid]) -> dict[Jid, tuple[Jid, ...]]:
        """List all devices of some users, in the namespace each was asked in.

        A user that the server does not know is left out.
        """
        found: dict[Jid, tuple[Jid, ...]] = {}
        missing = []
        oldest = self._context.now() - CACHE_SECONDS
        unique = {str(user): user for user in users}
        records = await self._context.store.device_lists.get_many(None, unique)
        for name, user in unique.items():
            record = records.get(name)
            # A list from the future is one from before the clock was set right.
            if record is not None and oldest < record.fetched_at <= self._context.now():
                found[user] = _device_jids(user, record)
            else:
                missing.append(user)
        for start in range(0, len(missing), USERS_PER_QUERY):
            batch = missing[start : start + USERS_PER_QUERY]
            for listed in await self._query(batch):
                for user in filter(listed.is_of, batch):
                    found[user] = _device_jids(user, await self._keep(user, listed))
        return found

    async def lid_of(self, phone: Jid) -> Jid | None:
        """Find the LID of a phone number: known, or asked for.

        Raises `NotOnWhatsApp` when the server does not know the number.
        """
        known = self._context.canonical(phone)
        if known.is_lid:
            return known
        for listed in await self._query([phone]):
            if listed.is_of(phone):
                await self._keep(phone, listed)
                return listed.lid
        raise NotOnWhatsApp("The number is not on WhatsApp")

    async def refresh_lid(self, phone: Jid) -> None:
        """Ask anew for the LID of a number, because the server says that it changed."""
        await self._query([phone])

    async def forget(self, users: Iterable[Jid]) -> None:
        """Ask anew for these users' devices the next time, in both namespaces."""
        context = self._context
        async with context.store.transaction() as tx:
            for user in users:
                for form in {user.bare, context.canonical(user).bare, context.phone_of(user)}:
                    if form is not None:
                        await context.store.device_lists.delete(tx, str(form))

    async def _query(self, users: Sequence[Jid]) -> tuple[UserDevices, ...]:
        listed = await self._context.execute(GetDevices(users=users, session_id=self.session_id()))
        await self._identities.learn(
            (user.phone, user.lid)
            for user in listed
            if user.phone is not None and user.lid is not None
        )
        return listed

    async def _keep(self, user: Jid, listed: UserDevices) -> storage.DeviceListRecord:
        record = storage.DeviceListRecord(
            devices=[
                storage.DeviceListRecord.Device(
                    id=device.id, key_index=device.key_index or 0, hosted=device.hosted
                )
                for device in await self._vouched(user, listed)
            ],
            fetched_at=self._context.now(),
        )
        async with self._context.store.transaction() as tx:
            await self._context.store.device_lists.put(tx, str(user), record)
        return record

    async def _vouched(self, user: Jid, listed: UserDevices) -> list[ListedDevice]:
        """Leave out linked devices that the account itself says it does not have.

        A list that its key does not verify says nothing: the account may have a new key
        that we will hear of. Each device has to prove itself before it is written to.
        """
        devices = list(listed.devices)
        if listed.key_index_list is None:
            return devices
        store = self._context.store
        name = self._context.address_of(user).name
        account_key = await store.identities.get(None, SignalAddress(name, PRIMARY_DEVICE))
        try:
            signed = verify_key_index_list(listed.key_index_list, account_key=account_key)
        except InvalidKey as err:
            _LOGGER.debug("The device list of %s: %s", user.log_form, err)
            return devices
        kept = [each for each in devices if not each.id or signed.allows(each.key_index or 0)]
        if len(kept) < len(devices):
            _LOGGER.warning(
                "%s devices of %s are in no list that the account signed: left out",
                len(devices) - len(kept),
                user.log_form,
            )
        return kept

    def session_id(self) -> str:
        """Make an id for a query, unique in this process."""
        self._sequence += 1
        return f"{self._context.now()}-{self._sequence}"


def participant_hash(devices: Iterable[Jid]) -> str:
    """Hash a set of devices as the server does: `2:` and 8 base64 characters."""
    joined = "".join(sorted(device.ad_string for device in devices)).encode()
    return "2:" + base64.b64encode(sha256(joined)[:6]).decode()


def _device_jids(user: Jid, record: storage.DeviceListRecord) -> tuple[Jid, ...]:
    """Name the devices; those that a provider hosts have a server of their own."""
    hosted = SERVER_HOSTED_LID if user.is_lid else SERVER_HOSTED
    return tuple(
        Jid(user.user, hosted if device.hosted else user.server, device.id)
        for device in record.devices
    )
