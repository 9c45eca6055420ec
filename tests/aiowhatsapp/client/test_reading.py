"""Saying that messages were read: when asked, to whom, and how."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Peer, benched, refusal, result, text

GROUP = Jid("120363000000000001", "g.us")
VOICE = wire.Message(audioMessage=wire.Message.AudioMessage(ptt=True))


def privacy(bench: Bench, **settings: str) -> None:
    """Set what the server says of our privacy."""

    def answer(request: Node) -> Node:
        categories = [
            Node("category", {"name": name, "value": value}) for name, value in settings.items()
        ]
        return result(request, Node("privacy", {}, categories))

    bench.server.script["privacy"] = answer


async def write(
    bench: Bench, peer: Peer, content: wire.Message | None = None, /, **attrs: str | Jid
) -> str:
    """Have somebody write; give the id."""
    if "privacy" not in bench.server.script:
        privacy(bench, readreceipts="all")
    if peer.record("us") is None:
        await bench.introduce(peer)
    message = bench.message(peer, content or text("hi"), **attrs)
    await bench.receive(message)
    return message.required_attr("id")


def told(bench: Bench) -> list[Node]:
    """The receipts that say more than that something arrived."""
    kinds = ("read", "read-self", "played", "played-self")
    return [node for node in bench.server.find("receipt") if node.attr("type") in kinds]


def ids(node: Node) -> list[str]:
    listed = node.child("list")
    items = [] if listed is None else listed.children("item")
    return [node.required_attr("id"), *(item.required_attr("id") for item in items)]


@benched
async def test_nothing_is_read_unasked(bench: Bench) -> None:
    await write(bench, bench.ann.first)
    await bench.clock.sleep(60)
    assert told(bench) == []
    assert len(await bench.client.reading.unread(bench.ann.lid)) == 1


@benched
async def test_a_chat_is_read_with_one_receipt(bench: Bench) -> None:
    privacy(bench, readreceipts="all")
    sent = [await write(bench, bench.ann.first), await write(bench, bench.ann.devices[1])]
    await bench.client.resolve_number(bench.ann.number)
    assert await bench.client.reading.mark_read(bench.ann.phone) == 2
    (receipt,) = told(bench)
    assert ids(receipt) == sent
    del receipt.attrs["id"]
    assert receipt.attrs == {"to": bench.ann.lid, "type": "read", "t": str(NOW)}
    assert await bench.client.reading.mark_read(bench.ann.lid) == 0
    assert len(told(bench)) == 1


@benched
async def test_one_message_alone_can_be_read(bench: Bench) -> None:
    first, second = [await write(bench, bench.ann.first) for _ in range(2)]
    assert await bench.client.reading.chat_of(first) == bench.ann.lid
    assert await bench.client.reading.mark_read(bench.ann.lid, [first, "unknown"]) == 1
    assert ids(told(bench)[0]) == [first]
    assert await bench.client.reading.unread(bench.ann.lid) == [second]
    assert await bench.client.reading.chat_of(first) is None


@benched
async def test_when_we_hide_it_only_our_own_devices_are_told(bench: Bench) -> None:
    privacy(bench, readreceipts="none")
    message_id = await write(bench, bench.ann.first, VOICE)
    await bench.client.reading.mark_played(bench.ann.lid, [message_id])
    assert [node.attr("type") for node in told(bench)] == ["read-self", "played-self"]
    assert len(bench.server.asked("privacy")) == 1


@benched
async def test_a_change_of_the_setting_counts_at_once(bench: Bench) -> None:
    privacy(bench, readreceipts="all")
    await write(bench, bench.ann.first)
    await bench.client.reading.mark_read(bench.ann.lid)
    change = Node("category", {"name": "readreceipts", "value": "none"})
    await bench.receive(
        Node(
            "notification",
            {"type": "account_sync", "from": bench.me.phone, "id": "1"},
            [Node("privacy", {}, [change])],
        )
    )
    await write(bench, bench.ann.first)
    await bench.client.reading.mark_read(bench.ann.lid)
    assert [node.attr("type") for node in told(bench)] == ["read", "read-self"]
    assert len(bench.server.asked("privacy")) == 1


@benched
async def test_in_a_group_each_sender_gets_a_receipt(bench: Bench) -> None:
    privacy(bench, readreceipts="none")
    room: dict[str, str | Jid] = {"from": GROUP}
    ann = [
        await write(bench, bench.ann.first, None, **room, participant=bench.ann.lid)
        for _ in range(2)
    ]
    bob = await write(
        bench, bench.bob.first, None, **room, participant=bench.bob.lid.with_device(0)
    )
    assert await bench.client.reading.mark_read(GROUP) == 3
    by_sender = {node.jid("participant"): node for node in told(bench)}
    assert ids(by_sender[bench.ann.lid]) == ann
    assert ids(by_sender[bench.bob.lid]) == [bob]
    assert {(node.jid("to"), node.attr("type")) for node in told(bench)} == {(GROUP, "read")}


@benched
async def test_a_status_is_seen_with_its_context(bench: Bench) -> None:
    await bench.client.resolve_number(bench.ann.number)
    attrs: dict[str, str | Jid] = {"from": STATUS_BROADCAST, "participant": bench.ann.lid}
    await write(bench, bench.ann.first, None, **attrs)
    await bench.client.reading.mark_read(STATUS_BROADCAST)
    (receipt,) = told(bench)
    assert receipt.attr("context") == "status"
    assert receipt.jid("peer_participant_pn") == bench.ann.phone


@benched
async def test_a_voice_message_is_played_once(bench: Bench) -> None:
    voice = await write(bench, bench.ann.first, VOICE)
    written = await write(bench, bench.ann.first)
    await bench.client.reading.mark_read(bench.ann.lid)
    assert await bench.client.reading.unread(bench.ann.lid) == []
    assert await bench.client.reading.mark_played(bench.ann.lid, [voice, written]) == 1
    assert await bench.client.reading.mark_played(bench.ann.lid, [voice]) == 0
    assert [node.attr("type") for node in told(bench)] == ["read", "played"]


@benched
async def test_long_lists_are_cut(bench: Bench) -> None:
    for _ in range(260):
        await write(bench, bench.ann.first)
    assert await bench.client.reading.mark_read(bench.ann.lid) == 260
    assert [len(ids(node)) for node in told(bench)] == [256, 4]


@pytest.mark.parametrize(
    "content",
    [
        wire.Message(reactionMessage=wire.Message.ReactionMessage(text="x")),
        wire.Message(
            protocolMessage=wire.Message.ProtocolMessage(
                type=wire.Message.ProtocolMessage.Type.REVOKE
            )
        ),
    ],
)
@benched
async def test_what_is_about_another_message_is_not_read(
    bench: Bench, content: wire.Message
) -> None:
    await write(bench, bench.ann.first, content)
    await write(bench, bench.me.first, recipient=bench.ann.lid)
    assert await bench.client.reading.unread(bench.ann.lid) == []


@benched
async def test_what_our_phone_read_is_unread_no_more(bench: Bench) -> None:
    first, second = [await write(bench, bench.ann.first) for _ in range(2)]
    await bench.receive(
        Node(
            "receipt",
            {"from": bench.me.lid, "recipient": bench.ann.lid, "type": "read", "id": first},
        )
    )
    assert await bench.client.reading.unread(bench.ann.lid) == [second]


@benched
async def test_it_is_still_unread_after_a_restart(bench: Bench) -> None:
    message_id = await write(bench, bench.ann.first)
    await bench.restart()
    await bench.client.reading.mark_read(bench.ann.lid)
    assert ids(told(bench)[0]) == [message_id]


@benched
async def test_by_option_everything_is_read_as_it_comes(bench: Bench) -> None:
    bench.client.reading.automatic = True
    sent = [await write(bench, bench.ann.first) for _ in range(3)]
    await write(bench, bench.me.first, recipient=bench.ann.lid)
    await write(
        bench,
        bench.bob.first,
        None,
        **{"from": STATUS_BROADCAST, "participant": bench.bob.lid},
    )
    await bench.clock.sleep(5)
    (receipt,) = told(bench)
    assert ids(receipt) == sent


@benched
async def test_by_option_it_goes_on_when_the_line_is_back(bench: Bench) -> None:
    bench.client.reading.automatic = True
    message_id = await write(bench, bench.ann.first)
    await bench.cut()
    bench.connect()
    bench.client._people.on_ready()
    await bench.clock.sleep(5)
    assert [ids(node) for node in told(bench)] == [[message_id]]


@benched
async def test_by_option_a_refusal_stops_nothing(bench: Bench) -> None:
    bench.server.script["privacy"] = refusal(500)
    bench.client.reading.automatic = True
    await write(bench, bench.ann.first)
    await bench.clock.sleep(5)
    privacy(bench, readreceipts="all")
    message_id = await write(bench, bench.bob.first)
    await bench.clock.sleep(5)
    assert [ids(node) for node in told(bench)] == [[message_id]]
