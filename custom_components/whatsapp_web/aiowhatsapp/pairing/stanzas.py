"""The stanzas that link this device by a scanned code.

```
<- <iq type="set" from="s.whatsapp.net" xmlns="md"><pair-device><ref>..</ref>..</pair-device></iq>
-> <iq type="result" to="s.whatsapp.net" id/>
<- <notification type="companion_reg_refresh" from="s.whatsapp.net">
     <companion_reg_refresh/> or <pair-device-rotate-qr/></notification>
<- <iq type="set" from="s.whatsapp.net"><pair-success><device-identity>..</device-identity>
     <device jid lid/><platform name/>{<biz name/>}{<client-props>..</client-props>}
   </pair-success></iq>
-> <iq type="result" to id><pair-device-sign><device-identity key-index>..</device-identity>
   </pair-device-sign></iq>
```
"""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from ..errors import RemoteProtocolError
from ..jid import SERVER_JID, Jid
from ..proto import wire
from ..wabinary.node import Node
from .adv import AdvRejected, PairedIdentity

REFRESH_NOTIFICATION: Final = "companion_reg_refresh"
_REFRESH_CHILDREN: Final = ("companion_reg_refresh", "pair-device-rotate-qr")
# Six refs of some hundred bytes come; a QR code can't hold more than 2953 bytes anyway.
_MAX_REFS: Final = 32
_MAX_REF: Final = 1024
_MAX_NAME: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSuccess:
    """The phone agreed: its proof, and who we are from now on."""

    device_identity: bytes
    """An ADVSignedDeviceIdentityHMAC, not checked yet."""
    jid: Jid
    lid: Jid
    platform: str
    business_name: str | None
    lid_migrated: bool


def parse_refs(node: Node) -> list[str]:
    """Read the refs of a `<pair-device>`.

    Raises `RemoteProtocolError` when there is none, or one can't be in a code.
    """
    refs = []
    for child in node.children("ref")[:_MAX_REFS]:
        try:
            ref = child.data.decode()
        except UnicodeDecodeError as err:
            raise RemoteProtocolError("A pairing ref is no text") from err
        if not 0 < len(ref) <= _MAX_REF or "," in ref or not ref.isprintable():
            raise RemoteProtocolError("A pairing ref can't be in a code")
        refs.append(ref)
    if not refs:
        raise RemoteProtocolError("The server gave no pairing refs")
    return refs


def parse_pair_success(node: Node) -> PairSuccess:
    """Read a `<pair-success>`.

    Raises `AdvRejected` without the proof, and `AttributeMissing` without our addresses.
    """
    identity = node.child("device-identity")
    if identity is None or not identity.data:
        raise AdvRejected(500, "internal-error")
    device = node.required_child("device")
    jid, lid = device.required_jid("jid"), device.required_jid("lid")
    if not jid.is_phone_number or not jid.user.isdecimal() or not lid.is_lid or not jid.device:
        raise AdvRejected(500, "internal-error")
    platform, business = node.child("platform"), node.child("biz")
    name = business.attr("name") if business is not None else None
    return PairSuccess(
        device_identity=identity.data,
        jid=jid,
        # Both are one device; the number may be written once.
        lid=lid if lid.device else lid.with_device(jid.device),
        platform=((platform.attr("name") if platform else None) or "")[:_MAX_NAME],
        business_name=name[:_MAX_NAME] if name else None,
        lid_migrated=_lid_migrated(node.child("client-props")),
    )


def _lid_migrated(node: Node | None) -> bool:
    """Tell whether the account's chats are addressed by LID; malformed says nothing."""
    if node is None:
        return False
    try:
        return wire.ClientPairingProps.FromString(node.data).isChatDbLidMigrated
    except ProtobufError:
        return False


def is_refresh(node: Node) -> bool:
    """Tell whether a notification of that type retires the secret of the shown code."""
    return any(node.child(tag) is not None for tag in _REFRESH_CHILDREN)


def build_result(request_id: str) -> Node:
    """Build the plain answer to a request of the server."""
    return Node("iq", {"to": SERVER_JID, "type": "result", "id": request_id})


def build_device_sign(request_id: str, identity: PairedIdentity) -> Node:
    """Build our part of the proof, the answer to a pair-success."""
    signed = Node("device-identity", {"key-index": str(identity.key_index)}, identity.reply)
    sign = Node("pair-device-sign", {}, [signed])
    return Node("iq", {"to": SERVER_JID, "type": "result", "id": request_id}, [sign])


def build_error(request_id: str, code: int, text: str) -> Node:
    """Build the answer to a request that we refuse."""
    error = Node("error", {"code": str(code), "text": text})
    return Node("iq", {"to": SERVER_JID, "type": "error", "id": request_id}, [error])
