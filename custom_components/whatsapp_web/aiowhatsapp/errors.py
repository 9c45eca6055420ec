"""Every error of the client, as a tree by what the caller must do about it."""


class WhatsAppError(Exception):
    """Base of all errors this package raises on purpose."""


class ConnectionFailed(WhatsAppError):
    """The line is down or did not answer; trying again later may help."""


class TransportError(ConnectionFailed):
    """The socket could not be opened, or broke."""


class UpgradeRefused(TransportError):
    """Something answered, but with an HTTP status in place of a WebSocket."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(f"Connecting was refused with HTTP status {status}")
        self.status = status


class WrongClock(TransportError):
    """TLS failed over dates: most likely the clock of this machine is wrong."""


class HandshakeTimeout(ConnectionFailed):
    """The server did not finish the Noise handshake in time."""


class RequestTimeout(ConnectionFailed):
    """The server did not answer a request in time."""


class KeepAliveLost(ConnectionFailed):
    """Nothing was heard from the server although we wrote to it."""


class Disconnected(ConnectionFailed):
    """The connection ended while, or before, something was asked of it."""


class StreamEnded(ConnectionFailed):
    """The server closed the stream with a code.

    `code` is the stream error's number as text, or a word for a child element.
    """

    def __init__(self, code: str) -> None:
        """Keep the server's reason."""
        super().__init__(f"Stream ended by the server: {code}")
        self.code = code


class NotLinked(WhatsAppError):
    """These credentials are not, or no longer, accepted: link again."""


class LoggedOut(NotLinked):
    """The server refuses the credentials; `reason` is its number or word."""

    def __init__(self, reason: str) -> None:
        """Keep the server's reason."""
        super().__init__(f"Logged out by the server: {reason}")
        self.reason = reason


class DeviceRemoved(LoggedOut):
    """The phone removed this device from its linked devices."""

    def __init__(self) -> None:
        """Name the reason."""
        super().__init__("device_removed")


class AccountLocked(LoggedOut):
    """The account was locked or banned, or has moved to another phone."""


class PairingFailed(NotLinked):
    """Linking did not succeed; `stage` says where it ended."""

    def __init__(self, stage: str, message: str = "") -> None:
        """Keep the stage, one word."""
        super().__init__(message or f"Linking failed: {stage}")
        self.stage = stage


class PairingExpired(PairingFailed):
    """All pairing codes of this round ran out unscanned."""

    def __init__(self) -> None:
        """Name the stage."""
        super().__init__("expired", "No code was scanned in time")


class PasskeyRequired(PairingFailed):
    """The account asks for a passkey, which only a browser can give."""

    def __init__(self) -> None:
        """Name the stage."""
        super().__init__("passkey", "The account asks for a passkey")


class ServiceRefused(WhatsAppError):
    """The service refuses this client or account for now; a person must act."""


class ClientOutdated(ServiceRefused):
    """The web version we name is no longer accepted."""


class SessionReplaced(ServiceRefused):
    """Another connection uses the same credentials."""


class TemporarilyBanned(ServiceRefused):
    """The account is blocked for a while; `expires_in` is in seconds, or None."""

    def __init__(self, code: str, expires_in: int | None) -> None:
        """Keep the server's code and the duration."""
        super().__init__(f"Temporarily banned (code {code})")
        self.code = code
        self.expires_in = expires_in


class LoginRefused(ServiceRefused):
    """The server refused the login for a reason that trying again won't mend."""

    def __init__(self, reason: str) -> None:
        """Keep the server's reason."""
        super().__init__(f"Login refused: {reason}")
        self.reason = reason


class RemoteProtocolError(WhatsAppError):
    """The peer sent something that breaks the protocol."""


class DecodeError(RemoteProtocolError):
    """Bytes from the network do not decode."""


class NoiseError(RemoteProtocolError):
    """The Noise handshake or a transport frame does not verify."""


class CertificateError(NoiseError):
    """The server's certificate chain does not verify."""


class CertificateOutOfDate(CertificateError):
    """A certificate is good, but not now: most likely the clock of this machine is wrong."""


