import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import MediaIntegrityError
from custom_components.whatsapp_web.aiowhatsapp.media.retry import (
    UploadedAgain,
    open_answer,
    seal_request,
)
from tests.aiowhatsapp.media.support import load_vectors

CASE = load_vectors("npm_baileys_files")["retry"]
KEY = bytes.fromhex(CASE["media_key"])
NONCE = bytes.fromhex(CASE["answer"]["nonce"])
SEALED = bytes.fromhex(CASE["answer"]["sealed"])


def test_request_is_that_of_baileys() -> None:
    request = CASE["request"]
    sealed = seal_request(KEY, CASE["message_id"], bytes.fromhex(request["nonce"]))
    assert sealed.hex() == request["sealed"]


def test_answer_of_a_phone_is_read() -> None:
    answer = open_answer(KEY, CASE["message_id"], NONCE, SEALED)
    assert answer == (UploadedAgain.SUCCESS, CASE["answer"]["direct_path"])


@pytest.mark.parametrize(
    ("key", "message_id", "nonce", "sealed"),
    [
        (bytes(32), CASE["message_id"], NONCE, SEALED),
        (KEY, "3EB0AB", NONCE, SEALED),
        (KEY, CASE["message_id"], bytes(12), SEALED),
        (KEY, CASE["message_id"], b"", SEALED),
        (KEY, CASE["message_id"], NONCE, SEALED[:-1]),
        (KEY, CASE["message_id"], NONCE, b""),
        (b"", CASE["message_id"], NONCE, SEALED),
    ],
)
def test_answer_about_anything_else_is_refused(
    key: bytes, message_id: str, nonce: bytes, sealed: bytes
) -> None:
    with pytest.raises(MediaIntegrityError):
        open_answer(key, message_id, nonce, sealed)
