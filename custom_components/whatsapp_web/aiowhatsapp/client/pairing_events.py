"""What an attempt at linking tells while it goes on."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A code to show in place of any before, for so many seconds; `index` from 0."""

    text: str = field(repr=False)
    valid_for: float
    index: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCode:
    """A code to type into the phone (XXXX-XXXX), in place of any before."""

    code: str = field(repr=False)
    valid_for: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCodeEnded:
    """The code to type is no longer good; another one may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRequested:
    """The account asks for a passkey, which only a browser of the account can give."""

    relying_party: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    """The phone agreed and its proof is good; what is left takes a moment."""


type PairingEvent = QrCode | LinkCode | LinkCodeEnded | PasskeyRequested | Confirming