class AttributeMissing(RemoteProtocolError):
    """A stanza lacks an attribute or child that it must have, or has a bad one."""


class IqError(RemoteProtocolError):
    """The server answered a request with an error.

    `code` is the number the server gave (0 when it gave none), `text` its words,
    `backoff` the seconds it asks us to wait, or None.
    """

    def __init__(self, code: int, text: str, backoff: int | None = None) -> None:
        """Keep the server's answer."""
        super().__init__(f"Request failed: {code} {text}")
        self.code = code
        self.text = text
        self.backoff = backoff


class AppStateError(RemoteProtocolError):
    """A patch or snapshot of the app state does not verify, or could not be applied."""


class AppStateKeyMissing(AppStateError):
    """The app state is encrypted with a key that the phone has not shared with us."""

    def __init__(self, key_id: bytes) -> None:
        """Keep the key's id, which is no secret."""
        super().__init__(f"App state key {key_id.hex()[:32]} is missing")
        self.key_id = key_id


class LocalProtocolError(WhatsAppError):
    """The caller asked for something impossible in this state: a bug of ours."""


class SignalError(WhatsAppError):
    """An encrypted message could not be read or made."""


class NoSession(SignalError):
    """There is no session or sender key with that address."""


class InvalidKeyId(SignalError):
    """The message names a prekey or signed prekey that we don't have."""


class InvalidKey(SignalError):
    """A public key is malformed, or its signature does not verify."""


class UntrustedIdentity(SignalError):
    """The identity key differs from the one stored and the policy forbids it."""


class DuplicateMessage(SignalError):
    """The message's counter was already used."""


class InvalidMessage(SignalError):
    """The message is malformed, too far in the future or of another version."""


class BadMac(InvalidMessage):
    """The message's authentication code or signature does not verify."""


class StoreError(WhatsAppError):
    """The stored state can't be read or written."""


class StoreCorrupt(StoreError):
    """The stored state is damaged, or sealed with another key."""


class SendError(WhatsAppError):
    """A message could not be sent."""


class NotOnWhatsApp(SendError):
    """The number has no WhatsApp account."""


class IdentityUnconfirmed(SendError):
    """The recipient's security code changed, and nobody has agreed to it yet."""


class Rejected(SendError):
    """The server refused a message; `code` is its error number as text."""

    def __init__(self, code: str) -> None:
        """Keep the server's code."""
        super().__init__(f"Message refused by the server: {code}")
        self.code = code


class InvalidDraft(SendError):
    """What is to be sent makes no sense; the text says why."""


class MessageUnknown(SendError):
    """We don't have, or no longer have, the message that something is to be said about."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The message is not known")


class NoDevices(SendError):
    """No device of the recipient could be encrypted for."""


class MediaError(WhatsAppError):
    """A file could not be sent or fetched."""


class MediaNotFound(MediaError):
    """There is no message with a file under that id, or no longer."""


class MediaExpired(MediaError):
    """The hosts no longer have a file, and its sender's phone did not upload it again."""


class MediaIntegrityError(MediaError):
    """A file is not what its sender sent: wrong length, hash, MAC or key."""


class MediaTooLarge(MediaError):
    """A file is larger than allowed; both figures are in bytes, `size` None if unknown."""

    def __init__(self, size: int | None, limit: int) -> None:
        """Keep the figures."""
        super().__init__(f"The file is larger than {limit} bytes")
        self.size = size
        self.limit = limit


class MediaRefused(MediaError):
    """The media hosts refused a file; `status` is their HTTP status."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(f"The media hosts refused the file with HTTP status {status}")
        self.status = status


class MediaFileError(MediaError):
    """A file on this machine could not be read or written."""


class NotInGroup(SendError):
    """We are not, or no longer, in the group."""


class MessageExpired(SendError):
    """A message waited longer than it was allowed to."""


class OutboxFull(SendError):
    """Too much waits to be sent already."""


class SendFailed(SendError):
    """A message failed; which error it was is in the text."""
