import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.pairing import (
    LinkCode,
    LinkCodeEnded,
    QrCode,
)
from custom_components.whatsapp_web.aiowhatsapp.crypto import aes, kdf
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair, agree
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    IqError,
    LocalProtocolError,
    PairingExpired,
    PairingFailed,
    RequestTimeout,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import (
    Round,
    make_round,
    notification,
    pair_device,
    pair_success,
    settle,
    stop_rounds,
    stream_error,
)
from tests.aiowhatsapp.pairing.support import SeededBytes

ELEMENT = "link_code_companion_reg"
REF = b"code-ref"
EPHEMERAL = KeyPair.from_private(SeededBytes("phone ephemeral")(32))
REFRESH = notification("companion_reg_refresh", Node("companion_reg_refresh"))


@pytest.fixture(autouse=True)
async def _nothing_is_left_running() -> AsyncIterator[None]:
    yield
    await stop_rounds()


@dataclass
class TypingPhone:
    """The phone of a number into which the code is typed."""

    attempt: Round
    ephemeral: KeyPair = EPHEMERAL
    secret: bytes = b""

    async def hello(self, code: str, *, ref: bytes = REF, salt: bytes = bytes(32)) -> list[Node]:
        """Take the code; return what the client answers."""
        key = kdf.pbkdf2_sha256(
            code.replace("-", "").encode(), salt=salt, iterations=131_072, length=32
        )
        wrapped = salt + bytes(16) + aes.ctr_apply(key, bytes(16), self.ephemeral.public)
        return await self.attempt.server.send_node(
            stage(
                "primary_hello",
                Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped),
                Node("primary_identity_pub", {}, self.attempt.phone.identity.public),
                Node("link_code_pairing_ref", {}, ref),
            )
        )

    def open(self, code: str, announced: Node, finish: Node) -> bytes:
        """Open the client's bundle; return its identity key, and learn the secret."""
        wrapped = announced.required_child(
            "link_code_pairing_wrapped_companion_ephemeral_pub"
        ).required_data(80)
        key = kdf.pbkdf2_sha256(
            code.replace("-", "").encode(), salt=wrapped[:32], iterations=131_072, length=32
        )
        theirs = aes.ctr_apply(key, wrapped[32:48], wrapped[48:])
        shared = agree(self.ephemeral.private, theirs)
        bundle = finish.required_child("link_code_pairing_wrapped_key_bundle").required_data(156)
        bundle_key = kdf.hkdf_sha256(
            shared,
            salt=bundle[:32],
            info=b"link_code_pairing_key_bundle_encryption_key",
            length=32,
        )
        opened = aes.gcm_decrypt(bundle_key, bundle[32:44], bundle[44:])
        identity, own, contribution = opened[:32], opened[32:64], opened[64:]
        assert own == self.attempt.phone.identity.public
        assert finish.required_child("companion_identity_public").data == identity
        material = shared + agree(self.attempt.phone.identity.private, identity) + contribution
        self.secret = kdf.hkdf_sha256(material, info=b"adv_secret", length=32)
        return identity


def stage(name: str, *children: Node, **attrs: str) -> Node:
    return notification(ELEMENT, Node(ELEMENT, {"stage": name, **attrs}, list(children)))


def result(request: Node, *children: Node) -> Node:
    return Node(
        "iq",
        {"from": SERVER_JID, "type": "result", "id": request.required_attr("id")},
        list(children),
    )


def error(request: Node, code: str, text: str) -> Node:
    return Node(
        "iq",
        {"from": SERVER_JID, "type": "error", "id": request.required_attr("id")},
        [Node("error", {"code": code, "text": text})],
    )


def ref_answer(request: Node, ref: bytes = REF) -> Node:
    child = Node("link_code_pairing_ref", {}, ref)
    return result(request, Node(ELEMENT, {"stage": "companion_hello"}, [child]))


@dataclass
class Typed:
    """An attempt with a code that was asked for."""

    attempt: Round
    wish: asyncio.Task[LinkCode]
    phone: TypingPhone

    @property
    def request(self) -> Node:
        """The client's last request."""
        return self.attempt.server.sent[-1]

    @property
    def announced(self) -> Node:
        """What the client told of the code."""
        requests = [node.child(ELEMENT) for node in self.attempt.server.sent]
        return next(
            node for node in reversed(requests) if node and node.attr("stage") == "companion_hello"
        )

    @property
    def code(self) -> str:
        """The code shown last."""
        return [event for event in self.attempt.events if isinstance(event, LinkCode)][-1].code

    @property
    def ended(self) -> int:
        """How many codes were given up."""
        return sum(isinstance(event, LinkCodeEnded) for event in self.attempt.events)


