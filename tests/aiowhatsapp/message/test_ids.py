import hashlib
import re
import struct

from custom_components.whatsapp_web.aiowhatsapp.message.ids import new_message_id


def fixed(length: int) -> bytes:
    return bytes(range(length))


def test_id_is_made_as_the_web_client_makes_it() -> None:
    digest = hashlib.sha256(
        struct.pack(">Q", 1_785_000_000) + b"15551234567@c.us" + bytes(range(16))
    ).hexdigest()
    made = new_message_id("15551234567", now=1_785_000_000, random_bytes=fixed)
    assert made == "3EB0" + digest[:18].upper()
    assert re.fullmatch(r"3EB0[0-9A-F]{18}", made)


def test_ids_differ_by_chance_alone() -> None:
    first = new_message_id("1", now=1, random_bytes=fixed)
    assert first != new_message_id("1", now=1, random_bytes=bytes)
