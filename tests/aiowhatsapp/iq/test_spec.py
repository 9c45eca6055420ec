from typing import override

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, IqError
from custom_components.whatsapp_web.aiowhatsapp.iq import IqSpec
from custom_components.whatsapp_web.aiowhatsapp.iq.session import LeavePassive
from custom_components.whatsapp_web.aiowhatsapp.jid import GROUP_SERVER_JID, SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node


class Weather(IqSpec[str]):
    namespace = "w:sky"

    @property
    @override
    def to(self) -> Jid:
        return GROUP_SERVER_JID

    @override
    def build(self) -> list[Node]:
        return [Node("now")]

    @override
    def parse(self, node: Node) -> str:
        return node.required_child("sky").required_attr("is")


def error(*children: Node) -> Node:
    return Node("iq", {"id": "1", "type": "error", "from": SERVER_JID}, list(children))


def test_a_request() -> None:
    assert Weather().build_iq("a-1") == Node(
        "iq",
        {"id": "a-1", "xmlns": "w:sky", "type": "get", "to": GROUP_SERVER_JID},
        [Node("now")],
    )


def test_a_result() -> None:
    answer = Node("iq", {"id": "1", "type": "result"}, [Node("sky", {"is": "blue"})])
    assert Weather().parse_iq(answer) == "blue"


def test_a_malformed_result() -> None:
    with pytest.raises(AttributeMissing):
        Weather().parse_iq(Node("iq", {"id": "1", "type": "result"}))


def test_an_ack_is_a_result_too() -> None:
    LeavePassive().parse_iq(Node("ack", {"id": "1", "class": "iq"}))


def test_unless_it_refuses() -> None:
    with pytest.raises(IqError) as raised:
        LeavePassive().parse_iq(Node("ack", {"id": "1", "class": "iq", "error": "479"}))
    assert raised.value.code == 479


@pytest.mark.parametrize(
    "code",
    [400, 401, 403, 404, 405, 406, 409, 410, 419, 423, 429, 452, 500, 503, 530],
)
def test_refusals(code: int) -> None:
    answer = error(Node("error", {"code": str(code), "text": "no"}))
    with pytest.raises(IqError) as raised:
        Weather().parse_iq(answer)
    assert (raised.value.code, raised.value.text, raised.value.backoff) == (code, "no", None)


def test_the_server_may_ask_for_a_pause() -> None:
    with pytest.raises(IqError) as raised:
        Weather().parse_iq(
            error(Node("error", {"code": "429", "text": "rate-overlimit", "backoff": "30"}))
        )
    assert raised.value.backoff == 30


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        pytest.param(error(), 0, "error", id="without reason"),
        pytest.param(error(Node("error")), 0, "", id="empty reason"),
        pytest.param(error(Node("error", {"text": "x" * 1000})), 0, "x" * 64, id="long reason"),
        pytest.param(Node("iq", {"id": "1"}), 0, "no type", id="without type"),
        pytest.param(Node("iq", {"id": "1", "type": "set"}), 0, "set", id="another type"),
    ],
)
def test_other_answers_are_refusals(answer: Node, code: int, text: str) -> None:
    with pytest.raises(IqError) as raised:
        Weather().parse_iq(answer)
    assert (raised.value.code, raised.value.text) == (code, text)


def test_a_code_that_is_none() -> None:
    with pytest.raises(AttributeMissing):
        Weather().parse_iq(error(Node("error", {"code": "teapot"})))
