"""Every type of message that the schema knows goes through the parser: no exception, ever."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.message.content import MessageKind
from custom_components.whatsapp_web.aiowhatsapp.message.parse import decode, has_content, parse
from custom_components.whatsapp_web.aiowhatsapp.message.poll import PollState
from custom_components.whatsapp_web.aiowhatsapp.message.wrappers import WRAPPERS
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.aiowhatsapp.message.schema import TYPES, SchemaWriter

BESIDE_CONTENT = ("senderKeyDistributionMessage", "messageContextInfo")
# Not content of its own: it is opened before a message is read.
ENVELOPES = (*WRAPPERS, "deviceSentMessage")
POLL = PollState(question="?", options=("a", "b"), votes=())
ROUNDS = 40


def test_the_schema_is_whole() -> None:
    assert len(TYPES) == 110
    assert {field.name for field in wire.Message.DESCRIPTOR.fields} <= set(TYPES)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_read(name: str) -> None:
    for round_ in range(ROUNDS):
        plaintext = SchemaWriter((name, round_)).of_type(name)
        message = decode(plaintext)
        has_content(message)
        content = parse(message, resolved=plaintext, poll=POLL)
        assert decode(content.raw) == message
        if content.kind is MessageKind.UNKNOWN and name not in (*BESIDE_CONTENT, *ENVELOPES):
            assert content.type_name is not None
            assert content.type_name != "field_0"


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_read_out_of_every_envelope(name: str) -> None:
    inner = decode(SchemaWriter(name).of_type(name))
    for wrapper in WRAPPERS:
        message = wire.Message()
        getattr(message, wrapper).message.CopyFrom(inner)
        parse(message)


@pytest.mark.parametrize("name", TYPES)
def test_what_is_not_read_has_its_name(name: str) -> None:
    known = {field.name for field in wire.Message.DESCRIPTOR.fields}
    if name in known:
        return
    message = decode(SchemaWriter(name).of_type(name))
    content = parse(message)
    assert content.kind is MessageKind.UNKNOWN
    assert content.type_name == name.replace("Messsage", "Message")
