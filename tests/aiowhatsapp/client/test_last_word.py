"""Why a line ends is known also when writing fails first, and no stanza stops the rest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.handlers.ib import OFFLINE_PAUSE
from custom_components.whatsapp_web.aiowhatsapp.client.runner import LAST_WORD
from custom_components.whatsapp_web.aiowhatsapp.errors import SessionReplaced, TransportError
from custom_components.whatsapp_web.aiowhatsapp.events import Status
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import settle

from .line_support import SUCCESS, LineBench, on_line, say

PEER = Jid("2002", "lid")
REPLACED = Node("stream:error", {}, [Node("conflict", {"type": "replaced"})])


@on_line
async def test_the_servers_last_word_counts_though_writing_fails_before(line: LineBench) -> None:
    session = await line.start()
    # The socket is closed at the other end; what was said before waits to be read.
    session.broken = True
    session.push(Node("call", {"id": "c1", "from": PEER}))
    await settle()
    session.push(REPLACED)
    await settle()
    assert line.client.status is Status.ERROR
    assert isinstance(line.client.last_error, SessionReplaced)
    assert len(line.network.attempts) == 1


@on_line
async def test_a_line_that_only_takes_no_data_is_not_listened_to_for_long(line: LineBench) -> None:
    session = await line.start()
    session.broken = True
    session.push(Node("call", {"id": "c1", "from": PEER}))
    await settle()
    assert line.client.status is Status.CONNECTED
    await line.wait(LAST_WORD + 0.01)
    assert isinstance(line.told(Status.DISCONNECTED)[0], TransportError)
    assert session.closed


@on_line
async def test_a_write_of_someone_else_that_fails_ends_the_line(line: LineBench) -> None:
    session = await line.start()
    session.broken = True
    sending = asyncio.create_task(line.client.resolve_number("15550009999"))
    await line.wait(LAST_WORD + 0.01)
    await asyncio.gather(sending, return_exceptions=True)
    assert isinstance(line.told(Status.DISCONNECTED)[0], TransportError)


# --- handlers that fail


@contextmanager
def failing(module: str, handler: str) -> Iterator[None]:
    """Put a bug into a handler."""

    async def fail(_self: object, _node: Node) -> None:
        raise RuntimeError("a bug of ours")

    handlers = "custom_components.whatsapp_web.aiowhatsapp.client.handlers"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{handlers}.{module}.{handler}.handle", fail)
        yield


@on_line
async def test_what_our_handlers_fail_at_is_refused(
    line: LineBench, caplog: pytest.LogCaptureFixture
) -> None:
    with failing("notification", "NotificationHandler"):
        await line.start()
        (nack,) = await line.receive(Node("notification", {"id": "n1", "from": PEER}))
    assert nack == Node(
        "ack",
        {
            "class": "notification",
            "id": "n1",
            "to": PEER,
            "from": line.client.credentials.jid,
            "error": "500",
        },
    )
    assert "a bug of ours" in caplog.text
    assert line.client.status is Status.CONNECTED


@on_line
async def test_a_backlog_is_pulled_on_over_what_our_handlers_fail_at(line: LineBench) -> None:
    preview = Node("ib", {"from": SERVER_JID}, [Node("offline_preview", {"count": "3"})])
    with failing("receipt", "ReceiptHandler"):
        session = await line.start(say(SUCCESS, preview))
        assert len(pulls(session.sent)) == 1
        receipt = Node("receipt", {"id": "r1", "from": PEER, "t": "1", "offline": "1"})
        (nack,) = await line.receive(receipt)
    assert nack.attr("error") == "500"
    await line.wait(OFFLINE_PAUSE + 0.01)
    assert len(pulls(session.sent)) == 2


def pulls(sent: list[Node]) -> list[Node]:
    return [node for node in sent if node.child("offline_batch") is not None]


@on_line
async def test_a_refusal_names_this_device(line: LineBench) -> None:
    await line.start()
    (nack,) = await line.receive(Node("hologram", {"id": "h1", "from": PEER}))
    assert nack.jid("from") == line.client.credentials.jid


@on_line
async def test_a_ping_that_would_change_something_is_none(line: LineBench) -> None:
    await line.start()
    ping = Node("iq", {"id": "p1", "from": SERVER_JID, "type": "set"}, [Node("ping")])
    assert await line.receive(ping) == []


@on_line
async def test_a_stanza_without_address_is_left_alone(line: LineBench) -> None:
    await line.start()
    assert await line.receive(Node("hologram", {"id": "h1", "from": "1:99999@lid"})) == []
    assert line.client.status is Status.CONNECTED
