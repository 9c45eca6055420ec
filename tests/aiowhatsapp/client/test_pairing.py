import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.pairing import (
    Confirming,
    PasskeyRequested,
    QrCode,
)
from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    CertificateError,
    ClientOutdated,
    ConnectionFailed,
    Disconnected,
    KeepAliveLost,
    LocalProtocolError,
    LoggedOut,
    LoginRefused,
    NoiseError,
    PairingExpired,
    PairingFailed,
    PasskeyRequired,
    RemoteProtocolError,
    StoreError,
    StreamEnded,
    TransportError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import Credentials
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import (
    REFS,
    URL,
    Round,
    from_server,
    make_round,
    notification,
    pair_device,
    pair_success,
    settle,
    stop_rounds,
    stream_error,
)
from tests.simulator.noise import TrustRoot

REFRESH = notification("companion_reg_refresh", Node("companion_reg_refresh"))
PASSKEY = notification(
    "passkey_prologue_request",
    Node("passkey_request_options", {}, b'{"rpId": "whatsapp.com", "timeout": 600000}'),
)


@pytest.fixture(autouse=True)
async def _nothing_is_left_running() -> AsyncIterator[None]:
    yield
    await stop_rounds()


async def showing(*, hosted: bool = False) -> Round:
    """Run a pairing up to its first code."""
    attempt = make_round(hosted=hosted)
    await attempt.start()
    await attempt.server.send_node(pair_device())
    return attempt


async def linked() -> Round:
    """Run a pairing up to our signature."""
    attempt = await showing()
    await attempt.server.send_node(pair_success(attempt.proof()))
    return attempt


async def test_registers_with_the_payload_of_a_new_device() -> None:
    attempt = make_round()
    await attempt.start()
    payload = attempt.server.payload
    assert attempt.server.url == URL
    assert not payload.HasField("username")
    assert payload.userAgent.appVersion.tertiary == 1234567890
    pairing_data = payload.devicePairingData
    assert curve25519.verify(
        pairing_data.eIdent, b"\x05" + pairing_data.eSkeyVal, pairing_data.eSkeySig
    )


async def test_shows_the_first_code_and_answers_the_offer() -> None:
    attempt = make_round()
    await attempt.start()
    answers = await attempt.server.send_node(pair_device())
    assert answers == [Node("iq", {"to": SERVER_JID, "type": "result", "id": "pd-1"})]
    (event,) = attempt.events
    assert isinstance(event, QrCode)
    assert (event.valid_for, event.index, event.count) == (60.0, 0, 6)
    ref, noise, identity, secret, client_type = attempt.code_parts(event.text)
    assert ref == REFS[0]
    assert noise == attempt.server.noise_key
    assert identity == attempt.server.payload.devicePairingData.eIdent
    assert len(secret) == 32
    assert client_type == "1"


async def test_codes_rotate_after_60_then_every_20_seconds_until_they_run_out() -> None:
    attempt = await showing()
    for index, seconds in enumerate([60, 20, 20, 20, 20], start=1):
        await attempt.clock.advance(seconds - 0.1)
        assert len(attempt.events) == index
        await attempt.clock.advance(0.1)
        event = attempt.events[-1]
        assert isinstance(event, QrCode)
        assert (event.valid_for, event.index, event.count) == (20.0, index, 6)
    assert [attempt.code_parts(text)[0] for text in attempt.texts] == REFS
    await attempt.clock.advance(19.9)
    assert attempt.running
    await attempt.clock.advance(0.1)
    with pytest.raises(PairingExpired):
        await attempt.result()
    assert attempt.server.closed
    assert len(attempt.events) == 6


async def test_another_offer_replaces_the_codes() -> None:
    attempt = await showing()
    await attempt.clock.advance(70)
    await attempt.server.send_node(pair_device(["2@new"]))
    event = attempt.events[-1]
    assert isinstance(event, QrCode)
    assert (event.valid_for, event.index, event.count) == (60.0, 0, 1)
    assert attempt.code_parts(event.text)[0] == "2@new"


