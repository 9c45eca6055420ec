import os

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from . import Simulator
from .noise import (
    HEADER,
    ROUTING_HEADER,
    ChainFaults,
    FrameReader,
    HandshakeRefused,
    TrustRoot,
    frame,
)
from .rawclient import Closed, RawClient

NOW = 1_790_000_000


def _details(
    certificate: wire.CertChain.NoiseCertificate,
) -> wire.CertChain.NoiseCertificate.Details:
    return wire.CertChain.NoiseCertificate.Details.FromString(certificate.details)


def test_the_chain_holds_and_names_the_root_explicitly() -> None:
    trust = TrustRoot()
    chain = wire.CertChain.FromString(trust.chain(NOW))
    upper, leaf = _details(chain.intermediate), _details(chain.leaf)
    assert curve25519.verify(
        trust.root.public, chain.intermediate.details, chain.intermediate.signature
    )
    assert curve25519.verify(upper.key, chain.leaf.details, chain.leaf.signature)
    assert upper.HasField("issuerSerial")
    assert upper.issuerSerial == 0
    assert leaf.issuerSerial == upper.serial
    assert leaf.key == trust.static.public
    assert leaf.notBefore <= NOW <= leaf.notAfter


@pytest.mark.parametrize(
    "faults",
    [
        ChainFaults(expired=True),
        ChainFaults(not_yet_valid=True),
        ChainFaults(wrong_root=True),
        ChainFaults(wrong_intermediate=True),
        ChainFaults(wrong_leaf_key=True),
        ChainFaults(wrong_issuer=True),
    ],
)
def test_each_fault_breaks_the_chain_in_one_place(faults: ChainFaults) -> None:
    trust = TrustRoot()
    chain = wire.CertChain.FromString(trust.chain(NOW, faults))
    upper, leaf = _details(chain.intermediate), _details(chain.leaf)
    checks = {
        "wrong_root": curve25519.verify(
            trust.root.public, chain.intermediate.details, chain.intermediate.signature
        ),
        "wrong_intermediate": curve25519.verify(
            upper.key, chain.leaf.details, chain.leaf.signature
        ),
        "wrong_leaf_key": leaf.key == trust.static.public,
        "wrong_issuer": upper.issuerSerial == 0,
        "expired": leaf.notAfter >= NOW,
        "not_yet_valid": leaf.notBefore <= NOW,
    }
    assert {name for name, holds in checks.items() if not holds} == {
        name for name in checks if getattr(faults, name)
    }


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_frames_are_cut_from_a_stream_of_any_pieces(size: int) -> None:
    routing = ROUTING_HEADER + (4).to_bytes(3, "big") + b"edge"
    stream = routing + HEADER + frame(b"one") + frame(b"") + frame(b"three" * 50)
    reader = FrameReader()
    frames = [
        payload
        for start in range(0, len(stream), size)
        for payload in reader.feed(stream[start : start + size])
    ]
    assert frames == [b"one", b"", b"three" * 50]
    assert reader.routing_info == b"edge"


@pytest.mark.parametrize("intro", [b"WA\x06\x02", b"XX\x06\x03", b"ED\x00\x02aaaa", b"W?"])
def test_a_wrong_intro_is_refused(intro: bytes) -> None:
    with pytest.raises(HandshakeRefused):
        list(FrameReader().feed(intro))


@pytest.mark.usefixtures("socket_enabled")
class TestOverTheSocket:
    async def test_a_frame_that_does_not_verify_ends_the_connection(self) -> None:
        async with Simulator() as sim, RawClient(sim) as client:
            await client.show_code()
            await client.send_bytes(frame(os.urandom(64)))
            with pytest.raises(Closed):
                await client.receive()
            assert any("does not verify" in each for each in sim.ledger.violations)

    async def test_a_handshake_that_does_not_verify_gets_no_answer(self) -> None:
        async with Simulator() as sim, RawClient(sim) as client:
            await client.connect()
            hello = wire.HandshakeMessage()
            hello.clientHello.ephemeral = os.urandom(32)
            await client.send_bytes(HEADER + frame(hello.SerializeToString()))
            await client.receive_frame()
            finish = wire.HandshakeMessage()
            finish.clientFinish.static = os.urandom(48)
            finish.clientFinish.payload = os.urandom(80)
            await client.send_bytes(frame(finish.SerializeToString()))
            with pytest.raises(Closed):
                await client.receive_frame()
            assert sim.ledger.violations

    async def test_the_upgrade_needs_the_origin(self) -> None:
        async with Simulator() as sim, RawClient(sim) as client:
            with pytest.raises(Exception, match="403"):
                await client.connect(origin="https://example.org")

    async def test_leaf_key_is_the_static_key_the_client_saw(self) -> None:
        async with Simulator() as sim, RawClient(sim) as client:
            await client.show_code()
            assert _details(client.chain.leaf).key == client.server_static
