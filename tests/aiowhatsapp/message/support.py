"""Vectors, and messages that nobody sane would send, for the tests of messages."""

import json
from pathlib import Path
import random
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

VECTORS = Path(__file__).parent.parent / "vectors" / "message"

_VARINT = 0
_FIXED64 = 1
_LENGTH = 2
_FIXED32 = 5

_WIRE_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_FIXED64: _FIXED64,
    FieldDescriptor.TYPE_SFIXED64: _FIXED64,
    FieldDescriptor.TYPE_FLOAT: _FIXED32,
    FieldDescriptor.TYPE_FIXED32: _FIXED32,
    FieldDescriptor.TYPE_SFIXED32: _FIXED32,
    FieldDescriptor.TYPE_STRING: _LENGTH,
    FieldDescriptor.TYPE_BYTES: _LENGTH,
    FieldDescriptor.TYPE_MESSAGE: _LENGTH,
}


def load_vectors(name: str) -> Any:
    """Read a file of vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def varint(number: int) -> bytes:
    """Write a number as protobuf does."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """Write a field of bytes, text or a message."""
    return varint(number << 3 | _LENGTH) + varint(len(content)) + content


class HostileWriter:
    """Writes messages with whatever the wire format allows in whatever field."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))

    def message(self, kind: type[Message], depth: int = 4) -> bytes:
        """Write some fields of a message."""
        return self._message(cast("Descriptor", kind.DESCRIPTOR), depth)

    def field(self, kind: type[Message], name: str) -> bytes:
        """Write one field of a message."""
        return self._field(cast("Descriptor", kind.DESCRIPTOR).fields_by_name[name], 4)

    def _message(self, descriptor: Descriptor | None, depth: int) -> bytes:
        assert descriptor is not None
        fields = list(descriptor.fields)
        chosen = self._random.sample(fields, k=min(len(fields), self._random.randint(0, 6)))
        written = [self._field(chosen_field, depth) for chosen_field in chosen]
        if self._random.random() < 0.2:
            written.append(field(self._random.randint(200, 5000), self._bytes()))
        return b"".join(written)

    def _field(self, descriptor: FieldDescriptor, depth: int) -> bytes:
        wire_type = _WIRE_TYPES.get(descriptor.type, _VARINT)
        return varint(descriptor.number << 3 | wire_type) + self._value(
            descriptor, wire_type, depth
        )

    def _value(self, descriptor: FieldDescriptor, wire_type: int, depth: int) -> bytes:
        if wire_type == _VARINT:
            return varint(self._random.choice([0, 1, 2, 7, 14, 2**31 - 1, 2**63, 2**64 - 1]))
        if wire_type != _LENGTH:
            return self._random.randbytes(8 if wire_type == _FIXED64 else 4)
        content = self._bytes()
        if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
            content = b"" if depth == 0 else self._message(descriptor.message_type, depth - 1)
        return varint(len(content)) + content

    def _bytes(self) -> bytes:
        return self._random.choice(
            [
                b"",
                b"plain",
                b"15551234567:3@s.whatsapp.net",
                b"1:99999999@lid",
                b"\xff\xfe\x80",
                b"\xed\xa0\x80",
                b"\x00" * 7,
                "\u202eturned \U0001f642".encode(),
                b"x" * 70_000,
                self._random.randbytes(self._random.randint(0, 40)),
            ]
        )