@pytest.mark.parametrize("child", ["companion_reg_refresh", "pair-device-rotate-qr"])
async def test_refresh_redraws_the_shown_code_with_a_new_secret(child: str) -> None:
    attempt = await showing()
    await attempt.clock.advance(70)
    answers = await attempt.server.send_node(notification("companion_reg_refresh", Node(child)))
    assert answers == [
        Node(
            "ack",
            {
                "class": "notification",
                "type": "companion_reg_refresh",
                "id": "n-1",
                "to": SERVER_JID,
            },
        )
    ]
    before, after = attempt.events[-2:]
    assert isinstance(before, QrCode)
    assert isinstance(after, QrCode)
    assert (after.index, after.count, after.valid_for) == (before.index, before.count, 10.0)
    old, new = attempt.code_parts(before.text), attempt.code_parts(after.text)
    assert new[3] != old[3]
    assert (new[:3], new[4]) == (old[:3], old[4])
    await attempt.clock.advance(10)
    assert attempt.code_parts(attempt.texts[-1])[3] == new[3]
    assert attempt.code_parts(attempt.texts[-1])[0] == REFS[2]


async def test_refresh_before_the_first_code_counts_too() -> None:
    attempt = make_round()
    await attempt.start()
    assert len(await attempt.server.send_node(REFRESH)) == 1
    await attempt.server.send_node(pair_device())
    await attempt.server.send_node(pair_success(attempt.proof()))
    assert len(attempt.saved) == 1


@pytest.mark.parametrize(
    "other",
    [
        notification("companion_reg_refresh", Node("other")),
        Node(
            "notification",
            {"from": Jid.of_number("15551234567"), "type": "companion_reg_refresh", "id": "n-1"},
            [Node("companion_reg_refresh")],
        ),
        notification("devices", Node("companion_reg_refresh")),
    ],
)
async def test_other_notifications_are_only_acknowledged(other: Node) -> None:
    attempt = await showing()
    answers = await attempt.server.send_node(other)
    assert [node.tag for node in answers] == ["ack"]
    assert len(attempt.events) == 1


@pytest.mark.parametrize("ending", ["515", "close", "xmlstreamend", "silence", "patience", "503"])
@pytest.mark.parametrize("hosted", [False, True])
async def test_phone_links_the_device(ending: str, hosted: bool) -> None:
    attempt = await showing(hosted=hosted)
    await attempt.server.send_node(REFRESH)
    props = wire.ClientPairingProps(isChatDbLidMigrated=True).SerializeToString()
    answers = await attempt.server.send_node(
        pair_success(attempt.proof(), Node("client-props", {}, props))
    )
    assert attempt.running
    assert isinstance(attempt.events[-1], Confirming)
    assert [node.tag for node in answers] == ["iq"]
    if ending == "close":
        await attempt.server.hang_up()
    elif ending == "silence":
        await attempt.clock.advance(20)
    elif ending == "patience":
        await attempt.server.send_node(Node("ib", {"from": SERVER_JID}))
        await attempt.clock.advance(20)
    elif ending == "xmlstreamend":
        await attempt.server.send_node(Node("xmlstreamend"))
    else:
        await attempt.server.send_node(stream_error(ending))
    credentials = await attempt.result()
    assert attempt.saved == [credentials]
    assert attempt.server.closed
    assert credentials.jid == Jid("15551234567", "s.whatsapp.net", 12)
    assert credentials.lid == Jid("998877", "lid", 12)
    assert (credentials.platform, credentials.business_name) == ("smba", "Shop")
    assert credentials.lid_migrated
    assert credentials.push_name is None
    assert credentials.noise_key.public == attempt.server.noise_key
    data = attempt.server.payload.devicePairingData
    assert credentials.identity_key.public == data.eIdent
    assert credentials.registration_id.to_bytes(4) == data.eRegid
    assert credentials.signed_pre_key.id.to_bytes(3) == data.eSkeyId
    assert credentials.signed_pre_key.key_pair.public == data.eSkeyVal
    assert credentials.adv_secret == attempt.code_parts(attempt.texts[-1])[3]
    assert Credentials.from_dict(credentials.to_dict()) == credentials


