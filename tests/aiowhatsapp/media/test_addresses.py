import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import MediaIntegrityError
from custom_components.whatsapp_web.aiowhatsapp.media.addresses import (
    download_url,
    is_host,
    own_host_of,
    upload_url,
)
from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind

DIGEST = bytes([251, 255]) * 16
TOKEN = "-__7__v_-__7__v_-__7__v_-__7__v_-__7__v_-_8="
HOST = "media-a.cdn.whatsapp.net"


def test_upload_goes_to_the_path_of_its_kind() -> None:
    url = upload_url(HOST, MediaKind.VOICE, DIGEST, auth="a+b/c=")
    token = TOKEN.replace("=", "%3D")
    assert url == f"https://{HOST}/mms/ptt/{token}?auth=a%2Bb%2Fc%3D&token={token}"
    assert (
        upload_url(HOST, MediaKind.VOICE, DIGEST, auth="a+b/c=", resume=True) == url + "&resume=1"
    )
    offset = upload_url(HOST, MediaKind.VOICE, DIGEST, auth="a+b/c=", offset=70)
    assert offset == url + "&file_offset=70"


def test_download_keeps_the_signature_of_the_path() -> None:
    path = "/v/t62.7118-24/1_2_n.enc?ccb=11-4&oh=01_Q5Aa%2D&oe=66F0&_nc_sid=5e03e0"
    digest = "-__7__v_-__7__v_-__7__v_-__7__v_-__7__v_-_8%3D"
    assert download_url(HOST, path, MediaKind.IMAGE, DIGEST) == (
        f"https://{HOST}{path}&hash={digest}&mms-type=image&__wa-mms="
    )
    plain = download_url(HOST, "/v/file", MediaKind.GIF, b"")
    assert plain == f"https://{HOST}/v/file?hash=&mms-type=gif&__wa-mms="


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v/file",
        "//evil.example/file",
        "@evil.example",
        ".evil.example",
        "/a b",
        "/a\\b",
        "/ä",
        "/a\nb",
        "/a#b",
        "/" + "a" * 5000,
        "https://evil.example/",
        "/\x00",
    ],
)
def test_path_that_may_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(MediaIntegrityError):
        download_url(HOST, path, MediaKind.IMAGE, DIGEST)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mmg.whatsapp.net/v/a?b=c", ("mmg.whatsapp.net", "/v/a?b=c")),
        ("https://mmg.whatsapp.net", ("mmg.whatsapp.net", "/")),
        ("http://mmg.whatsapp.net/v/a", None),
        ("https://mmg.whatsapp.net:444/v/a", None),
        ("https://user@mmg.whatsapp.net/v/a", None),
        ("https://whatsapp.net.evil.example/v", None),
        ("https://evilwhatsapp.net/v", None),
        ("https://127.0.0.1/v", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_only_urls_of_whatsapp_are_taken(url: str, expected: tuple[str, str] | None) -> None:
    assert own_host_of(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HOST, True),
        ("127.0.0.1:8123", True),
        ("[::1]:8123", True),
        ("a/b", False),
        ("a@b", False),
        ("a:b", False),
        ("", False),
        ("a b", False),
    ],
)
def test_host_is_nothing_but_a_host(text: str, expected: bool) -> None:
    assert is_host(text) is expected
