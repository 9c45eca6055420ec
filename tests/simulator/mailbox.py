"""What a device still has to answer: kept in order until its receipt or ack comes."""

from dataclasses import dataclass

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node


@dataclass(eq=False)
class Entry:
    """One stanza under way to a device."""

    node: Node
    sent: bool = False
    deliveries: int = 0

    @property
    def id(self) -> str:
        """The stanza's id."""
        return self.node.attr("id") or ""


class Mailbox:
    """A device's queue. It outlives connections, not the server."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._by_name: dict[tuple[str, str], list[int]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, node: Node) -> Entry:
        """Queue a stanza that has an id."""
        entry = Entry(node)
        self._entries[self._next] = entry
        self._by_name.setdefault((node.tag, entry.id), []).append(self._next)
        self._next += 1
        return entry

    def settle(self, tag: str, stanza_id: str) -> Entry | None:
        """Take out the oldest stanza of that tag and id that was sent."""
        keys = self._by_name.get((tag, stanza_id), [])
        for position, key in enumerate(keys):
            if self._entries[key].sent:
                del keys[position]
                if not keys:
                    del self._by_name[tag, stanza_id]
                return self._entries.pop(key)
        return None

    def settle_all(self, tag: str, stanza_id: str) -> None:
        """Take out every copy that was sent: what was read needs no earlier copy."""
        while self.settle(tag, stanza_id) is not None:
            pass

    def pending(self) -> list[Entry]:
        """Everything unanswered, oldest first."""
        return list(self._entries.values())

    def disconnected(self) -> None:
        """Forget what was sent: the next connection gets it again."""
        for entry in self._entries.values():
            entry.sent = False

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._by_name.clear()