async def test_signature_is_what_the_server_checks_and_comes_after_saving() -> None:
    attempt = await showing()
    before = len(attempt.server.sent)
    (answer,) = await attempt.server.send_node(pair_success(attempt.proof()))
    assert attempt.journal == [f"saved with {before} sent"]
    assert (answer.attr("id"), answer.attr("type"), answer.jid("to")) == (
        "ps-1",
        "result",
        SERVER_JID,
    )
    identity = answer.required_child("pair-device-sign").required_child("device-identity")
    assert identity.attr("key-index") == "5"
    signed = wire.ADVSignedDeviceIdentity.FromString(identity.data)
    assert not signed.HasField("accountSignatureKey")
    device_key = attempt.server.payload.devicePairingData.eIdent
    assert curve25519.verify(
        device_key,
        b"\x06\x01" + signed.details + device_key + attempt.phone.identity.public,
        signed.deviceSignature,
    )
    account = wire.ADVSignedDeviceIdentity.FromString(attempt.saved[0].account)
    assert account.accountSignatureKey == attempt.phone.identity.public
    assert account.deviceSignature == signed.deviceSignature


async def test_second_pair_success_changes_nothing() -> None:
    attempt = await linked()
    assert await attempt.server.send_node(pair_success(attempt.proof(), request_id="ps-2")) == []
    await attempt.server.send_node(REFRESH)
    await attempt.server.send_node(PASSKEY)
    assert len(attempt.saved) == 1
    assert isinstance(attempt.events[-1], Confirming)
    await attempt.server.send_node(stream_error("515"))
    assert await attempt.result() == attempt.saved[0]


async def test_device_that_is_removed_at_once_is_not_linked() -> None:
    attempt = await linked()
    conflict = Node("conflict", {"type": "device_removed"})
    await attempt.server.send_node(Node("stream:error", {"code": "401"}, [conflict]))
    with pytest.raises(LoggedOut):
        await attempt.result()


async def test_proof_with_a_retired_secret_is_refused() -> None:
    attempt = await showing()
    stale = attempt.proof()
    await attempt.server.send_node(REFRESH)
    answers = await attempt.server.send_node(pair_success(stale))
    assert answers == [error_answer("401", "hmac-mismatch")]
    with pytest.raises(PairingFailed) as failed:
        await attempt.result()
    assert failed.value.stage == "hmac-mismatch"
    assert attempt.saved == []
    assert attempt.server.closed


def error_answer(code: str, text: str) -> Node:
    return Node(
        "iq",
        {"to": SERVER_JID, "type": "error", "id": "ps-1"},
        [Node("error", {"code": code, "text": text})],
    )


async def test_proof_for_another_device_is_refused() -> None:
    attempt = await showing()
    secret = attempt.code_parts(attempt.texts[-1])[3]
    answers = await attempt.server.send_node(
        pair_success(attempt.phone.container(bytes(32), secret))
    )
    assert answers == [error_answer("401", "signature-mismatch")]
    with pytest.raises(PairingFailed):
        await attempt.result()


@pytest.mark.parametrize(
    "children",
    [
        [],
        [Node("device-identity", {}, b"\xff")],
        [Node("device-identity", {}, b"x")],
        [Node("device-identity", {}, b"x"), Node("device", {"jid": "1:1@s.whatsapp.net"})],
    ],
)
async def test_malformed_pair_success_is_refused(children: list[Node]) -> None:
    attempt = await showing()
    answers = await attempt.server.send_node(
        from_server("ps-1", Node("pair-success", {}, children))
    )
    assert answers == [error_answer("500", "internal-error")]
    with pytest.raises(PairingFailed):
        await attempt.result()


@pytest.mark.parametrize("error", [StoreError("disk full"), RuntimeError("bug")])
async def test_failure_to_save_refuses_and_signs_nothing(error: Exception) -> None:
    attempt = await showing()
    attempt.save_error = error
    answers = await attempt.server.send_node(pair_success(attempt.proof()))
    assert answers == [error_answer("500", "internal-error")]
    with pytest.raises(type(error)):
        await attempt.result()


async def test_refusal_that_cannot_be_sent_still_says_why() -> None:
    attempt = await showing()
    attempt.server.broken = True
    await attempt.server.send_node(pair_success(b"\xff"))
    with pytest.raises(PairingFailed):
        await attempt.result()


async def test_signature_that_cannot_be_sent_is_a_failed_connection() -> None:
    attempt = await showing()
    proof = attempt.proof()
    attempt.server.broken = True
    await attempt.server.send_node(pair_success(proof))
    with pytest.raises(ConnectionFailed):
        await attempt.result()
    assert len(attempt.saved) == 1


