"""Faults on demand: what goes wrong on a line, or what a server does on a bad day."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
import json
import os
from typing import TYPE_CHECKING, Literal

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account, Device
from .noise import ChainFaults

if TYPE_CHECKING:
    from .server import Simulator
    from .session import Session

type Match = Callable[[Node], bool]
type Direction = Literal["to_client", "from_client"]
type Action = Literal["drop", "delay", "reorder", "duplicate", "cut", "spoil", "withhold"]


def by(tag: str | None = None, **attributes: str) -> Match:
    """Match stanzas by tag and attributes; `class_` stands for `class`."""
    wanted = {name.rstrip("_"): value for name, value in attributes.items()}

    def matches(node: Node) -> bool:
        return (tag is None or node.tag == tag) and all(
            node.attr(name) == value for name, value in wanted.items()
        )

    return matches


@dataclass(eq=False)
class Rule:
    """Something to do to the next stanzas that match."""

    action: Action
    direction: Direction
    match: Match
    count: int
    device: Device | None = None
    seconds: float = 0
    held: list[Node] = field(default_factory=list)
    hits: int = 0


class Faults:
    """All faults of one server; none is on by itself."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._rules: list[Rule] = []
        self._once: Counter[str] = Counter()
        self._login_failures: list[tuple[Device | Account | None, str, dict[str, str]]] = []
        self.chain: ChainFaults | None = None
        self.refuse_upgrade: int | None = None
        self.mute_handshake = False

    # --- stanzas on the line

    def add(
        self,
        action: Action,
        match: Match,
        *,
        direction: Direction = "to_client",
        count: int = 1,
        device: Device | None = None,
        seconds: float = 0,
    ) -> Rule:
        """Do `action` to the next `count` stanzas that match.

        `reorder` holds them back until all `count` have come, then lets them go last
        first; `cut` aborts the connection instead of handing the stanza on; `spoil` turns
        one bit of each ciphertext; `withhold` puts `<unavailable/>` in place of them.
        """
        rule = Rule(action, direction, match, count, device, seconds)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Take all rules back; held stanzas are lost."""
        self._rules.clear()
        self._once.clear()
        self._login_failures.clear()
        self.chain = None
        self.refuse_upgrade = None
        self.mute_handshake = False

    def outgoing(self, session: Session, node: Node) -> list[tuple[float, Node]]:
        """Say what really leaves for the client, and how late."""
        return self._apply("to_client", session, node)

    def incoming(self, session: Session, node: Node) -> list[tuple[float, Node]]:
        """Say what really arrives from the client, and how late."""
        return self._apply("from_client", session, node)

    def _apply(
        self, direction: Direction, session: Session, node: Node
    ) -> list[tuple[float, Node]]:
        for rule in self._rules:
            if rule.direction != direction or not rule.match(node):
                continue
            if rule.device is not None and rule.device is not session.device:
                continue
            rule.hits += 1
            if rule.hits >= rule.count:
                self._rules.remove(rule)
            return self._carry_out(rule, session, node)
        return [(0, node)]

    @staticmethod
    def _carry_out(rule: Rule, session: Session, node: Node) -> list[tuple[float, Node]]:
        match rule.action:
            case "delay":
                return [(rule.seconds, node)]
            case "duplicate":
                return [(0, node), (0, node)]
            case "reorder":
                rule.held.append(node)
                complete = rule.hits >= rule.count
                return [(0, held) for held in reversed(rule.held)] if complete else []
            case "spoil":
                return [(0, _replace_encs(node, _spoiled))]
            case "withhold":
                return [(0, _replace_encs(node, lambda _: Node("unavailable")))]
            case "cut":
                session.abort()
        return []

    # --- one-off misbehaviour, by name

    def once(self, name: str, count: int = 1) -> None:
        """Arm a named fault for its next `count` occasions.

        `bad_pairing_hmac`, `dirty_at_login`, `pairing_close_without_515`,
        `refresh_on_scan`, `success_before_pairing_ends`.
        """
        self._once[name] += count

    def take(self, name: str) -> bool:
        """Use up one occasion of a named fault."""
        if self._once[name] <= 0:
            return False
        self._once[name] -= 1
        return True

    def take_refresh_on_scan(self) -> bool:
        """Tell whether this scan makes the server retire the code's secret."""
        return self.take("refresh_on_scan")

    def fail_login(
        self, reason: str, *, target: Device | Account | None = None, **attributes: str
    ) -> None:
        """Answer the next login (of that device or account) with a failure."""
        self._login_failures.append((target, reason, attributes))

    def take_login_failure(self, device: Device | None) -> tuple[str, dict[str, str]] | None:
        """Use up the failure meant for this login."""
        for entry in self._login_failures:
            target, reason, attributes = entry
            account = device.account if device else None
            if target is None or target is device or target is account:
                self._login_failures.remove(entry)
                return reason, attributes
        return None

    # --- things a server does on purpose

    def close(self, device: Device, code: str, *children: Node) -> None:
        """End the device's stream with an error code."""
        session = self._session(device)
        session.end(code, *children)

    def hang_up(self, device: Device) -> None:
        """Close the device's socket without a word."""
        self._session(device).close()

    def cut(self, device: Device) -> None:
        """Abort the device's connection as a broken line does."""
        self._session(device).abort()

    def end_stream(self, device: Device) -> None:
        """Send `xmlstreamend` and close."""
        session = self._session(device)
        session.deliver(Node("xmlstreamend"))
        session.close()

    def silence(self, device: Device) -> None:
        """Leave the socket open, but hear and say nothing any more."""
        self._session(device).silent = True

    def garbage(self, device: Device, *, sealed: bool = True) -> None:
        """Send a frame of noise: sealed properly, or not even that."""
        self._session(device).deliver_raw(os.urandom(40), sealed=sealed)

    def ping(self, device: Device) -> str:
        """Ask the client whether it is there; return the id its answer must have."""
        stanza_id = self._server.next_id()
        attributes = {"type": "get", "xmlns": "urn:xmpp:ping", "id": stanza_id}
        self._session(device).deliver(Node("iq", {"from": SERVER_JID, **attributes}))
        return stanza_id

    def companion_reg_refresh(self, session: Session, secret: bytes | None = None) -> None:
        """Retire the secret of the shown code; the client must make a new one."""
        if secret is not None and session.registration is not None:
            session.registration.retired_secrets.add(secret)
        session.deliver(
            Node(
                "notification",
                {
                    "type": "companion_reg_refresh",
                    "from": SERVER_JID,
                    "id": self._server.next_id(),
                    "t": str(self._server.now()),
                },
                [Node("companion_reg_refresh")],
            )
        )

    def passkey_prologue_request(self, session: Session) -> None:
        """Ask the client that is being linked for a passkey."""
        options = {
            "challenge": "c2ltdWxhdG9yLWNoYWxsZW5nZQ",
            "timeout": 600000,
            "rpId": "whatsapp.com",
            "allowCredentials": [],
            "userVerification": "required",
            "extensions": {"uvm": True},
        }
        session.deliver(
            Node(
                "notification",
                {
                    "type": "passkey_prologue_request",
                    "from": SERVER_JID,
                    "id": self._server.next_id(),
                    "t": str(self._server.now()),
                },
                [Node("passkey_request_options", {}, json.dumps(options).encode())],
            )
        )

    def _session(self, device: Device) -> Session:
        session = self._server.session_of(device)
        if session is None:
            raise ValueError(f"{device.label} is not connected")
        return session


def _spoiled(enc: Node) -> Node:
    """Turn a bit in the middle, where the ratchet's ciphertext is."""
    data = bytearray(enc.data)
    data[len(data) // 2] ^= 1
    return Node(enc.tag, dict(enc.attrs), bytes(data))


def _replace_encs(node: Node, change: Callable[[Node], Node]) -> Node:
    children = [change(child) if child.tag == "enc" else child for child in node.children()]
    return Node(node.tag, dict(node.attrs), children)
