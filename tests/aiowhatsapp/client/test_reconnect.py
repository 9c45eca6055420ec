import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.reconnect import (
    LONGEST_BROKEN,
    LONGEST_UNREACHABLE,
    LONGEST_UNREACHABLE_LATER,
    LONGEST_WAIT,
    UNREACHABLE_LATER,
    Backoff,
    Next,
    Verdict,
    decide,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    CertificateError,
    CertificateOutOfDate,
    ClientOutdated,
    ConnectionFailed,
    DecodeError,
    DeviceRemoved,
    Disconnected,
    HandshakeTimeout,
    IqError,
    KeepAliveLost,
    LocalProtocolError,
    LoggedOut,
    LoginRefused,
    NoiseError,
    NotLinked,
    RequestTimeout,
    SessionReplaced,
    StoreCorrupt,
    StoreError,
    StreamEnded,
    TemporarilyBanned,
    TransportError,
    WhatsAppError,
    WrongClock,
)

FIBONACCI = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610]
MIDDLE = 0.5


def waits(backoff: Backoff, count: int, jitter: float = MIDDLE) -> list[float]:
    return [backoff.next_wait(jitter) for _ in range(count)]


def test_waits_grow_as_fibonacci_numbers_up_to_15_minutes() -> None:
    assert waits(Backoff(), 20) == [*FIBONACCI, 900, 900, 900, 900, 900]


@pytest.mark.parametrize(("jitter", "factor"), [(0.0, 0.9), (0.25, 0.95), (1.0, 1.1)])
def test_jitter_moves_a_wait_by_a_tenth(jitter: float, factor: float) -> None:
    expected = [wait * factor for wait in [*FIBONACCI, LONGEST_WAIT]]
    assert waits(Backoff(), 16, jitter) == pytest.approx(expected)


def test_a_stable_line_begins_anew() -> None:
    backoff = Backoff()
    waits(backoff, 10)
    backoff.was_stable()
    assert waits(backoff, 4) == [1, 1, 2, 3]


def test_a_rate_limit_costs_five_steps_and_outlives_one_stable_line() -> None:
    backoff = Backoff()
    backoff.penalise()
    assert waits(backoff, 2) == [8, 13]
    backoff.was_stable()
    assert waits(backoff, 1) == [21]
    backoff.was_stable()
    assert waits(backoff, 2) == [1, 1]


def test_rate_limits_add_up_to_the_cap() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.penalise()
    assert waits(backoff, 2) == [900, 900]