async def asked() -> Typed:
    """Show codes, and ask for one to type."""
    attempt = make_round()
    await attempt.start()
    await attempt.server.send_node(pair_device())
    wish = asyncio.create_task(attempt.pairing.request_link_code("+1 555 123-4567"))
    await settle()
    return Typed(attempt, wish, TypingPhone(attempt))


async def shown() -> Typed:
    """Have the server take the code."""
    typed = await asked()
    await typed.attempt.server.send_node(ref_answer(typed.request))
    return typed


async def answered() -> Typed:
    """Have the phone take the code."""
    typed = await shown()
    await typed.phone.hello(typed.code)
    return typed


async def test_code_is_announced_and_shown_when_the_server_has_taken_it() -> None:
    typed = await asked()
    request = typed.request
    assert (request.attr("xmlns"), request.attr("type")) == ("md", "set")
    announced = typed.announced
    assert announced.jid("jid") == Jid.of_number("15551234567")
    assert announced.attr("should_show_push_notification") == "true"
    assert announced.required_child("companion_server_auth_key_pub").data == (
        typed.attempt.server.noise_key
    )
    assert announced.required_child("companion_platform_id").data == b"1"
    assert announced.required_child("companion_platform_display").data == b"Chrome (Linux)"
    assert announced.required_child("link_code_pairing_nonce").data == b"\x00"
    assert not typed.wish.done()
    await typed.attempt.clock.advance(10)
    await typed.attempt.server.send_node(ref_answer(request))
    code = typed.wish.result()
    assert typed.attempt.events[-1] == code
    assert code.valid_for == 170.0
    assert len(code.code) == 9
    assert code.code[4] == "-"


async def test_phone_links_the_device_by_the_code() -> None:
    typed = await shown()
    acknowledged, finish = await typed.phone.hello(typed.code)
    assert acknowledged.tag == "ack"
    content = finish.required_child(ELEMENT)
    assert content.attr("stage") == "companion_finish"
    assert content.jid("jid") == Jid.of_number("15551234567")
    assert content.required_child("link_code_pairing_ref").data == REF
    identity = typed.phone.open(typed.code, typed.announced, content)
    await typed.attempt.server.send_node(result(finish))
    proof = typed.attempt.phone.container(identity, typed.phone.secret)
    (signed,) = await typed.attempt.server.send_node(pair_success(proof))
    assert signed.child("pair-device-sign") is not None
    await typed.attempt.server.send_node(stream_error("515"))
    credentials = await typed.attempt.result()
    assert credentials.adv_secret == typed.phone.secret


async def test_refresh_spares_the_secret_that_the_phone_proves_itself_with() -> None:
    typed = await shown()
    _, finish = await typed.phone.hello(typed.code)
    shown_codes = len(typed.attempt.texts)
    assert [node.tag for node in await typed.attempt.server.send_node(REFRESH)] == ["ack"]
    assert len(typed.attempt.texts) == shown_codes
    identity = typed.phone.open(typed.code, typed.announced, finish.required_child(ELEMENT))
    proof = typed.attempt.phone.container(identity, typed.phone.secret)
    await typed.attempt.server.send_node(pair_success(proof))
    assert len(typed.attempt.saved) == 1


async def test_refresh_goes_on_while_the_code_is_only_shown() -> None:
    typed = await shown()
    await typed.attempt.server.send_node(REFRESH)
    before, after = typed.attempt.texts
    assert typed.attempt.code_parts(before)[3] != typed.attempt.code_parts(after)[3]
    assert len(await typed.phone.hello(typed.code)) == 2


async def test_repeated_hello_makes_another_secret_up_to_three_times() -> None:
    typed = await shown()
    secrets = set()
    for salt in (bytes(32), bytes([1]) * 32, bytes([2]) * 32):
        _, finish = await typed.phone.hello(typed.code, salt=salt)
        typed.phone.open(typed.code, typed.announced, finish.required_child(ELEMENT))
        secrets.add(typed.phone.secret)
    assert len(secrets) == 3
    assert [node.tag for node in await typed.phone.hello(typed.code)] == ["ack"]


async def test_hello_for_another_code_is_only_acknowledged() -> None:
    typed = await shown()
    assert [node.tag for node in await typed.phone.hello(typed.code, ref=b"other")] == ["ack"]
    assert len(await typed.phone.hello(typed.code)) == 2


