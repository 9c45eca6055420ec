"""History as other people's code writes it, and as nobody should."""

import json
from pathlib import Path
import zlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.history import read_history
from custom_components.whatsapp_web.aiowhatsapp.proto import history, wire

VECTOR = Path(__file__).parents[1] / "vectors" / "message" / "npm_baileys_history.json"
COMPRESSED = bytes.fromhex(json.loads(VECTOR.read_text())["compressed"])
ANN, ANN_PHONE = Jid.parse("203000000007920@lid"), Jid.parse("15550002222@s.whatsapp.net")


def compress(sync: history.HistorySync) -> bytes:
    return zlib.compress(sync.SerializeToString())


def test_names_and_pairs() -> None:
    found = read_history(COMPRESSED, keep_messages=False)
    assert found.names == ((ANN_PHONE, "Ann"),)
    assert set(found.pairs) == {(ANN_PHONE, ANN)}


def test_a_chat() -> None:
    ann, group = read_history(COMPRESSED, keep_messages=True).chats
    assert (ann.jid, ann.alternate, ann.name) == (ANN, ANN_PHONE, "Ann Example")
    assert (ann.archived, ann.pinned_at, ann.marked_unread) == (True, 1790000000, True)
    assert ann.muted_until == -1
    assert (ann.timer, ann.timer_set_at) == (604800, 1780000000)
    assert (ann.last_message_at, ann.complete) == (1790000300, False)
    assert (ann.token, ann.token_at) == (b"\x01\x02", 1789000000)
    assert [(each.id, each.sender) for each in ann.messages] == [("A", ANN), ("B", None)]
    assert ann.oldest == ann.messages[0]
    assert wire.Message.FromString(ann.messages[0].message).conversation == "older"
    assert (group.name, group.complete, group.muted_until) == ("Familie Zoë", True, 1790001000)
    assert [each.sender for each in group.messages] == [ANN]


def test_messages_are_left_out_unless_asked_for() -> None:
    ann, _ = read_history(COMPRESSED, keep_messages=False).chats
    assert ann.messages == ()
    assert ann.oldest is not None


@pytest.mark.parametrize("compressed", [b"no zlib", zlib.compress(b"\xff\xff\xff")])
def test_what_does_not_read_is_refused(compressed: bytes) -> None:
    with pytest.raises(DecodeError):
        read_history(compressed, keep_messages=False)


def test_what_inflates_too_far_is_refused() -> None:
    with pytest.raises(DecodeError):
        read_history(COMPRESSED, keep_messages=False, limit=100)


def test_a_malformed_part_spoils_no_other() -> None:
    good = history.Conversation(id="1@lid", name="One").SerializeToString()
    odd = history.Conversation(id="5:99999@lid").SerializeToString()
    broken = history.HistorySyncMsg(message=b"\xff\xff").SerializeToString()
    with_broken = history.Conversation(id="2@lid", messages=[broken, b"\xff\xff\xff"])
    sync = history.HistorySync(
        conversations=[b"\xff\xff\xff", odd, good, with_broken.SerializeToString()],
        pushnames=[b"\xff\xff\xff"],
        phoneNumberToLidMappings=[b"\xff\xff\xff"],
    )
    found = read_history(compress(sync), keep_messages=True)
    assert [str(chat.jid) for chat in found.chats] == ["1@lid", "2@lid"]
    assert found.chats[1].messages == ()
    assert (found.names, found.pairs) == ((), ())


def test_secrets_are_found_beside_and_inside_a_message() -> None:
    poll = wire.Message()
    poll.pollCreationMessageV3.name = "Where?"
    inside = wire.Message(conversation="x")
    inside.messageContextInfo.messageSecret = b"i" * 32
    short = wire.Message(conversation="x")
    short.messageContextInfo.messageSecret = b"short"
    conversation = history.Conversation(id="1@lid")
    for number, (message, beside) in enumerate(
        ((poll, b"b" * 32), (inside, b""), (short, b""), (wire.Message(), b""))
    ):
        info = history.WebMessageInfo(message=message.SerializeToString(), messageTimestamp=5)
        info.key.id, info.key.remoteJid, info.key.fromMe = f"ID{number}", "1@lid", number == 1
        if beside:
            info.messageSecret = beside
        outer = history.HistorySyncMsg(message=info.SerializeToString())
        conversation.messages.append(outer.SerializeToString())
    sync = history.HistorySync(conversations=[conversation.SerializeToString()])
    (chat,) = read_history(compress(sync), keep_messages=False).chats
    assert [(each.id, each.sender, each.secret, each.poll) for each in chat.secrets] == [
        ("ID0", Jid("1", "lid"), b"b" * 32, poll),
        ("ID1", None, b"i" * 32, None),
    ]
