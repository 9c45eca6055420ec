"""Messages of every type that the schema has, also those that are not read here."""

import random
from typing import Any, Final, cast

from tests.aiowhatsapp.message.support import load_vectors, varint

_SCHEMA: Final = load_vectors("wa-proto_messages")
# Every field of `Message`, by name.
TYPES: Final[dict[str, int]] = _SCHEMA["names"]
_FIELDS: Final[dict[str, list[tuple[int, str]]]] = _SCHEMA["messages"]

_VARINT: Final = (0, 1, 2, 14, 2**31 - 1, 2**63, 2**64 - 1)
_BYTES: Final = (
    b"",
    b"plain",
    b"15551234567:3@s.whatsapp.net",
    b"1:99999999@lid",
    b"\xff\xfe\x80",
    b"\x00" * 7,
    b"BEGIN:VCARD\nFN:\xf0\x9f\x99\x82\nTEL:+1\nEND:VCARD",
    b"\x01" * 32,
    b"\x02" * 12,
)


class SchemaWriter:
    """Writes messages by the schema, with the values that make trouble."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))

    def of_type(self, name: str, depth: int = 4) -> bytes:
        """Write a `Message` whose content is of that type."""
        number = TYPES[name]
        kind = next(kind for field, kind in _FIELDS["Message"] if field == number)
        return self._field(number, kind, depth)

    def _field(self, number: int, kind: str, depth: int) -> bytes:
        match kind:
            case "v":
                return varint(number << 3) + varint(self._random.choice(_VARINT))
            case "d":
                return varint(number << 3 | 1) + self._random.randbytes(8)
            case "f":
                return varint(number << 3 | 5) + self._random.randbytes(4)
            case "s":
                content = self._random.choice(_BYTES)
            case _:
                content = self._message(kind, depth - 1) if depth else b""
        return varint(number << 3 | 2) + varint(len(content)) + content

    def _message(self, name: str, depth: int) -> bytes:
        fields = cast("list[Any]", _FIELDS[name])
        chosen = self._random.sample(fields, k=min(len(fields), self._random.randint(1, 8)))
        return b"".join(self._field(number, kind, depth) for number, kind in chosen)
