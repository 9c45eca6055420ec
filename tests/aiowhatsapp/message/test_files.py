import pytest

from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from custom_components.whatsapp_web.aiowhatsapp.message.files import file_of
from custom_components.whatsapp_web.aiowhatsapp.message.parse import parse
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

KEY = b"k" * 32
DIGEST = b"d" * 32


def document(**fields: object) -> wire.Message:
    whole = {
        "mediaKey": KEY,
        "fileSha256": DIGEST,
        "fileEncSha256": DIGEST,
        "fileLength": 7,
        "directPath": "/v/x?oh=1",
        "mimetype": "application/pdf",
        "fileName": "a.pdf",
    }
    message = wire.Message()
    for name, value in (whole | fields).items():
        setattr(message.documentMessage, name, value)
    return message


def test_text_has_no_file() -> None:
    assert file_of(wire.Message(conversation="text")) is None
    assert parse(wire.Message(conversation="text")).media is None


def test_file_is_found_in_its_envelope() -> None:
    message = wire.Message()
    message.documentWithCaptionMessage.message.CopyFrom(document())
    found = file_of(message)
    assert found is not None
    assert found.reference is not None
    assert (found.content.filename, found.content.size) == ("a.pdf", 7)
    assert (found.reference.kind, found.reference.direct_path) == (MediaKind.DOCUMENT, "/v/x?oh=1")


@pytest.mark.parametrize(
    "fields",
    [{"mediaKey": b"short"}, {"fileSha256": b""}, {"directPath": "", "url": ""}],
)
def test_what_can_not_be_fetched_is_told_all_the_same(fields: dict[str, object]) -> None:
    found = file_of(document(**fields))
    assert found is not None
    assert (found.content.filename, found.reference) == ("a.pdf", None)


@pytest.mark.parametrize(
    "mime",
    ["image/jpeg\r\nX: y", "image", "/", "image/../x", "a/b\x00", "<b>/x", "image/jpeg; \n"],
)
def test_type_that_is_none_is_left_out(mime: str) -> None:
    media = parse(document(mimetype=mime)).media
    assert media is not None
    assert media.mime_type is None


@pytest.mark.parametrize("mime", ["image/svg+xml", "audio/ogg; codecs=opus", "x-a/vnd.b-c"])
def test_type_is_kept(mime: str) -> None:
    media = parse(document(mimetype=mime)).media
    assert media is not None
    assert media.mime_type == mime


def test_figures_that_are_lies_are_left_out() -> None:
    message = wire.Message()
    message.videoMessage.seconds = 0xFFFFFFFF
    message.videoMessage.width = 0xFFFFFFFF
    message.videoMessage.jpegThumbnail = bytes(1 << 20)
    message.videoMessage.fileLength = (1 << 64) - 1
    media = parse(message).media
    assert media is not None
    assert (media.seconds, media.width, media.thumbnail) == (None, None, b"")
    assert media.size == (1 << 64) - 1
