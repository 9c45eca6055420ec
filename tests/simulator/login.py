"""Logging in: who may, what the server says first, and the backlog."""

import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Device

if TYPE_CHECKING:
    from .server import Simulator
    from .session import Session


def admit(server: Simulator, session: Session) -> None:
    """Answer a finished handshake: begin linking, log in, or refuse."""
    payload = session.payload
    version = payload.userAgent.appVersion
    if (version.primary, version.secondary, version.tertiary) < server.minimum_version:
        session.fail("405")
        return
    if payload.HasField("devicePairingData"):
        failure = server.faults.take_login_failure(None)
        if failure is not None:
            session.fail(failure[0], **failure[1])
            return
        server.pairing.begin(session)
        if server.faults.take("success_before_pairing_ends"):
            session.deliver(Node("success", {"t": str(server.now()), "location": "sim"}))
        return
    account = server.directory.find_number(str(payload.username))
    device = account.devices.get(payload.device) if account else None
    failure = server.faults.take_login_failure(device)
    if failure is not None:
        session.fail(failure[0], **failure[1])
    elif device is None or not device.id or session.client_static != device.noise_public:
        session.fail("401")
    else:
        _log_in(server, session, device)


def _log_in(server: Simulator, session: Session, device: Device) -> None:
    old = server.session_of(device)
    if old is not None:
        old.end("", Node("conflict", {"type": "replaced"}))
    session.device = device
    device.endpoint = session
    device.mailbox.disconnected()
    server.presence.gone(device)
    device.logins += 1
    session.deliver(
        Node(
            "success",
            {
                "t": str(server.now()),
                "props": "27",
                "companion_enc_static": os.urandom(24).hex(),
                "location": "sim",
                "lid": device.jid(lid=True),
                "display_name": device.account.name,
                "creation": str(server.now() - 86400),
            },
        )
    )
    if server.faults.take("dirty_at_login"):
        session.deliver(
            _ib(Node("dirty", {"type": "account_sync", "timestamp": str(server.now())}))
        )
    if not session.payload.passive:
        server.activate(device)


def deliver_backlog(server: Simulator, session: Session, device: Device) -> None:
    """Send what waited, in order, and say when it is over."""
    session.activated = True
    if server.edge_routing:
        routing = Node("routing_info", {}, b"\x08\x0d" + os.urandom(6))
        session.deliver(_ib(Node("edge_routing", {}, [routing])))
    entries = device.mailbox.pending()
    if entries:
        tags = [entry.node.tag for entry in entries]
        counts = {
            "count": str(len(tags)),
            "message": str(tags.count("message")),
            "receipt": str(tags.count("receipt")),
            "notification": str(tags.count("notification")),
            "call": str(tags.count("call")),
            "appdata": "0",
        }
        session.deliver(_ib(Node("offline_preview", dict(counts))))
    session.backlog.extend(entries)
    first = len(entries) if server.offline_primer is None else server.offline_primer
    deliver_batch(server, session, first)


def deliver_batch(server: Simulator, session: Session, count: int) -> None:
    """Send the next stanzas of the backlog; the last one opens the line for live ones."""
    if session.active:
        return
    for _ in range(min(count, len(session.backlog))):
        entry = session.backlog.popleft()
        entry.sent = True
        entry.deliveries += 1
        node = entry.node
        session.backlog_sent += 1
        session.deliver(Node(node.tag, {**node.attrs, "offline": "0"}, node.content))
    if session.backlog:
        return
    # What arrived meanwhile was queued behind the backlog.
    late = [entry for entry in session.late_entries() if not entry.sent]
    session.deliver(_ib(Node("offline", {"count": str(session.backlog_sent)})))
    session.active = True
    for entry in late:
        entry.sent = True
        entry.deliveries += 1
        session.deliver(entry.node)


def _ib(child: Node) -> Node:
    return Node("ib", {"from": SERVER_JID}, [child])
