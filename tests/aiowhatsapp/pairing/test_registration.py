from dataclasses import replace

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import (
    Credentials,
    new_device_keys,
)
from custom_components.whatsapp_web.aiowhatsapp.pairing.registration import (
    build_hash,
    login_payload,
    registration_payload,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal.keys import SignedPreKey
from tests.aiowhatsapp.pairing.support import SeededBytes, load_vectors

VECTOR = load_vectors("npm_baileys_client_payload")
VERSION = (2, 3000, 1043857760)
# What Baileys says of itself otherwise than the official web client does.
OS_VERSION = "0.1.0"


def baileys_registration() -> wire.ClientPayload:
    return wire.ClientPayload.FromString(bytes.fromhex(VECTOR["registration_payload"]))


def as_official(payload: wire.ClientPayload) -> wire.ClientPayload:
    """Replace what the official client says in other words."""
    payload.userAgent.osVersion = payload.userAgent.osBuildNumber = OS_VERSION
    payload.userAgent.manufacturer = ""
    return payload


def test_build_hash_is_that_of_the_version() -> None:
    assert build_hash(VERSION).hex() == VECTOR["build_hash"]


def test_registration_says_the_same_as_baileys_but_for_the_device() -> None:
    theirs = as_official(baileys_registration())
    data = theirs.devicePairingData
    keys = replace(
        new_device_keys(SeededBytes(1), 0),
        registration_id=int.from_bytes(data.eRegid),
        identity_key=KeyPair(bytes(32), data.eIdent),
        signed_pre_key=SignedPreKey(
            id=int.from_bytes(data.eSkeyId),
            key_pair=KeyPair(bytes(32), data.eSkeyVal),
            signature=data.eSkeySig,
            created_at=0,
        ),
    )
    ours = wire.ClientPayload.FromString(registration_payload(keys, VERSION))
    ours.devicePairingData.deviceProps = data.deviceProps
    assert ours == theirs


def test_registration_writes_zero_values_out() -> None:
    ours = wire.ClientPayload.FromString(
        registration_payload(new_device_keys(SeededBytes(1), 0), VERSION)
    )
    assert ours.HasField("passive")
    assert ours.HasField("pull")
    assert ours.userAgent.HasField("releaseChannel")
    assert ours.userAgent.HasField("manufacturer")
    assert ours.webInfo.HasField("webSubPlatform")
    assert not ours.HasField("username")
    assert not ours.HasField("device")
    assert not ours.HasField("lc")


def test_device_shows_as_home_assistant_in_chrome_without_full_history() -> None:
    ours = wire.ClientPayload.FromString(
        registration_payload(new_device_keys(SeededBytes(1), 0), VERSION)
    )
    props = wire.DeviceProps.FromString(ours.devicePairingData.deviceProps)
    assert props.os == "Home Assistant"
    assert props.platformType == wire.DeviceProps.PlatformType.CHROME
    assert props.HasField("requireFullSync")
    assert not props.requireFullSync
    config = props.historySyncConfig
    assert not config.HasField("fullSyncDaysLimit")
    assert not config.HasField("onDemandReady")
    assert {descriptor.number for descriptor, value in config.ListFields() if value} == {
        4, 6, 7, 8, 9, 10, 11, 12, 14, 15, 21, 22,
    }  # fmt: skip


def credentials() -> Credentials:
    keys = new_device_keys(SeededBytes(1), 0)
    return Credentials(
        noise_key=keys.noise_key,
        identity_key=keys.identity_key,
        registration_id=keys.registration_id,
        signed_pre_key=keys.signed_pre_key,
        adv_secret=keys.adv_secret,
        account=b"account",
        jid=Jid("15551234567", "s.whatsapp.net", 12),
        lid=Jid("99887766554433", "lid", 12),
        platform="android",
    )


def test_login_says_the_same_as_baileys() -> None:
    theirs = as_official(baileys_registration())
    theirs.ClearField("devicePairingData")
    login = VECTOR["login_json"]
    theirs.username, theirs.device = login["username"], login["device"]
    theirs.passive, theirs.pull = login["passive"], login["pull"]
    # Baileys addresses as its caller says; we always by LID, and say so as whatsmeow does.
    theirs.lidDbMigrated = True
    assert wire.ClientPayload.FromString(login_payload(credentials(), VERSION)) == theirs


def test_login_tells_of_lid_addressing_and_earlier_logins() -> None:
    ours = wire.ClientPayload.FromString(login_payload(credentials(), VERSION, login_counter=0))
    assert ours.lidDbMigrated
    assert ours.HasField("lc")
    assert ours.lc == 0


def test_new_keys_are_signed_and_in_range() -> None:
    keys = new_device_keys(SeededBytes(2), 1_785_000_000)
    pre_key = keys.signed_pre_key
    assert pre_key.id == 1
    assert pre_key.created_at == 1_785_000_000
    assert 0 < keys.registration_id < 2**31
    assert len(keys.adv_secret) == 32
    assert curve25519.verify(
        keys.identity_key.public, pre_key.key_pair.serialized_public, pre_key.signature
    )
    secrets = {
        keys.noise_key.private,
        keys.identity_key.private,
        pre_key.key_pair.private,
        keys.adv_secret,
    }
    assert len(secrets) == 4
