import json

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import (
    Credentials,
    new_device_keys,
)
from tests.aiowhatsapp.pairing.support import SeededBytes


def credentials(**changes: object) -> Credentials:
    keys = new_device_keys(SeededBytes(1), 1_785_000_000)
    values: dict[str, object] = {
        "noise_key": keys.noise_key,
        "identity_key": keys.identity_key,
        "registration_id": keys.registration_id,
        "signed_pre_key": keys.signed_pre_key,
        "adv_secret": keys.adv_secret,
        "account": b"\x0a\x00account",
        "jid": Jid("15551234567", "s.whatsapp.net", 12),
        "lid": Jid("99887766554433", "lid", 12),
        "platform": "android",
        "business_name": "Shop",
        "push_name": "Ann",
        "lid_migrated": True,
    }
    return Credentials(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "original", [credentials(), credentials(business_name=None, push_name=None)]
)
def test_json_gives_back_the_same(original: Credentials) -> None:
    assert Credentials.from_dict(json.loads(json.dumps(original.to_dict()))) == original


def test_repr_shows_no_secret() -> None:
    original = credentials()
    keys = new_device_keys(SeededBytes(1), 1_785_000_000)
    shown = repr(original) + repr(keys)
    for secret in (
        original.noise_key.private,
        original.identity_key.private,
        original.signed_pre_key.key_pair.private,
        original.adv_secret,
        original.account,
    ):
        assert repr(secret) not in shown


def without(key: str) -> dict[str, object]:
    data: dict[str, object] = {**credentials().to_dict()}
    del data[key]
    return data


def with_value(key: str, value: object) -> dict[str, object]:
    return {**credentials().to_dict(), key: value}


REQUIRED = sorted(set(credentials().to_dict()) - {"business_name", "push_name"})


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_value_is_refused(key: str) -> None:
    with pytest.raises(StoreCorrupt):
        Credentials.from_dict(without(key))


@pytest.mark.parametrize("key", REQUIRED)
@pytest.mark.parametrize("value", [None, [], {}, 1.5, b"bytes"])
def test_value_of_another_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(StoreCorrupt):
        Credentials.from_dict(with_value(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", True),
        ("noise_key", "AAAA"),
        ("noise_key", "not base64!"),
        ("identity_key", ""),
        ("signed_pre_key_signature", "AAAA"),
        ("adv_secret", "AAAA"),
        ("account", ""),
        ("jid", "15551234567@lid"),
        ("jid", "s.whatsapp.net"),
        ("jid", "name@s.whatsapp.net"),
        ("jid", "1:99999@s.whatsapp.net"),
        ("jid", "1" * 300),
        ("lid", "15551234567@s.whatsapp.net"),
        ("lid_migrated", 1),
        ("push_name", 1),
        ("business_name", ["Shop"]),
    ],
)
def test_nonsense_is_refused(key: str, value: object) -> None:
    with pytest.raises(StoreCorrupt):
        Credentials.from_dict(with_value(key, value))
