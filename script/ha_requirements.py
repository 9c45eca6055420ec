"""Print what Home Assistant needs to start with its front end and no downloads.

Run with the Python of an environment that has Home Assistant installed. Its
default integrations have requirements that it would install at the first start;
with these installed beforehand it starts in seconds and with --skip-pip.
"""

import json
from pathlib import Path

import homeassistant
from homeassistant import bootstrap

COMPONENTS = Path(homeassistant.__file__).parent / "components"

# What people open besides the defaults: our texts in the logbook, received media.
EXTRA = {"config", "history", "logbook", "media_source"}
# Imported by defaults outside of what their manifests say.
UNDECLARED = {"hassio"}


def requirements(domains: set[str]) -> set[str]:
    """Return the requirements of these integrations and of all they depend on."""
    seen: set[str] = set()
    found: set[str] = set()
    waiting = sorted(domains)
    while waiting:
        domain = waiting.pop()
        if domain in seen:
            continue
        seen.add(domain)
        manifest = json.loads((COMPONENTS / domain / "manifest.json").read_text("utf-8"))
        found.update(manifest.get("requirements", []))
        waiting.extend(manifest.get("dependencies", []))
    return found


if __name__ == "__main__":
    domains = bootstrap.DEFAULT_INTEGRATIONS | bootstrap.CORE_INTEGRATIONS | {"isal", "network"}
    print("\n".join(sorted(requirements(domains | EXTRA | UNDECLARED))))
