"""Import directions: the table of docs/architecture.md, as it is."""

from pathlib import Path
import sys

import pytest

from .house import CLIENT, INTEGRATION, home_assistant_side, imports_of, sources

# Area -> the areas it may import from. Protobuf's own classes go with `proto`.
INSIDE = {
    "errors": set[str](),
    "jid": {"errors"},
    "proto": set[str](),
    "crypto": {"errors"},
    "wabinary": {"jid", "errors"},
    "noise": {"crypto", "proto", "errors"},
    "signal": {"crypto", "proto", "errors"},
    "appstate": {"crypto", "proto", "errors"},
    "media": {"crypto", "proto", "errors"},
    "message": {"proto", "jid", "crypto", "media", "errors"},
    "pairing": {"crypto", "proto", "wabinary", "signal", "jid", "errors"},
    "stanza": {"wabinary", "proto", "jid", "errors"},
    "iq": {"wabinary", "proto", "jid", "errors", "stanza"},
    "connection": {"noise", "wabinary", "crypto", "errors"},
    "events": {"jid", "message", "stanza", "errors"},
    "store": {"jid", "errors", "crypto", "proto", "signal", "appstate"},
    "transport": {"errors"},
}
INSIDE["client"] = set(INSIDE)

# Area -> the third-party packages it may import.
OUTSIDE = {"crypto": {"cryptography", "nacl"}, "transport": {"aiohttp", "yarl"}}

# What the Home Assistant side may take from the client.
PUBLIC_FACE = {".aiowhatsapp", ".aiowhatsapp.store"}
HOME_ASSISTANT = {"aiohttp", "homeassistant", "qrcode", "voluptuous", "yarl"}
# Credentials are sealed with what Home Assistant carries; see docs/dependencies.md.
HOME_ASSISTANT |= {"cryptography"}
# Pictures are made ready with what Home Assistant carries, too.
HOME_ASSISTANT |= {"PIL"}


def area_of(path: Path) -> str:
    return path.relative_to(CLIENT).parts[0].removesuffix(".py")


def top(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def is_third_party(module: str) -> bool:
    return not module.startswith(".") and top(module) not in sys.stdlib_module_names


CLIENT_MODULES = [path for path in sources(CLIENT) if path != CLIENT / "__init__.py"]


def short(path: Path) -> str:
    return str(path.relative_to(INTEGRATION))


@pytest.mark.parametrize("path", CLIENT_MODULES, ids=short)
def test_client_module_imports_what_its_area_may(path: Path) -> None:
    area = area_of(path)
    may = INSIDE[area] | {area}
    third_party = OUTSIDE.get(area, set()) | ({"google"} if "proto" in may else set())
    inside = [i for i in imports_of(path, CLIENT) if i.module.startswith(".")]
    outside = [i for i in imports_of(path, CLIENT) if is_third_party(i.module)]
    assert [i for i in inside if i.module.split(".")[1] not in may] == []
    assert [i for i in outside if top(i.module) not in third_party] == []


@pytest.mark.parametrize("path", home_assistant_side(), ids=short)
def test_home_assistant_side_sees_only_the_public_face(path: Path) -> None:
    imports = list(imports_of(path, INTEGRATION))
    ours = [i for i in imports if i.module.startswith(".aiowhatsapp")]
    outside = [i for i in imports if is_third_party(i.module)]
    assert [i for i in ours if i.module not in PUBLIC_FACE] == []
    assert [i for i in outside if top(i.module) not in HOME_ASSISTANT] == []


def test_every_area_has_its_row() -> None:
    entries = {area_of(path) for path in CLIENT_MODULES}
    assert entries - set(INSIDE) == set()


def test_no_module_delays_annotations_by_hand() -> None:
    every = [i for path in sources(INTEGRATION) for i in imports_of(path, INTEGRATION)]
    assert [i for i in every if i.module == "__future__"] == []
