"""The two stanzas that both codecs are measured with; their addresses are text here."""

from tests.peers.oracle import OracleNode


def incoming_message() -> OracleNode:
    """A text from another person's linked device, 201 bytes on the wire."""
    return OracleNode(
        tag="message",
        attrs={
            "from": "200000000000002:12@lid",
            "id": "3EB0A1B2C3D4E5F60718",
            "type": "text",
            "t": "1763935200",
            "notify": "Ann Example",
            "sender_pn": "15550002222:12@s.whatsapp.net",
        },
        content=[OracleNode(tag="enc", attrs={"v": "2", "type": "msg"}, content=_noise(113))],
    )


def outgoing_message() -> OracleNode:
    """A text of ours to four devices, one of them new to us: 1.4 kB on the wire."""
    recipient = "200000000000002"
    sealed = [
        (f"{recipient}@lid", "msg", 178),
        (f"{recipient}:12@lid", "msg", 178),
        ("200000000000001@lid", "msg", 226),
        ("200000000000001:7@lid", "pkmsg", 330),
    ]
    participants = [
        OracleNode(
            tag="to",
            attrs={"jid": device},
            content=[OracleNode(tag="enc", attrs={"v": "2", "type": kind}, content=_noise(size))],
        )
        for device, kind, size in sealed
    ]
    return OracleNode(
        tag="message",
        attrs={
            "id": "3EB0A1B2C3D4E5F60719",
            "to": f"{recipient}@lid",
            "type": "text",
            "peer_recipient_pn": "15550002222@s.whatsapp.net",
        },
        content=[
            OracleNode(tag="participants", attrs={}, content=participants),
            OracleNode(tag="device-identity", attrs={}, content=_noise(250)),
        ],
    )


def _noise(size: int) -> bytes:
    """Bytes that look like a ciphertext, the same ones every time."""
    return bytes((index * index * 31 + index * 7) % 251 for index in range(size))
