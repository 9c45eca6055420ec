"""Channels: asked for, followed, read, reacted to."""

from collections.abc import Callable
import json
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    IqError,
    LocalProtocolError,
    MessageUnknown,
    Rejected,
)
from custom_components.whatsapp_web.aiowhatsapp.events import Event, MessageReceived
from custom_components.whatsapp_web.aiowhatsapp.events.newsletters import (
    NewsletterFigures,
    NewsletterFollowed,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched, result, text

CHANNEL = Jid("120363400000000001", "newsletter")
DESCRIBED = {
    "id": str(CHANNEL),
    "thread_metadata": {
        "name": {"text": "News"},
        "description": {"text": "Daily"},
        "invite": "0029Va",
        "subscribers_count": "1234",
        "verification": "VERIFIED",
    },
    "viewer_metadata": {"mute": "ON", "role": "SUBSCRIBER"},
}


def mex(bench: Bench, answer: Callable[[str, Any], Any]) -> list[str]:
    """Answer stored queries; give the ids that were asked."""
    asked: list[str] = []

    def respond(request: Node) -> Node:
        query = request.required_child("query")
        query_id = query.required_attr("query_id")
        asked.append(query_id)
        variables = json.loads(query.data)["variables"]
        return result(request, Node("result", {}, json.dumps(answer(query_id, variables)).encode()))

    bench.server.script["query"] = respond
    return asked


def post(bench: Bench, message: wire.Message | bytes, **attrs: str) -> Node:
    data = message if isinstance(message, bytes) else message.SerializeToString()
    base: dict[str, str | Jid] = {
        "from": CHANNEL,
        "id": "POST1",
        "server_id": "117",
        "t": str(NOW),
        "type": "text",
        **attrs,
    }
    return Node("message", base, [Node("plaintext", {}, data)])


@benched
async def test_channels_are_described(bench: Bench) -> None:
    mex(bench, lambda *_: {"data": {"xwa2_newsletter_subscribed": [DESCRIBED, {}, None, "x"]}})
    (channel,) = await bench.client.newsletters.list()
    assert (channel.jid, channel.name, channel.description) == (CHANNEL, "News", "Daily")
    assert (channel.invite, channel.followers, channel.verified) == ("0029Va", 1234, True)
    assert (channel.role, channel.muted) == ("subscriber", True)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (CHANNEL, {"key": str(CHANNEL), "type": "JID"}),
        ("https://whatsapp.com/channel/0029Va", {"key": "0029Va", "type": "INVITE"}),
        ("0029Va", {"key": "0029Va", "type": "INVITE"}),
    ],
)
@benched
async def test_a_channel_is_found_by_address_or_link(
    bench: Bench, asked: Jid | str, key: dict[str, str]
) -> None:
    seen: list[Any] = []

    def answer(_query_id: str, variables: Any) -> Any:
        seen.append(variables["input"])
        return {"data": {"xwa2_newsletter": DESCRIBED}}

    mex(bench, answer)
    found = await bench.client.newsletters.describe(asked)
    assert found is not None
    assert found.jid == CHANNEL
    assert seen == [key]


@benched
async def test_a_query_that_is_gone_is_asked_by_its_older_id(bench: Bench) -> None:
    gone = {"errors": [{"message": "gone", "extensions": {"error_code": 404}}], "data": None}
    asked = mex(
        bench, lambda query_id, _: gone if query_id == "24404358912487870" else {"data": {}}
    )
    heard: list[Event] = []
    bench.client.subscribe(NewsletterFollowed, heard.append)
    await bench.client.newsletters.follow(CHANNEL)
    assert asked == ["24404358912487870", "9926858900719341"]
    await bench.client.newsletters.unfollow(CHANNEL)
    assert heard == [
        NewsletterFollowed(channel=CHANNEL, followed=True),
        NewsletterFollowed(channel=CHANNEL, followed=False),
    ]
    mex(bench, lambda *_: gone)
    with pytest.raises(IqError):
        await bench.client.newsletters.follow(CHANNEL)
    with pytest.raises(LocalProtocolError):
        await bench.client.newsletters.follow(bench.ann.lid)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"xwa2_newsletter": {"id": "no channel"}}},
        {"data": {"xwa2_newsletter": {"id": 5}}},
        {"data": {"xwa2_newsletter": []}},
        {"data": {}},
    ],
)
@benched
async def test_nonsense_is_no_channel(bench: Bench, answer: Any) -> None:
    mex(bench, lambda *_: answer)
    assert await bench.client.newsletters.describe(CHANNEL) is None


@pytest.mark.parametrize("answer", [[], {"data": []}, {"errors": ["x"]}, "x", None])
@benched
async def test_an_answer_of_another_shape_is_refused(bench: Bench, answer: Any) -> None:
    mex(bench, lambda *_: answer)
    with pytest.raises((AttributeMissing, IqError)):
        await bench.client.newsletters.list()


@benched
async def test_a_post_comes_once_and_is_acked(bench: Bench) -> None:
    for _ in range(2):
        (ack,) = await bench.receive(post(bench, text("Hello followers")))
        assert (ack.tag, ack.attr("class"), ack.attr("error")) == ("ack", "message", None)
    (event,) = bench.events_of(MessageReceived)
    message = event.message
    assert (message.chat, message.sender, message.text) == (CHANNEL, CHANNEL, "Hello followers")
    assert (message.is_group, message.from_me, message.server_id) == (False, False, 117)
    assert bench.server.find("receipt") == []


@benched
async def test_a_post_survives_a_restart_before_it_is_told(bench: Bench) -> None:
    bench.client._inbox.hold()
    await bench.receive(post(bench, text("Later")))
    await bench.restart()
    await bench.client.release_messages()
    (event,) = bench.events_of(MessageReceived)
    assert event.message.server_id == 117


