"""What the processes here say and hear: JSON lines, bytes as {"$base64": ...}."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
import json
from typing import Any


def dump_line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(_to_json(message), separators=(",", ":")).encode() + b"\n"


def load_line(line: bytes) -> dict[str, Any]:
    message = _from_json(json.loads(line))
    if not isinstance(message, dict):
        raise TypeError(f"not a JSON object: {line[:200]!r}")
    return message


def _to_json(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return {"$base64": b64encode(value).decode()}
        case Mapping():
            return {key: _to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_to_json(item) for item in value]
        case _:
            return value


def _from_json(value: Any) -> Any:
    match value:
        case {"$base64": str(text)}:
            return b64decode(text)
        case dict():
            return {key: _from_json(item) for key, item in value.items()}
        case list():
            return [_from_json(item) for item in value]
        case _:
            return value
