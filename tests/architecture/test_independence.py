"""The client without Home Assistant: a copy of its folder alone, every module imported."""

from pathlib import Path
import shutil
import subprocess
import sys

from .house import CLIENT, sources

# Whoever asks for a blocked module gets the error that a machine without it gives.
PROGRAM = """
import importlib, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"homeassistant", "custom_components", "voluptuous", "qrcode"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Block())
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print("\\n".join(sorted(sys.modules)))
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(CLIENT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def test_client_imports_on_its_own(tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / CLIENT.name)
    names = [module_name(path) for path in sources(CLIENT)]
    assert len(names) > 50
    ran = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", PROGRAM, str(tmp_path), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert set(names) <= set(ran.stdout.split())


def test_client_has_its_type_marker() -> None:
    assert (CLIENT / "py.typed").exists()
