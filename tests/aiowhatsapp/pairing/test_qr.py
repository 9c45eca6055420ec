from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.pairing.qr import client_type, qr_text
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.aiowhatsapp.pairing.support import load_vectors

Platform = wire.DeviceProps.PlatformType


@pytest.mark.parametrize(
    "case", load_vectors("npm_baileys_qr")["cases"], ids=lambda case: case["platform"]
)
def test_text_is_that_of_baileys(case: dict[str, Any]) -> None:
    text = qr_text(
        case["ref"],
        noise_public=bytes.fromhex(case["noise_public"]),
        identity_public=bytes.fromhex(case["identity_public"]),
        adv_secret=bytes.fromhex(case["adv_secret"]),
        platform=Platform.Value(case["platform"]),
    )
    assert text == case["text"]


def test_text_names_chrome_unless_told_otherwise() -> None:
    text = qr_text("2@r", noise_public=bytes(32), identity_public=bytes(32), adv_secret=bytes(32))
    key = "A" * 43 + "="
    assert text == f"https://wa.me/settings/linked_devices#2@r,{key},{key},{key},1"


@pytest.mark.parametrize(
    "platform", [Platform.ANDROID_PHONE, Platform.ANDROID_TABLET, Platform.ANDROID_AMBIGUOUS]
)
def test_android_shows_as_chrome_since_its_own_type_needs_an_attestation(
    platform: int,
) -> None:
    assert client_type(platform) == "1"


def test_every_platform_has_a_type_that_the_server_accepts() -> None:
    assert {client_type(platform) for platform in Platform.values()} == set("123456789")