@pytest.mark.parametrize(
    "incomplete",
    [
        notification(ELEMENT),
        stage("primary_hello", Node("link_code_pairing_ref", {}, REF)),
        stage("unknown"),
        stage(
            "primary_hello",
            Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, bytes(80)),
            Node("primary_identity_pub", {}, bytes(32)),
            Node("link_code_pairing_ref", {}, REF),
        ),
    ],
    ids=["empty", "lacking", "unknown", "low order"],
)
async def test_hello_that_cannot_be_used_is_only_acknowledged(incomplete: Node) -> None:
    typed = await shown()
    answers = await typed.attempt.server.send_node(incomplete)
    assert [node.tag for node in answers] == ["ack"]
    assert len(await typed.phone.hello(typed.code)) == 2


async def test_hello_without_a_code_is_only_acknowledged() -> None:
    attempt = make_round()
    await attempt.start()
    await attempt.server.send_node(pair_device())
    phone = TypingPhone(attempt)
    assert [node.tag for node in await phone.hello("ABCDEFGH")] == ["ack"]


async def test_codes_to_scan_go_on_and_the_line_outlives_them() -> None:
    typed = await shown()
    await typed.attempt.clock.advance(165)
    assert len([event for event in typed.attempt.events if isinstance(event, QrCode)]) == 6
    assert typed.attempt.running
    assert len(await typed.phone.hello(typed.code)) == 2
    await typed.attempt.clock.advance(59)
    assert typed.attempt.running
    await typed.attempt.clock.advance(1)
    with pytest.raises(PairingExpired):
        await typed.attempt.result()
    assert typed.ended == 1


async def test_code_ends_after_three_minutes() -> None:
    typed = await shown()
    await typed.attempt.clock.advance(179)
    assert typed.ended == 0
    await typed.attempt.clock.advance(1)
    assert typed.ended == 1
    with pytest.raises(PairingExpired):
        await typed.attempt.result()


@pytest.mark.parametrize("outcome", ["refused", "silent"])
async def test_phone_that_did_not_link_leaves_a_new_secret_to_scan(outcome: str) -> None:
    typed = await answered()
    before = typed.attempt.code_parts(typed.attempt.texts[-1])
    if outcome == "refused":
        await typed.attempt.server.send_node(error(typed.request, "400", "bad-request"))
    else:
        await typed.attempt.server.send_node(result(typed.request))
        assert typed.ended == 0
        await typed.attempt.clock.advance(60)
    assert typed.ended == 1
    after = typed.attempt.code_parts(typed.attempt.texts[-1])
    assert after[3] not in (before[3], typed.phone.secret)
    await typed.attempt.server.send_node(pair_success(typed.attempt.proof()))
    assert len(typed.attempt.saved) == 1


async def test_another_code_may_follow_one_that_ended() -> None:
    typed = await answered()
    await typed.attempt.server.send_node(error(typed.request, "500", "internal-server-error"))
    first = typed.code
    wish = asyncio.create_task(typed.attempt.pairing.request_link_code("15551234567"))
    await settle()
    await typed.attempt.server.send_node(ref_answer(typed.request, b"second"))
    assert wish.result().code != first


@pytest.mark.parametrize("code", ["400", "403", "429", "452", "500"])
async def test_refused_code_says_why_and_the_codes_to_scan_go_on(code: str) -> None:
    typed = await asked()
    await typed.attempt.server.send_node(error(typed.request, code, "refused"))
    with pytest.raises(IqError) as refused:
        typed.wish.result()
    assert refused.value.code == int(code)
    assert typed.attempt.running
    assert typed.ended == 0


async def test_answer_without_a_ref_is_no_code() -> None:
    typed = await asked()
    await typed.attempt.server.send_node(result(typed.request))
    with pytest.raises(AttributeMissing):
        typed.wish.result()


async def test_server_that_does_not_answer_gives_no_code() -> None:
    typed = await asked()
    await typed.attempt.clock.advance(30)
    with pytest.raises(RequestTimeout):
        typed.wish.result()
    assert typed.attempt.running
    # An answer that comes too late belongs to nothing any more.
    await typed.attempt.server.send_node(ref_answer(typed.request))
    assert not any(isinstance(event, LinkCode) for event in typed.attempt.events)


@pytest.mark.parametrize("already_shown", [False, True])
async def test_there_is_one_code_at_a_time(already_shown: bool) -> None:
    typed = await (shown() if already_shown else asked())
    with pytest.raises(LocalProtocolError):
        await typed.attempt.pairing.request_link_code("15551234567")


