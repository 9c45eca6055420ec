import json

import pytest

from custom_components.whatsapp_web.aiowhatsapp.pairing.passkey import (
    PasskeyRequest,
    parse_request,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

NOTHING = PasskeyRequest(relying_party=None, timeout=None)


def request(options: bytes | str | None) -> Node:
    children = [] if options is None else [Node("passkey_request_options", {}, options)]
    return Node("notification", {"type": "passkey_prologue_request"}, children)


@pytest.mark.parametrize("form", [bytes, str])
def test_options_are_read_as_bytes_and_as_text(form: type) -> None:
    options = json.dumps({"rpId": "whatsapp.com", "timeout": 600000, "challenge": "AAAA"})
    assert parse_request(request(options.encode() if form is bytes else options)) == (
        PasskeyRequest(relying_party="whatsapp.com", timeout=600.0)
    )


@pytest.mark.parametrize(
    "options",
    [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        b"[" * 60_000,
        b"{" + b" " * 70_000 + b"}",
        b'{"timeout": ' + b"9" * 5000 + b"}",
        b'{"rpId": 1, "timeout": true}',
        b'{"rpId": null, "timeout": "600"}',
        b'{"timeout": -1}',
        b'{"timeout": NaN}',
        b'{"timeout": Infinity}',
        b'{"rpId": "' + b"a" * 300 + b'"}',
    ],
    ids=range(14),
)
def test_nonsense_is_as_good_as_nothing(options: bytes | None) -> None:
    assert parse_request(request(options)) == NOTHING
