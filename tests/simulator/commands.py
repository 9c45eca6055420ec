"""What can be asked of a simulator in another process: one method a command, JSON in and out."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import fields
import json
from typing import TYPE_CHECKING, Any

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .faults import by
from .noise import ChainFaults
from .qr_image import read_qr

if TYPE_CHECKING:
    from .server import Simulator

type Json = Any
type Command = Callable[..., Json | Awaitable[Json]]


class UnknownCommand(Exception):
    """There is no such command."""


class Commands:
    """The control API; accounts are named by number, devices by their id."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    async def run(self, name: str, arguments: dict[str, Json]) -> Json:
        """Carry out one command; raises whatever goes wrong."""
        command = getattr(self, f"do_{name}", None)
        if command is None:
            raise UnknownCommand(name)
        result = command(**arguments)
        return await result if isinstance(result, Awaitable) else result

    # --- accounts and devices

    def do_settings(self) -> Json:
        """Where clients find this server, and what they have to trust."""
        return json.loads(self._sim.settings_json())

    def do_add_account(self, number: str, name: str | None = None) -> Json:
        """Make an account with a phone."""
        return self._describe(self._sim.add_account(number, name))

    def do_accounts(self) -> Json:
        """Every account with its devices."""
        return [self._describe(account) for account in self._sim.directory]

    def do_codes(self) -> Json:
        """How many clients show a code now."""
        return len(self._sim.pairing.registrations)

    async def do_wait_code(self, timeout: float = 20) -> None:
        """Wait until a client shows a code."""
        await self._sim.ledger.until(lambda: bool(self._sim.pairing.registrations), timeout=timeout)

    async def do_scan(self, number: str, qr: str, timeout: float = 20) -> Json:
        """Scan a code with an account's phone; return the linked device's id."""
        device = await self._account(number).phone.scan(qr, timeout=timeout)
        return {"device": device.id, "jid": str(device.jid(lid=False))}

    async def do_scan_picture(self, number: str, picture: str, timeout: float = 20) -> Json:
        """Scan a code out of a picture, given as base64 or a `data:` URI."""
        data = base64.b64decode(picture.rpartition(",")[2])
        text = await asyncio.to_thread(read_qr, data)
        return await self.do_scan(number, text, timeout)

    async def do_enter_code(self, number: str, code: str, timeout: float = 20) -> Json:
        """Type a code into an account's phone; return the linked device's id."""
        device = await self._account(number).phone.enter_code(code, timeout=timeout)
        return {"device": device.id, "jid": str(device.jid(lid=False))}

    def do_unlink(self, number: str, device: int) -> None:
        """Remove a linked device on the phone."""
        self._account(number).phone.unlink(self._device(number, device))

    def do_reinstall(self, number: str) -> None:
        """Install the phone's app anew."""
        self._account(number).phone.reinstall()

    # --- messages

    async def do_send_text(self, number: str, to: str, text: str, lid: bool | None = None) -> Json:
        """Write a message on a phone; return its id."""
        stanza_id = await self._account(number).phone.send_text(to, text, lid=lid)
        return {"id": stanza_id}

    def do_messages(self, number: str, since: int = 0) -> Json:
        """A phone's messages from the `since`-th on."""
        return [one.as_dict() for one in self._account(number).phone.messages[since:]]

    async def do_wait_message(self, number: str, text: str, timeout: float = 20) -> Json:
        """Wait for a text on a phone."""
        phone = self._account(number).phone
        return (await phone.wait_message(text, timeout=timeout)).as_dict()

    def do_receipts(self, number: str) -> Json:
        """The receipts a phone got."""
        return [
            {"ids": list(one.ids), "sender": str(one.sender), "type": one.type}
            for one in self._account(number).phone.receipts
        ]

    def do_mark_read(self, number: str, stanza_id: str) -> None:
        """Read a message on a phone."""
        phone = self._account(number).phone
        phone.mark_read(next(one for one in phone.messages if one.id == stanza_id))

    # --- people

    def do_call(self, number: str, to: str, video: bool = False) -> Json:
        """Call somebody with a phone; return the call's id."""
        call_id = self._account(number).phone.calls.ring(self._account(to), video=video)
        return {"call_id": call_id}

    def do_hang_up_call(self, number: str, to: str, call_id: str, reason: str = "timeout") -> None:
        """End a call that a phone made."""
        self._account(number).phone.calls.hang_up(self._account(to), call_id, reason)

    def do_appear(self, number: str, online: bool = True) -> None:
        """Take a phone into the hand, or put it away."""
        self._sim.presence.appear(self._account(number), online=online)

    def do_set_about(self, number: str, text: str) -> None:
        """Change an about text."""
        self._sim.people.set_about(self._account(number), text)

    # --- what the server saw

    def do_unacked(self, number: str, device: int) -> Json:
        """What a device was sent and has not answered."""
        nodes = self._sim.unacked(self._device(number, device))
        return [{"tag": node.tag, "id": node.attr("id")} for node in nodes]

    async def do_settled(self, timeout: float = 20) -> None:
        """Wait until every connected device has answered everything."""
        await self._sim.settled(timeout=timeout)

    async def do_wait_connected(self, number: str, device: int, timeout: float = 20) -> None:
        """Wait until a device is connected and has its backlog."""
        target = self._device(number, device)
        await self._sim.ledger.until(lambda: self._sim.connected(target), timeout=timeout)

    def do_ledger(self) -> Json:
        """Broken rules and counts."""
        ledger = self._sim.ledger
        return {
            "violations": ledger.violations,
            "malformed": ledger.malformed,
            "nacks": ledger.nacks,
            "counts": dict(ledger.counts),
            "ciphertexts": ledger.ciphertexts,
            "resent_unchanged": ledger.resent_unchanged,
        }

    # --- faults

    def do_fault(
        self,
        action: str,
        tag: str | None = None,
        attributes: dict[str, str] | None = None,
        direction: str = "to_client",
        count: int = 1,
        seconds: float = 0,
        device: list[Json] | None = None,
    ) -> None:
        """Do something to the next stanzas that match (see `Faults.add`)."""
        self._sim.faults.add(
            action,  # type: ignore[arg-type]
            by(tag, **(attributes or {})),
            direction=direction,  # type: ignore[arg-type]
            count=count,
            seconds=seconds,
            device=self._device(*device) if device else None,
        )

    def do_once(self, name: str, count: int = 1) -> None:
        """Arm a named fault."""
        self._sim.faults.once(name, count)

    def do_clear_faults(self) -> None:
        """Take all faults back."""
        self._sim.faults.clear()

    def do_fail_login(
        self,
        reason: str,
        attributes: dict[str, str] | None = None,
        number: str | None = None,
        device: int | None = None,
    ) -> None:
        """Refuse the next login."""
        target: Device | Account | None = None
        if number is not None:
            target = self._account(number) if device is None else self._device(number, device)
        self._sim.faults.fail_login(reason, target=target, **(attributes or {}))

    def do_close(self, number: str, device: int, code: str = "", child: str | None = None) -> None:
        """End a device's stream with a code, a child, or both."""
        children = [Node(child)] if child else []
        self._sim.faults.close(self._device(number, device), code, *children)

    def do_hang_up(self, number: str, device: int) -> None:
        """Close a device's socket without a word."""
        self._sim.faults.hang_up(self._device(number, device))

    def do_cut(self, number: str, device: int) -> None:
        """Abort a device's connection."""
        self._sim.faults.cut(self._device(number, device))

    def do_silence(self, number: str, device: int) -> None:
        """Make a device's connection half-open."""
        self._sim.faults.silence(self._device(number, device))

    def do_garbage(self, number: str, device: int, sealed: bool = True) -> None:
        """Send a device a frame of noise."""
        self._sim.faults.garbage(self._device(number, device), sealed=sealed)

    def do_ping(self, number: str, device: int) -> Json:
        """Ping a device; return the id of the request."""
        return {"id": self._sim.faults.ping(self._device(number, device))}

    def do_companion_reg_refresh(self) -> None:
        """Retire the secret of every code that is shown."""
        for registration in self._sim.pairing.registrations:
            self._sim.faults.companion_reg_refresh(registration.session)

    def do_passkey_prologue_request(self) -> None:
        """Ask every client that shows a code for a passkey."""
        for registration in self._sim.pairing.registrations:
            self._sim.faults.passkey_prologue_request(registration.session)

    def do_prekeys_low(self, number: str, device: int) -> None:
        """Tell a device that its one-time keys run low."""
        self._sim.notices.prekeys_low(self._device(number, device))

    def do_identity_changed(self, number: str) -> None:
        """Tell who knows an account that its identity changed."""
        self._sim.notices.identity_changed(self._account(number))

    def do_minimum_version(self, version: str) -> None:
        """Refuse clients older than `2.3000.N`."""
        first, second, third = map(int, version.split("."))
        self._sim.minimum_version = (first, second, third)

    def do_chain(self, **faults: bool) -> None:
        """Show a certificate chain with these faults, or a good one with none."""
        known = {one.name for one in fields(ChainFaults)}
        if not known.issuperset(faults):
            raise ValueError(f"known faults: {sorted(known)}")
        self._sim.faults.chain = ChainFaults(**faults) if faults else None

    def do_refuse_upgrade(self, status: int | None = None) -> None:
        """Refuse WebSocket upgrades with an HTTP status, or no more."""
        self._sim.faults.refuse_upgrade = status

    # --- small things

    def _account(self, number: str) -> Account:
        account = self._sim.directory.find_number(number)
        if account is None:
            raise ValueError(f"no account {number}")
        return account

    def _device(self, number: str, device: int) -> Device:
        found = self._account(number).devices.get(device)
        if found is None:
            raise ValueError(f"{number} has no device {device}")
        return found

    def _describe(self, account: Account) -> Json:
        return {
            "number": account.number,
            "lid": account.lid,
            "name": account.name,
            "devices": [
                {
                    "id": device.id,
                    "os": device.os_name,
                    "connected": self._sim.connected(device),
                    "waiting": len(device.mailbox),
                    "one_time_keys": len(device.keys.one_time),
                    "logins": device.logins,
                }
                for device in account.devices.values()
            ],
        }