async def test_number_that_is_none_is_refused_at_once() -> None:
    attempt = make_round()
    with pytest.raises(PairingFailed):
        await attempt.pairing.request_link_code("12")


async def test_code_wanted_early_waits_for_the_server() -> None:
    attempt = make_round()
    wish = asyncio.create_task(attempt.pairing.request_link_code("15551234567"))
    await attempt.start()
    assert attempt.server.sent == []
    await attempt.server.send_node(pair_device())
    await attempt.server.send_node(ref_answer(attempt.server.sent[-1]))
    assert attempt.events[-1] == wish.result()


async def test_caller_who_gave_up_gets_no_code() -> None:
    attempt = make_round()
    wish = asyncio.create_task(attempt.pairing.request_link_code("15551234567"))
    await settle()
    wish.cancel()
    await attempt.start()
    await attempt.server.send_node(pair_device())
    assert [node.tag for node in attempt.server.sent] == ["iq"]
    assert attempt.server.sent[0].child(ELEMENT) is None


async def test_caller_who_gives_up_later_still_sees_the_code_as_an_event() -> None:
    typed = await asked()
    typed.wish.cancel()
    await typed.attempt.server.send_node(ref_answer(typed.request))
    assert isinstance(typed.attempt.events[-1], LinkCode)


@pytest.mark.parametrize("already_connected", [False, True])
async def test_end_of_the_attempt_ends_the_wish(already_connected: bool) -> None:
    attempt = make_round()
    attempt.server.refuses_to_connect = not already_connected
    wish = asyncio.create_task(attempt.pairing.request_link_code("15551234567"))
    await settle()
    await attempt.start()
    if already_connected:
        await attempt.server.hang_up()
    with pytest.raises(PairingFailed):
        await wish
    with pytest.raises(PairingFailed):
        await attempt.pairing.request_link_code("15551234567")


async def test_server_may_want_another_code() -> None:
    typed = await shown()
    first = typed.code
    ref = Node("link_code_pairing_ref", {}, REF)
    answers = await typed.attempt.server.send_node(stage("refresh_code", ref))
    assert [node.tag for node in answers] == ["ack", "iq"]
    assert typed.ended == 1
    await typed.attempt.server.send_node(ref_answer(typed.request, b"second"))
    assert typed.code != first
    assert [node.tag for node in await typed.phone.hello(first, ref=REF)] == ["ack"]
    assert len(await typed.phone.hello(typed.code, ref=b"second")) == 2


async def test_server_may_leave_another_code_to_the_person() -> None:
    typed = await shown()
    answers = await typed.attempt.server.send_node(
        stage(
            "refresh_code",
            Node("link_code_pairing_ref", {}, REF),
            force_manual_refresh="true",
        )
    )
    assert [node.tag for node in answers] == ["ack"]
    assert typed.ended == 1
    assert len(await typed.phone.hello(typed.code)) == 1


async def test_linked_attempt_gives_no_code() -> None:
    typed = await asked()
    await typed.attempt.server.send_node(error(typed.request, "429", "rate-overlimit"))
    await typed.attempt.server.send_node(pair_success(typed.attempt.proof()))
    late = asyncio.create_task(typed.attempt.pairing.request_link_code("15551234567"))
    await settle()
    await typed.attempt.server.send_node(stream_error("515"))
    await typed.attempt.result()
    with pytest.raises(PairingFailed):
        await late


async def test_late_answer_about_an_earlier_hello_changes_nothing() -> None:
    typed = await shown()
    _, first = await typed.phone.hello(typed.code)
    await typed.phone.hello(typed.code, salt=bytes([1]) * 32)
    await typed.attempt.server.send_node(error(first, "400", "bad-request"))
    assert typed.ended == 0


async def test_refused_finish_after_the_last_code_to_scan_ends_the_attempt() -> None:
    typed = await shown()
    await typed.attempt.clock.advance(165)
    _, finish = await typed.phone.hello(typed.code)
    await typed.attempt.server.send_node(error(finish, "500", "internal-server-error"))
    assert typed.ended == 1
    with pytest.raises(PairingExpired):
        await typed.attempt.result()


async def test_caller_who_gave_up_hears_of_no_refusal() -> None:
    typed = await asked()
    typed.wish.cancel()
    await typed.attempt.server.send_node(error(typed.request, "429", "rate-overlimit"))
    assert typed.wish.cancelled()
    assert typed.attempt.running
