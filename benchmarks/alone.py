"""Lets the client be imported without the integration around it, hence without Home Assistant."""

from pathlib import Path
import sys
from types import ModuleType

ROOT = Path(__file__).parents[1]
_INTEGRATION = "custom_components.whatsapp_web"


def import_client_alone() -> None:
    """Put a bare package in the integration's place: only its folder is needed."""
    package = ModuleType(_INTEGRATION)
    package.__path__ = [str(ROOT / _INTEGRATION.replace(".", "/"))]
    sys.modules.setdefault(_INTEGRATION, package)