@pytest.mark.parametrize(
    "stanza",
    [
        lambda bench: post(bench, b"\xff\xff"),
        lambda bench: post(bench, text("x"), server_id="nonsense"),
        lambda bench: post(bench, b""),
        # Only a channel may write in the clear.
        lambda bench: Node(
            "message",
            {"from": bench.ann.lid, "id": "1", "t": "1", "type": "text"},
            [Node("plaintext", {}, text("forged").SerializeToString())],
        ),
    ],
)
@benched
async def test_what_is_no_post_is_told_nobody(
    bench: Bench, stanza: Callable[[Bench], Node]
) -> None:
    (ack,) = await bench.receive(stanza(bench))
    assert ack.tag == "ack"
    assert bench.events_of(MessageReceived) == []


@benched
async def test_a_post_is_marked_as_read_for_our_own_devices(bench: Bench) -> None:
    await bench.receive(post(bench, text("x")))
    assert await bench.client.reading.mark_read(CHANNEL) == 1
    (receipt,) = bench.server.find("receipt")
    assert (receipt.jid("to"), receipt.attr("type")) == (CHANNEL, "read-self")
    await bench.client.newsletters.mark_viewed(CHANNEL, [117, 118])
    viewed = bench.server.find("receipt", type="view")[0].required_child("list")
    assert [item.attr("server_id") for item in viewed.children()] == ["117", "118"]


@benched
async def test_reactions(bench: Bench) -> None:
    await bench.client.newsletters.react(CHANNEL, 117, "\N{THUMBS UP SIGN}")
    await bench.client.newsletters.react(CHANNEL, 117, "")
    given, taken = bench.server.messages
    assert given.attr("server_id") == "117"
    assert (given.attr("type"), given.attr("edit")) == ("reaction", None)
    assert given.required_child("reaction").attrs == {"code": "\N{THUMBS UP SIGN}"}
    assert taken.attr("edit") == "7"
    assert taken.required_child("reaction").attrs == {}
    bench.server.ack_attrs = {"error": "404"}
    with pytest.raises(Rejected):
        await bench.client.newsletters.react(CHANNEL, 5, "x")
    with pytest.raises(LocalProtocolError):
        await bench.client.newsletters.react(CHANNEL, 5, "x" * 100)


@benched
async def test_a_post_that_came_is_known_by_its_id(bench: Bench) -> None:
    await bench.receive(post(bench, text("x")))
    await bench.restart()
    await bench.client.newsletters.react(CHANNEL, "POST1", "x")
    assert bench.server.messages[0].attr("server_id") == "117"
    with pytest.raises(MessageUnknown):
        await bench.client.newsletters.react(CHANNEL, "POST2", "x")


@benched
async def test_posts_are_fetched(bench: Bench) -> None:
    posts = [
        Node(
            "message",
            {"server_id": "117", "id": "A", "t": "5", "type": "text"},
            [
                Node("plaintext", {}, text("one").SerializeToString()),
                Node("views_count", {"count": "12"}),
                Node("reactions", {}, [Node("reaction", {"code": "x", "count": "3"})]),
            ],
        ),
        Node("message", {"server_id": "0"}),
        Node("message", {"server_id": "x"}),
        Node("message", {"server_id": "118"}, [Node("reactions", {}, [Node("reaction")])]),
    ]
    bench.server.script["messages"] = lambda request: result(request, Node("messages", {}, posts))
    first, second = await bench.client.newsletters.posts(CHANNEL, count=5000, before=200)
    (asked,) = bench.server.asked("messages")
    assert asked.required_child("messages").attrs == {
        "type": "jid",
        "jid": CHANNEL,
        "count": "100",
        "before": "200",
    }
    assert (first.server_id, first.id, first.views) == (117, "A", 12)
    assert first.reactions == {"x": 3}
    assert first.message is not None
    assert wire.Message.FromString(first.message).conversation == "one"
    assert (second.message, second.reactions) == (None, {})


@benched
async def test_what_changes_is_told(bench: Bench) -> None:
    heard: list[Event] = []
    for kind in (NewsletterFigures, NewsletterFollowed):
        bench.client.subscribe(kind, heard.append)
    reaction = Node("reaction", {"code": "x", "count": "2"})
    figures = Node("message", {"server_id": "117"}, [Node("reactions", {}, [reaction])])
    live = Node("live_updates", {}, [Node("messages", {}, [figures])])

    def notification(kind: str, sender: Jid, child: Node) -> Node:
        return Node("notification", {"type": kind, "from": sender, "id": "1"}, [child])

    def update(name: str, data: bytes) -> Node:
        server = Jid("", "s.whatsapp.net")
        return notification("mex", server, Node("update", {"op_name": name}, data))

    joined = {"data": {"xwa2_notify_newsletter_on_join": {"id": str(CHANNEL)}}}
    left = {"data": {"xwa2_notify_newsletter_on_leave": {"id": str(CHANNEL)}}}
    for stanza in (
        notification("newsletter", CHANNEL, live),
        notification("newsletter", bench.ann.lid, live),
        update("NotificationNewsletterJoin", json.dumps(joined).encode()),
        update("NotificationNewsletterLeave", json.dumps(left).encode()),
        update("NotificationNewsletterJoin", b"nonsense"),
        update("SomethingElse", b"nonsense"),
    ):
        (ack,) = await bench.receive(stanza)
        assert ack.tag == "ack"
    assert heard == [
        NewsletterFigures(channel=CHANNEL, server_id=117, reactions={"x": 2}, views=None),
        NewsletterFollowed(channel=CHANNEL, followed=True),
        NewsletterFollowed(channel=CHANNEL, followed=False),
    ]
