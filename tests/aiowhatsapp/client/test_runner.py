"""The life of the line: connecting, logging in, losing it and getting it back."""

import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.link import REQUEST_TIMEOUT
from custom_components.whatsapp_web.aiowhatsapp.client.reconnect import STABLE_AFTER
from custom_components.whatsapp_web.aiowhatsapp.client.runner import (
    BACKLOG_TIMEOUT,
    LOGIN_TIMEOUT,
    MAX_AT_ONCE,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    ClientOutdated,
    ConnectionFailed,
    DeviceRemoved,
    Disconnected,
    IqError,
    KeepAliveLost,
    LoggedOut,
    LoginRefused,
    NoiseError,
    RequestTimeout,
    SessionReplaced,
    StoreCorrupt,
    StoreError,
    StreamEnded,
    TemporarilyBanned,
    TransportError,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.events import Status
from custom_components.whatsapp_web.aiowhatsapp.iq.prekeys import GetPreKeyCount
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import refusal, silence
from tests.aiowhatsapp.client.line_support import (
    SUCCESS,
    LineBench,
    Session,
    accept,
    keep_silent,
    on_line,
    say,
)
from tests.aiowhatsapp.client.pairing_support import settle, stream_error

PEER = Jid.parse("15550002222@s.whatsapp.net")
OWN = Jid.parse("15550001111@s.whatsapp.net")
FIBONACCI = [1, 1, 2, 3, 5, 8, 13, 21]


def failure(**attrs: str) -> Node:
    return Node("failure", {**attrs})


def conflict(kind: str, **attrs: str) -> Node:
    return Node("stream:error", {**attrs}, [Node("conflict", {"type": kind})])


def about(*seconds: float) -> list[object]:
    """Say what waits are, give or take their jitter."""
    return [pytest.approx(wait, rel=0.11, abs=0.01) for wait in seconds]


# --- logging in


@on_line
async def test_a_login(line: LineBench) -> None:
    session = await line.start()
    assert session.payload.username == int(OWN.user)
    asked = [node.children()[0].tag for node in session.sent]
    assert asked == ["count", "active", "participating", "digest"]
    assert [status for _, status, _ in line.statuses] == [Status.CONNECTING, Status.CONNECTED]
    assert (await line.client.diagnostics())["connections"] == 1
    ids = [node.required_attr("id") for node in session.sent]
    assert len(set(ids)) == len(ids)


@on_line
async def test_it_waits_for_the_servers_word(line: LineBench) -> None:
    session = await line.start(keep_silent)
    assert session.sent == []
    session.push(SUCCESS)
    await settle()
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_second_success_changes_nothing(line: LineBench) -> None:
    session = await line.start(say(SUCCESS, SUCCESS))
    assert await line.receive(SUCCESS) == []
    assert len(session.asked("active")) == 1
    assert len(line.told(Status.CONNECTED)) == 1


@on_line
async def test_a_backlog_without_an_end_is_not_waited_for_for_ever(line: LineBench) -> None:
    session = await line.start(say(SUCCESS))
    assert line.client.status is Status.CONNECTED
    await line.wait(BACKLOG_TIMEOUT - 1)
    assert session.asked("digest") == []
    await line.wait(2)
    assert len(session.asked("digest")) == 1


@on_line
async def test_low_prekeys_are_refilled_before_anything_is_delivered(line: LineBench) -> None:
    def greet(session: Session) -> None:
        session.script["count"] = lambda node: Node(
            "iq",
            {"id": node.required_attr("id"), "type": "result"},
            [Node("count", {"value": "0"})],
        )
        accept(session)

    session = await line.start(greet)
    kinds = [node.children()[0].tag for node in session.sent]
    assert kinds == ["count", "registration", "active", "participating", "digest"]


@pytest.mark.parametrize(
    ("stanza", "expected", "status"),
    [
        (failure(reason="401"), LoggedOut, Status.LOGGED_OUT),
        (failure(reason="403"), LoggedOut, Status.LOGGED_OUT),
        (failure(reason="406"), LoggedOut, Status.LOGGED_OUT),
        (failure(reason="405"), ClientOutdated, Status.ERROR),
        (failure(reason="409"), LoginRefused, Status.ERROR),
        (failure(reason="501"), LoginRefused, Status.ERROR),
        (failure(), LoginRefused, Status.ERROR),
        (conflict("replaced"), SessionReplaced, Status.ERROR),
        (conflict("device_removed", code="401"), DeviceRemoved, Status.LOGGED_OUT),
        (stream_error("516"), DeviceRemoved, Status.LOGGED_OUT),
        (stream_error("409"), SessionReplaced, Status.ERROR),
    ],
    ids=str,
)
@pytest.mark.parametrize("logged_in", [False, True])
@on_line
async def test_what_ends_all_trying(
    line: LineBench,
    stanza: Node,
    expected: type[WhatsAppError],
    status: Status,
    logged_in: bool,
) -> None:
    await line.start(say(SUCCESS, stanza) if logged_in else say(stanza))
    assert line.client.status is status
    assert isinstance(line.client.last_error, expected)
    assert line.session.closed
    with pytest.raises(expected):
        await line.client.wait_connected(1)
    await line.wait(10_000)
    assert len(line.network.attempts) == 1


@on_line
async def test_the_first_word_counts(line: LineBench) -> None:
    await line.start(say(failure(reason="401"), SUCCESS, failure(reason="503")))
    assert line.told(Status.LOGGED_OUT)
    assert not line.told(Status.CONNECTED)


@on_line
async def test_a_ban_is_waited_out(line: LineBench) -> None:
    await line.start(say(failure(reason="402", code="101", expire="7200")))
    (error,) = line.told(Status.DISCONNECTED)
    assert isinstance(error, TemporarilyBanned)
    await line.wait(7199)
    assert len(line.network.attempts) == 1
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


# --- losing it


@on_line
async def test_a_server_that_says_nothing_to_the_login(line: LineBench) -> None:
    line.network.always = keep_silent
    await line.start()
    await line.wait(10 * LOGIN_TIMEOUT)
    assert {type(error) for error in line.told(Status.DISCONNECTED)} == {RequestTimeout}
    # Each try takes 30 s, which does not make it a line that held.
    expected = about(*[LOGIN_TIMEOUT + wait for wait in FIBONACCI])
    assert line.network.gaps == expected[: len(line.network.gaps)]
    assert len(line.network.gaps) >= 6
    assert line.network.gaps[5] > LOGIN_TIMEOUT + 7


@pytest.mark.parametrize(
    "stanza",
    [
        stream_error("503"),
        stream_error("500"),
        stream_error("401"),
        stream_error("999"),
        Node("stream:error", {}, [Node("xml-not-well-formed")]),
        Node("stream:error", {}, [Node("ack", {"class": "message", "id": "m"})]),
        Node("stream:error"),
        failure(reason="500"),
        failure(reason="503"),
        Node("xmlstreamend"),
    ],
    ids=str,
)
@on_line
async def test_what_is_tried_again(line: LineBench, stanza: Node) -> None:
    line.network.always = say(stanza)
    await line.start()
    await line.wait(30)
    assert line.network.gaps == about(1, 1, 2, 3, 5, 8)
    errors = line.told(Status.DISCONNECTED)
    assert all(isinstance(error, ConnectionFailed) for error in errors)
    line.network.always = accept
    await line.wait(30)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_only_a_line_that_held_begins_anew(line: LineBench) -> None:
    line.network.always = say(stream_error("503"))
    await line.start()
    await line.wait(9)
    assert line.network.gaps == about(1, 1, 2, 3)
    line.network.always = accept
    await line.wait(5)
    # Up for a moment only: the waits go on growing.
    assert line.client.status is Status.CONNECTED
    await line.session.hang_up()
    await line.wait(9)
    assert line.network.gaps[-1] > 6
    await line.wait(STABLE_AFTER)
    held_until = line.clock.monotonic()
    await line.session.hang_up()
    await line.wait(5)
    assert [line.network.attempts[-1] - held_until] == about(1)


@on_line
async def test_a_restart_happens_at_once(line: LineBench) -> None:
    await line.start(say(SUCCESS, stream_error("515")))
    assert line.network.attempts == [0, 0]
    assert line.client.status is Status.CONNECTED
    assert not line.told(Status.DISCONNECTED)


@on_line
async def test_restart_upon_restart_does_not_hammer(line: LineBench) -> None:
    line.network.always = say(stream_error("515"))
    await line.start()
    await line.wait(60)
    at_once, later = line.network.gaps[:MAX_AT_ONCE], line.network.gaps[MAX_AT_ONCE:]
    assert at_once == [0] * MAX_AT_ONCE
    assert later[:6] == about(1, 1, 2, 3, 5, 8)


@on_line
async def test_a_restart_now_and_then_never_waits(line: LineBench) -> None:
    await line.start()
    for _ in range(3 * MAX_AT_ONCE):
        await line.wait(STABLE_AFTER)
        await line.receive(stream_error("515"))
    assert line.network.gaps == [STABLE_AFTER] * 3 * MAX_AT_ONCE
    assert not line.told(Status.DISCONNECTED)


@on_line
async def test_a_rate_limit_outlives_a_line_that_held(line: LineBench) -> None:
    await line.start()
    await line.receive(stream_error("429"))
    await line.wait(10)
    assert line.network.gaps == about(8)
    await line.wait(STABLE_AFTER)
    lost = line.clock.monotonic()
    await line.session.hang_up()
    await line.wait(20)
    assert [line.network.attempts[-1] - lost] == about(13)


@on_line
async def test_a_refused_request_at_login_is_waited_for_as_asked(line: LineBench) -> None:
    def greet(session: Session) -> None:
        session.script["active"] = lambda node: Node(
            "iq",
            {"id": node.required_attr("id"), "type": "error"},
            [Node("error", {"code": "429", "text": "rate-overlimit", "backoff": "100"})],
        )
        accept(session)

    await line.start(greet)
    (error,) = line.told(Status.DISCONNECTED)
    assert isinstance(error, IqError)
    await line.wait(99)
    assert len(line.network.attempts) == 1
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_login_that_hangs_in_its_requests(line: LineBench) -> None:
    def greet(session: Session) -> None:
        session.script["active"] = silence
        accept(session)

    await line.start(greet)
    await line.wait(REQUEST_TIMEOUT + 3)
    assert isinstance(line.told(Status.DISCONNECTED)[0], RequestTimeout)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_malformed_answer_at_login(line: LineBench) -> None:
    def greet(session: Session) -> None:
        session.script["count"] = refusal(503)
        accept(session)

    def garble(session: Session) -> None:
        session.script["count"] = lambda node: Node(
            "iq",
            {"id": node.required_attr("id"), "type": "result"},
            [Node("count", {"value": "some"})],
        )
        accept(session)

    await line.start(greet, garble)
    await line.wait(5)
    first, second = line.told(Status.DISCONNECTED)
    assert isinstance(first, IqError)
    assert isinstance(second, AttributeMissing)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_no_way_to_the_server(line: LineBench) -> None:
    line.network.faults.extend(TransportError("refused") for _ in range(4))
    await line.client.start()
    await line.wait(8)
    assert line.network.gaps == about(1, 1, 2, 3)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_fault_while_connecting(line: LineBench, caplog: pytest.LogCaptureFixture) -> None:
    line.network.faults.append(ZeroDivisionError("a library's"))
    await line.client.start()
    await line.wait(2)
    assert line.client.status is Status.CONNECTED
    assert "Connecting failed" in caplog.messages


@on_line
async def test_a_fault_of_ours_counts_as_a_lost_line(
    line: LineBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patched:
        patched.setattr(line.client._runner, "_on_ready", fail)
        await line.start()
    assert isinstance(line.told(Status.DISCONNECTED)[0], Disconnected)
    assert "The connection failed" in caplog.messages
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_person_need_not_wait(line: LineBench) -> None:
    await line.start(say(failure(reason="402", code="101", expire="7200")))
    line.client.reconnect()
    await settle()
    assert line.network.attempts == [0, 0]
    assert line.client.status is Status.CONNECTED


@on_line
async def test_the_server_closes(line: LineBench) -> None:
    session = await line.start()
    await session.hang_up()
    assert isinstance(line.told(Status.DISCONNECTED)[0], Disconnected)
    assert session.closed
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_dead_line_is_found(line: LineBench) -> None:
    session = await line.start()
    await line.wait(100)
    while session.pings < 6:
        await line.wait(0.5)
    assert line.client.status is Status.CONNECTED
    # The worst moment: right after an answer.
    session.answers_pings = False
    died = line.clock.monotonic()
    while session is line.session and not line.told(Status.DISCONNECTED):
        await line.wait(0.5)
        assert line.clock.monotonic() - died < 45
    (error,) = line.told(Status.DISCONNECTED)
    assert isinstance(error, KeepAliveLost)


@on_line
async def test_garbage_in_a_good_frame_is_skipped(
    line: LineBench, caplog: pytest.LogCaptureFixture
) -> None:
    session = await line.start()
    for garbage in (b"\x00\xff", b"\x02not zlib", b"\x00" * 50, b"\x00\xf8\xff"):
        session.push_raw(garbage)
    await settle()
    assert line.client.status is Status.CONNECTED
    skipped = [text for text in caplog.messages if text.startswith("Skipped a frame")]
    assert len(skipped) == 4
    ping = Node("iq", {"id": "p1", "from": SERVER_JID, "type": "get", "xmlns": "urn:xmpp:ping"})
    assert len(await line.receive(ping)) == 1


@on_line
async def test_a_frame_that_does_not_verify_ends_the_line(line: LineBench) -> None:
    session = await line.start()
    session.break_frame()
    await settle()
    assert isinstance(line.told(Status.DISCONNECTED)[0], NoiseError)
    assert session.closed
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


@on_line
async def test_the_way_back_is_shown_to_the_next_connection(line: LineBench) -> None:
    session = await line.start()
    assert session.routing_info is None
    way = Node("edge_routing", {}, [Node("routing_info", {}, b"way")])
    await line.receive(Node("ib", {"from": SERVER_JID}, [way]))
    await session.hang_up()
    await line.wait(2)
    assert line.session is not session
    assert line.session.routing_info == b"way"


# --- what ends with a line


@on_line
async def test_who_waits_for_an_answer_is_told(line: LineBench) -> None:
    session = await line.start()
    session.script["count"] = silence
    asking = asyncio.create_task(line.client._context.execute(GetPreKeyCount()))
    await settle()
    assert not asking.done()
    await session.hang_up()
    assert isinstance(asking.exception(), Disconnected)


@on_line
async def test_what_was_begun_beside_ends_with_the_line(line: LineBench) -> None:
    session = await line.start()
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    context = line.client._context
    for name in ("first", "second"):
        context.spawn(work(name), name)
    await settle()
    await session.hang_up()
    assert sorted(ended) == ["first", "second"]
    assert context.link is None
    assert not context.online.is_set()
    assert not context._tasks


@pytest.mark.parametrize("moment", ["connecting", "logging in", "connected", "waiting"])
@on_line
async def test_stopping_leaves_nothing(line: LineBench, moment: str) -> None:
    match moment:
        case "connecting":
            await line.client.start()
            await asyncio.sleep(0)
        case "logging in":
            await line.start(keep_silent)
        case "connected":
            await line.start()
        case _:
            await line.start(say(failure(reason="503")))
    await line.client.stop()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert line.client._context.link is None
    assert all(session.closed for session in line.network.sessions)
    attempts = len(line.network.attempts)
    await line.wait(1000)
    assert len(line.network.attempts) == attempts


# --- the disk


ROUTING = Node(
    "ib",
    {"from": SERVER_JID},
    [Node("edge_routing", {}, [Node("routing_info", {}, b"way")])],
)


@on_line
async def test_a_full_disk_is_waited_for(line: LineBench) -> None:
    await line.start()
    line.disk.fault = StoreError("full")
    await line.receive(ROUTING)
    assert len(line.told(Status.ERROR)) == 1
    assert line.session.closed
    # Nothing is taken from the server that could not be stored.
    await line.wait(3600)
    assert len(line.network.attempts) == 1
    with pytest.raises(StoreError):
        await line.client._context.wait_online()
    line.disk.fault = None
    await line.wait(70)
    assert line.client.status is Status.CONNECTED
    assert len(line.network.attempts) == 2


@on_line
async def test_a_damaged_store_ends_all_trying(line: LineBench) -> None:
    await line.start()
    line.disk.fault = StoreError("full")
    await line.receive(ROUTING)
    line.disk.fault = StoreCorrupt("damaged")
    await line.wait(5)
    assert line.client.status is Status.ERROR
    with pytest.raises(StoreCorrupt):
        await line.client.wait_connected(1)
    line.disk.fault = None
    await line.wait(10_000)
    assert len(line.network.attempts) == 1


@on_line
async def test_others_may_end_the_line(line: LineBench) -> None:
    line.client._runner.end_line(Disconnected("without any line"))
    await line.start()
    line.client._runner.end_line(Disconnected("enough"))
    line.client._runner.end_line(StoreCorrupt("too late"))
    await settle()
    assert isinstance(line.told(Status.DISCONNECTED)[0], Disconnected)
    await line.wait(2)
    assert line.client.status is Status.CONNECTED


# --- what every connection answers


@pytest.mark.parametrize(
    ("attrs", "children"),
    [
        ({"xmlns": "urn:xmpp:ping", "type": "get"}, []),
        ({"xmlns": "urn:xmpp:ping"}, []),
        ({"type": "get"}, [Node("ping")]),
        ({}, [Node("ping")]),
    ],
)
@on_line
async def test_the_server_pings(
    line: LineBench, attrs: dict[str, str | Jid], children: list[Node]
) -> None:
    await line.start()
    ping = Node("iq", {"id": "p1", "from": SERVER_JID, **attrs}, children)
    assert await line.receive(ping) == [
        Node("iq", {"type": "result", "to": SERVER_JID, "id": "p1"})
    ]


@pytest.mark.parametrize(
    "node",
    [
        Node("iq", {"id": "p1", "from": SERVER_JID, "type": "result"}, [Node("ping")]),
        Node("iq", {"id": "p1", "from": SERVER_JID, "type": "error"}, [Node("ping")]),
        Node("iq", {"id": "p1", "from": SERVER_JID, "type": "set", "xmlns": "md"}, [Node("x")]),
        Node("iq", {"from": SERVER_JID, "type": "get", "xmlns": "urn:xmpp:ping"}),
        Node("iq", {"id": "p1", "type": "get", "xmlns": "urn:xmpp:ping"}),
        Node("ack", {"id": "m1", "from": PEER, "class": "message"}),
        Node("ack", {"id": "m1", "from": PEER, "class": "receipt"}),
        Node("presence", {"from": PEER}),
        Node("chatstate", {"from": PEER}),
        Node("error", {"code": "479"}),
        Node("stream:features"),
        Node("hologram", {"from": PEER}),
        Node("hologram", {"id": "h1"}),
        Node("call", {"from": PEER}),
    ],
    ids=str,
)
@on_line
async def test_what_needs_no_answer(line: LineBench, node: Node) -> None:
    await line.start()
    assert await line.receive(node) == []
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_call_is_acked(line: LineBench) -> None:
    await line.start()
    call = Node("call", {"id": "c1", "from": PEER}, [Node("offer")])
    assert await line.receive(call) == [Node("ack", {"class": "call", "id": "c1", "to": PEER})]


@on_line
async def test_an_unknown_stanza_is_refused(line: LineBench) -> None:
    await line.start()
    (nack,) = await line.receive(Node("hologram", {"id": "h1", "from": PEER}))
    assert nack.tag == "ack"
    assert (nack.attr("class"), nack.attr("error"), nack.jid("to")) == ("hologram", "488", PEER)
    sender = nack.jid("from")
    assert sender is not None
    assert sender.bare == OWN


@on_line
async def test_the_error_of_a_stream_is_kept(line: LineBench) -> None:
    await line.start(say(stream_error("503")))
    (error,) = line.told(Status.DISCONNECTED)
    assert isinstance(error, StreamEnded)
    assert error.code == "503"
