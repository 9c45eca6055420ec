"""A phone's secrets: identity, prekeys, sessions, and the signatures only it can make."""

import os

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519, kdf
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal.keys import (
    IdentityKeys,
    PreKey,
    SignedPreKey,
    make_key_pair,
    make_pre_keys,
    make_signed_pre_key,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.prekey import PreKeyBundle
from custom_components.whatsapp_web.aiowhatsapp.signal.session import SessionRecord
from custom_components.whatsapp_web.aiowhatsapp.signal.session_cipher import (
    Decrypted,
    EncryptedMessage,
    decrypt,
    decrypt_pre_key,
    encrypt,
    peek_pre_key_message,
    process_bundle,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .keyshelf import KEY_TYPE, KeyShelf, SignedKey, read_one_time_key, read_signed_key

ACCOUNT_SIGNATURE_PREFIX = b"\x06\x00"
KEY_INDEX_PREFIX = b"\x06\x02"
BATCH = 100


class PhoneKeys:
    """All key material of one installation of the app."""

    def __init__(self, now: int) -> None:
        self.identity = IdentityKeys(
            key_pair=make_key_pair(os.urandom),
            registration_id=int.from_bytes(os.urandom(2), "big") % 16380 + 1,
        )
        self.signed: SignedPreKey = make_signed_pre_key(self.identity.key_pair, 1, now, os.urandom)
        self.one_time: dict[int, PreKey] = {}
        self.app_state = {b"\0\0\0\0\0\1": os.urandom(32)}
        self._sessions: dict[Device, SessionRecord] = {}
        self._next_key = 1

    # --- prekeys

    def fill(self, shelf: KeyShelf) -> None:
        """Leave a batch of one-time keys with the server."""
        shelf.signed = SignedKey(self.signed.id, self.signed.key_pair.public, self.signed.signature)
        batch = make_pre_keys(self._next_key, BATCH, os.urandom)
        self._next_key += BATCH
        for key in batch:
            self.one_time[key.id] = key
            shelf.seen[key.id] = shelf.one_time[key.id] = key.key_pair.public
        shelf.uploads += 1

    def fresh_key_nodes(self) -> Node:
        """Return `<keys>` for a retry receipt, with a one-time key of its own."""
        key = make_pre_keys(self._next_key, 1, os.urandom)[0]
        self._next_key += 1
        self.one_time[key.id] = key
        signed = SignedKey(self.signed.id, self.signed.key_pair.public, self.signed.signature)
        return Node(
            "keys",
            {},
            [
                Node("type", {}, KEY_TYPE),
                Node("identity", {}, self.identity.key_pair.public),
                Node(
                    "key",
                    {},
                    [
                        Node("id", {}, key.id.to_bytes(3, "big")),
                        Node("value", {}, key.key_pair.public),
                    ],
                ),
                signed.node(),
            ],
        )

    # --- sessions

    def has_session(self, device: Device) -> bool:
        """Whether a message to the device can be encrypted."""
        record = self._sessions.get(device)
        return record is not None and record.current is not None

    def forget(self, device: Device | None = None) -> None:
        """Drop the session with one device, or all."""
        if device is None:
            self._sessions.clear()
        else:
            self._sessions.pop(device, None)

    def begin(self, device: Device, user: Node, registration: bytes | None = None) -> None:
        """Start a session from a bundle's elements; raises when a signature is bad."""
        signed = read_signed_key(user.required_child("skey"))
        key = user.child("key")
        key_id, public = read_one_time_key(key) if key is not None else (None, None)
        registration = registration or user.required_child("registration").required_data(4)
        bundle = PreKeyBundle(
            registration_id=int.from_bytes(registration, "big"),
            identity=user.required_child("identity").required_data(32),
            signed_pre_key_id=signed.id,
            signed_pre_key=signed.public,
            signature=signed.signature,
            pre_key_id=key_id,
            pre_key=public,
            device_identity=None,
        )
        self._sessions[device] = process_bundle(
            self._sessions.get(device), bundle, ours=self.identity, random_bytes=os.urandom
        )

    def encrypt(self, device: Device, plaintext: bytes) -> EncryptedMessage:
        """Encrypt padded bytes for a device with a session."""
        record, message = encrypt(self._sessions[device], plaintext)
        self._sessions[device] = record
        return message

    def decrypt(self, device: Device, kind: str, data: bytes) -> bytes:
        """Read a `pkmsg` or `msg`; raises the Signal errors."""
        record = self._sessions.get(device)
        if kind == "msg":
            opened: Decrypted = decrypt(record or SessionRecord(), data, random_bytes=os.urandom)
        else:
            info = peek_pre_key_message(data)
            signed = self.signed if info.signed_pre_key_id == self.signed.id else None
            one_time = self.one_time.get(info.pre_key_id) if info.pre_key_id else None
            opened = decrypt_pre_key(
                record,
                data,
                ours=self.identity,
                signed_pre_key=signed,
                pre_key=one_time,
                random_bytes=os.urandom,
            )
            if opened.used_pre_key_id is not None:
                self.one_time.pop(opened.used_pre_key_id, None)
        self._sessions[device] = opened.record
        return opened.plaintext

    # --- signatures for companions

    def sign_companion(
        self, account: Account, device: Device, now: int
    ) -> wire.ADVSignedDeviceIdentity:
        """Vouch for a device that is being linked."""
        details = wire.ADVDeviceIdentity(
            rawId=account.raw_id,
            timestamp=now,
            keyIndex=device.key_index,
            accountType=wire.ADVEncryptionType.E2EE,
            deviceType=wire.ADVEncryptionType.E2EE,
        ).SerializeToString()
        return wire.ADVSignedDeviceIdentity(
            details=details,
            accountSignatureKey=self.identity.key_pair.public,
            accountSignature=self._sign(
                ACCOUNT_SIGNATURE_PREFIX + details + device.identity_public
            ),
        )

    def sign_key_indexes(self, account: Account, now: int) -> bytes:
        """Vouch for the list of linked devices."""
        details = wire.ADVKeyIndexList(
            rawId=account.raw_id,
            timestamp=now,
            currentIndex=account.next_key_index - 1,
            validIndexes=[
                0,
                *(each.key_index for each in account.companions if each.key_index is not None),
            ],
            accountType=wire.ADVEncryptionType.E2EE,
        ).SerializeToString()
        return wire.ADVSignedKeyIndexList(
            details=details,
            accountSignature=self._sign(KEY_INDEX_PREFIX + details),
            accountSignatureKey=self.identity.key_pair.public,
        ).SerializeToString()

    def _sign(self, message: bytes) -> bytes:
        return curve25519.sign(self.identity.key_pair.private, message, os.urandom(64))


def seal_identity(
    identity: wire.ADVSignedDeviceIdentity, adv_secret: bytes
) -> wire.ADVSignedDeviceIdentityHMAC:
    """Authenticate a signed identity with the secret of the QR code."""
    details = identity.SerializeToString()
    return wire.ADVSignedDeviceIdentityHMAC(
        details=details, hmac=kdf.hmac_sha256(adv_secret, details)
    )


def pad(message: bytes) -> bytes:
    """Add one to sixteen bytes, each saying how many."""
    count = os.urandom(1)[0] % 16 + 1
    return message + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Take the padding off; raises `ValueError` when it is malformed."""
    count = padded[-1] if padded else 0
    if not 1 <= count <= len(padded) or padded[-count:] != bytes([count]) * count:
        raise ValueError("malformed padding")
    return padded[:-count]
