"""libsignal's JavaScript and Baileys' codecs as plain calls, for known answers made live.

Keys are 32 bytes without a type byte. An address is text, "name.device".
"""

from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass
import os
import select
import signal
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Literal, Self

from .jsonlines import dump_line, load_line
from .node import FOLDER, find_node

type MessageType = Literal["pkmsg", "msg"]
type Content = str | bytes | list[OracleNode] | None

PATIENCE = 20.0


class OracleError(Exception):
    """The library refused; the message is its own."""


class OracleDied(Exception):
    """The process ended or fell silent; says what it wrote on standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPairBytes:
    private: bytes
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What the server gives out of one device; `pre_key` is absent when none is left."""

    registration_id: int
    identity: bytes
    signed_pre_key_id: int
    signed_pre_key: bytes
    signature: bytes
    pre_key_id: int | None = None
    pre_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a conversation, whose secrets stay in the process."""

    number: int
    bundle: Bundle
    pre_keys: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    type: MessageType
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleNode:
    """A stanza as Baileys sees it."""

    tag: str
    attrs: Mapping[str, str]
    content: Content = None


class Script:
    """A script of this folder as a process; calls are answered one after another.

    `command` is run instead of Node, by something that speaks the same lines.
    """

    def __init__(
        self,
        name: str,
        *,
        patience: float = PATIENCE,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._patience = patience
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            command or [find_node(), str(FOLDER / name)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._pending = b""
        self._count = 0
        self._read()  # the `ready` event

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Run one command; raises OracleError with the library's own words."""
        assert self._process.stdin is not None
        self._count += 1
        self._process.stdin.write(dump_line({"id": self._count, "command": name, **arguments}))
        self._process.stdin.flush()
        answer = self._read()
        if not answer["ok"]:
            raise OracleError(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._pending:
            ready, _, _ = select.select([pipe], [], [], self._patience)
            chunk = os.read(pipe, 1 << 16) if ready else b""
            if not chunk:
                self._errors.seek(0)
                raise OracleDied(self._errors.read().decode(errors="replace") or "no answer")
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return load_line(line)


class Oracle(Script):
    """The primitives, typed."""

    def __init__(self) -> None:
        super().__init__("signal_oracle.mjs")

    # --- Curve25519 ---

    def curve_generate(self) -> KeyPairBytes:
        pair = self.call("curve_generate")
        return KeyPairBytes(private=pair["private"], public=pair["public"])

    def curve_agree(self, private: bytes, public: bytes) -> bytes:
        return self._bytes("curve_agree", "shared", private=private, public=public)

    def curve_sign(self, private: bytes, message: bytes) -> bytes:
        return self._bytes("curve_sign", "signature", private=private, message=message)

    def curve_verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        arguments = {"public": public, "message": message, "signature": signature}
        return bool(self.call("curve_verify", **arguments)["valid"])

    def hkdf(self, key: bytes, length: int, *, salt: bytes | None = None, info: str = "") -> bytes:
        return self._bytes("hkdf", "output", key=key, length=length, salt=salt, info=info)

    # --- sessions ---

    def create_party(self, *, registration_id: int | None = None, pre_keys: int = 1) -> Party:
        """Make an identity with a signed prekey and `pre_keys` one-time keys, ids from 1."""
        made = self.call("party_create", registration_id=registration_id, pre_keys=pre_keys)
        one_time = {each["id"]: each["key"] for each in made["pre_keys"]}
        first = next(iter(one_time), None)
        return Party(
            number=made["party"],
            bundle=Bundle(
                registration_id=made["registration_id"],
                identity=made["identity"],
                signed_pre_key_id=made["signed_pre_key_id"],
                signed_pre_key=made["signed_pre_key"],
                signature=made["signature"],
                pre_key_id=first,
                pre_key=None if first is None else one_time[first],
            ),
            pre_keys=one_time,
        )

    def process_bundle(self, party: Party, address: str, bundle: Bundle) -> None:
        """Start an outgoing session. libsignal's JavaScript does not check the signature."""
        fields = {name: getattr(bundle, name) for name in Bundle.__slots__}
        self.call("session_process_bundle", party=party.number, address=address, bundle=fields)

    def encrypt(self, party: Party, address: str, plaintext: bytes) -> Ciphertext:
        made = self.call(
            "session_encrypt", party=party.number, address=address, plaintext=plaintext
        )
        return Ciphertext(type=made["type"], body=made["ciphertext"])

    def decrypt(self, party: Party, address: str, message: Ciphertext) -> bytes:
        arguments = {"address": address, "type": message.type, "ciphertext": message.body}
        return self._bytes("session_decrypt", "plaintext", party=party.number, **arguments)

    def delete_session(self, party: Party, address: str) -> None:
        self.call("session_delete", party=party.number, address=address)

    # --- sender keys ---

    def create_sender_key(self, party: Party, group: str, sender: str) -> bytes:
        """Give the distribution message of the current state, made at the first call."""
        return self._group("sender_key_create", "distribution", party, group, sender)

    def process_distribution(
        self, party: Party, group: str, sender: str, distribution: bytes
    ) -> None:
        arguments = {"group": group, "sender": sender, "distribution": distribution}
        self.call("sender_key_process", party=party.number, **arguments)

    def group_encrypt(self, party: Party, group: str, sender: str, plaintext: bytes) -> bytes:
        return self._group(
            "sender_key_encrypt", "ciphertext", party, group, sender, plaintext=plaintext
        )

    def group_decrypt(self, party: Party, group: str, sender: str, ciphertext: bytes) -> bytes:
        return self._group(
            "sender_key_decrypt", "plaintext", party, group, sender, ciphertext=ciphertext
        )

    # --- codecs ---

    def encode_node(self, node: OracleNode) -> bytes:
        """Give the frame, its flag byte included."""
        return self._bytes("encode_node", "frame", node=plain_node(node))

    def decode_node(self, frame: bytes) -> OracleNode:
        return _node(self.call("decode_node", frame=frame)["node"])

    def encode_message(self, content: Mapping[str, Any]) -> bytes:
        """Give the protobuf bytes of a Message from its fields."""
        return self._bytes("encode_message", "bytes", content=content)

    def decode_message(self, encoded: bytes) -> dict[str, Any]:
        return dict(self.call("decode_message", bytes=encoded)["content"])

    def pad_message(self, content: Mapping[str, Any]) -> bytes:
        """Give the padded bytes of a Message, as they go into a ciphertext."""
        return self._bytes("pad_message", "padded", content=content)

    def unpad(self, padded: bytes) -> bytes:
        return self._bytes("unpad", "bytes", padded=padded)

    def participant_hash(self, jids: Sequence[str]) -> str:
        return str(self.call("participant_hash", jids=list(jids))["phash"])

    def pairing_qr(
        self, ref: str, *, noise_key: bytes, identity_key: bytes, adv_secret: bytes
    ) -> str:
        """Give the text of the QR code of a Chrome companion."""
        keys = {"noise_key": noise_key, "identity_key": identity_key, "adv_secret": adv_secret}
        return str(self.call("pairing_qr", ref=ref, **keys)["qr"])

    def _bytes(self, name: str, field: str, /, **arguments: Any) -> bytes:
        return bytes(self.call(name, **arguments)[field])

    def _group(
        self, name: str, field: str, party: Party, group: str, sender: str, **arguments: bytes
    ) -> bytes:
        result = self.call(name, party=party.number, group=group, sender=sender, **arguments)
        return bytes(result[field])


def plain_node(node: OracleNode) -> dict[str, Any]:
    plain: dict[str, Any] = {"tag": node.tag, "attrs": dict(node.attrs)}
    if isinstance(node.content, list):
        plain["content"] = [plain_node(child) for child in node.content]
    elif node.content is not None:
        plain["content"] = node.content
    return plain


def _node(plain: Mapping[str, Any]) -> OracleNode:
    content = plain.get("content")
    if isinstance(content, list):
        content = [_node(child) for child in content]
    return OracleNode(tag=plain["tag"], attrs=plain["attrs"], content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedState:
    """What Baileys makes of a collection: every MAC of it verified."""

    version: int
    hash: bytes
    mutations: list[dict[str, Any]]
    patch: bytes | None = None


class AppStateOracle(Script):
    """Baileys' app state. It keeps the collections that it reads and writes."""

    def __init__(self) -> None:
        super().__init__("app_state_oracle.mjs")

    def share_key(self, key_id: bytes, key_data: bytes) -> None:
        self.call("share_key", key_id=key_id, key_data=key_data)

    def expand(self, key_data: bytes) -> dict[str, bytes]:
        return dict(self.call("expand", key_data=key_data))

    def lthash(self, current: bytes, removed: list[bytes], added: list[bytes]) -> bytes:
        return bytes(self.call("lthash", hash=current, removed=removed, added=added)["hash"])

    def encode(
        self,
        collection: str,
        key_id: bytes,
        index: list[str],
        value: Mapping[str, Any],
        *,
        version: int = 1,
        remove: bool = False,
    ) -> SyncedState:
        arguments = {"key_id": key_id, "index": index, "value": value, "version": version}
        return _synced(self.call("encode", collection=collection, remove=remove, **arguments))

    def decode(self, collection: str, patch: bytes) -> SyncedState:
        """Read the next patch; raises OracleError when anything of it does not verify."""
        return _synced(self.call("decode", collection=collection, patch=patch))

    def decode_snapshot(self, collection: str, snapshot: bytes) -> SyncedState:
        return _synced(self.call("decode_snapshot", collection=collection, snapshot=snapshot))

    def reset(self) -> None:
        """Forget all collections, not the keys."""
        self.call("reset")


def _synced(result: Mapping[str, Any]) -> SyncedState:
    return SyncedState(
        version=result["version"],
        hash=result["hash"],
        mutations=result["mutations"],
        patch=result.get("patch"),
    )
