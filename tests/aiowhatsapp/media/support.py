"""Known answers of other clients, and the plaintext that they were made from."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "vectors" / "media"


def load_vectors(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text())


def plaintext(length: int) -> bytes:
    return bytes((31 * index + (index >> 8)) & 255 for index in range(length))
