"""The Node installation behind the peers: found, checked, and how to get it if it is not there."""

from functools import cache
import json
from pathlib import Path
import shutil
import subprocess

FOLDER = Path(__file__).parent
NEEDED_MAJOR = 20
PACKAGES = ("@whiskeysockets/baileys", "zapo-js")
HOW_TO_GET_IT = (
    f"Install Node.js {NEEDED_MAJOR} or newer (https://nodejs.org), then run "
    f"`npm ci --ignore-scripts` in {FOLDER}."
)


class NodeMissing(Exception):
    """Node or the packages are not there; the message says how to get them."""


@cache
def find_node() -> str:
    """The path of a Node that is new enough, with the pinned packages installed."""
    node = shutil.which("node")
    if node is None:
        raise NodeMissing(f"The peers need Node.js. {HOW_TO_GET_IT}")
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    version = answer.stdout.strip()
    if int(version.removeprefix("v").split(".", maxsplit=1)[0]) < NEEDED_MAJOR:
        raise NodeMissing(f"The peers need a newer Node.js than {version}. {HOW_TO_GET_IT}")
    _check_packages()
    return node


def _check_packages() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    for name in PACKAGES:
        place = f"node_modules/{name}"
        manifest = FOLDER / place / "package.json"
        pinned = lock["packages"][place]["version"]
        installed = json.loads(manifest.read_text())["version"] if manifest.is_file() else "missing"
        if installed != pinned:
            raise NodeMissing(f"{name} {pinned} is pinned, found: {installed}. {HOW_TO_GET_IT}")
