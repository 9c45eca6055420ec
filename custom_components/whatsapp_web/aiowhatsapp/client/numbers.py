"""Which account a phone number means: asked for in batches, and remembered.

The server knows the variants that some countries have (a Brazilian ninth digit, the 9 of
Argentina, the 1 of Mexico): what it returns is what counts, under the number as written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import NotOnWhatsApp
from ..iq.usync import CheckNumbers, KnownNumber
from ..jid import Jid
from ..proto import storage
from .context import Context
from .devices import Devices
from .identity import Identities

# Looking up many strangers gets accounts banned: small batches, and long memory.
NUMBERS_PER_QUERY: Final = 50
REMEMBER_SECONDS: Final = 30 * 24 * 3600
REMEMBER_UNKNOWN_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedNumber:
    """What the server says of a number, digits as asked for.

    `chat` is the account's address, None where there is none; `phone` its number as the
    server spells it.
    """

    digits: str
    chat: Jid | None
    phone: Jid | None


class Numbers:
    """Looks numbers up."""

    def __init__(self, context: Context, devices: Devices, identities: Identities) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._devices = devices
        self._identities = identities

    async def resolve(self, digits: str) -> Jid:
        """Find the account of a number; raises `NotOnWhatsApp`, `Disconnected`, `IqError`."""
        known = self._context.canonical(Jid.of_number(digits))
        if known.is_lid:
            return known
        (checked,) = await self.check([digits])
        if checked.chat is None:
            raise NotOnWhatsApp("The number is not on WhatsApp")
        return checked.chat

    async def check(self, numbers: Sequence[str]) -> list[CheckedNumber]:
        """Find out which numbers are on WhatsApp, in the order they came.

        What was looked up before is not asked for again: for 30 days, or an hour where
        nobody had the number.
        """
        store = self._context.store
        unique = list(dict.fromkeys(numbers))
        found = {
            digits: self._checked(digits, record)
            for digits, record in (await store.numbers.get_many(None, unique)).items()
            if self._is_fresh(record)
        }
        missing = [digits for digits in unique if digits not in found]
        for start in range(0, len(missing), NUMBERS_PER_QUERY):
            batch = missing[start : start + NUMBERS_PER_QUERY]
            found |= await self._ask(batch)
        return [found[digits] for digits in numbers]

    def _is_fresh(self, record: storage.NumberRecord) -> bool:
        lasts = REMEMBER_SECONDS if record.HasField("jid") else REMEMBER_UNKNOWN_SECONDS
        return 0 <= self._context.now() - record.checked_at < lasts

    def _checked(self, digits: str, record: storage.NumberRecord) -> CheckedNumber:
        phone = Jid.parse(record.phone) if record.HasField("phone") else None
        chat = Jid.parse(record.jid) if record.HasField("jid") else None
        if phone is not None:
            # The LID may have changed since.
            known = self._context.canonical(phone)
            chat = known if known.is_lid else chat
        return CheckedNumber(digits=digits, chat=chat, phone=phone)

    async def _ask(self, batch: Sequence[str]) -> dict[str, CheckedNumber]:
        await self._context.wait_online()
        spec = CheckNumbers(
            numbers=[f"+{digits}" for digits in batch], session_id=self._devices.session_id()
        )
        answers = await self._context.execute(spec)
        await self._identities.learn(
            (answer.phone, answer.lid)
            for answer in answers
            if answer.registered and answer.phone is not None and answer.lid is not None
        )
        found = {digits: _find(digits, batch, answers) for digits in batch}
        await self._keep(found.values())
        return found

    async def _keep(self, checked: Iterable[CheckedNumber]) -> None:
        now = self._context.now()
        async with self._context.store.transaction() as tx:
            for each in checked:
                record = storage.NumberRecord(checked_at=now)
                if each.chat is not None:
                    record.jid = str(each.chat)
                if each.phone is not None:
                    record.phone = str(each.phone)
                await self._context.store.numbers.put(
                    tx, each.digits, record, expires_at=now + REMEMBER_SECONDS
                )


def _find(digits: str, batch: Sequence[str], answers: Sequence[KnownNumber]) -> CheckedNumber:
    """Find the answer for a number: the one that echoes it, names it, or is in its place."""
    echoing = [answer for answer in answers if _digits(answer.query) == digits]
    naming = [answer for answer in answers if answer.phone == Jid.of_number(digits)]
    in_place = (
        [answers[batch.index(digits)]]
        if len(answers) == len(batch) and not any(answer.query for answer in answers)
        else []
    )
    for answer in (*echoing, *naming, *in_place):
        chat = answer.lid or answer.jid or answer.phone
        if answer.registered and chat is not None:
            return CheckedNumber(digits=digits, chat=chat.bare, phone=answer.phone)
    return CheckedNumber(digits=digits, chat=None, phone=None)


def _digits(query: str) -> str:
    return query.partition("@")[0].removeprefix("+")
