"""What a retry receipt must carry; the keys in it are as good as a bundle's."""

from collections.abc import Iterator

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device
from .keyshelf import KEY_TYPE, KeysRefused, read_one_time_key, read_signed_key


def check(device: Device, node: Node) -> Iterator[str]:
    """Yield what is wrong with a device's retry receipt; note the one-time key it gives away."""
    try:
        retry = node.required_child("retry")
        count = retry.required_int("count")
        if retry.attr("id") != node.attr("id") or retry.attr("v") != "1":
            yield "the inner element names another message or version"
        registration = node.required_child("registration").required_data(4)
        if int.from_bytes(registration, "big") != device.registration_id:
            yield "another registration id than was linked"
        keys = node.child("keys")
        if keys is not None:
            yield from _check_keys(device, keys)
        elif count > 1:
            yield "no keys although asked before"
    except (AttributeMissing, KeysRefused) as err:
        yield str(err)


def _check_keys(device: Device, keys: Node) -> Iterator[str]:
    if keys.required_child("type").required_data() != KEY_TYPE:
        yield "wrong key type"
    if keys.required_child("identity").required_data(32) != device.identity_public:
        yield "another identity than was linked"
    signed = read_signed_key(keys.required_child("skey"))
    message = KEY_TYPE + signed.public
    if not curve25519.verify(device.identity_public, message, signed.signature):
        yield "the signed prekey does not verify"
    key_id, public = read_one_time_key(keys.required_child("key"))
    shelf = device.keys
    if key_id in shelf.one_time:
        yield f"one-time key {key_id} is still on offer to others"
    if key_id in shelf.handed_out or shelf.seen.get(key_id, public) != public:
        yield f"one-time key {key_id} was used before"
    shelf.seen[key_id] = public
    shelf.handed_out[key_id] = "retry receipt"
    if device.id and keys.child("device-identity") is None:
        yield "keys without device-identity"
