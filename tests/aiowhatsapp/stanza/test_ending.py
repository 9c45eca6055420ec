import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.reconnect import (
    Backoff,
    Next,
    Verdict,
    decide,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    ClientOutdated,
    ConnectionFailed,
    DeviceRemoved,
    LoggedOut,
    LoginRefused,
    SessionReplaced,
    StreamEnded,
    TemporarilyBanned,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.stanza.ending import (
    parse_failure,
    parse_stream_error,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

REPLACED = Node("conflict", {"type": "replaced"})
REMOVED = Node("conflict", {"type": "device_removed"})
# What a first wait is without jitter.
SHORTEST = 1.0
PENALISED = 8.0


def following(error: WhatsAppError) -> Next:
    return decide(error, Backoff(), 0.5)


def stream_error(code: str | None, *children: Node) -> WhatsAppError:
    attrs = {} if code is None else {"code": code}
    return parse_stream_error(Node("stream:error", {**attrs}, list(children)))


@pytest.mark.parametrize(
    ("code", "children", "expected", "verdict", "wait"),
    [
        pytest.param(None, [REPLACED], SessionReplaced, Verdict.STOP, 0, id="replaced"),
        pytest.param("440", [REPLACED], SessionReplaced, Verdict.STOP, 0, id="replaced 440"),
        pytest.param("401", [REPLACED], SessionReplaced, Verdict.STOP, 0, id="replaced 401"),
        pytest.param("515", [REPLACED], SessionReplaced, Verdict.STOP, 0, id="replaced 515"),
        pytest.param("401", [REMOVED], DeviceRemoved, Verdict.LOGGED_OUT, 0, id="removed 401"),
        pytest.param(None, [REMOVED], DeviceRemoved, Verdict.LOGGED_OUT, 0, id="removed"),
        pytest.param(
            None,
            [Node("conflict", {"type": "news"})],
            DeviceRemoved,
            Verdict.LOGGED_OUT,
            0,
            id="other conflict",
        ),
        pytest.param(
            None, [Node("conflict")], DeviceRemoved, Verdict.LOGGED_OUT, 0, id="bare conflict"
        ),
        pytest.param("515", [], StreamEnded, Verdict.AT_ONCE, 0, id="restart"),
        pytest.param("401", [], StreamEnded, Verdict.RETRY, SHORTEST, id="unproven logout"),
        pytest.param("516", [], DeviceRemoved, Verdict.LOGGED_OUT, 0, id="device removed"),
        pytest.param("409", [], SessionReplaced, Verdict.STOP, 0, id="session replaced"),
        pytest.param("440", [], SessionReplaced, Verdict.STOP, 0, id="replaced, by number"),
        pytest.param("403", [], StreamEnded, Verdict.RETRY, SHORTEST, id="unproven lock"),
        pytest.param("405", [], StreamEnded, Verdict.RETRY, SHORTEST, id="unproven version"),
        pytest.param("408", [], StreamEnded, Verdict.RETRY, SHORTEST, id="timed out"),
        pytest.param("411", [], StreamEnded, Verdict.RETRY, SHORTEST, id="mismatch"),
        pytest.param("428", [], StreamEnded, Verdict.RETRY, SHORTEST, id="connection closed"),
        pytest.param("500", [], StreamEnded, Verdict.RETRY, SHORTEST, id="server error"),
        pytest.param("503", [], StreamEnded, Verdict.RETRY, SHORTEST, id="unavailable"),
        pytest.param("599", [], StreamEnded, Verdict.RETRY, SHORTEST, id="last of the 500s"),
        pytest.param("429", [], StreamEnded, Verdict.RETRY, PENALISED, id="rate limited"),
        pytest.param(
            None,
            [Node("xml-not-well-formed")],
            StreamEnded,
            Verdict.RETRY,
            SHORTEST,
            id="not well-formed",
        ),
        pytest.param(
            None,
            [Node("ack", {"class": "message", "id": "m1"})],
            StreamEnded,
            Verdict.RETRY,
            SHORTEST,
            id="an ack is owed",
        ),
        pytest.param("999", [], StreamEnded, Verdict.RETRY, SHORTEST, id="unknown code"),
        pytest.param("", [], StreamEnded, Verdict.RETRY, SHORTEST, id="empty"),
        pytest.param(None, [], StreamEnded, Verdict.RETRY, SHORTEST, id="nothing at all"),
    ],
)
def test_stream_errors(
    code: str | None,
    children: list[Node],
    expected: type[WhatsAppError],
    verdict: Verdict,
    wait: float,
) -> None:
    error = stream_error(code, *children)
    assert isinstance(error, expected)
    assert following(error) == Next(verdict, wait)


@pytest.mark.parametrize(
    ("code", "children", "expected"),
    [
        ("503", [], "503"),
        ("9" * 1000, [], "9" * 16),
        (None, [Node("xml-not-well-formed")], "xml-not-well-formed"),
        (None, [Node("ack"), Node("text")], "ack"),
        (None, [Node("x" * 1000)], "x" * 32),
        (None, [], "unknown"),
    ],
)
def test_the_reason_is_kept_and_bounded(
    code: str | None, children: list[Node], expected: str
) -> None:
    error = stream_error(code, *children)
    assert isinstance(error, StreamEnded)
    assert error.code == expected


@pytest.mark.parametrize(
    ("reason", "expected", "verdict", "wait"),
    [
        ("400", LoginRefused, Verdict.STOP, 0),
        ("401", LoggedOut, Verdict.LOGGED_OUT, 0),
        ("403", LoggedOut, Verdict.LOGGED_OUT, 0),
        ("405", ClientOutdated, Verdict.STOP, 0),
        ("406", LoggedOut, Verdict.LOGGED_OUT, 0),
        ("408", ConnectionFailed, Verdict.RETRY, SHORTEST),
        ("409", LoginRefused, Verdict.STOP, 0),
        ("411", LoginRefused, Verdict.STOP, 0),
        ("413", LoginRefused, Verdict.STOP, 0),
        ("414", LoginRefused, Verdict.STOP, 0),
        ("415", LoginRefused, Verdict.STOP, 0),
        ("418", LoginRefused, Verdict.STOP, 0),
        ("428", ConnectionFailed, Verdict.RETRY, SHORTEST),
        ("429", StreamEnded, Verdict.RETRY, PENALISED),
        ("500", ConnectionFailed, Verdict.RETRY, SHORTEST),
        ("501", LoginRefused, Verdict.STOP, 0),
        ("503", ConnectionFailed, Verdict.RETRY, SHORTEST),
        ("599", LoginRefused, Verdict.STOP, 0),
        ("weather", LoginRefused, Verdict.STOP, 0),
        ("", LoginRefused, Verdict.STOP, 0),
        (None, LoginRefused, Verdict.STOP, 0),
    ],
)
def test_failures(
    reason: str | None, expected: type[WhatsAppError], verdict: Verdict, wait: float
) -> None:
    attrs = {} if reason is None else {"reason": reason}
    error = parse_failure(Node("failure", {**attrs}))
    assert isinstance(error, expected)
    assert following(error) == Next(verdict, wait)


@pytest.mark.parametrize(
    ("expire", "seconds", "wait"),
    [
        ("86400", 86400, 86400.0),
        ("5", 5, 60.0),
        ("-5", -5, 60.0),
        ("0", 0, 3600.0),
        (None, None, 3600.0),
        ("", None, 3600.0),
        ("soon", None, 3600.0),
        ("1.5", None, 3600.0),
    ],
)
def test_a_ban_is_waited_for(expire: str | None, seconds: int | None, wait: float) -> None:
    attrs = {} if expire is None else {"expire": expire}
    error = parse_failure(Node("failure", {"reason": "402", "code": "101", **attrs}))
    assert isinstance(error, TemporarilyBanned)
    assert (error.code, error.expires_in) == ("101", seconds)
    assert following(error) == Next(Verdict.RETRY, wait)


def test_reasons_and_codes_are_bounded() -> None:
    refused = parse_failure(Node("failure", {"reason": "x" * 1000}))
    assert isinstance(refused, LoginRefused)
    assert refused.reason == "x" * 16
    banned = parse_failure(Node("failure", {"reason": "402", "code": "9" * 1000}))
    assert isinstance(banned, TemporarilyBanned)
    assert banned.code == "9" * 16


def test_the_logouts_say_why() -> None:
    for reason in ("401", "403", "406"):
        error = parse_failure(Node("failure", {"reason": reason}))
        assert isinstance(error, LoggedOut)
        assert error.reason == reason
