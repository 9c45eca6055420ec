"""Where media files are uploaded and downloaded at present, and with which ticket.

```
<iq xmlns="w:m" type="set"><media_conn/></iq>
  ->  <media_conn auth ttl auth_ttl max_buckets>
        <host hostname type="primary|fallback" {maxContentLengthBytes}>..</host>..
      </media_conn>
```
"""

from dataclasses import dataclass, field
from typing import Final, override

from ..errors import AttributeMissing
from ..wabinary import Node
from .spec import IqSpec

# Hosts come in the order to try them; nobody makes us try more.
MAX_HOSTS: Final = 10
_MAX_AUTH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaConn:
    """The hosts, the ticket for uploads, and for how many seconds both are good."""

    hosts: tuple[str, ...]
    auth: str = field(repr=False)
    ttl: int


@dataclass(frozen=True, slots=True)
class GetMediaConn(IqSpec[MediaConn]):
    """Ask for hosts and ticket."""

    namespace = "w:m"
    type = "set"

    @override
    def build(self) -> list[Node]:
        """`<media_conn/>`."""
        return [Node("media_conn")]

    @override
    def parse(self, node: Node) -> MediaConn:
        """Read the hosts, primary ones first; raise `AttributeMissing` when there is none."""
        answer = node.required_child("media_conn")
        hosts = sorted(answer.children("host"), key=lambda host: host.attr("type") == "fallback")
        names = [name for host in hosts if (name := host.attr("hostname"))]
        if not names:
            raise AttributeMissing("A media_conn names no host")
        lifetimes = [answer.int_attr("ttl"), answer.int_attr("auth_ttl")]
        return MediaConn(
            hosts=tuple(dict.fromkeys(names))[:MAX_HOSTS],
            auth=answer.required_attr("auth")[:_MAX_AUTH],
            ttl=min((each for each in lifetimes if each is not None and each > 0), default=0),
        )
