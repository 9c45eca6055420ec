"""What the server says of the session itself."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.handlers.ib import (
    MAX_ROUTING_INFO,
    OFFLINE_BATCH,
    OFFLINE_PAUSE,
    ROUTING_INFO,
    IbHandler,
    OfflineBacklog,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, benched, refusal
from tests.aiowhatsapp.client.pairing_support import settle

BATCH = Node("ib", {}, [Node("offline_batch", {"count": str(OFFLINE_BATCH)})])


def ib(*children: Node, sender: Jid | None = SERVER_JID) -> Node:
    return Node("ib", {} if sender is None else {"from": sender}, list(children))


def preview(count: int | str) -> Node:
    return ib(Node("offline_preview", {"count": str(count), "message": "1"}))


def make(bench: Bench) -> tuple[IbHandler, OfflineBacklog]:
    backlog = OfflineBacklog(bench.context)
    return IbHandler(bench.context, backlog), backlog


def pulls(bench: Bench) -> int:
    return bench.server.sent.count(BATCH)


async def pause(bench: Bench) -> None:
    """Let the pause between two batches pass."""
    await bench.clock.sleep(OFFLINE_PAUSE)
    await settle()


@benched
async def test_a_backlog_is_pulled_batch_by_batch(bench: Bench) -> None:
    handler, backlog = make(bench)
    await handler.handle(preview(5))
    assert bench.server.sent == [BATCH]
    # The first stanza of a batch asks for the next one, after a pause and just once.
    await backlog.arrived()
    await backlog.arrived()
    assert pulls(bench) == 1
    await pause(bench)
    assert pulls(bench) == 2
    await backlog.arrived()
    await pause(bench)
    assert pulls(bench) == 3
    # With the last two nothing is left to ask for.
    await backlog.arrived()
    await pause(bench)
    await backlog.arrived()
    await pause(bench)
    assert pulls(bench) == 4
    assert not backlog.done.is_set()
    await handler.handle(ib(Node("offline", {"count": "5"})))
    assert backlog.done.is_set()


@pytest.mark.parametrize("count", [0, -1, ""])
@benched
async def test_where_nothing_waits_nothing_is_pulled(bench: Bench, count: int | str) -> None:
    handler, backlog = make(bench)
    await handler.handle(preview(count))
    await backlog.arrived()
    await pause(bench)
    assert bench.server.sent == []


@benched
async def test_the_end_of_the_backlog_ends_the_pulling(bench: Bench) -> None:
    handler, backlog = make(bench)
    await handler.handle(preview(100))
    await backlog.arrived()
    await handler.handle(ib(Node("offline", {"count": "1"})))
    await pause(bench)
    await backlog.arrived()
    await pause(bench)
    assert pulls(bench) == 1


@benched
async def test_stanzas_without_an_announcement_ask_for_nothing(bench: Bench) -> None:
    _, backlog = make(bench)
    await backlog.arrived()
    await pause(bench)
    assert bench.server.sent == []


@benched
async def test_the_end_of_the_line_ends_the_pulling(bench: Bench) -> None:
    handler, backlog = make(bench)
    await handler.handle(preview(100))
    await backlog.arrived()
    await bench.cut()
    await pause(bench)
    assert pulls(bench) == 1


@benched
async def test_arriving_stanzas_of_all_kinds_count(bench: Bench) -> None:
    # The same through the client's own router, which shares one backlog.
    await bench.receive(preview(3))
    for number, tag in enumerate(("receipt", "notification", "call")):
        await bench.receive(
            Node(tag, {"id": str(number), "from": bench.ann.lid, "offline": "1", "type": "x"})
        )
        await pause(bench)
    assert pulls(bench) == 3
    await bench.receive(Node("receipt", {"id": "9", "from": bench.ann.lid}))
    await pause(bench)
    assert pulls(bench) == 3


async def kept(bench: Bench) -> bytes | None:
    return await bench.store.meta.get(None, ROUTING_INFO)


def routing(*children: Node) -> Node:
    return ib(Node("edge_routing", {}, list(children)))


@benched
async def test_the_way_back_is_kept(bench: Bench) -> None:
    handler, _ = make(bench)
    await handler.handle(routing(Node("routing_info", {}, b"way")))
    assert await kept(bench) == b"way"
    for bad in (
        routing(),
        routing(Node("routing_info")),
        routing(Node("routing_info", {}, bytes(MAX_ROUTING_INFO + 1))),
    ):
        await handler.handle(bad)
        assert await kept(bench) == b"way"
    await handler.handle(routing(Node("routing_info", {}, b"a" * MAX_ROUTING_INFO)))
    assert await kept(bench) == b"a" * MAX_ROUTING_INFO


@pytest.mark.parametrize("timestamp", ["1785000000", None])
@benched
async def test_a_change_is_confirmed(bench: Bench, timestamp: str | None) -> None:
    given = {} if timestamp is None else {"timestamp": timestamp}
    answers = await bench.receive(ib(Node("dirty", {"type": "account_sync", **given})))
    (iq,) = answers
    assert (iq.attr("xmlns"), iq.attr("type")) == ("urn:xmpp:whatsapp:dirty", "set")
    assert iq.content == [Node("clean", {"type": "account_sync", **given})]


@benched
async def test_a_refused_confirmation_is_no_matter(bench: Bench) -> None:
    bench.server.script["clean"] = refusal(500)
    assert len(await bench.receive(ib(Node("dirty", {"type": "newsletter"})))) == 1
    assert len(await bench.receive(ib(Node("dirty", {"type": "account_sync"})))) == 1


@benched
async def test_a_change_of_nothing_is_not_confirmed(bench: Bench) -> None:
    assert await bench.receive(ib(Node("dirty"))) == []


@pytest.mark.parametrize(
    "child",
    [
        "priority_offline_complete",
        "thread_metadata",
        "tos",
        "recovery_nonce",
        "client_expiration",
        "attestation",
        "gpia",
        "downgrade_webclient",
        "news",
    ],
)
@benched
async def test_the_rest_is_news_for_others(bench: Bench, child: str) -> None:
    assert await bench.receive(ib(Node(child, {"t": "1"}))) == []


@benched
async def test_all_children_count(bench: Bench) -> None:
    handler, backlog = make(bench)
    await handler.handle(
        ib(
            Node("news"),
            Node("edge_routing", {}, [Node("routing_info", {}, b"way")]),
            Node("offline"),
        )
    )
    assert await kept(bench) == b"way"
    assert backlog.done.is_set()


@benched
async def test_nobody_but_the_server_is_believed(bench: Bench) -> None:
    handler, backlog = make(bench)
    news = [Node("offline"), Node("edge_routing", {}, [Node("routing_info", {}, b"way")])]
    await handler.handle(ib(*news, sender=bench.ann.phone))
    assert not backlog.done.is_set()
    assert await kept(bench) is None
    await handler.handle(ib(*news, sender=None))
    assert backlog.done.is_set()
    assert await kept(bench) == b"way"
