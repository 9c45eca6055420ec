import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.iq.media_conn import MAX_HOSTS, GetMediaConn
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node


def answer(*hosts: dict[str, str], **attrs: str) -> Node:
    children = [Node("host", dict(host)) for host in hosts]
    return Node("iq", {"type": "result"}, [Node("media_conn", dict(attrs), children)])


def test_request_is_an_empty_media_conn() -> None:
    iq = GetMediaConn().build_iq("1")
    assert (iq.attr("xmlns"), iq.attr("type")) == ("w:m", "set")
    assert [child.tag for child in iq.children()] == ["media_conn"]


def test_primary_hosts_come_first_and_the_shorter_life_counts() -> None:
    node = answer(
        {"hostname": "b", "type": "fallback"},
        {"hostname": "a", "type": "primary"},
        {"hostname": "a", "type": "primary"},
        {"type": "primary"},
        auth="ticket",
        ttl="300",
        auth_ttl="21600",
    )
    conn = GetMediaConn().parse(node)
    assert (conn.hosts, conn.auth, conn.ttl) == (("a", "b"), "ticket", 300)


@pytest.mark.parametrize("ttl", ["", "0", "-5"])
def test_life_that_makes_no_sense_is_none(ttl: str) -> None:
    assert GetMediaConn().parse(answer({"hostname": "a"}, auth="t", ttl=ttl)).ttl == 0


def test_too_many_hosts_are_cut() -> None:
    node = answer(*({"hostname": f"h{index}"} for index in range(50)), auth="t")
    assert len(GetMediaConn().parse(node).hosts) == MAX_HOSTS


@pytest.mark.parametrize(
    "node",
    [
        Node("iq", {"type": "result"}),
        answer(auth="t", ttl="1"),
        answer({"hostname": "a"}, ttl="1"),
        answer({"hostname": "a"}, auth="t", ttl="soon"),
    ],
)
def test_malformed_answer_is_refused(node: Node) -> None:
    with pytest.raises(AttributeMissing):
        GetMediaConn().parse(node)