async def test_only_the_server_can_offer_codes_or_link() -> None:
    attempt = make_round()
    await attempt.start()
    stranger = Jid.of_number("15551234567")
    for node in (pair_device(), pair_success(b"x")):
        assert await attempt.server.send_node(Node("iq", {**node.attrs, "from": stranger})) == []
    without = {name: value for name, value in pair_device().attrs.items() if name != "from"}
    assert await attempt.server.send_node(Node("iq", without, pair_device().content)) == []
    no_id = {name: value for name, value in pair_device().attrs.items() if name != "id"}
    assert await attempt.server.send_node(Node("iq", no_id, pair_device().content)) == []
    assert attempt.events == []
    assert attempt.running


@pytest.mark.parametrize(
    "node",
    [
        Node("success", {"t": "1785000000", "lid": "1:2@lid"}),
        Node("ib", {"from": SERVER_JID}, [Node("downgrade_webclient")]),
        Node("message", {"from": SERVER_JID, "id": "m"}),
        Node("notification", {"from": SERVER_JID, "type": "devices"}),
        Node("notification", {"from": "1:99999@s.whatsapp.net", "id": "n", "type": "x"}),
        Node("iq", {"from": SERVER_JID, "type": "result", "id": "unknown"}),
        Node("iq", {"from": SERVER_JID, "type": "set", "id": "x"}, [Node("unknown")]),
        Node("iq", {"from": SERVER_JID, "type": "result", "id": "x"}, [Node("ping")]),
    ],
    ids=lambda node: node.tag,
)
async def test_what_means_nothing_now_is_ignored(node: Node) -> None:
    attempt = await showing()
    assert await attempt.server.send_node(node) == []
    assert attempt.running
    assert len(attempt.events) == 1


async def test_success_after_linking_does_not_end_the_attempt() -> None:
    attempt = await linked()
    await attempt.server.send_node(Node("success", {"t": "1785000000"}))
    assert attempt.running


async def test_genuine_frame_that_is_no_node_is_skipped() -> None:
    attempt = await showing()
    attempt.server.push_raw(b"\x00\xff\xff")
    await settle()
    assert attempt.running
    assert isinstance(attempt.events[-1], QrCode)


@pytest.mark.parametrize(
    "ping",
    [
        Node("iq", {"from": SERVER_JID, "type": "get", "id": "p", "xmlns": "urn:xmpp:ping"}),
        Node("iq", {"from": SERVER_JID, "id": "p", "xmlns": "urn:xmpp:ping"}),
        Node("iq", {"from": SERVER_JID, "type": "get", "id": "p"}, [Node("ping")]),
    ],
)
async def test_pings_of_the_server_are_answered(ping: Node) -> None:
    attempt = await showing()
    assert await attempt.server.send_node(ping) == [
        Node("iq", {"to": SERVER_JID, "type": "result", "id": "p"})
    ]


async def test_line_is_kept_alive_while_a_code_is_shown() -> None:
    attempt = await showing()
    await attempt.clock.advance(55)
    assert attempt.server.pings >= 2
    assert attempt.running


async def test_silent_line_ends_the_attempt() -> None:
    attempt = await showing()
    attempt.server.answers_pings = False
    await attempt.clock.advance(55)
    with pytest.raises(KeepAliveLost):
        await attempt.result()
    assert attempt.server.closed


async def test_server_without_codes_ends_the_attempt() -> None:
    attempt = make_round()
    await attempt.start()
    attempt.server.push(Node("ib", {"from": SERVER_JID}))
    await attempt.clock.advance(59)
    assert attempt.running
    await attempt.clock.advance(1)
    with pytest.raises(PairingFailed) as failed:
        await attempt.result()
    assert failed.value.stage == "no_codes"


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("405", ClientOutdated),
        ("401", LoggedOut),
        ("409", LoginRefused),
        ("500", ConnectionFailed),
    ],
)
async def test_refused_registration_says_why(reason: str, error: type[Exception]) -> None:
    attempt = make_round()
    await attempt.start()
    await attempt.server.send_node(Node("failure", {"reason": reason, "location": "frc"}))
    with pytest.raises(error):
        await attempt.result()
    assert attempt.server.closed


@pytest.mark.parametrize("code", ["515", "503"])
async def test_stream_error_before_linking_is_a_failed_connection(code: str) -> None:
    attempt = await showing()
    await attempt.server.send_node(stream_error(code))
    with pytest.raises(StreamEnded) as ended:
        await attempt.result()
    assert ended.value.code == code


async def test_closed_line_before_linking_is_a_failed_connection() -> None:
    attempt = await showing()
    await attempt.server.hang_up()
    with pytest.raises(Disconnected):
        await attempt.result()


