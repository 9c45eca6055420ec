"""The four Signal messages as they travel: version byte, protobuf, then MAC or signature.

Public keys are 33 bytes on the wire, raw 32 bytes here.
"""

from typing import Final, NamedTuple

from google.protobuf.message import DecodeError as ProtobufDecodeError, Message

from ..crypto.curve25519 import SIGNATURE_LENGTH, parse_public, serialize_public
from ..errors import InvalidMessage
from ..proto import wire

VERSION: Final = 3
VERSION_BYTE: Final = bytes([VERSION << 4 | VERSION])
MAC_LENGTH: Final = 8
CHAIN_KEY_LENGTH: Final = 32
# What fits into one frame of the connection.
MAX_MESSAGE: Final = 1 << 24
# A distribution message is four short fields; this leaves room for more of them.
MAX_DISTRIBUTION: Final = 1024


class SignalMessage(NamedTuple):
    """A message of a session, not yet authenticated; the MAC covers `body`."""

    ratchet_key: bytes
    counter: int
    ciphertext: bytes
    body: bytes
    mac: bytes


class PreKeyMessage(NamedTuple):
    """A message that carries what its reader needs to set the session up."""

    pre_key_id: int | None
    signed_pre_key_id: int
    base_key: bytes
    identity: bytes
    registration_id: int
    message: bytes


class GroupMessage(NamedTuple):
    """A message under a sender key; the signature covers `body`."""

    key_id: int
    iteration: int
    ciphertext: bytes
    body: bytes
    signature: bytes


class DistributionMessage(NamedTuple):
    """A sender key as its owner hands it out."""

    key_id: int
    iteration: int
    chain_key: bytes
    signing_key: bytes


def parse_signal_message(data: bytes) -> SignalMessage:
    """Read a `msg`; raise `InvalidMessage`, or `InvalidKey` for its ratchet key."""
    _check_frame(data, MAX_MESSAGE)
    body, mac = data[:-MAC_LENGTH], data[-MAC_LENGTH:]
    parsed = wire.SignalMessage()
    _parse(parsed, body)
    _require(parsed, "ratchetKey", "counter", "ciphertext")
    return SignalMessage(
        parse_public(parsed.ratchetKey), parsed.counter, parsed.ciphertext, body, mac
    )


def signal_message_body(
    ratchet_key: bytes, counter: int, previous_counter: int, ciphertext: bytes
) -> bytes:
    """Write a `msg` up to where its MAC goes."""
    message = wire.SignalMessage(
        ratchetKey=serialize_public(ratchet_key),
        counter=counter,
        previousCounter=previous_counter,
        ciphertext=ciphertext,
    )
    return VERSION_BYTE + message.SerializeToString()


def parse_pre_key_message(data: bytes) -> PreKeyMessage:
    """Read a `pkmsg`; raise `InvalidMessage`, or `InvalidKey` for one of its keys."""
    _check_frame(data, MAX_MESSAGE)
    parsed = wire.PreKeySignalMessage()
    _parse(parsed, data)
    _require(parsed, "baseKey", "identityKey", "message", "signedPreKeyId")
    return PreKeyMessage(
        pre_key_id=parsed.preKeyId if parsed.HasField("preKeyId") else None,
        signed_pre_key_id=parsed.signedPreKeyId,
        base_key=parse_public(parsed.baseKey),
        identity=parse_public(parsed.identityKey),
        registration_id=parsed.registrationId,
        message=parsed.message,
    )


def pre_key_message(message: PreKeyMessage) -> bytes:
    """Write a `pkmsg`."""
    written = wire.PreKeySignalMessage(
        preKeyId=message.pre_key_id,
        baseKey=serialize_public(message.base_key),
        identityKey=serialize_public(message.identity),
        message=message.message,
        registrationId=message.registration_id,
        signedPreKeyId=message.signed_pre_key_id,
    )
    return VERSION_BYTE + written.SerializeToString()


def parse_group_message(data: bytes) -> GroupMessage:
    """Read a `skmsg`; raise `InvalidMessage`."""
    _check_frame(data, MAX_MESSAGE)
    body, signature = data[:-SIGNATURE_LENGTH], data[-SIGNATURE_LENGTH:]
    parsed = wire.SenderKeyMessage()
    _parse(parsed, body)
    _require(parsed, "id", "iteration", "ciphertext")
    return GroupMessage(parsed.id, parsed.iteration, parsed.ciphertext, body, signature)


def group_message_body(key_id: int, iteration: int, ciphertext: bytes) -> bytes:
    """Write a `skmsg` up to where its signature goes."""
    message = wire.SenderKeyMessage(id=key_id, iteration=iteration, ciphertext=ciphertext)
    return VERSION_BYTE + message.SerializeToString()


def parse_distribution_message(data: bytes) -> DistributionMessage:
    """Read a sender key; raise `InvalidMessage`, or `InvalidKey` for its signing key."""
    _check_frame(data, MAX_DISTRIBUTION)
    parsed = wire.SenderKeyDistributionMessage()
    _parse(parsed, data)
    _require(parsed, "id", "iteration", "chainKey", "signingKey")
    if len(parsed.chainKey) != CHAIN_KEY_LENGTH:
        raise InvalidMessage("A chain key has 32 bytes")
    return DistributionMessage(
        parsed.id, parsed.iteration, parsed.chainKey, parse_public(parsed.signingKey)
    )


def distribution_message(message: DistributionMessage) -> bytes:
    """Write a sender key for those who shall read its owner's messages."""
    written = wire.SenderKeyDistributionMessage(
        id=message.key_id,
        iteration=message.iteration,
        chainKey=message.chain_key,
        signingKey=serialize_public(message.signing_key),
    )
    return VERSION_BYTE + written.SerializeToString()


def _check_frame(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise InvalidMessage("The message is too long")
    if not data or data[0] >> 4 != VERSION:
        raise InvalidMessage("The message is empty or of another version")


def _parse(into: Message, data: bytes) -> None:
    """Read the protobuf behind the version byte."""
    try:
        into.ParseFromString(data[1:])
    except ProtobufDecodeError as err:
        raise InvalidMessage("The message does not parse") from err


def _require(message: Message, *names: str) -> None:
    for name in names:
        if not message.HasField(name):
            raise InvalidMessage(f"The message lacks its {name}")
