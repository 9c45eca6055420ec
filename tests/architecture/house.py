"""Where things stand, and how these tests read source code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "whatsapp_web"
CLIENT = INTEGRATION / "aiowhatsapp"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, absolute, with the place that asks for it."""

    module: str
    place: str


def load_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def sources(folder: Path) -> list[Path]:
    """Return the hand-written modules below a folder."""
    return sorted(path for path in folder.rglob("*.py") if not path.name.endswith("_pb2.py"))


def home_assistant_side() -> list[Path]:
    """Return the modules of the integration that are not the client's."""
    return [path for path in sources(INTEGRATION) if not path.is_relative_to(CLIENT)]


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports_of(path: Path, package: Path) -> Iterator[Import]:
    """Yield every import of a module, wherever it stands in it.

    What lies inside `package` gets a name that starts with a dot: ".signal.keys".
    """
    parts = path.relative_to(package).with_suffix("").parts
    for node in ast.walk(parse(path)):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(level=0, module=str(module)):
                modules = [module]
            case ast.ImportFrom(level=level, module=module, names=names):
                base = parts[: len(parts) - level]
                assert len(parts) >= level, f"{path} imports from outside {package.name}"
                inner = ".".join(base + ((module,) if module else ()))
                modules = [f".{inner}"] if inner else [f".{alias.name}" for alias in names]
            case _:
                continue
        for name in modules:
            yield Import(name, f"{path.relative_to(ROOT)}:{node.lineno}")
