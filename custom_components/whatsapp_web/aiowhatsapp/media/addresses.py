"""Where files lie.

```
POST https://<host><path>/<token>?auth=..&token=..      token: base64url of the file's SHA-256
     the same, and &resume=1                            how much of it is there?
     the same, and &file_offset=N                       the rest of it
GET  https://<host><direct path>&hash=..&mms-type=..&__wa-mms=
```
"""

from base64 import urlsafe_b64encode
import re
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from ..errors import MediaIntegrityError
from .kinds import MediaKind

# Files without a direct path are fetched from these hosts only.
_OWN_DOMAIN: Final = ".whatsapp.net"
_MAX_PATH: Final = 4096
# A path may hold anything that can't end it or change what comes before it.
_PATH: Final = re.compile(r"/[!-\"$-\[\]-~]*")
_HOST: Final = re.compile(
    r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:]{2,45}\](:[0-9]{1,5})?"
)


def is_host(text: str) -> bool:
    """Tell whether a text is a host, with or without a port, and nothing else."""
    return _HOST.fullmatch(text) is not None


def upload_url(
    host: str,
    kind: MediaKind,
    digest: bytes,
    *,
    auth: str,
    offset: int = 0,
    resume: bool = False,
) -> str:
    """Say where a file with that SHA-256 goes; with `resume`, where to ask for its rest."""
    token = urlsafe_b64encode(digest).decode()
    query: dict[str, str | int] = {"auth": auth, "token": token}
    if resume:
        query["resume"] = 1
    elif offset:
        query["file_offset"] = offset
    return f"https://{host}{kind.path}/{quote(token)}?{urlencode(query)}"


def check_direct_path(path: str) -> str:
    """Give a direct path back; raise `MediaIntegrityError` when it may lead elsewhere."""
    if len(path) > _MAX_PATH or path.startswith("//") or not _PATH.fullmatch(path):
        raise MediaIntegrityError("A direct path is malformed")
    return path


def download_url(host: str, direct_path: str, kind: MediaKind, encrypted_digest: bytes) -> str:
    """Say where a file can be fetched; raise `MediaIntegrityError` for a malformed path."""
    path = check_direct_path(direct_path)
    query = {
        "hash": urlsafe_b64encode(encrypted_digest).decode(),
        "mms-type": kind.mms_type,
        "__wa-mms": "",
    }
    url = f"https://{host}{path}{'&' if '?' in path else '?'}{urlencode(query)}"
    if urlsplit(url).netloc != host:
        raise MediaIntegrityError("A direct path leads to another host")
    return url


def own_host_of(url: str) -> tuple[str, str] | None:
    """Take a file's whole URL apart: host and direct path; None unless it is WhatsApp's."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme != "https" or parts.netloc != host or not host.endswith(_OWN_DOMAIN):
        return None
    return host, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
