import time

from custom_components.whatsapp_web.aiowhatsapp.client.settings import (
    ServerSettings,
    SystemClock,
)


def test_settings_are_those_of_the_real_service_unless_told_otherwise() -> None:
    settings = ServerSettings()
    assert settings.url == "wss://web.whatsapp.com/ws/chat"
    assert settings.root_key.hex() == (
        "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
    )
    assert settings.version == (2, 3000, 1045816814)
    assert settings.media_host is None
    assert settings.ca_file is None


async def test_system_clock_is_that_of_the_machine() -> None:
    clock = SystemClock()
    before = time.time(), time.monotonic()
    await clock.sleep(0)
    assert before[0] <= clock.now() <= time.time()
    assert before[1] <= clock.monotonic() <= time.monotonic()