async def test_frame_of_somebody_else_ends_the_attempt() -> None:
    attempt = await showing()
    attempt.server._to_client.put_nowait(b"\x00\x00\x20" + bytes(32))
    await settle()
    with pytest.raises(NoiseError):
        await attempt.result()


@pytest.mark.parametrize("refs", [[], [""], ["a,b"]])
async def test_offer_without_usable_refs_ends_the_attempt(refs: list[str]) -> None:
    attempt = make_round()
    await attempt.start()
    await attempt.server.send_node(pair_device(refs))
    with pytest.raises(RemoteProtocolError):
        await attempt.result()


async def test_server_that_cannot_be_reached_is_a_failed_connection() -> None:
    attempt = make_round()
    attempt.server.refuses_to_connect = True
    await attempt.start()
    with pytest.raises(TransportError):
        await attempt.result()


async def test_line_that_closes_in_the_handshake_is_a_failed_connection() -> None:
    attempt = make_round()
    attempt.server.answers_handshake = False
    await attempt.start()
    with pytest.raises(Disconnected):
        await attempt.result()
    assert attempt.server.closed


async def test_server_with_another_root_is_refused() -> None:
    attempt = make_round()
    attempt.pairing._server = attempt.pairing._server.__class__(
        url=URL, root_key=TrustRoot().root.public
    )
    await attempt.start()
    with pytest.raises(CertificateError):
        await attempt.result()
    assert attempt.server.closed


async def test_attempt_is_single_use() -> None:
    attempt = await showing()
    with pytest.raises(LocalProtocolError):
        await attempt.pairing.run(attempt.events.append)
    assert attempt.running


async def test_cancelling_closes_the_socket() -> None:
    attempt = await showing()
    assert attempt.task is not None
    attempt.task.cancel()
    await settle()
    assert attempt.task.cancelled()
    assert attempt.server.closed
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_cancelling_while_saving_finishes_what_the_phone_agreed_to() -> None:
    attempt = await showing()
    attempt.save_gate = asyncio.Event()
    await attempt.server.send_node(pair_success(attempt.proof()))
    assert attempt.task is not None
    attempt.task.cancel()
    await settle()
    assert attempt.running
    attempt.save_gate.set()
    await settle()
    assert attempt.task.cancelled()
    assert len(attempt.saved) == 1
    assert attempt.server.sent[-1].child("pair-device-sign") is not None
    assert attempt.server.closed


async def test_cancelling_while_a_save_fails_is_still_a_cancelling() -> None:
    attempt = await showing()
    attempt.save_gate, attempt.save_error = asyncio.Event(), StoreError("disk full")
    await attempt.server.send_node(pair_success(attempt.proof()))
    assert attempt.task is not None
    attempt.task.cancel()
    await settle()
    attempt.save_gate.set()
    await settle()
    assert attempt.task.cancelled()
    assert attempt.server.sent[-1] == error_answer("500", "internal-error")


async def test_passkey_request_is_noticed_and_explains_the_end() -> None:
    attempt = await showing()
    answers = await attempt.server.send_node(PASSKEY)
    assert [node.tag for node in answers] == ["ack"]
    assert attempt.events[-1] == PasskeyRequested(relying_party="whatsapp.com")
    await attempt.clock.advance(160)
    assert len(attempt.texts) == 6
    with pytest.raises(PasskeyRequired):
        await attempt.result()


async def test_passkey_request_explains_a_closed_line() -> None:
    attempt = await showing()
    await attempt.server.send_node(PASSKEY)
    await attempt.server.hang_up()
    with pytest.raises(PasskeyRequired):
        await attempt.result()


async def test_passkey_given_elsewhere_lets_the_phone_link() -> None:
    attempt = await showing()
    await attempt.server.send_node(PASSKEY)
    await attempt.server.send_node(pair_success(attempt.proof()))
    await attempt.server.send_node(stream_error("515"))
    assert await attempt.result() == attempt.saved[0]


async def test_fault_of_the_reader_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = await showing()

    async def receive() -> bytes | None:
        raise RuntimeError("bug")

    monkeypatch.setattr(attempt.server, "receive", receive)
    attempt.server.push(Node("ib"))
    await settle()
    with pytest.raises(RuntimeError):
        await attempt.result()
    assert attempt.server.closed