def test_rate_limited_again_and_again() -> None:
    backoff = Backoff()
    limited = [decide(StreamEnded("429"), backoff, MIDDLE).wait for _ in range(4)]
    assert limited == [8, 144, 900, 900]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StreamEnded("515"), Next(Verdict.AT_ONCE)),
        (StreamEnded("503"), Next(Verdict.RETRY, 1)),
        (StreamEnded("xml-not-well-formed"), Next(Verdict.RETRY, 1)),
        (Disconnected("closed"), Next(Verdict.RETRY, 1)),
        (TransportError("refused"), Next(Verdict.RETRY, 1)),
        (HandshakeTimeout("slow"), Next(Verdict.RETRY, 1)),
        (RequestTimeout("slow"), Next(Verdict.RETRY, 1)),
        (KeepAliveLost("silent"), Next(Verdict.RETRY, 1)),
        (ConnectionFailed("500"), Next(Verdict.RETRY, 1)),
        (NoiseError("bad"), Next(Verdict.RETRY, 1)),
        (CertificateError("bad"), Next(Verdict.RETRY, 1)),
        (DecodeError("bad"), Next(Verdict.RETRY, 1)),
        (AttributeMissing("bad"), Next(Verdict.RETRY, 1)),
        (IqError(503, "unavailable"), Next(Verdict.RETRY, 1)),
        (IqError(429, "rate-overlimit", 30), Next(Verdict.RETRY, 30)),
        (IqError(429, "rate-overlimit", 0), Next(Verdict.RETRY, 1)),
        (IqError(429, "rate-overlimit", -30), Next(Verdict.RETRY, 1)),
        (IqError(429, "rate-overlimit", 10**18), Next(Verdict.RETRY, 900)),
        (WhatsAppError("new"), Next(Verdict.RETRY, 1)),
        (LoggedOut("401"), Next(Verdict.LOGGED_OUT)),
        (DeviceRemoved(), Next(Verdict.LOGGED_OUT)),
        (NotLinked("gone"), Next(Verdict.LOGGED_OUT)),
        (TemporarilyBanned("101", 7200), Next(Verdict.RETRY, 7200)),
        (TemporarilyBanned("101", 1), Next(Verdict.RETRY, 60)),
        (TemporarilyBanned("", None), Next(Verdict.RETRY, 3600)),
        (SessionReplaced("replaced"), Next(Verdict.STOP)),
        (ClientOutdated("405"), Next(Verdict.STOP)),
        (LoginRefused("400"), Next(Verdict.STOP)),
        (StoreCorrupt("damaged"), Next(Verdict.STOP)),
        (LocalProtocolError("our fault"), Next(Verdict.STOP)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_follows(error: WhatsAppError, expected: Next) -> None:
    assert decide(error, Backoff(), MIDDLE) == expected


def test_a_store_that_fails_is_waited_for_a_minute_at_most() -> None:
    backoff = Backoff()
    following = [decide(StoreError("full"), backoff, MIDDLE) for _ in range(12)]
    assert {each.verdict for each in following} == {Verdict.MEND_STORE}
    assert [each.wait for each in following] == [*FIBONACCI[:10], 60, 60]


@pytest.mark.parametrize(
    "refused", [TransportError("refused"), WrongClock("dates"), CertificateOutOfDate("dates")]
)
def test_with_no_way_to_the_server_the_waits_stay_short(refused: WhatsAppError) -> None:
    backoff = Backoff()
    taken = [decide(refused, backoff, MIDDLE).wait for _ in range(UNREACHABLE_LATER)]
    assert taken[:6] == [1, 1, 2, 3, 3, 3]
    assert max(taken) == LONGEST_UNREACHABLE
    assert decide(refused, backoff, MIDDLE).wait == LONGEST_UNREACHABLE_LATER
    # A server that answers is another matter, and clears this one.
    assert decide(StreamEnded("503"), backoff, MIDDLE).wait == 1
    assert decide(refused, backoff, MIDDLE).wait == 1


def test_what_is_not_waited_for_takes_no_step() -> None:
    backoff = Backoff()
    for error in (StreamEnded("515"), LoggedOut("401"), TemporarilyBanned("", 60)):
        decide(error, backoff, MIDDLE)
    assert decide(ConnectionFailed("500"), backoff, MIDDLE).wait == 1


def test_failures_in_a_row_wait_longer_and_longer() -> None:
    backoff = Backoff()
    taken = [decide(StreamEnded("503"), backoff, MIDDLE).wait for _ in range(6)]
    assert taken == [1, 1, 2, 3, 5, 8]


def test_a_pause_that_was_asked_for_is_never_shortened_by_the_backoff() -> None:
    backoff = Backoff()
    waits(backoff, 9)
    assert decide(IqError(503, "busy", 10), backoff, MIDDLE).wait == 55


@pytest.mark.parametrize("broken", [Disconnected("closed"), KeepAliveLost("silent")])
def test_a_line_that_was_open_and_keeps_breaking_is_never_long_in_coming(
    broken: WhatsAppError,
) -> None:
    backoff = Backoff()
    taken = [decide(broken, backoff, MIDDLE, was_open=True).wait for _ in range(12)]
    assert taken == [1, 1, 2, 3, 5, 8, 13, *[LONGEST_BROKEN] * 5]
    # Before the login it may be the server that won't have us.
    assert decide(broken, backoff, MIDDLE).wait == 1
    backoff.was_stable()
    assert decide(broken, backoff, MIDDLE, was_open=True).wait == 1


def test_what_the_server_says_on_an_open_line_counts() -> None:
    backoff = Backoff()
    taken = [decide(StreamEnded("503"), backoff, MIDDLE, was_open=True).wait for _ in range(9)]
    assert taken == FIBONACCI[:9]
